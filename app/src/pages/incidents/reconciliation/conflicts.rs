//! Places where both sides left the baseline, differently: a person picks one side for each, and looks at the result.

use drift_domain::ids::ChangeId;
use drift_domain::reconciliation::ReconciliationState;
use drift_domain::views::{ItemView, MergeConflict, MergeSide, ReconciliationPage};
use leptos::prelude::*;

use super::{changes, version};
use crate::components::icon::{Icon, icon};
use crate::pages::incidents::Kept;
use crate::words::{self, count};

/// What is kept of the form is kept under this name.
pub(crate) const FORM: &str = "picks";

/// A pick's field: `pick-{change}-{key}`.
pub(crate) fn field(change: ChangeId, key: &str) -> String {
    format!("{}{change}-{key}", PREFIX)
}

/// Fields that begin with this are picks.
const PREFIX: &str = "pick-";
/// How long an identifier is, written out.
const IDENTIFIER: usize = 36;

/// What a field's name says: which change, and which place of it.
pub(crate) fn read(field: &str) -> Option<(ChangeId, &str)> {
    let rest = field.strip_prefix(PREFIX)?;
    let (change, key) = (rest.get(..IDENTIFIER)?, rest.get(IDENTIFIER..)?.strip_prefix('-')?);
    Some((change.parse().ok()?, key))
}

/// The section: one form for all conflicts of a plan, for who may pick. It is no live region: what somebody picks stays.
pub(super) fn section(page: &ReconciliationPage, kept: &Kept) -> Option<impl IntoView + use<>> {
    let incident = page.incident_id.filter(|_| page.row.state == ReconciliationState::Planned)?;
    let may = page.plan_refused.is_none();
    let total: usize = page.items.iter().map(|item| item.conflicts.len()).sum();
    if total == 0 {
        return None;
    }
    let places: Vec<_> = page
        .items
        .iter()
        .flat_map(|item| item.conflicts.iter().map(move |conflict| (item, conflict)))
        .enumerate()
        .map(|(at, (item, conflict))| place(at, item, conflict, kept, may))
        .collect();
    let body = if may {
        view! {
            <form method="post" action=format!("/incidents/{incident}/reconciliations") data-form=FORM>
                {version(page)} {changes(page)} {settled(page)} {places}
                <div class="card-body rec-offer border-t border-line">
                    <p class="text-ink-2 max-w-prose">"Makes a new plan with these picks. Still nothing is written."</p>
                    <button class="btn btn-primary" type="submit">{icon(Icon::Eye)} "Look at the result"</button>
                </div>
            </form>
        }
        .into_any()
    } else {
        view! { <div>{places}</div> }.into_any()
    };
    let title = count(total as u64, "place to pick a side for", "places to pick a side for");
    Some(view! {
        <section class="card section overflow-hidden" id="conflicts" aria-labelledby="conflicts-heading">
            <div class="card-head">
                <h2 id="conflicts-heading" class="with-icon">{icon(Icon::Collision)} {title}</h2>
            </div>
            {body}
        </section>
    })
}

/// Picks that are taken already, so that the next plan takes them, too.
fn settled(page: &ReconciliationPage) -> impl IntoView + use<> {
    let of = |item: &ItemView| {
        let is_open = |key: &str| item.conflicts.iter().any(|conflict| conflict.key == key);
        let settled = item.picks.iter().filter(|(key, _)| !is_open(key));
        settled.map(|(key, side)| (field(item.change, key), side.as_str())).collect::<Vec<_>>()
    };
    let all = page.items.iter().flat_map(of);
    all.map(|(name, side)| view! { <input type="hidden" name=name value=side /> }).collect_view()
}

fn place(at: usize, item: &ItemView, conflict: &MergeConflict, kept: &Kept, may: bool) -> impl IntoView + use<> {
    let name = field(item.change, &conflict.key);
    // What was typed just now, else what was picked in the plan before.
    let before = item.picks.get(&conflict.key).map_or("", |side| side.as_str());
    let chosen = Some(kept.text(FORM, &name)).filter(|typed| !typed.is_empty()).unwrap_or_else(|| before.to_owned());
    let why = format!("conflict-{at}-why");
    let redacted = conflict.redacted.then(|| {
        view! { <span class="chip tone-unverified">{icon(Icon::Lock)} "secrets withheld"</span> }
    });
    let order = [MergeSide::Base, MergeSide::Live, MergeSide::Desired];
    let sides = order
        .into_iter()
        .filter(|side| conflict.sides.contains(side))
        .map(|side| self::side(side, conflict, &name, chosen == side.as_str()))
        .collect_view();
    view! {
        <fieldset class="conflict" disabled=!may aria-describedby=why.clone() data-conflict=conflict.key.clone()>
            <legend class="wrap-anywhere">{item.workflow.clone()} ": " {conflict.title.clone()}</legend>
            <p class="text-ink-2 wrap-anywhere" id=why.clone()>{conflict.why.clone()} " " {redacted}</p>
            <div class="conflict-sides">{sides}</div>
        </fieldset>
    }
}

fn side(side: MergeSide, conflict: &MergeConflict, name: &str, checked: bool) -> impl IntoView + use<> {
    let lines = match side {
        MergeSide::Live => &conflict.live,
        MergeSide::Desired => &conflict.desired,
        MergeSide::Base => &conflict.base,
    };
    let mark = words::merge_side(side);
    let text = match lines {
        Some(lines) => view! { <pre tabindex="0" aria-label=mark.label>{lines.join("\n")}</pre> }.into_any(),
        None => view! { <p class="nothing">"has nothing here"</p> }.into_any(),
    };
    view! {
        <div class="conflict-side" data-pick=side.as_str()>
            <label class="choice">
                <input type="radio" name=name.to_owned() value=side.as_str() required checked=checked />
                <strong class="with-icon">{icon(mark.icon)} {mark.label}</strong>
            </label>
            {text}
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_names_its_change_and_its_place() {
        let change = ChangeId(uuid::Uuid::from_u128(7));
        for key in ["node/Total", "a-b-c", "", "nodes › “Ärger”"] {
            assert_eq!(read(&field(change, key)), Some((change, key)));
        }
        for other in ["version", "pick-", "pick-7-x", "pick-00000000-0000-0000-0000-000000000007"] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
