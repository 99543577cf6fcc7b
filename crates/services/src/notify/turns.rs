//! Turns of an environment that are told: drift that was not there, drift that is gone, facts that are not verified any more
//! and verified again. Written into the record by whoever holds the environment's row, each turn once.

use chrono::{DateTime, Utc};
use drift_domain::environment::Freshness;
use drift_domain::failure::Failure;
use drift_domain::ids::{EnvironmentId, OrganizationId};
use drift_domain::severity::Severity;
use drift_store::environments::EnvironmentRecord;
use drift_store::events::NewEvent;
use drift_store::notifications::told::{self, Told};
use drift_store::{PgConnection, StoreError, environments, events};
use serde_json::{Value, json};

use crate::Services;
use crate::error::ServiceResult;

/// Workflows that an event names at most.
const NAMED: usize = 5;
/// Environments that one look for stale ones tells of at most; the next one goes on.
const AT_ONCE: i64 = 200;

impl Services {
    /// Tells what a good check turned: `opened` are the workflows that differ anew, `differing` counts all that differ.
    pub(crate) async fn tell_good_look(
        &self,
        db: &mut PgConnection,
        environment: &EnvironmentRecord,
        opened: &[(String, Severity)],
        differing: usize,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let whose = (environment.organization_id, environment.id);
        let Some(before) = told::get(db, whose.0, whose.1).await? else { return Ok(()) };
        if before.unverified {
            turn(db, whose, "environment.verified", json!({}), now).await?;
        }
        if !opened.is_empty() {
            let names: Vec<_> = opened.iter().take(NAMED).map(|(name, _)| name).collect();
            let severity = opened.iter().map(|(_, severity)| *severity).max();
            let data =
                json!({ "changes": opened.len(), "workflows": names, "severity": severity, "differing": differing });
            turn(db, whose, "environment.drift_detected", data, now).await?;
        } else if differing == 0 && before.drifting {
            turn(db, whose, "environment.drift_gone", json!({}), now).await?;
        }
        let after = Told { drifting: differing > 0, unverified: false };
        if after == before { Ok(()) } else { told::set(db, whose.0, whose.1, after).await }
    }

    /// Tells that the newest check failed, where the one before had not.
    pub(crate) async fn tell_failed_look(
        &self,
        db: &mut PgConnection,
        environment: &EnvironmentRecord,
        failure: &Failure,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let whose = (environment.organization_id, environment.id);
        let data = json!({ "side": failure.side, "failure": failure.kind, "why": failure.message });
        unverified(db, whose, data, now).await.map(drop)
    }

    /// Tells of environments whose newest good check has become too old, and whose checks do not even fail. Answers how many.
    ///
    /// # Errors
    /// [`crate::ServiceError::Unavailable`] when the database does not answer; what was not told is found again.
    pub async fn tell_stale_environments(&self) -> ServiceResult<u32> {
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        let found = told::stale(&mut db, self.clock.now(), Freshness::INTERVALS, AT_ONCE).await?;
        drop(db);
        let mut told = 0;
        for whose in found {
            let mut tx = self.tenant(whose.0).await?;
            environments::lock(&mut tx, whose.0, whose.1).await?;
            let data = json!({ "why": "No check has ended for three times its interval." });
            told += u32::from(unverified(&mut tx, whose, data, self.clock.now()).await?);
            tx.commit().await.map_err(StoreError::from)?;
        }
        Ok(told)
    }
}

async fn unverified(
    db: &mut PgConnection,
    whose: (OrganizationId, EnvironmentId),
    data: Value,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let Some(before) = told::get(db, whose.0, whose.1).await? else { return Ok(false) };
    if before.unverified {
        return Ok(false);
    }
    turn(db, whose, "environment.unverified", data, now).await?;
    told::set(db, whose.0, whose.1, Told { unverified: true, ..before }).await?;
    Ok(true)
}

async fn turn(
    db: &mut PgConnection,
    (organization_id, environment): (OrganizationId, EnvironmentId),
    kind: &str,
    data: Value,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let environment_id = Some(environment);
    let event = NewEvent { organization_id, environment_id, change_id: None, kind, actor: None, data };
    events::append(db, &event, now).await
}
