//! `/approvals`: what waits for somebody's approval, what became of what was asked, and who approves for whom.

mod delegation;
pub(crate) mod request;

use axum::response::Response;
use chrono::{DateTime, Utc};
use drift_domain::views::{ApprovalInbox, ApprovalView};
use drift_services::ServiceResult;
use leptos::prelude::*;

use crate::components::crumbs::crumbs;
use crate::components::layout::Live;
use crate::ssr::visit::{Member, Page};

/// Where this page is.
pub(crate) const ADDRESS: &str = "/approvals";

/// `GET /approvals`
pub(crate) async fn get(member: Member) -> Response {
    let page: ServiceResult<Page> = async {
        let inbox = member.services().approvals(&member.permit()?).await?;
        let now = member.services().now();
        let me = member.caller.user_id;
        let notice = member.take_notice().await?;
        let drawn = move || view(&inbox, me, now);
        Ok(Page::new("Approvals", drawn).notice(notice.as_ref()).live(Live::Off, now))
    }
    .await;
    member.answer(page).await
}

/// Draws the page for somebody.
pub(crate) fn view(inbox: &ApprovalInbox, me: drift_domain::ids::UserId, now: DateTime<Utc>) -> AnyView {
    let mine = |request: &&ApprovalView| request.refused.is_none();
    let for_you: Vec<_> = inbox.open.iter().filter(mine).collect();
    let others: Vec<_> = inbox.open.iter().filter(|request| !mine(request)).collect();
    view! {
        {crumbs(vec![("/".to_owned(), "Environments".to_owned())], "Approvals".to_owned())}
        <div class="page-head">
            <div>
                <h1>"Approvals"</h1>
                <p class="text-ink-2 mt-0.5 max-w-prose">
                    "What a policy lets somebody do once others have agreed. What is approved is carried out for who asked, once, and only if nothing has changed since they looked."
                </p>
            </div>
        </div>
        {list("for-you", "Waiting for you", "Nothing waits for your approval.", &for_you, now)}
        {list("others", "Waiting for others", "Nothing else waits.", &others, now)}
        {list("ended", "Ended", "Nothing was asked for yet.", &inbox.ended.iter().collect::<Vec<_>>(), now)}
        {delegation::section(inbox, me, now)}
    }
    .into_any()
}

fn list(
    id: &'static str,
    title: &'static str,
    none: &'static str,
    requests: &[&ApprovalView],
    now: DateTime<Utc>,
) -> impl IntoView + use<> {
    let heading = format!("{id}-heading");
    let rows = requests.iter().map(|request| request::item(request, now)).collect_view();
    let none = requests.is_empty().then(|| view! { <p class="card-body text-ink-2">{none}</p> });
    view! {
        <section class="card section" aria-labelledby=heading.clone() id=id>
            <div class="card-head"><h2 id=heading.clone()>{title}</h2></div>
            {none}
            <ul class="approvals">{rows}</ul>
        </section>
    }
}
