//! Tags, and which workflow has which.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State as Shared};
use axum::response::Response;
use axum::routing::get;
use serde_json::Value;

use super::door::closed;
use super::reply::{Answer, Parameters, answered, paged, with_body};
use super::rules;
use super::shape;
use super::state::{Refusal, State};
use super::{Editor, N8nVersion};

pub(super) fn routes() -> Router<Editor> {
    Router::new()
        .route("/tags", closed(get(tags).post(create)))
        .route("/tags/{id}", closed(get(read).put(rename).delete(delete)))
        .route("/workflows/{id}/tags", closed(get(of_workflow).put(set)))
}

async fn of_workflow(Shared(editor): Shared<Editor>, Path(id): Path<String>) -> Response {
    answered(tags_of(&editor.lock(), &id))
}

fn tags_of(state: &State, id: &str) -> Answer {
    let workflow = state.get(id)?;
    let tags = workflow.tags.iter().filter_map(|id| state.tags.iter().find(|tag| tag.id == *id)).map(shape::tag);
    Ok((200, tags.collect()))
}

async fn set(Shared(editor): Shared<Editor>, Path(id): Path<String>, bytes: Bytes) -> Response {
    with_body(&bytes, |body| {
        let mut state = editor.lock();
        let ids = ids(state.version, &body)?;
        state.get(&id)?;
        if ids.iter().any(|id| !state.tags.iter().any(|tag| tag.id == *id)) {
            return Err(Refusal::new(404, "Some tags not found"));
        }
        state.get_mut(&id)?.tags = ids;
        tags_of(&state, &id)
    })
}

fn ids(version: N8nVersion, body: &Value) -> Result<Vec<String>, Refusal> {
    rules::typed(version, "request/body", body, "array", Value::is_array)?;
    let mut ids = Vec::new();
    for (i, tag) in body.as_array().into_iter().flatten().enumerate() {
        rules::typed(version, &format!("request/body/{i}"), tag, "object", Value::is_object)?;
        ids.extend(tag.get("id").and_then(Value::as_str).map(str::to_owned));
    }
    Ok(ids)
}

async fn tags(Shared(editor): Shared<Editor>, Query(parameters): Query<Parameters>) -> Response {
    let state = editor.lock();
    let all: Vec<Value> = state.tags.iter().map(shape::tag).collect();
    answered(paged(state.version, &parameters, &all, false, Value::clone))
}

/// The name that a body gives a tag. n8n trims it, and calls a name that is empty or longer than 24 characters one that
/// exists already (observed).
fn name(state: &State, body: &Value) -> Result<String, Refusal> {
    let name = body.get("name").ok_or_else(|| Refusal::new(400, "request/body must have required property 'name'"))?;
    rules::typed(state.version, "request/body/name", name, "string", Value::is_string)?;
    let name = name.as_str().unwrap_or_default().trim();
    if !(1..=24).contains(&name.chars().count()) || state.tags.iter().any(|tag| tag.name == name) {
        return Err(Refusal::new(409, "Tag already exists"));
    }
    Ok(name.to_owned())
}

async fn create(Shared(editor): Shared<Editor>, bytes: Bytes) -> Response {
    with_body(&bytes, |body| {
        let mut state = editor.lock();
        let name = name(&state, &body)?;
        state.tag(&name);
        Ok((201, state.tags.last().map_or(Value::Null, shape::tag)))
    })
}

fn at(state: &State, id: &str) -> Result<usize, Refusal> {
    state.tags.iter().position(|tag| tag.id == id).ok_or_else(Refusal::not_found)
}

async fn read(Shared(editor): Shared<Editor>, Path(id): Path<String>) -> Response {
    let state = editor.lock();
    answered(at(&state, &id).map(|at| (200, shape::tag(&state.tags[at]))))
}

async fn rename(Shared(editor): Shared<Editor>, Path(id): Path<String>, bytes: Bytes) -> Response {
    with_body(&bytes, |body| {
        let mut state = editor.lock();
        let now = state.now();
        let at = at(&state, &id)?;
        let name = name(&state, &body)?;
        (state.tags[at].name, state.tags[at].updated) = (name, now);
        Ok((200, shape::tag(&state.tags[at])))
    })
}

async fn delete(Shared(editor): Shared<Editor>, Path(id): Path<String>) -> Response {
    let mut state = editor.lock();
    answered(at(&state, &id).map(|at| {
        let tag = state.tags.remove(at);
        state.workflows.values_mut().for_each(|workflow| workflow.tags.retain(|id| *id != tag.id));
        (200, shape::tag(&tag))
    }))
}
