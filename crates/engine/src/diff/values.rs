//! Where two values differ, by path.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::refs;
use crate::canonical::node::Step;
use crate::canonical::value::bytes;

/// Arrays up to this many elements (of both sides multiplied) are aligned; longer ones are compared place by place.
const ALIGN: usize = 1_000_000;

/// One place where values differ. The paths are the same but for indices of arrays that grew or shrank.
#[derive(Debug)]
pub(super) struct Difference {
    pub(super) desired_path: Option<Vec<Step>>,
    pub(super) live_path: Option<Vec<Step>>,
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

    /// The places where two nodes' fields differ.
    pub(super) fn fields(mut self, desired: &Map<String, Value>, live: &Map<String, Value>) -> Vec<Difference> {
        self.objects(desired, live);
        self.out
    }

    fn objects(&mut self, desired: &Map<String, Value>, live: &Map<String, Value>) {
        let keys: BTreeSet<&String> = desired.keys().chain(live.keys()).collect();
        for key in keys {
            let step = Step::Key(key.clone());
            let deepest = self.deepest;
            if self.desired_path.is_empty() && key == "credentials" {
                self.deepest = 2;
            }
            match (desired.get(key), live.get(key)) {
                (Some(d), Some(l)) => self.at(step.clone(), step, |this| this.values(d, l)),
                (Some(d), None) => self.one_sided(true, step, d),
                (None, Some(l)) => self.one_sided(false, step, l),
                (None, None) => {}
            }
            self.deepest = deepest;
        }
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
    fn one_sided(&mut self, desired: bool, step: Step, value: &Value) {
        let outermost = self.desired_path.is_empty()
            && matches!(&step, Step::Key(key) if key == "parameters" || key == "credentials");
        if let (Value::Object(map), true) = (value, outermost) {
            let empty = Map::new();
            let (d, l) = if desired { (map, &empty) } else { (&empty, map) };
            return self.at(step.clone(), step, |this| this.objects(d, l));
        }
        let mut path = if desired { self.desired_path.clone() } else { self.live_path.clone() };
        path.push(step);
        let (desired_path, live_path) = if desired { (Some(path), None) } else { (None, Some(path)) };
        self.out.push(Difference { desired_path, live_path });
    }

    fn values(&mut self, desired: &Value, live: &Value) {
        match (desired, live) {
            (Value::Object(d), Value::Object(l)) if self.desired_path.len() < self.deepest => self.objects(d, l),
            (Value::Array(d), Value::Array(l)) => self.arrays(d, l),
            _ if self.same(desired, live) => {}
            _ => self.out.push(Difference {
                desired_path: Some(self.desired_path.clone()),
                live_path: Some(self.live_path.clone()),
            }),
        }
    }

    fn same(&self, desired: &Value, live: &Value) -> bool {
        // The same text may name another node: one that only live has took the name.
        if self.renamed.is_empty() {
            return desired == live;
        }
        match (desired, live) {
            (Value::String(d), Value::String(l)) => *d == refs::follow(l, self.renamed),
            (Value::Array(d), Value::Array(l)) => d.len() == l.len() && d.iter().zip(l).all(|(d, l)| self.same(d, l)),
            (Value::Object(d), Value::Object(l)) => {
                d.len() == l.len() && d.iter().all(|(k, d)| l.get(k).is_some_and(|l| self.same(d, l)))
            }
            _ => desired == live,
        }
    }

    fn arrays(&mut self, desired: &[Value], live: &[Value]) {
        if desired.len() == live.len() || desired.len().saturating_mul(live.len()) > ALIGN {
            return self.place_by_place(desired, live, 0, 0);
        }
        let keys = |items: &[Value], follow: bool| -> Vec<Vec<u8>> {
            items.iter().map(|item| if follow { bytes(&self.followed(item)) } else { bytes(item) }).collect()
        };
        let ops = capture_diff_slices(Algorithm::Myers, &keys(desired, false), &keys(live, true));
        for op in ops {
            if !matches!(op, DiffOp::Equal { .. }) {
                let (d, l) = (op.old_range(), op.new_range());
                self.place_by_place(&desired[d.clone()], &live[l.clone()], d.start, l.start);
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

    fn place_by_place(&mut self, desired: &[Value], live: &[Value], d0: usize, l0: usize) {
        for i in 0..desired.len().max(live.len()) {
            match (desired.get(i), live.get(i)) {
                (Some(d), Some(l)) => self.at(Step::Index(d0 + i), Step::Index(l0 + i), |this| this.values(d, l)),
                (Some(d), None) => self.one_sided(true, Step::Index(d0 + i), d),
                (None, Some(l)) => self.one_sided(false, Step::Index(l0 + i), l),
                (None, None) => {}
            }
        }
    }
}

/// The value at a path; null where there is none.
pub(super) fn at_path<'v>(value: &'v Map<String, Value>, path: &[Step]) -> &'v Value {
    let mut steps = path.iter();
    let first = match steps.next() {
        Some(Step::Key(key)) => value.get(key),
        _ => None,
    };
    let found = steps.try_fold(first, |value, step| {
        Some(match step {
            Step::Key(key) => value?.get(key),
            Step::Index(i) => value?.get(i),
        })
    });
    found.flatten().unwrap_or(&Value::Null)
}
