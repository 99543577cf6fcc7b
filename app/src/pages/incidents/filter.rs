//! The filter of the list of incidents. All of it is in the address.

use std::collections::HashMap;
use std::str::FromStr;

use drift_domain::incident::IncidentStatus;
use drift_domain::severity::Severity;
use drift_domain::views::{IncidentFilter, IncidentList};
use leptos::prelude::*;

use crate::components::form::options;
use crate::components::icon::{Icon, icon};
use crate::islands::filter::FilterForm;
use crate::words;

/// Reads the filter from an address. What is empty, or not a word of its set, does not filter.
pub(crate) fn read(query: &HashMap<String, String>) -> IncidentFilter {
    fn word<T: FromStr>(query: &HashMap<String, String>, name: &str) -> Option<T> {
        query.get(name)?.parse().ok()
    }
    let owner = query.get("owner").map(String::as_str);
    IncidentFilter {
        status: word(query, "status"),
        all: query.get("status").is_some_and(|status| status == "ALL"),
        severity: word(query, "severity"),
        environment: word(query, "environment"),
        mine: owner == Some("mine"),
        unowned: owner == Some("unowned"),
    }
}

/// The filter as the query of an address, with its question mark; empty when nothing is filtered.
pub(super) fn query(filter: &IncidentFilter, after: Option<&str>) -> String {
    let all = filter.all.then(|| "ALL".to_owned());
    let owner = if filter.mine { Some("mine") } else { filter.unowned.then_some("unowned") };
    let pairs = [
        ("status", filter.status.map(|word| word.to_string()).or(all)),
        ("severity", filter.severity.map(|word| word.to_string())),
        ("environment", filter.environment.map(|id| id.to_string())),
        ("owner", owner.map(str::to_owned)),
        ("after", after.map(str::to_owned)),
    ];
    let query: Vec<_> = pairs
        .into_iter()
        .filter_map(|(name, value)| {
            let value = value?;
            let value = percent_encoding::utf8_percent_encode(&value, percent_encoding::NON_ALPHANUMERIC);
            Some(format!("{name}={value}"))
        })
        .collect();
    if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) }
}

/// Whether anything is filtered.
pub(super) fn is_on(filter: &IncidentFilter) -> bool {
    *filter != IncidentFilter::default()
}

/// The form of the filter.
pub(super) fn form(list: &IncidentList) -> impl IntoView + use<> {
    let filter = &list.filter;
    let clear = is_on(filter).then(|| view! { <a class="btn" href="/incidents">"Clear"</a> });
    let of_status = IncidentStatus::ALL.iter().map(|status| {
        (status.to_string(), words::incident_status(*status).label.to_owned(), filter.status == Some(*status))
    });
    let statuses = [
        (String::new(), "All open".to_owned(), filter.status.is_none() && !filter.all),
        ("ALL".to_owned(), "Open and closed".to_owned(), filter.all),
    ];
    let severities = Severity::ALL.iter().rev().map(|severity| {
        (severity.to_string(), words::severity(*severity).to_owned(), filter.severity == Some(*severity))
    });
    let environments =
        list.environments.iter().map(|(id, name)| (id.to_string(), name.clone(), filter.environment == Some(*id)));
    let owners = [
        (String::new(), "Anybody".to_owned(), !filter.mine && !filter.unowned),
        ("mine".to_owned(), "Me".to_owned(), filter.mine),
        ("unowned".to_owned(), "Nobody".to_owned(), filter.unowned),
    ];
    let any = |chosen: bool| (String::new(), "Any".to_owned(), chosen);
    let fields = view! {
        {select("status", "Status", statuses.into_iter().chain(of_status).collect())}
        {select("severity", "Severity", std::iter::once(any(filter.severity.is_none())).chain(severities).collect())}
        {select("environment", "Environment", std::iter::once(any(filter.environment.is_none())).chain(environments).collect())}
        {select("owner", "Owner", owners.into())}
    };
    view! {
        <FilterForm>
            <form class="filter inc-filter" method="get" action="/incidents" role="search" aria-label="Filter the incidents">
                {fields}
                <div class="wide flex gap-2">
                    <button class="btn" type="submit">{icon(Icon::Search)} "Filter"</button>
                    {clear}
                </div>
            </form>
        </FilterForm>
    }
}

fn select(name: &'static str, label: &'static str, choices: Vec<(String, String, bool)>) -> impl IntoView {
    view! {
        <div>
            <label for=name>{label}</label>
            <select class="input input-small" id=name name=name>{options(choices)}</select>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use drift_domain::ids::EnvironmentId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_filter_survives_its_own_address() {
        let filter = IncidentFilter {
            status: Some(IncidentStatus::Stabilized),
            all: false,
            severity: Some(Severity::High),
            environment: Some(EnvironmentId(Uuid::from_u128(7))),
            mine: true,
            unowned: false,
        };
        for filter in [filter, IncidentFilter { all: true, ..IncidentFilter::default() }, IncidentFilter::default()] {
            let address = format!("/incidents{}", query(&filter, None));
            let read_back =
                axum::extract::Query::<HashMap<String, String>>::try_from_uri(&address.parse().unwrap()).unwrap();
            assert_eq!(read(&read_back.0), filter, "{address}");
        }
    }

    #[test]
    fn empty_and_unknown_words_filter_nothing() {
        let query = [("status", ""), ("severity", "HUGE"), ("owner", "  ")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(read(&query.into()), IncidentFilter::default());
    }
}
