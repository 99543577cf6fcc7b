//! `/environments/{id}/drift/deployments`: deploying the ref that an environment follows, and what was deployed. It stands in
//! the workspace, for what a deployment writes over is drift.

use std::collections::HashMap;

use axum::extract::{Path, Query};
use axum::response::Response;
use chrono::{DateTime, Utc};
use drift_domain::deployment::DeploymentKind;
use drift_domain::plan::Capability;
use drift_domain::views::{DeploymentList, DeploymentRow, DeploymentView, GateView, GithubGateView};
use leptos::prelude::*;

use super::github_gate;
use crate::components::crumbs::crumbs;
use crate::components::form::field_error;
use crate::components::icon::{Icon, icon};
use crate::components::layout::Live;
use crate::components::note::note;
use crate::components::{marks, time};
use crate::pages::incidents::Kept;
use crate::ssr::forms::environment_id;
use crate::ssr::visit::{Member, Page};
use crate::words::{self, count};

/// The name of the form that plans a deployment.
pub(crate) const FORM: &str = "deploy";

/// Draws it.
pub(crate) fn view(
    list: &DeploymentList,
    at_github: &GithubGateView,
    may_set: bool,
    kept: &Kept,
    now: DateTime<Utc>,
) -> AnyView {
    let environment = format!("/environments/{}", list.environment_id);
    let above = vec![
        ("/".to_owned(), "Environments".to_owned()),
        (environment.clone(), list.environment.clone()),
        (format!("{environment}/drift"), "Drift".to_owned()),
    ];
    view! {
        {crumbs(above, "Deployments".to_owned())}
        {kept.left_over(&|form| (form == FORM && list.refused.is_none()) || (form == github_gate::FORM && may_set))}
        <div class="page-head">
            <div>
                <h1>"Deployments"</h1>
                <p class="text-ink-2 mt-0.5">
                    "What " <code>{list.git_ref.clone()}</code> " declares goes to n8n: shown first, carried out exactly so, read back."
                </p>
            </div>
        </div>
        <div data-live="deployments-gate" aria-live="polite">{gate(&list.gate)}</div>
        <div data-live="deployments-form">{form(list, kept)}</div>
        <section class="card section overflow-hidden" aria-labelledby="history-heading">
            <div class="card-head"><h2 id="history-heading">"What was deployed"</h2></div>
            <div data-live="deployments-history">{history(list, now)}</div>
        </section>
        {github_gate::view(list.environment_id, at_github, may_set, kept, now)}
    }
    .into_any()
}

/// What an expired incident says to a standard deployment; nothing where none stands in the way.
fn gate(gate: &GateView) -> Option<impl IntoView + use<>> {
    (!gate.allowed).then(|| view! { <div class="section">{blocked(&gate.reasons, &gate.unblocks)}</div> })
}

/// Why a standard deployment has to wait, and who can do what about it.
pub(crate) fn blocked(reasons: &[String], unblocks: &[String]) -> impl IntoView + use<> {
    let reasons =
        reasons.iter().map(|why| view! { <p class="font-semibold wrap-anywhere">{why.clone()}</p> }).collect_view();
    let ways = unblocks.iter().map(|way| view! { <li class="wrap-anywhere">{way.clone()}</li> }).collect_view();
    note(
        "tone-incident",
        Icon::Lock,
        view! { <div data-blocked="">{reasons} <ul class="rec-problems">{ways}</ul></div> },
    )
}

fn form(list: &DeploymentList, kept: &Kept) -> AnyView {
    if let Some(why) = &list.refused {
        return view! { <p class="section hint" data-refused="DEPLOY">{why.clone()}</p> }.into_any();
    }
    let chosen = kept.typed(FORM, "kind").unwrap_or(DeploymentKind::Standard.as_str()).to_owned();
    let kinds = DeploymentKind::ALL
        .iter()
        .map(|kind| {
            view! {
                <label class="choice path">
                    <input type="radio" name="kind" value=kind.as_str() required checked={chosen == kind.as_str()} />
                    <span><strong>{kind.label()}</strong> " " <small>{explained(*kind)}</small></span>
                </label>
            }
        })
        .collect_view();
    let workflows = list
        .workflows
        .iter()
        .map(|(change, name, origin)| {
            view! {
                <label class="choice">
                    <input type="checkbox" name="change" value=change.to_string() />
                    <span class="wrap-anywhere">{name.clone()} " " {marks::chip(words::origin(*origin), Some(words::origin_explained(*origin)))}</span>
                </label>
            }
        })
        .collect_view();
    let some = (!list.workflows.is_empty()).then(|| {
        view! {
            <fieldset class="grid gap-2">
                <legend class="font-semibold">"Workflows"</legend>
                <p class="hint">"Choose none to deploy everything that differs when both sides are compared now."</p>
                <div class="flex flex-wrap gap-2">{workflows}</div>
            </fieldset>
        }
    });
    let error = kept.error(FORM, "reason");
    view! {
        <section class="card section" aria-labelledby="deploy-heading" id="deploy">
            <div class="card-head"><h2 id="deploy-heading">"Deploy"</h2></div>
            <form class="card-body form" method="post" action=format!("/environments/{}/drift/deployments", list.environment_id) data-form=FORM>
                <fieldset><legend class="sr-only">"Kind"</legend><div class="paths">{kinds}</div></fieldset>
                {some}
                <div class="field">
                    <label for="deploy-reason">"Reason"</label>
                    <input class="input" id="deploy-reason" name="reason" autocomplete="off" value=kept.text(FORM, "reason") placeholder="Why; a recovery and an emergency need one" aria-invalid=error.is_some().then_some("true") aria-describedby=error.is_some().then_some("deploy-reason-error") />
                    {field_error("deploy-reason", error)}
                </div>
                <p><button class="btn btn-primary" type="submit">{icon(Icon::Eye)} "See what it would write"</button></p>
            </form>
        </section>
    }
    .into_any()
}

const fn explained(kind: DeploymentKind) -> &'static str {
    match kind {
        DeploymentKind::Standard => "What is new goes live. An expired incident blocks it.",
        DeploymentKind::Recovery => {
            "What worked comes back after something broke. Nothing blocks it; it takes a reason."
        }
        DeploymentKind::Emergency => "It cannot wait. Nothing blocks it; it takes a reason and is part of an incident.",
    }
}

fn history(list: &DeploymentList, now: DateTime<Utc>) -> AnyView {
    if list.deployments.is_empty() {
        return view! { <p class="card-body text-ink-2">"Nothing was deployed from here yet."</p> }.into_any();
    }
    let rows = list.deployments.iter().map(|row| deployment(list, row, now)).collect_view();
    view! {
        <table class="rows">
            <caption class="sr-only">"Deployments, newest first"</caption>
            <thead>
                <tr>
                    <th scope="col">"Deployment"</th>
                    <th scope="col">"Kind"</th>
                    <th scope="col">"Outcome"</th>
                    <th scope="col">"By"</th>
                    <th scope="col" class="right">"Begun"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}

fn deployment(list: &DeploymentList, row: &DeploymentRow, now: DateTime<Utc>) -> impl IntoView + use<> {
    let below = match row.incident_id {
        Some(incident) => format!("/incidents/{incident}"),
        None => format!("/environments/{}/drift", list.environment_id),
    };
    let failed =
        (row.failed > 0).then(|| view! { <p class="sub">{format!("{} of {} failed", row.failed, row.workflows)}</p> });
    let incident = row.incident_number.map(|number| format!("part of {}", words::incident(number)));
    let reason = (!row.reason.is_empty()).then(|| view! { <p class="sub wrap-anywhere">{row.reason.clone()}</p> });
    view! {
        <tr data-deployment=row.kind.as_str()>
            <td class="cell-main">
                <a class="row-link wrap-anywhere" href=format!("{below}/reconciliations/{}", row.id)>
                    {format!("{} of {} at {}", count(u64::from(row.workflows), "workflow", "workflows"), row.git_ref, words::short_commit(&row.git_commit))}
                </a>
                {reason} <p class="sub">{incident}</p>
            </td>
            <td data-label="Kind">{row.kind.label()}</td>
            <td data-label="Outcome">{marks::chip(words::reconciliation(row.state), None)} {failed}</td>
            <td data-label="By"><span class="wrap-anywhere">{row.by.name.clone()}</span></td>
            <td data-label="Begun" class="right">{row.begun_at.map(|at| time::ago(at, now))}</td>
        </tr>
    }
}

/// What a plan says about being a deployment: what it applies, what it writes over, and what blocks it.
pub(crate) fn about(deployment: &DeploymentView) -> impl IntoView + use<> {
    let over = deployment.overwrites.clone().map(|text| {
        view! { <div class="section" data-forecast="">{note("tone-drift", Icon::Warning, view! { <p class="wrap-anywhere">{text}</p> })}</div> }
    });
    let blocked = deployment
        .blocked
        .clone()
        .map(|why| view! { <div class="section">{blocked(&[why], &deployment.unblocks)}</div> });
    let reason = (!deployment.reason.is_empty())
        .then(|| view! { <dt>"Reason"</dt><dd class="wrap-anywhere">{deployment.reason.clone()}</dd> });
    view! {
        <section class="card section" aria-label="The deployment" data-deployment=deployment.kind.as_str()>
            <dl class="card-body facts">
                <dt>"Kind"</dt>
                <dd>{deployment.kind.label()} ". " {explained(deployment.kind)}</dd>
                <dt>"Applies"</dt>
                <dd><code>{deployment.git_ref.clone()}</code> " at " <code title=deployment.git_commit.clone()>{words::short_commit(&deployment.git_commit)}</code></dd>
                {reason}
            </dl>
        </section>
        {blocked}
        {over}
    }
}

/// `GET /environments/{id}/drift/deployments`
pub(crate) async fn get(
    member: Member,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let page = async {
        let id = environment_id(&id)?;
        // What is not where a page ended is where none did.
        let before = query.get("asked_before").and_then(|before| before.parse().ok());
        let permit = member.services().environment_permit(&member.caller, id).await?;
        let list = member.services().deployments(&permit, id).await?;
        let looks = member.services().environment_permit(&member.caller, id).await?;
        let at_github = member.services().github_gate(&looks, id, before).await?;
        let may_set = member.caller.may(Capability::Configure);
        let notice = member.take_notice().await?;
        let (kept, now) = (Kept::of(notice.as_ref()), member.services().now());
        let title = format!("Deployments of {}", list.environment);
        Ok(Page::new(title, move || view(&list, &at_github, may_set, &kept, now))
            .live(Live::One(id), now)
            .notice(notice.as_ref()))
    }
    .await;
    member.answer(page).await
}
