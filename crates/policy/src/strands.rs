//! What no policy may do: leave an incident, or an environment that is down, to nobody. Everything that a policy can know is
//! of a few values, so each case is looked at.

use drift_domain::change::DecisionKind;
use drift_domain::environment::EnvironmentClass;
use drift_domain::role::Role;
use drift_domain::severity::Severity;

use super::{Ask, Asker, IncidentFacts, Policy, Unusable};

/// Refuses a policy under which not even an owner of the organization could lead some incident to its end, or deploy in an
/// emergency (standing rule 6: enforcement never blocks recovery).
pub(super) fn look(policy: &Policy) -> Result<(), Unusable> {
    for class in EnvironmentClass::ALL {
        waits_for_nobody(policy, *class)?;
        let asker = Asker { role: Role::Owner, class: *class };
        for blocked in [false, true] {
            free(policy, asker, Ask::DeployEmergency { blocked }, None)?;
        }
        for facts in every_incident() {
            free(policy, asker, Ask::Acknowledge(facts), Some(facts))?;
            free(policy, asker, Ask::Close(facts), Some(facts))?;
            for path in [DecisionKind::Promote, DecisionKind::Revert, DecisionKind::Replace] {
                free(policy, asker, Ask::Decide { incident: facts, path }, Some(facts))?;
            }
        }
    }
    Ok(())
}

/// An emergency waits for nobody's approval, whoever deploys: a rule that says so would only refuse.
fn waits_for_nobody(policy: &Policy, class: EnvironmentClass) -> Result<(), Unusable> {
    for role in Role::ALL {
        for blocked in [false, true] {
            let asker = Asker { role: *role, class };
            if let Some(rule) = policy.approvals(asker, Ask::DeployEmergency { blocked }).first() {
                let message = "would have an emergency deployment wait for approval. An emergency waits for nobody: leave @approvals out.";
                return Err(Unusable(format!("“{rule}” {message}")));
            }
        }
    }
    Ok(())
}

fn every_incident() -> impl Iterator<Item = IncidentFacts> {
    Severity::ALL.iter().flat_map(|severity| {
        [(false, false), (false, true), (true, false), (true, true)].map(|(expired, owner)| IncidentFacts {
            severity: *severity,
            expired,
            owner,
        })
    })
}

fn free(policy: &Policy, asker: Asker, ask: Ask, facts: Option<IncidentFacts>) -> Result<(), Unusable> {
    let refusals = policy.refusals(asker, ask);
    // Where nobody is left to approve, an owner goes on without: the services see to that.
    let Some(first) = refusals.iter().find(|refusal| refusal.approval.is_none()) else { return Ok(()) };
    let which = match facts {
        Some(IncidentFacts { severity, expired, .. }) => {
            let expired = if expired { "expired " } else { "" };
            format!("an {expired}incident of severity {severity} in {}", asker.class)
        }
        None => format!("{}", asker.class),
    };
    let path = match ask {
        Ask::Decide { path, .. } => format!(" ({path})"),
        _ => String::new(),
    };
    Err(Unusable(format!(
        "“{}” would leave nobody who may do this: {}{path}, for {which}. A policy never blocks the way to the end of an incident, \
         nor recovery: except somebody, at least the organization's owners.",
        first.title,
        ask.action().label().to_lowercase()
    )))
}
