//! The order of middleware: what a request passes on its way in, from the outside.
//!
//! | | | why here |
//! |---|---|---|
//! | 1 | request id | everything below names it; a new one each time, since a client's own could be anything |
//! | 2 | client address | the log and the sign-in limits need it |
//! | 3 | trace | one span a request: method and path, never the query, a header or a body |
//! | 4 | headers | on every answer, refusals and panics included |
//! | 5 | catch-panic | a fault in one request is one 500 |
//! | 6 | compression | not for event streams, which its predicate leaves alone |
//! | 7 | time limit | until an answer begins; an event stream goes on after that |
//! | 8 | body limit | before anything reads |
//! | 9 | same origin | before anything that takes the session's cookie |
//! | 10 | session | in the handlers: the API's `SignedIn`, the screens' own |

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{from_fn, from_fn_with_state, map_request};
use axum::response::{IntoResponse, Response};
use drift_api::Problem;
use http::StatusCode;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::trace::TraceLayer;
use tracing::Span;

use crate::address::{Network, client_address};
use crate::headers::{self, Headers};

/// How long a request may take until its answer begins: longer than testing a connection to two silent servers.
const TIME_LIMIT: Duration = Duration::from_secs(90);
/// The largest body of all, GitHub's deliveries; their route has its own limit below this.
const LARGEST_BODY: usize = 6 * 1024 * 1024;
/// The largest body of everything else: a form or a JSON document that a person filled in.
const USUAL_BODY: usize = 1024 * 1024;

/// Wraps the routes of the product.
pub(crate) fn with_middleware(routes: Router, headers: Headers, trusted_proxies: Arc<[Network]>) -> Router {
    // From the inside out: each layer wraps what stands above it.
    routes
        .layer(from_fn(drift_api::origin::same_origin))
        .layer(DefaultBodyLimit::max(USUAL_BODY))
        .layer(RequestBodyLimitLayer::new(LARGEST_BODY))
        .layer(from_fn(time_limit))
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(headers, headers::set))
        .layer(TraceLayer::new_for_http().make_span_with(span).on_request(()).on_response(answered).on_failure(()))
        .layer(from_fn_with_state(trusted_proxies, client_address))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .layer(map_request(without_request_id))
}

async fn without_request_id(mut request: Request) -> Request {
    request.headers_mut().remove("x-request-id");
    request
}

fn span(request: &Request) -> Span {
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok());
    let client = request.extensions().get::<std::net::IpAddr>().map(tracing::field::display);
    tracing::info_span!(
        "request",
        http.method = %request.method(),
        http.path = request.uri().path(),
        request.id = id,
        client.address = client,
    )
}

fn answered(response: &Response, took: Duration, _: &Span) {
    let (status, milliseconds) = (response.status().as_u16(), took.as_millis());
    if response.status().is_server_error() {
        tracing::warn!(http.status = status, milliseconds, "answered");
    } else {
        tracing::debug!(http.status = status, milliseconds, "answered");
    }
}

fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = text.unwrap_or("without a message"), "a request panicked");
    let detail =
        "WorkflowOps failed in a way that its makers did not foresee. Nothing more is known here; its log says more.";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "A fault of WorkflowOps", detail).into_response()
}

async fn time_limit(request: Request, next: axum::middleware::Next) -> Response {
    tokio::time::timeout(TIME_LIMIT, next.run(request)).await.unwrap_or_else(|_| {
        let detail = format!("This took longer than {} s and was given up. Try again.", TIME_LIMIT.as_secs());
        Problem::new(StatusCode::GATEWAY_TIMEOUT, "timeout", "It took too long", detail).into_response()
    })
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::{get, post};
    use http::header::{CONTENT_ENCODING, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
    use tower::ServiceExt;

    use super::*;

    async fn answer(request: http::Request<Body>) -> Response {
        let routes = Router::new()
            .route(
                "/panic",
                get(|| async {
                    if true {
                        panic!("a fault")
                    }
                }),
            )
            .route("/long", get(|| async { "long ".repeat(1000) }))
            .route("/stream", get(|| async { ([(CONTENT_TYPE, "text/event-stream")], "data: x\n\n".repeat(1000)) }))
            .route("/echo", post(|body: String| async { body }));
        let headers = Headers { https: false, hashed_files: true };
        with_middleware(routes, headers, Arc::from([])).oneshot(request).await.unwrap()
    }

    fn get_it(path: &str) -> http::request::Builder {
        http::Request::get(path).header("accept-encoding", "br").header("x-request-id", "mine\tand more")
    }

    #[tokio::test]
    async fn a_panic_is_one_500_that_says_nothing_about_the_inside_and_is_protected_like_any_answer() {
        let response = answer(get_it("/panic").body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
        let id = response.headers()["x-request-id"].to_str().unwrap();
        assert!(!id.contains("mine") && id.len() == 36, "{id}");
    }

    #[tokio::test]
    async fn answers_are_compressed_and_event_streams_are_not() {
        let long = answer(get_it("/long").body(Body::empty()).unwrap()).await;
        assert_eq!(long.headers()[CONTENT_ENCODING], "br");
        let stream = answer(get_it("/stream").body(Body::empty()).unwrap()).await;
        assert!(!stream.headers().contains_key(CONTENT_ENCODING));
    }

    #[tokio::test]
    async fn a_body_beyond_the_limit_is_refused() {
        let post = |size: usize| http::Request::post("/echo").body(Body::from(vec![b'x'; size])).unwrap();
        assert_eq!(answer(post(1000)).await.status(), StatusCode::OK);
        assert_eq!(answer(post(USUAL_BODY + 1)).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(answer(post(LARGEST_BODY + 1)).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[tokio::test]
    async fn another_site_cannot_post() {
        let request = http::Request::post("/echo").header("sec-fetch-site", "cross-site").body(Body::empty()).unwrap();
        assert_eq!(answer(request).await.status(), StatusCode::FORBIDDEN);
    }
}
