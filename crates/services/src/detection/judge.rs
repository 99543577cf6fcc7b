//! Judging what two whole looks mean: what agrees, what differs as it did, what differs anew.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use drift_domain::change::{ChangeState, ChangeType, Origin};
use drift_domain::environment::EnvironmentClass;
use drift_domain::failure::{Failure, FailureKind, Side};
use drift_domain::fingerprint::Fingerprint;
use drift_domain::ids::ChangeId;
use drift_domain::severity::{SeverityFacts, severity};
use drift_engine::{Base, ChangeTraits, Limits, Prints, Step, Workflow};
use drift_n8n::LiveEnvironment;
use drift_store::changes::ChangeRecord;
use drift_store::environments::EnvironmentRecord;
use drift_store::workflows::WorkflowRecord;
use serde_json::Value;

use super::CheckError;
use super::identity::{LiveKey, Pairing};
use super::look::{Item, Looked, LookedAtGit};
use super::reading::Read;
use crate::Services;

/// What a check makes of one workflow.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Both sides have the same, or neither has it.
    Agrees {
        /// The prints of what they have.
        prints: Option<Prints>,
        /// Where the desired content is kept.
        snapshot: Option<Fingerprint>,
    },
    /// They differ exactly as the open change says.
    AsBefore { change: ChangeId, unpublished_draft: bool },
    /// They differ, and no open change says so yet.
    Differs(Box<Difference>),
}

/// A difference that is not on record yet.
#[derive(Debug)]
pub(super) struct Difference {
    pub change_type: ChangeType,
    pub origin: Origin,
    pub severity: drift_domain::severity::Severity,
    pub summary: String,
    pub traits: ChangeTraits,
    /// What differs, field by field; see [`Shown::fields`].
    pub fields: Vec<String>,
    /// The live content as it was read, its hash and its prints.
    pub live: Option<(Fingerprint, Vec<u8>, Prints)>,
    /// Where the desired content is kept, and its prints.
    pub desired: Option<(Fingerprint, Prints)>,
    pub unpublished_draft: bool,
    /// When n8n says that the live side moved, of a hotfix.
    pub live_moved_at: Option<DateTime<Utc>>,
}

/// Everything that a judgement is made of.
pub(super) struct Evidence<'a> {
    pub environment: &'a EnvironmentRecord,
    pub records: &'a [WorkflowRecord],
    pub open: &'a [ChangeRecord],
    /// Changes that the product is carrying out just now: n8n may hold a part of it.
    pub written: &'a HashSet<ChangeId>,
    pub live: &'a Looked<LiveKey>,
    pub git: &'a LookedAtGit,
    pub pairing: &'a Pairing,
}

impl Services {
    /// One verdict a pair, in the order of the pairs.
    pub(super) async fn judge(
        &self,
        evidence: &Evidence<'_>,
        n8n: &dyn LiveEnvironment,
    ) -> Result<Vec<Verdict>, CheckError> {
        let open = OnRecord::of(evidence.open);
        let names = StableNames::of(evidence);
        let mut verdicts = Vec::with_capacity(evidence.pairing.pairs.len());
        for pair in &evidence.pairing.pairs {
            let live = pair.live.map(|i| &evidence.live.items[i]);
            let desired = pair.desired.map(|i| &evidence.git.side.items[i]);
            let record = pair.record.map(|i| &evidence.records[i]);
            let known = record.and_then(|r| open.same(r.id, live.map(|l| &l.read), desired.map(|d| &d.read)));
            let verdict = match (live, desired, known) {
                (None, None, _) => Verdict::Agrees { prints: None, snapshot: None },
                (Some(l), Some(d), _) if l.read.prints.agree(&d.read.prints) => agreed(d, d.read.prints.clone()),
                // Calls to workflows may mean the same by now, though no byte moved: links are made by people, too.
                (_, _, Some(known)) if !names.concern(live.map(|l| &l.read), desired.map(|d| &d.read)) => {
                    as_before(known, live)
                }
                _ => self.open_up(evidence, known, live, desired, record, &names, n8n).await?,
            };
            verdicts.push(verdict);
        }
        Ok(verdicts)
    }

    /// Reads both contents and tells what differs.
    #[expect(
        clippy::too_many_arguments,
        reason = "one pair and what it is judged by; a struct would name each once more"
    )]
    async fn open_up<D>(
        &self,
        evidence: &Evidence<'_>,
        known: Option<&ChangeRecord>,
        live: Option<&Item<LiveKey>>,
        desired: Option<&Item<D>>,
        record: Option<&WorkflowRecord>,
        names: &StableNames,
        n8n: &dyn LiveEnvironment,
    ) -> Result<Verdict, CheckError> {
        let live_bytes = match live {
            None => None,
            Some(item) => Some(whole(n8n, item).await?),
        };
        let desired_bytes = match desired {
            None => None,
            Some(item) => Some(self.snapshot(evidence.environment.organization_id, item.raw).await?),
        };
        let live_flow = live_bytes.as_deref().map(|b| read(Side::Live, b)).transpose()?;
        let desired_flow = desired_bytes.as_deref().map(|b| read(Side::Desired, b)).transpose()?;
        // What n8n answered just now is what is judged and kept, even if it moved since the list.
        let live_prints = live_flow.as_ref().map(Workflow::prints);
        let desired_prints = desired_flow.as_ref().map(Workflow::prints);

        let live_mapped = live_flow.map(|flow| names.live(flow));
        let desired_mapped = desired_flow.map(|flow| names.desired(flow));
        // The baseline is in stable names, so that it can be told from which side an instance of its own left it.
        let (live_base, desired_base) =
            (live_mapped.as_ref().map(Workflow::prints), desired_mapped.as_ref().map(Workflow::prints));
        if let (Some(l), Some(d), Some(item)) = (&live_base, &desired_base, desired)
            && l.agree(d)
        {
            return Ok(agreed(item, d.clone()));
        }
        if let Some(known) = known {
            return Ok(as_before(known, live));
        }
        let shown = Shown::of(live_mapped.as_ref(), desired_mapped.as_ref());
        let change_type = match (&live_prints, &desired_prints) {
            (Some(_), None) => ChangeType::Added,
            (None, Some(_)) => ChangeType::Removed,
            _ => ChangeType::Modified,
        };
        let origin = origin_of(evidence, record, live_base.as_ref(), desired_base.as_ref())?;
        let live_moved_at = live_bytes.as_deref().filter(|_| origin == Origin::Hotfix).and_then(updated_at);
        let live_active = live_mapped.as_ref().and_then(Workflow::active).unwrap_or(false);
        Ok(Verdict::Differs(Box::new(Difference {
            change_type,
            origin,
            severity: weigh(change_type, &shown.traits, live_active, evidence.environment.connection.class),
            summary: shown.summary,
            traits: shown.traits,
            fields: shown.fields,
            live: live_bytes.zip(live_prints).map(|(b, p)| (drift_engine::raw_fingerprint(&b), b, p)),
            desired: desired.map(|item| item.raw).zip(desired_prints),
            unpublished_draft: live.is_some_and(|l| l.read.draft),
            live_moved_at,
        })))
    }
}

/// When n8n says that a workflow was edited last. What it does not say, or not as a time, is not known.
fn updated_at(live: &[u8]) -> Option<DateTime<Utc>> {
    #[derive(serde::Deserialize)]
    struct Moved {
        #[serde(rename = "updatedAt")]
        updated_at: DateTime<Utc>,
    }
    serde_json::from_slice::<Moved>(live).ok().map(|moved| moved.updated_at)
}

fn as_before(known: &ChangeRecord, live: Option<&Item<LiveKey>>) -> Verdict {
    Verdict::AsBefore { change: known.id, unpublished_draft: live.is_some_and(|l| l.read.draft) }
}

fn agreed<K>(desired: &Item<K>, prints: Prints) -> Verdict {
    Verdict::Agrees { prints: Some(prints), snapshot: Some(desired.raw) }
}

/// The changes on record by workflow: what the last check saw, and what vanished before that.
struct OnRecord<'a>(HashMap<uuid::Uuid, Vec<&'a ChangeRecord>>);

impl<'a> OnRecord<'a> {
    fn of(open: &'a [ChangeRecord]) -> Self {
        let mut by_workflow: HashMap<uuid::Uuid, Vec<&ChangeRecord>> = HashMap::new();
        for change in open {
            by_workflow.entry(change.workflow_id).or_default().push(change);
        }
        Self(by_workflow)
    }

    /// The change that says exactly what the sides are now: the one seen last; where none was, one that had vanished and
    /// is back.
    fn same(&self, workflow: uuid::Uuid, live: Option<&Read>, desired: Option<&Read>) -> Option<&'a ChangeRecord> {
        let changes = self.0.get(&workflow)?;
        match changes.iter().find(|change| change.state == ChangeState::Open) {
            Some(seen_last) => Some(*seen_last).filter(|change| same(change, live, desired)),
            None => changes.iter().copied().find(|change| same(change, live, desired)),
        }
    }
}

/// Whether an open change says exactly what the sides are now.
fn same(change: &ChangeRecord, live: Option<&Read>, desired: Option<&Read>) -> bool {
    let equal = |stored: &Option<Value>, now: Option<&Read>| match (stored, now) {
        (None, None) => true,
        (Some(stored), Some(now)) => {
            serde_json::from_value::<Prints>(stored.clone()).is_ok_and(|stored| stored == now.prints)
        }
        _ => false,
    };
    equal(&change.live_prints, live) && equal(&change.desired_prints, desired)
}

/// The whole workflow as n8n has it now: the list leaves the description out.
async fn whole(n8n: &dyn LiveEnvironment, item: &Item<LiveKey>) -> Result<Vec<u8>, CheckError> {
    match n8n.get(&item.key.id).await? {
        Some(bytes) => Ok(bytes.to_vec()),
        None => {
            let message = format!(
                "The workflow “{}” went away while it was being looked at. The next check sees it as it is then.",
                item.key.name
            );
            Err(Failure::new(Side::Live, FailureKind::PartialListing, message).into())
        }
    }
}

fn read(side: Side, bytes: &[u8]) -> Result<Workflow, CheckError> {
    drift_engine::parse(bytes, &Limits::default())
        .map_err(|error| Failure::new(side, FailureKind::BrokenContent, error.to_string()).into())
}

fn origin_of(
    evidence: &Evidence<'_>,
    record: Option<&WorkflowRecord>,
    live: Option<&Prints>,
    desired: Option<&Prints>,
) -> Result<Origin, CheckError> {
    let first_check = evidence.environment.last_checked_at.is_none();
    let baseline: Option<Prints> = record
        .and_then(|r| r.baseline.clone())
        .map(serde_json::from_value)
        .transpose()
        .map_err(CheckError::internal)?;
    let base = match (&baseline, record) {
        (Some(prints), _) => Base::Content(prints),
        // Seen before and never agreed on: there is nothing to tell by.
        (None, Some(record)) if record.agreed_at.is_none() => Base::Unknown,
        (None, Some(_)) => Base::Absent,
        // Not seen by the earlier checks: both sides agreed on its absence.
        (None, None) if first_check => Base::Unknown,
        (None, None) => Base::Absent,
    };
    Ok(drift_engine::origin(base, live, desired))
}

fn weigh(
    change_type: ChangeType,
    traits: &ChangeTraits,
    live_active: bool,
    class: EnvironmentClass,
) -> drift_domain::severity::Severity {
    let facts = SeverityFacts {
        change_type,
        live_active,
        active_flipped: traits.activated || traits.deactivated,
        credentials: traits.credentials && change_type == ChangeType::Modified,
        executable: !traits.only_labels(),
    };
    severity(facts, class)
}

/// One line and the facts of a diff; of a side that is missing, against nothing.
pub(crate) struct Shown {
    /// One line.
    pub summary: String,
    /// The facts that severity follows from.
    pub traits: ChangeTraits,
    /// The fields that differ, each by its node and its path, without the places in lists: what recurs is told by them. The
    /// one word `*` stands for the whole workflow.
    pub fields: Vec<String>,
}

/// More fields than this are the whole workflow.
const FIELDS: usize = 200;

impl Shown {
    fn of(live: Option<&Workflow>, desired: Option<&Workflow>) -> Self {
        match (live, desired) {
            (Some(live), Some(desired)) => {
                let diff = drift_engine::diff(live, desired);
                Self { summary: diff.summary().text, traits: diff.traits(), fields: fields(&diff) }
            }
            (one, other) => {
                let (flow, place) = match (one, other) {
                    (Some(flow), _) => (Some(flow), "Only in n8n"),
                    (_, flow) => (flow, "Only in Git"),
                };
                let nodes = flow.map_or(0, Workflow::node_count);
                let runs = if flow.and_then(Workflow::active) == Some(true) { ", active" } else { "" };
                let summary = format!("{place}: {nodes} {}{runs}", if nodes == 1 { "node" } else { "nodes" });
                let traits = ChangeTraits { nodes: true, ..ChangeTraits::default() };
                Self { summary, traits, fields: vec!["*".to_owned()] }
            }
        }
    }
}

fn fields(diff: &drift_engine::Diff) -> Vec<String> {
    let named = diff.drift().map(|change| {
        let path = change.path.iter().map(|step| match step {
            Step::Key(key) => key.as_str(),
            Step::Index(_) => "[]",
        });
        let node = change.node.as_deref().unwrap_or_default();
        std::iter::once(node).chain(path).collect::<Vec<_>>().join("/")
    });
    let fields: BTreeSet<String> = named.collect();
    if fields.len() > FIELDS { vec!["*".to_owned()] } else { fields.into_iter().collect() }
}

/// Names for workflow ids that mean the same on both sides, where Git was written by another instance.
pub(super) struct StableNames {
    live: HashMap<String, String>,
    desired: HashMap<String, String>,
}

impl StableNames {
    fn of(evidence: &Evidence<'_>) -> Self {
        let mut names = Self { live: HashMap::new(), desired: HashMap::new() };
        for pair in &evidence.pairing.pairs {
            let (Some(l), Some(d)) = (pair.live, pair.desired) else { continue };
            let (l, d) = (&evidence.live.items[l].key, &evidence.git.side.items[d].key);
            if let Some(foreign) = d.id.as_ref().filter(|id| **id != l.id) {
                // The file's path: unique, where names need not be.
                names.live.insert(l.id.clone(), d.path.clone());
                names.desired.insert(foreign.clone(), d.path.clone());
            }
        }
        names
    }

    /// Whether one of these may call a workflow by an id that has a stable name.
    fn concern(&self, live: Option<&Read>, desired: Option<&Read>) -> bool {
        !self.live.is_empty() && [live, desired].into_iter().flatten().any(|read| read.refers)
    }

    fn live(&self, flow: Workflow) -> Workflow {
        mapped(flow, &self.live)
    }

    fn desired(&self, flow: Workflow) -> Workflow {
        mapped(flow, &self.desired)
    }
}

fn mapped(flow: Workflow, names: &HashMap<String, String>) -> Workflow {
    if names.is_empty() || flow.references().is_empty() {
        return flow;
    }
    flow.with_ids(&|id| names.get(id).cloned())
}
