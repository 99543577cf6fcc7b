//! What became of changes that nobody decided and that a check no longer sees.

use std::collections::HashMap;

use drift_domain::change::{ChangeState, VanishedCause};
use drift_domain::ids::ChangeId;
use drift_engine::Prints;
use drift_github::SourceOfTruth;
use drift_store::changes::ChangeRecord;
use serde_json::Value;

use super::judge::{Evidence, Verdict};
use crate::Services;

/// Commits asked for, at most, to explain what vanished in one check: each is a call to GitHub.
const EXPLAINED: usize = 20;

/// What became of a change that is no longer seen.
pub(super) struct Vanishing {
    /// What happened.
    pub cause: VanishedCause,
    /// What shows it.
    pub evidence: Option<String>,
}

impl Services {
    /// Works out what happened to open changes that nobody decided and that this check no longer sees.
    pub(super) async fn explain_vanished(
        &self,
        evidence: &Evidence<'_>,
        verdicts: &[Verdict],
        github: &dyn SourceOfTruth,
    ) -> HashMap<ChangeId, Vanishing> {
        let mut found = HashMap::new();
        for (pair, verdict) in evidence.pairing.pairs.iter().zip(verdicts) {
            let Verdict::Agrees { prints, .. } = verdict else { continue };
            let Some(change) = pair.record.and_then(|record| seen_last(evidence, record)) else { continue };
            let cause = cause_of(evidence, change, prints.as_ref());
            let told_by_git = matches!(cause, VanishedCause::GitCaughtUp | VanishedCause::Overwritten);
            let shown =
                if told_by_git && found.len() < EXPLAINED { commit_of(evidence, change, github).await } else { None };
            found.insert(change.id, Vanishing { cause, evidence: shown });
        }
        found
    }
}

/// The change that the check before this one saw of a record's workflow. One that vanished earlier waits for a person,
/// whatever happens to its workflow afterwards.
pub(super) fn seen_last<'a>(evidence: &Evidence<'a>, record: usize) -> Option<&'a ChangeRecord> {
    let workflow = evidence.records[record].id;
    evidence.open.iter().find(|change| change.workflow_id == workflow && change.state == ChangeState::Open)
}

/// What happened to a change whose two sides now agree on `now`.
pub(super) fn cause_of(evidence: &Evidence<'_>, change: &ChangeRecord, now: Option<&Prints>) -> VanishedCause {
    if evidence.environment.last_checked_at.is_none() {
        // A check saw the change, and no check counts any more: the environment was made to point elsewhere since.
        return VanishedCause::Repointed;
    }
    let prints = |stored: &Option<Value>| stored.clone().and_then(|v| serde_json::from_value::<Prints>(v).ok());
    let (was_live, was_desired) = (prints(&change.live_prints), prints(&change.desired_prints));
    VanishedCause::tell(was_live.as_ref(), was_desired.as_ref(), now, Prints::agree)
}

/// The commit that brought the content into Git, in a sentence. GitHub failing here is no reason to fail the check: the
/// cause itself is proven by the contents.
async fn commit_of(evidence: &Evidence<'_>, change: &ChangeRecord, github: &dyn SourceOfTruth) -> Option<String> {
    let path = change.path.as_deref()?.split('#').next()?;
    match github.last_commit(&evidence.git.commit, path).await {
        Ok(commit) => commit.map(|c| {
            let short: String = c.sha.chars().take(10).collect();
            format!("Commit {short} by {} on {}: {}", c.author, c.date.format("%Y-%m-%d %H:%M UTC"), c.message_subject)
        }),
        Err(failure) => {
            tracing::info!(kind = %failure.kind, "no commit to show for a vanished change");
            None
        }
    }
}
