//! The live side: what runs in an n8n instance, read through its public API.
//!
//! The trait [`LiveEnvironment`] is what the rest of the house knows; [`Client`] is the one that calls a server. Facts
//! about n8n that are relied on here were observed on 2.41.1 and 1.123.81; the contract tests (`tests/contract.rs`) hold
//! them against a real server when one is named, and against the stand-in of `drift-sim` always.
//!
//! | module | |
//! |---|---|
//! | [`settings`] | base URL, key and limits of a client; the base URL is checked here |
//! | `answer` | tells one failure from another by what a server answered |
//! | `client` | one request with its retries, and the calls made of it |
//! | `listing` | pages put together into a listing that is proven whole |
//! | `probe` | *Test connection* |
//! | [`draft`] | what is written over a workflow, made safe to send |
//! | `writes`, `catalog` | workflows, tags; each write sent once and read back |
//! | [`outcome`] | what came of a write; `refusal` tells one refusal from another |

mod answer;
mod catalog;
mod client;
pub mod draft;
mod environment;
mod listing;
pub mod outcome;
mod probe;
mod refusal;
pub mod settings;
mod writes;

use async_trait::async_trait;
use bytes::Bytes;
use drift_domain::failure::Failure;

pub use client::Client;
pub use draft::{Draft, Marker};
pub use outcome::{Credential, Departure, How, Left, Publication, Reason, Refused, Retired, WriteError, Written};
pub use settings::Settings;

/// Asks whether a workflow, as n8n answers it just before it is written over, is still what was decided about.
pub type Still<'a> = &'a (dyn Fn(&[u8]) -> bool + Send + Sync);

/// One n8n instance, as far as the product looks at it and changes it.
///
/// Reading is tried again where that may help. Writing never is: each write is sent once, and says whether it was carried
/// out, was not, or may have been ([`WriteError`]). n8n answers 200 to what it ignores, so every write is read back.
#[async_trait]
pub trait LiveEnvironment: Send + Sync {
    /// Every workflow, archived ones too, as it was at one moment during the call; never a partial listing.
    ///
    /// The description and the version counter are missing from what n8n lists: [`LiveEnvironment::get`] has them.
    ///
    /// # Errors
    /// [`FailureKind::PartialListing`](drift_domain::failure::FailureKind::PartialListing) when workflows came and went
    /// during every attempt; otherwise what the server or the way to it did.
    async fn list(&self) -> Result<Listing, Failure>;

    /// One workflow, as n8n answers it, or `None` when there is none with this id (any more).
    ///
    /// # Errors
    /// What the server or the way to it did.
    async fn get(&self, id: &str) -> Result<Option<Bytes>, Failure>;

    /// Looks once at everything that a check needs: is it n8n, does the key work, may it list and read.
    ///
    /// # Errors
    /// The first thing that a check would fail on.
    async fn probe(&self) -> Result<Probe, Failure>;

    /// Which family of versions the server is of, where it can be told.
    ///
    /// # Errors
    /// What the server or the way to it did.
    async fn version(&self) -> Result<Option<VersionFamily>, Failure>;

    /// Writes this over a workflow that exists, and reads it back. A workflow in service is published anew with it, a
    /// draft that was waiting included; on 1.x what is saved is what runs.
    ///
    /// Just before, the workflow is read, and `still` asked whether it is what was decided about: n8n has no way to write
    /// only if nothing has changed (`If-Match` is ignored), so this is the smallest gap there is. Writing the same once
    /// more does no harm but restart its triggers.
    ///
    /// # Errors
    /// [`WriteError::Moved`] when `still` says no; a refusal says in [`Refused::left`] what was saved all the same.
    async fn put(&self, id: &str, draft: &Draft, still: Still<'_>) -> Result<Written, WriteError>;

    /// How a workflow departs from a draft now: whether a [`LiveEnvironment::put`] whose answer was lost was carried out.
    /// `None` when there is no such workflow. What n8n filled in by itself reads as kept here, since what was there before
    /// is not known.
    ///
    /// # Errors
    /// What the server or the way to it did.
    async fn compare(&self, id: &str, draft: &Draft) -> Result<Option<Written>, Failure>;

    /// Creates a workflow, out of service, with an id that n8n makes, and reads it back. A description is not taken by
    /// this call (observed): it shows as dropped, and a [`LiveEnvironment::put`] afterwards writes it on 2.x.
    ///
    /// # Errors
    /// After [`WriteError::Unknown`] or [`WriteError::Unread`] ask [`LiveEnvironment::find_created`] before creating again.
    async fn create(&self, draft: &Draft, marker: &Marker) -> Result<Written, WriteError>;

    /// The workflows that were created with this marker: none, one, or more where somebody created again while the first
    /// request was still on its way. The marker stays in the workflow's static data, which n8n keeps when it is written
    /// over, published and run (observed), and nobody sees in the editor.
    ///
    /// # Errors
    /// As for [`LiveEnvironment::list`].
    async fn find_created(&self, marker: &Marker) -> Result<Vec<String>, Failure>;

    /// Puts a workflow into service as it is saved, or takes it out, and looks until that has taken effect, some seconds at
    /// most. It may be so already. **The answer is what was seen**, which may not be what was asked for.
    ///
    /// # Errors
    /// [`Reason::Invalid`] for what n8n does not publish (no trigger, an unknown node), [`Reason::Conflict`] for a webhook
    /// that another workflow has (1.x calls it invalid).
    async fn set_active(&self, id: &str, active: bool) -> Result<Publication, WriteError>;

    /// Gives a workflow these tags and no others, making those that n8n does not have. Answers the names that it has then,
    /// sorted. To repeat it does no harm.
    ///
    /// # Errors
    /// [`Reason::Invalid`] for a name that n8n does not take (it takes 1 to 24 characters).
    async fn set_tags(&self, id: &str, names: &[String]) -> Result<Vec<String>, WriteError>;

    /// Puts a workflow away: into the archive, which also takes it out of service, or out of service where this version
    /// has no archive. To repeat it does no harm. Nothing here deletes.
    ///
    /// # Errors
    /// [`WriteError::Unread`] too when n8n answered that it was done and it was not.
    async fn retire(&self, id: &str) -> Result<Retired, WriteError>;

    /// Brings a workflow back from the archive, out of service; one that is not archived is left as it is.
    ///
    /// # Errors
    /// [`Reason::Unsupported`] where this version has no archive.
    async fn unarchive(&self, id: &str) -> Result<(), WriteError>;

    /// The credentials that nodes may refer to, without their secrets; `None` where this version does not list them (1.x).
    ///
    /// # Errors
    /// What the server or the way to it did, a key without `credential:list` included.
    async fn credentials(&self) -> Result<Option<Vec<Credential>>, Failure>;
}

/// A whole listing.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Every workflow, in the order that n8n lists them, ids unique.
    pub workflows: Vec<RawWorkflow>,
    /// How many pages the listing had, those of the attempt that succeeded, each counted once.
    pub pages: u32,
    /// How often the listing was taken: 1, or more when workflows came and went meanwhile.
    pub attempts: u32,
}

/// One workflow of a listing.
#[derive(Clone)]
pub struct RawWorkflow {
    /// n8n's id.
    pub id: String,
    /// Whether it is archived; always false where the version knows no archive.
    pub archived: bool,
    /// The exact bytes of this workflow inside its page: a JSON object, not parsed further. It is a slice of the page and
    /// keeps the page's memory alive; copy it to keep one alone for long.
    pub body: Bytes,
}

impl std::fmt::Debug for RawWorkflow {
    /// Leaves the content out: parameters may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "RawWorkflow({}, {} bytes{})",
            self.id,
            self.body.len(),
            if self.archived { ", archived" } else { "" }
        )
    }
}

/// What *Test connection* found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// How many workflows there are, archived ones included.
    pub workflows: u32,
    /// How many of them are archived.
    pub archived: u32,
    /// Which family of versions the server is of, where it can be told.
    pub version: Option<VersionFamily>,
}

/// The families of n8n versions that differ in what they answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VersionFamily {
    /// 1.x: what is saved is what runs.
    V1,
    /// 2.x: a draft is saved, a version is published.
    V2,
}

impl std::fmt::Display for VersionFamily {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::V1 => "n8n 1.x",
            Self::V2 => "n8n 2.x",
        })
    }
}
