//! The forms of legal holds, and the page that they are on.

use axum::extract::Path;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Form, Router};
use drift_domain::ids::HoldId;
use drift_services::{ServiceError, ServiceResult};
use serde::Deserialize;
use serde_json::json;

use super::incident_id;
use crate::pages::retention::{self, ADDRESS};
use crate::ssr::visit::{Member, Screens};

/// The addresses of retention.
pub(in crate::ssr) fn routes() -> Router<Screens> {
    Router::new()
        .route("/retention", get(retention::get))
        .route("/retention/holds", post(place))
        .route("/retention/holds/{id}/release", post(release))
}

#[derive(Deserialize)]
struct PlaceFields {
    #[serde(default)]
    incident: String,
    reason: String,
}

async fn place(member: Member, Form(fields): Form<PlaceFields>) -> Response {
    let mut back = ADDRESS.to_owned();
    let done: ServiceResult<()> = async {
        let incident = match fields.incident.as_str() {
            "" => None,
            id => Some(incident_id(id)?),
        };
        if let Some(id) = incident {
            back = format!("{ADDRESS}?incident={id}");
        }
        let permit = member.services().hold_permit(&member.caller, incident).await?;
        member.services().place_hold(&permit, incident, fields.reason.clone()).await.map(drop)
    }
    .await;
    let to = if matches!(done, Err(ServiceError::Invalid { .. })) { back.as_str() } else { ADDRESS };
    let kept = json!({ "reason": fields.reason });
    member.after(done, "The hold is placed: nothing of it is removed.", to, Some(kept)).await
}

#[derive(Deserialize)]
struct ReleaseFields {
    reason: String,
}

async fn release(member: Member, Path(hold): Path<String>, Form(fields): Form<ReleaseFields>) -> Response {
    let done: ServiceResult<()> = async {
        let id: HoldId = hold.parse().map_err(|_| ServiceError::NotFound("hold"))?;
        let permit = member.services().release_permit(&member.caller, id).await?;
        member.services().release_hold(&permit, id, fields.reason).await.map(drop)
    }
    .await;
    member.after(done, "The hold is released, and stays on record.", ADDRESS, None).await
}
