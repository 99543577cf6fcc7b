//! The look at an environment's gate at GitHub: for runs whose question was lost, or for a commit status that is not what the
//! gate says.

use chrono::TimeDelta;
use drift_domain::ids::{EnvironmentId, OrganizationId};
use drift_github::{NewStatus, StatusState};
use drift_store::StoreError;
use drift_store::environments::EnvironmentRecord;
use drift_store::gates::{self, GateRecord, StatusRecord};

use super::Said;
use crate::Services;
use crate::error::ServiceResult;

/// The time between two looks at one environment's gate.
pub(super) const EVERY: TimeDelta = TimeDelta::seconds(60);

impl Services {
    /// Looks at the gate of an environment at GitHub, and records what went wrong there.
    ///
    /// # Errors
    /// The database failed.
    pub async fn look_at_gate(&self, organization: OrganizationId, environment: EnvironmentId) -> ServiceResult<()> {
        let (record, gate, said) = {
            let mut db = self.tenant(organization).await?;
            let Some(gate) = gates::get(&mut db, organization, environment).await? else { return Ok(()) };
            let record = crate::drift::environment_in(&mut db, organization, environment).await?;
            let commit = record.git_commit.as_deref();
            let said = self.gate_says(&mut db, &record, &gate.github_environment, commit).await?;
            (record, gate, said)
        };
        let looked = match record.connection.git_app {
            Some(_) => self.look_for_runs(&record, &gate.github_environment).await?,
            None => self.report_status(&record, &gate, &said).await?,
        };
        let mut tx = self.tenant(organization).await?;
        gates::looked(&mut tx, organization, environment, looked.err().as_deref()).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// Reports what the gate says for the commit that the ref was at when it was read last, unless that was reported.
    async fn report_status(
        &self,
        environment: &EnvironmentRecord,
        gate: &GateRecord,
        said: &Said,
    ) -> ServiceResult<Result<(), String>> {
        let Some(commit) = &environment.git_commit else { return Ok(Ok(())) };
        // The first line is what blocks, where something does. What moves with every change is left out.
        let words = match said.allowed {
            true => "Standard deployments are allowed.".to_owned(),
            false => said.comment.lines().next().unwrap_or_default().chars().take(140).collect(),
        };
        let is_same = |s: &StatusRecord| s.commit == *commit && s.allowed == said.allowed && s.description == words;
        if gate.status.as_ref().is_some_and(is_same) {
            return Ok(Ok(()));
        }
        let github = match self.github_of(environment) {
            Ok(github) => github,
            Err(error) => return Ok(Err(error)),
        };
        let status = NewStatus {
            context: super::context(&gate.github_environment),
            state: if said.allowed { StatusState::Success } else { StatusState::Failure },
            description: words.clone(),
            target_url: Some(self.public_link(&format!("/environments/{}/drift/deployments", environment.id))),
        };
        if let Err(refusal) = github.set_status(commit, &status).await {
            return Ok(Err(refusal.to_string()));
        }
        let organization = environment.organization_id;
        let status =
            StatusRecord { commit: commit.clone(), allowed: said.allowed, description: words, at: self.clock.now() };
        let mut tx = self.tenant(organization).await?;
        gates::reported(&mut tx, organization, gate, &status).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(Ok(()))
    }
}
