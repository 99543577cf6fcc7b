//! What a person is told: parts and conflicts, without secrets.

use drift_domain::views::{MergeConflict, MergePart, MergeSide, MergeSource};
use serde_json::Value;

use super::verdict::{Decided, Verdict};
use crate::redact::Redactor;

/// Gathers parts and conflicts. Everything shown goes through one redactor.
pub(super) struct Report {
    pub(super) redactor: Redactor,
    pub(super) parts: Vec<MergePart>,
    pub(super) conflicts: Vec<MergeConflict>,
}

/// A part as it is told.
pub(super) struct Told<'t> {
    pub(super) key: &'t str,
    pub(super) title: String,
    /// Why a person has to pick, where somebody has to.
    pub(super) why: String,
    /// What can be picked.
    pub(super) sides: &'t [MergeSide],
}

impl Report {
    pub(super) fn new() -> Self {
        Self { redactor: Redactor::new(), parts: Vec::new(), conflicts: Vec::new() }
    }

    /// Tells what was decided of a part. `show` gives what a side has, without its secrets.
    pub(super) fn tell(
        &mut self,
        told: Told<'_>,
        decided: Decided,
        mut show: impl FnMut(MergeSide, &mut Redactor) -> Option<Value>,
    ) {
        let mut part = |source: MergeSource, chosen: bool| {
            self.parts.push(MergePart { key: told.key.to_owned(), title: told.title.clone(), source, chosen });
        };
        match (decided.verdict, decided.chosen) {
            (Verdict::Untouched, _) => {}
            (Verdict::From(side), _) => part(side.into(), false),
            (Verdict::Alike, _) => part(MergeSource::Both, false),
            (Verdict::Together, _) => {
                part(MergeSource::Live, false);
                part(MergeSource::Desired, false);
            }
            (Verdict::Conflict, Some(side)) => part(side.into(), true),
            (Verdict::Conflict, None) => {
                part(MergeSource::Open, false);
                let Told { key, title, why, sides } = told;
                // Titles are not lines.
                self.redactor.take_used();
                let mut redacted = false;
                let mut lines = |side| {
                    let shown = show(side, &mut self.redactor).map(|value| lines(&value));
                    redacted |= self.redactor.take_used();
                    shown
                };
                let [base, live, desired] = [MergeSide::Base, MergeSide::Live, MergeSide::Desired].map(&mut lines);
                let (key, sides) = (key.to_owned(), sides.to_vec());
                self.conflicts.push(MergeConflict { key, title, why, sides, live, desired, base, redacted });
            }
        }
    }

    /// Tells of something that is left out since a node that it needs is gone.
    pub(super) fn lost(&mut self, key: String, title: String) {
        self.parts.push(MergePart { key, title, source: MergeSource::Lost, chosen: false });
    }
}

/// A value as a person reads it.
fn lines(value: &Value) -> Vec<String> {
    // In the order of the canonical form, also where a build keeps the keys of a value as they came.
    let mut value = value.clone();
    value.sort_all_objects();
    let text = serde_json::to_string_pretty(&value).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}
