//! The trait on the client: each call in its own module.

use async_trait::async_trait;
use bytes::Bytes;
use drift_domain::failure::{Failure, FailureKind};
use reqwest::StatusCode;

use crate::client::{Ask, Client};
use crate::outcome::{Credential, Publication, Retired, WriteError, Written};
use crate::{Draft, Listing, LiveEnvironment, Marker, Probe, Still, VersionFamily, answer};

#[async_trait]
impl LiveEnvironment for Client {
    async fn list(&self) -> Result<Listing, Failure> {
        self.take_listing().await
    }

    async fn get(&self, id: &str) -> Result<Option<Bytes>, Failure> {
        if !is_id(id) {
            return Ok(None);
        }
        let reply = self.ask(Ask { path: &["workflows", id], also: &[404], ..Ask::default() }).await?;
        if reply.status == StatusCode::NOT_FOUND {
            // n8n says so in JSON; any other 404 comes from something that is not n8n.
            return match answer::said(&reply.body) {
                Some(_) => Ok(None),
                None => {
                    Err(answer::refused(&self.host, reply.status, &reply.headers, &reply.body, &self.settings.base_url))
                }
            };
        }
        match serde_json::from_slice::<crate::listing::Head<'_>>(&reply.body) {
            Ok(head) if head.id == id => Ok(Some(reply.body)),
            Ok(_) => Err(answer::failure(
                FailureKind::BrokenAnswer,
                format!("n8n at {} answered with another workflow than {id:?}.", self.host),
            )),
            Err(why) => Err(answer::not_json(&self.host, &reply.body, &why)),
        }
    }

    async fn probe(&self) -> Result<Probe, Failure> {
        self.look().await
    }

    async fn version(&self) -> Result<Option<VersionFamily>, Failure> {
        self.version_family().await
    }

    async fn put(&self, id: &str, draft: &Draft, still: Still<'_>) -> Result<Written, WriteError> {
        self.write_over(id, draft, still).await
    }

    async fn compare(&self, id: &str, draft: &Draft) -> Result<Option<Written>, Failure> {
        Ok(self.get(id).await?.map(|after| self.read_back(id, draft, after, None)))
    }

    async fn create(&self, draft: &Draft, marker: &Marker) -> Result<Written, WriteError> {
        self.write_new(draft, marker).await
    }

    async fn find_created(&self, marker: &Marker) -> Result<Vec<String>, Failure> {
        let listing = self.take_listing().await?;
        Ok(listing.workflows.into_iter().filter(|w| marker.is_on(&w.body)).map(|w| w.id).collect())
    }

    async fn set_active(&self, id: &str, active: bool) -> Result<Publication, WriteError> {
        self.put_into_service(id, active).await
    }

    async fn set_tags(&self, id: &str, names: &[String]) -> Result<Vec<String>, WriteError> {
        self.write_tags(id, names).await
    }

    async fn retire(&self, id: &str) -> Result<Retired, WriteError> {
        self.put_away(id).await
    }

    async fn unarchive(&self, id: &str) -> Result<(), WriteError> {
        self.bring_back(id).await
    }

    async fn credentials(&self) -> Result<Option<Vec<Credential>>, Failure> {
        self.list_credentials().await
    }
}

/// Whether this can be the id of a workflow: `.` and `..` would be taken for steps in the path even when escaped, and an
/// empty one for the list.
pub(crate) fn is_id(id: &str) -> bool {
    !matches!(id, "" | "." | "..")
}
