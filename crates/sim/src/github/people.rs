//! What people do to a repository, for tests and the demo to do in their place.

use std::sync::Arc;

use bytes::Bytes;

use super::events::Moved;
use super::git::Change;
use super::{Error, Hub, Repository};

/// A repository of the stand-in, to act on as its people do. A push is delivered to the hooks before a method returns.
#[derive(Clone)]
pub struct Repo {
    pub(crate) hub: Arc<Hub>,
    pub(crate) id: u64,
}

impl Repo {
    pub(crate) fn repository(&self) -> Result<Repository, Error> {
        self.hub.by_id(self.id).ok_or(Error::NoRepository)
    }

    /// `owner/name`, as it is called now.
    ///
    /// # Errors
    /// The repository was deleted.
    pub fn full_name(&self) -> Result<String, Error> {
        Ok(self.repository()?.full_name())
    }

    /// GitHub's number for it.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Adds a commit to a branch, which is made if it is new; `None` removes a file or folder. Tells the commit's SHA.
    /// `author` is a name, or `Name <address>`. The time is the stand-in's clock's.
    ///
    /// # Errors
    /// What git failed with, for example a path that it does not take.
    pub async fn commit(
        &self,
        branch: &str,
        author: &str,
        message: &str,
        files: &[(&str, Option<&[u8]>)],
    ) -> Result<String, Error> {
        let change = |content: &Option<&[u8]>| content.map_or(Change::Remove, |bytes| Change::Write(bytes.to_vec()));
        let changes: Vec<_> = files.iter().map(|(path, content)| (*path, change(content))).collect();
        self.commit_changes(branch, author, message, &changes).await
    }

    /// As [`commit`](Self::commit), with symbolic links and submodules too.
    ///
    /// # Errors
    /// As there.
    pub async fn commit_changes(
        &self,
        branch: &str,
        author: &str,
        message: &str,
        changes: &[(&str, Change)],
    ) -> Result<String, Error> {
        let repository = self.repository()?;
        let (name, email) = person(author);
        let sha;
        let before;
        {
            let _alone = repository.writing.lock().await;
            before = repository.git.head(branch).await?;
            let now = self.hub.clock.now();
            sha = repository.git.commit(branch, (&name, &email), now, message, changes).await?;
        }
        self.hub.pushed(&repository, Moved::new(branch, before, Some(sha.clone())), (&name, &email)).await?;
        Ok(sha)
    }

    /// Makes a branch at a commit or reference.
    ///
    /// # Errors
    /// There is nothing of that name, or git does not take the branch's.
    pub async fn create_branch(&self, branch: &str, from: &str) -> Result<String, Error> {
        self.point(branch, from, false).await
    }

    /// Points a branch elsewhere, whatever is lost: a forced push.
    ///
    /// # Errors
    /// As [`create_branch`](Self::create_branch).
    pub async fn force_push(&self, branch: &str, to: &str) -> Result<String, Error> {
        self.point(branch, to, true).await
    }

    async fn point(&self, branch: &str, to: &str, forced: bool) -> Result<String, Error> {
        let repository = self.repository()?;
        let to = repository.git.commit_sha(to).await?.ok_or_else(|| Error::NoReference(to.to_owned()))?;
        let before = repository.git.head(branch).await?;
        repository.git.set(&format!("refs/heads/{branch}"), &to).await?;
        let (name, email) = person("Pat Pusher");
        let moved = Moved::new(branch, before, Some(to.clone())).forced(forced);
        self.hub.pushed(&repository, moved, (&name, &email)).await?;
        Ok(to)
    }

    /// Removes a branch.
    ///
    /// # Errors
    /// What git failed with.
    pub async fn delete_branch(&self, branch: &str) -> Result<(), Error> {
        let repository = self.repository()?;
        let before = repository.git.head(branch).await?;
        repository.git.remove(&format!("refs/heads/{branch}")).await?;
        let (name, email) = person("Pat Pusher");
        self.hub.pushed(&repository, Moved::new(branch, before, None), (&name, &email)).await
    }

    /// Makes or moves a tag.
    ///
    /// # Errors
    /// As [`create_branch`](Self::create_branch).
    pub async fn tag(&self, tag: &str, at: &str) -> Result<(), Error> {
        let repository = self.repository()?;
        let at = repository.git.commit_sha(at).await?.ok_or_else(|| Error::NoReference(at.to_owned()))?;
        repository.git.set(&format!("refs/tags/{tag}"), &at).await
    }

    /// The commit that a branch, tag or SHA stands for.
    ///
    /// # Errors
    /// What git failed with.
    pub async fn resolve(&self, reference: &str) -> Result<Option<String>, Error> {
        self.repository()?.git.commit_sha(reference).await
    }

    /// The content of a file.
    ///
    /// # Errors
    /// There is nothing of that reference.
    pub async fn read(&self, reference: &str, path: &str) -> Result<Option<Bytes>, Error> {
        let repository = self.repository()?;
        let commit = repository.git.commit_sha(reference).await?;
        repository.git.file(&commit.ok_or_else(|| Error::NoReference(reference.to_owned()))?, path).await
    }

    /// The paths of all files.
    ///
    /// # Errors
    /// There is nothing of that reference.
    pub async fn files(&self, reference: &str) -> Result<Vec<String>, Error> {
        let repository = self.repository()?;
        let tree = repository.git.tree_sha(reference).await?;
        let tree = tree.ok_or_else(|| Error::NoReference(reference.to_owned()))?;
        let entries = repository.git.tree(&tree, true).await?;
        Ok(entries.into_iter().filter(|entry| entry.kind == "blob").map(|entry| entry.path).collect())
    }

    /// Gives it another name, `owner/name`. The old one answers with redirects from then on.
    ///
    /// # Errors
    /// The name is taken or is none.
    pub fn rename(&self, full_name: &str) -> Result<(), Error> {
        self.hub.rename(self.id, full_name)
    }

    /// Removes it.
    ///
    /// # Errors
    /// The list of repositories cannot be written.
    pub fn delete(&self) -> Result<(), Error> {
        self.hub.delete(self.id)
    }
}

/// The name and address of `Name <address>`; an address is made up for a name alone.
pub(crate) fn person(author: &str) -> (String, String) {
    match author.split_once('<') {
        Some((name, email)) => (name.trim().to_owned(), email.trim_end_matches('>').trim().to_owned()),
        None => (author.trim().to_owned(), format!("{}@example.com", super::answers::login(author))),
    }
}
