//! Points in time: an age that people read, with the exact time behind it.

use chrono::{DateTime, SecondsFormat, Utc};
use leptos::prelude::*;

use crate::age::age;

/// `12 s ago`, with the exact time on hover; the browser lets it tick (`islands::ages`).
pub(crate) fn ago(at: DateTime<Utc>, now: DateTime<Utc>) -> impl IntoView {
    view! {
        <time class="num" datetime=machine(at) title=exact(at) data-age="">
            {age((now - at).num_seconds())}
        </time>
    }
}

/// The same where there may be nothing yet.
pub(crate) fn ago_or(at: Option<DateTime<Utc>>, now: DateTime<Utc>, never: &'static str) -> AnyView {
    match at {
        Some(at) => ago(at, now).into_any(),
        None => never.into_any(),
    }
}

/// A point in time ahead: `2026-12-23 08:00 UTC (in 29 days)`.
pub(crate) fn until(at: DateTime<Utc>, now: DateTime<Utc>) -> impl IntoView {
    let left = at - now;
    let left = match (left.num_days(), left.num_hours()) {
        (days, _) if days >= 2 => format!("in {days} days"),
        (_, hours) if hours >= 2 => format!("in {hours} hours"),
        _ => "soon".to_owned(),
    };
    view! { <time class="num" datetime=machine(at) title=exact(at)>{format!("{} ({left})", at.format("%Y-%m-%d %H:%M UTC"))}</time> }
}

fn machine(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// `2026-11-23 04:47:12 UTC`
fn exact(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}
