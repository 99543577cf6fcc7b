//! The pages' files, and the page for everything that is nowhere.

use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tower::ServiceExt;
use tower_http::services::ServeDir;

use super::problem;
use super::visit::{Screens, Visit};

/// Fonts and the icon have no hash in their names, and change as seldom as the product.
const A_DAY: HeaderValue = HeaderValue::from_static("public, max-age=86400");

/// A file of the site, precompressed where the build did that, or the page that says that nothing is here.
pub(super) async fn file_or_not_found(State(screens): State<Screens>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    if matches!(parts.method, Method::GET | Method::HEAD) {
        let is_hashed = parts.uri.path().starts_with("/pkg/");
        let files =
            ServeDir::new(&*screens.options.site_root).append_index_html_on_directories(false).precompressed_br();
        let Ok(found) = files.oneshot(Request::from_parts(parts.clone(), Body::empty())).await;
        if found.status() != StatusCode::NOT_FOUND {
            let mut found = found.map(Body::new);
            if found.status().is_success() && !is_hashed {
                found.headers_mut().insert(header::CACHE_CONTROL, A_DAY);
            }
            return found;
        }
    }
    drop(body);
    match Visit::from_request_parts(&mut parts, &screens).await {
        Ok(visit) => problem::not_found(visit).await.into_response(),
        Err(response) => response,
    }
}
