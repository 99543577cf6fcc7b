//! Comparing two workflows.

use std::cell::LazyCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use serde_json::{Map, Value};

use super::graph::{self, Compared, Graph};
use super::matching::{self, Matches, Prepared, read_again};
use super::values::{Compare, Difference, Side};
use super::{Change, ChangeKind, Diff, Named, Sides, edges, lines};
use crate::canonical::node::{self, Step};
use crate::canonical::value::{read, read_map};
use crate::canonical::{connections, groups, settings};
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
    compare(live, desired, |_| ()).0
}

/// As [`diff()`], with the nodes and connections of both sides as one graph, whose parts name their changes.
#[must_use]
pub fn diff_with_graph(live: &Workflow, desired: &Workflow) -> (Diff, Graph) {
    compare(live, desired, graph::of)
}

fn compare<G>(live: &Workflow, desired: &Workflow, draw: impl FnOnce(Compared<'_, '_>) -> G) -> (Diff, G) {
    let (ours_shared, theirs_shared) = (live.shared_names(), desired.shared_names());
    let is_shared = |name: &str| [&ours_shared, &theirs_shared].iter().any(|names| names.binary_search(&name).is_ok());
    let ours = prepare(live, is_shared);
    let theirs = prepare(desired, is_shared);
    // Asked for where nodes or connections differ.
    let edges = LazyCell::new(|| [live, desired].map(|w| connections::edges(&w.doc, w.connections, &mut Notes::off())));
    let matches = matching::matches(&ours, &theirs, &edges);
    let renamed = renamed(&ours, &theirs, &matches);
    let mut differ = Differ { changes: Vec::new(), redactor: Redactor::new(), renamed: &renamed, not_carried: 0 };
    differ.workflow(live, desired);
    let changes_of = differ.nodes(&ours, &theirs, &matches);
    // Where every node stands under its name on both sides, the same connections are the same.
    let rewired =
        !live.doc.same(live.connections, &desired.doc, desired.connections) || !matches.keep_names(&ours, &theirs);
    let first_edge = differ.changes.len();
    let changes = if rewired { edges::changes(&ours, &theirs, &edges, &matches) } else { Vec::new() };
    for mut change in changes {
        change.node = change.node.map(|name| differ.redactor.name(&name));
        for side in [&mut change.desired, &mut change.live] {
            if let Some(Value::String(name)) = side.get_mut("node") {
                *name = differ.redactor.name(name);
            }
        }
        change.redacted = differ.redactor.take_used();
        differ.changes.push(change);
    }
    let drawn = draw(Compared {
        live: &ours,
        desired: &theirs,
        matches: &matches,
        edges: &edges,
        changes_of,
        edge_changes: first_edge..differ.changes.len(),
        redactor: &mut differ.redactor,
    });
    let mut ignored = BTreeMap::new();
    let (mut live_notes, mut desired_notes) = (Notes::on(), Notes::on());
    live.note(desired, &mut live_notes);
    desired.note(live, &mut desired_notes);
    live_notes.differences(&desired_notes, &mut ignored);
    for (i, l) in ours.iter().enumerate().filter(|(i, _)| !matches.same[*i]) {
        if let Some(j) = matches.desired_of[i] {
            l.form().notes.differences(&theirs[j].form().notes, &mut ignored);
        }
    }
    if differ.not_carried > 0 {
        ignored.insert(Rule::NotCarried, differ.not_carried);
    }
    let named = |w: &Workflow| Named { id: w.id.clone(), name: w.name().to_owned() };
    let diff = Diff {
        equal: differ.changes.iter().all(|c| c.cosmetic),
        workflow: Sides { live: named(live), desired: named(desired) },
        changes: differ.changes,
        ignored: ignored.into_iter().map(|(rule, count)| Ignored { rule, count }).collect(),
    };
    (diff, drawn)
}

/// The nodes of a workflow, of which `is_shared` says whose name another node has.
pub(crate) fn prepare(workflow: &Workflow, is_shared: impl Fn(&str) -> bool) -> Vec<Prepared<'_>> {
    let doc = &*workflow.doc;
    workflow.nodes.iter().map(|n| Prepared::new(doc, n, is_shared(doc.at(n.name)))).collect()
}

/// What an expression names that names a node which desired does not have. No node is called so.
const NEW_NODE: &str = "\u{0}a node that only live has";

/// Live names of renamed nodes and what desired calls them. A name that some node keeps, or that went to several, is left
/// out: an expression that holds it may mean either. A new node that took the name of a renamed one is another node.
pub(crate) fn renamed<'a>(
    live: &[Prepared<'a>],
    desired: &[Prepared<'a>],
    matches: &Matches,
) -> HashMap<&'a str, &'a str> {
    let taken: HashSet<&str> = desired.iter().map(|p| p.name).collect();
    let mut out: HashMap<&str, Option<&str>> = HashMap::new();
    for (i, p) in live.iter().enumerate().filter(|(_, p)| !p.is_sticky()) {
        let name = p.name;
        let new = match matches.desired_of[i] {
            Some(j) => Some(desired[j].name),
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
        let node_name = node.map(|p| self.redactor.name(p.name));
        self.changes.push(Change {
            kind,
            node: node_name,
            path,
            redacted: redacted | self.redactor.take_used(),
            desired,
            live,
            cosmetic: node.is_some_and(|p| p.is_sticky()),
            node_type: node.map(|p| p.kind.to_owned()),
            line_diff,
            origin: None,
        });
    }

    /// What is of the workflow itself: facets and settings.
    fn workflow(&mut self, live: &Workflow, desired: &Workflow) {
        let instance = live.instance || desired.instance;
        let (mut ours, theirs) = (live.facets(), desired.facets());
        if let Some(groups) = ours.get_mut("nodeGroups") {
            groups.value = groups::followed(&groups.value, self.renamed);
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

    fn settings(&mut self, live: &Workflow, desired: &Workflow) {
        let ours = settings::canonical(&live.doc, live.settings, &mut Notes::off());
        let theirs = settings::canonical(&desired.doc, desired.settings, &mut Notes::off());
        if ours.known != theirs.known {
            let (ours, theirs) = (read_again(&ours.known), read_again(&theirs.known));
            self.known_settings(Side { doc: &ours.0, json: ours.1 }, Side { doc: &theirs.0, json: theirs.1 });
        }
        for (key, d) in &theirs.unknown {
            if let Some((_, l)) = ours.unknown.iter().find(|(ours, l)| ours == key && l != d) {
                self.top(vec!["settings".into(), key.as_str().into()], &read(d), &read(l));
            }
        }
    }

    fn known_settings(&mut self, live: Side<'_>, desired: Side<'_>) {
        for Difference { desired_path, live_path } in Compare::new(self.renamed).fields(desired, live) {
            let path = desired_path.as_ref().or(live_path.as_ref()).cloned().unwrap_or_default();
            let default = match path.as_slice() {
                [Step::Key(key)] => settings::shown_default(key),
                _ => Value::Null,
            };
            let value = |side: Side<'_>, path: Option<&Vec<Step>>| {
                path.map_or_else(|| default.clone(), |path| side.at_path(path))
            };
            let (d, l) = (value(desired, desired_path.as_ref()), value(live, live_path.as_ref()));
            self.top(std::iter::once(Step::from("settings")).chain(path).collect(), &d, &l);
        }
    }

    fn top(&mut self, path: Vec<Step>, desired: &Value, live: &Value) {
        let key = path.last().map(ToString::to_string).unwrap_or_default();
        let desired = self.redactor.member(&key, desired);
        let live = self.redactor.member(&key, live);
        self.push(ChangeKind::WorkflowModified, None, path, desired, live);
    }

    /// Which changes are of which node: those of desired, then those that only live has.
    fn nodes(&mut self, live: &[Prepared<'_>], desired: &[Prepared<'_>], matches: &Matches) -> Vec<Range<usize>> {
        let mut changes_of = Vec::with_capacity(desired.len());
        for (d, live_of) in desired.iter().zip(&matches.live_of) {
            let first = self.changes.len();
            match live_of {
                Some(i) => self.pair(&live[*i], d, matches.same[*i]),
                None => {
                    let shown = self.whole(d);
                    self.push(ChangeKind::NodeRemoved, Some(d), Vec::new(), Value::Object(shown), Value::Null);
                }
            }
            changes_of.push(first..self.changes.len());
        }
        for (l, desired_of) in live.iter().zip(&matches.desired_of) {
            if desired_of.is_none() {
                let shown = self.whole(l);
                self.push(ChangeKind::NodeAdded, Some(l), Vec::new(), Value::Null, Value::Object(shown));
                changes_of.push(self.changes.len() - 1..self.changes.len());
            }
        }
        changes_of
    }

    /// A node as it is shown where the other side has none.
    fn whole(&mut self, p: &Prepared<'_>) -> Map<String, Value> {
        let mut out = self.redactor.object(&read_map(&p.form().fields));
        if p.is_sticky() {
            out.extend(self.redactor.object(&read_map(&p.form().cosmetic)));
        }
        out.insert("name".to_owned(), Value::from(self.redactor.name(p.name)));
        out
    }

    fn pair(&mut self, live: &Prepared<'_>, desired: &Prepared<'_>, same: bool) {
        if same && self.renamed.is_empty() {
            return;
        }
        if live.name != desired.name {
            let [d, l] = [desired, live].map(|p| Value::from(self.redactor.name(p.name)));
            self.push(ChangeKind::NodeRenamed, Some(desired), vec!["name".into()], d, l);
        }
        let (ours, theirs) = (live.form(), desired.form());
        if may_differ(&ours.fields, &theirs.fields, self.renamed) {
            self.fields(desired, desired.fields(), live.fields(), false);
        }
        self.soft(live, desired);
        if may_differ(&ours.cosmetic, &theirs.cosmetic, self.renamed) {
            self.fields(desired, desired.cosmetic(), live.cosmetic(), true);
        }
    }

    fn fields(&mut self, node: &Prepared<'_>, desired: Side<'_>, live: Side<'_>, cosmetic: bool) {
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
        for Difference { desired_path, live_path } in differences {
            let path = desired_path.as_ref().or(live_path.as_ref()).cloned().unwrap_or_default();
            let default = match path.as_slice() {
                [Step::Key(key)] => node::default_of(key),
                _ => Value::Null,
            };
            let mut shown = |side: Side<'_>, path: Option<&Vec<Step>>| {
                path.map_or_else(|| default.clone(), |path| self.redactor.at_path(side.doc, side.json, path))
            };
            let (d, l) = (shown(desired, desired_path.as_ref()), shown(live, live_path.as_ref()));
            self.push(ChangeKind::NodeModified, Some(node), path, d, l);
            if let Some(change) = self.changes.last_mut() {
                change.cosmetic |= cosmetic;
            }
        }
    }

    /// Values that count only where both sides have them.
    fn soft(&mut self, live: &Prepared<'_>, desired: &Prepared<'_>) {
        for path in soft_differences(live, desired) {
            let key = path.last().map(ToString::to_string).unwrap_or_default();
            let d = self.redactor.member(&key, &written(desired, path));
            let l = self.redactor.member(&key, &written(live, path));
            self.push(ChangeKind::NodeModified, Some(desired), path.clone(), d, l);
        }
    }
}

/// Whether two nodes that belong together differ in anything that is drift. `renamed` as for [`Compare`].
pub(crate) fn differ(live: &Prepared<'_>, desired: &Prepared<'_>, renamed: &HashMap<&str, &str>) -> bool {
    if (live.is_sticky() && desired.is_sticky()) || (renamed.is_empty() && live.is_same(desired)) {
        return false;
    }
    let fields = || Compare::new(renamed).fields(desired.fields(), live.fields());
    live.name != desired.name
        || (may_differ(&live.form().fields, &desired.form().fields, renamed) && !fields().is_empty())
        || !soft_differences(live, desired).is_empty()
}

/// Whether there is anything to look for: the same text differs only where it names a node that was renamed.
fn may_differ(live: &[u8], desired: &[u8], renamed: &HashMap<&str, &str>) -> bool {
    live != desired || (!renamed.is_empty() && live.contains(&b'$'))
}

/// Where values differ that are compared where both sides have them.
fn soft_differences<'p>(live: &Prepared<'_>, desired: &'p Prepared<'_>) -> Vec<&'p Vec<Step>> {
    if live.form().soft.is_empty() || desired.form().soft.is_empty() {
        return Vec::new();
    }
    let ours: HashMap<_, _> = live.form().soft.iter().map(|(path, value)| (path, value)).collect();
    let theirs = desired.form().soft.iter();
    // Where a list grew or shrank, which is a change of its own, an index means another element.
    theirs
        .filter(|(path, d)| ours.get(path).is_some_and(|l| *l != d) && lists_align(live, desired, path))
        .map(|(path, _)| path)
        .collect()
}

/// What a node has at a path, as it was written.
fn written(p: &Prepared<'_>, path: &[Step]) -> Value {
    Side { doc: p.doc, json: p.json }.at_path(path)
}

/// Whether the lists along the path are of one length on both sides.
fn lists_align(live: &Prepared<'_>, desired: &Prepared<'_>, path: &[Step]) -> bool {
    path.iter().enumerate().filter(|(_, step)| matches!(step, Step::Index(_))).all(|(i, _)| {
        let length = |p: &Prepared<'_>| p.doc.at_path(p.json, &path[..i]).map(|list| p.doc.items(list).len());
        length(live) == length(desired)
    })
}
