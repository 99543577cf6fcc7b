//! What every request goes through first: is the server up, is the key good, does this version know the call.

use axum::extract::{Request, State as Shared};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::MethodRouter;
use http::Method;

use super::reply::{html, not_allowed, page, refuse};
use super::state::{Refusal, State};
use super::{Editor, Mode, N8nVersion, Scope};

/// A route that answers every other method 405, in n8n's words.
pub(super) fn closed(route: MethodRouter<Editor>) -> MethodRouter<Editor> {
    route.fallback(|method: Method| async move { not_allowed(&method) })
}

/// A route that 1.x does not have: it answers 405 there.
pub(super) fn only_on_2x(editor: &Editor, route: MethodRouter<Editor>) -> MethodRouter<Editor> {
    route.layer(middleware::from_fn_with_state(editor.clone(), only_v2))
}

async fn only_v2(Shared(editor): Shared<Editor>, request: Request, next: Next) -> Response {
    if editor.version() == N8nVersion::V1 {
        return not_allowed(request.method());
    }
    next.run(request).await
}

/// Answers for a server that has not started yet.
pub(super) async fn starting(Shared(editor): Shared<Editor>, request: Request, next: Next) -> Response {
    let mode = next_mode(&mut editor.lock());
    match mode {
        Mode::StartingText => html(200, "n8n is starting up. Please wait".to_owned()),
        Mode::StartingNoRoutes => html(404, page(&format!("Cannot {} {}", request.method(), request.uri().path()))),
        Mode::Ready | Mode::ShuttingDown | Mode::Starting { .. } => next.run(request).await,
    }
}

/// The mode that this request meets: a start is counted down.
fn next_mode(state: &mut State) -> Mode {
    match &mut state.mode {
        Mode::Starting { text, .. } if *text > 0 => {
            *text -= 1;
            Mode::StartingText
        }
        Mode::Starting { no_routes, .. } if *no_routes > 0 => {
            *no_routes -= 1;
            Mode::StartingNoRoutes
        }
        Mode::Starting { .. } => {
            state.mode = Mode::Ready;
            Mode::Ready
        }
        mode => *mode,
    }
}

/// The key, and what it may do. Afterwards time has passed: see `State::pass`.
pub(super) async fn guard(Shared(editor): Shared<Editor>, request: Request, next: Next) -> Response {
    let given = request.headers().get("x-n8n-api-key").map(|v| v.to_str().unwrap_or_default().to_owned());
    let refusal = refusal(&editor.lock(), &request, given.as_deref());
    let response = match refusal {
        Some(refusal) => refuse(&refusal),
        None => next.run(request).await,
    };
    editor.lock().pass();
    response
}

fn refusal(state: &State, request: &Request, given: Option<&str>) -> Option<Refusal> {
    let scope = match *request.method() {
        Method::GET if request.uri().path().ends_with("/workflows") => Scope::List,
        Method::GET => Scope::Read,
        _ => Scope::Write,
    };
    // 1.x knows no key any more while it shuts down (observed).
    let forgetful = state.mode == Mode::ShuttingDown && state.version == N8nVersion::V1;
    if given != Some(&state.api_key) || forgetful {
        let words = match (state.version, given) {
            (N8nVersion::V1, None) => "'X-N8N-API-KEY' header required",
            (N8nVersion::V1, Some(_)) => "unauthorized",
            (N8nVersion::V2, _) => "Unauthorized",
        };
        return Some(Refusal::new(401, words));
    }
    (!state.scopes.contains(&scope)).then(|| Refusal::new(403, "Forbidden"))
}
