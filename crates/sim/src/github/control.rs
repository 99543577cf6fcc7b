//! What people and their tools do to pull requests and branches on GitHub's pages, for tests to do in their place.

use super::events;
use super::people::person;
use super::state::{CheckRun, Protection, Review, Ruleset, Status};
use super::{Error, Repo, answers};

impl Repo {
    /// Protects a branch in the classic way, or ends that.
    ///
    /// # Errors
    /// The repository was deleted.
    pub fn protect(&self, branch: &str, protection: Option<Protection>) -> Result<(), Error> {
        self.repository()?.change(|social| match protection {
            Some(protection) => drop(social.protections.insert(branch.to_owned(), protection)),
            None => drop(social.protections.remove(branch)),
        })
    }

    /// Gives a branch a ruleset, or takes it away.
    ///
    /// # Errors
    /// The repository was deleted.
    pub fn set_rules(&self, branch: &str, ruleset: Option<Ruleset>) -> Result<(), Error> {
        self.repository()?.change(|social| match ruleset {
            Some(ruleset) => drop(social.rulesets.insert(branch.to_owned(), ruleset)),
            None => drop(social.rulesets.remove(branch)),
        })
    }

    /// Archives the repository, which makes it read-only, or brings it back.
    ///
    /// # Errors
    /// The repository was deleted.
    pub fn archive(&self, archived: bool) -> Result<(), Error> {
        self.repository()?.change(|social| social.archived = archived)
    }

    /// Whether branches are removed once they are merged.
    ///
    /// # Errors
    /// The repository was deleted.
    pub fn delete_merged_branches(&self, deletes: bool) -> Result<(), Error> {
        self.repository()?.change(|social| social.deletes_merged_branches = deletes)
    }

    /// Somebody approves a pull request at its present head.
    ///
    /// # Errors
    /// There is no such open pull request.
    pub async fn approve(&self, number: u64, reviewer: &str) -> Result<(), Error> {
        self.review(number, reviewer, "APPROVED").await
    }

    /// Somebody asks for changes.
    ///
    /// # Errors
    /// As [`approve`](Self::approve).
    pub async fn request_changes(&self, number: u64, reviewer: &str) -> Result<(), Error> {
        self.review(number, reviewer, "CHANGES_REQUESTED").await
    }

    async fn review(&self, number: u64, reviewer: &str, state: &str) -> Result<(), Error> {
        let repository = self.repository()?;
        let pull = self.hub.fresh(&repository, number).await.map_err(|_| Error::NoPull(number))?;
        if !pull.open {
            return Err(Error::NoPull(number));
        }
        let (at, commit) = (self.hub.clock.now(), pull.head_sha.clone());
        let user = answers::login(reviewer);
        let review = repository.change(|social| {
            let review = Review { id: social.next_id(), user, state: state.to_owned(), commit, at };
            if let Some(pull) = social.pulls.get_mut(&number) {
                pull.reviews.push(review.clone());
            }
            review
        })?;
        let event = events::review(&self.hub, &repository, &pull, &review);
        self.hub.tell("pull_request_review", &event).await;
        Ok(())
    }

    /// Somebody closes a pull request without merging it.
    ///
    /// # Errors
    /// As [`approve`](Self::approve).
    pub async fn close(&self, number: u64) -> Result<(), Error> {
        let repository = self.repository()?;
        let mut pull = self.hub.fresh(&repository, number).await.map_err(|_| Error::NoPull(number))?;
        let now = self.hub.clock.now();
        (pull.open, pull.closed_at, pull.updated_at, pull.queued) = (false, Some(now), now, None);
        let pull = repository.keep(pull)?;
        let event = events::pull_request(&self.hub, &repository, &pull, "closed", "pat-pusher", serde_json::json!({}));
        let event = event.await?;
        self.hub.tell("pull_request", &event).await;
        Ok(())
    }

    /// Marks a pull request as a draft, or as ready.
    ///
    /// # Errors
    /// The repository was deleted.
    pub fn set_draft(&self, number: u64, draft: bool) -> Result<(), Error> {
        self.repository()?.change(|social| {
            if let Some(pull) = social.pulls.get_mut(&number) {
                pull.draft = draft;
            }
        })
    }

    /// A tool reports a check run of a commit: with a conclusion (`success`, `failure`, …) it is over.
    ///
    /// # Errors
    /// The repository was deleted.
    pub async fn report_check(&self, sha: &str, name: &str, conclusion: Option<&str>) -> Result<(), Error> {
        let repository = self.repository()?;
        let at = self.hub.clock.now();
        let run = repository.change(|social| {
            let (id, conclusion) = (social.next_id(), conclusion.map(str::to_owned));
            let run = CheckRun { id, sha: sha.to_owned(), name: name.to_owned(), conclusion, at };
            social.checks.push(run.clone());
            run
        })?;
        if run.conclusion.is_some() {
            self.hub.tell("check_run", &events::check_run(&self.hub, &repository, &run)).await;
        }
        Ok(())
    }

    /// A tool reports a commit status.
    ///
    /// # Errors
    /// The repository was deleted, or has no such commit.
    pub async fn report_status(&self, sha: &str, context: &str, state: &str) -> Result<(), Error> {
        let repository = self.repository()?;
        let at = self.hub.clock.now();
        let creator = answers::login(&person("Continuous Integration").0);
        let status = repository.change(|social| {
            let (id, sha, context) = (social.next_id(), sha.to_owned(), context.to_owned());
            let (description, target_url) = (None, None);
            let status = Status { id, sha, context, state: state.to_owned(), description, target_url, creator, at };
            social.statuses.push(status.clone());
            status
        })?;
        let event = events::status(&self.hub, &repository, &status).await?;
        self.hub.tell("status", &event).await;
        Ok(())
    }

    /// The commit that the merge queue tests for a pull request, once there is one.
    ///
    /// # Errors
    /// The repository was deleted.
    pub fn merge_group(&self, number: u64) -> Result<Option<String>, Error> {
        let repository = self.repository()?;
        let queued = repository.social().pulls.get(&number).and_then(|pull| pull.queued.clone());
        Ok(queued.and_then(|queued| queued.group).map(|(group, _)| group))
    }

    /// The numbers of all pull requests, with whether each is open.
    ///
    /// # Errors
    /// The repository was deleted.
    pub fn pulls(&self) -> Result<Vec<(u64, bool)>, Error> {
        let repository = self.repository()?;
        let pulls = repository.social().pulls.values().map(|pull| (pull.number, pull.open)).collect();
        Ok(pulls)
    }
}
