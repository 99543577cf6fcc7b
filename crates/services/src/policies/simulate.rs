//! Trying a draft out on what was done: the acts of the past are asked about one by one, as things were then. The roles are those
//! of today, which the answer says; what a draft would have changed afterwards is not made up.

use chrono::TimeDelta;
use drift_domain::change::DecisionKind;
use drift_domain::deployment::DeploymentKind;
use drift_domain::severity::Severity;
use drift_domain::views::{PolicyDifference, PolicySimulation};
use drift_policy::{Ask, Asker, IncidentFacts};
use drift_store::policy_history::{self, PastAct};

use super::PolicyContent;
use crate::Services;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Permit, cap};

/// Days that are looked back at most.
const MOST_DAYS: u32 = 365;
/// Acts that are looked at, at most: the newest.
const MOST_ACTS: i64 = 5000;

impl Services {
    /// Asks a draft about what was done in the last `days` days: what it would have refused. Nothing is kept or changed.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for a draft that could not be kept, or for days out of bounds.
    pub async fn simulate_policy(
        &self,
        permit: &Permit<cap::Policies>,
        content: PolicyContent,
        days: u32,
    ) -> ServiceResult<PolicySimulation> {
        if !(1..=MOST_DAYS).contains(&days) {
            return Err(ServiceError::invalid("days", format!("Look back 1 to {MOST_DAYS} days.")));
        }
        let draft = content.read()?.policy;
        let since = self.clock.now() - TimeDelta::days(i64::from(days));
        let mut db = self.tenant(permit.organization()).await?;
        let mut acts = policy_history::acts(&mut db, permit.organization(), since, MOST_ACTS + 1).await?;
        drop(db);
        let more = acts.len() > usize::try_from(MOST_ACTS).unwrap_or(usize::MAX);
        acts.truncate(usize::try_from(MOST_ACTS).unwrap_or(usize::MAX));
        let mut simulation = PolicySimulation { days, looked_at: 0, more, without_role: 0, refused: Vec::new() };
        for act in acts {
            let Some(ask) = asked(&act) else { continue };
            let Some(role) = act.role else {
                simulation.without_role += 1;
                continue;
            };
            simulation.looked_at += 1;
            let refusals = draft.refusals(Asker { role, class: act.class }, ask);
            if !refusals.is_empty() {
                simulation.refused.push(PolicyDifference {
                    action: ask.action(),
                    at: act.at,
                    by: format!("{} ({role})", act.by),
                    environment: act.environment,
                    incident: act.incident,
                    approvable: refusals.iter().all(|refusal| refusal.approval.is_some()),
                    refused_by: refusals.into_iter().map(|refusal| refusal.title).collect(),
                });
            }
        }
        Ok(simulation)
    }
}

/// What would have been asked about an act; nothing for what no policy speaks of.
fn asked(act: &PastAct) -> Option<Ask> {
    let number = |key: &str| act.data[key].as_u64().and_then(|n| u32::try_from(n).ok());
    let incident =
        IncidentFacts { severity: act.severity.unwrap_or(Severity::Low), expired: act.expired, owner: act.owner };
    match act.kind.as_str() {
        "incident.acknowledged" => Some(Ask::Acknowledge(incident)),
        "incident.extended" => {
            let extensions = number("extensions").unwrap_or(1).saturating_sub(1);
            let expired = act.data["was_over"].as_bool().unwrap_or(incident.expired);
            let incident = IncidentFacts { expired, ..incident };
            Some(Ask::Extend { incident, hours: number("hours")?, extensions })
        }
        "incident.decided" => {
            let path: DecisionKind = act.data["decision"].as_str()?.parse().ok()?;
            Some(Ask::Decide { incident, path })
        }
        "incident.closing_asked" => Some(Ask::Close(incident)),
        "incident.deploying" => {
            let emergency = act.data["kind"].as_str() == Some(DeploymentKind::Emergency.as_str());
            emergency.then(|| Ask::DeployEmergency { blocked: !act.data["past"].is_null() })
        }
        "override.begun" => Some(Ask::Override { days: number("days")? }),
        _ => None,
    }
}
