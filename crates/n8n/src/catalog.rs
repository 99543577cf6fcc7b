//! Tags and credentials: what workflows of an instance refer to.

use std::collections::BTreeSet;

use drift_domain::failure::Failure;
use reqwest::Method;
use reqwest::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::answer;
use crate::client::{Ask, Client};
use crate::environment::is_id;
use crate::outcome::{Credential, Left, Reason, Refused, WriteError};

#[derive(Deserialize)]
struct Tag {
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct Tagged {
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
struct Page<T> {
    data: Vec<T>,
    #[serde(default, rename = "nextCursor")]
    next: Option<String>,
}

/// So many pages of 250 are read at most, so that a cursor that leads in a circle ends.
const PAGES: usize = 400;

impl Client {
    /// Everything that a list has; `None` where this version does not offer it.
    async fn everything<T: DeserializeOwned>(&self, path: &str) -> Result<Option<Vec<T>>, Failure> {
        let (mut all, mut cursor) = (Vec::new(), None::<String>);
        for _ in 0..PAGES {
            let mut query = vec![("limit", "250")];
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let reply = self.ask(Ask { path: &[path], query: &query, also: &[405], ..Ask::default() }).await?;
            if reply.status == StatusCode::METHOD_NOT_ALLOWED {
                return Ok(None);
            }
            let page: Page<T> =
                serde_json::from_slice(&reply.body).map_err(|why| answer::not_json(&self.host, &reply.body, &why))?;
            all.extend(page.data);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        Ok(Some(all))
    }

    pub(crate) async fn list_credentials(&self) -> Result<Option<Vec<Credential>>, Failure> {
        self.everything("credentials").await
    }

    async fn tags(&self) -> Result<Vec<Tag>, WriteError> {
        Ok(self.everything("tags").await.map_err(WriteError::NotSent)?.unwrap_or_default())
    }

    pub(crate) async fn write_tags(&self, id: &str, names: &[String]) -> Result<Vec<String>, WriteError> {
        if !is_id(id) {
            return Err(self.no_such(id));
        }
        let names: BTreeSet<&str> = names.iter().map(|name| name.trim()).collect();
        let mut known = self.tags().await?;
        for name in &names {
            if !known.iter().any(|tag| tag.name == *name) {
                known = self.make_tag(name).await?;
            }
        }
        let ids: Vec<_> = known.iter().filter(|tag| names.contains(tag.name.as_str())).collect();
        let body = ids.iter().map(|tag| json!({ "id": tag.id })).collect();
        let what = format!("to tag workflow {id:?}");
        self.write(&what, Method::PUT, &["workflows", id, "tags"], Some(&body)).await?;
        // What the workflow says itself; the list of its tags would need one more scope.
        let after = self.after(id).await?;
        let Tagged { tags: mut now } = serde_json::from_slice(&after)
            .map_err(|why| WriteError::Unread(answer::not_json(&self.host, &after, &why)))?;
        now.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(now.into_iter().map(|tag| tag.name).collect())
    }

    /// Makes a tag, and lists all of them. n8n says "already exists" of a name that it does not take as well (observed: it
    /// takes 1 to 24 characters), so whether it exists is seen in the list.
    async fn make_tag(&self, name: &str) -> Result<Vec<Tag>, WriteError> {
        let what = format!("to make the tag {name:?}");
        let made = self.write(&what, Method::POST, &["tags"], Some(&json!({ "name": name }))).await;
        match made {
            Err(WriteError::Refused(refused)) if refused.reason == Reason::Exists => {
                let all = self.tags().await?;
                if all.iter().any(|tag| tag.name == name) { Ok(all) } else { Err(not_a_name(refused, name)) }
            }
            Err(error) => Err(error),
            Ok(_) => self.tags().await,
        }
    }
}

fn not_a_name(refused: Refused, name: &str) -> WriteError {
    WriteError::Refused(Refused {
        reason: Reason::Invalid,
        left: Left::Untouched,
        message: format!(
            "n8n takes no tag with the name {name:?}: it takes 1 to 24 characters. Rename the tag in Git."
        ),
        ..refused
    })
}
