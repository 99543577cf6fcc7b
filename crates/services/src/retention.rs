//! Retention: what is over is kept as long as the plan says, and no longer. What is open is kept whatever its age.

use chrono::TimeDelta;
use drift_store::{StoreError, checks, contents, deliveries, idempotency, people, plans};

use crate::Services;
use crate::error::ServiceResult;

/// Days after which a reading that no check needed is forgotten; it can be made anew.
const READINGS_DAYS: i64 = 14;
/// Days that a token which has ended is still shown to its person.
const TOKENS_DAYS: i64 = 30;
/// Days that a delivery is remembered: GitHub offers redelivery for three.
const DELIVERIES_DAYS: i64 = 7;

impl Services {
    /// Forgets what is over: sessions, deliveries, unused readings, and checks older than the plan keeps.
    ///
    /// # Errors
    /// [`crate::ServiceError::Unavailable`] when the database does not answer; what was not forgotten is so next time.
    pub async fn tidy(&self) -> ServiceResult<()> {
        let now = self.clock.now();
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        drift_store::sessions::delete_ended(&mut db, now, now - crate::accounts::IDLE).await?;
        drift_store::sign_in::delete_before(&mut db, now - TimeDelta::days(1)).await?;
        drift_store::identities::forget_attempts(&mut db, now).await?;
        drift_store::resets::forget(&mut db, now).await?;
        for organization in people::organizations(&mut db).await? {
            let Some(plan) = plans::effective(&mut db, organization).await? else { continue };
            checks::forget(&mut db, organization, now - TimeDelta::days(plan.history_days())).await?;
            contents::forget_unused(&mut db, organization, (now - TimeDelta::days(READINGS_DAYS)).date_naive()).await?;
            idempotency::forget(&mut db, organization, now - crate::idempotency::REMEMBERED).await?;
            drift_store::tokens::forget(&mut db, organization, now - TimeDelta::days(TOKENS_DAYS)).await?;
            deliveries::forget(&mut db, organization, now - TimeDelta::days(DELIVERIES_DAYS)).await?;
        }
        Ok(())
    }
}
