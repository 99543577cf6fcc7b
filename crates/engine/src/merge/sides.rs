//! The three sides of a merge, and which node of one is which of the others.

use std::cell::LazyCell;
use std::collections::{HashMap, HashSet};
use std::ops::{Index, IndexMut};

use drift_domain::views::MergeSide::{self, Base, Desired, Live};

use crate::canonical::connections::{self, Edge};
use crate::diff::compare::{differ, prepare, renamed};
use crate::diff::matching::{Matches, Prepared, add_certain, matches};
use crate::ignored::Notes;
use crate::workflow::Workflow;

/// Something of each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Each<T> {
    live: T,
    desired: T,
    base: T,
}

impl<T> Each<T> {
    /// What `make` gives for each side.
    pub(super) fn of(mut make: impl FnMut(MergeSide) -> T) -> Self {
        Self { live: make(Live), desired: make(Desired), base: make(Base) }
    }
}

impl<T> Index<MergeSide> for Each<T> {
    type Output = T;

    fn index(&self, side: MergeSide) -> &T {
        match side {
            Live => &self.live,
            Desired => &self.desired,
            Base => &self.base,
        }
    }
}

impl<T> IndexMut<MergeSide> for Each<T> {
    fn index_mut(&mut self, side: MergeSide) -> &mut T {
        match side {
            Live => &mut self.live,
            Desired => &mut self.desired,
            Base => &mut self.base,
        }
    }
}

/// One node through all sides: its place among the nodes of each side that has it.
pub(super) type Entity = Each<Option<usize>>;

/// Names of nodes of one side, and what another side calls the same nodes where it calls them otherwise.
type Renames<'a> = HashMap<&'a str, &'a str>;

/// The three workflows, read so far that their nodes can be compared.
pub(super) struct Sides<'a> {
    /// The workflows. Base may be unknown.
    pub(super) flows: Each<Option<&'a Workflow>>,
    /// Their nodes.
    pub(super) nodes: Each<Vec<Prepared<'a>>>,
    /// Their connections, in the order in which they stand in the file.
    pub(super) edges: Each<Vec<Edge<'a>>>,
    /// Every node that any side has, in the order of live, then of desired, then of base.
    pub(super) entities: Vec<Entity>,
    /// By one side and another.
    renames: Each<Each<Renames<'a>>>,
}

impl<'a> Sides<'a> {
    pub(super) fn new(base: Option<&'a Workflow>, live: &'a Workflow, desired: &'a Workflow) -> Self {
        let flows = Each { live: Some(live), desired: Some(desired), base };
        let shared: Vec<_> =
            MergeSide::ALL.iter().filter_map(|side| flows[*side]).map(Workflow::shared_names).collect();
        let is_shared = |name: &str| shared.iter().any(|names| names.binary_search(&name).is_ok());
        let nodes = Each::of(|side| flows[side].map_or_else(Vec::new, |flow| prepare(flow, is_shared)));
        let edges = Each::of(|side| {
            flows[side]
                .map_or_else(Vec::new, |flow| connections::in_order(&flow.doc, flow.connections, &mut Notes::off()))
        });
        let entities = entities(&nodes, &edges, base.is_some());
        let renames = Each::of(|from| Each::of(|to| renames(&nodes, &entities, from, to)));
        Self { flows, nodes, edges, entities, renames }
    }

    /// Whether the last common content is known.
    pub(super) fn has_base(&self) -> bool {
        self.flows[Base].is_some()
    }

    /// A node as a side has it.
    pub(super) fn node(&self, entity: usize, side: MergeSide) -> Option<&Prepared<'a>> {
        self.entities[entity][side].map(|i| &self.nodes[side][i])
    }

    /// Whether it is a note on the canvas.
    pub(super) fn is_sticky(&self, entity: usize) -> bool {
        self.face(entity).is_some_and(Prepared::is_sticky)
    }

    /// The node that people know it by: base's, else that of the two whose name comes first, so that the sides are alike.
    pub(super) fn face(&self, entity: usize) -> Option<&Prepared<'a>> {
        let newer = || [Live, Desired].into_iter().filter_map(|side| self.node(entity, side));
        self.node(entity, Base).or_else(|| newer().min_by_key(|p| (p.name, p.id)))
    }

    /// What `to` calls the nodes of `from` that it calls otherwise.
    pub(super) fn renames(&self, from: MergeSide, to: MergeSide) -> &Renames<'a> {
        &self.renames[from][to]
    }

    /// Whether a node differs between two sides in what is drift, or only one of them has it. Expressions that follow a
    /// rename do not differ, read either way: one that did not follow has lost its node.
    pub(super) fn differs(&self, entity: usize, one: MergeSide, other: MergeSide) -> bool {
        match (self.node(entity, one), self.node(entity, other)) {
            (None, None) => false,
            (Some(a), Some(b)) => differ(a, b, self.renames(one, other)) || differ(b, a, self.renames(other, one)),
            _ => true,
        }
    }
}

/// Names of `from` and what `to` calls the same nodes where it calls them otherwise. A node that one of the two lacks goes by
/// its name in base there: so do the expressions that name it still.
fn renames<'a>(
    nodes: &Each<Vec<Prepared<'a>>>,
    entities: &[Entity],
    from: MergeSide,
    to: MergeSide,
) -> HashMap<&'a str, &'a str> {
    if from == to || nodes[to].is_empty() {
        return HashMap::new();
    }
    let mut pairs = Matches::none(nodes[from].len(), nodes[to].len());
    for entity in entities {
        if let (Some(i), Some(j)) = (entity[from], entity[to]) {
            pairs.pair(i, j);
        }
    }
    let mut out = renamed(&nodes[from], &nodes[to], &pairs);
    let [ours, theirs] = [from, to].map(|side| nodes[side].iter().map(|p| p.name).collect::<HashSet<_>>());
    for entity in entities {
        let Some(base) = entity[Base].map(|k| nodes[Base][k].name) else { continue };
        match (entity[from].map(|i| nodes[from][i].name), entity[to].map(|j| nodes[to][j].name)) {
            (Some(old), None) if old != base && !theirs.contains(base) => drop(out.entry(old).or_insert(base)),
            (None, Some(new)) if new != base && !ours.contains(base) => drop(out.entry(base).or_insert(new)),
            _ => {}
        }
    }
    out
}

/// Finds every node through all sides. Each side is matched with base by the rules of the diff (id, name, likeness). What
/// neither has from base is the same where it has the same id or name; two additions that are merely alike are two, since
/// taking both loses nothing. Without a base the two sides are matched with each other.
fn entities(nodes: &Each<Vec<Prepared<'_>>>, edges: &Each<Vec<Edge<'_>>>, has_base: bool) -> Vec<Entity> {
    let matched = |side: MergeSide, with: MergeSide| {
        let edges = LazyCell::new(|| [edges[side].clone(), edges[with].clone()]);
        matches(&nodes[side], &nodes[with], &edges).desired_of
    };
    let (mut in_base, pairs) = if has_base {
        let mut in_base = Each::of(|side| match side {
            Base => (0..nodes[Base].len()).map(Some).collect(),
            side => matched(side, Base),
        });
        part_ways(nodes, &mut in_base);
        let pairs = joined(nodes, &in_base);
        (in_base, pairs)
    } else {
        let of_live = matched(Live, Desired);
        let pairs = of_live.iter().enumerate().filter_map(|(i, j)| Some((i, (*j)?))).collect();
        (Each::of(|side| vec![None; nodes[side].len()]), pairs)
    };
    // A node that one side has under the name of base's and the other under a new one is one node.
    for (i, j) in pairs {
        let known = in_base[Live][i].or(in_base[Desired][j]);
        (in_base[Live][i], in_base[Desired][j]) = match known {
            Some(k) => (Some(k), Some(k)),
            // Not of base: numbered behind its nodes.
            None => (Some(nodes[Base].len() + i), Some(nodes[Base].len() + i)),
        };
    }
    gathered(&in_base)
}

/// From what each node is of to the nodes of each.
fn gathered(known: &Each<Vec<Option<usize>>>) -> Vec<Entity> {
    let mut out: Vec<Entity> = Vec::new();
    let mut place: HashMap<usize, usize> = HashMap::new();
    for side in MergeSide::ALL {
        for (i, of) in known[*side].iter().enumerate() {
            let at = of.and_then(|of| place.get(&of).copied()).unwrap_or_else(|| {
                out.push(Entity::default());
                out.len() - 1
            });
            out[at][*side] = Some(i);
            if let Some(of) = of {
                place.insert(*of, at);
            }
        }
    }
    out
}

/// Takes back guesses that the other side disproves: a node that was taken for base's by likeness, while the other side
/// has both, base's and this one by its id or its name.
fn part_ways(nodes: &Each<Vec<Prepared<'_>>>, in_base: &mut Each<Vec<Option<usize>>>) {
    let mut disproved = Vec::new();
    for (side, other) in [(Live, Desired), (Desired, Live)] {
        let kept: HashSet<usize> = in_base[other].iter().flatten().copied().collect();
        let added = || nodes[other].iter().zip(&in_base[other]).filter(|(_, of)| of.is_none()).map(|(p, _)| p);
        let ids: HashSet<_> = added().filter_map(|p| Some((p.id?, p.kind))).collect();
        let names: HashSet<_> = added().map(|p| (p.name, p.kind)).collect();
        for (i, p) in nodes[side].iter().enumerate().filter(|(_, p)| !p.is_sticky()) {
            let Some(k) = in_base[side][i] else { continue };
            let base = &nodes[Base][k];
            let guessed = p.name != base.name && (p.id.is_none() || p.id != base.id);
            let elsewhere = names.contains(&(p.name, p.kind)) || p.id.is_some_and(|id| ids.contains(&(id, p.kind)));
            if guessed && elsewhere && kept.contains(&k) {
                disproved.push((side, i));
            }
        }
    }
    for (side, i) in disproved {
        in_base[side][i] = None;
    }
}

/// Nodes of live and desired that are the same beside those that both have from base.
fn joined(nodes: &Each<Vec<Prepared<'_>>>, in_base: &Each<Vec<Option<usize>>>) -> Vec<(usize, usize)> {
    let mut pairs = Matches::none(nodes[Live].len(), nodes[Desired].len());
    let of_desired: HashMap<usize, usize> =
        in_base[Desired].iter().enumerate().filter_map(|(j, k)| Some(((*k)?, j))).collect();
    for (i, k) in in_base[Live].iter().enumerate() {
        if let Some(j) = k.and_then(|k| of_desired.get(&k)) {
            pairs.pair(i, *j);
        }
    }
    add_certain(&mut pairs, &nodes[Live], &nodes[Desired]);
    let found = pairs.desired_of.iter().enumerate().filter_map(|(i, j)| Some((i, (*j)?)));
    // Two nodes of base stay two.
    found.filter(|(i, j)| in_base[Live][*i].is_none() || in_base[Desired][*j].is_none()).collect()
}
