//! Credentials, as far as a workflow's nodes refer to them. Their secrets are taken and never answered.

use std::collections::BTreeSet;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State as Shared};
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::{Map, Value, json};

use super::door::{closed, only_on_2x};
use super::reply::{Answer, Parameters, answered, paged, with_body};
use super::state::{Credential, Refusal, State, time};
use super::{Editor, Flaw};

/// The routes: 1.x makes and deletes credentials and does not list them.
pub(super) fn routes(editor: &Editor) -> Router<Editor> {
    Router::new()
        .route("/credentials", closed(only_on_2x(editor, get(list)).merge(post(create))))
        .route("/credentials/{id}", closed(axum::routing::delete(delete)))
}

fn shape(credential: &Credential) -> Value {
    json!({
        "id": credential.id, "name": credential.name, "type": credential.kind,
        "createdAt": time(credential.created), "updatedAt": time(credential.created),
    })
}

async fn list(Shared(editor): Shared<Editor>, Query(parameters): Query<Parameters>) -> Response {
    let state = editor.lock();
    let found: Vec<Value> = state.credentials.iter().map(shape).collect();
    answered(paged(state.version, &parameters, &found, false, Value::clone))
}

async fn create(Shared(editor): Shared<Editor>, bytes: Bytes) -> Response {
    with_body(&bytes, |body| {
        let text = |key: &str| {
            let found = body.get(key).and_then(Value::as_str);
            found.ok_or_else(|| Refusal::new(400, format!("request/body must have required property '{key}'")))
        };
        let (name, kind) = (text("name")?.to_owned(), text("type")?.to_owned());
        let mut state = editor.lock();
        state.credential(&name, &kind);
        Ok((200, state.credentials.last().map_or(Value::Null, shape)))
    })
}

async fn delete(Shared(editor): Shared<Editor>, Path(id): Path<String>) -> Response {
    answered(remove(&mut editor.lock(), &id))
}

fn remove(state: &mut State, id: &str) -> Answer {
    let at = state.credentials.iter().position(|credential| credential.id == id).ok_or_else(Refusal::not_found)?;
    Ok((200, shape(&state.credentials.remove(at))))
}

impl State {
    /// Makes a credential, and says its id.
    pub(super) fn credential(&mut self, name: &str, kind: &str) -> String {
        let (id, created) = (self.id(), self.now());
        let (name, kind) = (name.to_owned(), kind.to_owned());
        self.credentials.push(Credential { id: id.clone(), name, kind, created });
        id
    }

    /// What becomes of a node's credentials when it is saved (observed on both versions):
    /// a disabled node's are kept; an id that exists wins, and corrects the name; else a name that only one credential of
    /// the type has, wins; else they are kept. **Without the key `id`, n8n takes the first credential of the type that
    /// there is, whatever its name**: a client must never leave the id out.
    ///
    /// A bare name that nobody has is kept the first time, and becomes an object without an id in every later node of the
    /// same workflow; `looked_up` are those of the nodes before.
    pub(super) fn attach(&self, node: &mut Map<String, Value>, looked_up: &mut BTreeSet<(String, String)>) {
        if node.get("disabled") == Some(&Value::Bool(true)) {
            return;
        }
        let Some(credentials) = node.get_mut("credentials").and_then(Value::as_object_mut) else { return };
        for (kind, given) in credentials {
            if let Some(found) = self.meant(kind, given) {
                *given = json!({ "id": found.id, "name": found.name });
            } else if let Some(name) = given.as_str().map(str::to_owned)
                && !looked_up.insert((kind.clone(), name.clone()))
            {
                *given = json!({ "id": null, "name": name });
            }
        }
    }

    fn meant(&self, kind: &str, given: &Value) -> Option<&Credential> {
        let mut of_kind = self.credentials.iter().filter(|credential| credential.kind == kind);
        let id = given.get("id");
        if let Some(found) = id.and_then(|id| of_kind.clone().find(|credential| *id == *credential.id)) {
            return Some(found);
        }
        let name = given.as_str().or_else(|| given.get("name").and_then(Value::as_str));
        let mut named = of_kind.clone().filter(|credential| Some(credential.name.as_str()) == name);
        match (named.next(), named.next()) {
            (Some(only), None) => Some(only),
            _ if given.is_object() && id.is_none() && self.flaw != Some(Flaw::CredentialsAreKept) => of_kind.next(),
            _ => None,
        }
    }
}

impl Editor {
    /// Makes a credential of this type (`httpHeaderAuth`), and says its id.
    pub fn add_credential(&self, name: &str, kind: &str) -> String {
        self.lock().credential(name, kind)
    }
}
