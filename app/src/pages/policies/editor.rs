//! `/settings/policies/new` and `/settings/policies/{id}`: writing a policy, its versions, and taking it out of use.

use std::collections::HashMap;

use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use drift_domain::ids::PolicyId;
use drift_domain::policy::PolicyTemplate;
use drift_domain::views::{PolicyPage, PolicySimulation, PolicyVersion};
use drift_services::gate::cap;
use drift_services::policies::PolicyContent;
use drift_services::{ServiceError, ServiceResult};
use leptos::prelude::*;

use super::fields::{Fields, number};
use super::{ADDRESS, form, trial};
use crate::components::crumbs::crumbs;
use crate::components::icon::{Icon, icon};
use crate::components::layout::Live;
use crate::components::note::note;
use crate::components::time;
use crate::ssr::visit::{Member, Page};
use crate::words;

/// What a new text begins with.
const BEGINNING: &str = r#"@title("Expired incidents are extended by administrators")
@instead("Ask an administrator to extend it.")
forbid (principal, action == Action::"extend", resource)
when { context.incident.expired }
unless { principal in Role::"ADMIN" };
"#;

/// What the editor is drawn with.
#[derive(Debug)]
pub(crate) struct Drawn {
    pub fields: Fields,
    /// What is wrong with a field.
    pub wrong: Option<(String, String)>,
    /// What a trial found.
    pub trial: Option<PolicySimulation>,
    /// The policy as it is kept; `None` for a new one.
    pub kept: Option<PolicyPage>,
    pub now: DateTime<Utc>,
}

impl Drawn {
    /// What is wrong with a field, if something is.
    pub(super) fn error(&self, field: &str) -> Option<String> {
        self.wrong.as_ref().filter(|(at, _)| at == field).map(|(_, text)| text.clone())
    }
}

/// A policy that an address names.
pub(crate) fn policy_id(text: &str) -> ServiceResult<PolicyId> {
    text.parse().map_err(|_| ServiceError::NotFound("policy"))
}

/// `GET /settings/policies/new?from=`: a template, or `text`.
pub(crate) async fn get_new(member: Member, Query(query): Query<HashMap<String, String>>) -> Response {
    let page: ServiceResult<Page> = async {
        member.permit::<cap::Policies>()?;
        let from = query.get("from").map_or("", String::as_str);
        let fields = match from.parse::<PolicyTemplate>() {
            Ok(template) => Fields { name: template.label().to_owned(), ..Fields::of(&template.rules()) },
            Err(_) if from == "text" => Fields::written(BEGINNING.to_owned()),
            Err(_) => Fields::of(&PolicyTemplate::Standard.rules()),
        };
        drawn(&member, fields, None).await
    }
    .await;
    member.answer(page).await
}

/// `GET /settings/policies/{id}`; `?as=text` has one that was made with a form as its text.
pub(crate) async fn get(
    member: Member,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let page: ServiceResult<Page> = async {
        let kept = member.services().policy(&member.permit()?, policy_id(&id)?).await?;
        let newest = kept.versions.first().ok_or(ServiceError::NotFound("policy"))?;
        let of_version = match newest.rules {
            Some(rules) if query.get("as").is_none_or(|kind| kind != "text") => Fields::of(&rules),
            _ => Fields::written(newest.text.clone()),
        };
        let fields = Fields { id, version: newest.version.to_string(), name: kept.name.clone(), ..of_version };
        drawn(&member, fields, Some(kept)).await
    }
    .await;
    member.answer(page).await
}

/// The editor, with what was typed before where that could not be used.
async fn drawn(member: &Member, fields: Fields, kept: Option<PolicyPage>) -> ServiceResult<Page> {
    let notice = member.take_notice().await?;
    let typed = notice.as_ref().filter(|notice| notice.field.is_some()).and_then(|notice| notice.draft.clone());
    let typed =
        typed.and_then(|draft| serde_json::from_value::<Fields>(draft).ok()).filter(|typed| typed.id == fields.id);
    let wrong = notice.as_ref().filter(|_| typed.is_some()).and_then(|n| Some((n.field.clone()?, n.text.clone())));
    let now = member.services().now();
    let shown = notice.filter(|notice| notice.good || wrong.is_none());
    let drawn = Drawn { fields: typed.unwrap_or(fields), wrong, trial: None, kept, now };
    Ok(page(drawn).notice(shown.as_ref()))
}

fn page(drawn: Drawn) -> Page {
    let title = drawn.kept.as_ref().map_or_else(|| "New policy".to_owned(), |kept| kept.name.clone());
    let now = drawn.now;
    Page::new(title, move || view(&drawn)).live(Live::Off, now)
}

/// `POST /settings/policies/trial`: the same page, with what the draft would have said to what was done.
pub(crate) async fn try_out(member: Member, axum::Form(fields): axum::Form<Fields>) -> Response {
    let found: ServiceResult<Page> = async {
        let permit = member.permit()?;
        let kept = match fields.id.as_str() {
            "" => None,
            id => Some(member.services().policy(&permit, policy_id(id)?).await?),
        };
        let tried = async {
            let content: PolicyContent = fields.content()?;
            let days = number("days", if fields.days.is_empty() { "30" } else { &fields.days })?;
            member.services().simulate_policy(&permit, content, days).await
        };
        let now = member.services().now();
        match tried.await {
            Ok(trial) => Ok(page(Drawn { fields, wrong: None, trial: Some(trial), kept, now })),
            Err(ServiceError::Invalid { field, message }) => {
                let wrong = Some((field.to_owned(), message));
                Ok(page(Drawn { fields, wrong, trial: None, kept, now }).status(StatusCode::UNPROCESSABLE_ENTITY))
            }
            Err(error) => Err(error),
        }
    }
    .await;
    member.answer(found).await
}

/// Draws the editor.
pub(crate) fn view(drawn: &Drawn) -> AnyView {
    let ways = vec![("/".to_owned(), "Environments".to_owned()), (ADDRESS.to_owned(), "Policies".to_owned())];
    let title = drawn.kept.as_ref().map_or_else(|| "New policy".to_owned(), |kept| kept.name.clone());
    let retired = drawn.kept.as_ref().and_then(|kept| kept.retired_at);
    let trial = drawn.trial.as_ref().map(|found| trial::section(found, drawn.now));
    let body = match retired {
        Some(at) => {
            let text = view! { "It is out of use since " {time::ago(at, drawn.now)} ". Its versions stay." };
            note("tone-plain", Icon::Info, text).into_any()
        }
        None => view! { {as_text(drawn)} {form::form(drawn)} }.into_any(),
    };
    view! {
        {crumbs(ways, title.clone())}
        <div class="page-head"><h1 class="wrap-anywhere">{title}</h1></div>
        {trial}
        <section class="section" aria-label="What it says">{body}</section>
        {drawn.kept.as_ref().map(|kept| versions(kept, drawn.now))}
        {drawn.kept.as_ref().filter(|kept| kept.retired_at.is_none()).map(retire)}
    }
    .into_any()
}

/// The way from the form to its text.
fn as_text(drawn: &Drawn) -> Option<impl IntoView + use<>> {
    let kept = drawn.kept.as_ref().filter(|_| !drawn.fields.is_text())?;
    let href = format!("{ADDRESS}/{}?as=text", kept.id);
    Some(view! { <p class="mb-3"><a href=href>"Change it as text instead"</a></p> })
}

fn versions(kept: &PolicyPage, now: DateTime<Utc>) -> impl IntoView + use<> {
    let rows = kept.versions.iter().map(|version| one(version, now)).collect_view();
    view! {
        <section class="card section" aria-labelledby="versions-heading" id="versions">
            <div class="card-head"><h2 id="versions-heading">"Versions"</h2></div>
            <ol class="card-body grid gap-2" reversed=true>{rows}</ol>
        </section>
    }
}

fn one(version: &PolicyVersion, now: DateTime<Utc>) -> impl IntoView + use<> {
    let label = format!("The text of version {}", version.version);
    view! {
        <li data-version=version.version.to_string()>
            <details class="inc-edit">
                <summary>
                    {format!("Version {}, by {} ", version.version, version.by.name)} {time::ago(version.at, now)}
                </summary>
                <pre class="policy-schema" tabindex="0" aria-label=label>{version.text.clone()}</pre>
            </details>
        </li>
    }
}

fn retire(kept: &PolicyPage) -> impl IntoView + use<> {
    let held = (!kept.assigned.is_empty()).then(|| {
        let what = words::count(kept.assigned.len() as u64, "place", "places");
        view! { <p class="text-ink-2">{format!("It holds in {what}. Assign another policy there, or none, first.")}</p> }
    });
    let button = kept.assigned.is_empty().then(|| {
        view! {
            <form method="post" action=format!("{ADDRESS}/{}/retire", kept.id)>
                <button class="btn btn-danger" type="submit">{icon(Icon::Cross)} "Take it out of use"</button>
            </form>
            <p class="hint">"It can be assigned no more. Its versions stay on record."</p>
        }
    });
    view! {
        <section class="card section" aria-labelledby="retire-heading" id="retire">
            <div class="card-head"><h2 id="retire-heading">"Out of use"</h2></div>
            <div class="card-body grid gap-2">{held} {button}</div>
        </section>
    }
}
