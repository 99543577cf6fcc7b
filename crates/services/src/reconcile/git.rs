//! The steps in Git. The branch, the commit and its date follow from the plan, so that whoever goes on makes the same ones;
//! what GitHub refuses is told apart by what a person has to do about it.

use std::collections::HashMap;

use drift_domain::reconciliation::{StepKind, StepState};
use drift_github::{
    Folder, Identity, MergeMethod, MergeOrder, Merging, Need, NewCommit, NewPull, PullState, Refusal, Standing,
    TreeChange, TreeContent,
};
use drift_store::reconciliations::StepRecord;

use super::run::{Hand, Next, Taken, after, internal};
use super::steps::{self, Blob, Commit, Contains, GitLeft, Pull};
use crate::Services;
use crate::error::{ServiceError, ServiceResult};

/// Somebody else was there first.
const MOVED: &str = "Changed since you looked: Git has something else in these files than when the plan was made, so nothing \
    was written. Recheck, then decide about what is there now.";
/// The live side went on.
const LIVE_MOVED: &str = "Changed since you looked: the workflow was changed in n8n after the plan was made, so nothing was \
    written to Git. Recheck, then decide about what is there now.";
/// Who writes to Git, where a person decided.
const COMMITTER: (&str, &str) = ("WorkflowOps", "workflowops@users.noreply.github.com");
/// Seconds between two looks at a merge that GitHub carries out, and at one that waits for people.
const SOON: u64 = 2;
const LATER: u64 = 20;
/// Seconds between two looks whether Git has a replacement. A push is heard of at once, where there is a webhook.
const PUSHED: u64 = 30;
/// The ways to merge, in the order in which they are tried.
const METHODS: [MergeMethod; 3] = [MergeMethod::Merge, MergeMethod::Squash, MergeMethod::Rebase];

impl Services {
    pub(super) async fn take_in_git(&self, hand: &Hand, all: &[StepRecord], at: usize) -> ServiceResult<Taken> {
        let step = &all[at];
        match step.kind {
            StepKind::GitBlob => self.store_blob(hand, step).await,
            StepKind::GitCommit => self.make_commit(hand, all, step).await,
            StepKind::GitPull => pull(hand, all, step).await,
            StepKind::GitMerge => merge(hand, all, step).await,
            StepKind::GitTidy => tidy(hand, all).await,
            StepKind::GitContains => contains(hand, step).await,
            kind => Err(internal(format!("{kind} is no step of Git"))),
        }
    }

    async fn store_blob(&self, hand: &Hand, step: &StepRecord) -> ServiceResult<Taken> {
        let Blob { path } = steps::read(&step.request)?;
        let hash = step.content.ok_or_else(|| internal(format!("step {} has no content", step.position)))?;
        let bytes = self.kept(hand.record.organization, hash).await?;
        Ok(match hand.repository.github.create_blob(&bytes).await {
            Ok(sha) => Taken::Done(steps::write(&GitLeft {
                said: format!("{path}: stored."),
                blob: Some(sha),
                ..GitLeft::default()
            })),
            Err(refusal) => refused(&refusal),
        })
    }

    /// One commit with all files, on a branch of its own.
    async fn make_commit(&self, hand: &Hand, all: &[StepRecord], step: &StepRecord) -> ServiceResult<Taken> {
        let commit: Commit = steps::read(&step.request)?;
        let github = &hand.repository.github;
        let mut left = left_by(step)?;
        let parent = match left.parent.clone() {
            Some(parent) => parent,
            None => {
                if let Some(taken) = live_moved(hand, &commit).await {
                    return Ok(taken);
                }
                let parent = match unmoved(hand, &commit).await {
                    Ok(parent) => parent,
                    Err(taken) => return Ok(taken),
                };
                left.parent = Some(parent.clone());
                // Known before anything is written, so that whoever goes on makes the same commit.
                if self.begin_step(hand, step, Some(&steps::write(&left))).await?.is_err() {
                    return Ok(Taken::PutOff {
                        what: "Somebody else has taken this on.".to_owned(),
                        retry_after: None,
                    });
                }
                parent
            }
        };
        let made = async {
            let base = github.tree_of(&parent).await?;
            let tree = github.create_tree(&base, &changes(&commit, all)).await?;
            if tree == base {
                return Ok(None);
            }
            let identity = |(name, email): (&str, &str)| Identity {
                name: name.to_owned(),
                email: email.to_owned(),
                date: commit.date,
            };
            let new = NewCommit {
                message: commit.message.clone(),
                tree,
                parent: parent.clone(),
                author: identity((&commit.author.0, &commit.author.1)),
                committer: identity(COMMITTER),
            };
            let sha = github.create_commit(&new).await?;
            github.create_branch(&commit.branch, &sha).await?;
            Ok(Some(sha))
        }
        .await;
        Ok(match made {
            Ok(Some(sha)) => {
                left.said = format!("Commit {sha:.10} on {}.", commit.branch);
                left.commit = Some(sha);
                Taken::Done(steps::write(&left))
            }
            Ok(None) => {
                left.said = "Git has all of it already.".to_owned();
                (left.commit, left.nothing) = (Some(parent), true);
                Taken::Done(steps::write(&left))
            }
            Err(refusal) => refused(&refusal),
        })
    }

    /// What was proposed and will not be merged is closed, and its branch removed. That it cannot be is only logged: the
    /// record says what became of it, and what is left over harms nobody.
    pub(super) async fn withdraw(&self, hand: &Hand) -> ServiceResult<Next> {
        let mut db = self.pool.acquire().await.map_err(drift_store::StoreError::from)?;
        let all = drift_store::reconciliations::steps(&mut db, hand.record.organization, hand.record.id).await?;
        drop(db);
        let merged = all.iter().any(|step| step.kind == StepKind::GitMerge && step.state == StepState::Done);
        let (Some(made), false) = (made(&all)?, merged) else { return Ok(Next::Ended) };
        let github = &hand.repository.github;
        if let Some(number) = made.number
            && let Err(refusal) = github.close_pull(number).await
        {
            tracing::info!(%refusal, "what was proposed could not be closed");
            return Ok(Next::Ended);
        }
        if let Err(refusal) = github.delete_branch(&made.branch, &made.commit).await {
            tracing::info!(%refusal, "the branch of what was given up could not be removed");
        }
        Ok(Next::Ended)
    }
}

/// What the steps before have made.
struct Made {
    branch: String,
    target: String,
    commit: String,
    nothing: bool,
    number: Option<u64>,
}

fn made(all: &[StepRecord]) -> ServiceResult<Option<Made>> {
    let Some(step) = all.iter().find(|step| step.kind == StepKind::GitCommit) else { return Ok(None) };
    let request: Commit = steps::read(&step.request)?;
    let left = left_by(step)?;
    let number = match all.iter().find(|step| step.kind == StepKind::GitPull) {
        Some(pull) => left_by(pull)?.number,
        None => None,
    };
    let Some(commit) = left.commit else { return Ok(None) };
    Ok(Some(Made { branch: request.branch, target: request.target, commit, nothing: left.nothing, number }))
}

fn left_by(step: &StepRecord) -> ServiceResult<GitLeft> {
    Ok(step.result.as_ref().map(steps::read).transpose()?.unwrap_or_default())
}

/// The files of the commit, by the blobs that were stored for them.
fn changes(commit: &Commit, all: &[StepRecord]) -> Vec<TreeChange> {
    let blob = |position: i32| {
        let step = all.iter().find(|step| step.position == position)?;
        left_by(step).ok()?.blob
    };
    let change = |file: &steps::FileChange| TreeChange {
        path: file.path.clone(),
        content: match file.step.and_then(blob) {
            Some(sha) => TreeContent::Blob(sha),
            None => TreeContent::Removed,
        },
    };
    commit.files.iter().map(change).collect()
}

/// Whether the workflows that go to Git are still what somebody looked at.
async fn live_moved(hand: &Hand, commit: &Commit) -> Option<Taken> {
    for expected in &commit.live {
        match hand.n8n.get(&expected.id).await {
            Ok(answer) if answer.as_deref().and_then(steps::standing) == expected.standing => {}
            Ok(_) => return Some(Taken::Failed(LIVE_MOVED.to_owned())),
            Err(failure) => return Some(after(failure)),
        }
    }
    None
}

/// The newest commit of the target, if its files are still what somebody looked at. Other files may have moved.
async fn unmoved(hand: &Hand, commit: &Commit) -> Result<String, Taken> {
    let github = &hand.repository.github;
    let head = github.branch(&commit.target).await.map_err(|refusal| refused(&refusal))?;
    let Some(head) = head else {
        return Err(Taken::Failed(format!("There is no branch {} any more. Nothing was written.", commit.target)));
    };
    let listing = github.folder(&head, &commit.folder, None).await.map_err(after)?;
    let Folder::Tree { files, .. } = listing else {
        return Err(Taken::PutOff {
            what: "GitHub said that a folder is unchanged that it was not asked about.".to_owned(),
            retry_after: None,
        });
    };
    let there: HashMap<&str, &str> = files.iter().map(|file| (file.path.as_str(), file.blob_sha.as_str())).collect();
    let is_as_seen = |file: &steps::FileChange| there.get(file.path.as_str()).copied() == file.before.as_deref();
    if commit.files.iter().all(is_as_seen) { Ok(head) } else { Err(Taken::Failed(MOVED.to_owned())) }
}

async fn pull(hand: &Hand, all: &[StepRecord], step: &StepRecord) -> ServiceResult<Taken> {
    let Pull { title, body } = steps::read(&step.request)?;
    let made = made(all)?.ok_or_else(|| internal("there is no commit to propose"))?;
    if made.nothing {
        return Ok(done("Nothing is to be proposed."));
    }
    let new = NewPull { head: made.branch, head_commit: made.commit, base: made.target, title, body };
    Ok(match hand.repository.github.open_pull(&new).await {
        Ok(pull) if pull.state == PullState::Closed => Taken::Failed(format!(
            "What was proposed ({}) was closed without being merged. Somebody may have declined it: ask, then decide anew.",
            pull.url
        )),
        Ok(pull) => Taken::Done(steps::write(&GitLeft {
            said: "Proposed.".to_owned(),
            number: Some(pull.number),
            address: Some(pull.url),
            ..GitLeft::default()
        })),
        // The commit is in the target already.
        Err(Refusal::NothingToMerge { .. }) => done("The branch has it already."),
        Err(refusal) => refused(&refusal),
    })
}

async fn merge(hand: &Hand, all: &[StepRecord], step: &StepRecord) -> ServiceResult<Taken> {
    let made = made(all)?.ok_or_else(|| internal("there is no commit to merge"))?;
    let Some(number) = made.number.filter(|_| !made.nothing) else {
        return Ok(Taken::Done(steps::write(&GitLeft {
            said: "Git has it.".to_owned(),
            commit: Some(made.commit),
            ..GitLeft::default()
        })));
    };
    let mut left = left_by(step)?;
    let github = &hand.repository.github;
    let standing = match github.standing(number).await {
        Ok(standing) => standing,
        Err(refusal) => return Ok(refused(&refusal)),
    };
    let running = match (&left.uuid, left.queued) {
        (Some(uuid), _) => Some(Merging::Pending { uuid: uuid.clone() }),
        (None, true) => Some(Merging::Queued),
        (None, false) => None,
    };
    let method = METHODS[usize::from(left.refused_methods).min(METHODS.len() - 1)];
    let method =
        if standing.rules.linear_history && method == MergeMethod::Merge { MergeMethod::Squash } else { method };
    let order = MergeOrder { number, head: made.commit.clone(), method, title: None, message: None };
    if running.is_none() && standing.pull.state == PullState::Open {
        // Between the proposal and its merge anything may have happened to the same files.
        let commit: Commit = match all.iter().find(|step| step.kind == StepKind::GitCommit) {
            Some(step) => steps::read(&step.request)?,
            None => return Err(internal("there is no commit to merge")),
        };
        if let Err(taken) = unmoved(hand, &commit).await {
            return Ok(taken);
        }
    }
    let answer = match &running {
        Some(running) => github.follow(&order, running).await,
        None => github.merge(&order).await,
    };
    Ok(match answer {
        Ok(Merging::Merged { commit }) => {
            left.said = "Merged.".to_owned();
            left.commit = commit.or(Some(made.commit));
            Taken::Done(steps::write(&left))
        }
        Ok(Merging::Pending { uuid }) => {
            left.uuid = Some(uuid);
            Taken::Waits { what: "GitHub merges it.".to_owned(), seconds: SOON, learnt: Some(steps::write(&left)) }
        }
        Ok(Merging::Queued) => {
            (left.queued, left.uuid) = (true, None);
            let what = "It is in GitHub's merge queue.".to_owned();
            Taken::Waits { what, seconds: LATER, learnt: Some(steps::write(&left)) }
        }
        Err(Refusal::Protected { message, .. })
            if refuses_method(&message) && usize::from(left.refused_methods) + 1 < METHODS.len() =>
        {
            left.refused_methods += 1;
            let what = "The repository wants another way to merge.".to_owned();
            Taken::Waits { what, seconds: 0, learnt: Some(steps::write(&left)) }
        }
        Err(Refusal::Protected { message, needs }) => {
            let what = waits_for(&standing, &needs, &message);
            // What ran and was refused is not followed again.
            (left.uuid, left.queued) = (None, false);
            Taken::Waits { what, seconds: LATER, learnt: Some(steps::write(&left)) }
        }
        // GitHub says so, too, while it works out anew whether an open one merges: the branch below it has moved.
        Err(Refusal::NotMergeable { message }) if standing.pull.state == PullState::Open && !standing.pull.draft => {
            if running.is_none() {
                return Ok(Taken::PutOff { what: message, retry_after: None });
            }
            // What ran and came to nothing is not followed again: it would say the same for ever.
            (left.uuid, left.queued) = (None, false);
            Taken::Waits { what: message, seconds: LATER, learnt: Some(steps::write(&left)) }
        }
        Err(refusal) => refused(&refusal),
    })
}

/// "Merge commits are not allowed on this repository." and the like (GitHub's words, unverified).
fn refuses_method(message: &str) -> bool {
    let message = message.to_lowercase();
    message.contains("not allowed on this repository") || message.contains("must not contain merge commits")
}

/// What a proposal waits for, as far as it can be read, in a sentence.
fn waits_for(standing: &Standing, needs: &[Need], message: &str) -> String {
    let failed = standing.failed_checks();
    if !failed.is_empty() {
        return format!("A required check failed ({}). Mend it and run it again, or cancel.", failed.join(", "));
    }
    let mut all = standing.needs();
    all.extend(needs);
    all.sort_unstable();
    all.dedup();
    let words: Vec<String> = all
        .iter()
        .filter_map(|need| match need {
            Need::Reviews => Some(format!(
                "a review ({} of {} approvals)",
                standing.approved_by.len(),
                standing.rules.approvals.max(1)
            )),
            Need::Checks => Some("checks that are required".to_owned()),
            Need::Queue => Some("the merge queue".to_owned()),
            Need::UpToDate => Some("its branch to have the newest commits".to_owned()),
            Need::OtherRule => None,
        })
        .collect();
    if words.is_empty() {
        format!("GitHub does not merge it yet. {message}")
    } else {
        format!("It waits for {}.", words.join(" and for "))
    }
}

/// The branch is removed; that it cannot be harms nobody.
async fn tidy(hand: &Hand, all: &[StepRecord]) -> ServiceResult<Taken> {
    let made = made(all)?.ok_or_else(|| internal("there is no branch to remove"))?;
    if made.nothing {
        return Ok(done("There is no branch to remove."));
    }
    Ok(match hand.repository.github.delete_branch(&made.branch, &made.commit).await {
        Ok(_) => done("The branch is removed."),
        Err(refusal) if refusal.is_passing() => refused(&refusal),
        Err(refusal) => done(&format!("The branch {} is left. {refusal}", made.branch)),
    })
}

async fn contains(hand: &Hand, step: &StepRecord) -> ServiceResult<Taken> {
    let Contains { commit, reference } = steps::read(&step.request)?;
    Ok(match hand.repository.github.contains(&reference, &commit).await {
        Ok(true) => Taken::Done(steps::write(&GitLeft {
            said: format!("{reference} contains {commit:.10}."),
            commit: Some(commit),
            ..GitLeft::default()
        })),
        Ok(false) => Taken::Waits {
            what: format!("It waits until {reference} contains {commit:.10}."),
            seconds: PUSHED,
            learnt: None,
        },
        Err(refusal) => refused(&refusal),
    })
}

fn done(said: &str) -> Taken {
    Taken::Done(steps::write(&GitLeft { said: said.to_owned(), ..GitLeft::default() }))
}

/// What GitHub's refusal means for a step. Each message says what to do.
fn refused(refusal: &Refusal) -> Taken {
    let what = refusal.to_string();
    if refusal.is_passing() { Taken::PutOff { what, retry_after: refusal.retry_after() } } else { Taken::Failed(what) }
}

/// GitHub cannot be asked while somebody plans.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn unclear(refusal: Refusal) -> ServiceError {
    ServiceError::Conflict(format!("What would be written cannot be worked out now. {refusal} Nothing was written."))
}
