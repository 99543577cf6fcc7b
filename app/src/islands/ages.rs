//! Lets ages tick: every `<time data-age>` of the page, whoever drew it and whenever it was put there.

use std::time::Duration;

use leptos::prelude::*;

use super::dom;
use crate::age::age;

/// Clocks that differ by less than this (milliseconds) are taken to be right: the difference is the way of the page here.
const TOLERANCE: f64 = 30_000.0;

/// One per page.
#[island]
pub fn Ages(
    /// The server's clock when it drew the page, in milliseconds since 1970.
    now: f64,
) -> impl IntoView {
    Effect::new(move |_| {
        let ahead = js_sys::Date::now() - now;
        let ahead = if ahead.abs() < TOLERANCE { 0.0 } else { ahead };
        set_interval(move || tick(ahead), Duration::from_secs(1));
    });
}

fn tick(ahead: f64) {
    if dom::hidden() {
        return;
    }
    let now = js_sys::Date::now() - ahead;
    for time in dom::root().map(|root| dom::all(&root, "time[data-age]")).unwrap_or_default() {
        let at = js_sys::Date::parse(&time.get_attribute("datetime").unwrap_or_default());
        if at.is_nan() {
            continue;
        }
        #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970 fit")]
        let words = age(((now - at) / 1_000.0) as i64);
        if time.text_content().as_deref() != Some(words.as_str()) {
            time.set_text_content(Some(&words));
        }
    }
}
