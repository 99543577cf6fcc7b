//! Retention: what is over is kept as long as the plan says, and no longer. What is open is kept whatever its age, and so is what
//! is under a legal hold.

mod holds;
mod page;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use drift_domain::clock::Clock;
use drift_domain::ids::{OrganizationId, RetentionRunId};
use drift_domain::plan::Plan;
use drift_domain::retention::RetentionKind;
use drift_store::events::{self, NewEvent};
use drift_store::notifications::outbox;
use drift_store::retention::{self, CutOffs, Run};
use drift_store::{
    PgConnection, PgPool, StoreError, contents, deliveries, gates, holds as held, idempotency, people, plans,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

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
/// Incidents that one statement removes at most: much belongs to each, and its environment waits meanwhile.
const INCIDENTS_AT_ONCE: i64 = 100;
/// Statements of one kind for one organization in one tidying; what is left then is left for the next.
const ROUNDS: i64 = 40;
/// Plans that nobody said to carry out are kept for a day: by then they are plans of something else.
const PLANS: TimeDelta = TimeDelta::days(1);
/// Contents are kept for a day at least, referred to or not: a check may be about to.
const CONTENTS: TimeDelta = TimeDelta::days(1);

/// The moments that ages are counted against, where a plan keeps so many days of history.
fn cut_offs(now: DateTime<Utc>, history_days: i64) -> CutOffs {
    let history = now - TimeDelta::days(history_days);
    // What is older than the history goes as that, and is counted once.
    let span = |age: TimeDelta| ((now - age - MADE_UP).max(history), now - age);
    CutOffs {
        history,
        hourly: span(EVERY_CHECK),
        daily: span(HOURLY),
        plans: now - PLANS,
        contents: now - CONTENTS,
        now,
    }
}

/// Rows of a kind that one statement removes at most.
const fn at_once(kind: RetentionKind) -> i64 {
    match kind {
        RetentionKind::Incidents => INCIDENTS_AT_ONCE,
        _ => AT_ONCE,
    }
}

impl Services {
    /// Forgets what is over: sessions, deliveries, what can be made anew and was not used, and what is older than each
    /// organization's plan keeps ([`Keeper::tidy`]).
    ///
    /// # Errors
    /// [`crate::ServiceError::Unavailable`] when the database does not answer; what was not forgotten is so next time.
    pub async fn tidy(&self) -> ServiceResult<()> {
        let now = self.clock.now();
        let keeper = Keeper::new(self.pool.clone(), Arc::clone(&self.clock));
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        drift_store::sessions::delete_ended(&mut db, now, now - crate::accounts::IDLE).await?;
        drift_store::sign_in::delete_before(&mut db, now - TimeDelta::days(1)).await?;
        drift_store::identities::forget_attempts(&mut db, now).await?;
        drift_store::resets::forget(&mut db, now).await?;
        for organization in people::organizations(&mut db).await? {
            keeper.tidy(organization).await?;
            contents::forget_unused(&mut db, organization, (now - TimeDelta::days(READINGS_DAYS)).date_naive()).await?;
            idempotency::forget(&mut db, organization, now - crate::idempotency::REMEMBERED).await?;
            drift_store::tokens::forget(&mut db, organization, now - TimeDelta::days(TOKENS_DAYS)).await?;
            deliveries::forget(&mut db, organization, now - TimeDelta::days(DELIVERIES_DAYS)).await?;
            self.tidy_reports(organization).await?;
            // Who was told what, and what was let through: under a hold on all, they are kept with the rest.
            if !held::holds_all(&mut db, organization).await? {
                gates::forget(&mut db, organization, now - TimeDelta::days(NOTICES_DAYS)).await?;
                outbox::forget(&mut db, organization, now - TimeDelta::days(NOTICES_DAYS)).await?;
            }
        }
        Ok(())
    }
}

/// Retention by itself, for the services and for who runs the installation: a subcommand has no more than the database.
pub struct Keeper {
    pool: PgPool,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keeper").finish_non_exhaustive()
    }
}

impl Keeper {
    /// Retention over a migrated database.
    #[must_use]
    pub fn new(pool: PgPool, clock: Arc<dyn Clock>) -> Self {
        Self { pool, clock }
    }

    /// Removes what is over and older than an organization's plan keeps, in batches that are a transaction each, and puts each on
    /// record in that transaction. What they removed is told in the audit log, once a day at most. Of checks that found the same
    /// as the one before, one an hour is kept after a day, and one a day after a month.
    ///
    /// # Errors
    /// [`crate::ServiceError::Unavailable`] when the database does not answer; what was not removed is so next time.
    pub async fn tidy(&self, organization: OrganizationId) -> ServiceResult<()> {
        let now = self.clock.now();
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        let Some(plan) = plans::effective(&mut db, organization).await? else { return Ok(()) };
        drop(db);
        let cut = cut_offs(now, plan.history_days());
        let run = Run { id: RetentionRunId(Uuid::now_v7()), began_at: now, history_days: days(&plan) };
        for kind in RetentionKind::ALL {
            for _ in 0..ROUNDS {
                if self.remove(organization, &run, *kind, &cut).await? < at_once(*kind).unsigned_abs() {
                    break;
                }
            }
        }
        self.tell(organization, &cut).await
    }

    /// One batch.
    async fn remove(
        &self,
        organization: OrganizationId,
        run: &Run,
        kind: RetentionKind,
        cut: &CutOffs,
    ) -> ServiceResult<u64> {
        let mut tx = self.pool.begin().await.map_err(StoreError::from)?;
        retention::wait_for_holds(&mut tx, organization).await?;
        let removed = retention::remove(&mut tx, organization, kind, cut, at_once(kind)).await?;
        if removed > 0 {
            retention::record(&mut tx, organization, run, kind, removed, cut.of(kind)).await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        Ok(removed)
    }

    /// Puts what was removed since the last time into the audit log, once a day.
    async fn tell(&self, organization: OrganizationId, cut: &CutOffs) -> ServiceResult<()> {
        let mut tx = self.pool.begin().await.map_err(StoreError::from)?;
        let removed = retention::take_untold(&mut tx, organization, cut.now.date_naive()).await?;
        if !removed.is_empty() {
            let counts: Map<String, Value> = removed
                .iter()
                .map(|r| (r.kind.as_str().to_owned(), json!({ "removed": r.count, "older_than": r.cut_off })))
                .collect();
            let event = NewEvent {
                organization_id: organization,
                environment_id: None,
                change_id: None,
                kind: "retention.tidied",
                actor: None,
                data: Value::Object(counts),
            };
            events::append(&mut tx, &event, cut.now).await?;
        }
        retention::forget_runs(&mut tx, organization, cut.history).await?;
        Ok(tx.commit().await.map_err(StoreError::from)?)
    }
}

/// Days of history that a plan keeps. Its bounds are years.
fn days(plan: &Plan) -> i32 {
    i32::try_from(plan.history_days()).unwrap_or(i32::MAX)
}

/// What a tidying would remove of an organization that keeps so many days of history: of these kinds, as sentences' subjects.
pub(crate) async fn would_go(
    db: &mut PgConnection,
    organization: OrganizationId,
    now: DateTime<Utc>,
    history_days: i64,
) -> ServiceResult<Vec<(RetentionKind, u64)>> {
    let cut = cut_offs(now, history_days);
    let mut going = Vec::new();
    for kind in [RetentionKind::Checks, RetentionKind::Changes, RetentionKind::Events, RetentionKind::Incidents] {
        let tallies = retention::tally(db, organization, kind, &cut).await?;
        let count = tallies.iter().filter(|tally| tally.kept.is_none()).map(|tally| tally.count).sum();
        going.push((kind, count));
    }
    Ok(going)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_looked_at_as_one_kind() {
        let now = "2026-11-28T12:00:00Z".parse().unwrap();
        for history in [7, 30, 31, 365] {
            let cut = cut_offs(now, history);
            assert!(cut.hourly.0 >= cut.history && cut.daily.0 >= cut.history, "{history} days");
            assert!(cut.daily.1 <= cut.hourly.0, "the spans do not overlap");
        }
        let short = cut_offs(now, 7);
        assert!(short.daily.0 >= short.daily.1, "nothing is that old");
    }
}
