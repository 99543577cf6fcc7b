//! The routes of the public API v1.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, Request, State as Shared};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderValue, Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::rules::{self, Kind};
use super::shape::{self, Answering};
use super::state::{Refusal, State};
use super::writes::Saved;
use super::{Editor, Mode, N8nVersion, Scope};

type Parameters = BTreeMap<String, String>;
type Answer = Result<(u16, Value), Refusal>;

/// n8n takes bodies up to 16 MB.
const MAX_BODY: usize = 16 * 1024 * 1024;

const WORKFLOW_LIST: [&str; 7] = ["active", "tags", "name", "projectId", "excludePinnedData", "limit", "cursor"];

pub(super) fn routes(editor: Editor) -> Router {
    let api = Router::new()
        .route("/workflows", closed(get(list).post(create)))
        .route("/workflows/{id}", closed(get(read).put(update).delete(delete)))
        .route("/workflows/{id}/tags", closed(get(workflow_tags).put(set_workflow_tags)))
        .route("/workflows/{id}/activate", closed(post(publish)))
        .route("/workflows/{id}/deactivate", closed(post(unpublish)))
        .route(
            "/workflows/{id}/publish",
            closed(post(publish).layer(middleware::from_fn_with_state(editor.clone(), only_v2))),
        )
        .route(
            "/workflows/{id}/unpublish",
            closed(post(unpublish).layer(middleware::from_fn_with_state(editor.clone(), only_v2))),
        )
        .route(
            "/workflows/{id}/archive",
            closed(post(archive).layer(middleware::from_fn_with_state(editor.clone(), only_v2))),
        )
        .route(
            "/workflows/{id}/unarchive",
            closed(post(unarchive).layer(middleware::from_fn_with_state(editor.clone(), only_v2))),
        )
        .route("/tags", closed(get(tags).post(create_tag)))
        .route("/tags/{id}", closed(get(read_tag).put(rename_tag).delete(delete_tag)))
        .route_layer(middleware::from_fn_with_state(editor.clone(), guard))
        .layer(axum::extract::DefaultBodyLimit::max(MAX_BODY));
    Router::new()
        .nest("/api/v1", api)
        .fallback(|| async { refuse(&Refusal::new(404, "not found")) })
        .layer(middleware::from_fn(tagged))
        .layer(middleware::from_fn_with_state(editor.clone(), starting))
        .with_state(editor)
}

/// A route that answers every other method 405, in n8n's words.
fn closed(route: MethodRouter<Editor>) -> MethodRouter<Editor> {
    route.fallback(|method: Method| async move { not_allowed(&method) })
}

fn not_allowed(method: &Method) -> Response {
    refuse(&Refusal::new(405, format!("{method} method not allowed")))
}

async fn only_v2(Shared(editor): Shared<Editor>, request: Request, next: Next) -> Response {
    if editor.version() == N8nVersion::V1 {
        return not_allowed(request.method());
    }
    next.run(request).await
}

async fn starting(Shared(editor): Shared<Editor>, request: Request, next: Next) -> Response {
    let mode = editor.lock().mode;
    match mode {
        Mode::Ready => next.run(request).await,
        Mode::StartingText => html(200, "n8n is starting up. Please wait".to_owned()),
        Mode::StartingNoRoutes => html(404, page(&format!("Cannot {} {}", request.method(), request.uri().path()))),
    }
}

/// The key, and what it may do.
async fn guard(Shared(editor): Shared<Editor>, request: Request, next: Next) -> Response {
    let given = request.headers().get("x-n8n-api-key").map(|v| v.to_str().unwrap_or_default().to_owned());
    let refusal = {
        let state = editor.lock();
        let scope = match *request.method() {
            Method::GET if request.uri().path().ends_with("/workflows") => Scope::List,
            Method::GET => Scope::Read,
            _ => Scope::Write,
        };
        if given.as_ref() != Some(&state.api_key) {
            Some(Refusal::new(
                401,
                match (state.version, given) {
                    (N8nVersion::V1, None) => "'X-N8N-API-KEY' header required",
                    (N8nVersion::V1, Some(_)) => "unauthorized",
                    (N8nVersion::V2, _) => "Unauthorized",
                },
            ))
        } else if !state.scopes.contains(&scope) {
            Some(Refusal::new(403, "Forbidden"))
        } else {
            None
        }
    };
    match refusal {
        Some(refusal) => refuse(&refusal),
        None => next.run(request).await,
    }
}

/// Gives every answer its tag, and answers 304 to who has it already: saves bandwidth, no work.
async fn tagged(request: Request, next: Next) -> Response {
    let (method, known) = (request.method().clone(), request.headers().get(IF_NONE_MATCH).cloned());
    let (mut head, body) = next.run(request).await.into_parts();
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

fn refuse(refusal: &Refusal) -> Response {
    answered(Ok((refusal.status, json!({ "message": refusal.message }))))
}

fn answered(answer: Answer) -> Response {
    match answer {
        Ok((status, value)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let json = HeaderValue::from_static("application/json; charset=utf-8");
            (status, [(CONTENT_TYPE, json)], value.to_string()).into_response()
        }
        Err(refusal) => refuse(&refusal),
    }
}

fn html(status: u16, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))], body).into_response()
}

fn page(text: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Error</title>\n</head>\n<body>\n<pre>{text}</pre>\n</body>\n</html>\n"
    )
}

/// Reads a body: nothing is null, and what is no JSON is answered 500 with a web page (observed).
fn body(bytes: &Bytes) -> Result<Value, Box<Response>> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(bytes).map_err(|_| Box::new(html(500, page("Internal Server Error"))))
}

#[derive(Serialize, Deserialize)]
struct Cursor {
    limit: usize,
    offset: usize,
}

async fn list(Shared(editor): Shared<Editor>, Query(parameters): Query<Parameters>) -> Response {
    answered(list_page(&editor.lock(), &parameters))
}

fn list_page(state: &State, parameters: &Parameters) -> Answer {
    if let Some(unknown) = parameters.keys().find(|key| !WORKFLOW_LIST.contains(&key.as_str()))
        && state.version == N8nVersion::V1
    {
        return Err(Refusal::new(400, format!("Unknown query parameter '{unknown}'")));
    }
    let Cursor { limit, offset } = window(state.version, parameters)?;
    let found: Vec<_> = state.workflows.values().filter(|workflow| wanted(state, workflow, parameters)).collect();
    let mut data: Vec<Value> = found
        .iter()
        .skip(offset)
        .take(limit)
        .map(|workflow| shape::workflow(state, workflow, Answering::List))
        .collect();
    if parameters.get("excludePinnedData").is_some_and(|v| v == "true") {
        data.iter_mut().filter_map(Value::as_object_mut).for_each(|workflow| drop(workflow.remove("pinData")));
    }
    let end = offset.saturating_add(limit);
    let next = (end < found.len()).then(|| STANDARD.encode(json!({ "limit": limit, "offset": end }).to_string()));
    Ok((200, json!({ "data": data, "nextCursor": next })))
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

fn wanted(state: &State, workflow: &super::state::Workflow, parameters: &Parameters) -> bool {
    let active = parameters.get("active").is_none_or(|v| (v == "true") == workflow.published.is_some());
    let named = parameters.get("name").is_none_or(|part| workflow.name.to_lowercase().contains(&part.to_lowercase()));
    let tagged = parameters.get("tags").is_none_or(|names| {
        names.split(',').all(|name| state.tags.iter().any(|t| t.name == name.trim() && workflow.tags.contains(&t.id)))
    });
    active && named && tagged
}

fn shaped(state: &State, id: &str, to: Answering) -> Answer {
    Ok((200, shape::workflow(state, state.get(id)?, to)))
}

async fn read(Shared(editor): Shared<Editor>, Path(id): Path<String>) -> Response {
    answered(shaped(&editor.lock(), &id, Answering::Get))
}

async fn create(Shared(editor): Shared<Editor>, bytes: Bytes) -> Response {
    let body = match body(&bytes) {
        Ok(body) => body,
        Err(response) => return *response,
    };
    let mut state = editor.lock();
    answered(rules::workflow(state.version, Kind::Create, &body).and_then(|()| {
        if body.get("projectId").is_some_and(|id| id.as_str() != Some(&state.project)) {
            return Err(Refusal::new(404, "Project not found"));
        }
        let id = state.create(None, Saved::read(&body));
        shaped(&state, &id, Answering::Create)
    }))
}

async fn update(
    Shared(editor): Shared<Editor>,
    Path(id): Path<String>,
    Query(parameters): Query<Parameters>,
    bytes: Bytes,
) -> Response {
    let body = match body(&bytes) {
        Ok(body) => body,
        Err(response) => return *response,
    };
    let mut state = editor.lock();
    if state.version == N8nVersion::V1
        && let Some(unknown) = parameters.keys().next()
    {
        return refuse(&Refusal::new(400, format!("Unknown query parameter '{unknown}'")));
    }
    let publish = parameters.get("publishIfActive").is_none_or(|v| v != "false");
    answered(rules::workflow(state.version, Kind::Update, &body).and_then(|()| {
        if state.get(&id).is_err() {
            return Err(missing(state.version, "update"));
        }
        state.save(&id, Saved::read(&body), true, publish)?;
        shaped(&state, &id, Answering::Put)
    }))
}

/// 2.x does not tell a workflow that is not there from one that the key may not touch.
fn missing(version: N8nVersion, verb: &str) -> Refusal {
    match version {
        N8nVersion::V1 => Refusal::not_found(),
        N8nVersion::V2 => Refusal::new(
            404,
            format!("You do not have permission to {verb} this workflow. Ask the owner to share it with you."),
        ),
    }
}

async fn delete(Shared(editor): Shared<Editor>, Path(id): Path<String>) -> Response {
    let mut state = editor.lock();
    answered(shaped(&state, &id, Answering::Delete).and_then(|answer| state.delete(&id).map(|_| answer)))
}

async fn publish(Shared(editor): Shared<Editor>, Path(id): Path<String>, bytes: Bytes) -> Response {
    let body = match body(&bytes) {
        Ok(body) => body,
        Err(response) => return *response,
    };
    let mut state = editor.lock();
    if state.get(&id).is_err() {
        return refuse(&missing(state.version, "activate"));
    }
    let at = |key: &str| body.get(key).cloned().unwrap_or_default();
    let version = body.get("versionId").and_then(Value::as_str);
    answered(
        state
            .publish(&id, version, Some((at("name"), at("description"))))
            .and_then(|()| shaped(&state, &id, Answering::Publish)),
    )
}

async fn unpublish(Shared(editor): Shared<Editor>, Path(id): Path<String>) -> Response {
    let mut state = editor.lock();
    if state.get(&id).is_err() {
        return refuse(&missing(state.version, "deactivate"));
    }
    answered(state.unpublish(&id).and_then(|()| shaped(&state, &id, Answering::Action)))
}

async fn archive(Shared(editor): Shared<Editor>, Path(id): Path<String>) -> Response {
    let mut state = editor.lock();
    answered(state.archive(&id, true).and_then(|()| shaped(&state, &id, Answering::Action)))
}

async fn unarchive(Shared(editor): Shared<Editor>, Path(id): Path<String>) -> Response {
    let mut state = editor.lock();
    answered(state.archive(&id, false).and_then(|()| shaped(&state, &id, Answering::Action)))
}

async fn workflow_tags(Shared(editor): Shared<Editor>, Path(id): Path<String>) -> Response {
    answered(tags_of(&editor.lock(), &id))
}

fn tags_of(state: &State, id: &str) -> Answer {
    let workflow = state.get(id)?;
    let tags = workflow.tags.iter().filter_map(|id| state.tags.iter().find(|tag| tag.id == *id)).map(shape::tag);
    Ok((200, tags.collect()))
}

async fn set_workflow_tags(Shared(editor): Shared<Editor>, Path(id): Path<String>, bytes: Bytes) -> Response {
    let body = match body(&bytes) {
        Ok(body) => body,
        Err(response) => return *response,
    };
    let mut state = editor.lock();
    let ids: Option<Vec<String>> = body
        .as_array()
        .map(|tags| tags.iter().filter_map(|tag| tag.get("id").and_then(Value::as_str).map(str::to_owned)).collect());
    answered(ids.ok_or_else(|| Refusal::new(400, "request/body must be array")).and_then(|ids| {
        state.get(&id)?;
        if ids.iter().any(|id| !state.tags.iter().any(|tag| tag.id == *id)) {
            return Err(Refusal::new(404, "Some tags not found"));
        }
        state.get_mut(&id)?.tags = ids;
        tags_of(&state, &id)
    }))
}

async fn tags(Shared(editor): Shared<Editor>) -> Response {
    let state = editor.lock();
    answered(Ok((200, json!({ "data": state.tags.iter().map(shape::tag).collect::<Vec<_>>(), "nextCursor": null }))))
}

fn tag_name(state: &State, bytes: &Bytes) -> Result<String, Refusal> {
    let value: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let name = value.get("name").and_then(Value::as_str);
    let name = name.ok_or_else(|| Refusal::new(400, "request/body must have required property 'name'"))?;
    if state.tags.iter().any(|tag| tag.name == name) {
        return Err(Refusal::new(409, "Tag already exists"));
    }
    Ok(name.to_owned())
}

async fn create_tag(Shared(editor): Shared<Editor>, bytes: Bytes) -> Response {
    let mut state = editor.lock();
    answered(tag_name(&state, &bytes).map(|name| {
        state.tag(&name);
        (201, state.tags.last().map_or(Value::Null, shape::tag))
    }))
}

fn tag_at(state: &State, id: &str) -> Result<usize, Refusal> {
    state.tags.iter().position(|tag| tag.id == id).ok_or_else(Refusal::not_found)
}

async fn read_tag(Shared(editor): Shared<Editor>, Path(id): Path<String>) -> Response {
    let state = editor.lock();
    answered(tag_at(&state, &id).map(|at| (200, shape::tag(&state.tags[at]))))
}

async fn rename_tag(Shared(editor): Shared<Editor>, Path(id): Path<String>, bytes: Bytes) -> Response {
    let mut state = editor.lock();
    let now = state.now();
    answered(tag_at(&state, &id).and_then(|at| {
        let name = tag_name(&state, &bytes)?;
        (state.tags[at].name, state.tags[at].updated) = (name, now);
        Ok((200, shape::tag(&state.tags[at])))
    }))
}

async fn delete_tag(Shared(editor): Shared<Editor>, Path(id): Path<String>) -> Response {
    let mut state = editor.lock();
    answered(tag_at(&state, &id).map(|at| {
        let tag = state.tags.remove(at);
        state.workflows.values_mut().for_each(|workflow| workflow.tags.retain(|id| *id != tag.id));
        (200, shape::tag(&tag))
    }))
}
