//! The audit log: as a list, as CSV for reading, and as JSON Lines that verify by themselves.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use chrono::{NaiveDate, SecondsFormat};
use drift_domain::audit::{AuditAction, Entry};
use drift_domain::ids::{EnvironmentId, UserId};
use drift_domain::views::AuditPage;
use drift_services::ServiceError;
use drift_services::audit::Looked;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde::Deserialize;
use utoipa::IntoParams;

use super::csv_file::{CSV, lines, safe};
use crate::ApiState;
use crate::auth::SignedIn;
use crate::extract::Query;
use crate::problem::{Answer, Problem};

/// What is looked for. What is left out is not asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// Done by this person.
    pub actor: Option<UserId>,
    /// Of this kind.
    pub action: Option<AuditAction>,
    /// About this, by identifier or by name.
    pub target: Option<String>,
    /// About this environment.
    pub environment: Option<EnvironmentId>,
    /// With this in a name, an address, a reason or the particulars.
    pub text: Option<String>,
    /// The first day, in UTC.
    pub from: Option<NaiveDate>,
    /// The last day, in UTC.
    pub to: Option<NaiveDate>,
    /// Where to go on: `next` of the page before. A file begins with the newest all the same.
    pub after: Option<String>,
}

impl Which {
    fn looked(&self) -> Looked {
        let text = |text: &Option<String>| text.as_deref().map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned);
        Looked {
            actor: self.actor,
            action: self.action,
            target: text(&self.target),
            environment: self.environment,
            text: text(&self.text),
            from: self.from,
            to: self.to,
        }
    }
}

/// List the audit log, the newest entry first.
#[utoipa::path(get, path = "/audit", tag = "Audit log", params(Which), responses(
    (status = OK, body = AuditPage), (status = UNPROCESSABLE_ENTITY, body = Problem),
    (status = PAYMENT_REQUIRED, body = Problem), (status = FORBIDDEN, body = Problem),
))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: SignedIn,
    Query(which): Query<Which>,
) -> Answer<Json<AuditPage>> {
    Ok(Json(state.services.audit_log(&caller.permit()?, which.looked(), which.after.as_deref()).await?))
}

type File = ([(http::HeaderName, String); 2], Body);

fn file(kind: &str, name: &str, body: Body) -> File {
    let disposition = format!("attachment; filename=\"{name}\"");
    ([(CONTENT_TYPE, kind.to_owned()), (CONTENT_DISPOSITION, disposition)], body)
}

/// Show the audit log as a CSV file with a line of headings, the newest entry first. A text that a spreadsheet would take for a
/// formula begins with `'`. That it was taken is in the log.
#[utoipa::path(get, path = "/audit/csv", tag = "Audit log", params(Which), responses(
    (status = OK, body = String, content_type = "text/csv"), (status = UNPROCESSABLE_ENTITY, body = Problem),
    (status = PAYMENT_REQUIRED, body = Problem), (status = FORBIDDEN, body = Problem),
))]
pub(crate) async fn csv(State(state): State<ApiState>, caller: SignedIn, Query(which): Query<Which>) -> Answer<File> {
    let rows = state.services.export_audit_rows(&caller.permit()?, which.looked()).await?;
    let parts = futures::stream::try_unfold((rows, true), |(mut rows, first)| async move {
        let found = rows.next().await.map_err(broken)?;
        if found.is_none() && !first {
            return Ok(None);
        }
        let part = write(&found.unwrap_or_default(), first).map_err(std::io::Error::other)?;
        Ok::<_, std::io::Error>(Some((part, (rows, false))))
    });
    Ok(file(CSV, "audit.csv", Body::from_stream(parts)))
}

/// Where an export begins.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Behind {
    /// Behind this seal: the last one of an earlier export. Without it, from the beginning.
    pub after: Option<u32>,
}

/// Export the audit log as JSON Lines: a header, each entry with its seal in the order of the chain, and an end. The file verifies
/// without a server (`workflowops audit verify --file`). That it was taken is in the log, and in the file.
#[utoipa::path(get, path = "/audit/export", tag = "Audit log", params(Behind), responses(
    (status = OK, body = String, content_type = "application/jsonl"), (status = NOT_FOUND, body = Problem),
    (status = PAYMENT_REQUIRED, body = Problem), (status = FORBIDDEN, body = Problem),
))]
pub(crate) async fn export(
    State(state): State<ApiState>,
    caller: SignedIn,
    Query(behind): Query<Behind>,
) -> Answer<File> {
    let export = state.services.export_audit(&caller.permit()?, behind.after.unwrap_or_default().into()).await?;
    let parts = futures::stream::try_unfold(export, |mut export| async move {
        Ok::<_, std::io::Error>(export.next().await.map_err(broken)?.map(|part| (part, export)))
    });
    Ok(file("application/jsonl", "audit.jsonl", Body::from_stream(parts)))
}

/// The answer has begun, so it can only break off.
fn broken(error: ServiceError) -> std::io::Error {
    tracing::error!(%error, "an export of the audit log broke off");
    std::io::Error::other(error.to_string())
}

const COLUMNS: [&str; 17] = [
    "at",
    "actor_kind",
    "actor",
    "actor_id",
    "token_id",
    "via",
    "address",
    "user_agent",
    "action",
    "target_kind",
    "target",
    "target_id",
    "environment_id",
    "reason",
    "before",
    "after",
    "id",
];

/// Entries as CSV, the first part with headings.
fn write(entries: &[Entry], first: bool) -> Result<Vec<u8>, csv::Error> {
    let heads = first.then(|| COLUMNS.map(str::to_owned));
    lines(heads.into_iter().chain(entries.iter().map(|entry| cells(entry).map(|cell| safe(&cell)))))
}

fn cells(entry: &Entry) -> [String; 17] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let id = |id: Option<uuid::Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    let json = |value: &Option<serde_json::Value>| value.as_ref().map(ToString::to_string).unwrap_or_default();
    [
        entry.at.to_rfc3339_opts(SecondsFormat::Micros, true),
        entry.actor.kind.to_string(),
        entry.actor.name.clone(),
        id(entry.actor.id),
        id(entry.actor.token),
        entry.origin.via.to_string(),
        text(&entry.origin.address),
        text(&entry.origin.user_agent),
        entry.action.to_string(),
        entry.target.kind.to_string(),
        text(&entry.target.name),
        text(&entry.target.id),
        entry.environment_id.map(|id| id.to_string()).unwrap_or_default(),
        text(&entry.reason),
        json(&entry.before),
        json(&entry.after),
        entry.id.to_string(),
    ]
}
