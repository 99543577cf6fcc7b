//! Headers that every answer carries, unless its handler set them itself.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, SET_COOKIE, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Nothing from elsewhere, no inline script, in nobody's frame. Pages with an inline script set their own policy, with a
/// nonce for it.
const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' data:; object-src 'none'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const ALWAYS: [(HeaderName, &str); 6] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];

/// What the headers depend on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Headers {
    /// People reach the product over https.
    pub(crate) https: bool,
    /// The names of the pages' files carry a hash of their content.
    pub(crate) hashed_files: bool,
}

/// Middleware.
pub(crate) async fn set(State(settings): State<Headers>, request: Request, next: Next) -> Response {
    let is_file = request.uri().path().starts_with("/pkg/");
    let mut response = next.run(request).await;
    let is_found = response.status().is_success();
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    let caching = if is_file && is_found && settings.hashed_files {
        "public, max-age=31536000, immutable"
    } else if is_file && is_found {
        "no-cache"
    } else {
        // What a page shows is for one person and for now.
        "no-store"
    };
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static(caching));
    if settings.https {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
        secure_cookies(headers);
    }
    response
}

/// Marks the cookies that this answer sets as being for https alone.
fn secure_cookies(headers: &mut HeaderMap) {
    if !headers.contains_key(SET_COOKIE) {
        return;
    }
    let cookies: Vec<_> = headers.get_all(SET_COOKIE).iter().cloned().collect();
    headers.remove(SET_COOKIE);
    for cookie in cookies {
        headers.append(SET_COOKIE, secured(&cookie).unwrap_or(cookie));
    }
}

fn secured(cookie: &HeaderValue) -> Option<HeaderValue> {
    let text = cookie.to_str().ok()?;
    let is_secure = text.split(';').skip(1).any(|attribute| attribute.trim().eq_ignore_ascii_case("secure"));
    if is_secure { None } else { HeaderValue::from_str(&format!("{text}; Secure")).ok() }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    async fn answer(path: &str, settings: Headers) -> HeaderMap {
        let cookie = || async { ([(SET_COOKIE, "workflowops_session=abc; HttpOnly")], "ok") };
        let own = || async { ([(CONTENT_SECURITY_POLICY, "script-src 'nonce-1'")], "ok") };
        let app = Router::new()
            .route("/", get(cookie))
            .route("/page", get(own))
            .route("/pkg/app.js", get(|| async { "ok" }))
            .layer(axum::middleware::from_fn_with_state(settings, set));
        app.oneshot(http::Request::get(path).body(Body::empty()).unwrap()).await.unwrap().headers().clone()
    }

    #[tokio::test]
    async fn every_answer_is_protected_and_a_page_may_bring_its_own_policy() {
        let plain = Headers { https: false, hashed_files: true };
        let headers = answer("/", plain).await;
        assert!(headers[CONTENT_SECURITY_POLICY].to_str().unwrap().contains("frame-ancestors 'none'"));
        assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(headers[CACHE_CONTROL], "no-store");
        assert_eq!(headers[SET_COOKIE], "workflowops_session=abc; HttpOnly");
        assert!(!headers.contains_key(STRICT_TRANSPORT_SECURITY));
        assert_eq!(answer("/page", plain).await[CONTENT_SECURITY_POLICY], "script-src 'nonce-1'");
    }

    #[tokio::test]
    async fn over_https_cookies_are_sent_over_https_alone() {
        let headers = answer("/", Headers { https: true, hashed_files: true }).await;
        assert_eq!(headers[SET_COOKIE], "workflowops_session=abc; HttpOnly; Secure");
        assert!(headers.contains_key(STRICT_TRANSPORT_SECURITY));
    }

    #[tokio::test]
    async fn only_files_that_exist_and_whose_name_carries_a_hash_are_kept_for_good() {
        let hashed = Headers { https: false, hashed_files: true };
        assert!(answer("/pkg/app.js", hashed).await[CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        assert_eq!(answer("/pkg/missing.js", hashed).await[CACHE_CONTROL], "no-store");
        let plain = Headers { https: false, hashed_files: false };
        assert_eq!(answer("/pkg/app.js", plain).await[CACHE_CONTROL], "no-cache");
    }
}
