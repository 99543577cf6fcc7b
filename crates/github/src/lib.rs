//! The desired side: the workflow files that Git declares, read from GitHub or GitHub Enterprise Server.
//!
//! [`SourceOfTruth`] is what the services see; [`Github`] is the client behind it. Reading goes ref → commit → folder
//! tree → blobs, and each step is addressed by the SHA that the step before gave. Everything below the ref is
//! immutable, so that a caller keeps trees and blobs for good and an unchanged repository costs one conditional request.
//!
//! [`SourceWriter`] is the other half, for promotions: steps that can each be repeated, and refusals told apart. Writes go out
//! once, one after another; what is unknown afterwards is asked about before it is tried again.
//!
//! # octocrab's traps, and what is done about each
//! | trap | here |
//! |---|---|
//! | its cache is keyed by address alone, sends `If-None-Match` with a POST too, and turns a 404 with an ETag into a success after a 304 | no cache of octocrab's: the caller's SHA is sent as `If-None-Match`, see [`SourceOfTruth::resolve`] |
//! | its default retry re-sends any request up to four times, a POST too, without a pause | `RetryConfig::None`; reads alone are tried again, here, with a pause |
//! | an installation token is left out when the address names a host other than api.github.com | tokens of both kinds are put on the request here, and only for the configured host |
//! | a base address with a path is dropped where the request's path begins with the same letters | every request carries its whole address |
//! | a space in a branch name is an error, `#` cuts the name silently | names are percent-encoded, `/` included |
//! | a redirect after a rename is followed, a POST becoming a GET | no redirect is followed; a rename is a failure that names the new name |
//! | with a base of `…/api/v3` it asks for GraphQL below that | an Enterprise Server is asked at `/api/graphql` |
//! | its tree entries cannot say `sha: null`, and its `merge_async` hides the number of a merge that runs already | bodies are written and read here |
//! | the next page's address is followed to whatever host it names | only its path and query are used |
//! | no `Accept` header | each request says what it accepts |
//! | a token with a line break panics while the client is built | checked first, refused by name |
//! | it logs every failure as an error of its own (feature `tracing`), and two TLS providers come with its default client | the feature is off; `reqwest` carries the requests, with its own provider and our resolver |
//! | each concurrent request fetches its own installation token, and its expiry is read from the machine's clock | one token per client, fetched once, its age told by the given clock |

mod act;
mod address;
mod auth;
mod bulk;
mod client;
mod failure;
mod path;
mod refusal;
mod sha;
mod source;
mod tree;
pub mod webhook;
mod wire;
mod write;
mod writer;

pub use client::Github;
pub use path::is_workflow_file;
pub use refusal::{Limit, Need, Refusal};
pub use source::{
    CommitInfo, Credentials, Folder, Probe, Resolved, Settings, Skipped, SourceOfTruth, Timeouts, TreeFile,
};
pub use wire::MAX_BLOB_BYTES;
pub use write::gates::{DeploymentGates, WaitingRun};
pub use writer::{
    BranchGone, BranchMade, Check, CheckState, Comparison, Identity, MergeMethod, MergeOrder, Merging, NewCommit,
    NewPull, NewStatus, Pull, PullState, ReadAndWrite, Rules, SourceWriter, Standing, StatusState, TreeChange,
    TreeContent,
};
