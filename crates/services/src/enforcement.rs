//! What an expired incident blocks: standard deployments into its environment, the product's own and those of others, who ask
//! at a gate. Reverts, restores, recoveries and emergencies are not asked about, here or anywhere.

use chrono::{DateTime, Utc};
use drift_domain::deployment::{Blocked, Deployment, DeploymentKind, Obstacle};
use drift_domain::ids::{EnvironmentId, OrganizationId};
use drift_domain::plan::PlanTier;
use drift_domain::views::{GateView, OverrideCount};
use drift_store::environments::EnvironmentRecord;
use drift_store::{PgConnection, StoreError, incident_settings, incidents, plans};

use crate::Services;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Permit, cap};

impl Services {
    /// What the gate says to a standard deployment into an environment now. `sha`: the commit that somebody is about to
    /// deploy, for the answer to say where the environment's ref is instead.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for an environment that is not the caller's; [`ServiceError::Invalid`] for a `sha` that
    /// names no commit. Whoever asks and gets no answer was not let through.
    pub async fn deployment_gate(
        &self,
        permit: &Permit<cap::Visibility>,
        environment: EnvironmentId,
        sha: Option<&str>,
    ) -> ServiceResult<GateView> {
        let sha = sha.map(str::trim).filter(|sha| !sha.is_empty()).map(commit).transpose()?;
        let mut db = self.tenant(permit.organization()).await?;
        let record = crate::drift::environment_in(&mut db, permit.organization(), environment).await?;
        gate_in(&mut db, &record, sha, self.clock.now()).await
    }
}

/// A commit as somebody names it: its identifier, or at least the first seven letters of that.
pub(crate) fn commit(sha: &str) -> ServiceResult<String> {
    let is_commit = (7..=64).contains(&sha.len()) && sha.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_commit {
        Ok(sha.to_ascii_lowercase())
    } else {
        Err(ServiceError::invalid("sha", "Name the commit by its identifier, or by at least its first seven letters."))
    }
}

/// What the gate says, for whoever has the environment at hand.
pub(crate) async fn gate_in(
    db: &mut PgConnection,
    environment: &EnvironmentRecord,
    sha: Option<String>,
    now: DateTime<Utc>,
) -> ServiceResult<GateView> {
    let obstacle = obstacle(db, environment.organization_id, environment.id, now).await?;
    let asked = Deployment::new(DeploymentKind::Standard, "").map_err(ServiceError::unavailable)?;
    let blocked = match asked {
        Deployment::Standard(standard) => standard.at_gate(obstacle).err(),
        // Nothing that is not standard is asked about.
        Deployment::Recovery(_) | Deployment::Emergency(_) => None,
    };
    Ok(GateView {
        environment_id: environment.id,
        environment: environment.connection.name.clone(),
        allowed: blocked.is_none(),
        reasons: blocked.iter().map(Blocked::reason).collect(),
        unblocks: blocked.iter().flat_map(Blocked::ways_out).collect(),
        incidents: blocked.into_iter().map(|Blocked(obstacle)| obstacle).collect(),
        warnings: warnings(environment, sha.as_deref(), now),
        sha,
        at: now,
    })
}

/// What is worth knowing before a deployment though it blocks nothing.
fn warnings(environment: &EnvironmentRecord, sha: Option<&str>, now: DateTime<Utc>) -> Vec<String> {
    let row = crate::views::environment_row(environment, OverrideCount::default(), now);
    let mut warnings = Vec::new();
    match environment.open_changes {
        0 => {}
        1 => warnings.push("One workflow differs from what Git declares; a deployment may write over it.".to_owned()),
        n => warnings.push(format!("{n} workflows differ from what Git declares; a deployment may write over them.")),
    }
    if !row.freshness.is_verified() {
        warnings.push("The environment is not verified: its newest good check is missing or too old.".to_owned());
    }
    if let (Some(sha), Some(at)) = (sha, &environment.git_commit)
        && !at.starts_with(sha)
    {
        warnings.push(format!("{} was at {at:.10} when it was looked at last.", environment.connection.git_ref));
    }
    warnings
}

/// The incident that stands in the way of standard deployments into an environment: an open one whose time is over, to the
/// second, whether or not the clock has told yet. Where the plan decides by policy, the organization may have decided that
/// none does; until it has, it is as on Agency.
pub(crate) async fn obstacle(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
    now: DateTime<Utc>,
) -> Result<Option<Obstacle>, StoreError> {
    let Some(incident) = incidents::open_of(db, organization, environment).await? else { return Ok(None) };
    let Some(ttl) = incident.ttl.filter(|ttl| ttl.is_over(now)) else { return Ok(None) };
    let decides = plans::effective(db, organization).await?.is_some_and(|plan| plan.tier() == PlanTier::Enterprise);
    if decides && incident_settings::get(db, organization).await?.deployments_unblocked {
        return Ok(None);
    }
    let bounds = incident.plan.extension_bounds();
    Ok(Some(Obstacle {
        incident: incident.id(),
        number: incident.number,
        since: ttl.expires_at,
        severity: incident.severity,
        owner: incident.owner.map(|(_, name)| name),
        open_changes: incident.open_changes,
        extensions_left: bounds.times.saturating_sub(ttl.extensions),
        extension_hours: bounds.hours,
    }))
}
