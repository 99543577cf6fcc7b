//! `/settings/notifications/channels/{id}`: changing a channel, and removing it.

use axum::extract::Path;
use axum::response::Response;
use drift_domain::views::ChannelView;
use drift_services::accounts::Notice;
use drift_services::{ServiceError, ServiceResult};
use leptos::prelude::*;

use super::channels::{Typed, address, name, secret};
use super::{ADDRESS, kinds};
use crate::components::crumbs::crumbs;
use crate::pages::people::confirm::{self, Question};
use crate::ssr::visit::{Member, Page};

/// The channel that an address names.
async fn found(member: &Member, id: &str) -> ServiceResult<ChannelView> {
    let channels = member.services().notification_channels(&member.permit()?).await?;
    let found = channels.into_iter().find(|channel| channel.id.to_string() == id);
    found.ok_or(ServiceError::NotFound("channel"))
}

/// `GET /settings/notifications/channels/{id}`
pub(crate) async fn get(member: Member, Path(id): Path<String>) -> Response {
    let page: ServiceResult<Page> = async {
        let channel = found(&member, &id).await?;
        let notice = member.take_notice().await?;
        let shown = notice.clone().filter(|notice| notice.field.is_none());
        Ok(Page::new(channel.name.clone(), move || view(&channel, notice.as_ref())).notice(shown.as_ref()))
    }
    .await;
    member.answer(page).await
}

fn view(channel: &ChannelView, notice: Option<&Notice>) -> AnyView {
    let typed = Typed(notice);
    let events = typed.events().unwrap_or_else(|| channel.events.clone());
    view! {
        {crumbs(vec![(ADDRESS.to_owned(), "Notifications".to_owned())], channel.name.clone())}
        <div class="page-head">
            <div>
                <h1 class="wrap-anywhere">{channel.name.clone()}</h1>
                <p class="text-ink-2 wrap-anywhere">{channel.kind.label()} " · " {channel.target.clone()}</p>
            </div>
        </div>
        <form method="post" action=format!("{ADDRESS}/channels/{}", channel.id) class="card card-body fields">
            <input type="hidden" name="channel_kind" value=channel.kind.as_str() />
            <div class="wide">{name(typed, channel.name.clone()).view()}</div>
            {address(typed, true).view()}
            {secret(typed, true).view()}
            <div class="wide">{kinds("tell", "Tells of", &events, typed.error("events"))}</div>
            <div class="wide flex flex-wrap gap-2">
                <button class="btn btn-primary" type="submit">"Save"</button>
                <a class="btn" href=ADDRESS>"Back"</a>
            </div>
        </form>
    }
    .into_any()
}

/// `GET /settings/notifications/channels/{id}/remove`
pub(crate) async fn ask_remove(member: Member, Path(id): Path<String>) -> Response {
    let page: ServiceResult<Page> = async {
        let channel = found(&member, &id).await?;
        Ok(confirm::page(Question {
            title: format!("Remove {}?", channel.name),
            text: "Nothing is told through it any more, and its address and secret are forgotten. What was sent stays in the log."
                .to_owned(),
            button: "Remove",
            action: format!("{ADDRESS}/channels/{}/remove", channel.id),
            back: ADDRESS,
        }))
    }
    .await;
    member.answer(page).await
}
