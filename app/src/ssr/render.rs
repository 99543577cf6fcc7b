//! From a page to a response.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use leptos::config::LeptosOptions;
use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_axum::ResponseOptions;

use crate::components::layout::{self, Frame, Theme};

/// A page's markup, drawn once and inside the reactive owner that islands need.
pub(crate) type Draw = Box<dyn FnOnce() -> AnyView + Send>;

/// Draws a whole document.
pub(crate) async fn page(options: LeptosOptions, frame: Frame, status: StatusCode, body: Draw) -> Response {
    draw(status, "'none'", move || layout::document(options, frame, body()).into_any()).await
}

/// Draws what is shown inside a frame of one of our own pages.
pub(crate) async fn fragment(
    options: LeptosOptions,
    theme: Theme,
    title: &'static str,
    status: StatusCode,
    body: Draw,
) -> Response {
    let mut response = draw(status, "'self'", move || layout::fragment(options, theme, title, body()).into_any()).await;
    response.headers_mut().insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
    response
}

/// Draws with Leptos, whole before the first byte is sent: a page is complete without a script, and its status is known.
async fn draw(
    status: StatusCode,
    framed_by: &'static str,
    document: impl FnOnce() -> AnyView + Send + 'static,
) -> Response {
    // Leptos asks for a closure that it could call again; it calls it once for a request.
    let document = Arc::new(Mutex::new(Some(document)));
    let draw = leptos_axum::render_app_async_with_context(
        || {},
        move || {
            let headers = use_context::<ResponseOptions>();
            let document = document.lock().unwrap_or_else(PoisonError::into_inner).take();
            let drawn = document.map(|document| document());
            if let Some(headers) = headers {
                headers.insert_header(header::CONTENT_SECURITY_POLICY, security_policy(framed_by));
            }
            drawn
        },
    );
    let mut response = draw(Request::new(Body::empty())).await;
    *response.status_mut() = status;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.into_response()
}

/// Scripts are the ones of this site: the files under `/pkg`, and the one in the page that loads them (by its nonce).
fn security_policy(framed_by: &str) -> HeaderValue {
    let nonce = use_nonce().map(|nonce| format!(" 'nonce-{nonce}'")).unwrap_or_default();
    let policy = format!(
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'{nonce}; style-src 'self'; img-src 'self' data:; \
         object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors {framed_by}"
    );
    // The policy is ASCII: the nonce is URL-safe base64.
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'self'"))
}
