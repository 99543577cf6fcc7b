//! Tells one failure from another by what a server answered, or by how it failed to.

use std::error::Error;
use std::time::Duration;

use drift_domain::failure::{Failure, FailureKind, Side};
use drift_outbound::{NotResolved, Refused};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use serde::Deserialize;
use url::Url;

pub(crate) fn failure(kind: FailureKind, message: impl Into<String>) -> Failure {
    Failure::new(Side::Live, kind, message)
}

/// What n8n says in the body of every error: `{"message": "…"}`.
#[derive(Deserialize)]
struct Said {
    message: String,
}

/// n8n's own words in an error's body, shortened, or `None` when the body is not n8n's.
pub(crate) fn said(body: &[u8]) -> Option<String> {
    serde_json::from_slice::<Said>(body).ok().map(|said| shorten(&said.message, 200))
}

/// A failure to get an answer at all.
pub(crate) fn no_answer(host: &str, error: reqwest::Error, timeout: Duration) -> Failure {
    let error = error.without_url();
    if let Some(refused) = find::<Refused>(&error) {
        return failure(FailureKind::RefusedAddress, format!("n8n at {host} was not called: {refused}."));
    }
    if error.is_timeout() {
        return failure(
            FailureKind::Timeout,
            format!(
                "n8n at {host} did not answer within {} s. Check that it is not overloaded and that the way to it is \
                 open.",
                timeout.as_secs_f32()
            ),
        );
    }
    if let Some(unresolved) = find::<NotResolved>(&error) {
        return failure(
            FailureKind::Unreachable,
            format!("n8n at {host} cannot be reached: {unresolved}. Check the spelling of the address."),
        );
    }
    let cause = shorten(&root(&error).to_string(), 200);
    failure(
        FailureKind::Unreachable,
        format!("n8n at {host} cannot be reached: {cause}. Check that it is running and that the address is right."),
    )
}

/// An answer whose body broke off.
pub(crate) fn cut(host: &str, error: reqwest::Error, read: usize, timeout: Duration) -> Failure {
    if error.is_timeout() {
        return no_answer(host, error, timeout);
    }
    failure(
        FailureKind::BrokenAnswer,
        format!(
            "The answer of n8n at {host} broke off after {read} bytes. If this goes on, look at what stands between \
             (proxy, size or time limits)."
        ),
    )
}

/// An answer larger than is read.
pub(crate) fn too_large(host: &str, limit: usize) -> Failure {
    failure(
        FailureKind::BrokenAnswer,
        format!(
            "The answer of n8n at {host} is larger than {} MB, which is not read. Look for a workflow with very large \
             pinned data or binary content.",
            limit / (1024 * 1024)
        ),
    )
}

/// A status that is not a success.
pub(crate) fn refused(host: &str, status: StatusCode, headers: &HeaderMap, body: &[u8], base: &Url) -> Failure {
    let own = said(body);
    let words = own.as_deref().map(|message| format!(" ({message:?})")).unwrap_or_default();
    let front = if own.is_none() { " It is not n8n's own answer: look at what stands in front of n8n." } else { "" };
    match status.as_u16() {
        401 => failure(
            FailureKind::Unauthorized,
            format!(
                "n8n at {host} did not accept the API key (401).{front} Make a new key in n8n under Settings, n8n API, and enter it here."
            ),
        ),
        403 => failure(
            FailureKind::Forbidden,
            format!(
                "n8n at {host} knows the API key and does not allow it to do this (403){words}.{front} Give the key the scopes workflow:list and workflow:read."
            ),
        ),
        429 => rate_limited(host, headers),
        500..=599 => failure(
            FailureKind::ServerError,
            format!(
                "n8n at {host} failed on its own ({status}){words}. Look at n8n's log; this is tried again by itself."
            ),
        ),
        300..=399 => redirected(host, status, headers, base),
        404 | 405 | 410 => failure(
            FailureKind::NotN8n,
            format!("There is no n8n public API at {host} ({status}). {}", what_of_404(body)),
        ),
        _ if own.is_some() => failure(
            FailureKind::BrokenAnswer,
            format!(
                "n8n at {host} refused a request that it should know ({status}){words}. Its version may be one that this product does not know."
            ),
        ),
        _ => failure(
            FailureKind::NotN8n,
            format!("What answers at {host} is not the n8n API ({status}). Check the address, its path and port."),
        ),
    }
}

/// n8n answers like this for some seconds before its routes exist (observed), and so do other servers for good.
fn what_of_404(body: &[u8]) -> &'static str {
    if body.windows(10).any(|part| part == b"Cannot GET") {
        "If n8n was started just now, it is not ready yet, and this is tried again by itself; otherwise check the \
         address, its path and port, and that the public API is not switched off."
    } else {
        "Check the address, its path and port, and that the public API is not switched off in n8n."
    }
}

fn rate_limited(host: &str, headers: &HeaderMap) -> Failure {
    let seconds = headers.get(RETRY_AFTER).and_then(|v| v.to_str().ok()).and_then(|v| v.trim().parse::<u64>().ok());
    let when = seconds.map_or_else(|| "It did not say for how long".to_owned(), |s| format!("It asks to wait {s} s"));
    Failure {
        retry_after: seconds,
        ..failure(
            FailureKind::RateLimited,
            format!(
                "n8n at {host}, or a proxy before it, answers that there were too many requests (429). {when}; this is tried again by itself."
            ),
        )
    }
}

/// Redirects are not followed: the key would go wherever the answer points.
fn redirected(host: &str, status: StatusCode, headers: &HeaderMap, base: &Url) -> Failure {
    let target = headers.get(LOCATION).and_then(|v| v.to_str().ok()).and_then(|v| base.join(v).ok());
    let target = target.map_or_else(
        || "somewhere else".to_owned(),
        |url| shorten(&format!("{}{}", url.origin().ascii_serialization(), url.path()), 200),
    );
    failure(
        FailureKind::NotN8n,
        format!(
            "{host} redirects to {target} ({status}), and redirects are not followed with a key in hand. If n8n is there, enter that address."
        ),
    )
}

/// A success whose body is not what the API describes.
pub(crate) fn not_json(host: &str, body: &[u8], why: &serde_json::Error) -> Failure {
    let start = body.trim_ascii_start();
    let looks_like_json = matches!(start.first(), Some(b'{' | b'['));
    if start.first() == Some(&b'<') {
        return failure(
            FailureKind::NotN8n,
            format!(
                "{host} answers with a web page where the n8n API should be. Check the address, and that no sign-in page stands in front of it."
            ),
        );
    }
    if looks_like_json && (why.is_eof() || why.is_syntax()) {
        return failure(
            FailureKind::BrokenAnswer,
            format!(
                "The answer of n8n at {host} is not whole JSON ({why}). If this goes on, look at what stands between (proxy, size limits)."
            ),
        );
    }
    if looks_like_json {
        return failure(
            FailureKind::NotN8n,
            format!("{host} answers JSON that is not a list of workflows. Check that the address is n8n's."),
        );
    }
    // n8n calls this text/html, so only the body tells (observed).
    let text = shorten(&String::from_utf8_lossy(&start[..start.len().min(400)]), 80);
    let what = if text.contains("starting up") {
        format!("n8n at {host} is still starting ({text:?}). This is tried again by itself.")
    } else {
        format!("{host} answers text where the n8n API should be ({text:?}). Check the address, its path and port.")
    };
    failure(FailureKind::NotN8n, what)
}

fn find<T: Error + 'static>(error: &reqwest::Error) -> Option<&T> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

fn root(error: &reqwest::Error) -> &(dyn Error + 'static) {
    let mut last: &(dyn Error + 'static) = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last
}

/// The first `limit` characters, on one line.
fn shorten(text: &str, limit: usize) -> String {
    let mut short: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(limit).collect();
    if text.chars().nth(limit).is_some() {
        short.push('…');
    }
    short
}
