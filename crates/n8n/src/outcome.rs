//! What came of a write: what n8n holds afterwards, where that departs from what was sent, and why it was refused.

use bytes::Bytes;
use drift_domain::failure::Failure;
use serde_json::{Map, Value};

/// A write that was carried out and read back.
#[derive(Clone)]
pub struct Written {
    /// n8n's id of the workflow.
    pub id: String,
    /// The workflow as n8n answers it now. Nothing else says what was written: an answer of 200 does not.
    pub after: Bytes,
    /// Where that departs from what was sent: what n8n ignored, changed or kept without a word. Empty when it holds
    /// exactly what was sent.
    pub departures: Vec<Departure>,
}

impl std::fmt::Debug for Written {
    /// Leaves the content out: parameters may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Written({}, {} bytes, {:?})", self.id, self.after.len(), self.departures)
    }
}

/// One place where what n8n holds is not what was sent. It names the place and never a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure {
    /// A JSON pointer into the workflow: `/settings/binaryMode`, `/nodes/3/parameters/url`.
    pub at: String,
    /// What became of it.
    pub how: How,
}

/// What n8n made of a part of what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum How {
    /// It is not there: n8n took it and did not keep it, or this version of n8n has no place for it.
    Dropped,
    /// Something else is there.
    Changed,
    /// It was left out of what was sent, and is still there: n8n's API cannot remove it.
    Kept,
    /// A credential's reference was replaced: n8n found the credential by its id or by its unique name. Expected between
    /// instances; the name and id now there are in [`Written::after`].
    CredentialFound,
    /// A credential was named that n8n does not have, or has more than once: the node has none until somebody chooses.
    CredentialMissing,
}

impl std::fmt::Display for Departure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = match self.how {
            How::Dropped => "was not kept",
            How::Changed => "is not what was sent",
            How::Kept => "cannot be removed through n8n's API; remove it in the editor",
            How::CredentialFound => "stands for another credential id",
            How::CredentialMissing => "names a credential that n8n does not have, or has more than once",
        };
        write!(f, "{} {words}", self.at)
    }
}

/// Why a write did not come to a good end.
#[derive(Clone, Debug, thiserror::Error)]
pub enum WriteError {
    /// Nothing reached n8n: nothing was written. To be tried again.
    #[error("{0}")]
    NotSent(Failure),
    /// n8n, or what stands before it, refused.
    #[error("{0}")]
    Refused(Refused),
    /// The request may have been carried out: the answer was lost, late, broken, or a failure of n8n's own. Ask before
    /// doing it again: [`LiveEnvironment::compare`](crate::LiveEnvironment::compare) after a PUT,
    /// [`LiveEnvironment::find_created`](crate::LiveEnvironment::find_created) after a create. A request that is still on
    /// its way may be carried out after that, so what was found missing is looked for once more later.
    #[error("{0} Whether it was carried out is not known.")]
    Unknown(Failure),
    /// n8n answered that it was carried out, and it could not be read back. Ask as for [`WriteError::Unknown`].
    #[error("{0} It was answered as carried out, and could not be read back.")]
    Unread(Failure),
    /// The workflow is not what it was when this was decided: nothing was written.
    #[error("The workflow has changed in n8n since it was looked at, so nothing was written. Look at it again.")]
    Moved,
}

impl WriteError {
    /// Whether n8n may hold something else than before.
    #[must_use]
    pub fn may_have_written(&self) -> bool {
        match self {
            Self::NotSent(_) | Self::Moved => false,
            Self::Refused(refused) => refused.left != Left::Untouched,
            Self::Unknown(_) | Self::Unread(_) => true,
        }
    }

    /// The reason of a refusal.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::Refused(refused) => Some(refused.reason),
            _ => None,
        }
    }

    /// Seconds that the other side asked to wait, where it said.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Refused(refused) => refused.retry_after,
            Self::NotSent(failure) | Self::Unknown(failure) | Self::Unread(failure) => failure.retry_after,
            Self::Moved => None,
        }
    }
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// What kind of refusal.
    pub reason: Reason,
    /// The status.
    pub status: u16,
    /// n8n's own words, shortened; `None` when what refused is not n8n.
    pub words: Option<String>,
    /// What the refusal left behind.
    pub left: Left,
    /// For a person: what happened, to what, what to do.
    pub message: String,
    /// Seconds that it asked to wait, where it said.
    pub retry_after: Option<u64>,
}

/// Why n8n refuses a write, told apart as far as something else is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// There is no such workflow (2.x says so too of one that the key may not touch).
    NotFound,
    /// The workflow is archived: it is brought back from the archive first.
    Archived,
    /// Something else of n8n's stands against it (409): another workflow has the webhook.
    Conflict,
    /// n8n is not done with what came before ("still being unpublished", 409): passes by itself.
    Busy,
    /// What should be made is there already (a tag's name, 409).
    Exists,
    /// n8n does not take the content (400, 413), in its own words.
    Invalid,
    /// n8n's licence does not have it (403).
    Licence,
    /// The key may not do this (403).
    Forbidden,
    /// The key is not accepted (401). 1.x says so too while it shuts down.
    Unauthorized,
    /// Too many requests (429).
    RateLimited,
    /// This version of n8n has no such call (405).
    Unsupported,
}

/// What a refusal left behind. A refused PUT of a workflow in service may have been saved: n8n saves before it publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Left {
    /// Nothing was written.
    Untouched,
    /// What was sent is saved, and what ran before goes on running (2.x).
    SavedNotPublished,
    /// What was sent is saved, and nothing runs any more (1.x).
    SavedAndStopped,
    /// It could not be read back.
    Unknown,
}

/// Whether a workflow is in service, after it was put into service or taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// Whether it is in service.
    pub active: bool,
    /// Whether what runs is what is saved; false while a draft waits.
    pub current: bool,
    /// How many triggers n8n counts. They start a moment after the answer; 0 later on means that nothing starts it, as
    /// after a schedule that n8n cannot read (2.x says nothing about it).
    pub triggers: u64,
}

/// How a workflow that should not be there was put away. It is never deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retired {
    /// It is in the archive, out of service.
    Archived,
    /// It is out of service and still listed: this version of n8n offers no archive.
    Deactivated,
}

/// A credential of the instance, as far as nodes refer to it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct Credential {
    /// n8n's id.
    pub id: String,
    /// Its name, which need not be unique.
    pub name: String,
    /// Its type, as nodes name it: `httpHeaderAuth`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// Where `found` departs from `wanted`. `before` are the settings that were there before the write.
pub(crate) fn departures(
    wanted: &Map<String, Value>,
    found: &Value,
    before: Option<&Map<String, Value>>,
) -> Vec<Departure> {
    let mut all = Vec::new();
    for (key, value) in wanted {
        let at = format!("/{key}");
        match found.get(key) {
            // No description and an empty one are the same; 1.x has no place for any.
            None | Some(Value::Null) if value == "" || value.as_array().is_some_and(Vec::is_empty) => {}
            None => all.push(Departure { at, how: How::Dropped }),
            Some(there) => compare(&at, value, there, &mut all),
        }
    }
    let sent = wanted.get("settings").and_then(Value::as_object);
    let there = found.get("settings").and_then(Value::as_object);
    for (key, value) in there.into_iter().flatten() {
        let left_out = sent.is_none_or(|sent| !sent.contains_key(key));
        let was_there = before.is_some_and(|before| before.contains_key(key));
        if left_out && was_there && crate::draft::none_of(key).as_ref() != Some(value) {
            all.push(Departure { at: pointer("/settings", key), how: How::Kept });
        }
    }
    all
}

fn compare(at: &str, wanted: &Value, found: &Value, all: &mut Vec<Departure>) {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) if is_credential_place(at) => {
            all.extend(credential(wanted, found).map(|how| Departure { at: at.to_owned(), how }));
        }
        // Old exports hold the bare name; n8n makes an object of it where it can.
        (Value::String(name), Value::Object(found)) if is_credential_place(at) => {
            let named = Map::from_iter([("name".to_owned(), Value::from(name.as_str()))]);
            all.extend(credential(&named, found).map(|how| Departure { at: at.to_owned(), how }));
        }
        (Value::Object(wanted), Value::Object(found)) => {
            for (key, value) in wanted {
                let at = pointer(at, key);
                match found.get(key) {
                    Some(there) => compare(&at, value, there, all),
                    None if is_none(&at, key, value) => {}
                    None => all.push(Departure { at, how: How::Dropped }),
                }
            }
        }
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => {
            for (i, (wanted, found)) in wanted.iter().zip(found).enumerate() {
                compare(&format!("{at}/{i}"), wanted, found, all);
            }
        }
        // An empty id is made anew, like a missing one (observed on 2.x).
        (Value::String(id), Value::String(_)) if id.is_empty() && is_id_place(at) => {}
        // Numbers are doubles to n8n: 1.0 comes back as 1.
        (Value::Number(wanted), Value::Number(found)) if wanted.as_f64() == found.as_f64() => {}
        (wanted, found) if wanted == found => {}
        _ => all.push(Departure { at: at.to_owned(), how: How::Changed }),
    }
}

/// Whether a setting that is gone was sent as "not set".
fn is_none(at: &str, key: &str, value: &Value) -> bool {
    at.starts_with("/settings/") && crate::draft::none_of(key).as_ref() == Some(value)
}

/// `/nodes/3/credentials/httpHeaderAuth`
fn is_credential_place(at: &str) -> bool {
    let mut parts = at.split('/').skip(1);
    parts.next() == Some("nodes") && parts.nth(1) == Some("credentials") && parts.count() == 1
}

/// `/nodes/3/id` or `/nodes/3/webhookId`
fn is_id_place(at: &str) -> bool {
    at.starts_with("/nodes/") && at.split('/').count() == 4 && (at.ends_with("/id") || at.ends_with("/webhookId"))
}

fn credential(wanted: &Map<String, Value>, found: &Map<String, Value>) -> Option<How> {
    match found.get("id").and_then(Value::as_str) {
        Some("") | None => Some(How::CredentialMissing),
        Some(id) if wanted.get("id").and_then(Value::as_str) == Some(id) && wanted.get("name") == found.get("name") => {
            None
        }
        Some(_) => Some(How::CredentialFound),
    }
}

fn pointer(at: &str, key: &str) -> String {
    format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(wanted: &Value, found: &Value, before: &Value) -> Vec<String> {
        let all = departures(wanted.as_object().unwrap(), found, before.as_object());
        all.iter().map(|d| format!("{} {:?}", d.at, d.how)).collect()
    }

    #[test]
    fn every_departure_is_named_and_no_addition_is() {
        let wanted = json!({
            "name": "w",
            "nodes": [{ "id": "", "webhookId": "", "parameters": { "a/b": 1.0, "c": [1, 2], "gone": true } }],
            "connections": {},
            "settings": { "binaryMode": "x", "timezone": "DEFAULT", "executionOrder": "v1" },
            "description": "", "nodeGroups": [],
        });
        let there = json!({
            "name": "w", "active": true,
            "nodes": [{ "id": "1", "webhookId": "made", "parameters": { "a/b": 1, "c": [1, 3] } }],
            "connections": {},
            "settings": { "executionOrder": "v1", "saveManualExecutions": true, "availableInMCP": false, "callerPolicy": "any" },
            "description": null,
        });
        let before = json!({ "saveManualExecutions": true, "availableInMCP": true });
        let expected = [
            "/nodes/0/parameters/c/1 Changed",
            "/nodes/0/parameters/gone Dropped",
            "/settings/binaryMode Dropped",
            "/settings/saveManualExecutions Kept",
        ];
        assert_eq!(found(&wanted, &there, &before), expected);
    }

    #[test]
    fn credentials_are_told_apart_from_changes() {
        let with = |credential: Value| json!({ "nodes": [{ "credentials": { "kind": credential } }] });
        let how = |wanted: Value, there: Value| found(&with(wanted), &with(there), &json!({}));
        let place = "/nodes/0/credentials/kind";
        let same = json!({ "id": "1", "name": "a" });
        assert!(how(same.clone(), same.clone()).is_empty());
        assert_eq!(how(json!({ "id": "", "name": "a" }), same.clone()), [format!("{place} CredentialFound")]);
        assert_eq!(how(json!({ "id": "1", "name": "b" }), same), [format!("{place} CredentialFound")]);
        assert_eq!(how(json!("a"), json!({ "id": "1", "name": "a" })), [format!("{place} CredentialFound")]);
        assert_eq!(how(json!("a"), json!({ "id": null, "name": "a" })), [format!("{place} CredentialMissing")]);
        let unknown = json!({ "id": "", "name": "nobody" });
        assert_eq!(how(unknown.clone(), unknown), [format!("{place} CredentialMissing")]);
    }
}
