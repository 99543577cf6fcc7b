//! Making a report: one run at a time, of one moment, into parts that are stored as they are made.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use drift_domain::clock::Clock;
use drift_domain::ids::{OrganizationId, ReportId};
use drift_domain::plan::Capability;
use drift_domain::report::ReportRange;
use drift_domain::role::Role;
use drift_report::About;
use drift_store::reports::{self, ReportRecord, Run, Within};
use drift_store::{PgConnection, PgPool, StoreError, people, plans};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::write::{Broken, Scope, Sink, write};
use super::{KEPT, allowed, file_name, shown, tell};
use crate::Services;
use crate::error::{ServiceError, ServiceResult};
use crate::mail::Letter;
use crate::notify::Next;

/// How long whoever makes a report may be silent before another begins anew.
const LEASE: TimeDelta = TimeDelta::seconds(30);
/// How often a report is begun at most.
const ATTEMPTS: u32 = 3;
/// The time between two records of how far a report is.
const TOLD_EVERY: TimeDelta = TimeDelta::seconds(1);

enum Begun {
    /// It is this run's to make.
    Ours(Run, Box<ReportRecord>),
    /// It is over, or was removed.
    Over,
    /// Somebody is at work.
    Busy,
}

impl Services {
    /// Makes a report, if nobody does: for the worker, which asks again as the answer says.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer; it is begun anew then, three times at most.
    pub async fn make_report(&self, organization: OrganizationId, id: ReportId) -> ServiceResult<Next> {
        let (run, report) = match self.begin_report(organization, id).await? {
            Begun::Ours(run, report) => (run, *report),
            Begun::Over => return Ok(Next::Ended),
            Begun::Busy => return Ok(Next::Again { seconds: LEASE.as_seconds_f64() }),
        };
        if report.attempts > ATTEMPTS {
            let why = format!(
                "It was begun {ATTEMPTS} times and never came to its end. Ask for fewer days, or of one environment; the server's \
                 log says what happened."
            );
            return self.fail_report(&run, &why).await;
        }
        if let Err(refused) = self.still_allowed(&run, &report).await? {
            let why = format!("The plan does not have this report any more. {refused}");
            return self.fail_report(&run, &why).await;
        }
        match self.fill_report(&run, &report).await {
            Ok(()) | Err(Broken::Unwanted) => Ok(Next::Ended),
            Err(Broken::Unwritable(error)) => {
                tracing::error!(%error, report.id = %run.report, "a report cannot be written");
                self.fail_report(&run, &sentence(&error)).await
            }
            Err(Broken::Failed(error)) => Err(error),
        }
    }

    /// Puts a report that somebody else makes back into the queue.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn put_report_back(&self, organization: OrganizationId, id: ReportId, seconds: f64) -> ServiceResult<()> {
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        Ok(reports::put_back(&mut db, organization, id, seconds).await?)
    }

    async fn begin_report(&self, organization: OrganizationId, id: ReportId) -> ServiceResult<Begun> {
        let now = self.clock.now();
        let run = Run { organization, report: id, run: Uuid::now_v7() };
        let mut tx = self.tenant(organization).await?;
        let begun = reports::begin(&mut tx, &run, now, now + LEASE).await?;
        let report = reports::get(&mut tx, organization, id).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(match report {
            Some(report) if begun => Begun::Ours(run, Box::new(report)),
            Some(report) if report.state.is_under_way() => Begun::Busy,
            _ => Begun::Over,
        })
    }

    /// Whether the plan of now still has the report that was asked for, by the days as they were then.
    async fn still_allowed(&self, run: &Run, report: &ReportRecord) -> ServiceResult<Result<(), ServiceError>> {
        let mut tx = self.tenant(run.organization).await?;
        let plan = plans::effective(&mut tx, run.organization).await?;
        let plan = plan.ok_or(ServiceError::NotFound("organization"))?;
        if let Err(refused) = allowed(&plan, report.format, report.days.map(|days| days.0), report.requested_at) {
            return Ok(Err(refused));
        }
        match report.incident {
            Some((incident, _)) => match shown(&mut tx, run.organization, &plan, incident, report.requested_at).await {
                Err(error @ ServiceError::PlanLimit { .. }) => Ok(Err(error)),
                other => other.map(Ok),
            },
            None => Ok(Ok(())),
        }
    }

    async fn fill_report(&self, run: &Run, report: &ReportRecord) -> Result<(), Broken> {
        // What happened before the report's moment has its seal when the proof is made.
        self.archive().seal_of(run.organization).await?;
        let mut snapshot = drift_store::tenant::snapshot(&self.pool, run.organization).await?;
        let named = people::organization(&mut snapshot, run.organization).await?;
        let organization = named.ok_or(ServiceError::NotFound("organization"))?.name;
        // The snapshot is of its first statement.
        let as_of = self.clock.now();
        let about = about(run, report, organization, as_of);
        let scope = scope(&mut snapshot, run, report, as_of).await?;
        let mut sink = Stored::new(self.pool.clone(), Arc::clone(&self.clock), *run);
        let mut tx = self.tenant(run.organization).await?;
        if !reports::as_of(&mut tx, run, as_of).await? {
            return Err(Broken::Unwanted);
        }
        tx.commit().await.map_err(StoreError::from)?;
        write(&mut snapshot, &scope, &about, report.format, &mut sink).await?;
        drop(snapshot);
        self.finish_report(run, sink).await
    }

    async fn finish_report(&self, run: &Run, sink: Stored) -> Result<(), Broken> {
        let (organization, now) = (run.organization, self.clock.now());
        let mut tx = self.tenant(organization).await?;
        let file = (sink.size, sink.hash.finalize().into());
        if !reports::finish(&mut tx, run, file, now, now + KEPT).await? {
            return Err(Broken::Unwanted);
        }
        let found = reports::get(&mut tx, organization, run.report).await?;
        let report = found.ok_or(Broken::Unwanted)?;
        let made =
            json!({ "bytes": report.size, "sha256": report.sha256.as_ref().map(hex::encode), "as_of": report.as_of });
        tell(&mut tx, organization, None, ("report.ready", &report, made), now).await?;
        self.mail_report(&mut tx, run, &report, now).await?;
        Ok(tx.commit().await.map_err(StoreError::from)?)
    }

    /// Has a link mailed to those whom the schedule names and who may still read reports. The file is not mailed.
    async fn mail_report(
        &self,
        db: &mut PgConnection,
        run: &Run,
        report: &ReportRecord,
        now: DateTime<Utc>,
    ) -> ServiceResult<()> {
        let Some(id) = report.schedule.filter(|_| self.sends_mail()) else { return Ok(()) };
        let Some(schedule) = reports::schedules(db, run.organization, Some(id)).await?.pop() else { return Ok(()) };
        let organization = people::organization(db, run.organization).await?.map(|o| o.name).unwrap_or_default();
        let least: Role = Capability::Reports.least_role();
        for member in people::members(db, run.organization).await? {
            if member.role < least || !schedule.recipients.contains(&member.user_id) {
                continue;
            }
            let letter = Letter::Report {
                to: member.email,
                organization: organization.clone(),
                name: file_name(report),
                link: self.public_link("/reports"),
                expires_at: report.expires_at.unwrap_or(now + KEPT),
            };
            self.post(db, &letter, now + KEPT).await?;
        }
        Ok(())
    }

    async fn fail_report(&self, run: &Run, why: &str) -> ServiceResult<Next> {
        let (organization, now) = (run.organization, self.clock.now());
        let mut tx = self.tenant(organization).await?;
        if reports::fail(&mut tx, organization, run.report, Some(run.run), why, now).await?
            && let Some(report) = reports::get(&mut tx, organization, run.report).await?
        {
            tell(&mut tx, organization, None, ("report.failed", &report, json!({ "why": why })), now).await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        Ok(Next::Ended)
    }
}

/// An error as a sentence that begins with a capital letter.
fn sentence(error: &impl ToString) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

fn about(run: &Run, report: &ReportRecord, organization: String, as_of: DateTime<Utc>) -> About {
    let masked = |text: &String| drift_domain::audit::mask_text(text);
    About {
        id: run.report,
        organization_id: run.organization,
        organization: masked(&organization),
        from: report.days.map(|days| days.0),
        to: report.days.map(|days| days.1),
        environment: report.environment.as_ref().map(|of| masked(&of.1)),
        incident: report.incident.map(|of| of.1),
        as_of,
        requested_by: report.requested_by.as_ref().map(|by| masked(&by.1)),
        requested_at: report.requested_at,
    }
}

async fn scope(db: &mut PgConnection, run: &Run, report: &ReportRecord, as_of: DateTime<Utc>) -> Result<Scope, Broken> {
    let range = report.days.and_then(|(first, last)| ReportRange::new(first, last));
    let span = range.map(|range| (range.begins(), range.ends()));
    let within = Within {
        span,
        environment: report.environment.as_ref().map(|of| of.0),
        incident: report.incident.map(|of| of.0),
    };
    let proven = match span {
        Some(span) => span,
        None => life(db, run.organization, &within, as_of).await?,
    };
    Ok(Scope { organization: run.organization, within, proven })
}

/// From when to when an incident was there: what the log of it is proven between.
pub(super) async fn life(
    db: &mut PgConnection,
    organization: OrganizationId,
    within: &Within,
    as_of: DateTime<Utc>,
) -> Result<(DateTime<Utc>, DateTime<Utc>), Broken> {
    let (found, _) = reports::incidents(db, organization, within, 0, 1).await?;
    let Some(incident) = found.first() else { return Ok((as_of, as_of)) };
    let times = incident.times();
    // The entry of the closing is of that moment, too.
    let ends = times.closed_at.map_or(as_of, |at| at + TimeDelta::microseconds(1));
    Ok((times.detected_at, ends))
}

/// Stores a report's parts, and says how far it is.
struct Stored {
    pool: PgPool,
    clock: Arc<dyn Clock>,
    run: Run,
    number: i32,
    size: i64,
    hash: Sha256,
    told_at: Option<DateTime<Utc>>,
}

impl Stored {
    fn new(pool: PgPool, clock: Arc<dyn Clock>, run: Run) -> Self {
        Self { pool, clock, run, number: 0, size: 0, hash: Sha256::new(), told_at: None }
    }
}

impl Sink for Stored {
    async fn part(&mut self, bytes: Vec<u8>) -> ServiceResult<bool> {
        let mut tx = drift_store::tenant::begin(&self.pool, self.run.organization).await?;
        let wanted = reports::append(&mut tx, &self.run, self.number, &bytes).await?;
        tx.commit().await.map_err(StoreError::from)?;
        self.number += 1;
        self.size += bytes.len() as i64;
        self.hash.update(&bytes);
        Ok(wanted)
    }

    async fn progress(&mut self, done: u32, total: u32) -> ServiceResult<bool> {
        let now = self.clock.now();
        if done < total && self.told_at.is_some_and(|at| now - at < TOLD_EVERY) {
            return Ok(true);
        }
        let mut tx = drift_store::tenant::begin(&self.pool, self.run.organization).await?;
        let wanted = reports::progress(&mut tx, &self.run, (done, total), now + LEASE).await?;
        tx.commit().await.map_err(StoreError::from)?;
        self.told_at = Some(now);
        Ok(wanted)
    }
}
