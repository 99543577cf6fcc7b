//! The GraphQL in use, carried out over GitHub's own schema (a slice of it): a question that the schema does not have is
//! refused as GitHub refuses it, and is a violation in a test.

use std::sync::{Arc, OnceLock};

use apollo_compiler::resolvers::{AsyncObjectValue, AsyncResolvedValue, Execution, FieldError, ResolveInfo};
use apollo_compiler::response::{ExecutionResponse, JsonMap, JsonValue};
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answers::Refusal;
use super::asked::{Answered, Asked, parse};
use super::events::Moved;
use super::git::is_sha;
use super::state::Pull;
use super::webhooks::ZEROS;
use super::{Error, Hub, Repository};

/// GitHub truncates texts beyond this many bytes.
const LONGEST_TEXT: usize = 512_000;

fn schema() -> &'static Valid<Schema> {
    static SCHEMA: OnceLock<Valid<Schema>> = OnceLock::new();
    #[expect(clippy::expect_used, reason = "the slice is part of the program; a test parses it")]
    SCHEMA.get_or_init(|| {
        let text = include_str!("../../fixtures/github/schema.graphql");
        Schema::parse_and_validate(text, "schema.graphql").expect("GitHub's schema, sliced")
    })
}

#[derive(Deserialize)]
struct Question {
    query: String,
    #[serde(default)]
    variables: JsonMap,
    #[serde(rename = "operationName")]
    operation: Option<String>,
}

/// The executor's futures stay on one thread, which axum's handlers do not: it gets a thread of its own.
pub(crate) async fn answer(State(hub): State<Arc<Hub>>, asked: Asked, body: Bytes) -> Answered {
    let here = tokio::runtime::Handle::current();
    let answered = tokio::task::spawn_blocking(move || here.block_on(carry_out(&hub, asked, &body))).await;
    answered.unwrap_or_else(|_| Err(Refusal::new(500, "Something went wrong while executing your query.")))
}

async fn carry_out(hub: &Hub, asked: Asked, body: &[u8]) -> Answered {
    if asked.caller.token.is_empty() {
        return Err(Refusal::new(401, "This endpoint requires you to be authenticated."));
    }
    let question: Question = parse(body)?;
    let refused = |message: String| {
        hub.violated(format!("GraphQL: {message}\n  in {}", question.query));
        let errors = json!({ "errors": [{ "type": "undefinedField", "message": message }] });
        Ok((axum::http::StatusCode::OK, Json(errors)).into_response())
    };
    let document = match ExecutableDocument::parse_and_validate(schema(), &question.query, "question.graphql") {
        Ok(document) => document,
        Err(wrong) => return refused(wrong.errors.to_string()),
    };
    let root = Node::Root { mutation: question.query.trim_start().starts_with("mutation") };
    let on = On { asked: &asked, node: root };
    let execution = match Execution::new(schema(), &document).operation_name(question.operation.as_deref()) {
        Ok(execution) => execution.raw_variable_values(&question.variables),
        Err(wrong) => return refused(wrong.message().to_string()),
    };
    match execution.execute_async(&on).await {
        Ok(response) => Ok(shape(&response)),
        Err(wrong) => refused(wrong.message().to_string()),
    }
}

/// The answer with GitHub's `type` on each error, which travels in front of the words until here.
fn shape(response: &ExecutionResponse) -> Response {
    let mut body = serde_json::to_value(response).unwrap_or_default();
    for error in body.get_mut("errors").and_then(Value::as_array_mut).into_iter().flatten() {
        let message = error["message"].as_str().unwrap_or_default();
        // The executor's own words before those of a resolver.
        let message = message.strip_prefix("resolver error: ").unwrap_or(message).to_owned();
        if let Some((kind, words)) = message.split_once('|') {
            error["type"] = json!(kind);
            error["message"] = json!(words);
        }
    }
    Json(body).into_response()
}

/// An error with the `type` that GitHub gives it.
fn error(kind: &str, message: impl std::fmt::Display) -> FieldError {
    FieldError { message: format!("{kind}|{message}") }
}

fn broken(cause: &Error) -> FieldError {
    error("INTERNAL", cause)
}

/// A refusal of the REST API's, as GraphQL words it.
fn refusal(refusal: &Refusal) -> FieldError {
    error("UNPROCESSABLE", refusal.message())
}

enum Node {
    Root {
        mutation: bool,
    },
    Repository(Repository),
    Blob {
        sha: String,
        content: Bytes,
    },
    /// A commit, tree or tag, of which nothing is told but its name.
    Object {
        kind: &'static str,
        sha: String,
    },
    Pull {
        of: Repository,
        pull: Pull,
    },
    Plain {
        kind: &'static str,
        fields: Value,
    },
    Enqueued {
        of: Repository,
        pull: Pull,
    },
}

struct On<'a> {
    asked: &'a Asked,
    node: Node,
}

type Resolved<'a> = Result<AsyncResolvedValue<'a>, FieldError>;

fn leaf<'a>(value: &Value) -> Resolved<'a> {
    let value: JsonValue = serde_json::from_value(value.clone()).map_err(|wrong| error("INTERNAL", wrong))?;
    Ok(AsyncResolvedValue::Leaf(value))
}

fn text<'m>(arguments: &'m JsonMap, name: &str) -> Option<&'m str> {
    arguments.get(name).and_then(JsonValue::as_str)
}

impl AsyncObjectValue for On<'_> {
    fn type_name(&self) -> &str {
        match &self.node {
            Node::Root { mutation: false } => "Query",
            Node::Root { mutation: true } => "Mutation",
            Node::Repository(_) => "Repository",
            Node::Blob { .. } => "Blob",
            Node::Object { kind, .. } | Node::Plain { kind, .. } => kind,
            Node::Pull { .. } => "PullRequest",
            Node::Enqueued { .. } => "EnqueuePullRequestPayload",
        }
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> BoxFuture<'a, Resolved<'a>> {
        Box::pin(async move {
            let arguments = info.arguments();
            match (&self.node, info.field_name()) {
                (Node::Root { .. }, "repository") => self.repository(arguments),
                (Node::Root { .. }, "enqueuePullRequest") => self.enqueue(arguments).await,
                (Node::Root { .. }, "updateRefs") => self.update_refs(arguments).await,
                (Node::Repository(of), "object") => self.object(of, arguments).await,
                (Node::Repository(of), "pullRequest") => self.pull(of, arguments).await,
                (Node::Repository(of), "id") => leaf(&json!(format!("R_{}", of.id))),
                (Node::Blob { sha, content }, field) => blob(sha, content, field),
                (Node::Object { sha, .. }, _) => leaf(&json!(sha)),
                (Node::Pull { of, pull }, "mergeQueueEntry") => Ok(self.entry(of, pull)),
                (Node::Pull { pull, .. }, "isInMergeQueue") => leaf(&json!(pull.queued.is_some())),
                (Node::Pull { pull, .. }, "headRefOid") => leaf(&json!(pull.head_sha)),
                (Node::Pull { pull, .. }, "number") => leaf(&json!(pull.number)),
                (Node::Pull { of, pull }, "id") => leaf(&json!(format!("PR_{}_{}", of.id, pull.number))),
                (Node::Enqueued { of, pull }, "mergeQueueEntry") => Ok(self.entry(of, pull)),
                (Node::Plain { fields, .. }, field) => leaf(&fields[field]),
                (_, "clientMutationId") => leaf(&Value::Null),
                _ => Err(self.unknown_field_error(info)),
            }
        })
    }
}

fn blob<'a>(sha: &str, content: &[u8], field: &str) -> Resolved<'a> {
    let words = std::str::from_utf8(content).ok().filter(|words| !words.contains('\0'));
    let truncated = words.is_some_and(|words| words.len() > LONGEST_TEXT);
    leaf(&match field {
        "isBinary" => json!(words.is_none()),
        "isTruncated" => json!(truncated),
        "byteSize" => json!(content.len()),
        "text" => match words {
            Some(words) if truncated => {
                let end = (0..=LONGEST_TEXT).rev().find(|end| words.is_char_boundary(*end)).unwrap_or(0);
                json!(words[..end])
            }
            words => json!(words),
        },
        _ => json!(sha),
    })
}

impl On<'_> {
    fn on(&self, node: Node) -> AsyncResolvedValue<'_> {
        AsyncResolvedValue::object(On { asked: self.asked, node })
    }

    fn repository(&self, arguments: &JsonMap) -> Resolved<'_> {
        let (owner, name) = (text(arguments, "owner").unwrap_or_default(), text(arguments, "name").unwrap_or_default());
        let follows = arguments.get("followRenames").and_then(JsonValue::as_bool).unwrap_or(true);
        let found = self.asked.hub.find(owner, name).filter(|(_, current)| *current || follows);
        match found.filter(|(repository, _)| self.asked.caller.sees(repository.id)) {
            Some((repository, _)) => Ok(self.on(Node::Repository(repository))),
            None => {
                let words = format!("Could not resolve to a Repository with the name '{owner}/{name}'.");
                Err(error("NOT_FOUND", words))
            }
        }
    }

    async fn object(&self, of: &Repository, arguments: &JsonMap) -> Resolved<'_> {
        if !self.asked.caller.contents {
            return Err(error("FORBIDDEN", "Resource not accessible by personal access token"));
        }
        let git = &of.git;
        let sha = match (text(arguments, "oid"), text(arguments, "expression")) {
            (Some(oid), _) => Some(oid.to_owned()).filter(|oid| is_sha(oid)),
            (None, Some(expression)) => git.verify(expression).await.map_err(|cause| broken(&cause))?,
            (None, None) => None,
        };
        let Some(sha) = sha else { return Ok(AsyncResolvedValue::null()) };
        let kind = match git.kind(&sha).await.map_err(|cause| broken(&cause))?.as_deref() {
            Some("blob") => {
                let content = git.blob(&sha).await.map_err(|cause| broken(&cause))?.unwrap_or_default();
                return Ok(self.on(Node::Blob { sha, content }));
            }
            Some("tree") => "Tree",
            Some("commit") => "Commit",
            Some("tag") => "Tag",
            _ => return Ok(AsyncResolvedValue::null()),
        };
        Ok(self.on(Node::Object { kind, sha }))
    }

    async fn pull(&self, of: &Repository, arguments: &JsonMap) -> Resolved<'_> {
        let number = arguments.get("number").and_then(JsonValue::as_u64).unwrap_or_default();
        let settled = self.asked.hub.settle(of, number).await;
        settled.map_err(|wrong| refusal(&wrong))?;
        match self.asked.hub.fresh(of, number).await {
            Ok(pull) => Ok(self.on(Node::Pull { of: of.clone(), pull })),
            Err(_) => {
                Err(error("NOT_FOUND", format!("Could not resolve to a PullRequest with the number of {number}.")))
            }
        }
    }

    fn entry(&self, of: &Repository, pull: &Pull) -> AsyncResolvedValue<'_> {
        let Some(queued) = &pull.queued else { return AsyncResolvedValue::null() };
        let ahead = |other: &&Pull| other.queued.as_ref().is_some_and(|other| other.at < queued.at);
        let position = of.social().pulls.values().filter(ahead).count() + 1;
        let state = if queued.group.is_some() { "AWAITING_CHECKS" } else { "QUEUED" };
        let fields = json!({ "id": format!("MQE_{}", pull.number), "position": position, "state": state });
        self.on(Node::Plain { kind: "MergeQueueEntry", fields })
    }

    /// The repository of an id that names one or something in one, for a caller who may push to it.
    fn written(&self, id: &str) -> Result<Repository, FieldError> {
        let number = id.split('_').nth(1).and_then(|number| number.parse().ok());
        let repository = number.and_then(|id| self.asked.hub.by_id(id));
        let repository = repository.filter(|repository| self.asked.caller.sees(repository.id));
        let repository = repository
            .ok_or_else(|| error("NOT_FOUND", format!("Could not resolve to a node with the global id of '{id}'")))?;
        if !self.asked.caller.push {
            return Err(error("FORBIDDEN", "Resource not accessible by personal access token"));
        }
        if repository.social().archived {
            return Err(error("UNPROCESSABLE", "Repository was archived so is read-only."));
        }
        Ok(repository)
    }

    async fn enqueue(&self, arguments: &JsonMap) -> Resolved<'_> {
        let input = arguments.get("input").and_then(JsonValue::as_object).cloned().unwrap_or_default();
        let id = text(&input, "pullRequestId").unwrap_or_default().to_owned();
        let of = self.written(&id)?;
        let number = id.split('_').nth(2).and_then(|number| number.parse().ok()).unwrap_or_default();
        let head = text(&input, "expectedHeadOid").map(str::to_owned);
        let queued = self.asked.hub.enqueue(&of, number, head.as_deref()).await;
        queued.map_err(|wrong| refusal(&wrong))?;
        let pull = self.asked.hub.fresh(&of, number).await.map_err(|wrong| refusal(&wrong))?;
        Ok(self.on(Node::Enqueued { of, pull }))
    }

    /// All of the updates or none, each from the commit that it names.
    async fn update_refs(&self, arguments: &JsonMap) -> Resolved<'_> {
        let input = arguments.get("input").and_then(JsonValue::as_object).cloned().unwrap_or_default();
        let of = self.written(text(&input, "repositoryId").unwrap_or_default())?;
        let updates = input.get("refUpdates").and_then(JsonValue::as_array).cloned().unwrap_or_default();
        let mut moves = Vec::new();
        for update in updates.iter().filter_map(JsonValue::as_object) {
            let (name, after) =
                (text(update, "name").unwrap_or_default(), text(update, "afterOid").unwrap_or_default());
            let there = of.git.verify(name).await.map_err(|cause| broken(&cause))?;
            let there = there.unwrap_or_else(|| ZEROS.to_owned());
            if text(update, "beforeOid").is_some_and(|before| before != there) {
                let words = format!("Reference {name} is at {there} and not at the expected commit");
                return Err(error("STALE_DATA", words));
            }
            let branch = name.strip_prefix("refs/heads/").unwrap_or(name).to_owned();
            if of.social().closed_to_pushes(&branch) {
                return Err(error("UNPROCESSABLE", "Repository rule violations found"));
            }
            moves.push((name.to_owned(), branch, there, after.to_owned()));
        }
        for (name, branch, there, after) in moves {
            let moved = of.git.swap(&name, &there, &after).await.map_err(|cause| broken(&cause))?;
            if !moved {
                return Err(error("STALE_DATA", format!("Reference {name} moved")));
            }
            let some = |sha: String| Some(sha).filter(|sha| sha != ZEROS);
            let moved = Moved::new(&branch, some(there), some(after)).forced(true);
            let told = self.asked.hub.pushed(&of, moved, (self.asked.login(), "bot@example.com")).await;
            told.map_err(|cause| broken(&cause))?;
        }
        Ok(self.on(Node::Plain { kind: "UpdateRefsPayload", fields: json!({ "clientMutationId": null }) }))
    }
}
