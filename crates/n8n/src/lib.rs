//! The live side: what runs in an n8n instance, read through its public API.
//!
//! The trait [`LiveEnvironment`] is what the rest of the house knows; [`Client`] is the one that calls a server. Facts
//! about n8n that are relied on here were observed on 2.41.1 and 1.123.81; the contract tests (`tests/contract.rs`) hold
//! them against a real server when one is named, and against the stand-in of `drift-sim` always.
//!
//! | module | |
//! |---|---|
//! | [`settings`] | base URL, key and limits of a client; the base URL is checked here |
//! | `resolver` | resolves a name and keeps the addresses that may be called, at the moment of connecting |
//! | `answer` | tells one failure from another by what a server answered |
//! | `client` | one request with its retries, and the calls made of it |
//! | `listing` | pages put together into a listing that is proven whole |
//! | `probe` | *Test connection* |

mod answer;
mod client;
mod listing;
mod probe;
mod resolver;
pub mod settings;

use async_trait::async_trait;
use bytes::Bytes;
use drift_domain::failure::Failure;

pub use client::Client;
pub use settings::Settings;

/// One n8n instance, as far as the product looks at it.
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
