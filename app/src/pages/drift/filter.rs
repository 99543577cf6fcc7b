//! The filter of the changes. All of it is in the address, so it can be sent to somebody and survives a reload.

use std::collections::HashMap;
use std::str::FromStr;

use drift_domain::change::{ChangeState, ChangeType, Origin};
use drift_domain::ids::EnvironmentId;
use drift_domain::severity::Severity;
use drift_domain::views::{ChangeFilter, Workspace};
use leptos::prelude::*;

use crate::components::form::options;
use crate::components::icon::{Icon, icon};
use crate::islands::filter::FilterForm;
use crate::words;

/// Reads the filter from an address. What is empty, or not a word of its set, does not filter.
pub(crate) fn read(query: &HashMap<String, String>) -> ChangeFilter {
    fn word<T: FromStr>(query: &HashMap<String, String>, name: &str) -> Option<T> {
        query.get(name)?.parse().ok()
    }
    ChangeFilter {
        change_type: word(query, "change_type"),
        origin: word(query, "origin"),
        severity: word(query, "severity"),
        state: word(query, "state"),
        q: query.get("q").map(|q| q.trim().to_owned()).filter(|q| !q.is_empty()),
        after: query.get("after").filter(|after| !after.is_empty()).cloned(),
        limit: None,
    }
}

/// The filter as the query of an address, with its question mark; empty when nothing is filtered.
fn query(filter: &ChangeFilter) -> String {
    let pairs = [
        ("change_type", filter.change_type.map(|word| word.to_string())),
        ("origin", filter.origin.map(|word| word.to_string())),
        ("severity", filter.severity.map(|word| word.to_string())),
        ("state", filter.state.map(|word| word.to_string())),
        ("q", filter.q.clone()),
        ("after", filter.after.clone()),
    ];
    let query: Vec<_> = pairs
        .into_iter()
        .filter_map(|(name, value)| {
            let value = value?;
            Some(format!(
                "{name}={}",
                percent_encoding::utf8_percent_encode(&value, percent_encoding::NON_ALPHANUMERIC)
            ))
        })
        .collect();
    if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) }
}

/// A query that stays on this page where the bare address leads on to an open incident.
fn or_all(query: String) -> String {
    if query.is_empty() { "?view=all".to_owned() } else { query }
}

/// Whether anything is filtered.
pub(super) fn is_on(filter: &ChangeFilter) -> bool {
    filter.leaves_out()
}

/// What is filtered, each as a link that takes it out again.
pub(super) fn active(filter: &ChangeFilter, environment: EnvironmentId) -> Option<impl IntoView + use<>> {
    let without = |change: &dyn Fn(&mut ChangeFilter)| {
        let mut rest = filter.from_start();
        change(&mut rest);
        format!("/environments/{environment}/drift{}", or_all(query(&rest)))
    };
    let all = [
        filter.q.as_ref().map(|q| (format!("Workflow: {q}"), without(&|f| f.q = None))),
        filter
            .change_type
            .map(|t| (format!("Type: {}", words::change_type(t).label), without(&|f| f.change_type = None))),
        filter.origin.map(|o| (format!("Origin: {}", words::origin(o).label), without(&|f| f.origin = None))),
        filter.severity.map(|s| (format!("Severity: {}", words::severity(s)), without(&|f| f.severity = None))),
        filter.state.map(|s| (format!("State: {}", words::state(s).label), without(&|f| f.state = None))),
    ];
    let links: Vec<_> = all
        .into_iter()
        .flatten()
        .map(|(label, href)| view! { <a class="chip tone-info" href=href title="Take this out of the filter">{label} {icon(Icon::Cross)}</a> })
        .collect();
    (!links.is_empty()).then(|| {
        view! { <p class="flex flex-wrap items-center gap-1.5 px-4 py-2 border-b border-line"><span class="text-ink-3">"Only"</span> {links}</p> }
    })
}

/// Which of the changes are listed, and the way to the others; nothing where all of them are.
pub(super) fn pages(workspace: &Workspace) -> Option<impl IntoView + use<>> {
    let (shown, matching) = (u32::try_from(workspace.changes.len()).unwrap_or(u32::MAX), workspace.matching_changes);
    let href = |filter: &ChangeFilter| {
        format!("/environments/{}/drift{}#changes", workspace.environment.row.id, or_all(query(filter)))
    };
    let first = workspace.filter.after.is_some().then(|| {
        view! { <a class="btn" href=href(&workspace.filter.from_start())>"First page"</a> }
    });
    let next = workspace.next.clone().map(|after| {
        let href = href(&ChangeFilter { after: Some(after), ..workspace.filter.clone() });
        view! { <a class="btn" href=href>"Next page" {icon(Icon::Arrow)}</a> }
    });
    let from = workspace.earlier_changes.saturating_add(1);
    let to = workspace.earlier_changes.saturating_add(shown);
    let which = (shown > 0).then(|| format!("{from} to {to} of {matching}"));
    (first.is_some() || next.is_some()).then(|| {
        view! {
            <nav aria-label="Pages of changes" class="card-body flex flex-wrap items-center justify-between gap-2">
                <span>{first}</span> <span class="text-ink-2 num">{which}</span> <span>{next}</span>
            </nav>
        }
    })
}

/// The form of the filter.
pub(super) fn form(filter: &ChangeFilter, environment: EnvironmentId) -> impl IntoView + use<> {
    let action = format!("/environments/{environment}/drift");
    let all = format!("{action}{}", or_all(String::new()));
    let clear = is_on(filter).then(|| view! { <a class="btn" href=all>"Clear"</a> });
    let q = filter.q.clone();
    let choices = view! {
        {choice("change_type", "Type", ChangeType::ALL, filter.change_type, |word| words::change_type(word).label, "Any")}
        {choice("origin", "Origin", Origin::ALL, filter.origin, |word| words::origin(word).label, "Any")}
        {choice("severity", "Severity", Severity::ALL, filter.severity, words::severity, "Any")}
        {choice("state", "State", ChangeState::ALL, filter.state, |word| words::state(word).label, "All open")}
    };
    view! {
        <FilterForm>
            <form class="filter" method="get" action=action.clone() role="search" aria-label="Filter the changes">
                <div class="wide">
                    <label for="q">"Workflow"</label>
                    <input class="input input-small" id="q" name="q" type="search" value=q placeholder="Part of its name" autocomplete="off" />
                </div>
                {choices}
                <div class="wide flex gap-2">
                    <button class="btn" type="submit">{icon(Icon::Search)} "Filter"</button>
                    {clear}
                </div>
            </form>
        </FilterForm>
    }
}

fn choice<T: Copy + PartialEq + std::fmt::Display>(
    name: &'static str,
    label: &'static str,
    all: &[T],
    chosen: Option<T>,
    words: fn(T) -> &'static str,
    any: &str,
) -> impl IntoView + use<T> {
    let any = [(String::new(), any.to_owned(), chosen.is_none())];
    let all: Vec<_> =
        all.iter().map(|word| (word.to_string(), words(*word).to_owned(), chosen == Some(*word))).collect();
    view! {
        <div>
            <label for=name>{label}</label>
            <select class="input input-small" id=name name=name>
                {options(any)} {options(all)}
            </select>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_survives_its_own_address() {
        let filter = ChangeFilter {
            change_type: Some(ChangeType::Modified),
            origin: Some(Origin::Hotfix),
            severity: Some(Severity::Critical),
            state: Some(ChangeState::Vanished),
            q: Some("a & b?".to_owned()),
            after: Some("HIGH.7.x".to_owned()),
            limit: None,
        };
        let query = query(&filter);
        assert_eq!(
            query,
            "?change_type=MODIFIED&origin=HOTFIX&severity=CRITICAL&state=VANISHED&q=a%20%26%20b%3F\
             &after=HIGH%2E7%2Ex"
        );
        let read_back =
            axum::extract::Query::<HashMap<String, String>>::try_from_uri(&format!("/x{query}").parse().unwrap());
        assert_eq!(read(&read_back.unwrap().0), filter);
    }

    #[test]
    fn empty_and_unknown_words_filter_nothing() {
        let query = [("origin", ""), ("severity", "HUGE"), ("q", "  ")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(read(&query.into()), ChangeFilter::default());
    }
}
