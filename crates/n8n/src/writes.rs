//! Writing workflows. Nothing here is sent twice: a write whose answer was lost is asked about, never repeated.

use bytes::Bytes;
use drift_domain::failure::{Failure, FailureKind};
use reqwest::Method;
use serde_json::{Map, Value};

use crate::client::{Client, NoAnswer, Reply};
use crate::environment::is_id;
use crate::outcome::{self, Left, Publication, Reason, Refused, Retired, WriteError, Written};
use crate::{Draft, LiveEnvironment as _, Marker, Still, VersionFamily, answer};

/// How often a workflow is looked at until what was answered has taken effect: with the usual waits some eight seconds.
/// Webhooks were seen 0.75 s after the answer.
const LOOKS: u32 = 6;

/// How many of these looks wait for triggers to be counted; a workflow may have none that count.
const LOOKS_FOR_TRIGGERS: u32 = 3;

impl Client {
    /// One write: a success, or why not.
    pub(crate) async fn write(
        &self,
        what: &str,
        method: Method,
        path: &[&str],
        body: Option<&Value>,
    ) -> Result<Reply, WriteError> {
        match self.send(method, path, body).await {
            Ok(reply) if reply.status.is_success() => Ok(reply),
            Ok(reply) => Err(self.refusal(what, &reply)),
            Err(NoAnswer { sent: true, failure }) => Err(WriteError::Unknown(failure)),
            Err(NoAnswer { sent: false, failure }) => Err(WriteError::NotSent(failure)),
        }
    }

    /// Writes a draft, and where n8n refuses it for keys that a node may not have, the draft without them. Reading back
    /// shows them as dropped. This is no repetition: the form of a body is judged before anything is saved (observed).
    async fn write_draft(
        &self,
        what: &str,
        method: Method,
        path: &[&str],
        draft: &Draft,
        body: impl Fn(&Draft) -> Value,
    ) -> Result<Reply, WriteError> {
        let first = self.write(what, method.clone(), path, Some(&body(draft))).await;
        let Err(WriteError::Refused(refused)) = &first else { return first };
        match draft.with_known_node_keys().filter(|_| is_about_node_keys(refused)) {
            Some(known) => self.write(what, method, path, Some(&body(&known))).await,
            None => first,
        }
    }

    pub(crate) async fn family(&self) -> Result<VersionFamily, WriteError> {
        // What cannot be told is new rather than old.
        Ok(self.version_family().await.map_err(WriteError::NotSent)?.unwrap_or(VersionFamily::V2))
    }

    pub(crate) async fn write_over(&self, id: &str, draft: &Draft, still: Still<'_>) -> Result<Written, WriteError> {
        let family = self.family().await?;
        let before = self.get(id).await.map_err(WriteError::NotSent)?.ok_or_else(|| self.no_such(id))?;
        if !still(&before) {
            return Err(WriteError::Moved);
        }
        let before: Value = serde_json::from_slice(&before)
            .map_err(|why| WriteError::NotSent(answer::not_json(&self.host, &before, &why)))?;
        let settings = before.get("settings").and_then(Value::as_object);
        let what = format!("to update workflow {id:?}");
        let body = |draft: &Draft| draft.to_put(family, &before);
        match self.write_draft(&what, Method::PUT, &["workflows", id], draft, body).await {
            Ok(_) => {
                let after = self.after(id).await?;
                Ok(self.read_back(id, draft, after, settings))
            }
            Err(WriteError::Refused(refused)) => Err(WriteError::Refused(self.left_by(id, refused, &before).await)),
            Err(error) => Err(error),
        }
    }

    /// What a refused PUT left behind. n8n saves a workflow in service before it publishes, and says no afterwards: 2.x
    /// goes on running what it ran, 1.x runs nothing any more (observed).
    async fn left_by(&self, id: &str, refused: Refused, before: &Value) -> Refused {
        let in_service = before.get("active") == Some(&Value::Bool(true));
        if !in_service || !matches!(refused.reason, Reason::Invalid | Reason::Conflict | Reason::Busy | Reason::Exists)
        {
            return refused;
        }
        let after = self.get(id).await.ok().flatten().and_then(|after| serde_json::from_slice::<Value>(&after).ok());
        let (left, more) = match after {
            None => (Left::Unknown, " What is saved now could not be read."),
            Some(after) if after.get("updatedAt") == before.get("updatedAt") => (Left::Untouched, ""),
            Some(after) if after.get("active") == Some(&Value::Bool(true)) => {
                (Left::SavedNotPublished, " It is saved as a draft all the same; what ran before goes on running.")
            }
            Some(_) => (Left::SavedAndStopped, " It is saved all the same, and n8n took the workflow out of service."),
        };
        Refused { left, message: refused.message.clone() + more, ..refused }
    }

    /// What n8n holds after a write that it answered as carried out.
    pub(crate) async fn after(&self, id: &str) -> Result<Bytes, WriteError> {
        self.get(id).await.map_err(WriteError::Unread)?.ok_or_else(|| WriteError::Unread(self.gone(id)))
    }

    fn gone(&self, id: &str) -> Failure {
        answer::failure(
            FailureKind::BrokenAnswer,
            format!("n8n at {} has no workflow {id:?} right after it was written.", self.host),
        )
    }

    pub(crate) fn read_back(
        &self,
        id: &str,
        draft: &Draft,
        after: Bytes,
        before: Option<&Map<String, Value>>,
    ) -> Written {
        let found: Value = serde_json::from_slice(&after).unwrap_or_default();
        // Without the settings that were there before, every one that was not sent is one that stayed.
        let there = found.get("settings").and_then(Value::as_object);
        let departures = outcome::departures(draft.wanted(), &found, before.or(there));
        Written { id: id.to_owned(), after, departures }
    }

    pub(crate) async fn write_new(&self, draft: &Draft, marker: &Marker) -> Result<Written, WriteError> {
        let family = self.family().await?;
        let what = format!("to create workflow {:?}", draft.name());
        let body = |draft: &Draft| draft.to_create(family, marker);
        let reply = self.write_draft(&what, Method::POST, &["workflows"], draft, body).await?;
        let id = serde_json::from_slice::<crate::listing::Head<'_>>(&reply.body)
            .map(|head| head.id.into_owned())
            .map_err(|why| WriteError::Unknown(answer::not_json(&self.host, &reply.body, &why)))?;
        let after = self.after(&id).await?;
        Ok(self.read_back(&id, draft, after, Some(&Map::new())))
    }

    /// POST to `/workflows/ID/ACTION`; 1.x has other names for publishing, and says 405 to these.
    async fn act(&self, what: &str, id: &str, action: &str, on_1x: Option<&str>) -> Result<Reply, WriteError> {
        if !is_id(id) {
            return Err(self.no_such(id));
        }
        let first = self.write(what, Method::POST, &["workflows", id, action], None).await;
        match (first, on_1x) {
            (Err(error), Some(other)) if error.reason() == Some(Reason::Unsupported) => {
                self.write(what, Method::POST, &["workflows", id, other], None).await
            }
            (first, _) => first,
        }
    }

    pub(crate) async fn put_into_service(&self, id: &str, active: bool) -> Result<Publication, WriteError> {
        let (what, action, on_1x) = if active {
            ("to publish", "publish", "activate")
        } else {
            ("to take out of service", "unpublish", "deactivate")
        };
        self.act(&format!("{what} workflow {id:?}"), id, action, Some(on_1x)).await?;
        let mut look = 1;
        loop {
            let seen = publication(&self.after(id).await?);
            let done = seen.active == active && (!active || seen.current);
            let counted = !active || seen.triggers > 0 || look >= LOOKS_FOR_TRIGGERS;
            if (done && counted) || look >= LOOKS {
                return Ok(seen);
            }
            tokio::time::sleep(self.backoff(look)).await;
            look += 1;
        }
    }

    pub(crate) async fn put_away(&self, id: &str) -> Result<Retired, WriteError> {
        match self.act(&format!("to archive workflow {id:?}"), id, "archive", None).await {
            Ok(_) => {}
            Err(error) if error.reason() == Some(Reason::Unsupported) => {
                let seen = self.put_into_service(id, false).await?;
                return if seen.active { Err(self.unheeded(id)) } else { Ok(Retired::Deactivated) };
            }
            Err(error) => return Err(error),
        }
        let after: Value = serde_json::from_slice(&self.after(id).await?).unwrap_or_default();
        let archived = after.get("isArchived") == Some(&Value::Bool(true));
        if archived && after.get("active") != Some(&Value::Bool(true)) {
            return Ok(Retired::Archived);
        }
        Err(self.unheeded(id))
    }

    pub(crate) async fn bring_back(&self, id: &str) -> Result<(), WriteError> {
        match self.act(&format!("to bring workflow {id:?} back from the archive"), id, "unarchive", None).await {
            Ok(_) => {}
            // It is not in the archive: that is what was wanted.
            Err(WriteError::Refused(refused)) if refused.words.as_deref() == Some("Workflow is not archived.") => {
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        let after: Value = serde_json::from_slice(&self.after(id).await?).unwrap_or_default();
        if after.get("isArchived") == Some(&Value::Bool(true)) { Err(self.unheeded(id)) } else { Ok(()) }
    }

    /// n8n answered that it was done, and reading back shows that it was not.
    fn unheeded(&self, id: &str) -> WriteError {
        WriteError::Unread(answer::failure(
            FailureKind::BrokenAnswer,
            format!("n8n at {} answered that it was done, and workflow {id:?} is as it was before.", self.host),
        ))
    }
}

/// Whether a node has a key that the API does not know, in the words of 2.x or 1.x.
fn is_about_node_keys(refused: &Refused) -> bool {
    refused.words.as_deref().is_some_and(|words| {
        words.starts_with("request/body/nodes/")
            && (words.contains("Unrecognized key(s)") || words.ends_with("must NOT have additional properties"))
    })
}

fn publication(workflow: &[u8]) -> Publication {
    #[derive(serde::Deserialize, Default)]
    #[serde(rename_all = "camelCase", default)]
    struct State {
        active: bool,
        version_id: Option<String>,
        active_version_id: Option<String>,
        trigger_count: u64,
    }
    let state: State = serde_json::from_slice(workflow).unwrap_or_default();
    let current = state.active && state.active_version_id.is_some() && state.active_version_id == state.version_id;
    Publication { active: state.active, current, triggers: state.trigger_count }
}
