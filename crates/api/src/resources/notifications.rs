//! Notifications: the organization's channels, the log of deliveries, and what the caller wants by mail.

use axum::Json;
use axum::extract::State;
use drift_domain::ids::{ChannelId, DeliveryId};
use drift_domain::notification::{ChannelKind, NoticeKind};
use drift_domain::views::{ChannelView, DeliveryView};
use drift_services::notify::ChannelDraft;
use http::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::paging::{List, PageQuery, page};
use crate::auth::SignedIn;
use crate::extract::IdempotencyKey;
use crate::problem::{Answer, Problem};
use crate::{ApiState, extract};

/// A channel to be made, or what is to change of one.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ChannelBody {
    /// What it speaks. A channel keeps its kind.
    pub kind: ChannelKind,
    /// What people call it.
    pub name: String,
    /// Where it leads: a mail address, or the address of a webhook. Left out, what is stored stays; a new PagerDuty channel
    /// takes PagerDuty's own. It is never answered.
    #[schema(value_type = Option<String>, format = Password)]
    pub address: Option<SecretString>,
    /// What a webhook is signed with (`whsec_…`; left out for a new one, a secret is made), or PagerDuty's routing key. Left out,
    /// what is stored stays. It is never answered.
    #[schema(value_type = Option<String>, format = Password)]
    pub secret: Option<SecretString>,
    /// What is told through it.
    pub events: Vec<NoticeKind>,
}

impl From<ChannelBody> for ChannelDraft {
    fn from(body: ChannelBody) -> Self {
        Self { kind: body.kind, name: body.name, address: body.address, secret: body.secret, events: body.events }
    }
}

/// A channel that was just made.
#[derive(Deserialize, Serialize, ToSchema)]
pub(crate) struct ChannelWithSecret {
    /// What is shown of it.
    pub channel: ChannelView,
    /// The signing secret, where one was made: shown this once.
    #[schema(format = Password)]
    pub secret: Option<String>,
}

/// List the organization's channels, newest first. What they are reached and signed with is not among it.
#[utoipa::path(get, path = "/notification-channels", tag = "Notifications", params(PageQuery), responses(
    (status = OK, body = List<ChannelView>), (status = FORBIDDEN, body = Problem),
))]
pub(crate) async fn channels(
    State(state): State<ApiState>,
    caller: SignedIn,
    extract::Query(query): extract::Query<PageQuery>,
) -> Answer<Json<List<ChannelView>>> {
    Ok(Json(page(state.services.notification_channels(&caller.permit()?).await?, &query, |channel| channel.id)?))
}

/// Make a channel. A webhook without a signing secret gets one, which is answered this once.
#[utoipa::path(post, path = "/notification-channels", tag = "Notifications", request_body = ChannelBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key within a day is answered the same")), responses(
    (status = CREATED, body = ChannelWithSecret), (status = FORBIDDEN, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn add(
    State(state): State<ApiState>,
    caller: SignedIn,
    key: IdempotencyKey,
    extract::Json(body): extract::Json<ChannelBody>,
) -> Answer<(StatusCode, Json<ChannelWithSecret>)> {
    let permit = caller.permit()?;
    let text = |secret: &Option<SecretString>| secret.as_ref().map(|secret| secret.expose_secret().to_owned());
    let asked = (body.kind, &body.name, text(&body.address), text(&body.secret), &body.events);
    let request = key.request("channels.create", &asked);
    let work = async {
        let made = state.services.add_channel(&permit, body.into()).await?;
        let secret = made.secret.map(|secret| secret.expose_secret().to_owned());
        Ok(ChannelWithSecret { channel: made.channel, secret })
    };
    let made = state.services.once_in_secret(&caller.0, key.0.as_deref(), &request, work).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Change a channel.
#[utoipa::path(put, path = "/notification-channels/{channel}", tag = "Notifications", params(("channel" = ChannelId, Path)),
    request_body = ChannelBody, responses((status = FORBIDDEN, body = Problem),
    (status = OK, body = ChannelView), (status = NOT_FOUND, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn update(
    State(state): State<ApiState>,
    caller: SignedIn,
    extract::Path(channel): extract::Path<ChannelId>,
    extract::Json(body): extract::Json<ChannelBody>,
) -> Answer<Json<ChannelView>> {
    Ok(Json(state.services.update_channel(&caller.permit()?, channel, body.into()).await?))
}

/// Remove a channel. Its deliveries stay in the log.
#[utoipa::path(delete, path = "/notification-channels/{channel}", tag = "Notifications", params(("channel" = ChannelId, Path)), responses((status = FORBIDDEN, body = Problem),
    (status = NO_CONTENT), (status = NOT_FOUND, body = Problem),
))]
pub(crate) async fn remove(
    State(state): State<ApiState>,
    caller: SignedIn,
    extract::Path(channel): extract::Path<ChannelId>,
) -> Answer<StatusCode> {
    state.services.remove_channel(&caller.permit()?, channel).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether a channel is used.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Switch {
    /// Whether it is.
    pub on: bool,
}

/// Switch a channel on or off. What waits for one that is off is given up.
#[utoipa::path(put, path = "/notification-channels/{channel}/state", tag = "Notifications", params(("channel" = ChannelId, Path)),
    request_body = Switch, responses((status = FORBIDDEN, body = Problem), (status = NO_CONTENT), (status = NOT_FOUND, body = Problem)))]
pub(crate) async fn switch(
    State(state): State<ApiState>,
    caller: SignedIn,
    extract::Path(channel): extract::Path<ChannelId>,
    extract::Json(body): extract::Json<Switch>,
) -> Answer<StatusCode> {
    state.services.switch_channel(&caller.permit()?, channel, body.on).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A message that is on its way.
#[derive(Serialize, ToSchema)]
pub(crate) struct OnItsWay {
    /// Its identifier in the log.
    pub delivery: DeliveryId,
}

/// Send a test through a channel, also one that is switched off. What came of it is in the log.
#[utoipa::path(post, path = "/notification-channels/{channel}/test", tag = "Notifications", params(("channel" = ChannelId, Path)), responses((status = FORBIDDEN, body = Problem),
    (status = ACCEPTED, body = OnItsWay), (status = NOT_FOUND, body = Problem),
))]
pub(crate) async fn test(
    State(state): State<ApiState>,
    caller: SignedIn,
    extract::Path(channel): extract::Path<ChannelId>,
) -> Answer<(StatusCode, Json<OnItsWay>)> {
    let delivery = state.services.test_channel(&caller.permit()?, channel).await?;
    Ok((StatusCode::ACCEPTED, Json(OnItsWay { delivery })))
}

/// What of the log is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LogFilter {
    /// The messages to one channel alone.
    pub channel: Option<ChannelId>,
}

/// List the newest 100 messages with their tries, newest first.
#[utoipa::path(get, path = "/notification-deliveries", tag = "Notifications", params(LogFilter, PageQuery), responses(
    (status = OK, body = List<DeliveryView>), (status = FORBIDDEN, body = Problem),
))]
pub(crate) async fn deliveries(
    State(state): State<ApiState>,
    caller: SignedIn,
    extract::Query(filter): extract::Query<LogFilter>,
    extract::Query(query): extract::Query<PageQuery>,
) -> Answer<Json<List<DeliveryView>>> {
    let deliveries = state.services.notification_deliveries(&caller.permit()?, filter.channel).await?;
    Ok(Json(page(deliveries, &query, |delivery| delivery.id)?))
}

/// Send a message once more that was delivered or given up: the same, under the same `webhook-id`.
#[utoipa::path(post, path = "/notification-deliveries/{delivery}/redeliver", tag = "Notifications", params(("delivery" = DeliveryId, Path)), responses((status = FORBIDDEN, body = Problem),
    (status = ACCEPTED, body = OnItsWay), (status = NOT_FOUND, body = Problem), (status = CONFLICT, body = Problem),
))]
pub(crate) async fn redeliver(
    State(state): State<ApiState>,
    caller: SignedIn,
    extract::Path(delivery): extract::Path<DeliveryId>,
) -> Answer<(StatusCode, Json<OnItsWay>)> {
    state.services.redeliver(&caller.permit()?, delivery).await?;
    Ok((StatusCode::ACCEPTED, Json(OnItsWay { delivery })))
}

/// What the caller is mailed in this organization.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Preferences {
    /// The kinds of events.
    pub events: Vec<NoticeKind>,
}

/// Show what the caller is mailed in this organization. Nobody is mailed what they did not ask for.
#[utoipa::path(get, path = "/notification-preferences", tag = "Notifications", responses(
    (status = OK, body = Preferences), (status = UNAUTHORIZED, body = Problem),
))]
pub(crate) async fn preferences(State(state): State<ApiState>, caller: SignedIn) -> Answer<Json<Preferences>> {
    Ok(Json(Preferences { events: state.services.notification_preferences(&caller.permit()?).await? }))
}

/// Set what the caller is mailed in this organization.
#[utoipa::path(put, path = "/notification-preferences", tag = "Notifications", request_body = Preferences, responses(
    (status = NO_CONTENT), (status = UNAUTHORIZED, body = Problem),
))]
pub(crate) async fn set_preferences(
    State(state): State<ApiState>,
    caller: SignedIn,
    extract::Json(body): extract::Json<Preferences>,
) -> Answer<StatusCode> {
    state.services.set_notification_preferences(&caller.permit()?, &body.events).await?;
    Ok(StatusCode::NO_CONTENT)
}
