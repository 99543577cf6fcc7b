//! Requests that another site makes in a signed-in person's name (cross-site request forgery) are refused.
//!
//! A browser sends the session's cookie along whoever made it send the request, so a request that changes something must
//! show that this product's own pages, or a program, made it. In this order:
//!
//! | the request says | then |
//! |---|---|
//! | `Authorization: Bearer` | it is let through: no other site can make a browser send that, and the cookie counts for nothing beside it |
//! | `Sec-Fetch-Site: same-origin` or `none` | it is let through (every current browser, over https and on localhost) |
//! | any other `Sec-Fetch-Site` | refused |
//! | `Origin` | its host must be the one that the request was sent to |
//! | neither, with a JSON body or by PUT, PATCH or DELETE | let through: a form cannot do that, and a script of another site would be asked for permission first, which nothing here gives |
//! | neither, otherwise | refused when it carries the session's cookie |
//!
//! `SameSite=Lax` on the cookie says the same again. GitHub's deliveries come without all of this and without a cookie;
//! their signature is what counts.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN};
use http::{HeaderMap, Method, StatusCode, Uri};

use crate::auth::{COOKIE, bearer};
use crate::problem::Problem;

/// Middleware for everything that takes the session's cookie.
pub async fn same_origin(request: Request, next: Next) -> Response {
    if is_own(request.method(), request.uri(), request.headers()) {
        return next.run(request).await;
    }
    Problem::new(
        StatusCode::FORBIDDEN,
        "cross-site",
        "The request came from another site",
        "This request was not made by a page of WorkflowOps. Open WorkflowOps and try again there; a program sends JSON, \
         with the header Content-Type: application/json.",
    )
    .into_response()
}

fn is_own(method: &Method, uri: &Uri, headers: &HeaderMap) -> bool {
    if method.is_safe() {
        return true;
    }
    let authorization = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    if authorization.and_then(bearer).is_some() {
        return true;
    }
    let text = |name| headers.get(name).map(|value: &http::HeaderValue| value.to_str().unwrap_or("invalid"));
    if let Some(site) = text("sec-fetch-site".parse().unwrap_or(ORIGIN)) {
        return matches!(site, "same-origin" | "none");
    }
    if let Some(origin) = text(ORIGIN) {
        return sent_to(uri, headers).is_some_and(|host| host_of(origin).is_some_and(|o| o.eq_ignore_ascii_case(host)));
    }
    let json = text(CONTENT_TYPE).is_some_and(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/json")
    });
    let needs_permission = matches!(*method, Method::PUT | Method::PATCH | Method::DELETE);
    json || needs_permission || CookieJar::from_headers(headers).get(COOKIE).is_none()
}

/// The host, with its port, that the request was sent to.
fn sent_to<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    host.or_else(|| uri.authority().map(http::uri::Authority::as_str))
}

/// The host, with its port, of an `Origin`.
fn host_of(origin: &str) -> Option<&str> {
    origin.split_once("://").map(|(_, host)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(method: Method, headers: &[(&str, &str)]) -> bool {
        let mut map = HeaderMap::new();
        map.insert(HOST, "drift.example.com".parse().unwrap());
        map.insert("cookie", format!("{COOKIE}=abc").parse().unwrap());
        for (name, value) in headers {
            map.insert(http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        is_own(&method, &Uri::from_static("/anything"), &map)
    }

    #[test]
    fn what_another_site_makes_a_browser_send_is_refused() {
        for headers in [
            &[("sec-fetch-site", "cross-site")][..],
            &[("sec-fetch-site", "same-site"), ("origin", "https://other.example.com")],
            &[("sec-fetch-site", "cross-site"), ("content-type", "application/json")],
            &[("origin", "https://evil.example.com")],
            &[("origin", "null")],
            &[("origin", "https://drift.example.com.evil.example")],
            &[("origin", "https://drift.example.com:8443")],
            &[("content-type", "application/x-www-form-urlencoded")],
            &[("content-type", "text/plain;application/json")],
            &[("sec-fetch-site", "cross-site"), ("authorization", "Basic YTpi")],
            &[],
        ] {
            assert!(!own(Method::POST, headers), "{headers:?}");
        }
    }

    #[test]
    fn own_pages_and_programs_are_let_through() {
        for headers in [
            &[("sec-fetch-site", "same-origin"), ("content-type", "application/x-www-form-urlencoded")][..],
            &[("sec-fetch-site", "none")],
            &[("origin", "https://drift.example.com"), ("content-type", "multipart/form-data")],
            &[("origin", "https://DRIFT.example.com")],
            &[("content-type", "application/json; charset=utf-8")],
            &[("authorization", "Bearer wfo_abc"), ("content-type", "application/x-www-form-urlencoded")],
        ] {
            assert!(own(Method::POST, headers), "{headers:?}");
        }
        assert!(own(Method::DELETE, &[]), "a program signs out without a body");
        assert!(own(Method::GET, &[("sec-fetch-site", "cross-site")]), "a link from elsewhere only reads");
    }

    #[test]
    fn without_a_cookie_there_is_nothing_to_forge() {
        let mut headers = HeaderMap::new();
        headers.insert("x-hub-signature-256", "sha256=00".parse().unwrap());
        assert!(is_own(&Method::POST, &Uri::from_static("/webhooks/github/x"), &headers));
    }
}
