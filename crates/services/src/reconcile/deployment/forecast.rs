//! What a deployment writes over that people did in n8n: said before, by workflow, node and time.

use std::collections::HashMap;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use drift_domain::change::Origin;
use drift_domain::views::ForecastView;
use drift_store::changes::ChangeRecord;

use crate::Services;
use crate::error::ServiceResult;
use crate::reconcile::craft;
use crate::reconcile::planning::Draft;
use crate::reconcile::sides::Pair;

/// Nodes of one workflow that a sentence names at most.
const NODES: usize = 3;
/// Workflows that a sentence names at most.
const WORKFLOWS: usize = 5;

impl Services {
    /// What deploying a change writes over that somebody did in n8n; nothing where only Git moved.
    pub(super) async fn overwritten(
        &self,
        draft: &Draft<'_>,
        change: &ChangeRecord,
        pair: &Pair,
    ) -> ServiceResult<Option<ForecastView>> {
        if change.origin == Origin::Undeployed {
            return Ok(None);
        }
        // Against what both sides agreed on last, where that is known: what Git changed since is nobody's hotfix.
        let agreed = match change.origin {
            Origin::Collision => self.baseline(draft, change).await?,
            Origin::Hotfix | Origin::Undeployed | Origin::Unknown => None,
        };
        let no_ids = HashMap::new();
        let (desired, ids) = match &agreed {
            Some(agreed) => (Some(agreed.as_slice()), &no_ids),
            None => (pair.desired.as_deref(), &draft.sides.live_ids),
        };
        let mut nodes: Vec<String> = Vec::new();
        if pair.is_live() && desired.is_some() {
            for node in
                craft::diff(pair.live.as_deref(), desired, ids).entries.into_iter().filter_map(|entry| entry.node)
            {
                if !nodes.contains(&node) {
                    nodes.push(node);
                }
            }
        }
        Ok(Some(ForecastView {
            change: change.id,
            workflow: change.workflow.clone(),
            change_type: change.change_type,
            origin: change.origin,
            nodes,
            seen_at: change.first_seen_at,
            chosen: change.chosen.map(|(_, kind)| kind),
        }))
    }
}

/// What is written over, in one sentence; nothing where nothing is.
pub(super) fn sentence(forecast: &[ForecastView], now: DateTime<Utc>) -> Option<String> {
    if forecast.is_empty() {
        return None;
    }
    let what = if forecast.iter().all(|one| one.origin != Origin::Unknown) { "hotfix" } else { "change in n8n" };
    let mut text = match (forecast.len(), what) {
        (1, what) => format!("This overwrites one {what}: "),
        (many, "hotfix") => format!("This overwrites {many} hotfixes: "),
        (many, _) => format!("This overwrites {many} changes in n8n: "),
    };
    for (at, one) in forecast.iter().take(WORKFLOWS).enumerate() {
        let separator = if at == 0 { "" } else { "; " };
        let nodes = match one.nodes.as_slice() {
            [] => String::new(),
            [node] => format!(", node {node}"),
            nodes => format!(", nodes {}{}", nodes[..nodes.len().min(NODES)].join(", "), more(nodes.len(), NODES)),
        };
        let _ = write!(text, "{separator}“{}”{nodes}, {}", one.workflow, ago(one.seen_at, now));
        if let Some(chosen) = one.chosen {
            let _ = write!(text, " (somebody chose {chosen} for it)");
        }
    }
    text.push_str(&more(forecast.len(), WORKFLOWS));
    text.push('.');
    Some(text)
}

fn more(all: usize, named: usize) -> String {
    if all > named { format!(" and {} more", all - named) } else { String::new() }
}

/// How long ago, as people say it.
fn ago(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    match (now - at).num_minutes() {
        ..=0 => "just now".to_owned(),
        minutes @ 1..=119 => format!("{minutes} min ago"),
        minutes @ 120..=2_879 => format!("{} h ago", minutes / 60),
        minutes => format!("{} d ago", minutes / 1_440),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use drift_domain::change::{ChangeType, DecisionKind};
    use drift_domain::ids::ChangeId;

    use super::*;

    #[test]
    fn it_is_said_which_workflow_which_node_and_how_long_ago() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(3);
        let one = |workflow: &str, nodes: &[&str], hours: i64| ForecastView {
            change: ChangeId(uuid::Uuid::nil()),
            workflow: workflow.to_owned(),
            change_type: ChangeType::Modified,
            origin: Origin::Hotfix,
            nodes: nodes.iter().map(|node| (*node).to_owned()).collect(),
            seen_at: now - TimeDelta::hours(hours),
            chosen: None,
        };
        assert_eq!(sentence(&[], now), None);
        let two = [one("Orders", &["Retry charge"], 3), one("Refunds", &[], 50)];
        assert_eq!(
            sentence(&two, now).unwrap(),
            "This overwrites 2 hotfixes: “Orders”, node Retry charge, 3 h ago; “Refunds”, 2 d ago."
        );
        let decided = ForecastView { chosen: Some(DecisionKind::Promote), ..one("Orders", &["a", "b", "c", "d"], 0) };
        assert_eq!(
            sentence(&[decided], now).unwrap(),
            "This overwrites one hotfix: “Orders”, nodes a, b, c and 1 more, just now (somebody chose PROMOTE for it)."
        );
    }
}
