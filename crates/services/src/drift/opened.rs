//! A change, opened: its diff and its graph, as far as the plan has them.

use drift_domain::change::{ChangeState, Origin};
use drift_domain::ids::OrganizationId;
use drift_domain::plan::{Capability, Plan};
use drift_domain::views::{ChangePage, ChangeRow, DiffAccess, DiffOrRefusal, DiffView, GraphView};
use drift_engine::Limits;
use drift_store::changes::{ChangeRecord, Which};
use drift_store::environments::EnvironmentRecord;
use drift_store::{PgConnection, changes, contents, workflows};
use serde_json::json;

use super::{Rows, diff_access};
use crate::error::{ServiceError, ServiceResult};
use crate::gate::Caller;
use crate::overrides::offer;
use crate::views;

/// One change, opened, as far as the rows' plan lets it.
pub(crate) async fn change_page(
    db: &mut PgConnection,
    caller: &Caller,
    record: &EnvironmentRecord,
    found: ChangeRecord,
    rows: &Rows<'_>,
) -> ServiceResult<ChangePage> {
    let organization = record.organization_id;
    let (diff, graph) = if rows.may_open(found.id) {
        let sides = Stored {
            live: stored(db, organization, found.live_snapshot).await?,
            desired: stored(db, organization, found.desired_snapshot).await?,
            base: base_of(db, organization, &found, rows).await?,
        };
        let (diff, graph) = opened(sides, &found, rows.shows_graphs()).await?;
        (DiffOrRefusal::Diff(diff), graph)
    } else {
        (refusal(rows.plan), None)
    };
    let of_workflow = Which::OfWorkflow(found.workflow_id);
    let history = changes::list(db, organization, record.id, of_workflow, i64::MAX).await?;
    let older: Vec<ChangeRow> = history.iter().filter(|c| c.id != found.id).map(|c| rows.row(c)).collect();
    let base = record.connection.n8n_base_url.trim_end_matches('/');
    Ok(ChangePage {
        live_url: found.live_id.as_ref().map(|id| format!("{base}/workflow/{id}")),
        row: rows.row(&found),
        diff,
        graph,
        history: older,
        git_commit: found.git_commit,
        can_confirm: caller.may(Capability::ConfirmVanished),
        overriding: offer(caller),
    })
}

fn refusal(plan: &Plan) -> DiffOrRefusal {
    let (message, needs) = match diff_access(plan) {
        DiffAccess::Limited { workflows, needs } => {
            let message = format!(
                "The {} plan opens the diffs of the {workflows} most severe changes of an environment. All of them need \
                 the {} plan.",
                plan.tier().label(),
                needs.label()
            );
            (message, needs)
        }
        DiffAccess::None { needs } => {
            (format!("{} needs the {} plan or a higher one.", Capability::Diff.label(), needs.label()), needs)
        }
        DiffAccess::All => ("This diff is not shown.".to_owned(), plan.tier()),
    };
    DiffOrRefusal::Refused { message, needs }
}

async fn stored(
    db: &mut PgConnection,
    organization: OrganizationId,
    hash: Option<drift_domain::fingerprint::Fingerprint>,
) -> ServiceResult<Option<Vec<u8>>> {
    let Some(hash) = hash else { return Ok(None) };
    let bytes = contents::snapshot(db, organization, hash).await?;
    bytes.map(Some).ok_or_else(|| ServiceError::unavailable(format!("the snapshot {hash} of a change is gone")))
}

/// The contents of a change's two sides, and what both last agreed on where that tells more than the change's origin.
struct Stored {
    live: Option<Vec<u8>>,
    desired: Option<Vec<u8>>,
    base: Option<Vec<u8>>,
}

/// What both sides last agreed on, where both moved since: the graph shows which side moved what. The baseline is that of
/// an open change; of one that is over, it may have moved on.
async fn base_of(
    db: &mut PgConnection,
    organization: OrganizationId,
    change: &ChangeRecord,
    rows: &Rows<'_>,
) -> ServiceResult<Option<Vec<u8>>> {
    if change.origin != Origin::Collision || change.state != ChangeState::Open || !rows.shows_graphs() {
        return Ok(None);
    }
    let Some(hash) = workflows::baseline_snapshot(db, organization, change.workflow_id).await? else { return Ok(None) };
    // Without it the graph only says less.
    Ok(contents::snapshot(db, organization, hash).await?)
}

/// The diff of two contents, of one that is missing against a workflow without nodes; and where it is asked for the graph.
/// Beside the event loop: the largest take a second.
async fn opened(
    sides: Stored,
    change: &ChangeRecord,
    with_graph: bool,
) -> ServiceResult<(DiffView, Option<GraphView>)> {
    let (name, origin) = (change.workflow.clone(), change.origin);
    tokio::task::spawn_blocking(move || {
        let nothing = json!({ "name": name, "nodes": [], "connections": {}, "settings": {} }).to_string().into_bytes();
        let limits = Limits::default();
        let live = drift_engine::parse(sides.live.as_deref().unwrap_or(&nothing), &limits)?;
        let desired = drift_engine::parse(sides.desired.as_deref().unwrap_or(&nothing), &limits)?;
        if !with_graph {
            return Ok((views::diff_view(drift_engine::diff(&live, &desired)), None));
        }
        let (mut diff, graph) = drift_engine::diff_with_graph(&live, &desired);
        // Where one side moved, it moved everything; where both did, the base tells who did what.
        let whole = if origin == Origin::Collision { Origin::Unknown } else { origin };
        if let Some(base) = sides.base.as_deref() {
            diff = diff.with_origins(&live, &desired, &drift_engine::parse(base, &limits)?);
        }
        let graph = views::graph_view(graph, &diff, whole);
        Ok((views::diff_view(diff), Some(graph)))
    })
    .await
    .map_err(ServiceError::unavailable)?
    .map_err(|error: drift_engine::WorkflowError| ServiceError::unavailable(error))
}
