//! Node by node: a node is one unit, with its parameters, credentials and flags.

use std::collections::{BTreeSet, HashMap, HashSet};

use drift_domain::views::MergeSide::{self, Base, Desired, Live};
use serde_json::Value;

use super::Choices;
use super::report::{Report, Told};
use super::sides::Sides;
use super::verdict::{Decided, Moves, Verdict};
use crate::canonical::node;
use crate::canonical::value::read_map;
use crate::diff::matching::Prepared;
use crate::ignored::Notes;
use crate::redact::Redactor;

/// What was decided of every node.
pub(super) struct Nodes {
    /// Names the node in keys: its id, or its name where it has none of its own.
    pub(super) tokens: Vec<String>,
    /// By entity.
    pub(super) decided: Vec<Decided>,
    /// Nodes that would be called as another one.
    clashing: BTreeSet<usize>,
}

impl Nodes {
    /// Decides; `redactor` makes the keys readable by anybody.
    pub(super) fn decide(sides: &Sides<'_>, choices: &Choices, redactor: &mut Redactor) -> Self {
        let tokens = tokens(sides, redactor);
        let verdicts: Vec<_> = (0..sides.entities.len()).map(|e| verdict(sides, e)).collect();
        let pickable = pickable(sides);
        // Names that clash make their nodes a person's matter too, whose choice may bring about another clash.
        let mut contested = BTreeSet::new();
        loop {
            let decide = |(e, verdict): (usize, &Verdict)| {
                let asked = Decided::new(Verdict::Conflict, &key(&tokens[e]), choices, pickable);
                let contested = contested.contains(&e) && asked.chosen.is_some();
                if *verdict == Verdict::Conflict || contested {
                    asked
                } else {
                    Decided { verdict: *verdict, chosen: None }
                }
            };
            let mut decided: Vec<_> = verdicts.iter().enumerate().map(decide).collect();
            let clashing = clashing(sides, &decided);
            if clashing.is_subset(&contested) {
                for e in &clashing {
                    decided[*e] = Decided { verdict: Verdict::Conflict, chosen: None };
                }
                return Self { tokens, decided, clashing };
            }
            contested.extend(clashing);
        }
    }

    /// The side that a node is taken from. None where it is open.
    pub(super) fn side(&self, entity: usize) -> Option<MergeSide> {
        self.decided[entity].side()
    }

    /// The node as it goes into the result. None where it does not, or is open.
    pub(super) fn taken<'s, 'a>(&self, sides: &'s Sides<'a>, entity: usize) -> Option<&'s Prepared<'a>> {
        sides.node(entity, self.side(entity)?)
    }

    /// Whether a node is gone for certain.
    pub(super) fn is_gone(&self, sides: &Sides<'_>, entity: usize) -> bool {
        self.side(entity).is_some_and(|side| sides.node(entity, side).is_none())
    }

    /// Tells of every node that was touched. Notes on the canvas are touched by nobody.
    pub(super) fn tell(&self, sides: &Sides<'_>, report: &mut Report) {
        for (e, decided) in self.decided.iter().enumerate().filter(|(e, _)| !sides.is_sticky(*e)) {
            let title = title(sides, e, decided.side(), &mut report.redactor);
            let why = if decided.is_open() { self.why(sides, e, &mut report.redactor) } else { String::new() };
            let told = Told { key: &key(&self.tokens[e]), title, why, sides: pickable(sides) };
            report.tell(told, *decided, |side, redactor| Some(shown(sides.node(e, side)?, redactor)));
        }
    }

    fn why(&self, sides: &Sides<'_>, entity: usize, redactor: &mut Redactor) -> String {
        let has = |side| sides.node(entity, side).is_some();
        let known = sides.has_base();
        match (has(Live), has(Desired)) {
            _ if self.clashing.contains(&entity) => {
                let names: BTreeSet<_> =
                    MergeSide::ALL.iter().filter_map(|side| sides.node(entity, *side)).map(|p| p.name).collect();
                let names: Vec<_> = names.into_iter().map(|name| format!("“{}”", redactor.name(name))).collect();
                format!("Two nodes would have one name ({}): pick what keeps them apart.", names.join(" or "))
            }
            (true, false) if known => "Git removed it, and n8n changed it.".to_owned(),
            (false, true) if known => "n8n removed it, and Git changed it.".to_owned(),
            (true, true) if known && has(Base) => "Both n8n and Git changed it.".to_owned(),
            (true, true) if known => "Both n8n and Git added it, differently.".to_owned(),
            _ => super::UNKNOWN_BASE.to_owned(),
        }
    }
}

/// The sides that can be picked.
pub(super) fn pickable(sides: &Sides<'_>) -> &'static [MergeSide] {
    if sides.has_base() { &[Live, Desired, Base] } else { &[Live, Desired] }
}

fn key(token: &str) -> String {
    format!("node:{token}")
}

fn verdict(sides: &Sides<'_>, entity: usize) -> Verdict {
    if sides.is_sticky(entity) {
        return match of_sticky(sides, entity) {
            Live => Verdict::Untouched,
            side => Verdict::From(side),
        };
    }
    let moved = |side| sides.has_base() && sides.differs(entity, Base, side);
    Moves { live: moved(Live), desired: moved(Desired), alike: !sides.differs(entity, Live, Desired) }.verdict()
}

/// A note on the canvas is nobody's decision: live's, where only Git changed it Git's, and it stays where only one side
/// threw it away and the other wrote on it.
fn of_sticky(sides: &Sides<'_>, entity: usize) -> MergeSide {
    let (live, desired) = (sides.node(entity, Live), sides.node(entity, Desired));
    if !sides.has_base() {
        return if live.is_some() { Live } else { Desired };
    }
    let moved = |side: Option<&Prepared<'_>>| match (sides.node(entity, Base), side) {
        (Some(base), Some(p)) => base.name != p.name || base.content() != p.content(),
        (base, p) => base.is_some() != p.is_some(),
    };
    let desired_alone = moved(desired) && (!moved(live) || live.is_none());
    if desired_alone { Desired } else { Live }
}

/// Nodes that would be called as another one, where no side calls both so already.
fn clashing(sides: &Sides<'_>, decided: &[Decided]) -> BTreeSet<usize> {
    let mut named: HashMap<&str, Vec<usize>> = HashMap::new();
    for (e, decided) in decided.iter().enumerate() {
        let taken = decided.side().and_then(|side| sides.node(e, side));
        if let Some(p) = taken.filter(|p| !p.is_sticky() && !p.name.is_empty()) {
            named.entry(p.name).or_default().push(e);
        }
    }
    let mut out = BTreeSet::new();
    for (name, group) in named.iter().filter(|(_, group)| group.len() > 1) {
        let who: BTreeSet<Who> = group.iter().map(|e| who_calls(sides, *e, name)).collect();
        let clashes = |e: usize| who.iter().any(|other| !meet(*other, who_calls(sides, e, name)));
        out.extend(group.iter().copied().filter(|e| clashes(*e)));
    }
    out
}

/// Which sides call a node by a name.
pub(super) type Who = [bool; 3];

pub(super) fn who_calls(sides: &Sides<'_>, entity: usize, name: &str) -> Who {
    [Live, Desired, Base].map(|side| sides.node(entity, side).is_some_and(|p| p.name == name))
}

/// Whether one side calls two nodes by one name: it occurs in real files, and is then no matter of the merge.
pub(super) fn meet(one: Who, other: Who) -> bool {
    one.into_iter().zip(other).any(|(a, b)| a && b)
}

/// What names each node in keys. Ids are the steadiest; where they are missing or occur twice, names.
fn tokens(sides: &Sides<'_>, redactor: &mut Redactor) -> Vec<String> {
    let faces: Vec<_> = (0..sides.entities.len()).filter_map(|e| sides.face(e)).collect();
    let ids = crate::canonical::connections::name_counts(faces.iter().filter_map(|p| p.id));
    let mut used = Used::default();
    faces.iter().map(|p| used.free(&redactor.name(p.id.filter(|id| ids[id] == 1).unwrap_or(p.name)), "#")).collect()
}

/// Names that were given, so that each is given once.
#[derive(Default)]
pub(super) struct Used {
    names: HashSet<String>,
    /// How far each was counted.
    last: HashMap<String, usize>,
}

impl Used {
    /// Keeps a name from being given.
    pub(super) fn keep(&mut self, name: &str) {
        self.names.insert(name.to_owned());
    }

    /// The name, with a number behind it where it was given.
    pub(super) fn free(&mut self, name: &str, before_number: &str) -> String {
        let mut free = name.to_owned();
        while !self.names.insert(free.clone()) {
            let last = self.last.entry(name.to_owned()).or_insert(1);
            *last += 1;
            free = format!("{name}{before_number}{last}");
        }
        free
    }
}

/// What a part of this node is called.
fn title(sides: &Sides<'_>, entity: usize, side: Option<MergeSide>, redactor: &mut Redactor) -> String {
    let name = quoted(sides, entity, redactor);
    let Some(side) = side.filter(|_| sides.has_base()) else { return format!("Node {name}") };
    match (sides.node(entity, Base), sides.node(entity, side)) {
        (None, Some(_)) => format!("Node {name} added"),
        (_, None) => format!("Node {name} removed"),
        (Some(old), Some(new)) if old.name != new.name => {
            format!("Node {name} renamed to “{}”", redactor.name(new.name))
        }
        (Some(_), Some(_)) if side == Base => format!("Node {name} as it was"),
        _ => format!("Node {name} changed"),
    }
}

/// The name that people know a node by.
pub(super) fn quoted(sides: &Sides<'_>, entity: usize, redactor: &mut Redactor) -> String {
    format!("“{}”", redactor.name(sides.face(entity).map_or("", |p| p.name)))
}

/// A node as it is compared, without its secrets: what has a default and what n8n makes anew is left out.
fn shown(p: &Prepared<'_>, redactor: &mut Redactor) -> Value {
    let mut fields = Vec::with_capacity(512);
    node::write_fields(p.doc, p.json, true, &mut (), &mut Notes::off(), &mut fields);
    let mut out = redactor.object(&read_map(&fields));
    out.insert("name".to_owned(), Value::from(redactor.name(p.name)));
    Value::Object(out)
}
