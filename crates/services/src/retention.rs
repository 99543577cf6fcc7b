//! Retention: what is over is kept as long as the plan says, and no longer. What is open is kept whatever its age.

use chrono::TimeDelta;
use drift_domain::ids::OrganizationId;
use drift_store::checks::Unit;
use drift_store::notifications::outbox;
use drift_store::{
    PgConnection, StoreError, checks, contents, deliveries, gates, idempotency, people, plans, reconciliations,
    retention,
};

use crate::Services;
use crate::error::ServiceResult;

/// Days after which a reading that no check needed is forgotten; it can be made anew.
const READINGS_DAYS: i64 = 14;
/// Days that a token which has ended is still shown to its person.
const TOKENS_DAYS: i64 = 30;
/// Days that a delivery is remembered: GitHub offers redelivery for three.
const DELIVERIES_DAYS: i64 = 7;
/// Days that the log of notifications, and that of runs which asked at the gate, goes back.
const NOTICES_DAYS: i64 = 30;

/// Every check is kept for a day.
const EVERY_CHECK: TimeDelta = TimeDelta::days(1);
/// After a day, of checks that found the same again one an hour is kept.
const HOURLY: TimeDelta = TimeDelta::days(30);
/// For so long after that, checks are looked through again: a tidying that did not take place is made up for.
const MADE_UP: TimeDelta = TimeDelta::days(2);
/// Rows that one statement removes at most: each is a transaction of its own, over in seconds.
const AT_ONCE: i64 = 5000;
/// Statements of one kind for one organization in one tidying; what is left then is left for the next.
const ROUNDS: usize = 40;
/// Plans that nobody said to carry out are kept for a day: by then they are plans of something else.
const PLANS: TimeDelta = TimeDelta::days(1);
/// Contents are kept for a day at least, referred to or not: a check may be about to.
const CONTENTS: TimeDelta = TimeDelta::days(1);

impl Services {
    /// Forgets what is over: sessions, deliveries, what can be made anew and was not used, and checks, finished changes and
    /// events that are older than the plan keeps. Of checks that found the same as the one before, one an hour is kept
    /// after a day, and one a day after a month: what found something else stays as long as the plan says.
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
            let history = now - TimeDelta::days(plan.history_days());
            self.tidy_checks(&mut db, organization, now).await?;
            checks::forget(&mut db, organization, history).await?;
            for _ in 0..ROUNDS {
                if retention::forget_changes(&mut db, organization, history, AT_ONCE).await? < AT_ONCE {
                    break;
                }
            }
            for _ in 0..ROUNDS {
                if retention::forget_events(&mut db, organization, history, AT_ONCE).await? < AT_ONCE.unsigned_abs() {
                    break;
                }
            }
            reconciliations::forget(&mut db, organization, now - PLANS, history).await?;
            contents::forget_unused(&mut db, organization, (now - TimeDelta::days(READINGS_DAYS)).date_naive()).await?;
            for _ in 0..ROUNDS {
                if contents::forget_snapshots(&mut db, organization, now - CONTENTS, AT_ONCE).await? < AT_ONCE {
                    break;
                }
            }
            idempotency::forget(&mut db, organization, now - crate::idempotency::REMEMBERED).await?;
            drift_store::tokens::forget(&mut db, organization, now - TimeDelta::days(TOKENS_DAYS)).await?;
            deliveries::forget(&mut db, organization, now - TimeDelta::days(DELIVERIES_DAYS)).await?;
            gates::forget(&mut db, organization, now - TimeDelta::days(NOTICES_DAYS)).await?;
            outbox::forget(&mut db, organization, now - TimeDelta::days(NOTICES_DAYS)).await?;
        }
        Ok(())
    }

    async fn tidy_checks(
        &self,
        db: &mut PgConnection,
        organization: OrganizationId,
        now: chrono::DateTime<chrono::Utc>,
    ) -> ServiceResult<()> {
        for (age, unit) in [(EVERY_CHECK, Unit::Hour), (HOURLY, Unit::Day)] {
            let span = (now - age - MADE_UP, now - age);
            for _ in 0..ROUNDS {
                if checks::thin(db, organization, span, unit, AT_ONCE).await? < AT_ONCE.unsigned_abs() {
                    break;
                }
            }
        }
        Ok(())
    }
}
