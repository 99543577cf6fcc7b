//! How a run comes to be answered: GitHub asks with a delivery; and since deliveries are lost, somebody looks.

use drift_domain::ids::{EnvironmentId, GateRequestId, OrganizationId};
use drift_store::gates::{self, NewRequest};
use drift_store::{StoreError, deliveries};
use serde::Deserialize;
use uuid::Uuid;

use crate::Services;
use crate::error::{ServiceError, ServiceResult};
use crate::webhooks::{DeliveryOutcome, GithubDelivery};

/// The event that asks.
const EVENT: &str = "deployment_protection_rule";

/// Whether a delivery asks whether a run may deploy.
pub(crate) fn asks(event: &str) -> bool {
    event == EVENT
}

#[derive(Deserialize)]
struct Payload {
    environment: String,
    deployment_callback_url: String,
    deployment: Option<Deployment>,
    repository: Repository,
}

#[derive(Deserialize)]
struct Deployment {
    id: u64,
    sha: String,
}

#[derive(Deserialize)]
struct Repository {
    full_name: String,
}

impl Services {
    /// Takes a run that asks: recorded in the transaction that remembers the delivery, answered by a job.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for what is no such delivery, or would have somewhere else answered than the connection says.
    pub(crate) async fn gate_asked(
        &self,
        organization: OrganizationId,
        delivery: &GithubDelivery,
    ) -> ServiceResult<DeliveryOutcome> {
        // The words of serde could quote the body.
        let payload: Payload = serde_json::from_slice(&delivery.body).map_err(|_| {
            ServiceError::invalid("body", format!("This is not an event {EVENT} as GitHub describes it."))
        })?;
        let full_name = &payload.repository.full_name;
        let Some((owner, name)) = full_name.split_once('/') else { return Ok(DeliveryOutcome::Ignored) };
        let mut tx = self.tenant(organization).await?;
        let all = gates::with_app(&mut tx, organization, owner, name).await?;
        if all.is_empty() {
            return Ok(DeliveryOutcome::Ignored);
        }
        super::read_name(&payload.environment)?;
        let (by, run_id) = answers(&all, &payload).ok_or_else(|| {
            let message = format!(
                "It asks to be answered elsewhere than where an environment of {full_name} is connected. Nothing was sent there."
            );
            ServiceError::invalid("deployment_callback_url", message)
        })?;
        if !deliveries::remember(&mut tx, organization, &delivery.id, self.clock.now()).await? {
            return Ok(DeliveryOutcome::Duplicate);
        }
        let new = NewRequest {
            environment_id: by,
            github_environment: &payload.environment,
            run_id,
            deployment_id: payload.deployment.as_ref().map(|deployment| deployment.id),
            git_commit: payload.deployment.as_ref().map(|deployment| deployment.sha.as_str()),
        };
        let id = GateRequestId(Uuid::now_v7());
        let is_new = gates::ask(&mut tx, organization, id, &new, self.clock.now()).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(if is_new { DeliveryOutcome::Answering } else { DeliveryOutcome::Duplicate })
    }

    /// Has the environments with a gate at GitHub looked at that are due. Any number of replicas may ask.
    ///
    /// # Errors
    /// The database failed.
    pub async fn enqueue_gate_looks(&self) -> ServiceResult<u32> {
        let now = self.clock.now();
        let mut tx = self.pool.begin().await.map_err(StoreError::from)?;
        let asked = gates::enqueue_looks(&mut tx, now - super::status::EVERY, now, AT_ONCE).await?;
        gates::enqueue_forgotten(&mut tx, now - FORGOTTEN, AT_ONCE).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(asked)
    }

    /// Looks for runs that wait at an environment's name and were not heard of.
    pub(super) async fn look_for_runs(
        &self,
        environment: &drift_store::environments::EnvironmentRecord,
        name: &str,
    ) -> ServiceResult<Result<(), String>> {
        let organization = environment.organization_id;
        let github = match self.github_of(environment) {
            Ok(github) => github,
            Err(failure) => return Ok(Err(failure)),
        };
        let runs = match github.waiting_runs().await {
            Ok(runs) => runs,
            Err(refusal) => return Ok(Err(refusal.to_string())),
        };
        // Runs that wait elsewhere are asked where, too: a few at a time, others each minute, so that many cost no more.
        let turn =
            usize::try_from(self.clock.now().timestamp() / super::status::EVERY.num_seconds()).unwrap_or_default();
        let first = (turn * ASKED) % runs.len().max(1);
        let mut asked = 0;
        for run in runs.iter().cycle().skip(first).take(runs.len()) {
            if asked == ASKED {
                break;
            }
            {
                let mut db = self.tenant(organization).await?;
                if gates::is_known(&mut db, organization, run.id, name, run.started_at).await? {
                    continue;
                }
            }
            asked += 1;
            match github.waits_at(run.id).await {
                Ok(names) if names.iter().any(|at| super::is_named(at, name)) => {}
                Ok(_) => continue,
                Err(refusal) => return Ok(Err(refusal.to_string())),
            }
            let mut tx = self.tenant(organization).await?;
            let new = NewRequest {
                environment_id: environment.id,
                github_environment: name,
                run_id: run.id,
                deployment_id: None,
                git_commit: Some(&run.commit),
            };
            gates::ask(&mut tx, organization, GateRequestId(Uuid::now_v7()), &new, self.clock.now()).await?;
            tx.commit().await.map_err(StoreError::from)?;
        }
        Ok(Ok(()))
    }
}

/// Runs that one look asks where they wait.
const ASKED: usize = 10;
/// Environments whose gate is looked at by one tick.
const AT_ONCE: i64 = 50;
/// How long a request waits before it is asked whether its job was lost.
const FORGOTTEN: chrono::TimeDelta = chrono::TimeDelta::minutes(15);

/// Who answers which run: an environment that an App signs in for, connected where the answer is wanted; of those, the first
/// one of the name.
fn answers(all: &[(EnvironmentId, String, Option<String>)], payload: &Payload) -> Option<(EnvironmentId, u64)> {
    let here = |(id, base, name): &(EnvironmentId, String, Option<String>)| {
        let run = run_of(&payload.deployment_callback_url, base, &payload.repository.full_name)?;
        Some((*id, run, name.as_ref().is_some_and(|name| super::is_named(name, &payload.environment))))
    };
    let connected: Vec<_> = all.iter().filter_map(here).collect();
    let (id, run, _) = connected.iter().find(|(.., named)| *named).or(connected.first())?;
    Some((*id, *run))
}

/// The number of the run that is to be answered, from the address where GitHub wants the answer. It is not called: the answer
/// goes where the environment is connected to. `None` where the two are not the same place.
fn run_of(callback: &str, api_base: &str, full_name: &str) -> Option<u64> {
    let rest = callback.strip_prefix(api_base.trim_end_matches('/'))?.strip_prefix("/repos/")?;
    let (place, rest) = rest.split_once("/actions/runs/")?;
    let run = rest.strip_suffix("/deployment_protection_rule")?;
    let is_number = !run.is_empty() && run.bytes().all(|byte| byte.is_ascii_digit());
    if !place.eq_ignore_ascii_case(full_name) || !is_number {
        return None;
    }
    run.parse().ok().filter(|run| *run > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_answered_where_the_environment_is_connected_and_nowhere_else() {
        let run = |url: &str| run_of(url, "https://api.github.com", "acme/flows");
        let right = "https://api.github.com/repos/acme/flows/actions/runs/42/deployment_protection_rule";
        assert_eq!(run(right), Some(42));
        assert_eq!(run(&right.replace("acme", "Acme")), Some(42), "the case does not matter to GitHub");
        for wrong in [
            "https://api.github.com.evil.example/repos/acme/flows/actions/runs/42/deployment_protection_rule",
            "https://evil.example/repos/acme/flows/actions/runs/42/deployment_protection_rule",
            "http://api.github.com/repos/acme/flows/actions/runs/42/deployment_protection_rule",
            "https://api.github.com/repos/acme/other/actions/runs/42/deployment_protection_rule",
            "https://api.github.com/repos/acme/flows/actions/runs/42/../7/deployment_protection_rule",
            "https://api.github.com/repos/acme/flows/actions/runs/0/deployment_protection_rule",
            "https://api.github.com/repos/acme/flows/actions/runs//deployment_protection_rule",
            "https://api.github.com/repos/acme/flows/actions/runs/42",
        ] {
            assert_eq!(run(wrong), None, "{wrong}");
        }
        let server = "https://ghe.example/api/v3/repos/acme/flows/actions/runs/42/deployment_protection_rule";
        assert_eq!(run_of(server, "https://ghe.example/api/v3/", "acme/flows"), Some(42));
    }
}
