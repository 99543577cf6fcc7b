//! Metrics as the screens and the API show them, and the table of each figure: the same one behind a chart and in a CSV file.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::EnvironmentId;
use crate::metrics::{DayRange, Figure, TimeKind, percent};
use crate::plan::{Capability, PlanTier};

/// The figures of an organization, or of one environment of it, over a range of days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MetricsPage {
    /// The days, in UTC.
    pub range: DayRange,
    /// Days that one step of the series has: 1, or 7 where the range is long.
    pub step_days: i64,
    /// When this was counted. What the range has of the future is not in it.
    pub counted_at: DateTime<Utc>,
    /// The environment that it is limited to.
    pub environment: Option<EnvironmentId>,
    /// Environments to limit it to.
    pub environments: Vec<(EnvironmentId, String)>,
    /// Days that the plan keeps finished changes for: before them, the series of drift are not whole.
    pub history_days: i64,
    /// What is measured of incidents, where there are any to measure.
    pub incidents: Option<IncidentMetrics>,
    /// Times that were measured.
    pub times: Vec<TimeMetric>,
    /// The series.
    pub steps: Vec<MetricsStep>,
    /// Requests for a higher plan, by what was asked for and why.
    pub upgrades: Vec<UpgradeMetric>,
}

/// What is measured of incidents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IncidentMetrics {
    /// The open ones, now.
    pub now: MetricsNow,
    /// The deadlines that ended in the range.
    pub deadlines: Deadlines,
    /// What led to more than one, most often first.
    pub causes: Vec<RepeatCause>,
}

/// The open incidents, now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MetricsNow {
    /// How many are open.
    pub active: i64,
    /// How many of them are expired.
    pub expired: i64,
    /// By environment, most first.
    pub by_environment: Vec<Load>,
    /// By owner, most first; without a name, nobody's.
    pub by_owner: Vec<Load>,
    /// By age, youngest first.
    pub by_age: Vec<Load>,
}

/// Open incidents of one environment, owner or age.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Load {
    /// Of what: the environment's or the owner's name, or the age. `None` for what nobody owns.
    pub of: Option<String>,
    /// How many are open.
    pub active: i64,
    /// How many of them are expired.
    pub expired: i64,
}

/// Deadlines that ended in the range: each incident once, when it closed or when its time was over, whichever was first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Deadlines {
    /// Closed before the deadline.
    pub kept: i64,
    /// Of those, the ones that had been given more time.
    pub kept_extended: i64,
    /// Not closed when it was over.
    pub missed: i64,
    /// Kept, in percent of all; `None` of none.
    pub kept_percent: Option<f64>,
}

/// A workflow that drifted in more than one incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RepeatCause {
    /// The environment.
    pub environment_id: EnvironmentId,
    /// The environment's name.
    pub environment: String,
    /// The workflow's name.
    pub workflow: String,
    /// How many of the range's incidents repeat an earlier one by it.
    pub incidents: i64,
}

/// A time that was measured: how long it took in half of the cases, and in nine of ten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TimeMetric {
    /// What was measured.
    pub kind: TimeKind,
    /// How many cases there are.
    pub count: i64,
    /// The median in seconds, by nearest rank; `None` of no case.
    pub median_seconds: Option<i64>,
    /// The 90th percentile in seconds, by nearest rank.
    pub p90_seconds: Option<i64>,
}

/// One step of the series.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MetricsStep {
    /// Its first day.
    pub from: NaiveDate,
    /// Changes first seen in it where live had moved.
    pub hotfix: i64,
    /// Where Git had moved.
    pub undeployed: i64,
    /// Where both had.
    pub collision: i64,
    /// Where there was no baseline to tell by.
    pub unknown: i64,
    /// At its end: changes that nobody had taken on, by an acknowledged incident, an override or a decision.
    pub not_taken_on: i64,
    /// Incidents detected in it.
    pub opened: i64,
    /// Of those, the ones that repeat an earlier one.
    pub repeated: i64,
    /// Deadlines that ended in it and were kept.
    pub kept: i64,
    /// Deadlines that ended in it and were missed.
    pub missed: i64,
    /// At its end: changes that were overridden.
    pub overridden: i64,
    /// At its end: the override debt, in days times weight times fields.
    pub override_debt: f64,
}

/// Requests for a higher plan of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UpgradeMetric {
    /// The plan then.
    pub from: PlanTier,
    /// The plan that was asked for.
    pub to: PlanTier,
    /// What had been refused, where that was why.
    pub capability: Option<Capability>,
    /// How many asked.
    pub asked: i64,
    /// How many of them were granted it.
    pub granted: i64,
    /// How many were declined.
    pub declined: i64,
}

/// A figure as a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// What its columns are.
    pub columns: Vec<&'static str>,
    /// Its rows, each as wide as the columns.
    pub rows: Vec<Vec<Cell>>,
}

/// A cell of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Words.
    Text(String),
    /// How many.
    Count(i64),
    /// To a tenth.
    Tenth(f64),
    /// Not known, or of nothing.
    None,
}

impl From<i64> for Cell {
    fn from(count: i64) -> Self {
        Self::Count(count)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Option<i64>> for Cell {
    fn from(count: Option<i64>) -> Self {
        count.map_or(Self::None, Self::Count)
    }
}

impl From<Option<f64>> for Cell {
    fn from(value: Option<f64>) -> Self {
        value.map_or(Self::None, Self::Tenth)
    }
}

impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Count(count) => write!(f, "{count}"),
            Self::Tenth(value) => write!(f, "{value:.1}"),
            Self::None => Ok(()),
        }
    }
}

macro_rules! row {
    ($($cell:expr),+ $(,)?) => { vec![$(Cell::from($cell)),+] };
}

impl MetricsPage {
    /// The sum of a series.
    #[must_use]
    pub fn sum(&self, of: impl Fn(&MetricsStep) -> i64) -> i64 {
        self.steps.iter().map(of).sum()
    }

    /// What the override debt grew by over the range, in a week; `None` where the range has one step.
    #[must_use]
    pub fn debt_a_week(&self) -> Option<f64> {
        let [first, .., last] = self.steps.as_slice() else { return None };
        let weeks = (last.from - first.from).num_days() as f64 / 7.0;
        Some((last.override_debt - first.override_debt) / weeks)
    }

    /// Requests that were granted, in percent of those made.
    #[must_use]
    pub fn conversion_percent(&self) -> Option<f64> {
        let sum = |of: fn(&UpgradeMetric) -> i64| self.upgrades.iter().map(of).sum();
        percent(sum(|u| u.granted), sum(|u| u.asked))
    }

    /// A figure as a table. Of a plan without incidents, those about incidents are empty.
    #[must_use]
    pub fn table(&self, figure: Figure) -> Table {
        let none = IncidentMetrics { now: MetricsNow::default(), deadlines: Deadlines::default(), causes: Vec::new() };
        let incidents = self.incidents.as_ref().unwrap_or(&none);
        match figure {
            Figure::Active => incidents.now.table(),
            Figure::Times => self.times_table(),
            Figure::Deadlines => self.series(&["From", "Kept", "Missed", "Kept, percent"], |step| {
                row![step.kept, step.missed, percent(step.kept, step.kept + step.missed)]
            }),
            Figure::Drift => self
                .series(&["From", "Hotfix", "Undeployed", "Collision", "Unknown", "Not taken on at the end"], |step| {
                    row![step.hotfix, step.undeployed, step.collision, step.unknown, step.not_taken_on]
                }),
            Figure::Repeats => self.series(&["From", "Opened", "Repeated", "Repeated, percent"], |step| {
                row![step.opened, step.repeated, percent(step.repeated, step.opened)]
            }),
            Figure::OverrideDebt => self
                .series(&["From", "Overridden at the end", "Override debt at the end"], |step| {
                    row![step.overridden, Some(step.override_debt)]
                }),
            Figure::Upgrades => self.upgrades_table(),
        }
    }

    fn series(&self, columns: &[&'static str], cells: impl Fn(&MetricsStep) -> Vec<Cell>) -> Table {
        let row = |step: &MetricsStep| {
            let mut row = row![step.from.to_string().as_str()];
            row.extend(cells(step));
            row
        };
        Table { columns: columns.to_vec(), rows: self.steps.iter().map(row).collect() }
    }

    fn times_table(&self) -> Table {
        let row = |time: &TimeMetric| row![time.kind.as_str(), time.count, time.median_seconds, time.p90_seconds];
        Table {
            columns: vec!["Time", "Cases", "Median, seconds", "90th percentile, seconds"],
            rows: self.times.iter().map(row).collect(),
        }
    }

    fn upgrades_table(&self) -> Table {
        let row = |u: &UpgradeMetric| {
            let why = u.capability.map_or("", Capability::as_str);
            row![u.from.as_str(), u.to.as_str(), why, u.asked, u.granted, u.declined, percent(u.granted, u.asked)]
        };
        Table {
            columns: vec![
                "Plan",
                "Asked for",
                "After a refusal of",
                "Asked",
                "Granted",
                "Declined",
                "Granted, percent",
            ],
            rows: self.upgrades.iter().map(row).collect(),
        }
    }
}

impl MetricsNow {
    fn table(&self) -> Table {
        let groups = [("Environment", &self.by_environment), ("Owner", &self.by_owner), ("Age", &self.by_age)];
        let rows = groups.into_iter().flat_map(|(by, loads)| {
            loads.iter().map(move |load| row![by, load.of.as_deref().unwrap_or("nobody"), load.active, load.expired])
        });
        Table { columns: vec!["By", "Of", "Active", "Expired"], rows: rows.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(from: &str, debt: f64) -> MetricsStep {
        MetricsStep {
            from: from.parse().expect("a day"),
            hotfix: 1,
            undeployed: 2,
            collision: 3,
            unknown: 4,
            not_taken_on: 5,
            opened: 4,
            repeated: 1,
            kept: 2,
            missed: 1,
            overridden: 1,
            override_debt: debt,
        }
    }

    fn page() -> MetricsPage {
        MetricsPage {
            range: DayRange::last(8, "2026-11-28T12:00:00Z".parse().expect("a time")),
            step_days: 1,
            counted_at: "2026-11-28T12:00:00Z".parse().expect("a time"),
            environment: None,
            environments: Vec::new(),
            history_days: 365,
            incidents: None,
            times: vec![TimeMetric { kind: TimeKind::Detect, count: 0, median_seconds: None, p90_seconds: None }],
            steps: vec![step("2026-11-21", 10.0), step("2026-11-28", 24.04)],
            upgrades: vec![UpgradeMetric {
                from: PlanTier::Free,
                to: PlanTier::Pro,
                capability: Some(Capability::Diff),
                asked: 3,
                granted: 1,
                declined: 1,
            }],
        }
    }

    #[test]
    fn every_table_is_as_wide_as_its_columns() {
        for figure in Figure::ALL {
            let table = page().table(*figure);
            assert!(table.rows.iter().all(|row| row.len() == table.columns.len()), "{figure}");
        }
    }

    #[test]
    fn a_table_says_what_the_series_say() {
        let text =
            |figure| page().table(figure).rows.remove(1).iter().map(Cell::to_string).collect::<Vec<_>>().join("|");
        assert_eq!(text(Figure::Drift), "2026-11-28|1|2|3|4|5");
        assert_eq!(text(Figure::Deadlines), "2026-11-28|2|1|66.7");
        assert_eq!(text(Figure::Repeats), "2026-11-28|4|1|25.0");
        assert_eq!(text(Figure::OverrideDebt), "2026-11-28|1|24.0");
    }

    #[test]
    fn what_is_not_known_is_an_empty_cell_and_no_zero() {
        let text: Vec<String> = page().table(Figure::Times).rows[0].iter().map(Cell::to_string).collect();
        assert_eq!(text, ["DETECT", "0", "", ""]);
    }

    #[test]
    fn the_debt_of_a_week_and_the_share_that_was_granted() {
        assert_eq!(page().debt_a_week().map(|debt| (debt * 100.0).round() / 100.0), Some(14.04));
        assert_eq!(MetricsPage { steps: vec![step("2026-11-28", 3.0)], ..page() }.debt_a_week(), None);
        assert_eq!(page().conversion_percent(), Some(33.3));
    }
}
