//! One section a figure: what it means, a chart where it is a series, the table, and the way to the file.

use drift_domain::metrics::{Age, Figure, TimeKind};
use drift_domain::views::{Cell, IncidentMetrics, Load, MetricsPage, MetricsStep, Table};
use leptos::prelude::*;

use super::chart::{Chart, Drawn, Series};
use super::filter;
use crate::components::icon::{Icon, icon};

/// Draws the sections that the plan has.
pub(super) fn view(page: &MetricsPage) -> AnyView {
    let incidents = match &page.incidents {
        Some(incidents) => {
            view! { {active(page, incidents)} {times(page)} {deadlines(page)} {repeats(page, incidents)} }.into_any()
        }
        None => view! {
            {times(page)}
            <section class="card section" aria-labelledby="no-incidents">
                <div class="card-head"><h2 id="no-incidents">"Incidents"</h2></div>
                <p class="card-body">
                    "Incidents, with their times, deadlines and repeats, come with the Pro plan. "
                    <a class="link" href="/settings/plan">"Compare the plans"</a>
                </p>
            </section>
        }
        .into_any(),
    };
    view! { <div class="metrics">{drift(page)} {incidents} {debt(page)} {upgrades(page)}</div> }.into_any()
}

struct Section {
    figure: Figure,
    title: &'static str,
    /// What the figure means; the whole of it is in `docs/metrics.md`.
    means: &'static str,
}

impl Section {
    fn view(self, page: &MetricsPage, body: AnyView) -> AnyView {
        let id = format!("figure-{}", self.figure);
        let labelled_by = id.clone();
        view! {
            <section class="card section" aria-labelledby=labelled_by data-figure=self.figure.as_str()>
                <div class="card-head">
                    <h2 id=id>{self.title}</h2>
                    <a class="btn" href=filter::csv(page, self.figure) download aria-label=format!("{}, as CSV", self.title)>
                        {icon(Icon::Download)} "CSV"
                    </a>
                </div>
                <div class="card-body">
                    <p class="text-ink-2">{self.means}</p>
                    {body}
                </div>
            </section>
        }
        .into_any()
    }

    fn chart(self, page: &MetricsPage, drawn: Drawn, series: Vec<Series>, more: Option<AnyView>) -> AnyView {
        let days: Vec<String> = page.steps.iter().map(|step| step.from.to_string()).collect();
        let table = page.table(self.figure);
        let caption = format!("{}, step by step", self.title);
        let label = format!("{}: a chart of the table below", self.title);
        let body = view! {
            {Chart { label, days, series, drawn }.view()}
            {more}
            <details class="behind"><summary>"The figures as a table"</summary> {grid(&table, caption)}</details>
        };
        self.view(page, body.into_any())
    }
}

fn series(page: &MetricsPage, label: &'static str, class: &'static str, of: impl Fn(&MetricsStep) -> f64) -> Series {
    Series { label, class, values: page.steps.iter().map(of).collect() }
}

fn drift(page: &MetricsPage) -> AnyView {
    let section = Section {
        figure: Figure::Drift,
        title: "Drift",
        means: "Changes by the side that moved, at the time when a check first saw them.",
    };
    let left = page.steps.last().map_or(0, |step| step.not_taken_on);
    let days: Vec<String> = page.steps.iter().map(|step| step.from.to_string()).collect();
    let stock = Chart {
        label: "Changes that nobody had taken on, at the end of each step: a chart of the table below".to_owned(),
        days,
        series: vec![series(page, "Not taken on by anybody, at the end", "series-d", |step| step.not_taken_on as f64)],
        drawn: Drawn::Level,
    };
    let more = view! {
        <h3>"Drift that nobody had taken on"</h3>
        <p class="text-ink-2">
            {format!("Not in an acknowledged incident, not overridden, not decided: {left} at the end. What is unknown to everybody should go to nought.")}
        </p>
        {stock.view()}
    };
    let parts = vec![
        series(page, "Hotfix: n8n moved", "series-a", |step| step.hotfix as f64),
        series(page, "Undeployed: Git moved", "series-b", |step| step.undeployed as f64),
        series(page, "Collision: both moved", "series-c", |step| step.collision as f64),
        series(page, "Unknown: no baseline", "series-d", |step| step.unknown as f64),
    ];
    section.chart(page, Drawn::Stacked, parts, Some(more.into_any()))
}

fn active(page: &MetricsPage, incidents: &IncidentMetrics) -> AnyView {
    let now = &incidents.now;
    let body = if now.active == 0 {
        view! { <p>"No incident is open."</p> }.into_any()
    } else {
        let age = |of: &str| of.parse().map_or("", age).to_owned();
        let ages: Vec<Load> =
            now.by_age.iter().map(|load| Load { of: load.of.as_deref().map(age), ..load.clone() }).collect();
        view! {
            <div class="loads">
                {loads("Environment", &now.by_environment)} {loads("Owner", &now.by_owner)} {loads("Age", &ages)}
            </div>
        }
        .into_any()
    };
    Section { figure: Figure::Active, title: "Open incidents", means: "As it is now, whatever the days above." }
        .view(page, body)
}

const fn age(age: Age) -> &'static str {
    match age {
        Age::Day => "Less than a day",
        Age::ThreeDays => "1 to 3 days",
        Age::Week => "3 to 7 days",
        Age::Older => "7 days and more",
    }
}

fn loads(by: &'static str, loads: &[Load]) -> AnyView {
    let row = |load: &Load| {
        let of = load.of.clone().unwrap_or_else(|| "nobody".to_owned());
        vec![Cell::Text(of), Cell::Count(load.active), Cell::Count(load.expired)]
    };
    let table = Table { columns: vec![by, "Active", "Expired"], rows: loads.iter().map(row).collect() };
    let grid = grid(&table, format!("Open incidents by {}", by.to_lowercase()));
    view! { <div><h3>{format!("By {}", by.to_lowercase())}</h3> {grid}</div> }.into_any()
}

fn times(page: &MetricsPage) -> AnyView {
    let name = |kind| match kind {
        TimeKind::Detect => "To detect: from the edit in n8n to the check that saw it",
        TimeKind::Acknowledge => "To acknowledge: from detection",
        TimeKind::Resolve => "To resolve: from detection to the proof",
    };
    let words = |seconds: Option<i64>| seconds.map_or(Cell::None, |s| Cell::Text(duration(s)));
    let rows = page.times.iter().map(|time| {
        vec![Cell::from(name(time.kind)), Cell::Count(time.count), words(time.median_seconds), words(time.p90_seconds)]
    });
    let table = Table { columns: vec!["Time", "Cases", "Half within", "90 % within"], rows: rows.collect() };
    Section { figure: Figure::Times, title: "Times", means: "Of what was seen, acknowledged or closed in these days." }
        .view(page, grid(&table, "Times".to_owned()))
}

fn deadlines(page: &MetricsPage) -> AnyView {
    let section = Section {
        figure: Figure::Deadlines,
        title: "Deadlines",
        means: "Each incident with a deadline once: when it closed, or when its time was over, whichever came first.",
    };
    let extended = page.incidents.as_ref().map_or(0, |incidents| incidents.deadlines.kept_extended);
    let more = (extended > 0)
        .then(|| view! { <p>{format!("Of those kept, {extended} had been given more time.")}</p> }.into_any());
    let parts = vec![
        series(page, "Kept", "series-a", |step| step.kept as f64),
        series(page, "Missed", "series-c", |step| step.missed as f64),
    ];
    section.chart(page, Drawn::Stacked, parts, more)
}

fn repeats(page: &MetricsPage, incidents: &IncidentMetrics) -> AnyView {
    let section = Section {
        figure: Figure::Repeats,
        title: "Repeats from one cause",
        means: "Incidents that were opened, and those of them in which a field drifted that had drifted in an earlier one.",
    };
    let more = (!incidents.causes.is_empty()).then(|| {
        let rows = incidents.causes.iter().map(|cause| {
            vec![
                Cell::Text(cause.workflow.clone()),
                Cell::Text(cause.environment.clone()),
                Cell::Count(cause.incidents),
            ]
        });
        let table = Table { columns: vec!["Workflow", "Environment", "Repeats"], rows: rows.collect() };
        grid(&table, "Workflows that drifted again".to_owned())
    });
    let parts = vec![
        series(page, "First of their kind", "series-a", |step| (step.opened - step.repeated) as f64),
        series(page, "Repeated", "series-c", |step| step.repeated as f64),
    ];
    section.chart(page, Drawn::Stacked, parts, more)
}

fn debt(page: &MetricsPage) -> AnyView {
    let section = Section {
        figure: Figure::OverrideDebt,
        title: "Override debt",
        means: "What was accepted for a time and is still there: days since it was accepted first, times the weight of its \
                severity (1, 2, 4, 8), times the fields that differ.",
    };
    section.chart(
        page,
        Drawn::Level,
        vec![series(page, "Debt at the end", "series-c", |step| step.override_debt)],
        None,
    )
}

fn upgrades(page: &MetricsPage) -> AnyView {
    let section = Section {
        figure: Figure::Upgrades,
        title: "Requests for a higher plan",
        means: "Made in these days, with what became of them since.",
    };
    if page.upgrades.is_empty() {
        return section.view(page, view! { <p>"Nobody asked for one."</p> }.into_any());
    }
    let share = page.conversion_percent().map(|share| view! { <p>{format!("{share} % of them were granted.")}</p> });
    let rows = page.upgrades.iter().map(|u| {
        let why = u.capability.map_or("", |capability| capability.label());
        let plans = format!("{} to {}", u.from.label(), u.to.label());
        vec![Cell::Text(plans), Cell::from(why), Cell::Count(u.asked), Cell::Count(u.granted), Cell::Count(u.declined)]
    });
    let table =
        Table { columns: vec!["Plan", "After a refusal of", "Asked", "Granted", "Declined"], rows: rows.collect() };
    section.view(page, view! { {share} {grid(&table, "Requests for a higher plan".to_owned())} }.into_any())
}

/// A table whose first column says what its rows are of.
fn grid(table: &Table, caption: String) -> AnyView {
    let is_figure = |column: usize| table.rows.iter().any(|row| !matches!(row[column], Cell::Text(_) | Cell::None));
    let heads = table.columns.iter().enumerate().map(|(column, name)| {
        view! { <th scope="col" class=is_figure(column).then_some("right")>{*name}</th> }
    });
    let rows = table.rows.iter().map(|row| {
        let cells = row.iter().zip(&table.columns).enumerate().map(|(column, (cell, name))| {
            let text = if *cell == Cell::None { "–".to_owned() } else { cell.to_string() };
            if column == 0 {
                view! { <td class="cell-main wrap-anywhere">{text}</td> }.into_any()
            } else {
                let class = if is_figure(column) { "right num" } else { "wrap-anywhere" };
                view! { <td class=class data-label=*name>{text}</td> }.into_any()
            }
        });
        view! { <tr>{cells.collect_view()}</tr> }
    });
    view! {
        <table class="rows">
            <caption class="sr-only">{caption}</caption>
            <thead><tr>{heads.collect_view()}</tr></thead>
            <tbody>{rows.collect_view()}</tbody>
        </table>
    }
    .into_any()
}

/// How long something took, in its two largest units.
pub(super) fn duration(seconds: i64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, ..) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn a_time_is_said_in_its_two_largest_units() {
        for (seconds, words) in [(59, "59 s"), (61, "1 min 1 s"), (3_660, "1 h 1 min"), (90_000, "1 d 1 h")] {
            assert_eq!(duration(seconds), words);
        }
    }
}
