//! Whether a pull request merges, and merging it: at once, in the background, through the queue.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::answers::Refusal;
use super::events::{Moved, pull_request};
use super::git::is_sha;
use super::objects::{MergedTree, Method, Who};
use super::shapes::Whole;
use super::state::{Background, MergedBy, Order, Outcome, Progress, Pull, Queued};
use super::webhooks::ZEROS;
use super::{Error, Flaw, Hub, Repository};

fn method(order: &Order) -> Result<Method, Refusal> {
    match order.merge_method.as_deref().unwrap_or("merge") {
        "merge" => Ok(Method::Merge),
        "squash" => Ok(Method::Squash),
        "rebase" => Ok(Method::Rebase),
        _ => Err(Refusal::invalid("PullRequest", Some("merge_method"), "invalid", None)),
    }
}

fn word(method: Method) -> &'static str {
    match method {
        Method::Merge => "merge",
        Method::Squash => "squash",
        Method::Rebase => "rebase",
    }
}

fn not_mergeable() -> Refusal {
    Refusal::new(405, "Pull Request is not mergeable")
}

impl Hub {
    /// A pull request with its branches as they are now. One whose head is gone is closed.
    pub(crate) async fn fresh(&self, of: &Repository, number: u64) -> Result<Pull, Refusal> {
        let mut pull = of.social().pulls.get(&number).cloned().ok_or_else(Refusal::not_found)?;
        if pull.open {
            let (head, base) = (of.git.head(&pull.head).await?, of.git.head(&pull.base).await?);
            pull.head_sha = head.unwrap_or(pull.head_sha);
            pull.base_sha = base.unwrap_or(pull.base_sha);
            pull = of.keep(pull)?;
        }
        Ok(pull)
    }

    /// What GitHub works out for a pull request that is asked for by itself. Whether it merges is not known at the first
    /// looks after a branch moved: GitHub begins to find out when it is asked.
    pub(crate) async fn whole(&self, of: &Repository, pull: &Pull) -> Result<Whole, Error> {
        let (base, head) = (pull.base_sha.as_str(), pull.head_sha.as_str());
        let commits = of.git.between(base, head).await.map_or(0, |commits| commits.len() as u64);
        let changed = of.git.diff_counts(base, head).await.unwrap_or_default();
        let unknown = |mergeable_state: &str| Whole {
            mergeable: None,
            mergeable_state: mergeable_state.to_owned(),
            trial: None,
            commits,
            changed,
        };
        if !pull.open {
            return Ok(unknown("unknown"));
        }
        let looks = match &pull.looked {
            Some((known_head, known_base, looks)) if known_head == head && known_base == base => *looks,
            _ => 0,
        };
        let (kept_head, kept_base) = (head.to_owned(), base.to_owned());
        of.change(|social| {
            if let Some(pull) = social.pulls.get_mut(&pull.number) {
                pull.looked = Some((kept_head, kept_base, looks + 1));
            }
        })?;
        if looks < self.lag() {
            return Ok(unknown("unknown"));
        }
        let who = Who::at("GitHub", "noreply@github.com", pull.updated_at);
        let trial = of.git.merge(Method::Merge, (base, head), &who, "Merge, to see whether it can be").await?;
        let is_behind = !of.git.is_ancestor(base, head).await?;
        let social = of.social();
        let rules = social.rules(&pull.base);
        let unmet = social.unmet(pull, false, "squash");
        let bad = |name: &str| social.outcome(head, name) != Some(Outcome::Good);
        let unstable = social.statuses_of(head).iter().any(|status| bad(&status.context))
            || social.checks_of(head).iter().any(|run| bad(&run.name));
        let state = match () {
            () if pull.draft => "draft",
            () if trial.is_none() => "dirty",
            () if !unmet.is_empty() => "blocked",
            () if rules.rules.up_to_date && is_behind => "behind",
            () if unstable => "unstable",
            () => "clean",
        };
        Ok(Whole { mergeable: Some(trial.is_some()), mergeable_state: state.to_owned(), trial, ..unknown("") })
    }

    /// Merges a pull request now, or says why not, in GitHub's words. Tells the commit by which the base contains it.
    pub(crate) async fn merge_now(
        &self,
        of: &Repository,
        number: u64,
        order: &Order,
        by: &str,
    ) -> Result<String, Refusal> {
        let writing = of.writing.lock().await;
        let pull = self.fresh(of, number).await?;
        let method = method(order)?;
        if !pull.open || pull.draft {
            return Err(if pull.draft { Refusal::new(405, "Pull Request is still a draft") } else { not_mergeable() });
        }
        if order.sha.as_ref().is_some_and(|sha| *sha != pull.head_sha) {
            let wrong = self.has(Flaw::Wrong405);
            let words = "Head branch was modified. Review and try the merge again.";
            return Err(Refusal::new(if wrong { 405 } else { 409 }, words));
        }
        self.allowed(of, &pull, method).await?;
        let now = self.clock.now();
        let commit = self.merge_commit(of, &pull, method, order, by, now).await?.ok_or_else(not_mergeable)?;
        let base = format!("refs/heads/{}", pull.base);
        if !of.git.swap(&base, &pull.base_sha, &commit).await? {
            return Err(Refusal::new(405, "Base branch was modified. Review and try the merge again."));
        }
        drop(writing);
        self.merged(of, pull, &commit, by).await?;
        Ok(commit)
    }

    async fn allowed(&self, of: &Repository, pull: &Pull, method: Method) -> Result<(), Refusal> {
        let is_behind = !of.git.is_ancestor(&pull.base_sha, &pull.head_sha).await?;
        let social = of.social();
        if social.rules(&pull.base).queue {
            return Err(Refusal::new(405, "Changes must be made through the merge queue"));
        }
        let unmet = social.unmet(pull, is_behind, word(method));
        if unmet.is_empty() {
            return Ok(());
        }
        let words = match social.rulesets.contains_key(&pull.base) {
            true => format!("Repository rule violations found\n\n{}\n\n", unmet.join("\n\n")),
            false => unmet[0].clone(),
        };
        Err(Refusal::new(405, if self.has(Flaw::Wrong405) { "Method Not Allowed".to_owned() } else { words }))
    }

    async fn merge_commit(
        &self,
        of: &Repository,
        pull: &Pull,
        method: Method,
        order: &Order,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<String>, Error> {
        let usual = match method {
            Method::Merge => format!("Merge pull request #{} from {}/{}", pull.number, of.owner, pull.head),
            Method::Squash | Method::Rebase => format!("{} (#{})", pull.title, pull.number),
        };
        let title = order.commit_title.clone().unwrap_or(usual);
        let body = order.commit_message.clone().or_else(|| (method == Method::Merge).then(|| pull.title.clone()));
        let message = body.filter(|body| !body.is_empty()).map_or(title.clone(), |body| format!("{title}\n\n{body}"));
        let who = Who::at(by, &format!("{by}@users.noreply.github.com"), now);
        let sides = (pull.base_sha.as_str(), pull.head_sha.as_str());
        if self.has(Flaw::MergeDropsBase) {
            // What the base got since is lost: the head's files win whole.
            let tree = of.git.tree_sha(sides.1).await?.unwrap_or_default();
            return of.git.write_commit(&tree, &[sides.0, sides.1], &who, &who, &message).await.map(Some);
        }
        of.git.merge(method, sides, &who, &message).await
    }

    /// The pull request was merged by this commit, which is on the base already.
    async fn merged(&self, of: &Repository, mut pull: Pull, commit: &str, by: &str) -> Result<(), Error> {
        let now = self.clock.now();
        let before = std::mem::replace(&mut pull.base_sha, commit.to_owned());
        pull.merged = Some(MergedBy { commit: commit.to_owned(), at: now, by: by.to_owned() });
        (pull.open, pull.closed_at, pull.updated_at, pull.queued) = (false, Some(now), now, None);
        let deletes = of.social().deletes_merged_branches;
        let pull = of.keep(pull)?;
        let pusher = (by, "noreply@github.com");
        self.pushed(of, Moved::new(&pull.base, Some(before), Some(commit.to_owned())), pusher).await?;
        self.tell("pull_request", &pull_request(self, of, &pull, "closed", by, json!({})).await?).await;
        if deletes && of.git.swap(&format!("refs/heads/{}", pull.head), &pull.head_sha, ZEROS).await? {
            self.pushed(of, Moved::new(&pull.head, Some(pull.head_sha.clone()), None), pusher).await?;
        }
        Ok(())
    }

    /// Takes an order for a merge in the background: its number, and whether it is this order's or an earlier one's.
    pub(crate) fn order_merge(
        &self,
        of: &Repository,
        number: u64,
        order: Order,
        by: &str,
    ) -> Result<(String, bool), Error> {
        let running = |background: &&Background| {
            background.number == number && matches!(background.progress, Progress::Pending { .. })
        };
        let uuid = self.delivery_id().to_string();
        let background = Background {
            number,
            order,
            by: by.to_owned(),
            progress: Progress::Pending { waits: self.lag() },
            at: self.clock.now(),
        };
        of.change(|social| match social.merges.iter().find(|(_, merge)| running(merge)) {
            Some((uuid, _)) => (uuid.clone(), false),
            None => {
                social.merges.insert(uuid.clone(), background);
                (uuid, true)
            }
        })
    }

    /// Whatever GitHub does in the background by now: merges that were ordered, and the queue. Each look brings it on.
    pub(crate) async fn settle(&self, of: &Repository, number: u64) -> Result<(), Refusal> {
        let due: Vec<(String, Background)> = of.change(|social| {
            let mut due = Vec::new();
            for (uuid, merge) in social.merges.iter_mut().filter(|(_, merge)| merge.number == number) {
                match &mut merge.progress {
                    Progress::Pending { waits: 0 } => due.push((uuid.clone(), merge.clone())),
                    Progress::Pending { waits } => *waits -= 1,
                    _ => {}
                }
            }
            due
        })?;
        for (uuid, merge) in due {
            let progress = self.carry_out(of, &merge).await?;
            of.change(|social| social.merges.get_mut(&uuid).map(|merge| merge.progress = progress))?;
        }
        self.advance_queue(of, number).await?;
        Ok(())
    }

    async fn carry_out(&self, of: &Repository, merge: &Background) -> Result<Progress, Refusal> {
        let Background { number, order, by, .. } = merge;
        let wants_queue = order.merge_action.as_deref() == Some("merge_queue");
        let base = of.social().pulls.get(number).map(|pull| pull.base.clone()).unwrap_or_default();
        if wants_queue || (of.social().rules(&base).queue && order.merge_action.as_deref() != Some("direct_merge")) {
            return Ok(match self.enqueue(of, *number, order.sha.as_deref()).await {
                Ok(()) => Progress::Enqueued,
                Err(refusal) => Progress::Failed { message: refusal.message().to_owned() },
            });
        }
        Ok(match self.merge_now(of, *number, order, by).await {
            Ok(commit) => Progress::Merged { commit },
            Err(refusal) => Progress::Failed { message: refusal.message().to_owned() },
        })
    }

    /// Puts a pull request into its base's merge queue.
    pub(crate) async fn enqueue(&self, of: &Repository, number: u64, head: Option<&str>) -> Result<(), Refusal> {
        let pull = self.fresh(of, number).await?;
        if !pull.open || pull.draft {
            return Err(Refusal::new(422, "Pull request is not in a mergeable state"));
        }
        if head.is_some_and(|head| is_sha(head) && head != pull.head_sha) {
            return Err(Refusal::new(422, "Head branch was modified. Review and try the merge again."));
        }
        if pull.queued.is_some() {
            return Err(Refusal::new(422, "Pull request is already in the queue"));
        }
        let unmet = of.social().unmet(&pull, false, "merge");
        if let Some(words) = unmet.first() {
            return Err(Refusal::new(422, words.clone()));
        }
        let queued = Queued { at: self.clock.now(), waits: self.lag(), group: None, head: pull.head_sha.clone() };
        let kept = Pull { queued: Some(queued), ..pull };
        let event = pull_request(self, of, &kept, "enqueued", &kept.user, json!({})).await?;
        of.keep(kept)?;
        self.tell("pull_request", &event).await;
        Ok(())
    }

    /// One step of the queue for a pull request that stands first in it.
    async fn advance_queue(&self, of: &Repository, number: u64) -> Result<(), Error> {
        let Some(pull) = of.social().pulls.get(&number).cloned() else { return Ok(()) };
        let Some(queued) = pull.queued.clone() else { return Ok(()) };
        let ahead = |other: &Pull| {
            let at = other.queued.as_ref().map(|queued| queued.at);
            other.base == pull.base && at.is_some_and(|at| (at, other.number) < (queued.at, number))
        };
        if of.social().pulls.values().any(ahead) {
            return Ok(());
        }
        if queued.waits > 0 {
            let waits = queued.waits - 1;
            return of.change(|social| set_queue(social, number, Some(Queued { waits, ..queued })));
        }
        let base = of.git.head(&pull.base).await?.unwrap_or_default();
        match queued.group.clone() {
            Some((group, on)) if on == base => self.judge_group(of, pull, &group, &base).await,
            _ => self.make_group(of, pull, queued, &base).await,
        }
    }

    async fn make_group(&self, of: &Repository, pull: Pull, queued: Queued, base: &str) -> Result<(), Error> {
        let MergedTree::Tree(tree) = of.git.merge_trees(None, base, &queued.head).await? else {
            return self.dequeue(of, pull, "MERGE_CONFLICT").await;
        };
        let who = Who::at("GitHub", "noreply@github.com", self.clock.now());
        let message = format!("Merge pull request #{} from {}/{}", pull.number, of.owner, pull.head);
        let group = of.git.write_commit(&tree, &[base, &queued.head], &who, &who, &message).await?;
        of.git.set(&group_ref(&pull, base), &group).await?;
        let queued = Queued { group: Some((group.clone(), base.to_owned())), ..queued };
        of.change(|social| set_queue(social, pull.number, Some(queued)))?;
        let event = super::events::merge_group(self, of, &pull, (base, &group), "checks_requested", None).await?;
        self.tell("merge_group", &event).await;
        Ok(())
    }

    async fn judge_group(&self, of: &Repository, pull: Pull, group: &str, base: &str) -> Result<(), Error> {
        let (failed, waiting) = {
            let social = of.social();
            let checks = social.rules(&pull.base).rules.checks;
            let outcomes: Vec<_> = checks.iter().map(|name| social.outcome(group, name)).collect();
            let any = |wanted: &[Option<Outcome>]| outcomes.iter().any(|outcome| wanted.contains(outcome));
            (any(&[Some(Outcome::Bad)]), any(&[None, Some(Outcome::Pending)]))
        };
        if failed {
            return self.dequeue(of, pull, "CI_FAILURE").await;
        }
        if waiting || !of.git.swap(&format!("refs/heads/{}", pull.base), base, group).await? {
            return Ok(());
        }
        of.git.remove(&group_ref(&pull, base)).await?;
        let event = super::events::merge_group(self, of, &pull, (base, group), "destroyed", Some("merged")).await?;
        self.tell("merge_group", &event).await;
        let pull = Pull { base_sha: base.to_owned(), ..pull };
        self.merged(of, pull, group, "github-merge-queue").await
    }

    /// Takes a pull request out of the queue without merging it.
    pub(crate) async fn dequeue(&self, of: &Repository, pull: Pull, reason: &str) -> Result<(), Error> {
        if let Some((_, base)) = pull.queued.as_ref().and_then(|queued| queued.group.clone()) {
            of.git.remove(&group_ref(&pull, &base)).await?;
        }
        of.change(|social| set_queue(social, pull.number, None))?;
        let pull = Pull { queued: None, ..pull };
        let event = pull_request(self, of, &pull, "dequeued", &pull.user, json!({ "reason": reason })).await?;
        self.tell("pull_request", &event).await;
        Ok(())
    }
}

fn set_queue(social: &mut super::state::Social, number: u64, queued: Option<Queued>) {
    if let Some(pull) = social.pulls.get_mut(&number) {
        pull.queued = queued;
    }
}

pub(crate) fn group_ref(pull: &Pull, base: &str) -> String {
    format!("refs/heads/gh-readonly-queue/{}/pr-{}-{base}", pull.base, pull.number)
}
