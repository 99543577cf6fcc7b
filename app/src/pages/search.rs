//! `/search`: pages, environments and incidents by a few letters. The palette (`islands::palette`) shows what this page shows.

use axum::extract::Query;
use axum::response::Response;
use drift_domain::plan::Capability;
use drift_domain::views::{EnvironmentRow, Found, IncidentRow};
use drift_services::ServiceResult;
use drift_services::gate::Caller;
use leptos::prelude::*;

use crate::components::icon::{Icon, icon};
use crate::components::marks;
use crate::ssr::visit::{Member, Page};
use crate::words;

/// A page that stands in no list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    label: &'static str,
    href: &'static str,
    /// Other words for it.
    also: &'static str,
}

/// The pages that a caller has something of, whose names or other words have all the words that were typed.
pub(crate) fn places(caller: &Caller, q: &str) -> Vec<Place> {
    let place = |label, href, also| Place { label, href, also };
    let all = [
        (true, place("Environments", "/", "home list start")),
        (caller.may(Capability::Incidents), place("Incidents", "/incidents", "drift")),
        (true, place("Metrics", "/metrics", "numbers charts times")),
        (caller.may(Capability::Configure), place("Connect an environment", "/environments/new", "add new n8n github")),
        (true, place("Members", "/settings/members", "people invite invitations roles")),
        (
            caller.may(Capability::Configure),
            place("Incident settings", "/settings/incident-settings", "policy deadlines"),
        ),
        (caller.may(Capability::Approvals), place("Approvals", "/approvals", "inbox approve reject deputy away")),
        (caller.may(Capability::Policies), place("Policies", "/settings/policies", "rules cedar templates coverage")),
        (
            caller.may(Capability::Policies),
            place("Governance", "/overview", "overview override debt exceptions coverage"),
        ),
        (caller.may(Capability::Reports), place("Compliance reports", "/reports", "pdf csv audit pack monthly")),
        (caller.may(Capability::Audit), place("Audit log", "/audit", "record export who did what")),
        (caller.may(Capability::Retention), place("Retention", "/retention", "history holds legal removal")),
        (true, place("Notifications", "/settings/notifications", "slack teams pagerduty webhook e-mail channels")),
        (true, place("Plan", "/settings/plan", "upgrade limits tier billing")),
        (true, place("Your account", "/account", "password sessions tokens profile")),
        (true, place("API reference", "/api/reference", "rest openapi developers")),
        (true, place("New organization", "/organizations/new", "found tenant")),
    ];
    let words: Vec<String> = q.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let named = |place: &Place| {
        let names = format!("{} {}", place.label.to_lowercase(), place.also);
        words.iter().all(|word| names.contains(word.as_str()))
    };
    all.into_iter().filter(|(may, _)| *may).map(|(_, place)| place).filter(named).collect()
}

/// Draws the page.
pub(crate) fn view(q: &str, places: &[Place], found: &Found) -> AnyView {
    let nothing = places.is_empty() && found.environments.is_empty() && found.incidents.is_empty();
    let nothing = nothing.then(|| {
        view! {
            <div class="empty" role="status">
                {icon(Icon::Search)} <p>"Nothing is called that."</p>
                <p class="text-ink-3">"Environments and pages are found by parts of their names, incidents also by their number."</p>
            </div>
        }
    });
    let places =
        places.iter().map(|place| result("Page", place.label.to_owned(), place.href.to_owned(), None)).collect();
    let environments = found.environments.iter().map(environment).collect();
    let incidents = found.incidents.iter().map(incident).collect();
    view! {
        <div class="page-head"><h1>"Search"</h1></div>
        <form method="get" action="/search" role="search" class="flex flex-wrap gap-2 mb-4">
            <label class="sr-only" for="q">"Find pages, environments and incidents"</label>
            <input class="input flex-1" id="q" name="q" type="search" value=q.to_owned() autocomplete="off" autofocus
                placeholder="Parts of a name, or INC-…" />
            <button class="btn btn-primary" type="submit">"Search"</button>
        </form>
        <div id="found">
            {nothing}
            {group("Pages", places)} {group("Environments", environments)} {group("Incidents", incidents)}
        </div>
    }
    .into_any()
}

fn group(title: &'static str, results: Vec<AnyView>) -> Option<impl IntoView> {
    (!results.is_empty()).then(|| {
        view! {
            <section class="card mb-4">
                <div class="card-head"><h2>{title}</h2></div>
                <ul class="found">{results}</ul>
            </section>
        }
    })
}

/// One result; the attributes are what the palette takes from it.
fn result(kind: &'static str, label: String, href: String, mark: Option<AnyView>) -> AnyView {
    let name = label.clone();
    view! {
        <li><a class="row-link wrap-anywhere" href=href data-found=name data-kind=kind>{label}</a> {mark}</li>
    }
    .into_any()
}

fn environment(row: &EnvironmentRow) -> AnyView {
    let mark = marks::badge(row.badge).into_any();
    result("Environment", row.name.clone(), format!("/environments/{}", row.id), Some(mark))
}

fn incident(row: &IncidentRow) -> AnyView {
    let label = format!("{} · {}", words::incident(row.number), row.environment);
    let mark = marks::severity(row.severity).into_any();
    result("Incident", label, format!("/incidents/{}", row.id), Some(mark))
}

/// What is looked for.
#[derive(serde::Deserialize)]
pub(crate) struct SearchQuery {
    #[serde(default)]
    q: String,
}

/// `GET /search`
pub(crate) async fn get(member: Member, Query(SearchQuery { q }): Query<SearchQuery>) -> Response {
    let page: ServiceResult<Page> = async {
        let found = member.services().find(&member.permit()?, &q).await?;
        let places = places(&member.caller, &q);
        Ok(Page::new("Search", move || view(&q, &places, &found)))
    }
    .await;
    member.answer(page).await
}
