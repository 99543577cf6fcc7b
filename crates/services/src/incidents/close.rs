//! Closing an incident. Asking begins a check of the closing's own; that check closes the incident or refuses it, in the
//! transaction that records it. There is no other way, and no `force`.

use chrono::{DateTime, Utc};
use drift_domain::check::CheckTrigger;
use drift_domain::failure::{Failure, Side};
use drift_domain::ids::{CheckId, ClosingId, IncidentId};
use drift_domain::incident::{
    AnyIncident, ClosingState, GoodLook, InSync, Incident, IncidentStatus, Settled, Unsettled, step,
};
use drift_domain::views::{ClosingView, PersonView};
use drift_policy::Ask;
use drift_store::changes::Which;
use drift_store::closings::ClosingRecord;
use drift_store::environments::EnvironmentRecord;
use drift_store::events::NewEvent;
use drift_store::incidents::IncidentRecord;
use drift_store::{PgConnection, StoreError, changes, closings, environments, incidents, standings};
use serde_json::json;
use uuid::Uuid;

use super::create::NAMED;
use super::joining::Seen;
use super::{append, found, guard, receipt};
use crate::Services;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Permit, cap};

/// Why a closing is over whose check was never heard of again.
const LOST: &str =
    "The check that the closing began was lost, for example by a restart. Nothing was changed; ask again.";

impl Services {
    /// Asks to close an incident: begins a check of the closing's own, which closes it or refuses.
    ///
    /// # Errors
    /// [`ServiceError::Stale`]; [`ServiceError::Conflict`] that says what is missing, or that a closing is going on.
    pub async fn request_close(
        &self,
        permit: &Permit<cap::Lifecycle>,
        id: IncidentId,
        seen: i64,
    ) -> ServiceResult<ClosingView> {
        let mut act = self.act(permit, id, Some(seen)).await?;
        let newest = closings::newest(&mut act.tx, act.organization, id).await?;
        let environment = environments::get(&mut act.tx, act.organization, act.environment).await?;
        let environment = environment.ok_or(ServiceError::NotFound("environment"))?;
        let missing = match act.status() {
            IncidentStatus::Reconciled | IncidentStatus::Closed => Vec::new(),
            _ => {
                let (incident, now) = (&act.incident, act.now);
                let proofs = guard::proofs(&mut act.tx, act.organization, incident, &environment, now).await?;
                proofs.err().unwrap_or_default()
            }
        };
        if let Some(refusal) = guard::close(act.status(), &missing, newest.as_ref(), act.now) {
            return Err(ServiceError::Conflict(refusal));
        }
        act.ask_policy(Ask::Close).await?;
        if let Some(lost) = newest.filter(|closing| closing.state == ClosingState::Checking) {
            closings::end(&mut act.tx, act.organization, lost.id, None, Some(LOST), act.now).await?;
            act.tell("incident.closing_refused", None, json!({ "why": LOST })).await?;
        }
        let closing = ClosingId(Uuid::now_v7());
        closings::begin(&mut act.tx, act.organization, act.environment, id, closing, act.by, act.now).await?;
        act.tell("incident.closing_asked", None, json!({})).await?;
        self.ask_for_check(&mut act.tx, act.environment, CheckTrigger::Closing, Some(act.by)).await?;
        let by = PersonView { id: act.by, name: permit.caller().name.clone() };
        let view = ClosingView { state: ClosingState::Checking, by, at: act.now, refused: None };
        self.acted(act, "incident.closing_asked").await?;
        Ok(view)
    }

    /// The closing of an incident that was asked for last, if anybody asked.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for an incident that is not the caller's.
    pub async fn closing(&self, permit: &Permit<cap::Incidents>, id: IncidentId) -> ServiceResult<Option<ClosingView>> {
        let mut db = self.tenant(permit.organization()).await?;
        found(&mut db, permit.organization(), id).await?;
        let newest = closings::newest(&mut db, permit.organization(), id).await?;
        Ok(newest.map(view))
    }

    /// Decides the closing that this check was begun for, if it was.
    pub(super) async fn decide_closing(&self, db: &mut PgConnection, seen: &Seen<'_>) -> Result<(), StoreError> {
        let environment = seen.environment;
        let Some(asked) = asked(db, environment, seen.check).await? else { return Ok(()) };
        let proven = prove(db, seen, &asked).await?;
        match proven {
            Ok((closed, in_sync)) => self.close(db, seen, &asked, closed, in_sync).await?,
            Err(why) => refuse(db, environment, &asked, Some(seen.check), &why, seen.now).await?,
        }
        self.announce(db, environment.organization_id, environment.id, "incident.closing_ended").await
    }

    /// A check failed: a closing that waited for it is refused, and nothing else changes.
    pub(crate) async fn refuse_unread(
        &self,
        db: &mut PgConnection,
        environment: &EnvironmentRecord,
        check: CheckId,
        failure: &Failure,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let Some(asked) = asked(db, environment, check).await? else { return Ok(()) };
        let side = match failure.side {
            Side::Live => "n8n",
            Side::Desired => "Git",
        };
        let why = format!("{side} could not be read, so nothing is proven: {}", failure.message);
        refuse(db, environment, &asked, Some(check), &why, now).await?;
        self.announce(db, environment.organization_id, environment.id, "incident.closing_ended").await
    }

    /// Keeps the receipt, and closes.
    async fn close(
        &self,
        db: &mut PgConnection,
        seen: &Seen<'_>,
        asked: &Asked,
        closed: Incident<step::Closed>,
        in_sync: InSync,
    ) -> Result<(), StoreError> {
        let (organization, environment) = (seen.environment.organization_id, seen.environment.id);
        let id = asked.incident.id();
        let facts =
            receipt::Facts { seen, incident: &asked.incident, closing: &asked.closing, begun_at: in_sync.begun_at() };
        let document = receipt::document(db, &facts).await?;
        let signed = receipt::sign(&document, self.secrets.receipt_seed()).map_err(StoreError::corrupt)?;
        let kept = closings::Receipt {
            check: in_sync.check(),
            document,
            digest: signed.digest,
            signature: signed.signature,
            public_key: signed.public_key,
        };
        closings::keep_receipt(db, organization, environment, id, &kept, seen.now).await?;
        incidents::step(db, organization, IncidentStatus::Reconciled, &closed.into(), seen.now).await?;
        closings::end(db, organization, asked.closing.id, Some(seen.check), None, seen.now).await?;
        let event = NewEvent {
            organization_id: organization,
            environment_id: Some(environment),
            change_id: None,
            kind: "incident.closed",
            actor: Some(asked.closing.by.0),
            data: json!({ "check": seen.check, "commit": seen.found.commit, "digest": hex::encode(kept.digest) }),
        };
        append(db, id, &event, seen.now).await
    }
}

/// A closing that waits for a check.
struct Asked {
    incident: IncidentRecord,
    closing: ClosingRecord,
    begun_at: DateTime<Utc>,
}

/// The closing that a check was begun for. A check that anything else began decides none.
async fn asked(
    db: &mut PgConnection,
    environment: &EnvironmentRecord,
    check: CheckId,
) -> Result<Option<Asked>, StoreError> {
    let organization = environment.organization_id;
    let Some((CheckTrigger::Closing, begun_at)) = closings::check(db, organization, check).await? else {
        return Ok(None);
    };
    let Some(incident) = incidents::open_of(db, organization, environment.id).await? else { return Ok(None) };
    let newest = closings::newest(db, organization, incident.id()).await?;
    let waiting = newest.filter(|closing| closing.state == ClosingState::Checking && closing.at <= begun_at);
    Ok(waiting.map(|closing| Asked { incident, closing, begun_at }))
}

/// Proves that the incident closes, or says why it does not.
async fn prove(
    db: &mut PgConnection,
    seen: &Seen<'_>,
    asked: &Asked,
) -> Result<Result<(Incident<step::Closed>, InSync), String>, StoreError> {
    let (organization, environment) = (seen.environment.organization_id, seen.environment.id);
    let look = GoodLook {
        environment,
        check: seen.check,
        begun_at: asked.begun_at,
        ended_at: seen.now,
        differing: u32::try_from(seen.found.differing).unwrap_or(u32::MAX),
    };
    let Ok(in_sync) = InSync::of(look) else {
        return Ok(Err(still_different(db, seen, asked).await?));
    };
    let changes = standings::standings(db, organization, asked.incident.id()).await?;
    let settled = match Settled::of(asked.incident.id(), &changes) {
        Ok(settled) => settled,
        Err(unsettled) => {
            let missing: Vec<_> = unsettled.iter().map(Unsettled::to_string).collect();
            return Ok(Err(format!("Not everything is decided. {}", missing.join(" "))));
        }
    };
    let AnyIncident::Reconciled(incident) = asked.incident.standing.clone() else {
        let status = asked.incident.status().label().to_lowercase();
        return Ok(Err(format!("The incident is {status} by now, and closes from reconciled.")));
    };
    let closed = incident.close(settled, in_sync, asked.closing.at, seen.now);
    Ok(closed.map(|closed| (closed, in_sync)).map_err(|refusal| refusal.to_string()))
}

/// Which workflows differ, in a sentence.
async fn still_different(db: &mut PgConnection, seen: &Seen<'_>, asked: &Asked) -> Result<String, StoreError> {
    let (organization, environment) = (seen.environment.organization_id, seen.environment.id);
    let which = Which::In(drift_domain::change::ChangeState::Open);
    let open = changes::list(db, organization, environment, which, i64::MAX).await?;
    let mut names: Vec<String> = open.iter().take(NAMED).map(|change| format!("“{}”", change.workflow)).collect();
    if open.len() > NAMED {
        names.push(format!("{} more", open.len() - NAMED));
    }
    let status = asked.incident.status().label().to_lowercase();
    Ok(format!(
        "Live and Git still differ at {}: {}. The incident is {status}; choose a path for what differs.",
        seen.found.commit.chars().take(10).collect::<String>(),
        names.join(", ")
    ))
}

async fn refuse(
    db: &mut PgConnection,
    environment: &EnvironmentRecord,
    asked: &Asked,
    check: Option<CheckId>,
    why: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let organization = environment.organization_id;
    closings::end(db, organization, asked.closing.id, check, Some(why), now).await?;
    let event = NewEvent {
        organization_id: organization,
        environment_id: Some(environment.id),
        change_id: None,
        kind: "incident.closing_refused",
        actor: None,
        data: json!({ "why": why, "asked_by": asked.closing.by.1 }),
    };
    append(db, asked.incident.id(), &event, now).await
}

/// A closing for a screen.
pub(super) fn view(closing: ClosingRecord) -> ClosingView {
    let (id, name) = closing.by;
    ClosingView { state: closing.state, by: PersonView { id, name }, at: closing.at, refused: closing.refusal }
}
