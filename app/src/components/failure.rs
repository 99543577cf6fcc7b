//! A failed look at one side: what happened, to what, and where it is put right.

use drift_domain::failure::Failure;
use drift_domain::views::EnvironmentPage;
use leptos::prelude::*;

use crate::words;

/// The failure's own sentences, with the side in front where they do not name it.
pub(crate) fn sentence(failure: &Failure) -> String {
    let side = words::side(failure.side);
    if failure.message.contains(side) { failure.message.clone() } else { format!("{side}: {}", failure.message) }
}

/// What happened, and what happens next.
pub(crate) fn failure(failure: &Failure, page: &EnvironmentPage) -> impl IntoView + use<> {
    let next = if words::is_of_settings(failure.kind) && page.can_configure {
        let href = format!("/environments/{}/settings", page.row.id);
        view! { "It is put right in the " <a class="link" href=href>"settings"</a> "; a check follows at once." }
            .into_any()
    } else if words::is_of_settings(failure.kind) {
        "An administrator of the organization puts it right in the settings.".into_any()
    } else {
        "Checks go on by themselves and recover when it is over.".into_any()
    };
    view! {
        <p class="wrap-anywhere">{sentence(failure)}</p>
        <p class="mt-1 text-ink-2">{next}</p>
    }
}
