//! Metrics: figures of drift and of how it is dealt with, over a range of days. `docs/metrics.md` defines each.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use drift_domain::ids::{ChangeId, EnvironmentId};
use drift_domain::metrics::{Age, DayRange, Figure, TimeKind, WHOLE_WORKFLOW, percent, weight};
use drift_domain::views::{Deadlines, IncidentMetrics, Load, MetricsNow, MetricsPage, MetricsStep};
use drift_store::environments;
use drift_store::metrics::{self, ChangeStep, IncidentStep, OpenIncident, OverrideSpan, Scope};
use serde_json::json;

use crate::Services;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Permit, cap};

/// Days that are shown where nobody says.
const DAYS: u64 = 30;

/// What somebody wants to see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The first day. Without one, 29 days before the last.
    pub from: Option<NaiveDate>,
    /// The last day. Without one, today.
    pub to: Option<NaiveDate>,
    /// Only of this environment.
    pub environment: Option<EnvironmentId>,
}

impl Services {
    /// Puts on record that a figure was taken away as a file.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn metrics_exported(
        &self,
        permit: &Permit<cap::Metrics>,
        figure: Figure,
        page: &MetricsPage,
    ) -> ServiceResult<()> {
        let asked = json!({
            "from": page.range.first(), "to": page.range.last_day(), "environment": page.environment,
        });
        let (organization, by) = (permit.organization(), permit.caller().user_id);
        self.put_export_on_record(organization, by, &format!("metrics {figure}.csv"), asked).await
    }

    /// The metrics of the organization, or of one environment.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for days that are no range, [`ServiceError::NotFound`] for an environment that is not the
    /// caller's.
    pub async fn metrics(&self, permit: &Permit<cap::Metrics>, asked: Asked) -> ServiceResult<MetricsPage> {
        let now = self.clock.now();
        let range = range(asked, now)?;
        let has_incidents = self.incidents_permit(permit.caller()).await.is_ok();
        let organization = permit.organization();
        let mut db = self.tenant(organization).await?;
        let all = environments::list(&mut db, organization, None, i64::MAX).await?;
        if asked.environment.is_some_and(|id| all.iter().all(|environment| environment.id != id)) {
            return Err(ServiceError::NotFound("environment"));
        }
        let scope = Scope {
            organization,
            environment: asked.environment,
            from: range.begins(),
            until: range.ends().min(now),
            step: range.step() * 86_400,
        };
        let incidents = metrics::incidents(&mut db, scope).await?;
        let changes = metrics::changes(&mut db, scope).await?;
        let overrides = metrics::overrides(&mut db, scope).await?;
        let mut times = metrics::times(&mut db, scope).await?;
        times.retain(|time| has_incidents || time.kind == TimeKind::Detect);
        let told = if has_incidents {
            let open = metrics::open_incidents(&mut db, scope).await?;
            let causes = metrics::causes(&mut db, scope).await?;
            Some(IncidentMetrics { now: loads(&open, now), deadlines: deadlines(&incidents), causes })
        } else {
            None
        };
        Ok(MetricsPage {
            range,
            step_days: range.step(),
            counted_at: now,
            environment: asked.environment,
            environments: all.into_iter().map(|e| (e.id, e.connection.name)).collect(),
            history_days: permit.plan().history_days(),
            incidents: told,
            times,
            steps: steps(range, now, &changes, &incidents, &overrides),
            upgrades: metrics::upgrades(&mut db, scope).await?,
        })
    }
}

fn range(asked: Asked, now: DateTime<Utc>) -> ServiceResult<DayRange> {
    let last = asked.to.unwrap_or_else(|| now.date_naive());
    match asked.from {
        None if asked.to.is_none() => Ok(DayRange::last(DAYS, now)),
        from => {
            let first = from.unwrap_or_else(|| last - TimeDelta::days(DAYS as i64 - 1));
            DayRange::new(first, last, now).map_err(|error| ServiceError::invalid("from", error.to_string()))
        }
    }
}

fn loads(open: &[OpenIncident], now: DateTime<Utc>) -> MetricsNow {
    let expired = |incident: &&OpenIncident| incident.expires_at.is_some_and(|at| at <= now);
    let load = |of: Option<String>, incidents: &[&OpenIncident]| Load {
        of,
        active: incidents.len() as i64,
        expired: incidents.iter().filter(|incident| expired(incident)).count() as i64,
    };
    let by = |key: &dyn Fn(&OpenIncident) -> Option<String>| {
        let mut groups: BTreeMap<Option<String>, Vec<&OpenIncident>> = BTreeMap::new();
        for incident in open {
            groups.entry(key(incident)).or_default().push(incident);
        }
        let mut loads: Vec<Load> = groups.into_iter().map(|(of, incidents)| load(of, &incidents)).collect();
        // Stable: of as many, by name.
        loads.sort_by_key(|load| -load.active);
        loads
    };
    let of_age = |age: &Age| {
        let incidents: Vec<&OpenIncident> = open.iter().filter(|i| Age::of(i.detected_at, now) == *age).collect();
        load(Some(age.as_str().to_owned()), &incidents)
    };
    MetricsNow {
        active: open.len() as i64,
        expired: open.iter().filter(expired).count() as i64,
        by_environment: by(&|incident| Some(incident.environment.clone())),
        by_owner: by(&|incident| incident.owner.clone()),
        by_age: Age::ALL.iter().map(of_age).collect(),
    }
}

fn deadlines(steps: &[IncidentStep]) -> Deadlines {
    let sum = |of: fn(&IncidentStep) -> i64| steps.iter().map(of).sum::<i64>();
    let (kept, missed) = (sum(|step| step.kept), sum(|step| step.missed));
    Deadlines {
        kept,
        kept_extended: sum(|step| step.kept_extended),
        missed,
        kept_percent: percent(kept, kept + missed),
    }
}

/// The series: what the database counted by step, and what was so at the end of each.
fn steps(
    range: DayRange,
    now: DateTime<Utc>,
    changes: &[ChangeStep],
    incidents: &[IncidentStep],
    overrides: &[OverrideSpan],
) -> Vec<MetricsStep> {
    let of = |number: i64| changes.iter().filter(move |change| i64::from(change.step) == number);
    let mut not_taken_on: i64 = of(-1).map(|change| change.seen - change.taken_on).sum();
    let mut told = Vec::new();
    for (number, from) in (0..).zip(range.steps()) {
        not_taken_on += of(number).map(|change| change.seen - change.taken_on).sum::<i64>();
        let seen = |origin| of(number).filter(|change| change.origin == origin).map(|change| change.seen).sum();
        let incident = incidents.iter().find(|i| i64::from(i.step) == number).copied().unwrap_or_default();
        let end = (range.begins() + TimeDelta::days((number + 1) * range.step())).min(range.ends()).min(now);
        let (overridden, override_debt) = debt(overrides, end);
        told.push(MetricsStep {
            from,
            hotfix: seen(drift_domain::change::Origin::Hotfix),
            undeployed: seen(drift_domain::change::Origin::Undeployed),
            collision: seen(drift_domain::change::Origin::Collision),
            unknown: seen(drift_domain::change::Origin::Unknown),
            not_taken_on,
            opened: incident.opened,
            repeated: incident.repeated,
            kept: incident.kept,
            missed: incident.missed,
            overridden,
            override_debt,
        });
    }
    told
}

/// How many changes were overridden at a time, and the debt of that: of each, the days since it was overridden first, times
/// the weight of its severity, times the fields that differ.
fn debt(overrides: &[OverrideSpan], at: DateTime<Utc>) -> (i64, f64) {
    // One change may have several: it counts once.
    let running: HashMap<ChangeId, &OverrideSpan> =
        overrides.iter().filter(|o| o.from <= at && at < o.until).map(|o| (o.change, o)).collect();
    let of = |o: &&OverrideSpan| {
        let seconds = (at - o.since).num_seconds() * weight(o.severity) * o.fields.unwrap_or(WHOLE_WORKFLOW).max(1);
        seconds as f64
    };
    // From nought: the sum of nothing is -0.0.
    (running.len() as i64, running.values().map(of).fold(0.0, |sum, one| sum + one) / 86_400.0)
}

#[cfg(test)]
mod tests {
    use drift_domain::severity::Severity;

    use super::*;

    fn span(change: ChangeId, since: i64, days: std::ops::Range<i64>) -> OverrideSpan {
        let day = |n| DateTime::UNIX_EPOCH + TimeDelta::days(n);
        OverrideSpan {
            change,
            since: day(since),
            from: day(days.start),
            until: day(days.end),
            severity: Severity::High,
            fields: Some(3),
        }
    }

    #[test]
    fn a_renewed_override_is_as_old_as_the_first_and_counts_once() {
        let change = ChangeId(uuid::Uuid::from_u128(1));
        let other = ChangeId(uuid::Uuid::from_u128(2));
        let spans = [span(change, 0, 0..4), span(change, 0, 3..8), span(other, 5, 5..6)];
        let at = |day| debt(&spans, DateTime::UNIX_EPOCH + TimeDelta::days(day));
        assert_eq!(at(3), (1, 3.0 * 4.0 * 3.0), "both run");
        assert_eq!(at(5), (2, 5.0 * 12.0), "one of them is new");
        assert_eq!(at(7), (1, 7.0 * 12.0));
        assert_eq!(at(8), (0, 0.0), "at its end it is over");
    }

    #[test]
    fn a_whole_workflow_counts_as_five_fields() {
        let whole = OverrideSpan { fields: None, ..span(ChangeId(uuid::Uuid::from_u128(1)), 0, 0..9) };
        assert_eq!(debt(&[whole], DateTime::UNIX_EPOCH + TimeDelta::days(2)), (1, 2.0 * 4.0 * 5.0));
    }
}
