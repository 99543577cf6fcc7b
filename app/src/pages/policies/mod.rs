//! `/settings/policies`: the policies in use, which holds for which environment, and what a draft would have refused.

pub(crate) mod editor;
pub(crate) mod fields;
mod form;
mod trial;

use axum::response::Response;
use chrono::{DateTime, Utc};
use drift_domain::environment::EnvironmentClass;
use drift_domain::ids::PolicyId;
use drift_domain::policy::PolicyTemplate;
use drift_domain::views::{PolicyCoverage, PolicyList, PolicyRow, PolicyTarget};
use drift_services::ServiceResult;
use leptos::prelude::*;

use crate::components::crumbs::crumbs;
use crate::components::form::options;
use crate::components::icon::{Icon, icon};
use crate::components::layout::Live;
use crate::components::note::note;
use crate::components::time;
use crate::ssr::visit::{Member, Page};
use crate::words;

/// Where this page is.
pub(crate) const ADDRESS: &str = "/settings/policies";

/// `GET /settings/policies`
pub(crate) async fn get(member: Member) -> Response {
    let page: ServiceResult<Page> = async {
        let list = member.services().policies(&member.permit()?).await?;
        let now = member.services().now();
        let notice = member.take_notice().await?;
        Ok(Page::new("Policies", move || view(&list, now)).notice(notice.as_ref()).live(Live::Off, now))
    }
    .await;
    member.answer(page).await
}

/// Draws the page.
pub(crate) fn view(list: &PolicyList, now: DateTime<Utc>) -> AnyView {
    view! {
        {crumbs(vec![("/".to_owned(), "Environments".to_owned())], "Policies".to_owned())}
        <div class="page-head">
            <div>
                <h1>"Policies"</h1>
                <p class="text-ink-2 mt-0.5 max-w-prose">
                    "Who may do what about drift, beyond what roles allow. A policy only takes away: it turns no detection off, hides no drift, skips no proof, and never stands in the way of recovery."
                </p>
            </div>
        </div>
        {in_use(list, now)}
        {begin()}
        {coverage(list)}
    }
    .into_any()
}

fn in_use(list: &PolicyList, now: DateTime<Utc>) -> impl IntoView + use<> {
    let rows = list.policies.iter().map(|policy| row(policy, list, now)).collect_view();
    let body = if list.policies.is_empty() {
        view! { <p class="card-body text-ink-2">"There is no policy yet. Begin with a template below; nothing holds until you say where."</p> }
            .into_any()
    } else {
        view! {
            <table class="rows">
                <caption class="sr-only">"Policies in use"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Policy"</th>
                        <th scope="col">"Holds for"</th>
                        <th scope="col">"Version"</th>
                        <th scope="col">"Changed"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        }
        .into_any()
    };
    view! {
        <section class="card section overflow-hidden" aria-labelledby="policies-heading" id="policies">
            <div class="card-head"><h2 id="policies-heading">"In use"</h2></div>
            {body}
        </section>
    }
}

fn row(policy: &PolicyRow, list: &PolicyList, now: DateTime<Utc>) -> impl IntoView + use<> {
    let kind = if policy.form { "with a form" } else { "as text" };
    view! {
        <tr data-policy=policy.id.to_string()>
            <td class="cell-main"><a class="wrap-anywhere" href=format!("{ADDRESS}/{}", policy.id)>{policy.name.clone()}</a></td>
            <td data-label="Holds for">{places(&policy.assigned, &list.coverage)}</td>
            <td data-label="Version"><span class="num">{policy.version}</span> {format!(", {kind}")}</td>
            <td data-label="Changed">{format!("{} ", policy.by.name)} {time::ago(policy.at, now)}</td>
        </tr>
    }
}

/// Where a policy holds, in words.
pub(super) fn places(assigned: &[PolicyTarget], coverage: &[PolicyCoverage]) -> String {
    let name = |target: &PolicyTarget| match target {
        PolicyTarget::Class(class) => format!("every {} environment", words::class(*class).to_lowercase()),
        PolicyTarget::Environment(id) => coverage
            .iter()
            .find(|row| row.environment_id == *id)
            .map_or_else(|| "an environment".to_owned(), |row| format!("“{}”", row.environment)),
    };
    let names: Vec<_> = assigned.iter().map(name).collect();
    if names.is_empty() { "nothing yet".to_owned() } else { names.join(", ") }
}

/// The ways to begin.
fn begin() -> impl IntoView {
    let ways = PolicyTemplate::ALL
        .iter()
        .map(|template| {
            let (href, label) = (format!("{ADDRESS}/new?from={template}"), template.label());
            let what = match template {
                PolicyTemplate::StrictProduction => {
                    "What is severe takes the approval of a second person; time and overrides are short."
                }
                PolicyTemplate::Standard => "Operators act; approvers extend what has expired.",
                PolicyTemplate::RelaxedDevelopment => "What roles and plan allow is allowed.",
            };
            way(href, label, what).into_any()
        })
        .collect_view();
    let text = way(
        format!("{ADDRESS}/new?from=text"),
        "As text",
        "Rules of Cedar that forbid, for what no form says. Checked before they are kept.",
    );
    view! {
        <section class="card section" aria-labelledby="new-heading" id="new">
            <div class="card-head"><h2 id="new-heading">"Write a policy"</h2></div>
            <ul class="card-body grid gap-3 sm:grid-cols-2">{ways} {text}</ul>
        </section>
    }
}

fn way(href: String, label: &'static str, what: &'static str) -> impl IntoView {
    view! {
        <li class="grid gap-1">
            <p><a class="btn btn-small" href=href>{icon(Icon::Plus)} {label}</a></p>
            <p class="hint">{what}</p>
        </li>
    }
}

/// Which policy holds where, and the forms that say so.
fn coverage(list: &PolicyList) -> impl IntoView + use<> {
    let classes = EnvironmentClass::ALL
        .iter()
        .map(|class| {
            let target = PolicyTarget::Class(*class);
            let of_class =
                list.policies.iter().find(|policy| policy.assigned.contains(&target)).map(|policy| policy.id);
            let name = format!("Every {} environment", words::class(*class).to_lowercase());
            assign(name, class.as_str().to_owned(), of_class, "None", list)
        })
        .collect_view();
    let uncovered = list.coverage.iter().filter(|row| row.policy.is_none()).count();
    let gaps = (uncovered > 0 && !list.policies.is_empty()).then(|| {
        let text = format!(
            "{} without a policy: what plan and role allow is allowed there.",
            words::count(uncovered as u64, "environment is", "environments are")
        );
        view! { <div class="mb-3" data-gaps=uncovered.to_string()>{note("tone-info", Icon::Info, text)}</div> }
    });
    let rows = list.coverage.iter().map(|row| covered(row, list)).collect_view();
    view! {
        <section class="card section" aria-labelledby="coverage-heading" id="coverage">
            <div class="card-head"><h2 id="coverage-heading">"Where they hold"</h2></div>
            <div class="card-body">
                {gaps}
                <p class="text-ink-2 mb-3">"An environment's own policy comes before that of its class."</p>
                <ul class="grid gap-2">{classes} {rows}</ul>
            </div>
        </section>
    }
}

fn covered(row: &PolicyCoverage, list: &PolicyList) -> impl IntoView + use<> {
    let of_class = PolicyTarget::Class(row.class);
    let class = list.policies.iter().find(|policy| policy.assigned.contains(&of_class));
    let standard = match class {
        Some(policy) => format!("As its class: {}", policy.name),
        None => "As its class: none".to_owned(),
    };
    let own = row.policy.filter(|_| row.own);
    let name = format!("{} ({})", row.environment, words::class(row.class));
    assign(name, row.environment_id.to_string(), own, &standard, list)
}

/// One line: what it is about, the policy, the button.
fn assign(name: String, to: String, now: Option<PolicyId>, none: &str, list: &PolicyList) -> impl IntoView + use<> {
    let field = format!("policy-of-{to}");
    let mut choices = vec![(String::new(), none.to_owned(), now.is_none())];
    choices.extend(
        list.policies.iter().map(|policy| (policy.id.to_string(), policy.name.clone(), now == Some(policy.id))),
    );
    view! {
        <li data-target=to.clone()>
            <form method="post" action=format!("{ADDRESS}/assignments") class="flex flex-wrap items-end gap-2">
                <input type="hidden" name="to" value=to.clone() />
                <div class="field flex-1 min-w-56">
                    <label for=field.clone() class="wrap-anywhere">{name}</label>
                    <select class="input" id=field name="policy">{options(choices)}</select>
                </div>
                <button class="btn btn-small" type="submit">"Save"</button>
            </form>
        </li>
    }
}
