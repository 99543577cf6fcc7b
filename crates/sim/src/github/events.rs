//! What GitHub tells others: pushes and what follows from them, pull requests, reviews, checks, the merge queue.

use serde_json::{Value, json};

use super::answers::{self, Site, login};
use super::shapes::{self, account};
use super::state::{CheckRun, MergedBy, Pull, Review, Status};
use super::webhooks::{Push, ZEROS};
use super::{Error, Flaw, Hub, Repository};

/// A branch that moved.
pub(crate) struct Moved<'m> {
    branch: &'m str,
    before: Option<String>,
    after: Option<String>,
    forced: bool,
}

impl<'m> Moved<'m> {
    pub(crate) fn new(branch: &'m str, before: Option<String>, after: Option<String>) -> Self {
        Self { branch, before, after, forced: false }
    }

    pub(crate) fn forced(self, forced: bool) -> Self {
        Self { forced, ..self }
    }
}

impl Hub {
    pub(crate) fn site(&self) -> Site {
        Site { api: self.base(), web: self.base() }
    }

    /// Delivers an event to every hook, as each hook delivers, and checks it against GitHub's description first.
    pub(crate) async fn tell(&self, event: &str, payload: &Value) {
        self.check_webhook(event, payload);
        for hook in self.hooks() {
            hook.emit(self.delivery_id(), event, payload, !self.has(Flaw::UnsignedWebhook)).await;
        }
    }

    /// What follows from a branch that moved: the webhook, and what becomes of the pull requests.
    pub(crate) async fn pushed(
        &self,
        of: &Repository,
        moved: Moved<'_>,
        (name, email): (&str, &str),
    ) -> Result<(), Error> {
        let Moved { branch, before, after, forced } = moved;
        let or_zeros = |sha: &Option<String>| sha.clone().unwrap_or_else(|| ZEROS.to_owned());
        let reference = format!("refs/heads/{branch}");
        if !self.hooks().is_empty() {
            let (before, after) = (or_zeros(&before), or_zeros(&after));
            let push = Push { repository: of, reference, before, after, forced, pusher: (name, email) };
            self.tell("push", &push.payload(self).await?).await;
        }
        let open: Vec<Pull> = of.social().pulls.values().filter(|pull| pull.open).cloned().collect();
        for pull in open {
            if pull.head == branch {
                self.head_moved(of, pull, before.as_deref(), after.as_deref(), &login(name)).await?;
            } else if let (true, Some(after)) = (pull.base == branch, after.as_deref()) {
                self.base_moved(of, pull, after, &login(name)).await?;
            }
        }
        Ok(())
    }

    async fn head_moved(
        &self,
        of: &Repository,
        pull: Pull,
        before: Option<&str>,
        after: Option<&str>,
        by: &str,
    ) -> Result<(), Error> {
        if pull.queued.is_some() {
            self.dequeue(of, pull.clone(), "BRANCH_UPDATED").await?;
        }
        let now = self.clock.now();
        let mut pull = Pull { queued: None, updated_at: now, ..pull };
        let (action, more) = match after {
            Some(after) => {
                after.clone_into(&mut pull.head_sha);
                ("synchronize", json!({ "before": before.unwrap_or(ZEROS), "after": after }))
            }
            None => {
                (pull.open, pull.closed_at) = (false, Some(now));
                ("closed", json!({}))
            }
        };
        let pull = of.keep(pull)?;
        let event = pull_request(self, of, &pull, action, by, more).await?;
        self.tell("pull_request", &event).await;
        Ok(())
    }

    /// A base that contains the head now has merged it, by whatever way it came.
    async fn base_moved(&self, of: &Repository, pull: Pull, after: &str, by: &str) -> Result<(), Error> {
        if !of.git.is_ancestor(&pull.head_sha, after).await? {
            return Ok(());
        }
        let now = self.clock.now();
        let merged = Some(MergedBy { commit: after.to_owned(), at: now, by: by.to_owned() });
        let pull = Pull { open: false, merged, closed_at: Some(now), updated_at: now, queued: None, ..pull };
        let pull = of.keep(pull)?;
        let event = pull_request(self, of, &pull, "closed", by, json!({})).await?;
        self.tell("pull_request", &event).await;
        Ok(())
    }
}

pub(crate) fn about(site: &Site, of: &Repository, sender: &str, mut payload: Value, more: Value) -> Value {
    payload["repository"] = shapes::repository(site, of, None);
    payload["sender"] = account(site, sender, "User");
    if let (Some(payload), Value::Object(more)) = (payload.as_object_mut(), more) {
        payload.extend(more);
    }
    payload
}

pub(crate) async fn pull_request(
    hub: &Hub,
    of: &Repository,
    pull: &Pull,
    action: &str,
    by: &str,
    more: Value,
) -> Result<Value, Error> {
    let site = hub.site();
    let (base, head) = (pull.base_sha.as_str(), pull.head_sha.as_str());
    let whole = shapes::Whole {
        mergeable: None,
        mergeable_state: "unknown".to_owned(),
        trial: None,
        commits: of.git.between(base, head).await.map_or(0, |commits| commits.len() as u64),
        changed: of.git.diff_counts(base, head).await.unwrap_or_default(),
    };
    let shape = shapes::pull(&site, of, pull, Some(&whole));
    let payload = json!({ "action": action, "number": pull.number, "pull_request": shape });
    Ok(about(&site, of, by, payload, more))
}

pub(crate) fn review(hub: &Hub, of: &Repository, pull: &Pull, review: &Review) -> Value {
    let site = hub.site();
    let mut shape = shapes::review(&site, of, pull, review);
    // The webhook writes it small.
    shape["state"] = json!(review.state.to_lowercase());
    let payload =
        json!({ "action": "submitted", "review": shape, "pull_request": shapes::pull(&site, of, pull, None) });
    about(&site, of, &review.user, payload, json!({}))
}

pub(crate) fn check_run(hub: &Hub, of: &Repository, run: &CheckRun) -> Value {
    let site = hub.site();
    let mut shape = shapes::check_run(&site, of, run);
    shape["check_suite"] = shapes::check_suite(&site, of, run);
    about(&site, of, "continuous-integration", json!({ "action": "completed", "check_run": shape }), json!({}))
}

pub(crate) async fn status(hub: &Hub, of: &Repository, status: &Status) -> Result<Value, Error> {
    let site = hub.site();
    let commit = of.git.log(&status.sha, None, 0, 1).await?.pop();
    let commit = commit.map(|commit| answers::commit(&site, of, &commit));
    let payload = json!({
        "id": status.id, "sha": status.sha, "name": of.full_name(), "context": status.context, "state": status.state,
        "description": status.description, "target_url": status.target_url, "commit": commit, "branches": [],
        "created_at": shapes::time(status.at), "updated_at": shapes::time(status.at),
    });
    Ok(about(&site, of, &status.creator, payload, json!({})))
}

pub(crate) async fn merge_group(
    hub: &Hub,
    of: &Repository,
    pull: &Pull,
    (base, group): (&str, &str),
    action: &str,
    reason: Option<&str>,
) -> Result<Value, Error> {
    let site = hub.site();
    let commit = of.git.log(group, None, 0, 1).await?.pop();
    let commit = commit.map(|commit| {
        let person = |name: &str, email: &str| json!({ "name": name, "email": email });
        json!({
            "id": commit.sha, "tree_id": commit.tree, "message": commit.message, "timestamp": commit.committer.date,
            "author": person(&commit.author.name, &commit.author.email),
            "committer": person(&commit.committer.name, &commit.committer.email),
        })
    });
    let payload = json!({
        "action": action,
        "merge_group": {
            "head_sha": group, "head_ref": super::merging::group_ref(pull, base), "base_sha": base,
            "base_ref": format!("refs/heads/{}", pull.base), "head_commit": commit,
        },
    });
    let more = reason.map_or(json!({}), |reason| json!({ "reason": reason }));
    Ok(about(&site, of, &pull.user, payload, more))
}
