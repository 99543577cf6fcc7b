//! The forms of notifications: channels, what one is mailed, a test, and sending once more.

use axum::extract::Path;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Form, Router};
use drift_domain::notification::NoticeKind;
use drift_services::notify::ChannelDraft;
use drift_services::{ServiceError, ServiceResult};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::pages::notifications::{self, ADDRESS, channel, channels, log};
use crate::ssr::visit::{Member, Screens};

/// The addresses of notifications: their pages and their forms.
pub(in crate::ssr) fn routes() -> Router<Screens> {
    Router::new()
        .route("/settings/notifications", get(notifications::get))
        .route("/settings/notifications/log", get(log::get))
        .route("/settings/notifications/preferences", post(prefer))
        .route("/settings/notifications/channels", post(add))
        .route("/settings/notifications/channels/{id}", get(channel::get).post(update))
        .route("/settings/notifications/channels/{id}/test", post(test))
        .route("/settings/notifications/channels/{id}/switch", post(switch))
        .route("/settings/notifications/channels/{id}/remove", get(channel::ask_remove).post(remove))
        .route("/settings/notifications/deliveries/{id}/redeliver", post(redeliver))
}

/// The fields of a form in which `events` comes as often as there are boxes checked.
type Fields = Vec<(String, String)>;

fn field<'f>(fields: &'f Fields, name: &str) -> &'f str {
    fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
}

/// The boxes that are checked. A kind that there is not is left out.
fn events(fields: &Fields) -> Vec<NoticeKind> {
    fields.iter().filter(|(name, _)| name == "events").filter_map(|(_, kind)| kind.parse().ok()).collect()
}

/// A field that may be blank: then what is stored stays.
fn given(fields: &Fields, name: &str) -> Option<SecretString> {
    let text = field(fields, name).trim();
    (!text.is_empty()).then(|| text.into())
}

fn draft(fields: &Fields) -> ServiceResult<ChannelDraft> {
    let kind = field(fields, "channel_kind").parse();
    Ok(ChannelDraft {
        kind: kind.map_err(|_| ServiceError::invalid("channel_kind", "Choose one of the kinds of channels."))?,
        name: field(fields, "name").to_owned(),
        address: given(fields, "address"),
        secret: given(fields, "secret"),
        events: events(fields),
    })
}

/// What is kept of a form that is shown again: no address and no secret.
fn kept(fields: &Fields) -> Value {
    json!({ "channel_kind": field(fields, "channel_kind"), "name": field(fields, "name"), "events": events(fields) })
}

fn id<T: std::str::FromStr>(text: &str, what: &'static str) -> ServiceResult<T> {
    text.parse().map_err(|_| ServiceError::NotFound(what))
}

async fn prefer(member: Member, Form(fields): Form<Fields>) -> Response {
    let done: ServiceResult<()> =
        async { member.services().set_notification_preferences(&member.permit()?, &events(&fields)).await }.await;
    member.after(done, "Saved.", ADDRESS, None).await
}

async fn add(member: Member, Form(fields): Form<Fields>) -> Response {
    let made: ServiceResult<_> =
        async { member.services().add_channel(&member.permit()?, draft(&fields)?).await }.await;
    match made.map(|made| channels::made(&made)) {
        Ok(Some(page)) => member.answer(Ok(page)).await,
        Ok(None) => {
            member.after(Ok(()), "The channel is there. Send a test to see that it arrives.", ADDRESS, None).await
        }
        Err(error) => member.after(Err(error), "", ADDRESS, Some(kept(&fields))).await,
    }
}

async fn update(member: Member, Path(channel): Path<String>, Form(fields): Form<Fields>) -> Response {
    let done: ServiceResult<()> = async {
        let (permit, id) = (member.permit()?, id(&channel, "channel")?);
        member.services().update_channel(&permit, id, draft(&fields)?).await.map(drop)
    }
    .await;
    let to = if done.is_ok() { ADDRESS.to_owned() } else { format!("{ADDRESS}/channels/{channel}") };
    member.after(done, "The channel is changed.", &to, Some(kept(&fields))).await
}

async fn test(member: Member, Path(channel): Path<String>) -> Response {
    let done: ServiceResult<()> =
        async { member.services().test_channel(&member.permit()?, id(&channel, "channel")?).await.map(drop) }.await;
    member.after(done, "A test is on its way; what comes of it shows here.", &format!("{ADDRESS}/log"), None).await
}

async fn switch(member: Member, Path(channel): Path<String>, Form(fields): Form<Fields>) -> Response {
    let on = field(&fields, "on") == "true";
    let done: ServiceResult<()> =
        async { member.services().switch_channel(&member.permit()?, id(&channel, "channel")?, on).await }.await;
    member.after(done, if on { "The channel is on." } else { "The channel is off." }, ADDRESS, None).await
}

async fn remove(member: Member, Path(channel): Path<String>) -> Response {
    let done: ServiceResult<()> =
        async { member.services().remove_channel(&member.permit()?, id(&channel, "channel")?).await }.await;
    member.after(done, "The channel is removed.", ADDRESS, None).await
}

async fn redeliver(member: Member, Path(delivery): Path<String>) -> Response {
    let done: ServiceResult<()> =
        async { member.services().redeliver(&member.permit()?, id(&delivery, "delivery")?).await }.await;
    member.after(done, "It is sent again, as it was.", &format!("{ADDRESS}/log"), None).await
}
