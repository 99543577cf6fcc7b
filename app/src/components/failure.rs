//! A failed look at one side: what happened, and what to do.

use drift_domain::failure::Failure;
use leptos::prelude::*;

use crate::words;

/// What happened and what to do, as two paragraphs.
pub(crate) fn failure(failure: &Failure) -> impl IntoView + use<> {
    view! {
        <p class="wrap-anywhere">
            <strong class="font-semibold">{words::side(failure.side)}": "</strong>
            {failure.message.clone()}
        </p>
        <p class="mt-1 text-ink-2">{words::remedy(failure.side, failure.kind)}</p>
    }
}
