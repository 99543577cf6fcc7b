//! Organizations with their owners, and workflows.

use std::sync::Arc;

use anyhow::Result;
use drift_domain::clock::Clock;
use drift_domain::ids::{OrganizationId, SessionId, UserId};
use drift_domain::plan::{Plan, PlanTier};
use drift_domain::role::Role;
use drift_services::gate::{Caller, Via};
use drift_services::{Doors, Parts, Services};
use drift_store::PgPool;
use drift_store::people::{self, Organization, User};
use drift_store::secretbox::{InstallationKey, Purpose, SecretBox};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::SystemClock;

/// Services over a database, as a replica has them.
pub(crate) fn services(pool: PgPool, key: &InstallationKey) -> Result<Arc<Services>> {
    let doors = Doors { public_url: "http://127.0.0.1".parse()?, mailer: None, providers: Vec::new() };
    let (clock, secrets) = (Arc::new(SystemClock), SecretBox::new(key));
    Ok(Arc::new(Services::new(Parts {
        pool,
        clock,
        secrets,
        allow_private_networks: true,
        pauses: drift_services::Pauses::None,
        doors,
    })))
}

/// A new organization and its owner.
pub(crate) async fn organization(pool: &PgPool, key: &InstallationKey, name: &str) -> Result<Caller> {
    let (id, now, plan) = (OrganizationId(Uuid::now_v7()), SystemClock.now(), PlanTier::Enterprise);
    let webhook_secret = SecretBox::new(key).seal(id, Purpose::WebhookSecret, &"a secret".into())?;
    let mut db = pool.acquire().await?;
    people::insert_organization(&mut db, &Organization { id, name: name.to_owned(), plan, webhook_secret }, now)
        .await?;
    let user_id = UserId(Uuid::now_v7());
    let email = format!("{}@example.com", user_id.0.simple());
    let user = User {
        id: user_id,
        email: email.clone(),
        name: "An owner".to_owned(),
        password_hash: None,
        email_verified_at: None,
    };
    people::insert_user(&mut db, &user, now).await?;
    people::put_membership(&mut db, id, user_id, Role::Owner, now).await?;
    Ok(Caller {
        user_id,
        name: user.name,
        email,
        organization_id: id,
        organization_name: name.to_owned(),
        plan: Arc::new(Plan::standard(plan)),
        role: Role::Owner,
        via: Via::Session(SessionId(Uuid::now_v7())),
    })
}

/// The node that is edited when a workflow changes.
pub(crate) const EDITED: &str = "Total";

/// A workflow of about so many bytes with an id of its own: a webhook, a request and code nodes in a row.
pub(crate) fn workflow(number: usize, bytes: usize) -> Value {
    let name = format!("Workflow {number:03}");
    let mut workflow = drift_testkit::app::workflow(&name);
    workflow["id"] = json!(format!("fleet{number:011}"));
    workflow["active"] = json!(true);
    let mut last = EDITED.to_owned();
    let mut place = 0;
    while workflow.to_string().len() < bytes {
        place += 1;
        let name = format!("Step {place}");
        let code: String =
            (0..8).map(|line| format!("const value{line} = items[{line}].json.field{place} ?? {number};\n")).collect();
        let node = json!({
            "id": format!("5e4b3f0e-0003-4000-8000-{place:012}"), "name": name, "type": "n8n-nodes-base.code",
            "typeVersion": 2, "position": [440 + 220 * place, 0], "parameters": { "jsCode": code },
        });
        if let Some(nodes) = workflow["nodes"].as_array_mut() {
            nodes.push(node);
        }
        workflow["connections"][last.as_str()] = json!({ "main": [[{ "node": name, "type": "main", "index": 0 }]] });
        last = name;
    }
    workflow
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workflow_is_about_as_large_as_was_asked_for() {
        let size = workflow(7, 4000).to_string().len();
        assert!((4000..5000).contains(&size), "{size}");
        assert_ne!(workflow(7, 4000)["id"], workflow(8, 4000)["id"]);
    }
}
