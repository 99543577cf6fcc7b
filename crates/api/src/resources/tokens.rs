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

use super::paging::{List, PageQuery, page};
use crate::ApiState;
use crate::auth::SignedIn;
use crate::extract::{self, IdempotencyKey, Query};
use crate::problem::{Answer, Problem};

/// A token to be made.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub(crate) struct NewToken {
    /// What the token is for.
    pub name: String,
    /// The most that it may do: at most the caller's own role, which bounds it again at every use.
    pub role: Role,
    /// In how many days it ends, from 1 to 365.
    pub days: u32,
}

/// A token that was just made. The token itself is shown this once.
#[derive(Deserialize, Serialize, ToSchema)]
pub(crate) struct TokenWithSecret {
    /// What is kept of it.
    pub token: TokenView,
    /// The token: `Authorization: Bearer wfo_…`.
    #[schema(format = Password)]
    pub secret: String,
}

/// List the caller's tokens in this organization, newest first.
#[utoipa::path(get, path = "/tokens", tag = "Account", params(PageQuery), responses((status = OK, body = List<TokenView>), (status = UNAUTHORIZED, body = Problem)))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: SignedIn,
    Query(query): Query<PageQuery>,
) -> Answer<Json<List<TokenView>>> {
    Ok(Json(page(state.services.tokens(&caller.permit()?).await?, &query, |token| token.id)?))
}

/// Make a token for this organization. It takes a signed-in session: a token makes no tokens.
#[utoipa::path(post, path = "/tokens", tag = "Account", security(("session" = [])), request_body = NewToken,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key within a day is answered the same")), responses(
    (status = CREATED, body = TokenWithSecret), (status = FORBIDDEN, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn create(
    State(state): State<ApiState>,
    caller: SignedIn,
    key: IdempotencyKey,
    extract::Json(new): extract::Json<NewToken>,
) -> Answer<(StatusCode, Json<TokenWithSecret>)> {
    let permit = caller.permit()?;
    let request = key.request("tokens.create", &new);
    let work = async {
        let new = TokenRequest { name: new.name, role: new.role, days: new.days };
        let made = state.services.create_token(&permit, new).await?;
        Ok(TokenWithSecret { token: made.token, secret: made.secret.expose_secret().to_owned() })
    };
    let made = state.services.once_in_secret(&caller.0, key.0.as_deref(), &request, work).await?;
    Ok((StatusCode::CREATED, Json(made)))
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
