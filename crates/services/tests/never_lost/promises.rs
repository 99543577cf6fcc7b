//! What must hold after every act, read from the database, from both sides and through the services' own eyes.

use std::collections::{BTreeMap, BTreeSet};

use drift_services::incidents::receipt::{Portable, verify};
use sqlx::Row;
use uuid::Uuid;

use crate::world::World;

/// A change as it was seen.
#[derive(Clone, Debug)]
struct Seen {
    state: String,
    live: Option<Vec<u8>>,
    desired: Option<Vec<u8>>,
    workflow: String,
}

/// What was seen so far.
#[derive(Default)]
pub struct Promises {
    changes: BTreeMap<Uuid, Seen>,
}

impl Promises {
    /// How many changes were ever seen.
    pub fn seen(&self) -> usize {
        self.changes.len()
    }

    pub async fn hold(&mut self, world: &World<'_>) -> Result<(), String> {
        let now = changes(world).await;
        self.nothing_is_lost(world, &now).await?;
        for (id, seen) in &now {
            self.changes.insert(*id, seen.clone());
        }
        contents_are_kept(world, &now).await?;
        ends_are_on_record(world).await?;
        status_follows_from_the_changes(world).await?;
        incidents_are_in_order(world).await?;
        if world.looked {
            what_differs_is_shown(world, &now).await?;
        }
        Ok(())
    }

    /// A change that was ever seen is still there, unless it was over by a decision and its time is up.
    async fn nothing_is_lost(&self, _: &World<'_>, now: &BTreeMap<Uuid, Seen>) -> Result<(), String> {
        for (id, before) in &self.changes {
            match now.get(id) {
                None if before.state == "DECIDED" || before.state == "SUPERSEDED" => {}
                None => return Err(format!("the change {id} of {} was {} and is gone", before.workflow, before.state)),
                Some(now) => {
                    if (&now.live, &now.desired) != (&before.live, &before.desired) {
                        return Err(format!("the change {id} of {} no longer is what was seen", before.workflow));
                    }
                    let was_over = before.state == "DECIDED" || before.state == "SUPERSEDED";
                    if was_over && now.state != before.state {
                        return Err(format!("the change {id} went from {} to {}", before.state, now.state));
                    }
                }
            }
        }
        Ok(())
    }
}

async fn changes(world: &World<'_>) -> BTreeMap<Uuid, Seen> {
    let rows = sqlx::query(
        "SELECT c.id, c.state, c.live_snapshot, c.desired_snapshot, w.name FROM changes c JOIN workflows w ON w.id = c.workflow_id
         WHERE c.environment_id = $1",
    )
    .bind(world.env.id.0)
    .fetch_all(world.app.database.pool())
    .await
    .expect("the database answers");
    rows.into_iter()
        .map(|row| {
            let seen = Seen { state: row.get(1), live: row.get(2), desired: row.get(3), workflow: row.get(4) };
            (row.get(0), seen)
        })
        .collect()
}

/// Both sides of every change can be read, whatever became of it.
async fn contents_are_kept(world: &World<'_>, now: &BTreeMap<Uuid, Seen>) -> Result<(), String> {
    let hashes: BTreeSet<Vec<u8>> =
        now.values().flat_map(|seen| [&seen.live, &seen.desired]).flatten().cloned().collect();
    let hashes: Vec<Vec<u8>> = hashes.into_iter().collect();
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM snapshots WHERE organization_id = $1 AND hash = ANY($2)")
        .bind(world.caller.organization_id.0)
        .bind(&hashes)
        .fetch_one(world.app.database.pool())
        .await
        .expect("the database answers");
    if kept == i64::try_from(hashes.len()).unwrap_or_default() {
        Ok(())
    } else {
        Err(format!("{kept} of {} contents are kept", hashes.len()))
    }
}

/// What is over ended by the decision of a named person, or is carried by a newer change.
async fn ends_are_on_record(world: &World<'_>) -> Result<(), String> {
    let odd: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM changes c
         LEFT JOIN decisions d ON d.id = c.decision_id LEFT JOIN users u ON u.id = d.decided_by
         LEFT JOIN changes s ON s.id = c.superseded_by
         WHERE c.environment_id = $1 AND (c.state = 'DECIDED' AND (u.id IS NULL OR btrim(d.reason) = '')
             OR c.state = 'SUPERSEDED' AND s.id IS NULL
             OR c.state IN ('OPEN', 'VANISHED') AND c.decision_id IS NOT NULL
             -- A resolution that the product carried out has an artifact that succeeded.
             OR c.state = 'DECIDED' AND d.kind <> 'OVERRIDE' AND c.vanished_at IS NULL)",
    )
    .bind(world.env.id.0)
    .fetch_one(world.app.database.pool())
    .await
    .expect("the database answers");
    if odd == 0 { Ok(()) } else { Err(format!("{odd} changes ended without a record")) }
}

async fn status_follows_from_the_changes(world: &World<'_>) -> Result<(), String> {
    let row = sqlx::query(
        "SELECT e.drift_status, e.open_changes::bigint,
             (SELECT count(*) FROM changes c WHERE c.environment_id = e.id AND c.state IN ('OPEN', 'VANISHED')),
             EXISTS (SELECT FROM drift_incidents i WHERE i.environment_id = e.id AND i.status <> 'CLOSED')
         FROM environments e WHERE e.id = $1",
    )
    .bind(world.env.id.0)
    .fetch_one(world.app.database.pool())
    .await
    .expect("the database answers");
    let (status, counted, open, incident): (String, i64, i64, bool) = (row.get(0), row.get(1), row.get(2), row.get(3));
    let expected = match (incident, open) {
        (true, _) => "DRIFT_INCIDENT_ACTIVE",
        (false, 0) => "IN_SYNC",
        (false, _) => "DRIFT_DETECTED",
    };
    if status == expected && counted == open {
        Ok(())
    } else {
        Err(format!("the status is {status} over {counted}, with {open} open changes it is {expected}"))
    }
}

/// One open incident at most; what is closed has a receipt that verifies.
async fn incidents_are_in_order(world: &World<'_>) -> Result<(), String> {
    let open: i64 =
        sqlx::query_scalar("SELECT count(*) FROM drift_incidents WHERE environment_id = $1 AND status <> 'CLOSED'")
            .bind(world.env.id.0)
            .fetch_one(world.app.database.pool())
            .await
            .expect("the database answers");
    if open > 1 {
        return Err(format!("{open} incidents are open at once"));
    }
    for id in world.closed().await {
        let row =
            sqlx::query("SELECT document, digest, signature, public_key FROM closure_receipts WHERE incident_id = $1")
                .bind(id.0)
                .fetch_optional(world.app.database.pool())
                .await
                .expect("the database answers");
        let Some(row) = row else { return Err(format!("the incident {id} is closed without a receipt")) };
        let hex = |at: usize| row.get::<Vec<u8>, _>(at).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let receipt = Portable { document: row.get(0), digest: hex(1), signature: hex(2), public_key: hex(3) };
        verify(&receipt, None).map_err(|error| format!("the receipt of {id} does not verify: {error}"))?;
    }
    Ok(())
}

/// After a check that read both sides, exactly what differs is shown as a change that is there.
async fn what_differs_is_shown(world: &World<'_>, now: &BTreeMap<Uuid, Seen>) -> Result<(), String> {
    let mut shown: Vec<String> =
        now.values().filter(|seen| seen.state == "OPEN").map(|seen| seen.workflow.clone()).collect();
    shown.sort_unstable();
    let differing = world.differing().await;
    if shown == differing { Ok(()) } else { Err(format!("{differing:?} differ, and {shown:?} are shown")) }
}
