//! Who is signed in, and where.

use std::net::IpAddr;

use axum::extract::State;
use axum::{Extension, Json};
use drift_domain::ids::OrganizationId;
use drift_domain::views::Me;
use drift_services::gate::Caller;
use http::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::SignedIn;
use crate::extract::{self, IdempotencyKey};
use crate::problem::{Answer, Problem};

/// Which organization to act in.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Switch {
    /// One that the caller is a member of.
    pub organization_id: OrganizationId,
}

/// A new password in place of the old one.
#[derive(Deserialize, ToSchema)]
pub(crate) struct PasswordChange {
    /// The old one.
    #[schema(value_type = String, format = Password)]
    pub password: SecretString,
    /// The new one, of at least 12 characters.
    #[schema(value_type = String, format = Password)]
    pub new_password: SecretString,
}

/// For whom a new password is asked.
#[derive(Deserialize, ToSchema)]
pub(crate) struct ResetRequest {
    /// The e-mail address.
    pub email: String,
}

/// A new password, by the link that was mailed.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Reset {
    /// The last part of the link.
    #[schema(value_type = String, format = Password)]
    pub token: SecretString,
    /// The new password, of at least 12 characters.
    #[schema(value_type = String, format = Password)]
    pub new_password: SecretString,
}

/// A further organization.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub(crate) struct NewOrganization {
    /// Its name.
    pub organization: String,
}

/// An organization that was just made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MadeOrganization {
    /// Its identifier.
    pub id: OrganizationId,
}

/// Change the caller's password. Every other session of theirs ends.
#[utoipa::path(put, path = "/me/password", tag = "Account", request_body = PasswordChange, responses(
    (status = NO_CONTENT), (status = UNPROCESSABLE_ENTITY, body = Problem), (status = TOO_MANY_REQUESTS, body = Problem),
))]
pub(crate) async fn change_password(
    State(state): State<ApiState>,
    caller: SignedIn,
    extract::Json(change): extract::Json<PasswordChange>,
) -> Answer<StatusCode> {
    state.services.change_password(&caller.permit()?, change.password, change.new_password).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Leave the organization. The caller's sessions and tokens in it end.
#[utoipa::path(delete, path = "/me/membership", tag = "Account", responses((status = NO_CONTENT), (status = CONFLICT, body = Problem)))]
pub(crate) async fn leave(State(state): State<ApiState>, caller: SignedIn) -> Answer<StatusCode> {
    state.services.leave_organization(&caller.permit()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make a further organization, on the Free plan and owned by the caller, and turn the session to it.
#[utoipa::path(post, path = "/organizations", tag = "Account", request_body = NewOrganization,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key within a day is answered the same")), responses(
    (status = CREATED, body = MadeOrganization), (status = UNPROCESSABLE_ENTITY, body = Problem), (status = CONFLICT, body = Problem),
))]
pub(crate) async fn found(
    State(state): State<ApiState>,
    caller: SignedIn,
    key: IdempotencyKey,
    extract::Json(new): extract::Json<NewOrganization>,
) -> Answer<(StatusCode, Json<MadeOrganization>)> {
    let permit = caller.permit()?;
    let request = key.request("organizations.create", &new);
    let work = state.services.found_organization(&permit, &new.organization);
    let id = state.services.once(&caller.0, key.0.as_deref(), &request, work).await?;
    // The session looks at the new organization from now on, and so does the request that is sent again.
    let there = Caller { organization_id: id, ..caller.0 };
    state.services.once(&there, key.0.as_deref(), &request, async { Ok(id) }).await?;
    Ok((StatusCode::CREATED, Json(MadeOrganization { id })))
}

/// Have a link for a new password mailed. The answer is the same whether anybody has the address.
#[utoipa::path(post, path = "/password-resets", tag = "Account", security(()), request_body = ResetRequest, responses(
    (status = ACCEPTED), (status = CONFLICT, body = Problem), (status = TOO_MANY_REQUESTS, body = Problem),
))]
pub(crate) async fn ask_for_reset(
    State(state): State<ApiState>,
    address: Option<Extension<IpAddr>>,
    extract::Json(ResetRequest { email }): extract::Json<ResetRequest>,
) -> Answer<StatusCode> {
    state.services.ask_for_reset(&email, address.map(|Extension(address)| address)).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Set a new password by the link that was mailed, once. Every session of the person ends.
#[utoipa::path(put, path = "/password-resets", tag = "Account", security(()), request_body = Reset, responses(
    (status = NO_CONTENT), (status = NOT_FOUND, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn reset(
    State(state): State<ApiState>,
    extract::Json(Reset { token, new_password }): extract::Json<Reset>,
) -> Answer<StatusCode> {
    state.services.reset_password(token.expose_secret(), new_password).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Show who is signed in, in which organization, with which role and plan.
#[utoipa::path(get, path = "/me", tag = "Session", responses((status = OK, body = Me), (status = UNAUTHORIZED, body = Problem)))]
pub(crate) async fn show(State(state): State<ApiState>, caller: SignedIn) -> Answer<Json<Me>> {
    Ok(Json(state.services.me(&caller.0).await?))
}

/// Act in another organization from now on, in this session.
#[utoipa::path(put, path = "/me/organization", tag = "Session", request_body = Switch, responses(
    (status = NO_CONTENT), (status = NOT_FOUND, body = Problem),
))]
pub(crate) async fn switch_organization(
    State(state): State<ApiState>,
    caller: SignedIn,
    extract::Json(switch): extract::Json<Switch>,
) -> Answer<StatusCode> {
    state.services.switch_organization(&caller.0, switch.organization_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
