//! Limits: the table, and the form of one of them with its effect.

use drift_domain::plan::{Bounds, Limit, PlanTier};
use drift_domain::views::{LimitCell, LimitRow, PlanEffect, PlanPage};
use drift_services::{ServiceError, ServiceResult};
use leptos::prelude::*;

use super::{Again, effect};
use crate::components::crumbs::crumbs;
use crate::components::form::Field;
use crate::components::icon::{Icon, icon};

/// The table of limits.
pub(super) fn section(page: &PlanPage) -> impl IntoView + use<> {
    let heads = PlanTier::ALL.iter().map(|tier| view! { <th scope="col">{tier.label()}</th> }).collect_view();
    let rows = page.limits.iter().map(|row| limit(row, page)).collect_view();
    view! {
        <section class="card section overflow-hidden" aria-labelledby="limits-heading" id="limits">
            <div class="card-head">
                <h2 id="limits-heading">"Limits"</h2>
                <p class="text-ink-3">"Of this organization. A value that is not the standard one says why."</p>
            </div>
            <table class="rows plan-matrix">
                <caption class="sr-only">"Limits by plan"</caption>
                <thead><tr><th scope="col">"Limit"</th>{heads}</tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </section>
    }
}

fn limit(row: &LimitRow, page: &PlanPage) -> impl IntoView + use<> {
    let cells = PlanTier::ALL.iter().zip(&row.cells).map(|(tier, c)| cell(row.limit, *tier, c, page)).collect_view();
    view! {
        <tr data-limit=row.limit.as_str()>
            <td class="cell-main">{row.limit.label()}<p class="sub">{row.limit.effect()}</p></td>
            {cells}
        </tr>
    }
}

fn cell(limit: Limit, tier: PlanTier, cell: &LimitCell, page: &PlanPage) -> impl IntoView + use<> {
    let class = if tier == page.tier { "is-here" } else { "" };
    let why = cell.reason.clone().map(|reason| {
        let standard = limit.words(cell.bounds.standard);
        view! { <p class="sub wrap-anywhere">{format!("instead of {standard}: {reason}")}</p> }
    });
    let edit = (page.can_manage && !is_fixed(cell.bounds)).then(|| {
        let href = format!("{}/limit?plan={tier}&limit={limit}", super::ADDRESS);
        let label = format!("Edit: {} on {}", limit.label(), tier.label());
        view! { <a class="link text-[0.893rem]" href=href aria-label=label>"Edit"</a> }
    });
    let fixed = is_fixed(cell.bounds).then(|| {
        view! { <span class="text-ink-3" title="Fixed by the plan">{icon(Icon::Lock)}<span class="sr-only">"fixed"</span></span> }
    });
    view! {
        <td data-label=tier.label() class=class data-tier=tier.as_str()>
            <div>
                <span class="inline-flex items-center gap-x-2 whitespace-nowrap">
                    <span class="num">{limit.words(cell.value)}</span> {fixed} {edit}
                </span>
                {why}
            </div>
        </td>
    }
}

fn is_fixed(bounds: Bounds) -> bool {
    bounds.most == Some(bounds.least)
}

/// What was typed for a limit: a number, or nothing for "no limit".
pub(crate) fn read(typed: &str) -> ServiceResult<Option<u32>> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Ok(None);
    }
    let message = "Write a whole number, or leave it empty where the plan takes no limit.";
    typed.parse().map(Some).map_err(|_| ServiceError::invalid("value", message))
}

fn range(limit: Limit, bounds: Bounds) -> String {
    let standard = limit.words(bounds.standard);
    match bounds.most {
        Some(most) => format!("{} to {}; the standard is {standard}.", bounds.least, limit.words(Some(most))),
        None => format!("{} or more, or empty for no limit; the standard is {standard}.", bounds.least),
    }
}

/// The page of one limit: its form, then what the value that was typed would do, with the form that saves it.
pub(super) fn edit(
    page: &PlanPage,
    tier: PlanTier,
    limit: Limit,
    typed: Option<&str>,
    effect: Option<&PlanEffect>,
    again: &Again,
) -> AnyView {
    let bounds = limit.bounds(tier);
    let now = page.limits.iter().find(|row| row.limit == limit).and_then(|row| row.cells.get(tier as usize));
    let present = now.and_then(|cell| cell.value);
    let value = typed.map_or_else(|| present.map(|n| n.to_string()).unwrap_or_default(), str::to_owned);
    let field = Field {
        name: "value",
        label: "New value",
        kind: "number",
        value: value.clone(),
        hint: Some(range(limit, bounds)),
        error: again.error("value"),
        required: bounds.most.is_some(),
        autofocus: effect.is_none(),
        ..Field::default()
    };
    let title = format!("{} on the {} plan", limit.label(), tier.label());
    let save = effect.map(|shown| {
        let hidden = vec![("plan", tier.to_string()), ("limit", limit.to_string()), ("value", value)];
        effect::card(shown, format!("{}/limit", super::ADDRESS), hidden, "Save limit", again)
    });
    view! {
        {crumbs(vec![(super::ADDRESS.to_owned(), "Plan".to_owned())], limit.label().to_owned())}
        <div class="page-head">
            <div>
                <h1>{title}</h1>
                <p class="text-ink-2 mt-0.5 max-w-prose">{limit.effect()}</p>
            </div>
        </div>
        <form class="card card-body form max-w-xl" method="get" action=format!("{}/limit", super::ADDRESS)>
            <input type="hidden" name="plan" value=tier.as_str() />
            <input type="hidden" name="limit" value=limit.as_str() />
            <p>"Now: " <strong class="num">{limit.words(present)}</strong></p>
            {field.view()}
            <div class="flex flex-wrap gap-2">
                <button class=if effect.is_none() { "btn btn-primary" } else { "btn" } type="submit">
                    "Show what it does"
                </button>
                <a class="btn" href=super::ADDRESS>"Cancel"</a>
            </div>
        </form>
        {save}
    }
    .into_any()
}
