//! What is written where: the commit, and each workflow with its writes, notes and the parts of a merge.

use drift_domain::reconciliation::ReconciliationState;
use drift_domain::views::{GitPlanView, ItemView, MergePart, ReconciliationPage, WriteView};
use leptos::prelude::*;

use super::anew;
use crate::components::icon::{Icon, icon};
use crate::components::marks;
use crate::components::note::note;
use crate::pages::drift::diff;
use crate::words::{self, count};

/// Lines of a file that are shown without being asked for.
const IN_SIGHT: usize = 80;

/// The commit, then every workflow.
pub(super) fn sections(page: &ReconciliationPage) -> impl IntoView + use<> {
    let git = page.git.as_ref().map(commit);
    let items: Vec<_> = page.items.iter().enumerate().map(|(at, item)| self::item(page, at, item)).collect();
    view! { {git} {items} }
}

fn commit(git: &GitPlanView) -> impl IntoView + use<> {
    let subject = git.message.lines().next().unwrap_or_default().to_owned();
    view! {
        <section class="card section" aria-labelledby="commit-heading" id="commit">
            <div class="card-head"><h2 id="commit-heading">"The commit"</h2></div>
            <dl class="card-body facts">
                <dt>"Repository"</dt>
                <dd><code>{git.repository.clone()}</code></dd>
                <dt>"Branch"</dt>
                <dd><code>{git.branch.clone()}</code> ", on top of " <code title=git.base.clone()>{words::short_commit(&git.base)}</code></dd>
                <dt>"Subject"</dt>
                <dd>{subject}</dd>
            </dl>
            <details class="fold border-t border-line" data-key="message">
                <summary>"The whole message"</summary>
                <pre class="inc-json" tabindex="0" aria-label="The commit message">{git.message.clone()}</pre>
            </details>
        </section>
    }
}

fn item(page: &ReconciliationPage, at: usize, item: &ItemView) -> impl IntoView + use<> {
    let heading = format!("workflow-{at}");
    let decision =
        item.decision.map(|decision| marks::chip(words::path(decision), Some(words::path_explained(decision))));
    let result = item.result.as_ref().map(|result| {
        let why = result.error.clone().unwrap_or_else(|| words::reconciliation_explained(result.state).to_owned());
        view! { <span class="contents" title=why data-result=result.state.as_str()>{marks::chip(words::reconciliation(result.state), None)}</span> }
    });
    let problems = list(&item.problems, "tone-incident", Icon::Warning);
    let notes = list(&item.notes, "tone-info", Icon::Info);
    let writes: Vec<_> =
        item.writes.iter().enumerate().map(|(n, write)| self::write(page, item, (at, n), write)).collect();
    let nothing = (writes.is_empty() && item.problems.is_empty() && item.conflicts.is_empty())
        .then(|| view! { <p class="text-ink-2">"Nothing is written for it."</p> });
    view! {
        <section class="card section" aria-labelledby=heading.clone() data-item=item.workflow.clone()>
            <div class="card-head">
                <h2 class="wrap-anywhere" id=heading.clone()>{item.workflow.clone()}</h2>
                <span class="inc-chips">
                    {result} {decision}
                    {marks::chip(words::change_type(item.change_type), Some(words::change_type_explained(item.change_type)))}
                </span>
            </div>
            <div class="card-body grid gap-3">
                {problems} {notes} {nothing}
                {(!writes.is_empty()).then(|| view! { <ol class="rec-writes">{writes}</ol> })}
                {parts(page, item)}
            </div>
        </section>
    }
}

/// Sentences in one note.
fn list(sentences: &[String], tone: &'static str, mark: Icon) -> Option<impl IntoView + use<>> {
    (!sentences.is_empty()).then(|| {
        let items = sentences.iter().map(|text| view! { <p class="wrap-anywhere">{text.clone()}</p> }).collect_view();
        note(tone, mark, items)
    })
}

/// One write. Before it is carried out its detail is in sight, unless it is long; afterwards the steps are what counts.
fn write(page: &ReconciliationPage, item: &ItemView, at: (usize, usize), write: &WriteView) -> impl IntoView + use<> {
    let lines = diff::file(&write.lines, &write.what).map(IntoAny::into_any);
    let by_meaning = write.diff.as_ref().and_then(|diff| diff::written(diff, &item.workflow)).map(IntoAny::into_any);
    let long =
        write.lines.len() > IN_SIGHT || write.diff.as_ref().is_some_and(|diff| diff.entries.len() > IN_SIGHT / 4);
    let planned = page.row.state == ReconciliationState::Planned;
    let detail = lines.or(by_meaning).map(|body| {
        let label = match (&write.diff, write.lines.len()) {
            (Some(diff), 0) => count(diff.entries.len() as u64, "difference", "differences"),
            (_, lines) => count(lines as u64, "line", "lines"),
        };
        view! {
            <details class="rec-detail" data-key=format!("write-{}-{}", at.0, at.1) open=planned && !long>
                <summary>{label}</summary>
                {body}
            </details>
        }
    });
    view! {
        <li data-write=write.target.as_str()>
            <p class="flex flex-wrap items-baseline gap-x-2.5 gap-y-1">
                {marks::chip(words::target(write.target), None)}
                <span class="wrap-anywhere min-w-0">{write.what.clone()}</span>
            </p>
            {detail}
        </li>
    }
}

/// What a merge takes from where.
fn parts(page: &ReconciliationPage, item: &ItemView) -> Option<impl IntoView + use<>> {
    if item.parts.is_empty() {
        return None;
    }
    let rows = item.parts.iter().map(part).collect_view();
    let picked = item.parts.iter().any(|part| part.chosen);
    let again = (picked && page.row.state == ReconciliationState::Planned).then(|| anew(page, "Pick anew"));
    Some(view! {
        <section aria-label=format!("What {} is made of", item.workflow) data-parts="">
            <h3 class="mb-1.5">"What comes from where"</h3>
            <ul class="rec-parts">{rows}</ul>
            {again}
        </section>
    })
}

fn part(part: &MergePart) -> impl IntoView + use<> {
    let chosen = part.chosen.then(|| view! { <span class="chip tone-info">{icon(Icon::User)} "picked"</span> });
    view! {
        <li data-source=part.source.as_str()>
            <span class="wrap-anywhere min-w-0">{part.title.clone()}</span>
            <span class="inc-chips">{chosen} {marks::chip(words::merge_source(part.source), None)}</span>
        </li>
    }
}
