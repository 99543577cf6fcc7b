//! A plan while it is made: what becomes of each workflow, the steps that it takes, and the contents that they write.

use std::collections::{BTreeMap, HashMap};

use drift_domain::change::DecisionKind;
use drift_domain::fingerprint::Fingerprint;
use drift_domain::ids::{ChangeId, DecisionId, UserId};
use drift_domain::reconciliation::{Purpose, StepKind, Target};
use drift_domain::views::{DiffView, GitPlanView, ItemView, MergeConflict, MergeSide, WriteView};
use drift_n8n::VersionFamily;
use drift_store::changes::ChangeRecord;
use drift_store::deployments::DeploymentRecord;
use drift_store::reconciliations::NewStep;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::craft;
use super::sides::{Pair, Sides};
use super::steps::{self, Expected, FileChange, OnWorkflow};

/// A plan as it is stored, and shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Plan {
    pub git: Option<GitPlanView>,
    pub items: Vec<ItemView>,
    /// What stands in the way of all of it.
    pub problems: Vec<String>,
}

impl Plan {
    /// Whether it can be carried out.
    pub(super) fn has_problems(&self) -> bool {
        !self.problems.is_empty()
            || self.items.iter().any(|item| !item.problems.is_empty() || !item.conflicts.is_empty())
    }
}

/// Whether what becomes of a workflow begins with Git: steps that are about all are those in Git, and concern it then.
pub(super) fn begins_in_git(purpose: Purpose, item: &ItemView) -> bool {
    purpose == Purpose::Restore || item.decision == Some(DecisionKind::Promote)
}

/// What somebody decided about a change, for whoever carries it out.
#[derive(Clone, Debug)]
pub(super) struct Decided {
    pub id: DecisionId,
    pub kind: DecisionKind,
    pub reason: String,
    pub replacement: Option<String>,
    /// Who decided: identifier, name, address.
    pub by: (UserId, String, String),
}

/// What a person picked where both sides left the baseline differently, by the conflict's key.
pub type Picks = BTreeMap<String, MergeSide>;

/// What was picked for one change.
#[derive(Debug, Default)]
pub(super) struct Picked {
    /// Taken in this plan.
    pub given: Picks,
    /// Taken in the newest plan before: offered again.
    pub before: Picks,
}

impl Picked {
    /// What the plan keeps: what it takes, and what was taken before of what is open still.
    pub(super) fn kept(&self, open: &[MergeConflict]) -> Picks {
        let is_open = |key: &str| open.iter().any(|conflict| conflict.key == key);
        let before = self.before.iter().filter(|(key, _)| is_open(key));
        before.chain(&self.given).map(|(key, side)| (key.clone(), *side)).collect()
    }
}

/// A plan while it is made.
pub(super) struct Draft<'a> {
    pub sides: &'a Sides,
    pub plan: Plan,
    pub items: Vec<(ChangeId, Option<DecisionId>)>,
    /// Files by path, as they will be; `None`: removed.
    pub files: BTreeMap<String, Option<Vec<u8>>>,
    /// Files as they are.
    pub before: BTreeMap<String, Vec<u8>>,
    /// The workflows whose content goes to Git, as they are.
    pub live: Vec<Expected>,
    /// Steps in n8n: those in Git come before them.
    pub steps: Vec<NewStep>,
    pub contents: BTreeMap<Fingerprint, Vec<u8>>,
    /// What makes it a deployment, where it is one.
    pub deployment: Option<DeploymentRecord>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(sides: &'a Sides) -> Self {
        Self {
            sides,
            plan: Plan::default(),
            items: Vec::new(),
            files: BTreeMap::new(),
            before: BTreeMap::new(),
            live: Vec::new(),
            steps: Vec::new(),
            contents: BTreeMap::new(),
            deployment: None,
        }
    }

    /// Keeps a content for a step.
    pub(super) fn keep(&mut self, bytes: &[u8]) -> Fingerprint {
        let hash = drift_engine::raw_fingerprint(bytes);
        self.contents.entry(hash).or_insert_with(|| bytes.to_vec());
        hash
    }

    /// The steps that bring a workflow in n8n to this content, and what is shown of them. `ids`: n8n's ids of workflows by
    /// those that the content has for them.
    pub(super) fn apply(
        &mut self,
        change: &ChangeRecord,
        pair: &Pair,
        desired: &[u8],
        ids: &HashMap<String, String>,
        item: &mut ItemView,
    ) {
        let live = pair.live.as_deref();
        let known = self.sides.records.iter().filter_map(|record| record.live_id.as_deref()).collect();
        let made = match craft::deploy(desired, live, ids, &known, self.sides.credentials.as_deref()) {
            Ok(made) => made,
            Err(why) => {
                item.problems.push(why);
                return;
            }
        };
        item.notes.extend(made.notes);
        item.problems.extend(made.problems);
        let mut steps = OnOne::new(change, pair.live.as_deref());
        let body = self.keep(made.body.to_string().as_bytes());
        let overwrites = live.map(|live| self.keep(live));
        let runs = live.is_some_and(craft::is_active);
        let differs = craft::differs(live, desired, ids);

        if live.is_some() && !pair.is_live() {
            steps.add(StepKind::N8nUnarchive, OnWorkflow::default(), None, overwrites);
            item.writes.push(write(Target::N8n, "Bring the workflow back from n8n's archive, out of service."));
        }
        if runs && made.active == Some(false) {
            steps.add(
                StepKind::N8nPublish,
                OnWorkflow { active: Some(false), ..OnWorkflow::default() },
                None,
                overwrites,
            );
            item.writes.push(write(Target::N8n, "Take the workflow out of service."));
        }
        let shown = craft::diff(live, Some(desired), ids);
        match live {
            None => {
                steps.add(StepKind::N8nCreate, OnWorkflow::default(), Some(body), None);
                item.writes.push(with_diff("Create the workflow in n8n, which gives it a new id.", shown));
                if made.describes && self.sides.version == Some(VersionFamily::V2) {
                    // Creating takes no description (observed).
                    steps.add(StepKind::N8nWrite, OnWorkflow::default(), Some(body), Some(body));
                }
            }
            Some(answer) if differs.content => {
                let content = pair.is_live().then(|| steps::content_of(answer)).flatten();
                let on = OnWorkflow { content, ..OnWorkflow::default() };
                steps.add(StepKind::N8nWrite, on, Some(body), overwrites);
                let again = if runs && made.active != Some(false) {
                    " It is in service, and n8n publishes it anew."
                } else {
                    ""
                };
                item.writes.push(with_diff(&format!("Write Git's content over the workflow in n8n.{again}"), shown));
            }
            Some(_) => {}
        }
        if let Some(tags) = made.tags.filter(|_| live.is_none() || differs.tags) {
            let words = if tags.is_empty() { "none".to_owned() } else { tags.join(", ") };
            steps.add(StepKind::N8nTags, OnWorkflow { tags: Some(tags), ..OnWorkflow::default() }, None, overwrites);
            item.writes.push(write(Target::N8n, &format!("Set the tags to: {words}.")));
        }
        if made.active == Some(true) && (!runs || !pair.is_live()) {
            steps.add(
                StepKind::N8nPublish,
                OnWorkflow { active: Some(true), ..OnWorkflow::default() },
                None,
                overwrites,
            );
            item.writes.push(write(Target::N8n, "Put the workflow into service."));
        }
        let content = Some(self.keep(desired));
        let verify = OnWorkflow { ids: ids.clone(), ..OnWorkflow::default() };
        steps.add(StepKind::N8nVerify, verify, content, None);
        self.steps.extend(steps.all);
    }

    /// The steps that put a workflow away which Git does not have.
    pub(super) fn retire(&mut self, change: &ChangeRecord, pair: &Pair, item: &mut ItemView) {
        let Some(live) = pair.live.as_deref() else { return };
        let overwrites = Some(self.keep(live));
        let mut steps = OnOne::new(change, Some(live));
        steps.add(StepKind::N8nRetire, OnWorkflow::default(), None, overwrites);
        let what = match self.sides.version {
            Some(VersionFamily::V1) => {
                item.notes.push(NO_ARCHIVE.to_owned());
                "Take the workflow out of service. This n8n has no archive, so it stays listed."
            }
            _ => "Archive the workflow in n8n. It is not deleted, and can be brought back there.",
        };
        item.writes.push(with_diff(what, craft::diff(Some(live), None, &self.sides.live_ids)));
        self.steps.extend(steps.all);
    }

    /// What becomes of the files, in the order of their steps.
    pub(super) fn file_steps(&mut self) -> (Vec<NewStep>, Vec<FileChange>) {
        let (mut steps, mut changes) = (Vec::new(), Vec::new());
        for (path, bytes) in std::mem::take(&mut self.files) {
            let before = self.sides.file(&path).map(|listed| listed.sha.clone());
            let overwrites = self.before.get(&path).cloned().map(|bytes| self.keep(&bytes));
            let step = bytes.map(|bytes| {
                let content = Some(self.keep(&bytes));
                let request = steps::write(&steps::Blob { path: path.clone() });
                steps.push(NewStep { kind: StepKind::GitBlob, change: None, request, content, overwrites });
                i32::try_from(steps.len() - 1).unwrap_or(i32::MAX)
            });
            changes.push(FileChange { path, before, step });
        }
        (steps, changes)
    }
}

/// What a person should know before a workflow is put away where there is no archive.
const NO_ARCHIVE: &str = "n8n 1.x has no archive: the workflow goes on being listed, out of service, and so it goes on \
    differing from Git. Delete it in n8n by hand afterwards; its content stays kept here.";

/// The steps about one workflow.
struct OnOne {
    change: ChangeId,
    id: Option<String>,
    /// What the workflow must be for the first of them.
    expects: Option<Expected>,
    all: Vec<NewStep>,
}

impl OnOne {
    fn new(change: &ChangeRecord, live: Option<&[u8]>) -> Self {
        let id = live.and(change.live_id.clone());
        let expects = id.clone().map(|id| Expected { id, standing: live.and_then(steps::standing) });
        Self { change: change.id, id, expects, all: Vec::new() }
    }

    fn add(&mut self, kind: StepKind, on: OnWorkflow, content: Option<Fingerprint>, overwrites: Option<Fingerprint>) {
        let expects = if kind.writes() { self.expects.take() } else { None };
        let request: Value = steps::write(&OnWorkflow { id: self.id.clone(), expects, ..on });
        self.all.push(NewStep { kind, change: Some(self.change), request, content, overwrites });
    }
}

/// Something that is written, in a sentence.
pub(super) fn write(target: Target, what: &str) -> WriteView {
    WriteView { target, what: what.to_owned(), lines: Vec::new(), diff: None }
}

fn with_diff(what: &str, diff: DiffView) -> WriteView {
    WriteView { diff: Some(diff), ..write(Target::N8n, what) }
}
