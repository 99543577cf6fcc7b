//! Recording what a check found: one transaction, so that badge, changes, baseline and the check's own record are never
//! seen apart.

use std::collections::{BTreeMap, HashMap};

use drift_domain::check::CheckOutcome;
use drift_domain::ids::{ChangeId, CheckId};
use drift_domain::views::IgnoredView;
use drift_engine::Prints;
use drift_store::changes::NewChange;
use drift_store::events::NewEvent;
use drift_store::workflows::{Agreement, WorkflowRecord};
use drift_store::{PgConnection, StoreError, changes, checks, contents, environments, events, schedule, workflows};
use serde_json::{Value, json};
use uuid::Uuid;

use super::CheckError;
use super::identity::Pair;
use super::judge::{Difference, Evidence, Verdict};
use super::vanish::{Vanishing, cause_of, seen_last};
use crate::Services;
use crate::incidents::joining::Seen;

impl Services {
    /// Writes everything down.
    pub(super) async fn record(
        &self,
        evidence: &Evidence<'_>,
        verdicts: &[Verdict],
        vanishing: &HashMap<ChangeId, Vanishing>,
        check: CheckId,
    ) -> Result<CheckOutcome, CheckError> {
        let (organization, id) = (evidence.environment.organization_id, evidence.environment.id);
        let now = self.clock.now();
        let mut tx = self.pool.begin().await.map_err(StoreError::from)?;
        if environments::lock(&mut tx, organization, id).await? != Some(evidence.environment.revision) {
            return Err(CheckError::Overtaken);
        }

        let mut scribe = Scribe { evidence, check, now, vanishing };
        let workflow_ids = scribe.place(&mut tx).await?;
        let mut differing = 0;
        let mut again = Vec::new();
        let mut opened = Vec::new();
        let mut standing: HashMap<usize, ChangeId> = HashMap::new();
        for (at, (pair, verdict)) in evidence.pairing.pairs.iter().zip(verdicts).enumerate() {
            let seen = pair.record.and_then(|record| seen_last(evidence, record));
            if let Some(change) = seen.filter(|change| evidence.written.contains(&change.id)) {
                // Half of what is being written is no drift of its own, and its end is for the check after that to see.
                if !matches!(verdict, Verdict::Agrees { .. }) {
                    differing += 1;
                }
                again.push((change.id, change.unpublished_draft));
                standing.insert(at, change.id);
                continue;
            }
            match verdict {
                Verdict::Agrees { prints, snapshot } => {
                    scribe.agrees(&mut tx, pair, workflow_ids[at], prints.as_ref(), *snapshot).await?;
                }
                Verdict::AsBefore { change, unpublished_draft } => {
                    differing += 1;
                    again.push((*change, *unpublished_draft));
                    standing.insert(at, *change);
                }
                Verdict::Differs(difference) => {
                    differing += 1;
                    let change = scribe.differs(&mut tx, pair, workflow_ids[at], difference).await?;
                    opened.push((scribe.row_of(pair).name, difference.severity));
                    standing.insert(at, change);
                }
            }
        }
        changes::seen_again(&mut tx, organization, id, &again, check, now).await?;
        scribe.absorb(&mut tx, &standing).await?;
        workflows::set_ambiguities(&mut tx, organization, id, check, &evidence.pairing.ambiguities).await?;

        let found = findings(evidence, differing);
        schedule::record_good(&mut tx, organization, id, now, &found.commit, &found.tree, differing > 0).await?;
        let seen = Seen { environment: evidence.environment, check, found: &found, now };
        self.join_incident(&mut tx, &seen).await?;
        environments::recount(&mut tx, organization, id).await?;
        self.tell_good_look(&mut tx, evidence.environment, &opened, differing, now).await?;
        match checks::end_good(&mut tx, organization, check, &found, now).await {
            // Nothing of what was written above stays.
            Err(StoreError::WrongRows { rows: 0 }) => return Err(CheckError::TakenOver),
            ended => ended?,
        }
        self.announce(&mut tx, organization, id, "check.finished").await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(if differing == 0 { CheckOutcome::InSync } else { CheckOutcome::Drift })
    }
}

/// Fingerprints, counts and what was ignored: the check's own record.
fn findings(evidence: &Evidence<'_>, differing: usize) -> checks::Findings {
    let (live, desired) = (&evidence.live, &evidence.git.side);
    let mut ignored: BTreeMap<String, u64> = BTreeMap::new();
    let reads = live.items.iter().map(|i| &i.read).chain(desired.items.iter().map(|i| &i.read));
    for (rule, count) in reads.flat_map(|read| &read.ignored) {
        *ignored.entry(rule.clone()).or_default() += count;
    }
    for (rule, count) in [("archived", live.archived + desired.archived), ("not-a-workflow", desired.others)] {
        if count > 0 {
            ignored.insert(rule.to_owned(), count as u64);
        }
    }
    ignored.extend(evidence.git.skipped.iter().cloned());
    // Both sides of a workflow count under one key, so that it does not matter which instance Git was written by.
    let mut live_keyed = Vec::new();
    let mut desired_keyed = Vec::new();
    for pair in &evidence.pairing.pairs {
        let path = pair.desired.map(|i| desired.items[i].key.path.clone());
        let key = path.or_else(|| pair.live.map(|i| format!("#{}", live.items[i].key.id))).unwrap_or_default();
        if let Some(i) = pair.live {
            live_keyed.push((key.clone(), &live.items[i].read.prints));
        }
        if let Some(i) = pair.desired {
            desired_keyed.push((key, &desired.items[i].read.prints));
        }
    }
    checks::Findings {
        commit: evidence.git.commit.clone(),
        tree: evidence.git.tree.clone(),
        live_workflows: live.items.len(),
        desired_workflows: desired.items.len(),
        parsed_workflows: live.parsed + desired.parsed,
        differing,
        live_fingerprint: drift_engine::environment_fingerprint(live_keyed.iter().map(|(k, p)| (k.as_str(), *p))),
        desired_fingerprint: drift_engine::environment_fingerprint(desired_keyed.iter().map(|(k, p)| (k.as_str(), *p))),
        ignored: ignored.into_iter().map(|(rule, count)| IgnoredView { rule, count }).collect(),
    }
}

/// Writes one check's verdicts.
struct Scribe<'a> {
    evidence: &'a Evidence<'a>,
    check: CheckId,
    now: chrono::DateTime<chrono::Utc>,
    vanishing: &'a HashMap<ChangeId, Vanishing>,
}

impl Scribe<'_> {
    /// Gives every pair its row, with its sides where they are now. Answers the row of each pair.
    async fn place(&mut self, db: &mut PgConnection) -> Result<Vec<Uuid>, CheckError> {
        let evidence = self.evidence;
        let (organization, environment) = (evidence.environment.organization_id, evidence.environment.id);
        let mut moved = Vec::new();
        let mut rows = Vec::with_capacity(evidence.pairing.pairs.len());
        for pair in &evidence.pairing.pairs {
            let row = self.row_of(pair);
            match pair.record.map(|i| &evidence.records[i]) {
                Some(old) if old.live_id != row.live_id || old.path != row.path || old.name != row.name => {
                    moved.push((row.id, row));
                    rows.push(old.id);
                }
                Some(old) => rows.push(old.id),
                None => {
                    rows.push(row.id);
                    moved.push((row.id, row));
                }
            }
        }
        let mut vacated: Vec<Uuid> = moved.iter().map(|(id, _)| *id).collect();
        vacated.extend(evidence.pairing.absorbed.iter().map(|(record, _)| evidence.records[*record].id));
        if !vacated.is_empty() {
            workflows::vacate(db, organization, &vacated).await?;
        }
        for (id, row) in moved {
            if evidence.records.iter().any(|record| record.id == id) {
                let (live_id, path) = (row.live_id.as_deref(), row.path.as_deref());
                workflows::relocate(db, organization, id, &row.name, live_id, path).await?;
            } else {
                workflows::insert(db, organization, environment, &row, self.now).await?;
            }
        }
        Ok(rows)
    }

    /// What a pair's row must say. A side that is gone keeps its last place, so that it is known again when it comes back.
    fn row_of(&self, pair: &Pair) -> WorkflowRecord {
        let evidence = self.evidence;
        let old = pair.record.map(|i| &evidence.records[i]);
        let live = pair.live.map(|i| &evidence.live.items[i].key);
        let desired = pair.desired.map(|i| &evidence.git.side.items[i].key);
        let name = live.map(|l| &l.name).or(desired.map(|d| &d.name)).or(old.map(|o| &o.name));
        WorkflowRecord {
            id: old.map_or_else(Uuid::now_v7, |o| o.id),
            name: name.cloned().unwrap_or_default(),
            live_id: live.map(|l| l.id.clone()).or_else(|| old.and_then(|o| o.live_id.clone())),
            path: desired.map(|d| d.path.clone()).or_else(|| self.free_path(old)),
            baseline: None,
            // The newest good check saw neither side have it: both agreed on its absence then.
            agreed_at: evidence.environment.last_checked_at,
        }
    }

    /// The last path of a workflow that Git no longer has, unless another workflow's file is there by now.
    fn free_path(&self, old: Option<&WorkflowRecord>) -> Option<String> {
        let path = old?.path.as_ref()?;
        let taken = self.evidence.git.side.items.iter().any(|item| &item.key.path == path);
        (!taken).then(|| path.clone())
    }

    /// Both sides have the same: the baseline moves, and an open change that nobody decided has vanished.
    async fn agrees(
        &self,
        db: &mut PgConnection,
        pair: &Pair,
        workflow: Uuid,
        prints: Option<&Prints>,
        snapshot: Option<drift_domain::fingerprint::Fingerprint>,
    ) -> Result<(), CheckError> {
        let organization = self.evidence.environment.organization_id;
        let value = prints.map(serde_json::to_value).transpose().map_err(CheckError::internal)?;
        let old = pair.record.map(|i| &self.evidence.records[i]);
        if old.is_none_or(|o| o.baseline != value || o.agreed_at.is_none()) {
            let on = Agreement { prints: value.as_ref(), snapshot, commit: &self.evidence.git.commit };
            workflows::set_baseline(db, organization, workflow, &on, self.now).await?;
        }
        let Some(change) = pair.record.and_then(|record| seen_last(self.evidence, record)) else { return Ok(()) };
        let Some(vanishing) = self.vanishing.get(&change.id) else { return Ok(()) };
        let evidence = vanishing.evidence.as_deref();
        changes::vanish(db, organization, change.id, vanishing.cause, evidence, self.now).await?;
        let data = json!({ "cause": vanishing.cause, "evidence": evidence });
        self.event(db, change.id, "change.vanished", data).await
    }

    /// The sides differ anew: their contents are kept, and the change is opened.
    async fn differs(
        &self,
        db: &mut PgConnection,
        pair: &Pair,
        workflow: Uuid,
        difference: &Difference,
    ) -> Result<ChangeId, CheckError> {
        let environment = self.evidence.environment;
        let organization = environment.organization_id;
        let value = |prints: &Prints| serde_json::to_value(prints).map_err(CheckError::internal);
        let live = match &difference.live {
            None => None,
            Some((hash, bytes, prints)) => {
                contents::keep_snapshot(db, organization, *hash, bytes, self.now).await?;
                Some((*hash, value(prints)?))
            }
        };
        let desired = match &difference.desired {
            None => None,
            Some((hash, prints)) => Some((*hash, value(prints)?)),
        };
        let mut facts = serde_json::to_value(difference.traits).map_err(CheckError::internal)?;
        facts["fields"] = json!(difference.fields);
        let new = NewChange {
            workflow_id: workflow,
            change_type: difference.change_type,
            origin: difference.origin,
            severity: difference.severity,
            summary: difference.summary.clone(),
            facts,
            live,
            desired,
            git_commit: self.evidence.git.commit.clone(),
            unpublished_draft: difference.unpublished_draft,
            adoption: environment.last_checked_at.is_none()
                || pair.record.and_then(|record| seen_last(self.evidence, record)).is_some_and(|c| c.adoption),
            live_moved_at: difference.live_moved_at,
        };
        let id = ChangeId(Uuid::now_v7());
        let superseded = changes::insert(db, organization, environment.id, id, self.check, &new, self.now).await?;
        let data = json!({ "type": new.change_type, "origin": new.origin, "severity": new.severity, "supersedes": superseded });
        self.event(db, id, "change.opened", data).await?;
        Ok(id)
    }

    /// Records whose workflow turned out to be another record's: what was seen of them last goes on as that one's
    /// history. What had vanished before waits for a person where it is.
    async fn absorb(&self, db: &mut PgConnection, standing: &HashMap<usize, ChangeId>) -> Result<(), CheckError> {
        let evidence = self.evidence;
        let organization = evidence.environment.organization_id;
        for (record, pair) in &evidence.pairing.absorbed {
            let Some(change) = seen_last(evidence, *record) else { continue };
            match standing.get(pair) {
                Some(into) => changes::fold_into(db, organization, change.id, *into).await?,
                None => {
                    let desired =
                        evidence.pairing.pairs[*pair].desired.map(|i| &evidence.git.side.items[i].read.prints);
                    let cause = cause_of(evidence, change, desired);
                    changes::vanish(db, organization, change.id, cause, None, self.now).await?;
                }
            }
            self.event(db, change.id, "change.linked", json!({ "into": standing.get(pair) })).await?;
        }
        Ok(())
    }

    async fn event(&self, db: &mut PgConnection, change: ChangeId, kind: &str, data: Value) -> Result<(), CheckError> {
        let event = NewEvent {
            organization_id: self.evidence.environment.organization_id,
            environment_id: Some(self.evidence.environment.id),
            change_id: Some(change),
            kind,
            actor: None,
            data,
        };
        Ok(events::append(db, &event, self.now).await?)
    }
}
