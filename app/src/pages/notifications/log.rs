//! `/settings/notifications/log`: what was sent, every try of it, and sending once more.

use axum::response::Response;
use chrono::{DateTime, Utc};
use drift_domain::notification::DeliveryState;
use drift_domain::views::DeliveryView;
use drift_services::ServiceResult;
use leptos::prelude::*;

use super::ADDRESS;
use crate::components::crumbs::crumbs;
use crate::components::icon::{Icon, icon};
use crate::components::layout::Live;
use crate::components::time;
use crate::ssr::visit::{Member, Page};

/// `GET /settings/notifications/log`
pub(crate) async fn get(member: Member) -> Response {
    let page: ServiceResult<Page> = async {
        let services = member.services();
        let deliveries = services.notification_deliveries(&member.permit()?, None).await?;
        let now = services.now();
        Ok(Page::new("Delivery log", move || view(&deliveries, now)).live(Live::Off, now))
    }
    .await;
    member.answer(page).await
}

/// Draws the page.
pub(crate) fn view(deliveries: &[DeliveryView], now: DateTime<Utc>) -> AnyView {
    let rows = deliveries.iter().map(|delivery| row(delivery, now)).collect_view();
    let none = deliveries.is_empty().then(|| view! { <p class="card-body text-ink-2">"Nothing was sent yet."</p> });
    let table = (!deliveries.is_empty()).then(|| view! {
        <table class="rows">
            <thead>
                <tr><th scope="col">"Message"</th><th scope="col">"To"</th><th scope="col">"Outcome"</th><th scope="col">"Made"</th><th scope="col"><span class="sr-only">"Actions"</span></th></tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    });
    view! {
        {crumbs(vec![(ADDRESS.to_owned(), "Notifications".to_owned())], "Delivery log".to_owned())}
        <div class="page-head">
            <div>
                <h1>"Delivery log"</h1>
                <p class="text-ink-2">"The newest 100 messages of the last 30 days."</p>
            </div>
            <a class="btn" href=format!("{ADDRESS}/log")>{icon(Icon::Refresh)} "Look again"</a>
        </div>
        <section class="card" aria-label="Messages">{none} {table}</section>
    }
    .into_any()
}

fn row(delivery: &DeliveryView, now: DateTime<Utc>) -> impl IntoView + use<> {
    let text = match (&delivery.text, delivery.events) {
        (text, _) if !text.is_empty() => text.clone(),
        (_, 0) => "A test of the channel.".to_owned(),
        (_, 1) => "One event, not sent yet.".to_owned(),
        (_, events) => format!("{events} events, collected and not sent yet."),
    };
    let again = delivery.state.is_over().then(|| {
        view! {
            <form method="post" action=format!("{ADDRESS}/deliveries/{}/redeliver", delivery.id)>
                <button class="btn btn-small" type="submit" aria-label=format!("Send “{text}” again")>"Redeliver"</button>
            </form>
        }
    });
    let blank = if again.is_some() { "right" } else { "right blank" };
    view! {
        <tr data-delivery=delivery.id.to_string() data-state=delivery.state.as_str()>
            <td class="cell-main">
                <span class="wrap-anywhere">{text}</span>
                {tries(delivery, now)}
            </td>
            <td data-label="To" class="wrap-anywhere">{delivery.receiver.clone()}</td>
            <td data-label="Outcome">{outcome(delivery, now)}</td>
            <td data-label="Made">{time::ago(delivery.created_at, now)}</td>
            <td class=blank>{again}</td>
        </tr>
    }
}

fn outcome(delivery: &DeliveryView, now: DateTime<Utc>) -> impl IntoView + use<> {
    let (tone, mark, word) = match delivery.state {
        DeliveryState::Pending => ("tone-plain", Icon::Clock, "Waiting"),
        DeliveryState::Retrying => ("tone-drift", Icon::Refresh, "Tried again"),
        DeliveryState::Delivered => ("tone-ok", Icon::Check, "Delivered"),
        DeliveryState::GivenUp => ("tone-incident", Icon::Cross, "Given up"),
    };
    let next = delivery.due_at.filter(|at| *at > now).map(|at| {
        let text = format!("Next try at {}.", at.format("%Y-%m-%d %H:%M:%S UTC"));
        view! { <p class="sub">{text}</p> }
    });
    view! {
        <span class=format!("chip {tone}")>{icon(mark)} {word}</span>
        {delivery.reason.clone().map(|reason| view! { <p class="sub wrap-anywhere">{reason}</p> })}
        {next}
    }
}

fn tries(delivery: &DeliveryView, now: DateTime<Utc>) -> Option<impl IntoView + use<>> {
    let count = delivery.attempts.len();
    let items = delivery.attempts.iter().map(|attempt| {
        let status = attempt.status.map(|status| format!(" ({status})"));
        view! { <li class="wrap-anywhere">{time::ago(attempt.at, now)} ": " {attempt.outcome.clone()} {status}</li> }
    });
    let items = items.collect_view();
    (count > 0).then(|| {
        let label = if count == 1 { "1 try".to_owned() } else { format!("{count} tries") };
        view! { <details class="sub"><summary>{label}</summary><ol class="grid gap-1 mt-1">{items}</ol></details> }
    })
}
