//! How answers look: JSON and web pages, tags, pages of a list.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderValue, Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::N8nVersion;
use super::state::Refusal;

pub(super) type Parameters = BTreeMap<String, String>;
pub(super) type Answer = Result<(u16, Value), Refusal>;

pub(super) fn refuse(refusal: &Refusal) -> Response {
    answered(Ok((refusal.status, json!({ "message": refusal.message }))))
}

pub(super) fn not_allowed(method: &Method) -> Response {
    refuse(&Refusal::new(405, format!("{method} method not allowed")))
}

pub(super) fn answered(answer: Answer) -> Response {
    match answer {
        Ok((status, value)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let json = HeaderValue::from_static("application/json; charset=utf-8");
            (status, [(CONTENT_TYPE, json)], value.to_string()).into_response()
        }
        Err(refusal) => refuse(&refusal),
    }
}

/// Answers with what is made of the body: no body is null, and what is no JSON is answered 500 with a web page (observed).
pub(super) fn with_body(bytes: &Bytes, make: impl FnOnce(Value) -> Answer) -> Response {
    if bytes.is_empty() {
        return answered(make(Value::Null));
    }
    match serde_json::from_slice(bytes) {
        Ok(body) => answered(make(body)),
        Err(_) => html(500, page("Internal Server Error")),
    }
}

pub(super) fn html(status: u16, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))], body).into_response()
}

/// The page that n8n answers where its API does not: a bare line between tags.
pub(super) fn page(text: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Error</title>\n</head>\n<body>\n<pre>{text}</pre>\n</body>\n</html>\n"
    )
}

/// Gives every answer its tag, and answers 304 to who has it already: saves bandwidth, no work. A body that was too large
/// gets n8n's page.
pub(super) async fn tagged(request: Request, next: Next) -> Response {
    let (method, known) = (request.method().clone(), request.headers().get(IF_NONE_MATCH).cloned());
    let (mut head, body) = next.run(request).await.into_parts();
    if head.status == StatusCode::PAYLOAD_TOO_LARGE {
        return html(413, page("Payload Too Large"));
    }
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let tag = format!("W/\"{:x}-{}\"", body.len(), STANDARD.encode(&Sha256::digest(&body)[..20]));
    if let Ok(tag) = HeaderValue::try_from(tag) {
        if method == Method::GET && head.status == StatusCode::OK && known.as_ref() == Some(&tag) {
            return (StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response();
        }
        head.headers.insert(ETAG, tag);
    }
    Response::from_parts(head, body.into())
}

#[derive(Serialize, Deserialize)]
struct Cursor {
    limit: usize,
    offset: usize,
}

/// The page of a list that was asked for, drawn one by one. The cursor is an offset: pages skew while things come and go.
pub(super) fn paged<T>(
    version: N8nVersion,
    parameters: &Parameters,
    found: &[T],
    skips_second: bool,
    draw: impl Fn(&T) -> Value,
) -> Answer {
    let Cursor { limit, offset } = window(version, parameters)?;
    let data: Vec<Value> = found.iter().skip(offset).take(limit).map(draw).collect();
    let mut end = offset.saturating_add(limit);
    let more = end < found.len();
    if skips_second && offset == 0 {
        end = end.saturating_add(limit);
    }
    let next = more.then(|| STANDARD.encode(json!({ "limit": limit, "offset": end }).to_string()));
    let mut page = json!({ "data": [], "nextCursor": next });
    page["data"] = Value::Array(data);
    Ok((200, page))
}

/// A cursor brings its own limit. 2.x cuts a limit over 250 down, 1.x refuses it; 0 stands for no limit (observed).
fn window(version: N8nVersion, parameters: &Parameters) -> Result<Cursor, Refusal> {
    if let Some(cursor) = parameters.get("cursor") {
        let decoded = STANDARD.decode(cursor).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        return decoded.ok_or_else(|| Refusal::new(400, "An invalid cursor was provided"));
    }
    let limit = match parameters.get("limit") {
        None => 100,
        Some(text) => {
            text.parse().map_err(|_| Refusal::new(400, "request/query/limit Param `limit` must be a valid integer"))?
        }
    };
    match (version, limit) {
        (_, 0) => Ok(Cursor { limit: usize::MAX, offset: 0 }),
        (N8nVersion::V1, 251..) => Err(Refusal::new(400, "request/query/limit must be <= 250")),
        (..) => Ok(Cursor { limit: limit.min(250), offset: 0 }),
    }
}
