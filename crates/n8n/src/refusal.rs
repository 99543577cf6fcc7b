//! Tells one refusal of a write from another, by status and by n8n's own words (observed on both versions).

use reqwest::StatusCode;

use crate::answer::{self, said};
use crate::client::{Client, Reply};
use crate::outcome::{Left, Reason, Refused, WriteError};

impl Client {
    /// What an answer that is no success means for a write. `what` says what was tried, as in "to update workflow x".
    pub(crate) fn refusal(&self, what: &str, reply: &Reply) -> WriteError {
        let told = self.quotable(reply);
        let words = said(told);
        let failure = || answer::refused(&self.host, reply.status, &reply.headers, told, &self.settings.base_url);
        let reason = match (reply.status, words.as_deref()) {
            // n8n fails like this while its database closes, whatever it had done by then (observed on 1.x).
            (StatusCode::BAD_REQUEST, Some(words)) if words.starts_with("SQLITE_") => {
                return WriteError::Unknown(failure());
            }
            (status, _) if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
                return WriteError::Unknown(failure());
            }
            (status, words) => match reason(status, words) {
                Some(reason) => reason,
                None => return WriteError::NotSent(failure()),
            },
        };
        let advice = advice(reason);
        let quoted = words.as_deref().map(|words| format!(": {words:?}")).unwrap_or_default();
        WriteError::Refused(Refused {
            reason,
            status: reply.status.as_u16(),
            left: Left::Untouched,
            message: format!("n8n at {} refused {what} ({}){quoted}. {advice}", self.host, reply.status.as_u16()),
            words,
            retry_after: failure().retry_after,
        })
    }

    /// There is no such workflow.
    pub(crate) fn no_such(&self, id: &str) -> WriteError {
        WriteError::Refused(Refused {
            reason: Reason::NotFound,
            status: 404,
            words: None,
            left: Left::Untouched,
            message: format!("n8n at {} has no workflow {id:?} (any more). {}", self.host, advice(Reason::NotFound)),
            retry_after: None,
        })
    }
}

/// `None` for what is not an answer of the API at all.
fn reason(status: StatusCode, words: Option<&str>) -> Option<Reason> {
    let says = |part: &str| words.is_some_and(|words| words.contains(part));
    Some(match status.as_u16() {
        400 if says("archived workflow") => Reason::Archived,
        400 | 413 | 422 => Reason::Invalid,
        401 => Reason::Unauthorized,
        403 if says("license") => Reason::Licence,
        403 => Reason::Forbidden,
        404 if words.is_some() => Reason::NotFound,
        405 if words.is_some() => Reason::Unsupported,
        409 if says("still being") => Reason::Busy,
        409 if says("already exists") => Reason::Exists,
        409 => Reason::Conflict,
        429 => Reason::RateLimited,
        _ => return None,
    })
}

fn advice(reason: Reason) -> &'static str {
    match reason {
        Reason::NotFound => "It was deleted, or the key may not touch it. Check again.",
        Reason::Archived => "Bring it back from the archive first.",
        Reason::Conflict => {
            "Something else in n8n stands against it, for example another workflow that has the same webhook. Look at it in \
             the editor."
        }
        Reason::Busy => "It is not done with what came before; try again in a moment.",
        Reason::Exists => "There is one already.",
        Reason::Invalid => "Put the workflow right in Git, or do it by hand in the editor.",
        Reason::Licence => "n8n's licence does not include it.",
        Reason::Forbidden => {
            "Give the key the scopes workflow:create, workflow:update, workflow:activate, workflow:deactivate, \
             workflow:delete (n8n archives with it), workflowTags:update, tag:list, tag:create and credential:list."
        }
        Reason::Unauthorized => "Make a new key in n8n under Settings, n8n API, and enter it here.",
        Reason::RateLimited => "This is tried again later.",
        Reason::Unsupported => "This version of n8n does not offer it.",
    }
}
