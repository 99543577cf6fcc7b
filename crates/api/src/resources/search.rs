//! Finding things by a few letters.

use axum::Json;
use axum::extract::State;
use drift_domain::views::Found;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::ApiState;
use crate::auth::SignedIn;
use crate::extract::Query;
use crate::problem::Answer;

/// What somebody looks for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Parts of a name, in any order, or an incident's number; at most 100 characters count.
    #[serde(default)]
    pub q: String,
}

/// Find environments and incidents by parts of their names, at most eight of each. Without `q`, the open incidents.
#[utoipa::path(get, path = "/search", tag = "Environments", params(Wanted), responses((status = OK, body = Found)))]
pub(crate) async fn find(
    State(state): State<ApiState>,
    caller: SignedIn,
    Query(Wanted { q }): Query<Wanted>,
) -> Answer<Json<Found>> {
    let permit = caller.0.permit()?;
    Ok(Json(state.services.find(&permit, &q).await?))
}
