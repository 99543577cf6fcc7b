//! Compliance reports: asked for by people or every month, made by the worker, kept for a week.

mod chain;
mod clock;
mod command;
mod file;
mod make;
mod rows;
mod schedules;
mod write;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use drift_domain::ids::{EnvironmentId, IncidentId, OrganizationId, ReportId, UserId};
use drift_domain::plan::{Capability, Plan, PlanTier};
use drift_domain::report::{LIMITED_DAYS, ReportFormat, ReportRange, first_day};
use drift_domain::views::{PersonView, ReportAsk, ReportView, ReportsPage};
use drift_store::events::{self, NewEvent};
use drift_store::people::Member;
use drift_store::reports::{self, NewReport, ReportRecord, Within};
use drift_store::{PgConnection, StoreError, environments, people};
use serde_json::{Value, json};
use uuid::Uuid;

pub use command::{Reporter, WriteNow, Written};
pub use file::ReportFile;

use crate::Services;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Caller, Permit, cap};

/// How long the file of a report is kept.
const KEPT: TimeDelta = TimeDelta::days(7);
/// How long a report stays listed after it was over.
const LISTED: TimeDelta = TimeDelta::days(90);
/// Reports of one organization that may wait or be made at once, by people who ask.
const UNDER_WAY: i64 = 3;
/// Reports on a page.
const PAGE: i64 = 50;

impl Services {
    /// Asks the gate for a report: whose the environment or the incident is comes first.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for one that is not the organization's; [`ServiceError::PlanRequired`] or
    /// [`ServiceError::RoleRequired`], naming what would do.
    pub async fn report_ask_permit(
        &self,
        caller: &Caller,
        environment: Option<EnvironmentId>,
        incident: Option<IncidentId>,
    ) -> ServiceResult<Permit<cap::Reports>> {
        let organization = caller.organization_id;
        let mut db = self.tenant(organization).await?;
        find(&mut db, organization, environment, incident).await?;
        caller.permit()
    }

    /// Asks the gate for a report that is there: whose it is comes first.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for one that is not the organization's; [`ServiceError::PlanRequired`] or
    /// [`ServiceError::RoleRequired`], naming what would do.
    pub async fn report_permit(&self, caller: &Caller, id: ReportId) -> ServiceResult<Permit<cap::Reports>> {
        let mut db = self.tenant(caller.organization_id).await?;
        one(&mut db, caller.organization_id, id).await?;
        caller.permit()
    }

    /// Has a report made of days or of an incident. It is made in the background.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for an environment or an incident that is not the organization's; [`ServiceError::Invalid`] for
    /// what is no range; [`ServiceError::PlanLimit`] for a format or days that the plan does not have;
    /// [`ServiceError::PolicyRefused`] while as many as may are still to be made.
    pub async fn request_report(&self, permit: &Permit<cap::Reports>, ask: &ReportAsk) -> ServiceResult<ReportView> {
        let (organization, now) = (permit.organization(), self.clock.now());
        let mut tx = self.tenant(organization).await?;
        find(&mut tx, organization, ask.environment, ask.incident).await?;
        let days = days(ask, now)?;
        allowed(permit.plan(), ask.format, days.map(ReportRange::first), now)?;
        if let Some(incident) = ask.incident {
            shown(&mut tx, organization, permit.plan(), incident, now).await?;
        }
        if reports::under_way(&mut tx, organization).await? >= UNDER_WAY {
            return Err(ServiceError::policy(
                "reports-under-way",
                format!("{UNDER_WAY} reports are still to be made. Wait until one is ready, or remove one."),
            ));
        }
        let new = NewReport {
            id: ReportId(Uuid::now_v7()),
            format: ask.format,
            days: days.map(|range| (range.first(), range.last())),
            environment: ask.environment,
            incident: ask.incident,
            by: Some(permit.caller().user_id),
            scheduled: None,
        };
        let report = add(&mut tx, organization, &new, now).await?.ok_or(ServiceError::NotFound("report"))?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(view(report))
    }

    /// What the page of reports shows: the newest reports, of those before `before`, and what can be asked for.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn reports_page(
        &self,
        permit: &Permit<cap::Reports>,
        before: Option<ReportId>,
    ) -> ServiceResult<ReportsPage> {
        let (organization, now) = (permit.organization(), self.clock.now());
        let grant = permit.plan().grant(Capability::Reports);
        let mut db = self.tenant(organization).await?;
        let mut found = reports::list(&mut db, organization, None, before, PAGE + 1).await?;
        let more = found.len() > PAGE as usize;
        found.truncate(PAGE as usize);
        let members = people::members(&mut db, organization).await?;
        let all = environments::list(&mut db, organization, None, i64::MAX).await?;
        let schedules = reports::schedules(&mut db, organization, None).await?;
        Ok(ReportsPage {
            next: found.last().filter(|_| more).map(|report| report.id),
            reports: found.into_iter().map(view).collect(),
            schedules: schedules.into_iter().map(|schedule| schedules::view(schedule, &members)).collect(),
            environments: all.into_iter().map(|e| (e.id, e.connection.name)).collect(),
            readers: members.iter().filter(|member| reads(member)).map(person).collect(),
            formats: ReportFormat::ALL.iter().copied().filter(|format| format.is_granted(grant)).collect(),
            first_day: first_day(grant, now.date_naive()),
            mails: self.sends_mail(),
            now,
        })
    }

    /// The organization's newest reports, of those before `before`.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn reports(
        &self,
        permit: &Permit<cap::Reports>,
        before: Option<ReportId>,
        most: u32,
    ) -> ServiceResult<Vec<ReportView>> {
        let mut db = self.tenant(permit.organization()).await?;
        let found = reports::list(&mut db, permit.organization(), None, before, most.into()).await?;
        Ok(found.into_iter().map(view).collect())
    }

    /// One report: how far it is.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for one that is not the organization's.
    pub async fn report(&self, permit: &Permit<cap::Reports>, id: ReportId) -> ServiceResult<ReportView> {
        let mut db = self.tenant(permit.organization()).await?;
        Ok(view(one(&mut db, permit.organization(), id).await?))
    }

    /// Removes a report with its file. One that is being made is not made any further.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for one that is not the organization's.
    pub async fn remove_report(&self, permit: &Permit<cap::Reports>, id: ReportId) -> ServiceResult<()> {
        let organization = permit.organization();
        let mut tx = self.tenant(organization).await?;
        let report = one(&mut tx, organization, id).await?;
        if !reports::remove(&mut tx, organization, id).await? {
            return Err(ServiceError::NotFound("report"));
        }
        let was = json!({ "state": report.state });
        tell(&mut tx, organization, Some(permit.caller().user_id), ("report.removed", &report, was), self.clock.now())
            .await?;
        Ok(tx.commit().await.map_err(StoreError::from)?)
    }
}

/// Finds what a report is to be of.
async fn find(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: Option<EnvironmentId>,
    incident: Option<IncidentId>,
) -> ServiceResult<()> {
    if let Some(id) = environment
        && !environments::exists(db, organization, id).await?
    {
        return Err(ServiceError::NotFound("environment"));
    }
    if let Some(id) = incident {
        let found = drift_store::incidents::get(db, organization, id).await?;
        found.ok_or(ServiceError::NotFound("incident"))?;
    }
    Ok(())
}

async fn one(db: &mut PgConnection, organization: OrganizationId, id: ReportId) -> ServiceResult<ReportRecord> {
    reports::get(db, organization, id).await?.ok_or(ServiceError::NotFound("report"))
}

/// Records that a report is to be made, has it made and tells the log. `None` where its schedule has one of that month.
async fn add(
    db: &mut PgConnection,
    organization: OrganizationId,
    new: &NewReport,
    now: DateTime<Utc>,
) -> ServiceResult<Option<ReportRecord>> {
    if !reports::insert(db, organization, new, now).await? {
        return Ok(None);
    }
    reports::enqueue(db, organization, new.id).await?;
    let report = one(db, organization, new.id).await?;
    tell(db, organization, new.by, ("report.requested", &report, json!({})), now).await?;
    Ok(Some(report))
}

/// The days that somebody asks for; `None` where it is of an incident.
fn days(ask: &ReportAsk, now: DateTime<Utc>) -> ServiceResult<Option<ReportRange>> {
    let invalid = ServiceError::invalid;
    if ask.incident.is_some() {
        if ask.from.is_some() || ask.to.is_some() || ask.environment.is_some() {
            return Err(invalid(
                "incident",
                "A report is of days, or of one incident. Leave the days and the environment out.",
            ));
        }
        return Ok(None);
    }
    let from = ask.from.ok_or_else(|| invalid("from", "Say which day the report begins with."))?;
    let to = ask.to.ok_or_else(|| invalid("to", "Say which day the report ends with."))?;
    if to > now.date_naive() {
        return Err(invalid("to", "That day is not here yet. A report ends today (UTC) at the latest."));
    }
    let range = ReportRange::new(from, to);
    Ok(Some(range.ok_or_else(|| invalid("to", "The days end before they begin."))?))
}

/// Whether a plan has a report in this format, from this day on, seen from a moment.
fn allowed(plan: &Plan, format: ReportFormat, first: Option<NaiveDate>, now: DateTime<Utc>) -> ServiceResult<()> {
    let (capability, needs) = (Capability::Reports, PlanTier::Enterprise);
    let grant = plan.grant(capability);
    if !format.is_granted(grant) {
        return Err(match capability.first_plan() {
            Some(first) if !ReportFormat::Csv.is_granted(grant) => {
                ServiceError::PlanRequired { capability, needs: first }
            }
            _ => ServiceError::PlanLimit {
                capability,
                needs,
                message: format!(
                    "Reports as {} need the {} plan. Yours has {}.",
                    format.label(),
                    needs.label(),
                    ReportFormat::Csv.label()
                ),
            },
        });
    }
    match (first_day(grant, now.date_naive()), first) {
        (Some(shown), Some(first)) if first < shown => Err(too_old(shown)),
        _ => Ok(()),
    }
}

/// Whether a plan reports on an incident: one that was there within the days that it has.
async fn shown(
    db: &mut PgConnection,
    organization: OrganizationId,
    plan: &Plan,
    incident: IncidentId,
    now: DateTime<Utc>,
) -> ServiceResult<()> {
    let Some(first) = first_day(plan.grant(Capability::Reports), now.date_naive()) else { return Ok(()) };
    let span = ReportRange::new(first, now.date_naive()).map(|days| (days.begins(), days.ends()));
    let within = Within { span, environment: None, incident: Some(incident) };
    let (found, _) = reports::incidents(db, organization, &within, 0, 1).await?;
    if found.is_empty() { Err(too_old(first)) } else { Ok(()) }
}

fn too_old(shown: NaiveDate) -> ServiceError {
    let needs = PlanTier::Enterprise;
    let message = format!(
        "Your plan reports on the last {LIMITED_DAYS} days: from {shown} on. Further back needs the {} plan.",
        needs.label()
    );
    ServiceError::PlanLimit { capability: Capability::Reports, needs, message }
}

/// Whether a member may read reports.
fn reads(member: &Member) -> bool {
    member.role >= Capability::Reports.least_role()
}

fn person(member: &Member) -> PersonView {
    PersonView { id: member.user_id, name: member.name.clone() }
}

/// Puts on record what happened to a report.
async fn tell(
    db: &mut PgConnection,
    organization_id: OrganizationId,
    actor: Option<UserId>,
    (kind, report, more): (&str, &ReportRecord, Value),
    now: DateTime<Utc>,
) -> ServiceResult<()> {
    let mut data = json!({
        "report": report.id, "name": file_name(report), "format": report.format,
        "first_day": report.days.map(|days| days.0), "last_day": report.days.map(|days| days.1),
        "environment": report.environment.as_ref().map(|of| &of.1),
        "incident": report.incident.map(|of| of.1), "monthly": report.schedule,
    });
    if let (Some(data), Value::Object(more)) = (data.as_object_mut(), more) {
        data.retain(|_, value| !value.is_null());
        data.extend(more);
    }
    let event = NewEvent { organization_id, environment_id: None, change_id: None, kind, actor, data };
    Ok(events::append(db, &event, now).await?)
}

/// What the file of a report is called: of letters, digits and hyphens, whatever the environment is called.
fn file_name(report: &ReportRecord) -> String {
    let of = match (report.incident, report.days) {
        (Some((_, number)), _) => format!("INC-{number}"),
        (None, Some((first, last))) => format!("{first}-to-{last}"),
        (None, None) => report.id.to_string(),
    };
    let environment = report.environment.as_ref().map(|(_, name)| format!("{}-", slug(name))).unwrap_or_default();
    format!("workflowops-{environment}{of}.{}", report.format.extension())
}

fn slug(name: &str) -> String {
    let letters = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    let words: String = letters.take(40).collect();
    let words: Vec<&str> = words.split('-').filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "environment".to_owned() } else { words.join("-") }
}

fn view(report: ReportRecord) -> ReportView {
    let (environment_id, environment) = report.environment.clone().unzip();
    let (incident_id, incident) = report.incident.unzip();
    ReportView {
        file_name: file_name(&report),
        id: report.id,
        format: report.format,
        from: report.days.map(|days| days.0),
        to: report.days.map(|days| days.1),
        environment_id,
        environment,
        incident_id,
        incident,
        state: report.state,
        done: report.done,
        total: report.total,
        requested_by: report.requested_by.map(|(id, name)| PersonView { id, name }),
        schedule_id: report.schedule,
        requested_at: report.requested_at,
        as_of: report.as_of,
        finished_at: report.finished_at,
        expires_at: report.expires_at,
        size: report.size,
        sha256: report.sha256.map(hex::encode),
        error: report.error,
    }
}

#[cfg(test)]
mod tests {
    use drift_domain::plan::Plan;

    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-03-31T12:00:00Z".parse().unwrap()
    }

    fn ask(from: &str, to: &str) -> ReportAsk {
        let day = |text: &str| text.parse().ok();
        ReportAsk { format: ReportFormat::Csv, from: day(from), to: day(to), environment: None, incident: None }
    }

    #[test]
    fn days_are_a_range_that_is_over_today_at_the_latest() {
        let field = |from: &str, to: &str| match days(&ask(from, to), now()) {
            Err(ServiceError::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        assert_eq!(field("", "2026-03-01"), "from");
        assert_eq!(field("2026-03-01", ""), "to");
        assert_eq!(field("2026-03-02", "2026-03-01"), "to");
        assert_eq!(field("2026-03-02", "2026-04-01"), "to");
        assert!(days(&ask("2026-03-31", "2026-03-31"), now()).unwrap().is_some());
        let both = ReportAsk { incident: Some(IncidentId(Uuid::nil())), ..ask("2026-03-01", "2026-03-02") };
        assert!(days(&both, now()).is_err());
        let one = ReportAsk { from: None, to: None, ..both };
        assert_eq!(days(&one, now()).unwrap(), None);
    }

    #[test]
    fn a_plan_has_its_formats_and_its_days() {
        let limited = Plan::standard(PlanTier::Agency);
        let day = |text: &str| Some(text.parse().unwrap());
        assert!(allowed(&limited, ReportFormat::Csv, day("2026-01-01"), now()).is_ok());
        let refused = |plan: &Plan, format, first| allowed(plan, format, first, now()).unwrap_err();
        assert!(matches!(
            refused(&limited, ReportFormat::Csv, day("2025-12-31")),
            ServiceError::PlanLimit { needs: PlanTier::Enterprise, .. }
        ));
        assert!(matches!(refused(&limited, ReportFormat::Json, None), ServiceError::PlanLimit { .. }));
        let none = Plan::standard(PlanTier::Pro);
        assert!(matches!(
            refused(&none, ReportFormat::Csv, None),
            ServiceError::PlanRequired { needs: PlanTier::Agency, .. }
        ));
        let full = Plan::standard(PlanTier::Enterprise);
        assert!(allowed(&full, ReportFormat::Json, day("2020-01-01"), now()).is_ok());
    }

    #[test]
    fn the_name_of_a_file_is_harmless_whatever_an_environment_is_called() {
        assert_eq!(slug("Prod EU \"/../\r\n"), "prod-eu");
        assert_eq!(slug("Прод"), "environment");
    }
}
