//! The workspace of one incident.

use std::collections::HashMap;

use drift_domain::change::{ChangeState, DecisionKind};
use drift_domain::ids::{ChangeId, IncidentId, OrganizationId};
use drift_domain::incident::{IncidentStatus, ticket};
use drift_domain::plan::{DiffLimit, Lifecycle};
use drift_domain::views::{
    ArtifactView, ChangeFilter, ChangeInIncident, ChangePage, IncidentChange, IncidentPage, ListedChanges, Part,
    PersonView, ReceiptView, StepView, TicketView,
};
use drift_store::artifacts::ArtifactRecord;
use drift_store::changes::{ChangeRecord, InIncident, Which};
use drift_store::closings::Receipt;
use drift_store::incidents::IncidentRecord;
use drift_store::people::Member;
use drift_store::viewed::Viewed;
use drift_store::{
    PgConnection, artifacts, changes, closings, environments, events, incident_settings, incidents, overrides, people,
    viewed, workflows,
};
use serde_json::Value;

use super::create::ANCESTORS;
use super::{acts, close, extend, found, guard, list, settings, timeline};
use crate::Services;
use crate::drift::{Rows, change_page, diff_access};
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Caller, Permit, cap};
use crate::policies::holding::holding;
use crate::{reconcile, views};

/// Entries of the timeline that the workspace shows: the newest.
pub const TIMELINE_PAGE: usize = 100;

impl Services {
    /// The workspace of an incident, with the first page of its changes.
    ///
    /// # Errors
    /// As for [`Services::incident_part`].
    pub async fn incident(&self, permit: &Permit<cap::Incidents>, id: IncidentId) -> ServiceResult<IncidentPage> {
        self.incident_part(permit, id, &Part::default()).await
    }

    /// The workspace of an incident, with a part of its changes.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when the caller's organization has no such incident; [`ServiceError::Invalid`] when the part
    /// begins where none ended.
    pub async fn incident_part(
        &self,
        permit: &Permit<cap::Incidents>,
        id: IncidentId,
        part: &Part,
    ) -> ServiceResult<IncidentPage> {
        let (organization, caller, now) = (permit.organization(), permit.caller(), self.clock.now());
        let mut db = self.tenant(organization).await?;
        let record = found(&mut db, organization, id).await?;
        let environment = environments::get(&mut db, organization, record.environment_id()).await?;
        let environment = environment.ok_or(ServiceError::NotFound("environment"))?;
        let overridden = overrides::newest(&mut db, organization, environment.id, now).await?;
        let rows = Rows::new(&record.plan, openable(&mut db, organization, &record).await?, overridden);
        let (changes, listed) = listed(&mut db, caller, &record, &rows, part).await?;
        let proofs = guard::proofs(&mut db, organization, &record, &environment, now).await?;
        let missing = proofs.err().unwrap_or_default();
        let closing = closings::newest(&mut db, organization, id).await?;
        let members = people::members(&mut db, organization).await?;
        let entries = events::timeline(&mut db, organization, id, 0, None, TIMELINE_PAGE as i64).await?;
        let receipt = closings::receipt(&mut db, organization, id).await?;
        let ancestors = incidents::ancestors(&mut db, organization, &record, ANCESTORS).await?;
        let pattern = settings::pattern(&incident_settings::get(&mut db, organization).await?);
        let policy = holding(&mut db, organization, &record.plan, environment.id).await?;
        Ok(IncidentPage {
            row: list::row(&record),
            version: record.version,
            environment: views::environment_row(&environment, rows.running(), now),
            steps: steps(&record),
            lifecycle: record.plan.lifecycle(),
            plan: record.plan.tier(),
            reason: record.reason.clone(),
            ticket: record
                .ticket
                .as_ref()
                .map(|text| TicketView { url: ticket::link(text, pattern.as_ref()), text: text.clone() }),
            computed_severity: record.computed_severity,
            severity_reason: record.severity_reason.clone(),
            time: extend::view(&record),
            changes,
            listed,
            diff_access: diff_access(&record.plan),
            ambiguities: workflows::ambiguities(&mut db, organization, environment.id).await?,
            timeline: timeline::entries(entries, &members),
            actions: guard::actions(caller, &record, &missing, closing.as_ref(), policy.as_ref(), now),
            closing: closing.map(close::view),
            receipt: receipt.map(receipt_view),
            ancestors: ancestors.iter().map(list::row).collect(),
            assignable: assignable(&members),
            reconciliations: reconcile::of_incident(&mut db, organization, id).await?,
            to_carry_out: changes::ready(&mut db, organization, id).await?,
            carry_out_refused: reconcile::refused_to(caller, &record.plan),
        })
    }

    /// One change of an incident with its diff, as far as the incident's plan shows it.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when the caller's organization has no such incident, or it no such change.
    pub async fn incident_change(
        &self,
        permit: &Permit<cap::Incidents>,
        id: IncidentId,
        change: ChangeId,
    ) -> ServiceResult<ChangePage> {
        let organization = permit.organization();
        let mut db = self.tenant(organization).await?;
        let record = found(&mut db, organization, id).await?;
        let environment = crate::drift::environment_in(&mut db, organization, record.environment_id()).await?;
        let wanted = one(&mut db, organization, &record, change).await?;
        let overridden = overrides::newest(&mut db, organization, environment.id, self.clock.now()).await?;
        let rows = Rows::new(&record.plan, openable(&mut db, organization, &record).await?, overridden);
        change_page(&mut db, permit.caller(), &environment, wanted, &rows).await
    }

    /// How one change stands in its incident: what came of it, and which ones are around it.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when the caller's organization has no such incident, or it no such change.
    pub async fn change_in_incident(
        &self,
        permit: &Permit<cap::Incidents>,
        id: IncidentId,
        change: ChangeId,
    ) -> ServiceResult<ChangeInIncident> {
        let organization = permit.organization();
        let mut db = self.tenant(organization).await?;
        let record = found(&mut db, organization, id).await?;
        let wanted = one(&mut db, organization, &record, change).await?;
        let overridden = overrides::newest(&mut db, organization, record.environment_id(), self.clock.now()).await?;
        let rows = Rows::new(&record.plan, openable(&mut db, organization, &record).await?, overridden);
        let tries = artifacts::of_incident(&mut db, organization, id, Some(&[change])).await?;
        let around = changes::neighbours(&mut db, organization, id, change, rows.only()).await?;
        let around = around.filter(|_| rows.may_open(change));
        let ticks = ticks(&mut db, permit.caller(), &[change]).await?;
        let shown = shown(&record, std::slice::from_ref(&wanted), &rows, &tries, &ticks).pop();
        Ok(ChangeInIncident {
            change: shown.ok_or(ServiceError::NotFound("change"))?,
            previous: around.and_then(|around| around.previous),
            next: around.and_then(|around| around.next),
            place: around.map(|around| (around.at, around.of)),
        })
    }
}

/// One change of an incident.
pub(super) async fn one(
    db: &mut PgConnection,
    organization: OrganizationId,
    record: &IncidentRecord,
    change: ChangeId,
) -> ServiceResult<ChangeRecord> {
    let found = changes::list(db, organization, record.environment_id(), Which::One(change), 1).await?.pop();
    found.filter(|found| found.incident == Some(record.id())).ok_or(ServiceError::NotFound("change"))
}

/// The changes that a limited plan opens: superseded ones are part of those that carry them.
async fn openable(
    db: &mut PgConnection,
    organization: OrganizationId,
    record: &IncidentRecord,
) -> ServiceResult<Vec<ChangeId>> {
    match record.plan.diff_limit() {
        DiffLimit::Workflows(n) => Ok(changes::first_of_incident(db, organization, record.id(), n).await?),
        DiffLimit::None | DiffLimit::All => Ok(Vec::new()),
    }
}

/// A part of an incident's changes, and what holds of all of them.
async fn listed(
    db: &mut PgConnection,
    caller: &Caller,
    record: &IncidentRecord,
    rows: &Rows<'_>,
    part: &Part,
) -> ServiceResult<(Vec<IncidentChange>, ListedChanges)> {
    let organization = caller.organization_id;
    let after = part.after.as_deref().filter(|text| !text.is_empty()).map(read_place).transpose()?;
    let limit = part.limit.unwrap_or(ChangeFilter::PAGE).clamp(1, ChangeFilter::LARGEST_PAGE);
    let (mut places, all, behind) =
        changes::of_incident(db, organization, record.id(), after.as_ref(), limit + 1).await?;
    let more = places.len() > limit as usize;
    places.truncate(limit as usize);
    let ids: Vec<ChangeId> = places.iter().map(|place| place.id).collect();
    let read = changes::list(db, organization, record.environment_id(), Which::These(&ids), i64::from(limit)).await?;
    // In the order of their places, which is not the one that they are read in.
    let mut read: HashMap<ChangeId, ChangeRecord> = read.into_iter().map(|change| (change.id, change)).collect();
    let sorted: Vec<ChangeRecord> = ids.iter().filter_map(|id| read.remove(id)).collect();
    let tries = artifacts::of_incident(db, organization, record.id(), Some(&ids)).await?;
    let undecided = changes::undecided(db, organization, record.id()).await?;
    let fits = |kind: &DecisionKind| {
        *kind != DecisionKind::Override && undecided.vanished.iter().all(|cause| cause.accepts(*kind))
    };
    let listed = ListedChanges {
        all,
        earlier: all.saturating_sub(behind),
        next: places.last().filter(|_| more).map(place),
        waiting: undecided.count,
        fit_all: DecisionKind::ALL.iter().copied().filter(fits).collect(),
        viewed: viewed::count(db, organization, caller.user_id, record.id()).await?,
    };
    let ticks = ticks(db, caller, &ids).await?;
    Ok((shown(record, &sorted, rows, &tries, &ticks), listed))
}

/// What the caller has viewed of some changes.
async fn ticks(
    db: &mut PgConnection,
    caller: &Caller,
    changes: &[ChangeId],
) -> ServiceResult<HashMap<ChangeId, Viewed>> {
    let ticks = viewed::of_changes(db, caller.organization_id, caller.user_id, changes).await?;
    Ok(ticks.into_iter().collect())
}

/// A place as `after` has it: all that the order goes by, so that it holds when the change itself moves meanwhile.
fn place(place: &InIncident) -> String {
    let InIncident { part, severity, first_seen_at, id } = place;
    format!("{part}.{severity}.{}.{id}", first_seen_at.timestamp_micros())
}

fn read_place(text: &str) -> ServiceResult<InIncident> {
    let (part, place) = text.split_once('.').unwrap_or_default();
    let place = crate::changes::read_place(place)?;
    let part = part.parse().map_err(|_| crate::changes::no_place())?;
    Ok(InIncident { part, severity: place.severity, first_seen_at: place.first_seen_at, id: place.id })
}

/// Changes as an incident shows them, with what came of each.
fn shown(
    incident: &IncidentRecord,
    changes: &[ChangeRecord],
    rows: &Rows<'_>,
    tries: &[ArtifactRecord],
    ticks: &HashMap<ChangeId, Viewed>,
) -> Vec<IncidentChange> {
    let mut by_change: HashMap<ChangeId, Vec<ArtifactView>> = HashMap::new();
    for artifact in tries {
        by_change.entry(artifact.change).or_default().push(artifact_view(artifact));
    }
    let stabilized_at = incident.times().stabilized_at;
    let closed = incident.status() == IncidentStatus::Closed;
    let shown = |change: &ChangeRecord| IncidentChange {
        row: rows.row(change),
        artifacts: by_change.remove(&change.id).unwrap_or_default(),
        new_since_stabilized: stabilized_at.is_some_and(|at| change.first_seen_at > at),
        choices: if closed { Vec::new() } else { choices(change) },
        content: ticks.get(&change.id).map(|tick| tick.content.to_string()).unwrap_or_default(),
        // What is superseded has moved on.
        viewed: change.state != ChangeState::Superseded && ticks.get(&change.id).is_some_and(|tick| tick.viewed),
    };
    changes.iter().map(shown).collect()
}

/// The paths that fit a change now. An override is none: it resolves nothing.
fn choices(change: &ChangeRecord) -> Vec<DecisionKind> {
    let paths = DecisionKind::ALL.iter().copied().filter(|kind| *kind != DecisionKind::Override);
    match (change.state, change.vanished_cause) {
        (ChangeState::Open, _) => paths.collect(),
        (ChangeState::Vanished, Some(cause)) => paths.filter(|kind| cause.accepts(*kind)).collect(),
        _ => Vec::new(),
    }
}

fn artifact_view(artifact: &ArtifactRecord) -> ArtifactView {
    let external = match (&artifact.external_ref, &artifact.replacement) {
        (Some(external), _) => Some(external.clone()),
        (None, Some(replacement)) => Some(serde_json::json!({ "replacement": replacement })),
        (None, None) => None,
    };
    ArtifactView {
        id: artifact.id,
        change: artifact.change,
        kind: artifact.kind,
        state: artifact.state,
        by_hand: artifact.by_hand,
        reconciliation: artifact.reconciliation,
        reason: artifact.reason.clone(),
        by: PersonView { id: artifact.by.0, name: artifact.by.1.clone() },
        started_at: artifact.started_at,
        finished_at: artifact.finished_at,
        error: artifact.error.clone(),
        external,
    }
}

fn steps(record: &IncidentRecord) -> Vec<StepView> {
    let has =
        |status: &IncidentStatus| *status != IncidentStatus::Stabilized || record.plan.lifecycle() == Lifecycle::Full;
    let step =
        |status: IncidentStatus| StepView { status, at: record.times().of(status), current: status == record.status() };
    IncidentStatus::ALL.iter().copied().filter(has).map(step).collect()
}

fn assignable(members: &[Member]) -> Vec<PersonView> {
    let able = members.iter().filter(|member| member.role >= acts::OWNER);
    able.map(|member| PersonView { id: member.user_id, name: member.name.clone() }).collect()
}

/// A receipt for a screen, and for whoever verifies it.
fn receipt_view(receipt: Receipt) -> ReceiptView {
    let check = &receipt.document["check"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let at = |value: &Value| value.as_str().and_then(|text| text.parse().ok()).unwrap_or_default();
    ReceiptView {
        check: receipt.check,
        checked: (at(&check["begun_at"]), at(&check["ended_at"])),
        git_ref: text(&check["ref"]),
        git_commit: text(&check["commit"]),
        live_fingerprint: text(&check["live_fingerprint"]),
        desired_fingerprint: text(&check["desired_fingerprint"]),
        workflows: check["live_workflows"].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or_default(),
        digest: hex::encode(receipt.digest),
        signature: hex::encode(receipt.signature),
        public_key: hex::encode(receipt.public_key),
        document: receipt.document,
    }
}
