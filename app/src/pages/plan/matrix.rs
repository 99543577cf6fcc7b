//! The table of capabilities: what each plan grants.

use drift_domain::plan::{Grant, PlanTier};
use drift_domain::views::{CapabilityRow, PlanPage};
use leptos::prelude::*;

use crate::components::icon::{Icon, icon};
use crate::words;

/// The table, in three parts: what nobody can take away, what the plans differ in, and the rest.
pub(super) fn section(page: &PlanPage) -> impl IntoView + use<> {
    let (locked, rest): (Vec<_>, Vec<_>) = page.capabilities.iter().partition(|row| row.locked);
    let (differing, same): (Vec<_>, Vec<_>) =
        rest.into_iter().partition(|row| row.grants.iter().any(|grant| *grant != Grant::Full));
    let heads = PlanTier::ALL
        .iter()
        .map(|tier| {
            let class = if *tier == page.tier { "text-ink" } else { "" };
            view! { <th scope="col" class=class>{tier.label()}</th> }
        })
        .collect_view();
    view! {
        <section class="card section overflow-hidden" aria-labelledby="matrix-heading" id="matrix">
            <div class="card-head"><h2 id="matrix-heading">"What each plan grants"</h2></div>
            <table class="rows plan-matrix">
                <caption class="sr-only">"Capabilities by plan, with the least role that may use each"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Capability"</th>
                        {heads}
                        <th scope="col">"Role, at least"</th>
                    </tr>
                </thead>
                {part("Locked: on every plan, and nobody can take it away", &locked, page.tier)}
                {part("By plan", &differing, page.tier)}
                {part("On every plan", &same, page.tier)}
            </table>
        </section>
    }
}

fn part(title: &'static str, rows: &[&CapabilityRow], here: PlanTier) -> impl IntoView + use<> {
    let rows = rows.iter().map(|row| capability(row, here)).collect_view();
    view! {
        <tbody>
            <tr class="rows-part">
                <th colspan="6" scope="rowgroup">{title}</th>
            </tr>
            {rows}
        </tbody>
    }
}

fn capability(row: &CapabilityRow, here: PlanTier) -> impl IntoView + use<> {
    let lock = row.locked.then(|| {
        view! { <span class="text-ink-3" title="Cannot be switched off">{icon(Icon::Lock)}<span class="sr-only">"Locked"</span></span> }
    });
    let cells = PlanTier::ALL
        .iter()
        .zip(&row.grants)
        .map(|(tier, grant)| {
            let class = if *tier == here { "is-here" } else { "" };
            view! { <td data-label=tier.label() class=class data-grant=grant.as_str()>{mark(*grant)}</td> }
        })
        .collect_view();
    view! {
        <tr data-capability=row.capability.as_str() data-locked=row.locked.then_some("")>
            <td class="cell-main">
                <span class="flex items-center gap-1.5">{row.capability.label()} {lock}</span>
            </td>
            {cells}
            <td data-label="Role">{words::role(row.least_role)}</td>
        </tr>
    }
}

/// How far something is granted, in a mark and a word.
pub(super) fn mark(grant: Grant) -> impl IntoView {
    let (mark, colour, word) = match grant {
        Grant::Full => (Icon::Check, "text-ok", "Yes"),
        Grant::Limited => (Icon::Warning, "text-drift", "Limited"),
        Grant::None => (Icon::Minus, "text-ink-3", "No"),
    };
    view! { <span class=format!("plain-mark {colour}")>{icon(mark)} <span class="text-ink-2">{word}</span></span> }
}
