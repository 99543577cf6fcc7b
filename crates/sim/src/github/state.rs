//! What GitHub keeps beside Git: pull requests, reviews, checks, rules, merges under way. It outlives the process with the
//! repository.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Classic protection of a branch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protection {
    /// Approving reviews that a pull request needs; with `None` there need not be a pull request.
    pub approvals: Option<u64>,
    /// A push to the head makes approvals void.
    pub dismiss_stale: bool,
    /// Names of the checks and statuses that must succeed.
    pub checks: Vec<String>,
    /// The head must contain the newest commit of the base.
    pub up_to_date: bool,
    /// No merge commits.
    pub linear_history: bool,
}

/// The rules of a ruleset for a branch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruleset {
    /// As with classic protection, and a merge queue in addition.
    #[serde(flatten)]
    pub rules: Protection,
    /// Everything goes through the merge queue.
    pub queue: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Review {
    pub(crate) id: u64,
    pub(crate) user: String,
    /// `APPROVED`, `CHANGES_REQUESTED`, `COMMENTED`, `DISMISSED`.
    pub(crate) state: String,
    pub(crate) commit: String,
    pub(crate) at: DateTime<Utc>,
}

/// A pull request's place in the merge queue.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Queued {
    pub(crate) at: DateTime<Utc>,
    /// How often it was looked at before anything happens.
    pub(crate) waits: u64,
    /// The commit that is tested, and the base that it was made on.
    pub(crate) group: Option<(String, String)>,
    pub(crate) head: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MergedBy {
    pub(crate) commit: String,
    pub(crate) at: DateTime<Utc>,
    pub(crate) by: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Pull {
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) body: Option<String>,
    pub(crate) head: String,
    pub(crate) base: String,
    pub(crate) user: String,
    pub(crate) open: bool,
    pub(crate) draft: bool,
    /// Where the branches stood when it was last open.
    pub(crate) head_sha: String,
    pub(crate) base_sha: String,
    pub(crate) merged: Option<MergedBy>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) closed_at: Option<DateTime<Utc>>,
    pub(crate) reviews: Vec<Review>,
    pub(crate) queued: Option<Queued>,
    /// The heads for which it was asked whether it merges, and how often it was answered "not known yet" since.
    pub(crate) looked: Option<(String, String, u64)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Status {
    pub(crate) id: u64,
    pub(crate) sha: String,
    pub(crate) context: String,
    pub(crate) state: String,
    pub(crate) description: Option<String>,
    pub(crate) target_url: Option<String>,
    pub(crate) creator: String,
    pub(crate) at: DateTime<Utc>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CheckRun {
    pub(crate) id: u64,
    pub(crate) sha: String,
    pub(crate) name: String,
    /// `None` while it runs.
    pub(crate) conclusion: Option<String>,
    pub(crate) at: DateTime<Utc>,
}

/// How far a merge in the background is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Progress {
    Pending { waits: u64 },
    Enqueued,
    Merged { commit: String },
    Failed { message: String },
}

/// A merge that was asked for with `merge-async`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Background {
    pub(crate) number: u64,
    pub(crate) order: Order,
    pub(crate) by: String,
    pub(crate) progress: Progress,
    pub(crate) at: DateTime<Utc>,
}

/// What a merge was asked to be.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) sha: Option<String>,
    pub(crate) merge_method: Option<String>,
    pub(crate) merge_action: Option<String>,
    pub(crate) commit_title: Option<String>,
    pub(crate) commit_message: Option<String>,
}

/// Everything of one repository.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Social {
    pub(crate) archived: bool,
    pub(crate) deletes_merged_branches: bool,
    pub(crate) numbers: u64,
    pub(crate) ids: u64,
    pub(crate) pulls: BTreeMap<u64, Pull>,
    pub(crate) statuses: Vec<Status>,
    pub(crate) checks: Vec<CheckRun>,
    pub(crate) protections: BTreeMap<String, Protection>,
    pub(crate) rulesets: BTreeMap<String, Ruleset>,
    pub(crate) merges: BTreeMap<String, Background>,
    #[serde(default)]
    pub(crate) runs: BTreeMap<u64, super::gates::Run>,
}

impl Social {
    pub(crate) fn next_id(&mut self) -> u64 {
        self.ids += 1;
        9_000_000 + self.ids
    }

    /// Keeps a pull request as somebody worked it out, unless it was merged or closed meanwhile: it stays that, whatever
    /// was read before. Tells what is kept.
    pub(crate) fn keep(&mut self, pull: Pull) -> Pull {
        match self.pulls.get(&pull.number) {
            Some(over) if !over.open && pull.merged.is_none() => over.clone(),
            _ => {
                self.pulls.insert(pull.number, pull.clone());
                pull
            }
        }
    }

    /// The newest status of each context of a commit, newest first.
    pub(crate) fn statuses_of(&self, sha: &str) -> Vec<&Status> {
        let mut newest: Vec<&Status> = Vec::new();
        for status in self.statuses.iter().rev().filter(|status| status.sha == sha) {
            if !newest.iter().any(|other| other.context == status.context) {
                newest.push(status);
            }
        }
        newest
    }

    /// The newest run of each check of a commit, newest first.
    pub(crate) fn checks_of(&self, sha: &str) -> Vec<&CheckRun> {
        let mut newest: Vec<&CheckRun> = Vec::new();
        for run in self.checks.iter().rev().filter(|run| run.sha == sha) {
            if !newest.iter().any(|other| other.name == run.name) {
                newest.push(run);
            }
        }
        newest
    }

    /// How a required check stands on a commit: `None` where nothing was reported, then whether it is over and good.
    pub(crate) fn outcome(&self, sha: &str, name: &str) -> Option<Outcome> {
        let of_status = self.statuses_of(sha).into_iter().find(|status| status.context == name).map(|status| {
            match status.state.as_str() {
                "success" => Outcome::Good,
                "pending" => Outcome::Pending,
                _ => Outcome::Bad,
            }
        });
        of_status.or_else(|| {
            let run = self.checks_of(sha).into_iter().find(|run| run.name == name)?;
            Some(match run.conclusion.as_deref() {
                Some("success" | "neutral" | "skipped") => Outcome::Good,
                None => Outcome::Pending,
                Some(_) => Outcome::Bad,
            })
        })
    }

    /// What a branch demands, of rulesets and classic protection together.
    pub(crate) fn rules(&self, branch: &str) -> Ruleset {
        let (ruleset, classic) = (self.rulesets.get(branch), self.protections.get(branch));
        let mut all = ruleset.cloned().unwrap_or_default();
        if let Some(classic) = classic {
            all.rules.approvals = all.rules.approvals.max(classic.approvals);
            all.rules.checks.extend(classic.checks.iter().cloned());
            all.rules.checks.sort();
            all.rules.checks.dedup();
            all.rules.up_to_date |= classic.up_to_date;
            all.rules.linear_history |= classic.linear_history;
            all.rules.dismiss_stale |= classic.dismiss_stale;
        }
        all
    }

    /// Whether a branch takes changes by pull request only.
    pub(crate) fn closed_to_pushes(&self, branch: &str) -> bool {
        let rules = self.rules(branch);
        rules.queue || rules.rules.approvals.is_some() || !rules.rules.checks.is_empty()
    }

    /// What GitHub says of the rules that this pull request does not meet yet. The queue is not among them.
    pub(crate) fn unmet(&self, pull: &Pull, is_behind: bool, method: &str) -> Vec<String> {
        let Protection { approvals, dismiss_stale, checks, up_to_date, linear_history } = self.rules(&pull.base).rules;
        let mut unmet = Vec::new();
        let counted = |review: &&Review| !dismiss_stale || review.commit == pull.head_sha;
        let mut words: BTreeMap<&str, &str> = BTreeMap::new();
        for review in pull.reviews.iter().filter(|review| review.state != "COMMENTED").filter(counted) {
            words.insert(&review.user, &review.state);
        }
        let approved = words.values().filter(|state| **state == "APPROVED").count() as u64;
        if let Some(wanted) = approvals {
            if approved < wanted {
                let (s, verb) = if wanted == 1 { ("", "is") } else { ("s", "are") };
                unmet.push(format!(
                    "At least {wanted} approving review{s} {verb} required by reviewers with write access."
                ));
            }
            if words.values().any(|state| *state == "CHANGES_REQUESTED") {
                unmet.push("Changes requested by a reviewer with write access must be approved.".to_owned());
            }
        }
        unmet.extend(self.unmet_checks(&checks, &pull.head_sha));
        if up_to_date && is_behind {
            unmet.push("The head branch is not up to date with the base branch.".to_owned());
        }
        if linear_history && method == "merge" {
            unmet.push("This branch must not contain merge commits.".to_owned());
        }
        unmet
    }

    pub(crate) fn unmet_checks(&self, checks: &[String], sha: &str) -> Option<String> {
        let outcomes: Vec<_> = checks.iter().map(|name| (name, self.outcome(sha, name))).collect();
        let open: Vec<_> = outcomes.into_iter().filter(|(_, outcome)| *outcome != Some(Outcome::Good)).collect();
        match open[..] {
            [] => None,
            [(name, outcome)] => {
                let word = match outcome {
                    None => "expected",
                    Some(Outcome::Pending) => "pending",
                    Some(_) => "failing",
                };
                Some(format!("Required status check \"{name}\" is {word}."))
            }
            _ => {
                let word =
                    if open.iter().any(|(_, outcome)| *outcome == Some(Outcome::Bad)) { "failing" } else { "expected" };
                Some(format!("{} of {} required status checks are {word}.", open.len(), checks.len()))
            }
        }
    }
}

/// How a check stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Good,
    Pending,
    Bad,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> Pull {
        let now = DateTime::UNIX_EPOCH;
        Pull {
            number: 1,
            title: "Take the hotfix over".to_owned(),
            body: None,
            head: "hotfix".to_owned(),
            base: "main".to_owned(),
            user: "ada".to_owned(),
            open: true,
            draft: false,
            head_sha: "a".repeat(40),
            base_sha: "b".repeat(40),
            merged: None,
            created_at: now,
            updated_at: now,
            closed_at: None,
            reviews: Vec::new(),
            queued: None,
            looked: None,
        }
    }

    #[test]
    fn who_looked_before_it_was_merged_does_not_open_it_again() {
        let mut social = Social::default();
        let looked = social.keep(open());
        let by = MergedBy { commit: "c".repeat(40), at: DateTime::UNIX_EPOCH, by: "ada".to_owned() };
        social.keep(Pull { open: false, merged: Some(by), ..open() });
        let told = social.keep(Pull { looked: Some(("a".to_owned(), "b".to_owned(), 1)), ..looked });
        assert!(told.merged.is_some() && !told.open, "whoever looked is told what became of it");
        assert!(social.pulls[&1].merged.is_some() && !social.pulls[&1].open);
        social.keep(Pull { number: 2, ..open() });
        let seen = social.keep(Pull { number: 2, title: "Another".to_owned(), ..open() });
        assert_eq!((seen.open, social.pulls[&2].title.as_str()), (true, "Another"), "an open one is written");
    }
}
