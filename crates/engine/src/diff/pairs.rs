//! Which node is which, for those who write what [`diff`](super::diff()) only shows.

use std::cell::LazyCell;

use super::compare::prepare;
use super::matching;
use crate::canonical::connections;
use crate::ignored::Notes;
use crate::workflow::Workflow;

/// For each node of `live` the place of the one of `desired` that it is, as the diff pairs them. Each is in one pair.
pub(crate) fn pairs(live: &Workflow, desired: &Workflow) -> Vec<Option<usize>> {
    let (ours_shared, theirs_shared) = (live.shared_names(), desired.shared_names());
    let is_shared = |name: &str| [&ours_shared, &theirs_shared].iter().any(|names| names.binary_search(&name).is_ok());
    let (ours, theirs) = (prepare(live, is_shared), prepare(desired, is_shared));
    let edges = LazyCell::new(|| [live, desired].map(|w| connections::edges(&w.doc, w.connections, &mut Notes::off())));
    matching::matches(&ours, &theirs, &edges).desired_of
}
