//! Compliance reports: asked for, looked at while they are made, taken away, and made every month.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use drift_domain::ids::{ReportId, ReportScheduleId};
use drift_domain::views::{ReportAsk, ReportScheduleAsk, ReportScheduleView, ReportView};
use drift_services::ServiceError;
use http::StatusCode;
use http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};

use super::paging::{LONGEST_PAGE, List, PAGE, PageQuery, made, page};
use crate::auth::SignedIn;
use crate::extract::IdempotencyKey;
use crate::problem::{Answer, Problem};
use crate::{ApiState, extract};

/// List compliance reports, the newest first.
#[utoipa::path(get, path = "/reports", tag = "Reports", params(PageQuery), responses(
    (status = OK, body = List<ReportView>), (status = UNPROCESSABLE_ENTITY, body = Problem),
    (status = PAYMENT_REQUIRED, body = Problem), (status = FORBIDDEN, body = Problem),
))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: SignedIn,
    extract::Query(query): extract::Query<PageQuery>,
) -> Answer<Json<List<ReportView>>> {
    let permit = caller.permit()?;
    let after = query.after.as_deref().filter(|text| !text.is_empty()).map(str::parse::<ReportId>).transpose();
    let after = after.map_err(|_| {
        ServiceError::invalid("after", "This is not where a page ended. Take `next` of the page before.")
    })?;
    let limit = query.limit.map_or(PAGE, |limit| (limit as usize).clamp(1, LONGEST_PAGE));
    let most = u32::try_from(limit + 1).unwrap_or(u32::MAX);
    let mut found = state.services.reports(&permit, after, most).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|report| report.id);
    Ok(made(found, next))
}

/// Ask for a compliance report: of days, of all environments or of one; or of one incident. It is made in the background; look at
/// it until its `state` is `READY`.
#[utoipa::path(post, path = "/reports", tag = "Reports", request_body = ReportAsk,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key within a day is answered the same")), responses(
    (status = ACCEPTED, body = ReportView), (status = NOT_FOUND, body = Problem), (status = CONFLICT, body = Problem),
    (status = PAYMENT_REQUIRED, body = Problem), (status = FORBIDDEN, body = Problem),
    (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn create(
    State(state): State<ApiState>,
    caller: SignedIn,
    key: IdempotencyKey,
    extract::Json(body): extract::Json<ReportAsk>,
) -> Answer<(StatusCode, Json<ReportView>)> {
    let permit = state.services.report_ask_permit(&caller.0, body.environment, body.incident).await?;
    let request = key.request("reports.create", &body);
    let work = state.services.request_report(&permit, &body);
    let report = state.services.once(&caller.0, key.0.as_deref(), &request, work).await?;
    Ok((StatusCode::ACCEPTED, Json(report)))
}

/// Show one compliance report: how far it is, and what its file must be.
#[utoipa::path(get, path = "/reports/{report}", tag = "Reports", params(("report" = ReportId, Path)), responses(
    (status = OK, body = ReportView), (status = NOT_FOUND, body = Problem),
    (status = PAYMENT_REQUIRED, body = Problem), (status = FORBIDDEN, body = Problem),
))]
pub(crate) async fn show(
    State(state): State<ApiState>,
    caller: SignedIn,
    extract::Path(report): extract::Path<ReportId>,
) -> Answer<Json<ReportView>> {
    let permit = state.services.report_permit(&caller.0, report).await?;
    Ok(Json(state.services.report(&permit, report).await?))
}

/// Remove a compliance report with its file. One that is being made is made no further.
#[utoipa::path(delete, path = "/reports/{report}", tag = "Reports", params(("report" = ReportId, Path)), responses(
    (status = NO_CONTENT), (status = NOT_FOUND, body = Problem),
    (status = PAYMENT_REQUIRED, body = Problem), (status = FORBIDDEN, body = Problem),
))]
pub(crate) async fn remove(
    State(state): State<ApiState>,
    caller: SignedIn,
    extract::Path(report): extract::Path<ReportId>,
) -> Answer<StatusCode> {
    let permit = state.services.report_permit(&caller.0, report).await?;
    state.services.remove_report(&permit, report).await?;
    Ok(StatusCode::NO_CONTENT)
}

type File = ([(http::HeaderName, String); 3], Body);

/// Take the file of a compliance report away, until it expires. That it was taken is in the audit log.
#[utoipa::path(get, path = "/reports/{report}/file", tag = "Reports", params(("report" = ReportId, Path)), responses(
    (status = OK, body = Vec<u8>, content_type = "application/octet-stream"), (status = NOT_FOUND, body = Problem),
    (status = CONFLICT, body = Problem), (status = PAYMENT_REQUIRED, body = Problem), (status = FORBIDDEN, body = Problem),
))]
pub(crate) async fn file(
    State(state): State<ApiState>,
    caller: SignedIn,
    extract::Path(report): extract::Path<ReportId>,
) -> Answer<File> {
    let permit = state.services.report_permit(&caller.0, report).await?;
    let file = state.services.download_report(&permit, report).await?;
    let headers = [
        (CONTENT_TYPE, file.format.media_type().to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", file.name)),
        (CONTENT_LENGTH, file.size.to_string()),
    ];
    let parts = futures::stream::try_unfold(file, |mut file| async move {
        Ok::<_, std::io::Error>(file.next().await.map_err(broken)?.map(|part| (part, file)))
    });
    Ok((headers, Body::from_stream(parts)))
}

/// The answer has begun, so it can only break off, shorter than it said that it is.
fn broken(error: ServiceError) -> std::io::Error {
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    tracing::error!(%error, cause, "the file of a report broke off");
    std::io::Error::other(error.to_string())
}

/// List the compliance reports that are made every month, the newest first.
#[utoipa::path(get, path = "/report-schedules", tag = "Reports", params(PageQuery), responses(
    (status = OK, body = List<ReportScheduleView>), (status = UNPROCESSABLE_ENTITY, body = Problem),
    (status = PAYMENT_REQUIRED, body = Problem), (status = FORBIDDEN, body = Problem),
))]
pub(crate) async fn schedules(
    State(state): State<ApiState>,
    caller: SignedIn,
    extract::Query(query): extract::Query<PageQuery>,
) -> Answer<Json<List<ReportScheduleView>>> {
    Ok(Json(page(state.services.report_schedules(&caller.permit()?).await?, &query, |schedule| schedule.id)?))
}

/// Have a compliance report made every month, of the month before. Recipients are mailed a link, never the file.
#[utoipa::path(post, path = "/report-schedules", tag = "Reports", request_body = ReportScheduleAsk,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key within a day is answered the same")), responses(
    (status = CREATED, body = ReportScheduleView), (status = NOT_FOUND, body = Problem), (status = CONFLICT, body = Problem),
    (status = PAYMENT_REQUIRED, body = Problem), (status = FORBIDDEN, body = Problem),
    (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn schedule(
    State(state): State<ApiState>,
    caller: SignedIn,
    key: IdempotencyKey,
    extract::Json(body): extract::Json<ReportScheduleAsk>,
) -> Answer<(StatusCode, Json<ReportScheduleView>)> {
    let permit = state.services.report_ask_permit(&caller.0, body.environment, None).await?;
    let request = key.request("report-schedules.create", &body);
    let work = state.services.schedule_report(&permit, &body);
    let schedule = state.services.once(&caller.0, key.0.as_deref(), &request, work).await?;
    Ok((StatusCode::CREATED, Json(schedule)))
}

/// End a monthly compliance report. What was made of it stays.
#[utoipa::path(delete, path = "/report-schedules/{schedule}", tag = "Reports", params(("schedule" = ReportScheduleId, Path)), responses(
    (status = NO_CONTENT), (status = NOT_FOUND, body = Problem),
    (status = PAYMENT_REQUIRED, body = Problem), (status = FORBIDDEN, body = Problem),
))]
pub(crate) async fn unschedule(
    State(state): State<ApiState>,
    caller: SignedIn,
    extract::Path(schedule): extract::Path<ReportScheduleId>,
) -> Answer<StatusCode> {
    let permit = state.services.report_schedule_permit(&caller.0, schedule).await?;
    state.services.unschedule_report(&permit, schedule).await?;
    Ok(StatusCode::NO_CONTENT)
}
