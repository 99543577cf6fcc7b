//! Where two values differ, by path.

use std::cmp::Ordering;
use std::collections::HashMap;

use serde_json::Value;
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::refs;
use crate::canonical::node::Step;
use crate::canonical::value::bytes;
use crate::json::{Document, Json, Text};

/// Arrays up to this many elements (of both sides multiplied) are aligned; longer ones are compared place by place.
const ALIGN: usize = 1_000_000;

/// One place where values differ. The paths are the same but for indices of arrays that grew or shrank.
#[derive(Debug)]
pub(super) struct Difference {
    pub(super) desired_path: Option<Vec<Step>>,
    pub(super) live_path: Option<Vec<Step>>,
}

/// A value of one side, and the document that it is in.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    pub(super) doc: &'a Document,
    pub(super) json: Json,
}

impl<'a> Side<'a> {
    pub(super) fn with(self, json: Json) -> Self {
        Self { json, ..self }
    }

    fn said(self, key: Text) -> String {
        self.doc.said(key).into_owned()
    }

    fn item(self, i: usize) -> Option<Self> {
        self.doc.items(self.json).get(i).map(|item| self.with(*item))
    }

    /// The value at a path, as `serde_json` has it; null where there is none.
    pub(super) fn at_path(self, path: &[Step]) -> Value {
        self.doc.at_path(self.json, path).map_or(Value::Null, |json| self.doc.to_value(json))
    }
}

/// Compares two values of which each is canonical. Expressions on the live side follow renamed nodes first.
pub(super) struct Compare<'r> {
    renamed: &'r HashMap<&'r str, &'r str>,
    /// Objects are not entered below this depth: credentials are compared whole, by type.
    deepest: usize,
    desired_path: Vec<Step>,
    live_path: Vec<Step>,
    out: Vec<Difference>,
}

impl<'r> Compare<'r> {
    pub(super) fn new(renamed: &'r HashMap<&'r str, &'r str>) -> Self {
        Self { renamed, deepest: usize::MAX, desired_path: Vec::new(), live_path: Vec::new(), out: Vec::new() }
    }

    /// The places where two objects differ.
    pub(super) fn fields(mut self, desired: Side<'_>, live: Side<'_>) -> Vec<Difference> {
        self.objects(desired, live);
        self.out
    }

    /// Goes through the members of both, which are sorted.
    fn objects(&mut self, desired: Side<'_>, live: Side<'_>) {
        let (mut ours, mut theirs) = (live.doc.members(live.json), desired.doc.members(desired.json));
        loop {
            let order = match (theirs.first(), ours.first()) {
                (Some(d), Some(l)) => desired.doc.order(d.key, live.doc, l.key),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return,
            };
            match (theirs, ours) {
                ([d, rest @ ..], _) if order.is_lt() => {
                    self.one_sided(true, Step::Key(desired.said(d.key)), desired.with(d.value));
                    theirs = rest;
                }
                (_, [l, rest @ ..]) if order.is_gt() => {
                    self.one_sided(false, Step::Key(live.said(l.key)), live.with(l.value));
                    ours = rest;
                }
                ([d, rest_desired @ ..], [l, rest_live @ ..]) => {
                    self.member(desired, d.key, desired.with(d.value), live.with(l.value));
                    (theirs, ours) = (rest_desired, rest_live);
                }
                _ => return,
            }
        }
    }

    fn member(&mut self, object: Side<'_>, key: Text, desired: Side<'_>, live: Side<'_>) {
        if self.same(desired, live) {
            return;
        }
        let deepest = self.deepest;
        if self.desired_path.is_empty() && object.doc.says(key, "credentials") {
            self.deepest = 2;
        }
        let step = Step::Key(object.said(key));
        self.at(step.clone(), step, |this| this.values(desired, live));
        self.deepest = deepest;
    }

    fn at(&mut self, desired: Step, live: Step, within: impl FnOnce(&mut Self)) {
        self.desired_path.push(desired);
        self.live_path.push(live);
        within(self);
        self.desired_path.pop();
        self.live_path.pop();
    }

    /// Something that one side lacks: reported whole, but for a node's parameters and credentials, which n8n takes to be
    /// there and empty.
    fn one_sided(&mut self, desired: bool, step: Step, value: Side<'_>) {
        let outermost = self.desired_path.is_empty()
            && matches!(&step, Step::Key(key) if key == "parameters" || key == "credentials");
        if value.json.is_object() && outermost {
            let empty = value.with(Json::EMPTY);
            let (d, l) = if desired { (value, empty) } else { (empty, value) };
            return self.at(step.clone(), step, |this| this.objects(d, l));
        }
        let mut path = if desired { self.desired_path.clone() } else { self.live_path.clone() };
        path.push(step);
        let (desired_path, live_path) = if desired { (Some(path), None) } else { (None, Some(path)) };
        self.out.push(Difference { desired_path, live_path });
    }

    fn values(&mut self, desired: Side<'_>, live: Side<'_>) {
        match (desired.json, live.json) {
            (Json::Object(..), Json::Object(..)) if self.desired_path.len() < self.deepest => {
                self.objects(desired, live);
            }
            (Json::List(_), Json::List(_)) => self.arrays(desired, live),
            _ if self.same(desired, live) => {}
            _ => self.out.push(Difference {
                desired_path: Some(self.desired_path.clone()),
                live_path: Some(self.live_path.clone()),
            }),
        }
    }

    /// Whether two values are the same once expressions follow. The same text may name another node: one that only live
    /// has took the name.
    fn same(&self, desired: Side<'_>, live: Side<'_>) -> bool {
        if self.renamed.is_empty() {
            return desired.doc.same(desired.json, live.doc, live.json);
        }
        let pairs = || desired.doc.items(desired.json).iter().zip(live.doc.items(live.json));
        let members = || desired.doc.members(desired.json).iter().zip(live.doc.members(live.json));
        match (desired.json, live.json) {
            (Json::Text(d), Json::Text(l)) => desired.doc.said(d) == refs::follow(&live.doc.said(l), self.renamed),
            (Json::List(d), Json::List(l)) => {
                d.len() == l.len() && pairs().all(|(d, l)| self.same(desired.with(*d), live.with(*l)))
            }
            (Json::Object(d, _), Json::Object(l, _)) => {
                d.len() == l.len()
                    && members().all(|(d, l)| {
                        desired.doc.order(d.key, live.doc, l.key).is_eq()
                            && self.same(desired.with(d.value), live.with(l.value))
                    })
            }
            (d, l) => desired.doc.same(d, live.doc, l),
        }
    }

    fn arrays(&mut self, desired: Side<'_>, live: Side<'_>) {
        let lengths = [desired, live].map(|side| side.doc.items(side.json).len());
        let whole = [0..lengths[0], 0..lengths[1]];
        if lengths[0] == lengths[1] || lengths[0].saturating_mul(lengths[1]) > ALIGN {
            return self.place_by_place(desired, live, whole);
        }
        let keys = |side: Side<'_>, follow: bool| -> Vec<Vec<u8>> {
            let key = |item: &Json| {
                if follow { bytes(&self.followed(&side.doc.to_value(*item))) } else { side.doc.bytes(*item) }
            };
            side.doc.items(side.json).iter().map(key).collect()
        };
        let follow = !self.renamed.is_empty();
        let ops = capture_diff_slices(Algorithm::Myers, &keys(desired, false), &keys(live, follow));
        for op in ops {
            if !matches!(op, DiffOp::Equal { .. }) {
                self.place_by_place(desired, live, [op.old_range(), op.new_range()]);
            }
        }
    }

    fn followed(&self, value: &Value) -> Value {
        match value {
            Value::String(s) => Value::from(refs::follow(s, self.renamed)),
            Value::Array(items) => items.iter().map(|v| self.followed(v)).collect(),
            Value::Object(map) => Value::Object(map.iter().map(|(k, v)| (k.clone(), self.followed(v))).collect()),
            other => other.clone(),
        }
    }

    /// Compares elements of two lists in order: those of the desired one and of the live one in the given places.
    fn place_by_place(&mut self, desired: Side<'_>, live: Side<'_>, [ds, ls]: [std::ops::Range<usize>; 2]) {
        for i in 0..ds.len().max(ls.len()) {
            let (at_desired, at_live) = (ds.start + i, ls.start + i);
            let d = desired.item(at_desired).filter(|_| ds.contains(&at_desired));
            let l = live.item(at_live).filter(|_| ls.contains(&at_live));
            match (d, l) {
                (Some(d), Some(l)) if self.same(d, l) => {}
                (Some(d), Some(l)) => {
                    self.at(Step::Index(at_desired), Step::Index(at_live), |this| this.values(d, l));
                }
                (Some(d), None) => self.one_sided(true, Step::Index(at_desired), d),
                (None, Some(l)) => self.one_sided(false, Step::Index(at_live), l),
                (None, None) => {}
            }
        }
    }
}
