//! What is looked for. All of it is in the address.

use std::collections::HashMap;

use chrono::NaiveDate;
use drift_domain::audit::AuditAction;
use drift_domain::views::AuditPage;
use drift_services::ServiceError;
use drift_services::audit::Looked;
use leptos::prelude::*;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::components::form::options;
use crate::components::icon::{Icon, icon};
use crate::islands::filter::FilterForm;

/// Reads what an address asks for. Empty fields ask for nothing.
pub(super) fn read(query: &HashMap<String, String>) -> Result<Looked, ServiceError> {
    let text = |name: &str| query.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
    let day = |name: &'static str| {
        let parsed = text(name).map(str::parse::<NaiveDate>).transpose();
        parsed.map_err(|_| ServiceError::invalid(name, "This is not a day. Write it as 2026-11-28."))
    };
    let action = text("action").map(str::parse::<AuditAction>).transpose();
    Ok(Looked {
        actor: text("actor").map(str::parse).transpose().map_err(|_| ServiceError::NotFound("person"))?,
        action: action.map_err(|_| ServiceError::invalid("action", "Choose one of the actions offered."))?,
        target: text("target").map(str::to_owned),
        environment: text("environment")
            .map(str::parse)
            .transpose()
            .map_err(|_| ServiceError::NotFound("environment"))?,
        text: text("text").map(str::to_owned),
        from: day("from")?,
        to: day("to")?,
    })
}

/// What an address asks with, `?` included; with the place where a page begins.
pub(super) fn query(looked: &Looked, after: Option<&str>) -> String {
    let encoded = |value: &str| utf8_percent_encode(value, NON_ALPHANUMERIC).to_string();
    let pairs = [
        ("actor", looked.actor.map(|id| id.to_string())),
        ("action", looked.action.map(|action| action.to_string())),
        ("target", looked.target.clone()),
        ("environment", looked.environment.map(|id| id.to_string())),
        ("text", looked.text.clone()),
        ("from", looked.from.map(|day| day.to_string())),
        ("to", looked.to.map(|day| day.to_string())),
        ("after", after.map(str::to_owned)),
    ];
    let pairs = pairs.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", encoded(&value?))));
    let query = pairs.collect::<Vec<_>>().join("&");
    if query.is_empty() { query } else { format!("?{query}") }
}

/// The form.
pub(super) fn form(page: &AuditPage, looked: &Looked) -> impl IntoView + use<> {
    let all = |none: bool| std::iter::once((String::new(), "All".to_owned(), none));
    let people = page.people.iter().map(|(id, name)| (id.to_string(), name.clone(), looked.actor == Some(*id)));
    let people: Vec<_> = all(looked.actor.is_none()).chain(people).collect();
    let actions = AuditAction::ALL
        .iter()
        .map(|action| (action.to_string(), action.label().to_owned(), looked.action == Some(*action)));
    let actions: Vec<_> = all(looked.action.is_none()).chain(actions).collect();
    let environments =
        page.environments.iter().map(|(id, name)| (id.to_string(), name.clone(), looked.environment == Some(*id)));
    let environments: Vec<_> = all(looked.environment.is_none()).chain(environments).collect();
    let today = page.now.date_naive().to_string();
    let day = |day: Option<NaiveDate>| day.map(|day| day.to_string()).unwrap_or_default();
    let (from, to) = (day(looked.from), day(looked.to));
    let (text, target) = (looked.text.clone().unwrap_or_default(), looked.target.clone().unwrap_or_default());
    view! {
        <FilterForm>
            <form class="filter audit-filter card" method="get" action="/audit" role="search" aria-label="Entries">
                <div>
                    <label for="actor">"Who"</label>
                    <select class="input input-small" id="actor" name="actor">{options(people)}</select>
                </div>
                <div>
                    <label for="action">"What"</label>
                    <select class="input input-small" id="action" name="action">{options(actions)}</select>
                </div>
                <div>
                    <label for="environment">"Environment"</label>
                    <select class="input input-small" id="environment" name="environment">{options(environments)}</select>
                </div>
                <div>
                    <label for="target">"About"</label>
                    <input class="input input-small" type="text" id="target" name="target" value=target placeholder="INC-12" />
                </div>
                <div>
                    <label for="text">"With the words"</label>
                    <input class="input input-small" type="search" id="text" name="text" value=text />
                </div>
                <div>
                    <label for="from">"From"</label>
                    <input class="input input-small" type="date" id="from" name="from" value=from max=today.clone() />
                </div>
                <div>
                    <label for="to">"To"</label>
                    <input class="input input-small" type="date" id="to" name="to" value=to max=today />
                </div>
                <div class="wide flex flex-wrap gap-2">
                    <button class="btn" type="submit">{icon(Icon::Search)} "Show"</button>
                    <a class="btn" href="/audit">"Show all"</a>
                </div>
            </form>
        </FilterForm>
    }
}

#[cfg(test)]
mod tests {
    use axum::extract::Query;

    use super::*;

    #[test]
    fn what_is_looked_for_survives_its_own_address() {
        let looked = Looked {
            actor: Some(drift_domain::ids::UserId(uuid::Uuid::from_u128(7))),
            action: Some(AuditAction::SignIn),
            text: Some("a&b=c d".to_owned()),
            from: Some("2026-11-01".parse().unwrap()),
            ..Looked::default()
        };
        let address = format!("/audit{}", query(&looked, None));
        let back = Query::<HashMap<String, String>>::try_from_uri(&address.parse().unwrap()).unwrap();
        assert_eq!(read(&back.0).unwrap(), looked);
        assert_eq!(query(&Looked::default(), None), "");
        let wrong = HashMap::from([("action".to_owned(), "DANCE".to_owned())]);
        assert!(matches!(read(&wrong), Err(ServiceError::Invalid { field: "action", .. })));
    }
}
