//! The forms of compliance reports, and the page that they are on.

use std::str::FromStr;

use axum::extract::Path;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Form, Router};
use drift_domain::report::ReportFormat;
use drift_domain::views::{ReportAsk, ReportScheduleAsk};
use drift_services::{ServiceError, ServiceResult};
use serde_json::json;

use super::incident_id;
use crate::pages::reports::{self, ADDRESS};
use crate::ssr::visit::{Member, Screens};

/// The addresses of compliance reports.
pub(in crate::ssr) fn routes() -> Router<Screens> {
    Router::new()
        .route("/reports", get(reports::get).post(ask))
        .route("/reports/{id}/remove", post(remove))
        .route("/reports/schedules", post(schedule))
        .route("/reports/schedules/{id}/remove", post(unschedule))
}

/// The fields of a form in which `recipients` comes as often as there are boxes checked.
type Fields = Vec<(String, String)>;

fn field<'f>(fields: &'f Fields, name: &str) -> &'f str {
    fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value.trim())
}

fn given<T: FromStr>(fields: &Fields, name: &str, refused: impl FnOnce() -> ServiceError) -> ServiceResult<Option<T>> {
    match field(fields, name) {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| refused()),
    }
}

fn format(fields: &Fields) -> ServiceResult<ReportFormat> {
    let format = field(fields, "format").parse();
    format.map_err(|_| ServiceError::invalid("format", "Choose one of the formats offered."))
}

async fn ask(member: Member, Form(fields): Form<Fields>) -> Response {
    let mut back = ADDRESS.to_owned();
    let done: ServiceResult<()> = async {
        let incident = match field(&fields, "incident") {
            "" => None,
            id => Some(incident_id(id)?),
        };
        if let Some(id) = incident {
            back = format!("{ADDRESS}?incident={id}");
        }
        let environment = given(&fields, "environment", || ServiceError::NotFound("environment"))?;
        let permit = member.services().report_ask_permit(&member.caller, environment, incident).await?;
        let day = |name: &'static str| {
            given(&fields, name, || ServiceError::invalid(name, "This is not a day. Write it as 2026-11-28."))
        };
        let ask = ReportAsk { format: format(&fields)?, from: day("from")?, to: day("to")?, environment, incident };
        member.services().request_report(&permit, &ask).await.map(drop)
    }
    .await;
    let to = if done.is_err() { back.as_str() } else { ADDRESS };
    let kept = json!({
        "form": "ask", "format": field(&fields, "format"), "from": field(&fields, "from"), "to": field(&fields, "to"),
        "environment": field(&fields, "environment"),
    });
    member.after(done, "The report is being made. It is listed below.", to, Some(kept)).await
}

async fn remove(member: Member, Path(report): Path<String>) -> Response {
    let done: ServiceResult<()> = async {
        let id = report.parse().map_err(|_| ServiceError::NotFound("report"))?;
        let permit = member.services().report_permit(&member.caller, id).await?;
        member.services().remove_report(&permit, id).await
    }
    .await;
    member.after(done, "The report is removed.", ADDRESS, None).await
}

async fn schedule(member: Member, Form(fields): Form<Fields>) -> Response {
    let done: ServiceResult<()> = async {
        let environment = given(&fields, "environment", || ServiceError::NotFound("environment"))?;
        let permit = member.services().report_ask_permit(&member.caller, environment, None).await?;
        let chosen = fields.iter().filter(|(name, _)| name == "recipients").map(|(_, id)| id.parse());
        let recipients = chosen.collect::<Result<_, _>>();
        let recipients =
            recipients.map_err(|_| ServiceError::invalid("recipients", "Choose among the members offered."))?;
        let ask = ReportScheduleAsk { format: format(&fields)?, environment, recipients };
        member.services().schedule_report(&permit, &ask).await.map(drop)
    }
    .await;
    let kept = json!({
        "form": "monthly", "format": field(&fields, "format"), "environment": field(&fields, "environment"),
    });
    member.after(done, "The report is made every month from now on.", ADDRESS, Some(kept)).await
}

async fn unschedule(member: Member, Path(schedule): Path<String>) -> Response {
    let done: ServiceResult<()> = async {
        let id = schedule.parse().map_err(|_| ServiceError::NotFound("monthly report"))?;
        let permit = member.services().report_schedule_permit(&member.caller, id).await?;
        member.services().unschedule_report(&permit, id).await
    }
    .await;
    member.after(done, "It is made no more. What was made of it stays.", ADDRESS, None).await
}
