//! *Test connection*: looks once at everything that a check needs.

use drift_domain::failure::{Failure, FailureKind};

use crate::client::{Ask, Client};
use crate::{LiveEnvironment as _, Probe, VersionFamily, answer};

/// A name that no workflow has, so that the answer to the version's question is short.
const NOBODY: &str = "workflowops asks for the version \u{2e31} no workflow is called this";

impl Client {
    pub(crate) async fn look(&self) -> Result<Probe, Failure> {
        let listing = self.take_listing().await?;
        if let Some(first) = listing.workflows.first() {
            // A key may be allowed to list and not to read. A workflow deleted since is no failure.
            self.get(&first.id).await?;
        }
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Ok(Probe {
            workflows: count(listing.workflows.len()),
            archived: count(listing.workflows.iter().filter(|w| w.archived).count()),
            version: self.version_family().await?,
        })
    }

    /// The public API does not name its version, but a limit over 250 is cut down by 2.x and refused by 1.x (observed).
    pub(crate) async fn version_family(&self) -> Result<Option<VersionFamily>, Failure> {
        let query = [("limit", "251"), ("name", NOBODY)];
        let reply = self.ask(Ask { path: &["workflows"], query: &query, also: &[400], ..Ask::default() }).await;
        match reply {
            Ok(reply) if reply.status.as_u16() == 400 => Ok(answer::said(&reply.body).map(|_| VersionFamily::V1)),
            Ok(_) => Ok(Some(VersionFamily::V2)),
            // The listing has shown that everything needed works; a version that cannot be told is not a failure.
            Err(failure) if failure.kind == FailureKind::BrokenAnswer => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}
