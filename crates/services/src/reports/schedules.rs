//! Reports that are made every month, of the month before.

use chrono::{Datelike, Months};
use drift_domain::ids::{EnvironmentId, OrganizationId, ReportScheduleId, UserId};
use drift_domain::report::ReportRange;
use drift_domain::views::{PersonView, ReportScheduleAsk, ReportScheduleView};
use drift_store::events::{self, NewEvent};
use drift_store::people::{self, Member};
use drift_store::reports::{self, ScheduleRecord};
use drift_store::{PgConnection, StoreError};
use serde_json::json;
use uuid::Uuid;

use super::{allowed, find, person, reads};
use crate::Services;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Caller, Permit, cap};

/// Monthly reports of one organization at most.
const SCHEDULES: usize = 10;

impl Services {
    /// Asks the gate for a monthly report that is there: whose it is comes first.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for one that is not the organization's; [`ServiceError::PlanRequired`] or
    /// [`ServiceError::RoleRequired`], naming what would do.
    pub async fn report_schedule_permit(
        &self,
        caller: &Caller,
        id: ReportScheduleId,
    ) -> ServiceResult<Permit<cap::Reports>> {
        let mut db = self.tenant(caller.organization_id).await?;
        schedule(&mut db, caller.organization_id, id).await?;
        caller.permit()
    }

    /// The reports that are made every month, the newest first.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn report_schedules(&self, permit: &Permit<cap::Reports>) -> ServiceResult<Vec<ReportScheduleView>> {
        let mut db = self.tenant(permit.organization()).await?;
        let members = people::members(&mut db, permit.organization()).await?;
        let found = reports::schedules(&mut db, permit.organization(), None).await?;
        Ok(found.into_iter().map(|record| view(record, &members)).collect())
    }

    /// Has a report made every month, of the month before: the first one of this month. A link is mailed to the recipients.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for an environment that is not the organization's; [`ServiceError::Invalid`] for a recipient who
    /// may not read reports; [`ServiceError::PlanLimit`] for a format that the plan does not have;
    /// [`ServiceError::PolicyRefused`] where there are as many as may be.
    pub async fn schedule_report(
        &self,
        permit: &Permit<cap::Reports>,
        ask: &ReportScheduleAsk,
    ) -> ServiceResult<ReportScheduleView> {
        let (organization, now) = (permit.organization(), self.clock.now());
        let mut tx = self.tenant(organization).await?;
        find(&mut tx, organization, ask.environment, None).await?;
        allowed(permit.plan(), ask.format, None, now)?;
        // Whoever asks for reports in this organization takes turns from here on.
        reports::under_way(&mut tx, organization).await?;
        if reports::schedules(&mut tx, organization, None).await?.len() >= SCHEDULES {
            return Err(ServiceError::policy(
                "report-schedules",
                format!("There are {SCHEDULES} monthly reports already. End one that is not needed any more."),
            ));
        }
        let members = people::members(&mut tx, organization).await?;
        let recipients = recipients(&members, &ask.recipients)?;
        let month =
            ReportRange::month_of(now.date_naive()).ok_or_else(|| ServiceError::unavailable("no such month"))?;
        let id = ReportScheduleId(Uuid::now_v7());
        let (by, what) = (permit.caller().user_id, (ask.format, ask.environment, recipients.as_slice()));
        reports::insert_schedule(&mut tx, organization, id, what, by, (now, month.first())).await?;
        let record = schedule(&mut tx, organization, id).await?;
        self.tell_schedule(&mut tx, by, "report.scheduled", (organization, &record)).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(view(record, &members))
    }

    /// Ends a monthly report. What was made of it stays.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for one that is not the organization's.
    pub async fn unschedule_report(&self, permit: &Permit<cap::Reports>, id: ReportScheduleId) -> ServiceResult<()> {
        let organization = permit.organization();
        let mut tx = self.tenant(organization).await?;
        let record = schedule(&mut tx, organization, id).await?;
        if !reports::remove_schedule(&mut tx, organization, id).await? {
            return Err(ServiceError::NotFound("monthly report"));
        }
        let by = permit.caller().user_id;
        self.tell_schedule(&mut tx, by, "report.unscheduled", (organization, &record)).await?;
        Ok(tx.commit().await.map_err(StoreError::from)?)
    }

    async fn tell_schedule(
        &self,
        db: &mut PgConnection,
        by: UserId,
        kind: &str,
        (organization_id, record): (OrganizationId, &ScheduleRecord),
    ) -> ServiceResult<()> {
        let environment: Option<&EnvironmentId> = record.environment.as_ref().map(|of| &of.0);
        let of = record.environment.as_ref().map_or("All environments", |of| &of.1);
        let data = json!({
            "schedule": record.id, "name": format!("{}, {of}", record.format.label()), "format": record.format,
            "environment": environment, "recipients": record.recipients,
        });
        let event = NewEvent { organization_id, environment_id: None, change_id: None, kind, actor: Some(by), data };
        Ok(events::append(db, &event, self.clock.now()).await?)
    }
}

async fn schedule(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: ReportScheduleId,
) -> ServiceResult<ScheduleRecord> {
    let found = reports::schedules(db, organization, Some(id)).await?.pop();
    found.ok_or(ServiceError::NotFound("monthly report"))
}

/// Those who are to be mailed, once each: members who may read reports.
fn recipients(members: &[Member], asked: &[UserId]) -> ServiceResult<Vec<UserId>> {
    let mut chosen = asked.to_vec();
    chosen.sort_unstable();
    chosen.dedup();
    for id in &chosen {
        if !members.iter().any(|member| member.user_id == *id && reads(member)) {
            return Err(ServiceError::invalid(
                "recipients",
                "A recipient is no member who may read reports. Choose among the administrators and owners.",
            ));
        }
    }
    Ok(chosen)
}

pub(super) fn view(record: ScheduleRecord, members: &[Member]) -> ReportScheduleView {
    let (environment_id, environment) = record.environment.unzip();
    let named = |id: &UserId| members.iter().find(|member| member.user_id == *id).map(person);
    let (id, name) = record.made_by;
    ReportScheduleView {
        id: record.id,
        format: record.format,
        environment_id,
        environment,
        recipients: record.recipients.iter().filter_map(named).collect(),
        made_by: PersonView { id, name },
        made_at: record.made_at,
        next_month: record.next_month,
    }
}

/// The first day of the month after the one that begins with a day.
pub(super) fn next_month(first: chrono::NaiveDate) -> Option<chrono::NaiveDate> {
    first.with_day(1)?.checked_add_months(Months::new(1))
}
