//! The figures that are read first.

use drift_domain::metrics::TimeKind;
use drift_domain::views::MetricsPage;
use leptos::prelude::*;

use super::chart::number;
use super::sections::duration;

/// Draws the tiles.
pub(super) fn view(page: &MetricsPage) -> impl IntoView + use<> {
    let mut tiles = Vec::new();
    if let Some(incidents) = &page.incidents {
        let now = &incidents.now;
        tiles.push(tile("Active incidents now", now.active.to_string(), format!("{} of them expired", now.expired)));
        let deadlines = incidents.deadlines;
        let kept = deadlines.kept_percent.map_or_else(|| "none yet".to_owned(), |share| format!("{} %", number(share)));
        tiles.push(tile("Closed in time", kept, format!("{} kept, {} missed", deadlines.kept, deadlines.missed)));
    }
    let times = [
        (TimeKind::Detect, "Time to detect"),
        (TimeKind::Acknowledge, "Time to acknowledge"),
        (TimeKind::Resolve, "Time to resolve"),
    ];
    for (kind, label) in times {
        let Some(time) = page.times.iter().find(|time| time.kind == kind) else { continue };
        let p90 = time.p90_seconds.map_or_else(|| "no case".to_owned(), |p90| format!("90 % within {}", duration(p90)));
        tiles.push(tile(label, time.median_seconds.map_or_else(|| "none yet".to_owned(), duration), p90));
    }
    if let Some(last) = page.steps.last() {
        tiles.push(tile(
            "Changes not taken on",
            last.not_taken_on.to_string(),
            "by an incident, an override or a decision".to_owned(),
        ));
        let trend = page.debt_a_week().map_or_else(String::new, |debt| match debt {
            debt if debt.abs() < 0.05 => "as it was".to_owned(),
            debt => format!("{debt:+.1} a week"),
        });
        tiles.push(tile("Override debt", number(last.override_debt), trend));
    }
    view! { <dl class="metric-tiles" aria-label="Figures">{tiles}</dl> }
}

fn tile(label: &'static str, value: String, more: String) -> impl IntoView {
    view! {
        <div class="card metric-tile">
            <dt>{label}</dt>
            <dd class="metric-value">{value}</dd>
            <dd class="metric-more">{more}</dd>
        </div>
    }
}
