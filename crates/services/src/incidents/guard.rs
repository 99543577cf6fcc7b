//! What stands in the way of a step, in words: the same for the screen that explains and for the service that refuses.

use chrono::{DateTime, TimeDelta, Utc};
use drift_domain::change::DecisionKind;
use drift_domain::environment::Freshness;
use drift_domain::ids::OrganizationId;
use drift_domain::incident::{
    ClosingState, InSync, IncidentAction, IncidentStatus, Refusal, Settled, StillDifferent, Unsettled,
};
use drift_domain::plan::{Capability, Lifecycle};
use drift_domain::views::ActionView;
use drift_policy::Ask;
use drift_store::closings::ClosingRecord;
use drift_store::environments::EnvironmentRecord;
use drift_store::incidents::IncidentRecord;
use drift_store::{PgConnection, standings};

use super::{extend, needs_plan};
use crate::error::ServiceResult;
use crate::gate::Caller;
use crate::policies::holding::{self, Holding};

/// A closing whose check has not ended after this was lost.
pub(super) const CLOSING_LIMIT: TimeDelta = TimeDelta::minutes(15);

/// The capability behind an action.
pub(super) const fn capability(action: IncidentAction) -> Capability {
    match action {
        IncidentAction::Acknowledge | IncidentAction::Reconcile | IncidentAction::Close => Capability::Lifecycle,
        IncidentAction::Stabilize => Capability::Stabilize,
        IncidentAction::Decide => Capability::Decide,
        IncidentAction::Assign => Capability::Ownership,
        IncidentAction::SetTicket => Capability::TicketLink,
        IncidentAction::SetSeverity => Capability::AdjustSeverity,
        IncidentAction::Extend => Capability::Extend,
        IncidentAction::Comment => Capability::ManageIncidents,
        IncidentAction::Recheck => Capability::Recheck,
    }
}

/// Why a closed incident is left as it is.
pub(super) fn open(status: IncidentStatus) -> Option<String> {
    (status == IncidentStatus::Closed)
        .then(|| "This incident is closed, and closed is final. Later drift is a new incident.".to_owned())
}

/// Why an incident cannot be acknowledged.
pub(super) fn acknowledge(status: IncidentStatus) -> Option<String> {
    open(status)
        .or_else(|| (status != IncidentStatus::Detected).then(|| "This incident is acknowledged already.".to_owned()))
}

/// Why nobody can say of an incident that production is stable.
pub(super) fn stabilize(status: IncidentStatus, lifecycle: Lifecycle) -> Option<String> {
    open(status).or_else(|| match status {
        _ if lifecycle == Lifecycle::Basic => Some(Refusal::NoSuchStep.to_string()),
        IncidentStatus::Detected => Some("Somebody acknowledges the incident first.".to_owned()),
        IncidentStatus::Acknowledged => None,
        _ => Some("Production was said to be stable already.".to_owned()),
    })
}

/// What both sides of reconciling and closing are proven by.
pub(super) type Proofs = (Settled, InSync);

/// The proofs that an incident is reconciled, or why it is not, a sentence each.
pub(super) async fn proofs(
    db: &mut PgConnection,
    organization: OrganizationId,
    incident: &IncidentRecord,
    environment: &EnvironmentRecord,
    now: DateTime<Utc>,
) -> ServiceResult<Result<Proofs, Vec<String>>> {
    let mut missing = Vec::new();
    let changes = standings::standings(db, organization, incident.id()).await?;
    let settled = Settled::of(incident.id(), &changes);
    if let Err(unsettled) = &settled {
        missing.extend(unsettled.iter().map(Unsettled::to_string));
    }
    let row = crate::views::environment_row(environment, drift_domain::views::OverrideCount::default(), now);
    if !row.freshness.is_verified() {
        missing.push(unverified(&row.freshness));
    }
    let look = standings::newest_look(db, organization, incident.environment_id()).await?;
    let in_sync = look.map(InSync::of);
    if let Some(Err(StillDifferent(n))) = in_sync {
        // The changes say which; this says it where they do not.
        if settled.is_ok() {
            missing.push(format!("The newest check found {n} differing. Recheck, then look again."));
        }
    }
    match (settled, in_sync) {
        (Ok(settled), Some(Ok(in_sync))) if missing.is_empty() => Ok(Ok((settled, in_sync))),
        _ => {
            if missing.is_empty() {
                missing.push("No check has read both sides whole yet. Recheck, then look again.".to_owned());
            }
            Ok(Err(missing))
        }
    }
}

fn unverified(freshness: &Freshness) -> String {
    match &freshness.failure {
        Some(failure) => format!("The environment is not verified: {failure}"),
        None => {
            "The environment is not verified: its newest good check is too old. Recheck, then try again.".to_owned()
        }
    }
}

/// Why the step to reconciled is not the next one.
pub(super) fn before_reconcile(status: IncidentStatus, lifecycle: Lifecycle) -> Option<String> {
    open(status).or_else(|| match (status, lifecycle) {
        (IncidentStatus::Detected, _) => Some("Somebody acknowledges the incident first.".to_owned()),
        (IncidentStatus::Acknowledged, Lifecycle::Full) => Some(Refusal::StabilizeFirst.to_string()),
        (IncidentStatus::Reconciled, _) => Some("This incident is reconciled already.".to_owned()),
        _ => None,
    })
}

/// Why a closing cannot be asked for; `missing` is what reconciling lacks, where it is not reconciled.
pub(super) fn close(
    status: IncidentStatus,
    missing: &[String],
    closing: Option<&ClosingRecord>,
    now: DateTime<Utc>,
) -> Option<String> {
    if let Some(refusal) = open(status) {
        return Some(refusal);
    }
    if status != IncidentStatus::Reconciled {
        let what = if missing.is_empty() { String::new() } else { format!(" {}", missing.join(" ")) };
        return Some(format!(
            "An incident closes from reconciled; this one is {}.{what}",
            status.label().to_lowercase()
        ));
    }
    let going_on = closing.filter(|closing| is_going_on(closing, now));
    going_on.map(|closing| format!("{} asked to close it, and its check has not ended yet.", closing.by.1))
}

/// Whether a closing waits for its check, and its check is not lost.
pub(super) fn is_going_on(closing: &ClosingRecord, now: DateTime<Utc>) -> bool {
    closing.state == ClosingState::Checking && now - closing.at < CLOSING_LIMIT
}

/// Every action, and whether this caller may do it now.
pub(super) fn actions(
    caller: &Caller,
    incident: &IncidentRecord,
    missing: &[String],
    closing: Option<&ClosingRecord>,
    policy: Option<&Holding>,
    now: DateTime<Utc>,
) -> Vec<ActionView> {
    let by_policy = |action| by_policy(policy?, caller, incident, action, now);
    let takes = |action| takes(policy?, caller, incident, action, now);
    let (status, lifecycle) = (incident.status(), incident.plan.lifecycle());
    let in_the_way = |action| match action {
        IncidentAction::Acknowledge => acknowledge(status),
        IncidentAction::Stabilize => stabilize(status, lifecycle),
        IncidentAction::Reconcile => {
            before_reconcile(status, lifecycle).or_else(|| (!missing.is_empty()).then(|| missing.join(" ")))
        }
        IncidentAction::Close => close(status, missing, closing, now),
        IncidentAction::Decide => open(status)
            .or_else(|| (incident.open_changes == 0).then(|| "Every change of this incident is decided.".to_owned())),
        IncidentAction::Assign | IncidentAction::SetTicket | IncidentAction::SetSeverity => open(status),
        IncidentAction::Extend => open(status).or_else(|| extend::refused(incident)),
        // What was learned afterwards may be written down, and the environment lives on.
        IncidentAction::Comment | IncidentAction::Recheck => None,
    };
    IncidentAction::ALL
        .iter()
        .map(|action| {
            let refusal = caller.refusal_under(capability(*action), &incident.plan);
            ActionView {
                action: *action,
                needs_plan: refusal.as_ref().and_then(needs_plan),
                refused: refusal
                    .map(|error| error.to_string())
                    .or_else(|| in_the_way(*action))
                    .or_else(|| by_policy(*action)),
                takes: takes(*action),
            }
        })
        .collect()
}

/// Why the policy that holds would refuse an action whatever is asked for: an extension of the fewest hours, each of the paths.
fn by_policy(
    policy: &Holding,
    caller: &Caller,
    incident: &IncidentRecord,
    action: IncidentAction,
    now: DateTime<Utc>,
) -> Option<String> {
    let asks = asks(caller, incident, action, now);
    let refusals: Option<Vec<_>> = asks.into_iter().map(|ask| policy.refusal(caller.role, ask)).collect();
    refusals?.into_iter().next()
}

/// What the policy that holds takes approval for, of an action: of some of what can be asked for at least.
fn takes(
    policy: &Holding,
    caller: &Caller,
    incident: &IncidentRecord,
    action: IncidentAction,
    now: DateTime<Utc>,
) -> Option<String> {
    let asks = asks(caller, incident, action, now);
    asks.into_iter().find_map(|ask| policy.needs(caller.role, ask)).map(|needs| needs.message)
}

/// What a policy is asked of an action.
fn asks(caller: &Caller, incident: &IncidentRecord, action: IncidentAction, now: DateTime<Utc>) -> Vec<Ask> {
    let facts = holding::facts(incident, caller.user_id, now);
    let extensions = incident.ttl.map_or(0, |ttl| ttl.extensions);
    match action {
        IncidentAction::Acknowledge => vec![Ask::Acknowledge(facts)],
        IncidentAction::Close => vec![Ask::Close(facts)],
        IncidentAction::Extend => vec![Ask::Extend { incident: facts, hours: 1, extensions }],
        IncidentAction::Decide => [DecisionKind::Promote, DecisionKind::Revert, DecisionKind::Replace]
            .map(|path| Ask::Decide { incident: facts, path })
            .into(),
        _ => Vec::new(),
    }
}
