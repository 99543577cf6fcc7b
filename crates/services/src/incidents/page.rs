//! The workspace of one incident.

use std::cmp::Reverse;
use std::collections::HashMap;

use drift_domain::change::{ChangeState, DecisionKind};
use drift_domain::ids::{ChangeId, IncidentId};
use drift_domain::incident::{IncidentStatus, ticket};
use drift_domain::plan::Lifecycle;
use drift_domain::views::{
    ArtifactView, ChangePage, IncidentChange, IncidentPage, PersonView, ReceiptView, StepView, TicketView,
};
use drift_store::artifacts::ArtifactRecord;
use drift_store::changes::{ChangeRecord, Which};
use drift_store::closings::Receipt;
use drift_store::incidents::IncidentRecord;
use drift_store::people::Member;
use drift_store::{
    PgConnection, artifacts, changes, closings, environments, events, incident_settings, incidents, overrides, people,
    workflows,
};
use serde_json::Value;

use super::create::ANCESTORS;
use super::{acts, close, extend, found, guard, list, settings, timeline};
use crate::Services;
use crate::drift::{Rows, by_severity, change_page, diff_access};
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Permit, cap};
use crate::policies::holding::holding;
use crate::{reconcile, views};

/// Entries of the timeline that the workspace shows: the newest.
pub const TIMELINE_PAGE: usize = 100;

impl Services {
    /// The workspace of an incident.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when the caller's organization has no such incident.
    pub async fn incident(&self, permit: &Permit<cap::Incidents>, id: IncidentId) -> ServiceResult<IncidentPage> {
        let (organization, caller, now) = (permit.organization(), permit.caller(), self.clock.now());
        let mut db = self.tenant(organization).await?;
        let record = found(&mut db, organization, id).await?;
        let environment = environments::get(&mut db, organization, record.environment_id()).await?;
        let environment = environment.ok_or(ServiceError::NotFound("environment"))?;
        let overridden = overrides::newest(&mut db, organization, environment.id, now).await?;
        let all = of_incident(&mut db, &record, organization).await?;
        let rows = Rows::new(&record.plan, &ranked(&all), overridden);
        let tries = artifacts::of_incident(&mut db, organization, id).await?;
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
            changes: shown(&record, &all, &rows, &tries),
            diff_access: diff_access(&record.plan),
            ambiguities: workflows::ambiguities(&mut db, organization, environment.id).await?,
            timeline: timeline::entries(entries, &members),
            actions: guard::actions(caller, &record, &missing, closing.as_ref(), policy.as_ref(), now),
            closing: closing.map(close::view),
            receipt: receipt.map(receipt_view),
            ancestors: ancestors.iter().map(list::row).collect(),
            assignable: assignable(&members),
            reconciliations: reconcile::of_incident(&mut db, organization, id).await?,
            to_carry_out: reconcile::ready(&mut db, organization, &all).await?,
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
        let all = of_incident(&mut db, &record, organization).await?;
        let wanted = all.iter().find(|c| c.id == change).cloned().ok_or(ServiceError::NotFound("change"))?;
        let overridden = overrides::newest(&mut db, organization, environment.id, self.clock.now()).await?;
        let rows = Rows::new(&record.plan, &ranked(&all), overridden);
        change_page(&mut db, permit.caller(), &environment, wanted, &rows).await
    }
}

async fn of_incident(
    db: &mut PgConnection,
    record: &IncidentRecord,
    organization: drift_domain::ids::OrganizationId,
) -> ServiceResult<Vec<ChangeRecord>> {
    let which = Which::OfIncident(record.id());
    Ok(changes::list(db, organization, record.environment_id(), which, i64::MAX).await?)
}

/// The changes that a limited plan's diffs are counted by: superseded ones are part of those that carry them.
fn ranked(all: &[ChangeRecord]) -> Vec<ChangeRecord> {
    by_severity(all.iter().filter(|change| change.state != ChangeState::Superseded).cloned().collect())
}

/// Those that wait, then those that are decided, then superseded ones; most severe first.
fn shown(
    incident: &IncidentRecord,
    all: &[ChangeRecord],
    rows: &Rows<'_>,
    tries: &[ArtifactRecord],
) -> Vec<IncidentChange> {
    let mut by_change: HashMap<ChangeId, Vec<ArtifactView>> = HashMap::new();
    for artifact in tries {
        by_change.entry(artifact.change).or_default().push(artifact_view(artifact));
    }
    let mut sorted: Vec<&ChangeRecord> = all.iter().collect();
    let place = |state| match state {
        ChangeState::Open | ChangeState::Vanished => 0,
        ChangeState::Decided => 1,
        ChangeState::Superseded => 2,
    };
    sorted.sort_by_key(|c| (place(c.state), Reverse(c.severity), Reverse(c.first_seen_at), Reverse(c.id)));
    let stabilized_at = incident.times().stabilized_at;
    let closed = incident.status() == IncidentStatus::Closed;
    sorted
        .into_iter()
        .map(|change| IncidentChange {
            row: rows.row(change),
            artifacts: by_change.remove(&change.id).unwrap_or_default(),
            new_since_stabilized: stabilized_at.is_some_and(|at| change.first_seen_at > at),
            choices: if closed { Vec::new() } else { choices(change) },
        })
        .collect()
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
