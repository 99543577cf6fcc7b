//! Where a page is.

use leptos::prelude::*;

/// The way to a page: ancestors as links, then the page itself.
pub(crate) fn crumbs(ancestors: Vec<(String, String)>, here: String) -> impl IntoView {
    let links = ancestors
        .into_iter()
        .map(|(href, label)| view! { <li class="flex items-center gap-1.5"><a href=href>{label}</a><span aria-hidden="true">"/"</span></li> })
        .collect_view();
    view! {
        <nav aria-label="Breadcrumb">
            <ol class="crumbs">
                {links} <li aria-current="page" class="wrap-anywhere">{here}</li>
            </ol>
        </nav>
    }
}
