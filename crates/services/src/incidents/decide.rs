//! Choosing a path for the changes of an incident. A choice ends nothing by itself: a check sees it carried out, or a
//! person confirms what became of a change that vanished.

use drift_domain::change::{ChangeState, DecisionKind};
use drift_domain::ids::{ArtifactId, ChangeId, DecisionId, IncidentId};
use drift_policy::Ask;
use drift_store::artifacts::{NewArtifact, Outcome};
use drift_store::changes::{ChangeRecord, Which};
use drift_store::decisions::NewDecision;
use drift_store::{artifacts, changes, decisions, environments, reconciliations};
use serde_json::json;
use uuid::Uuid;

use super::{Act, OVERRIDE_RESOLVES_NOTHING};
use crate::Services;
use crate::drift::read_reason;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Permit, cap};

/// The longest name of a replacement that is taken, in characters.
const REPLACEMENT_LENGTH: usize = 500;
/// Why an artifact fails whose change gets another path.
const REPLACED: &str = "Replaced by a later decision.";

/// What somebody chooses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// For which changes; `None` for every one that waits for a choice.
    pub changes: Option<Vec<ChangeId>>,
    /// The path.
    pub kind: DecisionKind,
    /// Why.
    pub reason: String,
    /// For REPLACE: the commit, or what else takes the place of both sides.
    pub replacement: Option<String>,
}

impl Services {
    /// Chooses a path for changes of an incident, all of them or none. A change that is still there waits until a check sees
    /// the path carried out; for one that vanished this is the confirmation of what became of it. Another choice than
    /// before replaces that one. Answers the new version.
    ///
    /// # Errors
    /// [`ServiceError::Stale`]; [`ServiceError::NotFound`] for a change of another incident; [`ServiceError::Conflict`] for
    /// one that is over; [`ServiceError::Invalid`] for a choice that cannot be.
    pub async fn decide(
        &self,
        permit: &Permit<cap::Decide>,
        id: IncidentId,
        seen: i64,
        choice: Choice,
    ) -> ServiceResult<i64> {
        let reason = read_reason(&choice.reason)?;
        if choice.kind == DecisionKind::Override {
            return Err(ServiceError::invalid("kind", OVERRIDE_RESOLVES_NOTHING));
        }
        let replacement = choice.replacement.as_deref().map(str::trim).filter(|text| !text.is_empty());
        if replacement.is_some_and(|text| text.chars().count() > REPLACEMENT_LENGTH) {
            let message = format!("Name the replacement in at most {REPLACEMENT_LENGTH} characters.");
            return Err(ServiceError::invalid("replacement", message));
        }
        let mut act = self.act(permit, id, Some(seen)).await?;
        act.open()?;
        act.ask_policy(|incident| Ask::Decide { incident, path: choice.kind }).await?;
        let of_incident = Which::OfIncident(id);
        let all = changes::list(&mut act.tx, act.organization, act.environment, of_incident, i64::MAX).await?;
        let chosen = selected(&all, choice.changes.as_deref())?;
        let path = Path { kind: choice.kind, reason, replacement };
        for change in chosen {
            if reconciliations::pending_of(&mut act.tx, act.organization, change.id).await?.is_some() {
                let message = format!(
                    "The path of “{}” is being carried out. Wait for its end, or cancel it, then choose another.",
                    change.workflow
                );
                return Err(ServiceError::Conflict(message));
            }
            match change.state {
                ChangeState::Open => act.choose(change, path).await?,
                ChangeState::Vanished => act.confirm(change, path).await?,
                ChangeState::Superseded | ChangeState::Decided => {
                    let message = format!(
                        "The change of “{}” is over: it is {}. Look at the incident again.",
                        change.workflow,
                        change.state.as_str().to_lowercase()
                    );
                    return Err(ServiceError::Conflict(message));
                }
            }
        }
        // A check that looked before this does not record after it.
        environments::bump(&mut act.tx, act.organization, act.environment).await?;
        environments::recount(&mut act.tx, act.organization, act.environment).await?;
        self.acted(act, "incident.decided").await
    }
}

/// The path of one choice.
#[derive(Clone, Copy)]
struct Path<'a> {
    kind: DecisionKind,
    reason: &'a str,
    replacement: Option<&'a str>,
}

/// The changes that a choice is for.
fn selected<'a>(all: &'a [ChangeRecord], wanted: Option<&[ChangeId]>) -> ServiceResult<Vec<&'a ChangeRecord>> {
    let chosen: Vec<&ChangeRecord> = match wanted {
        None => all.iter().filter(|change| change.state.is_open() && change.chosen.is_none()).collect(),
        Some(ids) => {
            let find = |id: &ChangeId| all.iter().find(|change| change.id == *id);
            let found: Option<Vec<_>> = ids.iter().map(find).collect();
            let mut found = found.ok_or(ServiceError::NotFound("change"))?;
            found.sort_by_key(|change| change.id);
            found.dedup_by_key(|change| change.id);
            found
        }
    };
    if chosen.is_empty() {
        return Err(match wanted {
            Some(_) => ServiceError::invalid("changes", "Select at least one change."),
            None => ServiceError::Conflict("Every change of this incident has its path already.".to_owned()),
        });
    }
    Ok(chosen)
}

impl Act {
    /// Records a decision for a change.
    async fn record(&mut self, change: &ChangeRecord, path: Path<'_>) -> ServiceResult<DecisionId> {
        let id = DecisionId(Uuid::now_v7());
        let Path { kind, reason, replacement } = path;
        let new = NewDecision { id, change: change.id, kind, reason, replacement, by: self.by };
        let incident = Some(self.incident.id());
        decisions::insert(&mut self.tx, self.organization, self.environment, incident, &new, self.now).await?;
        Ok(id)
    }

    /// Chooses the path of a change that is still there.
    async fn choose(&mut self, change: &ChangeRecord, path: Path<'_>) -> ServiceResult<()> {
        if path.kind == DecisionKind::Replace && path.replacement.is_none() {
            let message = "Name what replaces both sides: the commit, or where else the fix is.";
            return Err(ServiceError::invalid("replacement", message));
        }
        let replaced = Outcome::Failed(REPLACED);
        let earlier = artifacts::end(&mut self.tx, self.organization, change.id, replaced, self.now).await?;
        let decision = self.record(change, path).await?;
        decisions::choose(&mut self.tx, self.organization, self.environment, change.id, Some(decision)).await?;
        let new = NewArtifact {
            id: ArtifactId(Uuid::now_v7()),
            incident: Some(self.incident.id()),
            change: change.id,
            decision,
            kind: path.kind,
            by_hand: true,
        };
        artifacts::begin(&mut self.tx, self.organization, &new, self.now).await?;
        let data = json!({
            "decision": path.kind, "note": path.reason, "replacement": path.replacement, "workflow": change.workflow,
            "instead": earlier.and(change.chosen).map(|(_, kind)| kind),
        });
        self.tell("incident.decided", Some(change.id), data).await
    }

    /// Confirms what became of a change that vanished.
    async fn confirm(&mut self, change: &ChangeRecord, path: Path<'_>) -> ServiceResult<()> {
        let cause = change.vanished_cause.ok_or_else(|| ServiceError::unavailable("a vanished change has a cause"))?;
        if !cause.accepts(path.kind) {
            let message = format!(
                "{} is not what happened to “{}”. Confirm {}, or REPLACE if something else took its place.",
                path.kind,
                change.workflow,
                cause.fitting_decision(),
            );
            return Err(ServiceError::invalid("kind", message));
        }
        let decision = self.record(change, path).await?;
        decisions::end_by(&mut self.tx, self.organization, self.environment, change.id, decision).await?;
        let data = json!({
            "decision": path.kind, "note": path.reason, "replacement": path.replacement, "workflow": change.workflow,
            "cause": cause,
        });
        self.tell("incident.confirmed", Some(change.id), data).await
    }
}
