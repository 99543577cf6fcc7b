//! Comparing two workflows.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Map, Value};

use super::matching::{self, Matches, Prepared};
use super::values::{Compare, Difference, at_path};
use super::{Change, ChangeKind, Diff, Named, Sides, edges, lines};
use crate::canonical::node::{self, STICKY, Step};
use crate::canonical::{connections, settings};
use crate::ignored::{Ignored, Notes, Rule};
use crate::prints::one_sided_differs;
use crate::redact::Redactor;
use crate::workflow::Workflow;

/// Compares what runs with what Git declares.
///
/// There is a change that is not cosmetic exactly where the two [prints](Workflow::prints) do not
/// [agree](crate::Prints::agree). Secrets are replaced on both sides together: a secret that changed shows as two labels,
/// one that did not as the same label.
#[must_use]
pub fn diff(live: &Workflow, desired: &Workflow) -> Diff {
    let shared: HashSet<String> = live.shared_names().union(&desired.shared_names()).cloned().collect();
    let ours = prepare(live, &shared);
    let theirs = prepare(desired, &shared);
    let live_edges = connections::edges(&live.connections, &mut Notes::off());
    let desired_edges = connections::edges(&desired.connections, &mut Notes::off());
    let matches = matching::matches(&ours, &theirs, [&live_edges, &desired_edges]);
    let renamed = renamed(&ours, &theirs, &matches);
    let mut differ = Differ { changes: Vec::new(), redactor: Redactor::new(), renamed: &renamed, not_carried: 0 };
    differ.workflow(live, desired);
    differ.nodes(&ours, &theirs, &matches);
    for mut change in edges::changes(&ours, &theirs, [&live_edges, &desired_edges], &matches) {
        change.node = change.node.map(|name| differ.redactor.name(&name));
        for side in [&mut change.desired, &mut change.live] {
            if let Some(Value::String(name)) = side.get_mut("node") {
                *name = differ.redactor.name(name);
            }
        }
        change.redacted = differ.redactor.take_used();
        differ.changes.push(change);
    }
    let mut ignored = BTreeMap::new();
    live.notes().differences(&desired.notes(), &mut ignored);
    for (l, desired_of) in ours.iter().zip(&matches.desired_of) {
        if let Some(j) = desired_of {
            l.notes.differences(&theirs[*j].notes, &mut ignored);
        }
    }
    if differ.not_carried > 0 {
        ignored.insert(Rule::NotCarried, differ.not_carried);
    }
    let named = |w: &Workflow| Named { id: w.id.clone(), name: w.name().to_owned() };
    Diff {
        equal: differ.changes.iter().all(|c| c.cosmetic),
        workflow: Sides { live: named(live), desired: named(desired) },
        changes: differ.changes,
        ignored: ignored.into_iter().map(|(rule, count)| Ignored { rule, count }).collect(),
    }
}

fn prepare<'a>(workflow: &'a Workflow, shared: &HashSet<String>) -> Vec<Prepared<'a>> {
    workflow.nodes.iter().map(|n| Prepared::new(n, shared.contains(&n.name))).collect()
}

/// What an expression names that names a node which desired does not have. No node is called so.
const NEW_NODE: &str = "\u{0}a node that only live has";

/// Live names of renamed nodes and what desired calls them. A name that some node keeps, or that went to several, is left
/// out: an expression that holds it may mean either. A new node that took the name of a renamed one is another node.
fn renamed<'a>(live: &[Prepared<'a>], desired: &[Prepared<'a>], matches: &Matches) -> HashMap<&'a str, &'a str> {
    let taken: HashSet<&str> = desired.iter().map(|p| p.node.name.as_str()).collect();
    let mut out: HashMap<&str, Option<&str>> = HashMap::new();
    for (i, p) in live.iter().enumerate().filter(|(_, p)| p.node.kind != STICKY) {
        let name = p.node.name.as_str();
        let new = match matches.desired_of[i] {
            Some(j) => Some(desired[j].node.name.as_str()),
            None => taken.contains(name).then_some(NEW_NODE),
        };
        out.entry(name).and_modify(|seen| *seen = seen.filter(|s| Some(*s) == new)).or_insert(new);
    }
    out.into_iter().filter_map(|(from, to)| to.filter(|to| *to != from).map(|to| (from, to))).collect()
}

struct Differ<'r> {
    changes: Vec<Change>,
    redactor: Redactor,
    renamed: &'r HashMap<&'r str, &'r str>,
    not_carried: usize,
}

impl Differ<'_> {
    fn push(&mut self, kind: ChangeKind, node: Option<&Prepared<'_>>, path: Vec<Step>, desired: Value, live: Value) {
        let line_diff = match (&desired, &live) {
            (Value::String(desired), Value::String(live)) => lines::hunks(desired, live),
            _ => Vec::new(),
        };
        let redacted = self.redactor.take_used();
        let node_name = node.map(|p| self.redactor.name(&p.node.name));
        self.changes.push(Change {
            kind,
            node: node_name,
            path,
            redacted: redacted | self.redactor.take_used(),
            desired,
            live,
            cosmetic: node.is_some_and(|p| p.node.kind == STICKY),
            node_type: node.map(|p| p.node.kind.clone()),
            line_diff,
            origin: None,
        });
    }

    /// What is of the workflow itself: facets and settings.
    fn workflow(&mut self, live: &Workflow, desired: &Workflow) {
        let instance = live.instance || desired.instance;
        let (mut ours, theirs) = (live.facets(), desired.facets());
        if let Some(groups) = ours.get_mut("nodeGroups") {
            groups.value = self.groups_followed(&groups.value);
        }
        for key in ["name", "active", "isArchived", "description", "tags", "nodeGroups"] {
            let (l, d) = (ours.get(key), theirs.get(key));
            let differs = match (l, d) {
                (Some(l), Some(d)) => l.value != d.value,
                (Some(one), None) | (None, Some(one)) => {
                    let differs = one_sided_differs(one.default, instance);
                    self.not_carried += usize::from(!one.default && !differs);
                    differs
                }
                (None, None) => false,
            };
            if differs {
                let shown = |facet: Option<&crate::prints::Facet>| match (facet, key) {
                    (Some(facet), _) => facet.value.clone(),
                    (None, "active" | "isArchived") => Value::from(false),
                    (None, _) => Value::Null,
                };
                self.top(vec![key.into()], &shown(d), &shown(l));
            }
        }
        self.settings(live, desired);
    }

    fn groups_followed(&self, value: &Value) -> Value {
        match value {
            Value::String(s) => Value::from(self.renamed.get(s.as_str()).copied().unwrap_or(s)),
            Value::Array(items) => {
                let mut items: Vec<_> = items.iter().map(|v| self.groups_followed(v)).collect();
                if !self.renamed.is_empty() {
                    items.sort_by_cached_key(crate::canonical::value::bytes);
                }
                Value::Array(items)
            }
            Value::Object(map) => {
                Value::Object(map.iter().map(|(k, v)| (k.clone(), self.groups_followed(v))).collect())
            }
            other => other.clone(),
        }
    }

    fn settings(&mut self, live: &Workflow, desired: &Workflow) {
        let ours = settings::canonical(&live.settings, &mut Notes::off());
        let theirs = settings::canonical(&desired.settings, &mut Notes::off());
        for Difference { desired_path, live_path } in Compare::new(self.renamed).fields(&theirs.known, &ours.known) {
            let path = desired_path.as_ref().or(live_path.as_ref()).cloned().unwrap_or_default();
            let default = match path.as_slice() {
                [Step::Key(key)] => settings::shown_default(key),
                _ => Value::Null,
            };
            let value = |side: &Map<String, Value>, path: Option<&Vec<Step>>| {
                path.map_or_else(|| default.clone(), |path| at_path(side, path).clone())
            };
            let (d, l) = (value(&theirs.known, desired_path.as_ref()), value(&ours.known, live_path.as_ref()));
            self.top(std::iter::once(Step::from("settings")).chain(path).collect(), &d, &l);
        }
        for (key, d) in &theirs.unknown {
            if let Some(l) = ours.unknown.get(key).filter(|l| *l != d) {
                self.top(vec!["settings".into(), key.as_str().into()], d, l);
            }
        }
    }

    fn top(&mut self, path: Vec<Step>, desired: &Value, live: &Value) {
        let key = path.last().map(ToString::to_string).unwrap_or_default();
        let desired = self.redactor.member(&key, desired);
        let live = self.redactor.member(&key, live);
        self.push(ChangeKind::WorkflowModified, None, path, desired, live);
    }

    fn nodes(&mut self, live: &[Prepared<'_>], desired: &[Prepared<'_>], matches: &Matches) {
        for (d, live_of) in desired.iter().zip(&matches.live_of) {
            match live_of {
                Some(i) => self.pair(&live[*i], d),
                None => {
                    let shown = self.whole(d);
                    self.push(ChangeKind::NodeRemoved, Some(d), Vec::new(), Value::Object(shown), Value::Null);
                }
            }
        }
        for (l, desired_of) in live.iter().zip(&matches.desired_of) {
            if desired_of.is_none() {
                let shown = self.whole(l);
                self.push(ChangeKind::NodeAdded, Some(l), Vec::new(), Value::Null, Value::Object(shown));
            }
        }
    }

    /// A node as it is shown where the other side has none.
    fn whole(&mut self, p: &Prepared<'_>) -> Map<String, Value> {
        let mut out = self.redactor.object(&p.form.fields);
        if p.node.kind == STICKY {
            out.extend(self.redactor.object(&p.form.cosmetic));
        }
        out.insert("name".to_owned(), Value::from(self.redactor.name(&p.node.name)));
        out
    }

    fn pair(&mut self, live: &Prepared<'_>, desired: &Prepared<'_>) {
        if live.node.name != desired.node.name {
            let [d, l] = [desired, live].map(|p| Value::from(self.redactor.name(&p.node.name)));
            self.push(ChangeKind::NodeRenamed, Some(desired), vec!["name".into()], d, l);
        }
        self.fields(desired, &desired.form.fields, &live.form.fields, false);
        self.soft(live, desired);
        self.fields(desired, &desired.form.cosmetic, &live.form.cosmetic, true);
    }

    fn fields(&mut self, node: &Prepared<'_>, desired: &Map<String, Value>, live: &Map<String, Value>, cosmetic: bool) {
        if self.renamed.is_empty() && desired == live {
            return;
        }
        let (mut differences, mut positions) = (Compare::new(self.renamed).fields(desired, live), Vec::new());
        // A position is one thing, not two numbers.
        differences.retain(|d| {
            let path = d.desired_path.as_ref().or(d.live_path.as_ref());
            let position = cosmetic && path.is_some_and(|p| p.first() == Some(&Step::from("position")));
            if position {
                positions.push(());
            }
            !position
        });
        if !positions.is_empty() {
            let path = Some(vec![Step::from("position")]);
            differences.push(Difference { desired_path: path.clone(), live_path: path });
        }
        if differences.is_empty() {
            return;
        }
        let (shown_desired, shown_live) = (self.redactor.object(desired), self.redactor.object(live));
        self.redactor.take_used();
        for Difference { desired_path, live_path } in differences {
            let path = desired_path.as_ref().or(live_path.as_ref()).cloned().unwrap_or_default();
            let default = match path.as_slice() {
                [Step::Key(key)] => node::default_of(key),
                _ => Value::Null,
            };
            let value = |side: &Map<String, Value>, path: Option<&Vec<Step>>| {
                path.map_or_else(|| default.clone(), |path| at_path(side, path).clone())
            };
            let d = value(&shown_desired, desired_path.as_ref());
            let l = value(&shown_live, live_path.as_ref());
            let redacted = d != value(desired, desired_path.as_ref()) || l != value(live, live_path.as_ref());
            self.push(ChangeKind::NodeModified, Some(node), path, d, l);
            if let Some(change) = self.changes.last_mut() {
                change.redacted = redacted;
                change.cosmetic |= cosmetic;
            }
        }
    }

    /// Values that count only where both sides have them.
    fn soft(&mut self, live: &Prepared<'_>, desired: &Prepared<'_>) {
        let ours: HashMap<_, _> = live.form.soft.iter().map(|(path, value)| (path, value)).collect();
        for (path, d) in &desired.form.soft {
            let Some(l) = ours.get(path) else { continue };
            // Where a list grew or shrank, which is a change of its own, an index means another element.
            if d != *l && lists_align(&live.node.raw, &desired.node.raw, path) {
                let key = path.last().map(ToString::to_string).unwrap_or_default();
                let d = self.redactor.member(&key, at_path(&desired.node.raw, path));
                let l = self.redactor.member(&key, at_path(&live.node.raw, path));
                self.push(ChangeKind::NodeModified, Some(desired), path.clone(), d, l);
            }
        }
    }
}

/// Whether the lists along the path are of one length on both sides.
fn lists_align(live: &Map<String, Value>, desired: &Map<String, Value>, path: &[Step]) -> bool {
    path.iter().enumerate().filter(|(_, step)| matches!(step, Step::Index(_))).all(|(i, _)| {
        let length = |side| at_path(side, &path[..i]).as_array().map(Vec::len);
        length(live) == length(desired)
    })
}
