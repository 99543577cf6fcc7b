//! The desired side: the workflow files that Git declares, read from GitHub or GitHub Enterprise Server.
//!
//! [`SourceOfTruth`] is what the services see; [`Github`] is the client behind it. Reading goes ref → commit → folder
//! tree → blobs, and each step is addressed by the SHA that the step before gave. Everything below the ref is
//! immutable, so that a caller keeps trees and blobs for good and an unchanged repository costs one conditional request.
//!
//! # octocrab's traps, and what is done about each
//! | trap | here |
//! |---|---|
//! | its cache is keyed by address alone, and turns a 404 with an ETag into a success after a 304 | no cache of octocrab's: the caller's SHA is sent as `If-None-Match`, see [`SourceOfTruth::resolve`] |
//! | its default retry re-sends any request up to four times, a POST too, without a pause | `RetryConfig::None`; reads alone are tried again, here, with a pause |
//! | an installation token is left out when the address names a host other than api.github.com | tokens of both kinds are put on the request here, and only for the configured host |
//! | a base address with a path is dropped where the request's path begins with the same letters | every request carries its whole address |
//! | a space in a branch name is an error, `#` cuts the name silently | names are percent-encoded, `/` included |
//! | a redirect after a rename is followed, a POST becoming a GET | no redirect is followed; a rename is a failure that names the new name |
//! | no `Accept` header | each request says what it accepts |
//! | a token with a line break panics while the client is built | checked first, refused by name |
//! | it logs every failure as an error of its own (feature `tracing`), and two TLS providers come with its default client | the feature is off; `reqwest` carries the requests, with its own provider and our resolver |
//! | each concurrent request fetches its own installation token, and its expiry is read from the machine's clock | one token per client, fetched once, its age told by the given clock |

mod address;
mod auth;
mod client;
mod failure;
mod path;
mod sha;
mod source;
mod tree;
mod wire;

pub use client::Github;
pub use path::is_workflow_file;
pub use source::{
    CommitInfo, Credentials, Folder, Probe, Resolved, Settings, Skipped, SourceOfTruth, Timeouts, TreeFile,
};
pub use wire::MAX_BLOB_BYTES;
