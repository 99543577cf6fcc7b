//! Answering a run: what the gate says now is said to GitHub, outside of any transaction, and recorded. Whoever goes on after
//! a crash, or after a try of which nobody knows what became, says what is right by then and asks GitHub where that is late.

use std::sync::Arc;

use chrono::TimeDelta;
use drift_domain::deployment::GateState;
use drift_domain::ids::{GateRequestId, OrganizationId};
use drift_github::{ReadAndWrite, Refusal};
use drift_store::environments::EnvironmentRecord;
use drift_store::gates::{self, RequestRecord};

use super::Said;
use crate::Services;
use crate::error::ServiceResult;
use crate::notify::Next;

/// Tries after which a run is left waiting. GitHub lets a job wait for 30 days, and a look finds nothing new in it.
const TRIES: u32 = 12;

/// What came of a try.
enum Tried {
    /// It arrived.
    Said,
    /// The run does not wait any more, and GitHub took none of this try: an earlier one arrived, or nobody waits for it.
    NotWaiting,
    /// It is over, and GitHub takes no answer.
    Failed(String),
    /// It is tried again, after so many seconds at least; and whether it may have arrived all the same.
    Again(String, Option<u64>, bool),
}

impl Services {
    /// Answers a run that waits.
    ///
    /// # Errors
    /// The database failed.
    pub async fn answer_gate_request(&self, organization: OrganizationId, id: GateRequestId) -> ServiceResult<Next> {
        let (request, environment, said) = {
            let mut db = self.tenant(organization).await?;
            let Some(request) = gates::request(&mut db, organization, id).await? else { return Ok(Next::Ended) };
            if request.state != GateState::Pending {
                return Ok(Next::Ended);
            }
            let environment = crate::drift::environment_in(&mut db, organization, request.environment_id).await?;
            let (name, commit) = (&request.github_environment, request.git_commit.as_deref());
            let said = self.gate_says(&mut db, &environment, name, commit).await?;
            (request, environment, said)
        };
        let verdict = if said.allowed { GateState::Approved } else { GateState::Rejected };
        let mut tx = self.tenant(organization).await?;
        gates::says(&mut tx, organization, id, verdict, &said.comment).await?;
        tx.commit().await.map_err(drift_store::StoreError::from)?;
        let tried = match self.github_of(&environment) {
            Ok(github) => try_once(&*github, &request, &said).await,
            Err(error) => Tried::Again(error, None, false),
        };
        let (state, error, wait, taken) = match tried {
            Tried::Said => (verdict, None, None, true),
            // What was sent before this try is what GitHub took.
            Tried::NotWaiting if request.said.is_some() => (request.said.unwrap_or(verdict), None, None, false),
            Tried::NotWaiting => {
                let name = &request.github_environment;
                let error = format!(
                    "The run does not wait at “{name}” any more: it was cancelled, or somebody let it through."
                );
                (GateState::Failed, Some(error), None, false)
            }
            Tried::Failed(error) => (GateState::Failed, Some(error), None, false),
            Tried::Again(error, _, unclear) if request.attempts + 1 >= TRIES => {
                let message = format!("Given up after {TRIES} tries; the run was not approved. The last one: {error}");
                (GateState::Failed, Some(message), None, unclear)
            }
            Tried::Again(error, wait, unclear) => {
                (GateState::Pending, Some(error), Some(pause(request.attempts, wait)), unclear)
            }
        };
        // What certainly did not arrive is not what was said.
        let (said_last, comment) = match taken {
            true => (Some(verdict), Some(said.comment.as_str())),
            false => (request.said, request.comment.as_deref()),
        };
        let answer = (state, said_last, comment);
        let mut tx = self.tenant(organization).await?;
        gates::tried(&mut tx, organization, id, answer, error.as_deref(), self.clock.now()).await?;
        tx.commit().await.map_err(drift_store::StoreError::from)?;
        Ok(wait.map_or(Next::Ended, |seconds| Next::Again { seconds }))
    }

    /// Puts a run that could not be answered back into the queue.
    ///
    /// # Errors
    /// The database failed.
    pub async fn put_gate_request_back(
        &self,
        organization: OrganizationId,
        id: GateRequestId,
        seconds: f64,
    ) -> ServiceResult<()> {
        let mut db = self.pool.acquire().await.map_err(drift_store::StoreError::from)?;
        Ok(gates::put_back(&mut db, organization, id, seconds).await?)
    }

    /// The client of an environment's repository, or why there is none.
    pub(super) fn github_of(&self, environment: &EnvironmentRecord) -> Result<Arc<dyn ReadAndWrite>, String> {
        let reach = self.connector.reach(environment.organization_id, &environment.connection);
        reach.and_then(|reach| self.connector.desired(&reach)).map_err(|failure| failure.to_string())
    }
}

async fn try_once(github: &dyn ReadAndWrite, request: &RequestRecord, said: &Said) -> Tried {
    let (run, name) = (request.run_id, &request.github_environment);
    let refusal = match github.answer_gate(run, name, said.allowed, &said.comment).await {
        Ok(()) => return Tried::Said,
        Err(refusal) => refusal,
    };
    let error = refusal.to_string();
    match refusal {
        Refusal::NotFound { .. } | Refusal::Validation { .. } => match github.waits_at(run).await {
            Ok(names) if names.iter().any(|at| super::is_named(at, name)) && request.said.is_none() => {
                Tried::Failed(format!("{error} Turn the App's rule on for “{name}” at GitHub, or off for good."))
            }
            // People may have to agree as well, so that it waits on after an earlier try arrived.
            Ok(_) | Err(Refusal::NotFound { .. }) => Tried::NotWaiting,
            Err(refusal) => Tried::Again(refusal.to_string(), None, false),
        },
        Refusal::RateLimited { retry_after, .. } => Tried::Again(error, Some(retry_after), false),
        Refusal::Unclear { retry_after, .. } => Tried::Again(error, retry_after, true),
        _ => Tried::Again(error, None, false),
    }
}

/// Seconds until the next try: 5, 10, 20 and so on up to ten minutes, or what GitHub asked for.
fn pause(attempts: u32, asked: Option<u64>) -> f64 {
    let growing = TimeDelta::seconds(5 << attempts.min(7)).min(TimeDelta::minutes(10)).num_seconds();
    growing.max(asked.map_or(0, |seconds| i64::try_from(seconds).unwrap_or(3_600).min(3_600))) as f64
}

#[cfg(test)]
mod tests {
    use super::pause;

    #[test]
    fn tries_grow_apart_and_wait_as_long_as_github_asks() {
        let pauses: Vec<f64> = (0..9).map(|attempts| pause(attempts, None)).collect();
        assert_eq!(pauses, [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 600.0, 600.0]);
        assert_eq!((pause(0, Some(90)), pause(0, Some(1)), pause(0, Some(90_000))), (90.0, 5.0, 3_600.0));
    }
}
