//! `/metrics`: figures of drift and of how it is dealt with. No diff, and nothing to act on: that is the drift workspace's.

mod chart;
mod filter;
mod sections;
mod tiles;

use std::collections::HashMap;

use axum::extract::Query;
use axum::response::Response;
use drift_domain::views::MetricsPage;
use leptos::prelude::*;

use crate::ssr::visit::{Member, Page};

/// Draws the page.
pub(crate) fn view(page: &MetricsPage) -> AnyView {
    let days = page.range.days();
    let span = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
    let range = format!("{} to {}, {span} in UTC", page.range.first(), page.range.last_day());
    let cut = (days > page.history_days).then(|| {
        let words = format!(
            "Finished changes are kept for {} days on this plan: what is older is not in these figures.",
            page.history_days
        );
        view! { <p class="text-ink-2 mt-0.5">{words}</p> }
    });
    view! {
        <div class="page-head">
            <div>
                <h1>"Metrics"</h1>
                <p class="text-ink-2 mt-0.5">{range}</p>
                {cut}
            </div>
        </div>
        {filter::form(page)}
        {tiles::view(page)}
        {sections::view(page)}
    }
    .into_any()
}

/// `GET /metrics`
pub(crate) async fn get(member: Member, Query(query): Query<HashMap<String, String>>) -> Response {
    let page = async {
        let asked = filter::read(&query)?;
        let page = member.services().metrics(&member.caller.permit()?, asked).await?;
        Ok(Page::new("Metrics", move || view(&page)))
    }
    .await;
    member.answer(page).await
}
