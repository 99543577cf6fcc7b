//! The routes of the public API v1, and those of workflows.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State as Shared};
use axum::middleware;
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::Value;

use super::door::{closed, guard, only_on_2x, starting};
use super::reply::{Answer, Parameters, answered, paged, refuse, tagged, with_body};
use super::rules::{self, Kind};
use super::shape::{self, Answering};
use super::state::{Refusal, State, Workflow};
use super::writes::Saved;
use super::{Editor, Flaw, N8nVersion};

/// n8n takes bodies up to 16 MB.
const MAX_BODY: usize = 16 * 1024 * 1024;

const WORKFLOW_LIST: [&str; 7] = ["active", "tags", "name", "projectId", "excludePinnedData", "limit", "cursor"];

pub(super) fn routes(editor: Editor) -> Router {
    let v2 = |route| closed(only_on_2x(&editor, route));
    let api = Router::new()
        .route("/workflows", closed(get(list).post(create)))
        .route("/workflows/{id}", closed(get(read).put(update).delete(delete)))
        .route("/workflows/{id}/activate", closed(post(publish)))
        .route("/workflows/{id}/deactivate", closed(post(unpublish)))
        .route("/workflows/{id}/publish", v2(post(publish)))
        .route("/workflows/{id}/unpublish", v2(post(unpublish)))
        .route("/workflows/{id}/archive", v2(post(archive)))
        .route("/workflows/{id}/unarchive", v2(post(unarchive)))
        .route("/variables", closed(post(unlicensed)))
        .merge(super::tags::routes())
        .merge(super::credentials::routes(&editor))
        .route_layer(middleware::from_fn_with_state(editor.clone(), guard))
        .layer(axum::extract::DefaultBodyLimit::max(MAX_BODY));
    Router::new()
        .nest("/api/v1", api)
        .fallback(|| async { refuse(&Refusal::new(404, "not found")) })
        .layer(middleware::from_fn(tagged))
        .layer(middleware::from_fn_with_state(editor.clone(), starting))
        .with_state(editor)
}

/// Without a licence some parts are refused like this (observed).
async fn unlicensed() -> Response {
    let words = "Your license does not allow for feat:variables. To enable feat:variables, please upgrade to a license \
                 that supports this feature.";
    refuse(&Refusal::new(403, words))
}

async fn list(Shared(editor): Shared<Editor>, Query(parameters): Query<Parameters>) -> Response {
    answered(list_page(&editor.lock(), &parameters))
}

fn list_page(state: &State, parameters: &Parameters) -> Answer {
    if let Some(unknown) = parameters.keys().find(|key| !WORKFLOW_LIST.contains(&key.as_str()))
        && state.version == N8nVersion::V1
    {
        return Err(unknown_parameter(unknown));
    }
    let found: Vec<&Workflow> =
        state.workflows.values().filter(|workflow| wanted(state, workflow, parameters)).collect();
    let without_pinned = parameters.get("excludePinnedData").is_some_and(|v| v == "true");
    paged(state.version, parameters, &found, state.flaw == Some(Flaw::ListSkipsAPage), |workflow| {
        let mut drawn = shape::workflow(state, workflow, Answering::List);
        if let Some(object) = drawn.as_object_mut().filter(|_| without_pinned) {
            object.remove("pinData");
        }
        drawn
    })
}

fn unknown_parameter(name: &str) -> Refusal {
    Refusal::new(400, format!("Unknown query parameter '{name}'"))
}

fn wanted(state: &State, workflow: &Workflow, parameters: &Parameters) -> bool {
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
    with_body(&bytes, |body| {
        let mut state = editor.lock();
        rules::workflow(state.version, Kind::Create, &body)?;
        if body.get("projectId").is_some_and(|id| id.as_str() != Some(&state.project)) {
            return Err(Refusal::new(404, "Project not found"));
        }
        let id = state.create(None, Saved::read(&body));
        shaped(&state, &id, Answering::Create)
    })
}

async fn update(
    Shared(editor): Shared<Editor>,
    Path(id): Path<String>,
    Query(parameters): Query<Parameters>,
    bytes: Bytes,
) -> Response {
    with_body(&bytes, |body| {
        let mut state = editor.lock();
        let publish = publish_if_active(state.version, &parameters)?;
        rules::workflow(state.version, Kind::Update, &body)?;
        if state.get(&id).is_err() {
            return Err(missing(state.version, "update"));
        }
        if state.flaw == Some(Flaw::PutIsForgotten) {
            return forgotten(&state, &id, &body);
        }
        let before = state.workflows.get(&id).cloned();
        let saved = state.save(&id, Saved::read(&body), true, publish);
        if let (Err(_), Some(Flaw::RefusalsChangeNothing), Some(before)) = (&saved, state.flaw, before) {
            state.workflows.insert(id.clone(), before);
        }
        saved?;
        shaped(&state, &id, Answering::Put)
    })
}

/// The answer of a stand-in that is broken so that it stores nothing.
fn forgotten(state: &State, id: &str, body: &Value) -> Answer {
    let (status, mut answer) = shaped(state, id, Answering::Put)?;
    for (key, value) in body.as_object().into_iter().flatten() {
        answer[key] = value.clone();
    }
    Ok((status, answer))
}

fn publish_if_active(version: N8nVersion, parameters: &Parameters) -> Result<bool, Refusal> {
    if version == N8nVersion::V1 {
        return parameters.keys().next().map_or(Ok(true), |unknown| Err(unknown_parameter(unknown)));
    }
    match parameters.get("publishIfActive").map(String::as_str) {
        None | Some("true") => Ok(true),
        Some("false") => Ok(false),
        Some(other) => Err(Refusal::new(
            400,
            format!("request/query/publishIfActive Invalid enum value. Expected 'true' | 'false', received '{other}'"),
        )),
    }
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
    with_body(&bytes, |body| {
        let mut state = editor.lock();
        if state.get(&id).is_err() {
            return Err(missing(state.version, "activate"));
        }
        let at = |key: &str| body.get(key).cloned().unwrap_or_default();
        let version = body.get("versionId").and_then(Value::as_str);
        state.publish(&id, version, Some((at("name"), at("description"))))?;
        let (status, mut answer) = shaped(&state, &id, Answering::Publish)?;
        if state.flaw == Some(Flaw::PublishHasNoEffect) {
            answer["active"] = true.into();
            answer["activeVersionId"] = answer["versionId"].clone();
        }
        Ok((status, answer))
    })
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
    let archived = state.get(&id).is_ok_and(|workflow| workflow.archived);
    if state.get(&id).is_ok() && !archived {
        return refuse(&Refusal::new(400, "Workflow is not archived."));
    }
    answered(state.archive(&id, false).and_then(|()| shaped(&state, &id, Answering::Action)))
}
