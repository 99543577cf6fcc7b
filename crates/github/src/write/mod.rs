//! [`SourceWriter`] on GitHub: each step asks before it repeats, and tells GitHub's refusals apart.

pub(crate) mod gates;
mod git;
mod merge;
mod pulls;
mod standing;

use async_trait::async_trait;
use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::act::Act;
use crate::client::Github;
use crate::failure::CONTENTS_READ;
use crate::path::encode;
use crate::refusal::Refusal;
use crate::wire::{Answer, JSON};
use crate::writer::{
    BranchGone, BranchMade, Comparison, MergeOrder, Merging, NewCommit, NewPull, NewStatus, Pull, SourceWriter,
    Standing, TreeChange,
};

#[async_trait]
impl SourceWriter for Github {
    async fn branch(&self, branch: &str) -> Result<Option<String>, Refusal> {
        git::branch(self, branch).await
    }

    async fn tree_of(&self, commit: &str) -> Result<String, Refusal> {
        Ok(crate::tree::root_tree(self, commit).await?)
    }

    async fn create_blob(&self, content: &[u8]) -> Result<String, Refusal> {
        git::create_blob(self, content).await
    }

    async fn create_tree(&self, base_tree: &str, changes: &[TreeChange]) -> Result<String, Refusal> {
        git::create_tree(self, base_tree, changes).await
    }

    async fn create_commit(&self, commit: &NewCommit) -> Result<String, Refusal> {
        git::create_commit(self, commit).await
    }

    async fn create_branch(&self, branch: &str, commit: &str) -> Result<BranchMade, Refusal> {
        git::create_branch(self, branch, commit).await
    }

    async fn move_branch(&self, branch: &str, from: &str, to: &str) -> Result<(), Refusal> {
        git::move_branch(self, branch, from, to).await
    }

    async fn delete_branch(&self, branch: &str, expected: &str) -> Result<BranchGone, Refusal> {
        git::delete_branch(self, branch, expected).await
    }

    async fn open_pull(&self, new: &NewPull) -> Result<Pull, Refusal> {
        pulls::open(self, new).await
    }

    async fn pull(&self, number: u64) -> Result<Pull, Refusal> {
        pulls::read(self, number).await
    }

    async fn close_pull(&self, number: u64) -> Result<Pull, Refusal> {
        pulls::close(self, number).await
    }

    async fn standing(&self, number: u64) -> Result<Standing, Refusal> {
        standing::standing(self, number).await
    }

    async fn merge(&self, order: &MergeOrder) -> Result<Merging, Refusal> {
        merge::merge(self, order).await
    }

    async fn follow(&self, order: &MergeOrder, merging: &Merging) -> Result<Merging, Refusal> {
        merge::follow(self, order, merging).await
    }

    async fn compare(&self, base: &str, head: &str) -> Result<Comparison, Refusal> {
        compare(self, base, head).await
    }

    async fn set_status(&self, commit: &str, status: &NewStatus) -> Result<(), Refusal> {
        pulls::set_status(self, commit, status).await
    }
}

impl Github {
    /// Reads something that must be there; 404 and 422 say that `what` is not.
    async fn read<T: DeserializeOwned>(
        &self,
        path: &str,
        permission: &str,
        what: impl FnOnce() -> String,
    ) -> Result<T, Refusal> {
        let path = format!("{}{path}", self.repository);
        let answer = self.wire.get_with(&path, JSON, None, permission).await?;
        match answer.status {
            StatusCode::OK => Ok(self.wire.json(&answer)?),
            StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY => Err(self.missing(&answer, what()).await.into()),
            StatusCode::CONFLICT => Err(self.wire.subject.empty_repository().into()),
            _ => Err(self.wire.subject.unexpected(&answer).into()),
        }
    }

    /// Every page of a list. The next page's address is taken without its host: the token goes to the configured one.
    async fn pages(&self, path: &str, permission: &str) -> Result<Pages, Refusal> {
        let mut pages = Pages(Vec::new());
        let mut next = Some(format!("{}{path}", self.repository));
        while let Some(path) = next {
            let answer = self.wire.get_with(&path, JSON, None, permission).await?;
            if answer.status != StatusCode::OK {
                return match pages.0.is_empty() {
                    true => Ok(Pages(vec![answer])),
                    false => Err(self.wire.subject.unexpected(&answer).into()),
                };
            }
            next = next_page(&answer, &self.wire.base);
            pages.0.push(answer);
            if pages.0.len() > MOST_PAGES {
                return Err(self.wire.subject.broken("a list without an end").into());
            }
        }
        Ok(pages)
    }

    fn act(&self, what: impl std::fmt::Display, permission: &'static str) -> Act {
        Act::new(format!("{what} in {}", self.wire.subject.repository), permission)
    }
}

/// Ten thousand entries at a hundred each: more than any pull request has checks or reviews.
const MOST_PAGES: usize = 100;

/// The answers of a list, page by page; a refused first page is the only one.
struct Pages(Vec<Answer>);

impl Pages {
    fn status(&self) -> StatusCode {
        self.0.first().map_or(StatusCode::OK, |answer| answer.status)
    }

    fn lists<T: DeserializeOwned>(&self, github: &Github) -> Result<Vec<T>, Refusal> {
        let mut all = Vec::new();
        for answer in &self.0 {
            all.extend(github.wire.json::<Vec<T>>(answer)?);
        }
        Ok(all)
    }
}

/// The path (from the base address) that the `Link` header names as the next page.
fn next_page(answer: &Answer, base: &str) -> Option<String> {
    let links = answer.headers.get(http::header::LINK)?.to_str().ok()?;
    let next = links.split(',').find(|link| link.contains("rel=\"next\""))?;
    let address = next.split_once('<')?.1.split_once('>')?.0;
    let url = url::Url::parse(address).ok()?;
    let prefix = url::Url::parse(base).ok()?;
    let path = url.path().strip_prefix(prefix.path().trim_end_matches('/'))?;
    Some(format!("{path}?{}", url.query().unwrap_or_default()))
}

#[derive(Deserialize)]
struct Compared {
    ahead_by: u64,
    behind_by: u64,
    merge_base_commit: Named,
}

#[derive(Deserialize)]
struct Named {
    sha: String,
}

async fn compare(github: &Github, base: &str, head: &str) -> Result<Comparison, Refusal> {
    let (from, to) = (github.reference(base)?, github.reference(head)?);
    // One commit on the page: the counts are what is asked for.
    let path = format!("/compare/{}...{}?per_page=1", encode(plain(from)), encode(plain(to)));
    let repository = &github.wire.subject.repository;
    let what = || {
        format!(
            "{repository} cannot compare \"{base}\" with \"{head}\": one of them is not there, or they share no history. Push it, or choose another"
        )
    };
    let compared: Compared = github.read(&path, CONTENTS_READ, what).await?;
    let Compared { ahead_by, behind_by, merge_base_commit } = compared;
    Ok(Comparison { ahead_by, behind_by, merge_base: merge_base_commit.sha })
}

/// This listing takes plain branches and tags, not `heads/…`.
fn plain(name: &str) -> &str {
    name.strip_prefix("heads/").or_else(|| name.strip_prefix("tags/")).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, HeaderValue};

    #[test]
    fn the_next_page_is_asked_for_at_the_configured_host() {
        let link = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("link", HeaderValue::from_static(value));
            Answer { status: StatusCode::OK, headers, body: bytes::Bytes::new() }
        };
        let two = link(
            "<https://evil.example/api/v3/repos/a/b/x?page=1>; rel=\"prev\", <https://evil.example/api/v3/repos/a/b/x?page=3&per_page=2>; rel=\"next\"",
        );
        let next = next_page(&two, "https://ghe.example.com/api/v3");
        assert_eq!(next.as_deref(), Some("/repos/a/b/x?page=3&per_page=2"));
        let plain = link("<https://api.github.com/repositories/1/x?page=2>; rel=\"next\"");
        assert_eq!(next_page(&plain, "https://api.github.com").as_deref(), Some("/repositories/1/x?page=2"));
        assert_eq!(next_page(&link("<https://api.github.com/x?page=1>; rel=\"prev\""), "https://api.github.com"), None);
    }
}
