//! What happens to reports by itself: those of a month that is over, files whose time is over, jobs that were lost.

use chrono::{NaiveDate, TimeDelta};
use drift_domain::ids::{OrganizationId, ReportId, ReportScheduleId};
use drift_domain::report::ReportRange;
use drift_store::reports::{self, NewReport};
use drift_store::{StoreError, holds};
use uuid::Uuid;

use super::{LISTED, add, schedules};
use crate::Services;
use crate::error::{ServiceError, ServiceResult};

/// Schedules, and lost jobs, that are looked after in one go.
const AT_ONCE: i64 = 100;
/// How long a report waits for its job before it is taken for lost.
const LOST: TimeDelta = TimeDelta::seconds(60);

impl Services {
    /// Asks for the reports of months that are over, one month of each schedule at a time, and again for reports whose job was
    /// lost. Answers how many were asked for. Any number of replicas may: a schedule has one report of a month.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer; what was not asked for is so next time.
    pub async fn enqueue_due_reports(&self) -> ServiceResult<u32> {
        let now = self.clock.now();
        let month =
            ReportRange::month_of(now.date_naive()).ok_or_else(|| ServiceError::unavailable("no such month"))?;
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        let due = reports::due_schedules(&mut db, month.first(), AT_ONCE).await?;
        let mut asked = reports::enqueue_forgotten(&mut db, now - LOST, AT_ONCE).await?;
        drop(db);
        for (organization, id) in due {
            asked += u32::from(self.report_on_month(organization, id, month.first()).await?);
        }
        Ok(asked)
    }

    /// Asks for the report of a schedule's next month, if that is over and no other replica does.
    async fn report_on_month(
        &self,
        organization: OrganizationId,
        id: ReportScheduleId,
        now_in: NaiveDate,
    ) -> ServiceResult<bool> {
        let mut tx = self.tenant(organization).await?;
        if !reports::lock_schedule(&mut tx, organization, id, now_in).await? {
            return Ok(false);
        }
        let Some(schedule) = reports::schedules(&mut tx, organization, Some(id)).await?.pop() else {
            return Ok(false);
        };
        let (month, next) = (ReportRange::month_of(schedule.next_month), schedules::next_month(schedule.next_month));
        let Some((month, next)) = month.zip(next) else { return Ok(false) };
        let new = NewReport {
            id: ReportId(Uuid::now_v7()),
            format: schedule.format,
            days: Some((month.first(), month.last())),
            environment: schedule.environment.map(|of| of.0),
            incident: None,
            by: None,
            scheduled: Some((id, month.first())),
        };
        let report = add(&mut tx, organization, &new, self.clock.now()).await?;
        reports::move_on(&mut tx, organization, id, next).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(report.is_some())
    }

    /// Removes the files of an organization's reports whose time is over, and forgets reports that were over long ago.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub(crate) async fn tidy_reports(&self, organization: OrganizationId) -> ServiceResult<()> {
        let now = self.clock.now();
        let mut tx = self.tenant(organization).await?;
        reports::expire(&mut tx, organization, now).await?;
        if !holds::holds_all(&mut tx, organization).await? {
            reports::forget(&mut tx, organization, now - LISTED).await?;
        }
        Ok(tx.commit().await.map_err(StoreError::from)?)
    }
}
