//! Invitations into the organization, and accepting one.

use axum::Json;
use axum::extract::State;
use axum_extra::extract::CookieJar;
use drift_domain::ids::InvitationId;
use drift_domain::role::Role;
use drift_domain::views::{InvitationView, Me};
use drift_services::accounts::{Invited, Newcomer};
use http::{HeaderMap, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::paging::{List, PageQuery, page};
use crate::ApiState;
use crate::auth::SignedIn;
use crate::extract::{self, IdempotencyKey, Query};
use crate::problem::{Answer, Problem};
use crate::resources::session::{signed_in, user_agent};

/// Whom to invite.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub(crate) struct NewInvitation {
    /// The e-mail address.
    pub email: String,
    /// At most the caller's own role.
    pub role: Role,
}

/// An invitation and its link, which is shown this once.
#[derive(Deserialize, Serialize, ToSchema)]
pub(crate) struct InvitationWithLink {
    /// The invitation.
    pub invitation: InvitationView,
    /// The link, for handing on.
    pub link: String,
    /// Whether another link was mailed to the address.
    pub mailed: bool,
}

impl From<Invited> for InvitationWithLink {
    fn from(invited: Invited) -> Self {
        Self { link: invited.link.expose_secret().to_owned(), invitation: invited.invitation, mailed: invited.mailed }
    }
}

/// Accept an invitation with a new account.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Acceptance {
    /// The last part of the link.
    #[schema(value_type = String, format = Password)]
    pub token: SecretString,
    /// The person's name.
    pub name: String,
    /// A password of at least 12 characters.
    #[schema(value_type = String, format = Password)]
    pub password: SecretString,
}

/// Join with the account that is signed in.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Joining {
    /// The last part of the link.
    #[schema(value_type = String, format = Password)]
    pub token: SecretString,
}

/// List the invitations that wait for an answer, the newest first.
#[utoipa::path(get, path = "/invitations", tag = "People", params(PageQuery), responses((status = OK, body = List<InvitationView>), (status = FORBIDDEN, body = Problem)))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: SignedIn,
    Query(query): Query<PageQuery>,
) -> Answer<Json<List<InvitationView>>> {
    caller.permit::<drift_services::gate::cap::Members>()?;
    let waiting = state.services.members(&caller.permit()?).await?.invitations;
    Ok(Json(page(waiting, &query, |invitation| invitation.id)?))
}

/// Invite somebody. The answer has a link for handing on; where mail is sent, another one is mailed.
#[utoipa::path(post, path = "/invitations", tag = "People", request_body = NewInvitation,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key within a day is answered the same")), responses(
    (status = CREATED, body = InvitationWithLink), (status = FORBIDDEN, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
    (status = TOO_MANY_REQUESTS, body = Problem),
))]
pub(crate) async fn create(
    State(state): State<ApiState>,
    caller: SignedIn,
    key: IdempotencyKey,
    extract::Json(new): extract::Json<NewInvitation>,
) -> Answer<(StatusCode, Json<InvitationWithLink>)> {
    let permit = caller.permit()?;
    let request = key.request("invitations.create", &new);
    let work = async { Ok(state.services.invite(&permit, &new.email, new.role).await?.into()) };
    let invited: InvitationWithLink =
        state.services.once_in_secret(&caller.0, key.0.as_deref(), &request, work).await?;
    Ok((StatusCode::CREATED, Json(invited)))
}

/// Make an invitation's links anew and mail one. The older links end.
#[utoipa::path(post, path = "/invitations/{invitation}/resend", tag = "People", params(("invitation" = InvitationId, Path)), responses(
    (status = FORBIDDEN, body = Problem),
    (status = OK, body = InvitationWithLink), (status = NOT_FOUND, body = Problem), (status = TOO_MANY_REQUESTS, body = Problem),
))]
pub(crate) async fn resend(
    State(state): State<ApiState>,
    caller: SignedIn,
    extract::Path(id): extract::Path<InvitationId>,
) -> Answer<Json<InvitationWithLink>> {
    Ok(Json(state.services.resend_invitation(&caller.permit()?, id).await?.into()))
}

/// Take an invitation back.
#[utoipa::path(delete, path = "/invitations/{invitation}", tag = "People", params(("invitation" = InvitationId, Path)), responses(
    (status = FORBIDDEN, body = Problem),
    (status = NO_CONTENT), (status = NOT_FOUND, body = Problem),
))]
pub(crate) async fn revoke(
    State(state): State<ApiState>,
    caller: SignedIn,
    extract::Path(id): extract::Path<InvitationId>,
) -> Answer<StatusCode> {
    state.services.revoke_invitation(&caller.permit()?, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Accept an invitation with a new account, and sign in. Who has an account signs in and joins with it.
#[utoipa::path(post, path = "/invitations/accept", tag = "People", security(()), request_body = Acceptance, responses(
    (status = CREATED, body = Me), (status = NOT_FOUND, body = Problem), (status = CONFLICT, body = Problem),
    (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn accept(
    State(state): State<ApiState>,
    headers: HeaderMap,
    extract::Json(Acceptance { token, name, password }): extract::Json<Acceptance>,
) -> Answer<(StatusCode, CookieJar, Json<Me>)> {
    let token = token.expose_secret().to_owned();
    let new = Newcomer { token, name, password, user_agent: user_agent(&headers) };
    signed_in(&state, state.services.accept_as_newcomer(new).await?).await
}

/// Join an organization that invited the signed-in person, and turn the session to it.
#[utoipa::path(post, path = "/invitations/join", tag = "People", request_body = Joining, responses(
    (status = NO_CONTENT), (status = NOT_FOUND, body = Problem), (status = CONFLICT, body = Problem),
))]
pub(crate) async fn join(
    State(state): State<ApiState>,
    caller: SignedIn,
    extract::Json(joining): extract::Json<Joining>,
) -> Answer<StatusCode> {
    state.services.accept_as_member(&caller.0, joining.token.expose_secret()).await?;
    Ok(StatusCode::NO_CONTENT)
}
