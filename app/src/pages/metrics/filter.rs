//! Which days, and of what. All of it is in the address.

use std::collections::HashMap;

use chrono::NaiveDate;
use drift_domain::ids::EnvironmentId;
use drift_domain::metrics::{DayRange, Figure};
use drift_domain::views::MetricsPage;
use drift_services::ServiceError;
use drift_services::metrics::Asked;
use leptos::prelude::*;

use crate::components::form::options;
use crate::components::icon::{Icon, icon};
use crate::islands::filter::FilterForm;

/// Ranges that one click gives, by their days.
const RANGES: [(u64, &str); 4] = [(7, "7 days"), (30, "30 days"), (90, "90 days"), (365, "A year")];

/// Reads what an address asks for. Empty fields ask for nothing.
pub(super) fn read(query: &HashMap<String, String>) -> Result<Asked, ServiceError> {
    let text = |name: &str| query.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
    let day = |name: &'static str| {
        let parsed = text(name).map(str::parse::<NaiveDate>).transpose();
        parsed.map_err(|_| ServiceError::invalid(name, "This is not a day. Write it as 2026-11-28."))
    };
    let environment = text("environment").map(str::parse::<EnvironmentId>).transpose();
    let environment = environment.map_err(|_| ServiceError::NotFound("environment"))?;
    Ok(Asked { from: day("from")?, to: day("to")?, environment })
}

/// What an address of these days asks with.
fn query(range: DayRange, environment: Option<EnvironmentId>) -> String {
    let environment = environment.map(|id| format!("&environment={id}")).unwrap_or_default();
    format!("?from={}&to={}{environment}", range.first(), range.last_day())
}

/// Where a figure is had as a file.
pub(super) fn csv(page: &MetricsPage, figure: Figure) -> String {
    format!("/api/v1/metrics/{figure}/csv{}", query(page.range, page.environment))
}

/// The form.
pub(super) fn form(page: &MetricsPage) -> impl IntoView + use<> {
    let environments =
        page.environments.iter().map(|(id, name)| (id.to_string(), name.clone(), page.environment == Some(*id)));
    let all = (String::new(), "All".to_owned(), page.environment.is_none());
    let environments: Vec<_> = std::iter::once(all).chain(environments).collect();
    let ranges = RANGES.map(|(days, label)| {
        let range = DayRange::last(days, page.counted_at);
        let href = format!("/metrics{}", query(range, page.environment));
        view! { <a class="btn" href=href aria-current=(range == page.range).then_some("true")>{label}</a> }
    });
    let today = page.counted_at.date_naive().to_string();
    let (first, last) = (page.range.first().to_string(), page.range.last_day().to_string());
    view! {
        <FilterForm>
            <form class="filter metrics-filter card" method="get" action="/metrics" role="search" aria-label="Days and environment">
                <div>
                    <label for="from">"From"</label>
                    <input class="input input-small" type="date" id="from" name="from" value=first max=today.clone() />
                </div>
                <div>
                    <label for="to">"To"</label>
                    <input class="input input-small" type="date" id="to" name="to" value=last max=today />
                </div>
                <div>
                    <label for="environment">"Environment"</label>
                    <select class="input input-small" id="environment" name="environment">{options(environments)}</select>
                </div>
                <div class="wide flex flex-wrap gap-2">
                    <button class="btn" type="submit">{icon(Icon::Search)} "Show"</button>
                    {ranges.to_vec()}
                </div>
            </form>
        </FilterForm>
    }
}

#[cfg(test)]
mod tests {
    use axum::extract::Query;

    use super::*;

    fn asked(pairs: &[(&str, &str)]) -> Result<Asked, ServiceError> {
        read(&pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn empty_fields_ask_for_nothing_and_what_is_no_day_is_refused() {
        assert_eq!(asked(&[("from", ""), ("to", " "), ("environment", "")]).unwrap(), Asked::default());
        let refused = asked(&[("from", "2026-13-01")]).unwrap_err();
        assert!(matches!(refused, ServiceError::Invalid { field: "from", .. }), "{refused:?}");
        assert!(matches!(asked(&[("environment", "x")]), Err(ServiceError::NotFound(_))));
    }

    #[test]
    fn a_range_survives_its_own_address() {
        let range = DayRange::last(7, "2026-11-28T12:00:00Z".parse().unwrap());
        let environment = Some(EnvironmentId(uuid::Uuid::from_u128(7)));
        let address = format!("/metrics{}", query(range, environment));
        let back = Query::<HashMap<String, String>>::try_from_uri(&address.parse().unwrap()).unwrap();
        let asked = read(&back.0).unwrap();
        assert_eq!(
            (asked.from, asked.to, asked.environment),
            (Some(range.first()), Some(range.last_day()), environment)
        );
    }
}
