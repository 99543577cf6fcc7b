//! Many contents in few requests: GraphQL gives the texts of many blobs at once, so that a first look at a thousand files
//! does not cost a thousand requests.
//!
//! GraphQL is a short cut and never a source of doubt: a text counts only if its bytes have the SHA that was asked for.
//! Everything else (binary, truncated, missing, refused, an Enterprise Server without GraphQL) is read by REST, one by one.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use drift_domain::failure::{Failure, FailureKind};
use futures::{StreamExt, stream};
use serde::Deserialize;
use serde_json::json;

use crate::act::{Act, Graph};
use crate::client::Github;
use crate::path::is_sha;
use crate::refusal::{Limit, Refusal};
use crate::sha;

/// From so many missing blobs on, GraphQL is asked first. Below, single reads are as quick and cost as little.
const WORTH_IT: usize = 10;

/// Blobs per question: fifty workflows stay well below GitHub's ten seconds and this client's largest answer.
const BATCH: usize = 50;

/// Questions under way at once. Each is dear to GitHub, whose advice is to ask one after another.
const AT_ONCE: usize = 2;

#[derive(Deserialize)]
struct Found {
    repository: Option<HashMap<String, Option<Blob>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Blob {
    oid: Option<String>,
    text: Option<String>,
    #[serde(default)]
    is_truncated: bool,
}

/// The contents that GraphQL gave and whose SHAs prove them. What is absent is read by REST.
///
/// # Errors
/// Only what REST would fail with as well: a limit that has to be waited out, a token that is not accepted.
pub(crate) async fn texts(github: &Github, shas: &[String]) -> Result<HashMap<String, Bytes>, Failure> {
    let mut wanted: Vec<&str> = shas.iter().map(String::as_str).filter(|sha| is_sha(sha)).collect();
    wanted.sort_unstable();
    wanted.dedup();
    if wanted.len() < WORTH_IT || github.reads_singly.load(Ordering::Relaxed) {
        return Ok(HashMap::new());
    }
    let mut all = HashMap::new();
    let batches: Vec<Vec<String>> =
        wanted.chunks(BATCH).map(|batch| batch.iter().map(|sha| (*sha).to_owned()).collect()).collect();
    let mut answers = stream::iter(batches).map(|batch| async move { ask(github, &batch).await }).buffered(AT_ONCE);
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(texts) => all.extend(texts),
            // GraphQL's own hour is used up; that of single reads may not be.
            Err(Refusal::RateLimited { limit: Limit::Primary, .. }) => break,
            Err(Refusal::RateLimited { message, retry_after, .. }) => {
                let mut failure = crate::failure::failed(FailureKind::RateLimited, message);
                failure.retry_after = Some(retry_after);
                return Err(failure);
            }
            Err(Refusal::Failed(failure)) if failure.kind == FailureKind::Unauthorized => return Err(failure),
            // A server without GraphQL, or a token that may not use it: not asked again by this client.
            Err(Refusal::NotFound { .. } | Refusal::Permission { .. }) => {
                github.reads_singly.store(true, Ordering::Relaxed);
                break;
            }
            Err(refusal) => {
                tracing::debug!(refusal = refusal.word(), "blobs are read one by one");
                break;
            }
        }
    }
    Ok(all)
}

async fn ask(github: &Github, batch: &[String]) -> Result<HashMap<String, Bytes>, Refusal> {
    let subject = &github.wire.subject;
    let act = Act::new(format!("read {} files of {}", batch.len(), subject.repository), "Contents: read");
    let (owner, name) = subject.repository.split_once('/').unwrap_or_default();
    let graph: Graph<Found> =
        github.wire.graphql(&act, &question(batch), &json!({ "owner": owner, "name": name })).await?;
    let found = graph.data.and_then(|data| data.repository).unwrap_or_default();
    let proven = |blob: Blob| {
        let (oid, text) = (blob.oid?, blob.text.filter(|_| !blob.is_truncated)?);
        (batch.contains(&oid) && sha::is_blob(&oid, text.as_bytes())).then(|| (oid, Bytes::from(text)))
    };
    Ok(found.into_values().flatten().filter_map(proven).collect())
}

/// One field for each blob. The SHAs are hexadecimal, so that none can leave its place in the text.
fn question(batch: &[String]) -> String {
    let mut fields = String::new();
    for (number, sha) in batch.iter().enumerate() {
        let _ = write!(fields, " b{number}: object(oid: \"{sha}\") {{ ...Text }}");
    }
    format!(
        "query Blobs($owner: String!, $name: String!) {{ repository(owner: $owner, name: $name, followRenames: false) \
         {{{fields} }} }} fragment Text on Blob {{ oid text isTruncated }}"
    )
}
