//! Which node of one side is which of the other: by id, then name, then likeness.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Deref;

use crate::canonical::connections::{Edge, name_counts};
use crate::canonical::node::{self, STICKY, Step};
use crate::canonical::value::is_uuid;
use crate::ignored::Notes;
use crate::json::{Document, Json, Member};
use crate::workflow::Node;

use super::values::Side;

/// A node of one side. What is worked out of it is worked out when it is asked for: most nodes are the same on both sides,
/// and nothing is asked of them.
pub(crate) struct Prepared<'a> {
    pub(crate) doc: &'a Document,
    pub(crate) json: Json,
    pub(crate) id: Option<&'a str>,
    pub(crate) name: &'a str,
    pub(crate) kind: &'a str,
    hard: bool,
    form: OnceCell<CanonicalNode>,
    fields: OnceCell<(Document, Json)>,
    cosmetic: OnceCell<(Document, Json)>,
}

/// A node as it is compared.
pub(super) struct CanonicalNode {
    /// What makes a difference, without what equals a default, as canonical JSON. Of a sticky note nothing.
    pub(super) fields: Vec<u8>,
    /// Of a sticky note its parameters, as canonical JSON.
    text: Vec<u8>,
    /// What is only shown, as canonical JSON.
    pub(super) cosmetic: Vec<u8>,
    /// Compared only where both sides have it: values as canonical JSON.
    pub(super) soft: Vec<(Vec<Step>, Vec<u8>)>,
    /// What was left out.
    pub(super) notes: Notes,
}

impl<'a> Prepared<'a> {
    /// `hard` as for [`node::write_fields`].
    pub(super) fn new(doc: &'a Document, node: &Node, hard: bool) -> Self {
        Self {
            doc,
            json: node.json,
            id: node.id.map(|id| doc.at(id)),
            name: doc.at(node.name),
            kind: doc.at(node.kind),
            hard,
            form: OnceCell::new(),
            fields: OnceCell::new(),
            cosmetic: OnceCell::new(),
        }
    }

    pub(crate) fn is_sticky(&self) -> bool {
        self.kind == STICKY
    }

    pub(super) fn form(&self) -> &CanonicalNode {
        self.form.get_or_init(|| {
            let (mut notes, mut soft) = (Notes::on(), Vec::new());
            let (mut fields, mut cosmetic) = (Vec::with_capacity(512), Vec::with_capacity(64));
            if self.is_sticky() {
                node::write_sticky(self.doc, self.json, &mut notes, &mut cosmetic);
                let (doc, json) = read_again(&cosmetic);
                let text = doc.get(json, "parameters").unwrap_or(Json::Null);
                let text = doc.bytes(text);
                return CanonicalNode { fields: b"{}".to_vec(), text, cosmetic, soft, notes };
            }
            node::write_fields(self.doc, self.json, self.hard, &mut soft, &mut notes, &mut fields);
            node::write_cosmetic(self.doc, self.json, &mut cosmetic);
            CanonicalNode { fields, text: Vec::new(), cosmetic, soft, notes }
        })
    }

    /// What it is known by, as canonical JSON: of a sticky note its text, else what makes a difference.
    pub(crate) fn content(&self) -> &[u8] {
        if self.is_sticky() { &self.form().text } else { &self.form().fields }
    }

    /// What makes a difference.
    pub(super) fn fields(&self) -> Side<'_> {
        let (doc, json) = self.fields.get_or_init(|| read_again(&self.form().fields));
        Side { doc, json: *json }
    }

    /// What is only shown.
    pub(super) fn cosmetic(&self) -> Side<'_> {
        let (doc, json) = self.cosmetic.get_or_init(|| read_again(&self.form().cosmetic));
        Side { doc, json: *json }
    }

    /// Where it stands on the canvas.
    fn position(&self) -> Option<Json> {
        self.doc.get(self.json, "position").filter(|position| !position.is_empty())
    }

    /// Whether the two stand at the same place, or both nowhere.
    fn is_in_place(&self, other: &Self) -> bool {
        match (self.position(), other.position()) {
            (Some(ours), Some(theirs)) => self.doc.same(ours, other.doc, theirs),
            (ours, theirs) => ours.is_none() && theirs.is_none(),
        }
    }

    /// Whether the two are the same as they were written, up to the order of keys and spelling.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.doc.same(self.json, other.doc, other.json)
    }
}

/// Canonical JSON that this crate wrote.
pub(super) fn read_again(canonical: &[u8]) -> (Document, Json) {
    Document::read(canonical, usize::MAX).unwrap_or((Document::default(), Json::EMPTY))
}

/// Less likeness than this is no likeness.
const LIKE: f64 = 0.55;
/// The same where ids were kept: a node with another id is then most likely another node, since renaming keeps the id.
const LIKE_DESPITE_ID: f64 = 0.75;
/// Pairs of one type up to which every pair is compared. Beyond, only those of equal content or place.
const PAIRS: usize = 40_000;
/// How often likeness is looked for again, since a node found makes its neighbours easier to find.
const ROUNDS: usize = 4;

/// Pairs of indices that belong together.
pub(crate) struct Matches {
    /// For each live node whether its desired one is the same as it was written.
    pub(super) same: Vec<bool>,
    /// For each live node the desired one.
    pub(crate) desired_of: Vec<Option<usize>>,
    /// For each desired node the live one.
    pub(super) live_of: Vec<Option<usize>>,
}

impl Matches {
    /// No pairs yet, of so many nodes.
    pub(crate) fn none(live: usize, desired: usize) -> Self {
        Self { same: vec![false; live], desired_of: vec![None; live], live_of: vec![None; desired] }
    }

    pub(crate) fn pair(&mut self, live: usize, desired: usize) {
        self.desired_of[live] = Some(desired);
        self.live_of[desired] = Some(live);
    }

    /// Whether one of the sides has no node left.
    pub(super) fn is_full(&self) -> bool {
        self.desired_of.iter().all(Option::is_some) || self.live_of.iter().all(Option::is_some)
    }

    /// Whether every node of either side has its counterpart, under the same name.
    pub(super) fn keep_names(&self, live: &[Prepared<'_>], desired: &[Prepared<'_>]) -> bool {
        let kept = |i: usize, j: Option<usize>| j.is_some_and(|j| desired[j].name == live[i].name);
        self.desired_of.iter().enumerate().all(|(i, j)| kept(i, *j)) && self.live_of.iter().all(Option::is_some)
    }

    fn is_free(&self, live: usize, desired: usize) -> bool {
        self.desired_of[live].is_none() && self.live_of[desired].is_none()
    }
}

/// Finds the pairs. Nodes that are the same in name and content come first, whatever their ids: so that sides with equal
/// fingerprints never differ. Then ids where they are trustworthy (UUIDs that occur once, on nodes of one type; ids such
/// as `node-3` are counted anew by the tools that write them), names on nodes of one type, other ids, names alone (a node
/// that was replaced by one of another type), and last likeness.
pub(crate) fn matches<'e>(
    live: &[Prepared<'_>],
    desired: &[Prepared<'_>],
    edges: &impl Deref<Target = [Vec<Edge<'e>>; 2]>,
) -> Matches {
    let mut m = Matches::none(live.len(), desired.len());
    by_sameness(&mut m, live, desired);
    by_key(&mut m, live, desired, |p| Some(p.name), |a, b| a.content() == b.content());
    by_id(&mut m, live, desired, is_uuid);
    by_key(&mut m, live, desired, |p| Some((p.name, p.kind)).filter(|k| !k.0.is_empty()), any);
    by_id(&mut m, live, desired, |_| true);
    by_key(&mut m, live, desired, |p| Some(p.name).filter(|name| !name.is_empty() && !p.is_sticky()), any);
    for _ in 0..ROUNDS {
        if !by_likeness(&mut m, live, desired, edges) {
            break;
        }
    }
    m
}

/// Adds the pairs of which there is no doubt: equal name and content, equal UUID, equal name and type, equal name. Sticky
/// notes, whose names say nothing, only by the first two.
pub(crate) fn add_certain(m: &mut Matches, live: &[Prepared<'_>], desired: &[Prepared<'_>]) {
    by_sameness(m, live, desired);
    by_key(m, live, desired, |p| Some(p.name), |a, b| a.content() == b.content());
    by_id(m, live, desired, is_uuid);
    let named = |p: &Prepared<'_>| !p.name.is_empty() && !p.is_sticky();
    by_key(m, live, desired, |p| named(p).then_some((p.name, p.kind)), any);
    by_key(m, live, desired, |p| named(p).then_some(p.name), any);
}

fn any(_: &Prepared<'_>, _: &Prepared<'_>) -> bool {
    true
}

/// Pairs nodes that are the same as they were written and whose name no other node of either side has. The next step would
/// pair them too; this one works nothing out.
fn by_sameness(m: &mut Matches, live: &[Prepared<'_>], desired: &[Prepared<'_>]) {
    let [ours, theirs] = [live, desired].map(|side| sole(side, |p| Some(p.name)));
    for (i, j) in common(&ours, &theirs) {
        if m.is_free(i, j) && live[i].is_same(&desired[j]) {
            m.pair(i, j);
            m.same[i] = true;
        }
    }
}

/// Whether two nodes of one key are the same one.
type Pass<'f> = &'f dyn Fn(&Prepared<'_>, &Prepared<'_>) -> bool;

/// Pairs what has the same key and is alike; within a key first what has the same id, then the same place, then in order.
fn by_key<'p, K: std::hash::Hash + Eq>(
    m: &mut Matches,
    live: &'p [Prepared<'p>],
    desired: &'p [Prepared<'p>],
    key: impl Fn(&'p Prepared<'p>) -> Option<K>,
    alike: impl Fn(&Prepared<'_>, &Prepared<'_>) -> bool,
) {
    if m.is_full() {
        return;
    }
    let mut buckets: HashMap<K, Vec<usize>> = HashMap::new();
    for (i, p) in live.iter().enumerate().filter(|(i, _)| m.desired_of[*i].is_none()) {
        if let Some(key) = key(p) {
            buckets.entry(key).or_default().push(i);
        }
    }
    let same_id: Pass = &|a, b| a.id.is_some() && a.id == b.id;
    let same_place: Pass = &|a, b| a.is_in_place(b);
    for pass in [same_id, same_place, &|_, _| true] {
        for (j, d) in desired.iter().enumerate() {
            if m.live_of[j].is_some() {
                continue;
            }
            let Some(bucket) = key(d).and_then(|key| buckets.get_mut(&key)) else { continue };
            if let Some(at) = bucket.iter().position(|&i| pass(&live[i], d) && alike(&live[i], d)) {
                m.pair(bucket.remove(at), j);
            }
        }
    }
}

/// Pairs nodes of one type by ids that occur once on each side.
fn by_id(m: &mut Matches, live: &[Prepared<'_>], desired: &[Prepared<'_>], trusted: impl Fn(&str) -> bool) {
    if m.is_full() {
        return;
    }
    let [ours, theirs] = [live, desired].map(|side| sole(side, |p| p.id.filter(|id| trusted(id))));
    for (i, j) in common(&ours, &theirs) {
        if m.is_free(i, j) && live[i].kind == desired[j].kind {
            m.pair(i, j);
        }
    }
}

/// The keys that occur once on a side, sorted, and whose they are.
fn sole<'p>(side: &'p [Prepared<'p>], key: impl Fn(&'p Prepared<'p>) -> Option<&'p str>) -> Vec<(&'p str, usize)> {
    let mut all: Vec<_> = side.iter().enumerate().filter_map(|(i, p)| Some((key(p)?, i))).collect();
    all.sort_unstable();
    all.chunk_by(|a, b| a.0 == b.0).filter_map(|same| if let [one] = same { Some(*one) } else { None }).collect()
}

/// What two sorted lists have in common.
fn common<'s>(ours: &'s [(&str, usize)], theirs: &'s [(&str, usize)]) -> impl Iterator<Item = (usize, usize)> + 's {
    let mut theirs = theirs.iter().peekable();
    ours.iter().filter_map(move |(key, i)| {
        while theirs.next_if(|(other, _)| other < key).is_some() {}
        theirs.next_if(|(other, _)| other == key).map(|(_, j)| (*i, *j))
    })
}

/// What a node is connected to, as far as the other ends were matched: whether it is the source, the port, the output,
/// and which node of the desired side is at the other end.
#[derive(Default)]
struct Around<'a> {
    neighbours: HashSet<(bool, &'a str, usize, usize)>,
    connected: bool,
}

/// What is compared of a node when likeness is looked for.
struct Looks<'a> {
    index: usize,
    node: &'a Prepared<'a>,
    leaves: BTreeMap<String, Side<'a>>,
    around: Around<'a>,
    /// Whether no other node of its side has its type.
    sole: bool,
}

fn by_likeness<'e>(
    m: &mut Matches,
    live: &[Prepared<'_>],
    desired: &[Prepared<'_>],
    edges: &impl Deref<Target = [Vec<Edge<'e>>; 2]>,
) -> bool {
    if m.is_full() {
        return false;
    }
    let ours = looks(live, &m.desired_of, &edges[0], |i| m.desired_of[i]);
    let theirs = looks(desired, &m.live_of, &edges[1], |j| m.live_of[j].map(|_| j));
    let ids_kept = ids_kept(m, live, desired);
    let mut found = Vec::new();
    for (kind, ours) in &ours {
        let Some(theirs) = theirs.get(kind) else { continue };
        let every_pair = ours.len().saturating_mul(theirs.len()) <= PAIRS;
        for a in ours {
            for b in theirs {
                let alike = || a.node.content() == b.node.content() || a.node.is_in_place(b.node);
                if every_pair || alike() {
                    let score = likeness(a, b);
                    let other_id = ids_kept && uuid(a.node).is_some() && uuid(b.node).is_some();
                    if score >= if other_id { LIKE_DESPITE_ID } else { LIKE } {
                        found.push((score, a.index, b.index));
                    }
                }
            }
        }
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| (a.1, a.2).cmp(&(b.1, b.2))));
    let mut any = false;
    for (_, i, j) in found {
        if m.is_free(i, j) {
            m.pair(i, j);
            any = true;
        }
    }
    any
}

fn uuid<'a>(p: &Prepared<'a>) -> Option<&'a str> {
    p.id.filter(|id| is_uuid(id))
}

/// Whether most of the pairs that have UUIDs have the same ones: nobody made them anew.
fn ids_kept(m: &Matches, live: &[Prepared<'_>], desired: &[Prepared<'_>]) -> bool {
    let pairs = m.desired_of.iter().enumerate().filter_map(|(i, j)| Some((uuid(&live[i])?, uuid(&desired[(*j)?])?)));
    let (same, all) = pairs.fold((0, 0), |(same, all), (a, b)| (same + usize::from(a == b), all + 1));
    2 * same > all
}

/// The unmatched nodes of a side by type. `identity` gives the desired side's index of a neighbour that was matched.
fn looks<'a>(
    side: &'a [Prepared<'a>],
    matched: &[Option<usize>],
    edges: &'a [Edge<'a>],
    identity: impl Fn(usize) -> Option<usize>,
) -> BTreeMap<&'a str, Vec<Looks<'a>>> {
    if matched.iter().all(Option::is_some) {
        return BTreeMap::new();
    }
    let index: HashMap<&str, usize> = side.iter().enumerate().rev().map(|(i, p)| (p.name, i)).collect();
    let mut around: HashMap<usize, Around<'a>> = HashMap::new();
    for e in edges {
        let (Some(&s), Some(&t)) = (index.get(&*e.source), index.get(&*e.target)) else { continue };
        for (node, other, outgoing) in [(s, t, true), (t, s, false)] {
            if matched[node].is_none() {
                let entry = around.entry(node).or_default();
                entry.connected = true;
                entry.neighbours.extend(identity(other).map(|other| (outgoing, &*e.port, e.output, other)));
            }
        }
    }
    let kinds = name_counts(side.iter().map(|p| p.kind));
    let mut out: BTreeMap<&str, Vec<Looks<'a>>> = BTreeMap::new();
    for (i, p) in side.iter().enumerate().filter(|(i, _)| matched[*i].is_none()) {
        let mut leaves = BTreeMap::new();
        let fields = if p.is_sticky() { p.cosmetic() } else { p.fields() };
        for Member { key, value } in fields.doc.members(fields.json) {
            let key = fields.doc.said(*key);
            if key != "type" && key != "position" {
                collect(&key, fields.with(*value), &mut leaves);
            }
        }
        let looks = Looks {
            index: i,
            node: p,
            leaves,
            around: around.remove(&i).unwrap_or_default(),
            sole: kinds[p.kind] == 1,
        };
        out.entry(p.kind).or_default().push(looks);
    }
    out
}

fn collect<'a>(path: &str, value: Side<'a>, leaves: &mut BTreeMap<String, Side<'a>>) {
    match value.json {
        Json::Object(..) => value.doc.members(value.json).iter().for_each(|m| {
            collect(&format!("{path}\u{1f}{}", value.doc.said(m.key)), value.with(m.value), leaves);
        }),
        Json::List(_) => value.doc.items(value.json).iter().enumerate().for_each(|(i, item)| {
            collect(&format!("{path}\u{1f}{i}"), value.with(*item), leaves);
        }),
        _ => drop(leaves.insert(path.to_owned(), value)),
    }
}

/// How alike two nodes of one type are, from 0 to 1: content, neighbours, place and name.
fn likeness(a: &Looks<'_>, b: &Looks<'_>) -> f64 {
    let (x, y) = (&a.around, &b.around);
    let neighbours = if x.connected || y.connected {
        let common = x.neighbours.intersection(&y.neighbours).count();
        ratio(common, x.neighbours.len() + y.neighbours.len() - common, 0.0)
    } else {
        0.5
    };
    let place = f64::from(u8::from(a.node.position().is_some() && a.node.is_in_place(b.node)));
    let content = if a.node.content() == b.node.content() { 1.0 } else { content(&a.leaves, &b.leaves) };
    let (old, new) = (a.node.name, b.node.name);
    let name = text_likeness(old, new);
    // Nobody gives two nodes names that differ in capitals alone.
    let respelled = f64::from(u8::from(old.to_lowercase() == new.to_lowercase()));
    // The only node of its type on either side has nothing to be confused with.
    let sole = f64::from(u8::from(a.sole && b.sole));
    0.45 * content + 0.3 * neighbours + 0.15 * place + 0.1 * name + 0.2 * respelled + 0.1 * sole
}

#[expect(clippy::cast_precision_loss, reason = "counts of a workflow's parts are far below 2^52")]
fn ratio(part: usize, whole: usize, empty: f64) -> f64 {
    if whole == 0 { empty } else { part as f64 / whole as f64 }
}

/// Long text weighs more than a choice from a list, up to a point.
#[expect(clippy::cast_precision_loss, reason = "at most 2000")]
fn weight(value: Side<'_>) -> f64 {
    1.0 + value.doc.text(value.json).map_or(0.0, |text| text.len().min(2_000) as f64 / 100.0)
}

fn content(a: &BTreeMap<String, Side<'_>>, b: &BTreeMap<String, Side<'_>>) -> f64 {
    let (mut same, mut all) = (0.0, 0.0);
    for (path, x) in a {
        match b.get(path) {
            Some(y) => {
                let w = weight(*x).max(weight(*y));
                all += w;
                same += w * match (x.doc.text(x.json), y.doc.text(y.json)) {
                    _ if x.doc.same(x.json, y.doc, y.json) => 1.0,
                    (Some(x), Some(y)) => text_likeness(&x, &y),
                    _ => 0.0,
                };
            }
            None => all += weight(*x),
        }
    }
    all += b.iter().filter(|(path, _)| !a.contains_key(*path)).map(|(_, y)| weight(*y)).sum::<f64>();
    if all == 0.0 { 1.0 } else { same / all }
}

/// Lines in common where there are several, else words in common.
fn text_likeness(a: &str, b: &str) -> f64 {
    if a == b {
        return 1.0;
    }
    let parts = |s: &'_ str| -> HashSet<String> {
        if a.contains('\n') && b.contains('\n') {
            s.lines().map(|l| l.trim().to_owned()).collect()
        } else {
            s.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_lowercase).collect()
        }
    };
    let (x, y) = (parts(a), parts(b));
    ratio(2 * x.intersection(&y).count(), x.len() + y.len(), 0.0)
}
