//! The gate at GitHub, for deployments that others make: an App's deployment protection rule answers each run before it
//! deploys; whoever signs in with a token has a commit status. Both say what [`deployment_gate`](Services::deployment_gate)
//! says. Nothing that goes wrong is ever a yes.

mod answer;
mod ask;
mod status;

use drift_domain::deployment::GateWay;
use drift_domain::ids::{EnvironmentId, GateRequestId};
use drift_domain::views::{GateRequestView, GateStatusView, GithubGateView};
use drift_store::events::NewEvent;
use drift_store::gates::{self, GateRecord, RequestRecord};
use drift_store::{PgConnection, StoreError, environments, events};
use serde_json::json;

pub(crate) use ask::asks;

use crate::Services;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Permit, cap};

/// Requests on a page.
const PAGE: usize = 20;
/// Characters of an environment's name at GitHub.
const LONGEST_NAME: usize = 255;
/// The event of an edit.
const EDITED: &str = "gate.updated";

impl Services {
    /// The gate of an environment at GitHub, with the newest runs that asked; older ones before `before`.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for an environment that is not the caller's.
    pub async fn github_gate(
        &self,
        permit: &Permit<cap::Visibility>,
        environment: EnvironmentId,
        before: Option<GateRequestId>,
    ) -> ServiceResult<GithubGateView> {
        let organization = permit.organization();
        let mut db = self.tenant(organization).await?;
        let record = crate::drift::environment_in(&mut db, organization, environment).await?;
        let way = if record.connection.git_app.is_some() { GateWay::ProtectionRule } else { GateWay::CommitStatus };
        let Some(gate) = gates::get(&mut db, organization, environment).await? else {
            return Ok(GithubGateView {
                github_environment: String::new(),
                way,
                version: 0,
                last_error: None,
                status: None,
                requests: Vec::new(),
                next: None,
            });
        };
        // A run is about every environment of the name, and only one of them answers it.
        let c = &record.connection;
        let place = (c.git_api_base.as_str(), c.git_owner.as_str(), c.git_repository.as_str());
        let mapped = gates::mapped(&mut db, organization, place, &gate.github_environment).await?;
        let name = &gate.github_environment;
        let mut found = gates::requests(&mut db, organization, &mapped, name, before, PAGE as i64 + 1).await?;
        let more = found.len() > PAGE;
        found.truncate(PAGE);
        Ok(GithubGateView {
            way,
            version: gate.version,
            status: status_view(&gate),
            next: found.last().filter(|_| more).map(|request| request.id),
            requests: found.into_iter().map(request_view).collect(),
            github_environment: gate.github_environment,
            last_error: gate.last_error,
        })
    }

    /// Says what GitHub calls the environment whose deployments go to this one; nothing, to be asked no more. `seen`: the
    /// version that was seen. Answers the version since then.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for what is no name; [`ServiceError::Stale`] when somebody edited it meanwhile.
    pub async fn set_github_gate(
        &self,
        permit: &Permit<cap::Configure>,
        environment: EnvironmentId,
        name: &str,
        seen: i64,
    ) -> ServiceResult<i64> {
        let (organization, caller) = (permit.organization(), permit.caller());
        let name = read_name(name)?;
        let mut tx = self.tenant(organization).await?;
        environments::lock(&mut tx, organization, environment).await?.ok_or(ServiceError::NotFound("environment"))?;
        let version = gates::get(&mut tx, organization, environment).await?.map_or(0, |gate| gate.version);
        if version != seen {
            let editors = events::editors_since(&mut tx, organization, Some(environment), EDITED, seen).await?;
            let tell = |name: &String| format!("{name} changed the gate at GitHub.");
            return Err(ServiceError::Stale { meanwhile: editors.iter().map(tell).collect() });
        }
        gates::set(&mut tx, organization, environment, name.as_deref()).await?;
        let version = gates::get(&mut tx, organization, environment).await?.map_or(0, |gate| gate.version);
        let event = NewEvent {
            organization_id: organization,
            environment_id: Some(environment),
            change_id: None,
            kind: EDITED,
            actor: Some(caller.user_id),
            data: json!({ "github_environment": name, "version": version }),
        };
        events::append(&mut tx, &event, self.clock.now()).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(version)
    }
}

fn read_name(name: &str) -> ServiceResult<Option<String>> {
    let name = name.trim();
    if name.is_empty() {
        return Ok(None);
    }
    if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        let message = "This is no name of an environment at GitHub: it has at most 255 characters, in one line.";
        return Err(ServiceError::invalid("github_environment", message));
    }
    Ok(Some(name.to_owned()))
}

/// Whether GitHub means the same environment: the case of a name does not matter to it.
fn is_named(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// The name that a commit status is reported under.
fn context(name: &str) -> String {
    format!("workflowops/{name}")
}

fn status_view(gate: &GateRecord) -> Option<GateStatusView> {
    gate.status.clone().map(|status| GateStatusView {
        context: context(&gate.github_environment),
        git_commit: status.commit,
        allowed: status.allowed,
        description: status.description,
        at: status.at,
    })
}

fn request_view(request: RequestRecord) -> GateRequestView {
    GateRequestView {
        id: request.id,
        run_id: request.run_id,
        git_commit: request.git_commit,
        received_at: request.received_at,
        state: request.state,
        comment: request.comment,
        last_error: request.last_error,
        answered_at: request.answered_at,
    }
}

/// What the gate says to a run that deploys to every environment of this name, with the words for GitHub.
struct Said {
    allowed: bool,
    comment: String,
}

impl Services {
    /// Asks the one gate for each environment of the name: all have to allow. Without any, nobody can: no.
    async fn gate_says(
        &self,
        db: &mut PgConnection,
        of: &drift_store::environments::EnvironmentRecord,
        name: &str,
        commit: Option<&str>,
    ) -> ServiceResult<Said> {
        let c = &of.connection;
        let place = (c.git_api_base.as_str(), c.git_owner.as_str(), c.git_repository.as_str());
        let mapped = gates::mapped(db, of.organization_id, place, name).await?;
        if mapped.is_empty() {
            let comment = format!(
                "No environment of WorkflowOps says that deployments to “{name}” go to it. Say so under Deployments of the \
                 environment that they go to, and run this job again; or take the rule away from “{name}”."
            );
            return Ok(Said { allowed: false, comment });
        }
        let mut said = Said { allowed: true, comment: String::new() };
        for id in mapped {
            let record = crate::drift::environment_in(db, of.organization_id, id).await?;
            let view = crate::enforcement::gate_in(db, &record, commit.map(str::to_owned), self.clock.now()).await?;
            let words = match view.allowed {
                true => format!("{}: allowed. {}", view.environment, view.warnings.join(" ")),
                false => {
                    let ways = view.unblocks.join(" ");
                    format!("{}: blocked. {} {ways} Then run this job again.", view.environment, view.reasons.join(" "))
                }
            };
            said.allowed &= view.allowed;
            // What blocks is read first: GitHub takes 1,024 characters.
            match view.allowed {
                true => said.comment.push_str(&format!("{}\n", words.trim())),
                false => said.comment.insert_str(0, &format!("{}\n", words.trim())),
            }
        }
        said.comment = said.comment.trim().chars().take(1_024).collect();
        Ok(said)
    }
}
