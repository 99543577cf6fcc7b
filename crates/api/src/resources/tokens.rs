//! The caller's API tokens in this organization.

use axum::Json;
use axum::extract::State;
use drift_domain::ids::TokenId;
use drift_domain::role::Role;
use drift_domain::views::TokenView;
use drift_services::accounts::TokenRequest;
use http::StatusCode;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{List, list as listed};
use crate::auth::SignedIn;
use crate::problem::{Answer, Problem};
use crate::{ApiState, extract};

/// A token to be made.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NewToken {
    /// What the token is for.
    pub name: String,
    /// The most that it may do: at most the caller's own role, which bounds it again at every use.
    pub role: Role,
    /// In how many days it ends, from 1 to 365.
    pub days: u32,
}

/// A token that was just made. The token itself is shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenWithSecret {
    /// What is kept of it.
    pub token: TokenView,
    /// The token: `Authorization: Bearer wfo_…`.
    #[schema(format = Password)]
    pub secret: String,
}

/// List the caller's tokens in this organization.
#[utoipa::path(get, path = "/tokens", tag = "Account", responses((status = OK, body = List<TokenView>), (status = UNAUTHORIZED, body = Problem)))]
pub(crate) async fn list(State(state): State<ApiState>, caller: SignedIn) -> Answer<Json<List<TokenView>>> {
    Ok(listed(state.services.tokens(&caller.permit()?).await?))
}

/// Make a token for this organization. It takes a signed-in session: a token makes no tokens.
#[utoipa::path(post, path = "/tokens", tag = "Account", security(("session" = [])), request_body = NewToken, responses(
    (status = CREATED, body = TokenWithSecret), (status = FORBIDDEN, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn create(
    State(state): State<ApiState>,
    caller: SignedIn,
    extract::Json(new): extract::Json<NewToken>,
) -> Answer<(StatusCode, Json<TokenWithSecret>)> {
    let new = TokenRequest { name: new.name, role: new.role, days: new.days };
    let made = state.services.create_token(&caller.permit()?, new).await?;
    let secret = made.secret.expose_secret().to_owned();
    Ok((StatusCode::CREATED, Json(TokenWithSecret { token: made.token, secret })))
}

/// End one of the caller's tokens, at once.
#[utoipa::path(delete, path = "/tokens/{token}", tag = "Account", params(("token" = TokenId, Path)), responses(
    (status = NO_CONTENT), (status = NOT_FOUND, body = Problem),
))]
pub(crate) async fn revoke(
    State(state): State<ApiState>,
    caller: SignedIn,
    extract::Path(id): extract::Path<TokenId>,
) -> Answer<StatusCode> {
    state.services.revoke_token(&caller.permit()?, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
