//! The badge and the smaller marks: an icon and a word, in a tone.

use drift_domain::environment::{Badge, EnvironmentClass};
use drift_domain::severity::Severity;
use leptos::prelude::*;

use crate::components::icon::icon;
use crate::words::{self, Mark};

/// The one badge of an environment.
pub(crate) fn badge(badge: Badge) -> impl IntoView {
    let mark = words::badge(badge);
    view! {
        <span class=format!("badge {}", mark.tone) data-badge=badge.as_str()>
            {icon(mark.icon)}
            {mark.label}
        </span>
    }
}

/// A small mark with a border; `title` explains the word.
pub(crate) fn chip(mark: Mark, title: Option<&'static str>) -> impl IntoView {
    view! {
        <span class=format!("chip {}", mark.tone) title=title>
            {icon(mark.icon)}
            {mark.label}
        </span>
    }
}

/// A mark without a border, for columns where every row has one.
pub(crate) fn plain(mark: Mark, title: Option<&'static str>) -> impl IntoView {
    view! {
        <span class="plain-mark" title=title>
            {icon(mark.icon)}
            {mark.label}
        </span>
    }
}

/// What an environment is for.
pub(crate) fn class(class: EnvironmentClass) -> impl IntoView {
    view! { <span class="chip tone-plain">{words::class(class)}</span> }
}

/// Severity: one to four bars and the word.
pub(crate) fn severity(severity: Severity) -> impl IntoView {
    let level = severity as usize;
    let bars = (0..4)
        .map(|i| {
            let height = 4 + 3 * i;
            let opacity = if i <= level { "1" } else { "0.22" };
            view! { <rect x=4 * i y=13 - height width="2.6" height=height rx="0.8" opacity=opacity></rect> }
        })
        .collect_view();
    view! {
        <span class=format!("plain-mark sev-{}", severity.as_str().to_ascii_lowercase())>
            <svg class="bars" viewBox="0 0 15 14" fill="currentColor" aria-hidden="true">
                {bars}
            </svg>
            {words::severity(severity)}
        </span>
    }
}
