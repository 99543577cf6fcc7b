//! The end of an incident: a closing under way, one that was refused, and the receipt.

use chrono::{DateTime, Utc};
use drift_domain::incident::ClosingState;
use drift_domain::views::{ClosingView, IncidentPage, ReceiptView};
use leptos::prelude::*;

use crate::components::icon::{Icon, icon};
use crate::components::note::note;
use crate::components::time;
use crate::words;

/// A closing that is under way or was refused. One that succeeded is told by the receipt.
pub(super) fn closing(page: &IncidentPage, now: DateTime<Utc>) -> Option<impl IntoView + use<>> {
    let closing = page.closing.as_ref()?;
    let body = match closing.state {
        ClosingState::Closed => return None,
        ClosingState::Checking => checking(closing, now).into_any(),
        ClosingState::Refused => refused(closing, now).into_any(),
    };
    Some(view! { <div data-closing=closing.state.as_str()>{body}</div> })
}

fn checking(closing: &ClosingView, now: DateTime<Utc>) -> impl IntoView + use<> {
    note(
        "tone-info",
        Icon::Refresh,
        view! {
            <p><strong class="font-semibold">"Closing: a check of its own is running."</strong></p>
            <p class="mt-1">
                {format!("{} asked for it ", closing.by.name)} {time::ago(closing.at, now)}
                ". It reads both sides whole; the result appears here."
            </p>
            <noscript><p class="mt-1">"Load this page again to see it."</p></noscript>
        },
    )
}

fn refused(closing: &ClosingView, now: DateTime<Utc>) -> impl IntoView + use<> {
    let why = closing.refused.clone().unwrap_or_else(|| "The check did not prove that both sides agree.".to_owned());
    note(
        "tone-incident",
        Icon::Warning,
        view! {
            <p><strong class="font-semibold">"The closing was refused."</strong></p>
            <p class="mt-1 wrap-anywhere">{why}</p>
            <p class="mt-1 text-ink-2">{format!("{} had asked for it ", closing.by.name)} {time::ago(closing.at, now)} "."</p>
        },
    )
}

/// The proof of a closed incident.
pub(super) fn receipt(page: &IncidentPage, now: DateTime<Utc>) -> Option<impl IntoView + use<>> {
    let receipt = page.receipt.as_ref()?;
    let document = serde_json::to_string_pretty(&receipt.document).unwrap_or_default();
    Some(view! {
        <section class="card section" aria-labelledby="receipt-heading" id="receipt" data-receipt=receipt.digest.clone()>
            <div class="card-head">
                <h2 id="receipt-heading" class="with-icon">{icon(Icon::Check)} "Closure receipt"</h2>
                <a class="btn btn-small" href=format!("/incidents/{}/receipt.json", page.row.id) download>{icon(Icon::Download)} "Download JSON"</a>
            </div>
            <div class="card-body">{facts(receipt, now)}</div>
            <details class="fold border-t border-line" data-key="receipt-document">
                <summary>"The whole receipt, as it is stored"</summary>
                <pre class="inc-json" tabindex="0" aria-label="The receipt as JSON">{document}</pre>
            </details>
        </section>
    })
}

fn facts(receipt: &ReceiptView, now: DateTime<Utc>) -> impl IntoView + use<> {
    let (began, ended) = receipt.checked;
    let equal = receipt.live_fingerprint == receipt.desired_fingerprint;
    view! {
        <dl class="facts">
            <dt>"Proof"</dt>
            <dd>
                {format!("A check of {} began ", words::count(receipt.workflows, "workflow", "workflows"))}
                {time::ago(began, now)} {format!(", ended {} later, and found no difference.", took(ended - began))}
            </dd>
            <dt>"Compared with"</dt>
            <dd><code>{receipt.git_ref.clone()}</code> " at " <code title=receipt.git_commit.clone()>{words::short_commit(&receipt.git_commit)}</code></dd>
            <dt>{if equal { "Fingerprint of both" } else { "Fingerprint, n8n" }}</dt>
            <dd><code class="wrap-anywhere">{receipt.live_fingerprint.clone()}</code></dd>
            {(!equal).then(|| view! { <dt>"Fingerprint, Git"</dt><dd><code class="wrap-anywhere">{receipt.desired_fingerprint.clone()}</code></dd> })}
            <dt>"Digest"</dt>
            <dd><code class="wrap-anywhere">{receipt.digest.clone()}</code><p class="hint">"BLAKE3 of the receipt as canonical JSON."</p></dd>
            <dt>"Signature"</dt>
            <dd><code class="wrap-anywhere">{receipt.signature.clone()}</code><p class="hint">"Ed25519 over the digest, by this installation's key " <code>{receipt.public_key.chars().take(16).collect::<String>()}</code> "…"</p></dd>
            <dt>"Check"</dt>
            <dd><code class="wrap-anywhere">{receipt.check.to_string()}</code></dd>
        </dl>
    }
}

fn took(time: chrono::TimeDelta) -> String {
    match time.num_milliseconds().max(0) {
        milliseconds @ ..1_000 => format!("{milliseconds} ms"),
        milliseconds => format!("{} s", milliseconds / 1_000),
    }
}
