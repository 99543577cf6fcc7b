//! What each path takes, worked out for one change: promote, revert, replace, and putting a stored content back.

use std::collections::{BTreeMap, HashMap};

use drift_domain::change::{ChangeType, DecisionKind, Origin};
use drift_domain::reconciliation::{StepKind, Target};
use drift_domain::views::ItemView;
use drift_store::changes::ChangeRecord;
use drift_store::reconciliations::NewStep;
use drift_store::{StoreError, workflows};

use drift_engine::write::Existing;

use super::craft;
use super::planning::{Decided, Draft, Picked, write};
use super::sides::{Pair, as_seen};
use super::steps::{self, Contains, Expected};
use crate::Services;
use crate::error::ServiceResult;

/// Nothing can be promoted through a ref that is no branch.
pub(super) const NO_BRANCH: &str = "The environment follows a tag or a commit, which cannot be written to. Let it follow \
    a branch, or commit by hand.";

/// What becomes of one workflow, until it is worked out.
pub(super) fn item(change: &ChangeRecord, decision: Option<DecisionKind>) -> ItemView {
    ItemView {
        change: change.id,
        workflow: change.workflow.clone(),
        change_type: change.change_type,
        decision,
        writes: Vec::new(),
        notes: Vec::new(),
        problems: Vec::new(),
        conflicts: Vec::new(),
        parts: Vec::new(),
        picks: BTreeMap::new(),
        result: None,
    }
}

/// Whether both sides are as the person saw who decided; what is not is a problem of the item.
pub(super) fn compare_with_seen(change: &ChangeRecord, pair: &Pair, item: &mut ItemView) -> bool {
    let live = pair.live.as_deref().filter(|_| pair.is_live());
    let mut moved = Vec::new();
    if !as_seen(live, change.live_prints.as_ref()) {
        moved.push("in n8n");
    }
    if !as_seen(pair.desired.as_deref(), change.desired_prints.as_ref()) {
        moved.push("in Git");
    }
    if moved.is_empty() {
        return true;
    }
    item.problems.push(format!(
        "This workflow has changed {} since the check that saw it. Recheck, then decide about what is there now.",
        moved.join(" and ")
    ));
    false
}

impl Services {
    /// What carrying out one decision takes.
    pub(super) async fn plan_decision(
        &self,
        draft: &mut Draft<'_>,
        change: &ChangeRecord,
        decided: &Decided,
        picked: &Picked,
    ) -> ServiceResult<()> {
        let mut item = item(change, Some(decided.kind));
        let pair = self.pair(draft.sides, change).await?;
        if compare_with_seen(change, &pair, &mut item) {
            match decided.kind {
                DecisionKind::Promote => self.promote(draft, change, &pair, picked, &mut item).await?,
                DecisionKind::Revert => revert(draft, change, &pair, &mut item),
                DecisionKind::Replace => replace(draft, change, decided, &mut item),
                DecisionKind::Override => {}
            }
        }
        draft.items.push((change.id, Some(decided.id)));
        draft.plan.items.push(item);
        Ok(())
    }

    /// Live goes to Git. Where both sides left the baseline, the two are merged node by node, and n8n gets what Git gets.
    async fn promote(
        &self,
        draft: &mut Draft<'_>,
        change: &ChangeRecord,
        pair: &Pair,
        picked: &Picked,
        item: &mut ItemView,
    ) -> ServiceResult<()> {
        let expected = change.live_id.clone().map(|id| {
            let standing = pair.live.as_deref().and_then(steps::standing);
            Expected { id, standing }
        });
        draft.live.extend(expected);
        let Some(live) = pair.live.as_deref().filter(|_| pair.is_live()) else {
            return self.remove_file(draft, change, item).await;
        };
        if let (ChangeType::Modified, Origin::Collision, Some(desired)) =
            (change.change_type, change.origin, pair.desired.as_deref())
        {
            let base = self.baseline(draft, change).await?;
            let merge = match craft::merge(base.as_deref(), live, desired, &picked.given, &draft.sides.live_ids) {
                Ok(merge) => merge,
                Err(why) => {
                    item.problems.push(why);
                    return Ok(());
                }
            };
            item.picks = picked.kept(&merge.conflicts);
            (item.conflicts, item.parts) = (merge.conflicts, merge.parts);
            let Some(merged) = merge.content else { return Ok(()) };
            if craft::differs(Some(desired), &merged, &draft.sides.live_ids).any() {
                self.put_file(draft, change, &merged, &draft.sides.git_ids, item).await?;
            } else {
                item.notes.push("Git has all of it already: only n8n is written.".to_owned());
            }
            if item.problems.is_empty() && craft::differs(Some(live), &merged, &HashMap::new()).any() {
                item.notes.push(
                    "Both sides left what they agreed on last: n8n gets what Git gets, once it is merged.".to_owned(),
                );
                draft.apply(change, pair, &merged, &HashMap::new(), item);
            }
            return Ok(());
        }
        match change.origin {
            Origin::Undeployed => item.notes.push(
                "Git moved here, and n8n did not: promoting takes Git back to what runs. Reverting deploys what Git has."
                    .to_owned(),
            ),
            Origin::Unknown if change.change_type == ChangeType::Modified => item.notes.push(
                "It is not known which side moved: all of what runs takes the place of what Git has.".to_owned(),
            ),
            _ => {}
        }
        if change.unpublished_draft {
            item.notes.push(
                "An edit is saved in n8n and not published: what runs goes to Git, the edit does not.".to_owned(),
            );
        }
        self.put_file(draft, change, live, &draft.sides.git_ids, item).await
    }

    /// Writes a content to the change's file, or to a new one. `ids`: Git's ids of workflows by those that the content has.
    pub(super) async fn put_file(
        &self,
        draft: &mut Draft<'_>,
        change: &ChangeRecord,
        content: &[u8],
        ids: &HashMap<String, String>,
        item: &mut ItemView,
    ) -> ServiceResult<()> {
        let sides = draft.sides;
        let there = change.path.as_deref().and_then(|path| sides.file(path).map(|file| (path, file)));
        let (path, existing) = match there {
            Some((full, file)) => {
                let path = file.path.clone();
                let bytes = match draft.files.get(&path) {
                    // Another workflow of the same file is promoted, too.
                    Some(Some(bytes)) => bytes.clone(),
                    _ => sides.bytes(file).await?,
                };
                draft.before.entry(path.clone()).or_insert_with(|| bytes.clone());
                let position = craft::position(&bytes, full);
                (path, Some((bytes, position)))
            }
            None => (new_path(draft, content), None),
        };
        let siblings = if existing.is_some() { Vec::new() } else { self.siblings(draft).await? };
        let there = existing.as_ref().map(|(bytes, position)| Existing { bytes, position: *position });
        let secrets = craft::secrets(content, there);
        if !secrets.is_empty() {
            item.problems.push(format!(
                "It holds what looks like a secret, which must not go to Git: {}. Move it into a credential of n8n, or commit by hand.",
                secrets.join("; ")
            ));
            return Ok(());
        }
        match craft::file(content, there, &siblings, ids) {
            Err(why) => item.problems.push(why),
            Ok(None) => item.problems.push("Git has this content already. Recheck.".to_owned()),
            Ok(Some(bytes)) => {
                let what = if existing.is_some() { format!("Change {path}.") } else { format!("Add {path}.") };
                let old = existing.map(|(bytes, _)| bytes).unwrap_or_default();
                let mut shown = write(Target::Git, &what);
                shown.lines = craft::lines(&old, &bytes);
                item.writes.push(shown);
                draft.files.insert(path, Some(bytes));
            }
        }
        Ok(())
    }

    /// Removes the file of a workflow that n8n does not have any more.
    async fn remove_file(
        &self,
        draft: &mut Draft<'_>,
        change: &ChangeRecord,
        item: &mut ItemView,
    ) -> ServiceResult<()> {
        let sides = draft.sides;
        let Some((full, file)) = change.path.as_deref().and_then(|path| Some((path, sides.file(path)?))) else {
            item.problems.push("Neither side has this workflow now. Recheck.".to_owned());
            return Ok(());
        };
        if full.contains('#') {
            item.problems
                .push(format!("{} holds several workflows. Remove this one from it by hand, then recheck.", file.path));
            return Ok(());
        }
        let path = file.path.clone();
        let bytes = sides.bytes(file).await?;
        let mut shown = write(Target::Git, &format!("Remove {path}."));
        shown.lines = craft::lines(&bytes, b"");
        item.writes.push(shown);
        draft.before.insert(path.clone(), bytes);
        draft.files.insert(path, None);
        Ok(())
    }

    /// What both sides agreed on last.
    pub(super) async fn baseline(&self, draft: &Draft<'_>, change: &ChangeRecord) -> ServiceResult<Option<Vec<u8>>> {
        let organization = draft.sides.environment.organization_id;
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        let kept = workflows::baseline_snapshot(&mut db, organization, change.workflow_id).await?;
        drop(db);
        match kept {
            Some(hash) => Ok(Some(self.kept(organization, hash).await?)),
            None => Ok(None),
        }
    }

    /// A few other files, to write a new one alike.
    async fn siblings(&self, draft: &Draft<'_>) -> ServiceResult<Vec<Vec<u8>>> {
        let mut siblings = Vec::new();
        let alone = draft.sides.git.side.items.iter().filter(|item| !item.key.path.contains('#'));
        for item in alone.take(SIBLINGS) {
            siblings.push(self.kept(draft.sides.environment.organization_id, item.raw).await?);
        }
        Ok(siblings)
    }
}

/// Where the file of a new workflow goes.
fn new_path(draft: &Draft<'_>, content: &[u8]) -> String {
    let (sides, connection) = (draft.sides, &draft.sides.environment.connection);
    let known = sides.git.side.items.iter().map(|i| (i.key.path.as_str(), i.key.id.as_deref(), i.key.name.as_str()));
    let taken = |path: &str| sides.file(path).is_some() || draft.files.contains_key(path);
    craft::new_path(connection.path_template.as_deref(), &connection.git_folder, known, content, taken)
}

/// Files that a new one is written alike, at most.
const SIBLINGS: usize = 5;

/// Git's content goes over the live one.
pub(super) fn revert(draft: &mut Draft<'_>, change: &ChangeRecord, pair: &Pair, item: &mut ItemView) {
    match pair.desired.as_deref() {
        Some(desired) => {
            if change.unpublished_draft {
                item.notes.push(
                    "An edit is saved in n8n and not published: it is written over, too, and kept here.".to_owned(),
                );
            }
            let sides = draft.sides;
            draft.apply(change, pair, desired, &sides.live_ids, item);
        }
        None => draft.retire(change, pair, item),
    }
}

/// A commit takes the place of both sides: it is waited for.
fn replace(draft: &mut Draft<'_>, change: &ChangeRecord, decided: &Decided, item: &mut ItemView) {
    let named = decided.replacement.as_deref().unwrap_or_default().trim();
    let is_commit = (7..=40).contains(&named.len()) && named.chars().all(|c| c.is_ascii_hexdigit());
    if !is_commit {
        item.problems.push(format!(
            "“{named}” is no commit that could be waited for. Name the commit, or bring the other fix in by hand: a check \
             sees it."
        ));
        return;
    }
    let reference = draft.sides.environment.connection.git_ref.clone();
    item.writes.push(write(
        Target::Git,
        &format!(
            "Nothing is written: wait until {reference} contains {named:.10}, and until n8n runs what Git then has."
        ),
    ));
    let request = steps::write(&Contains { commit: named.to_ascii_lowercase(), reference });
    let change = Some(change.id);
    draft.steps.push(NewStep { kind: StepKind::GitContains, change, request, content: None, overwrites: None });
}
