//! Choosing a path: for one change, or for all that nobody has decided yet.

use drift_domain::change::DecisionKind;
use drift_domain::incident::IncidentAction;
use drift_domain::views::{IncidentChange, IncidentPage};
use leptos::prelude::*;

use super::Kept;
use super::actions::{may, takes, version};
use crate::components::form::field_error;
use crate::components::icon::{Icon, icon};
use crate::words;

/// The name of a change's form: of its fields, and of what is kept of it.
pub(super) fn form_of(change: &IncidentChange) -> String {
    format!("decide-{}", change.row.id)
}

/// Whether this person can choose a path for this change now.
pub(super) fn is_offered(page: &IncidentPage, change: &IncidentChange) -> bool {
    !change.choices.is_empty() && may(page, IncidentAction::Decide).is_ok()
}

/// Whether there is a form for all undecided changes: there are several, and something fits every one of them.
pub(super) fn is_for_all(page: &IncidentPage) -> bool {
    page.listed.waiting > 1 && !page.listed.fit_all.is_empty() && may(page, IncidentAction::Decide).is_ok()
}

/// The form of all undecided changes, those on other pages too.
pub(super) fn for_all(page: &IncidentPage, kept: &Kept) -> Option<impl IntoView + use<>> {
    const NAME: &str = "decide-all";
    if !is_for_all(page) {
        return None;
    }
    let elsewhere = (page.changes.len() as u64) < u64::from(page.listed.all);
    let pages = if elsewhere { ", on all pages" } else { "" };
    let summary = format!("One path for all {} undecided changes{pages}", page.listed.waiting);
    Some(view! {
        <details class="inc-decide" data-key=NAME open=kept.is_of(NAME)>
            <summary>{icon(Icon::Branch)} {summary}</summary>
            {form(page, NAME, None, &page.listed.fit_all, kept)}
        </details>
    })
}

/// The folded form of one change.
pub(super) fn for_one(page: &IncidentPage, change: &IncidentChange, kept: &Kept) -> impl IntoView + use<> {
    let name = form_of(change);
    let summary = if change.artifacts.is_empty() { "Choose a path" } else { "Choose another path" };
    view! {
        <details class="inc-decide" data-key=name.clone() open=kept.is_of(&name)>
            <summary>
                {icon(Icon::Branch)} {summary} <span class="sr-only">{format!(" for {}", change.row.workflow)}</span>
            </summary>
            {form(page, &name, Some(change), &change.choices, kept)}
        </details>
    }
}

/// The form itself: paths with what they mean, why, and what replaces where something does.
pub(super) fn form(
    page: &IncidentPage,
    name: &str,
    change: Option<&IncidentChange>,
    choices: &[DecisionKind],
    kept: &Kept,
) -> impl IntoView + use<> {
    let about = match change {
        Some(change) => change.row.id.to_string(),
        None => String::new(),
    };
    let chosen = kept.typed(name, "kind");
    let fitting = change.and_then(|change| change.row.vanished.as_ref()).map(|vanished| vanished.fitting);
    let radios = choices
        .iter()
        .map(|kind| {
            let mark = words::path(*kind);
            let checked = chosen.map_or(fitting == Some(*kind), |chosen| chosen == kind.as_str());
            let fits = (fitting == Some(*kind)).then_some(" Fits what happened.");
            view! {
                <label class="choice path">
                    <input type="radio" name="kind" value=kind.as_str() required checked=checked />
                    <span><strong>{icon(mark.icon)} {mark.label}</strong> <small>{words::path_explained(*kind)}{fits}</small></span>
                </label>
            }
        })
        .collect_view();
    let replaces = choices.contains(&DecisionKind::Replace).then(|| replacement(name, kept));
    let (id, error) = (format!("{name}-reason"), kept.error(name, "reason"));
    view! {
        <form method="post" action=format!("/incidents/{}/decisions", page.row.id) class="form decide-form" data-form=name.to_owned()>
            {version(page)} <input type="hidden" name="change" value=about />
            {takes(page, IncidentAction::Decide)}
            <fieldset>
                <legend class="sr-only">"Path"</legend>
                <div class="paths">{radios}</div>
            </fieldset>
            {field_error(&format!("{name}-kind"), kept.error(name, "kind"))}
            {replaces}
            <div class="field">
                <label for=id.clone()>"Reason"</label>
                <input class="input" id=id name="reason" required autocomplete="off" value=kept.text(name, "reason") placeholder="Why this is right; kept on record" aria-invalid=error.is_some().then_some("true") />
                {field_error(&format!("{name}-reason"), error)}
            </div>
            <p><button class="btn btn-primary" type="submit">{icon(Icon::Check)} "Record path"</button></p>
        </form>
    }
}

/// What replaces the two sides: shown where that is chosen, without a script.
fn replacement(name: &str, kept: &Kept) -> impl IntoView + use<> {
    let (id, error) = (format!("{name}-replacement"), kept.error(name, "replacement"));
    view! {
        <div class="field for-replace">
            <label for=id.clone()>"What replaces it"</label>
            <input class="input" id=id name="replacement" autocomplete="off" value=kept.text(name, "replacement") placeholder="The commit, or what carries the other fix" aria-invalid=error.is_some().then_some("true") />
            {field_error(&format!("{name}-replacement"), error)}
        </div>
    }
}
