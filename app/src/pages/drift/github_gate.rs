//! The gate at GitHub, on the page of deployments: which deployments are answered for, and what was answered.

use chrono::{DateTime, Utc};
use drift_domain::deployment::{GateState, GateWay};
use drift_domain::ids::EnvironmentId;
use drift_domain::views::{GateRequestView, GateStatusView, GithubGateView};
use leptos::prelude::*;

use crate::components::form::field_error;
use crate::components::icon::Icon;
use crate::components::note::note;
use crate::components::{marks, time};
use crate::pages::incidents::Kept;
use crate::words;

/// The name of the form that sets it.
pub(crate) const FORM: &str = "github-gate";

/// Draws it.
pub(super) fn view(
    environment: EnvironmentId,
    gate: &GithubGateView,
    may_set: bool,
    kept: &Kept,
    now: DateTime<Utc>,
) -> impl IntoView + use<> {
    let is_on = !gate.github_environment.is_empty();
    let way = match gate.way {
        GateWay::ProtectionRule => {
            "The GitHub App answers each job before it deploys to that environment, by a deployment protection rule: an expired \
             incident sends it away, with the way out."
        }
        GateWay::CommitStatus => {
            "With a token, the newest commit of the followed ref gets a commit status that says whether an expired incident \
             blocks deployments. It takes the token's permission \u{201c}Commit statuses: write\u{201d}."
        }
    };
    let error = gate.last_error.clone().map(|error| {
        let words = format!("GitHub could not be looked at last: {error}");
        view! { <div class="section" data-gate-error="">{note("tone-drift", Icon::Warning, view! { <p class="wrap-anywhere">{words}</p> })}</div> }
    });
    let set = match (may_set, is_on) {
        (true, _) => Some(form(environment, gate, kept).into_any()),
        (false, true) => {
            Some(view! { <p>"GitHub calls it " <code>{gate.github_environment.clone()}</code> "."</p> }.into_any())
        }
        (false, false) => Some(
            view! { <p class="text-ink-2">"It is off. An admin says what GitHub calls this environment."</p> }
                .into_any(),
        ),
    };
    view! {
        <section class="card section overflow-hidden" aria-labelledby="github-gate-heading" id="github-gate" data-gate=gate.way.as_str()>
            <div class="card-head"><h2 id="github-gate-heading">"The gate at GitHub"</h2></div>
            <div class="card-body">
                <p class="text-ink-2">{way}</p>
                {set}
                {error}
                {gate.status.as_ref().map(|status| reported(status, now))}
            </div>
            <div data-live="gate-requests">{requests(gate, now)}</div>
        </section>
    }
}

fn form(environment: EnvironmentId, gate: &GithubGateView, kept: &Kept) -> impl IntoView + use<> {
    let error = kept.error(FORM, "github_environment");
    let typed = kept.typed(FORM, "github_environment").map_or_else(|| gate.github_environment.clone(), str::to_owned);
    view! {
        <form class="form" method="post" action=format!("/environments/{environment}/drift/github-gate") data-form=FORM>
            <input type="hidden" name="version" value=gate.version.to_string() />
            <div class="field">
                <label for="github-environment">"Environment at GitHub"</label>
                <input class="input" id="github-environment" name="github_environment" value=typed autocomplete="off" spellcheck="false" placeholder="production" aria-describedby="github-environment-hint" aria-invalid=error.is_some().then_some("true") />
                <p class="hint" id="github-environment-hint">"Its name under Settings, Environments, of the repository. Leave it empty to be asked no more."</p>
                {field_error("github-environment", error)}
            </div>
            <p><button class="btn" type="submit">"Save"</button></p>
        </form>
    }
}

fn reported(status: &GateStatusView, now: DateTime<Utc>) -> impl IntoView + use<> {
    let (mark, said) = state(if status.allowed { GateState::Approved } else { GateState::Rejected });
    let mark = words::Mark { label: said, ..mark };
    view! {
        <p class="mt-2 wrap-anywhere" data-gate-status="">
            {marks::chip(mark, None)} " " <code>{status.context.clone()}</code> " of "
            <code title=status.git_commit.clone()>{words::short_commit(&status.git_commit)}</code> ", "
            {time::ago(status.at, now)} ": " {status.description.clone()}
        </p>
    }
}

fn requests(gate: &GithubGateView, now: DateTime<Utc>) -> Option<AnyView> {
    if gate.requests.is_empty() {
        let none = "No job has asked yet.";
        let asks = gate.way == GateWay::ProtectionRule && !gate.github_environment.is_empty();
        return asks.then(|| view! { <p class="card-body text-ink-2">{none}</p> }.into_any());
    }
    let rows = gate.requests.iter().map(|request| row(request, now)).collect_view();
    let more = gate.next.is_some().then(|| {
        let href = gate.next.map(|before| format!("?asked_before={before}#github-gate"));
        view! { <p class="card-body"><a class="btn" href=href>"Older jobs"</a></p> }
    });
    Some(
        view! {
            <table class="rows">
                <caption class="sr-only">"Jobs that asked at the gate, newest first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Job"</th>
                        <th scope="col">"Answer"</th>
                        <th scope="col">"Said"</th>
                        <th scope="col" class="right">"Asked"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
            {more}
        }
        .into_any(),
    )
}

fn row(request: &GateRequestView, now: DateTime<Utc>) -> impl IntoView + use<> {
    let (mark, _) = state(request.state);
    let commit = request.git_commit.as_ref().map(|commit| {
        view! { <p class="sub">"of " <code title=commit.clone()>{words::short_commit(commit)}</code></p> }
    });
    let said = request.comment.clone().map(|said| view! { <p class="wrap-anywhere whitespace-pre-line">{said}</p> });
    let error = request.last_error.clone().map(|error| view! { <p class="sub wrap-anywhere">{error}</p> });
    view! {
        <tr data-gate-request=request.state.as_str()>
            <td class="cell-main">{format!("Run {}", request.run_id)} {commit}</td>
            <td data-label="Answer">{marks::chip(mark, None)}</td>
            <td data-label="Said">{said} {error}</td>
            <td data-label="Asked" class="right">{time::ago(request.received_at, now)}</td>
        </tr>
    }
}

/// The mark of an answer to a job, and the word for the same in a status.
const fn state(state: GateState) -> (words::Mark, &'static str) {
    match state {
        GateState::Pending => (words::mark("Being answered", Icon::Clock, "tone-info"), "Being reported"),
        GateState::Approved => (words::mark("Let through", Icon::Check, "tone-ok"), "Allowed"),
        GateState::Rejected => (words::mark("Sent away", Icon::Lock, "tone-incident"), "Blocked"),
        GateState::Failed => (words::mark("Not answered", Icon::Warning, "tone-drift"), "Not reported"),
    }
}
