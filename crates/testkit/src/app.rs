//! A whole application over stand-ins: services on a database of their own, an n8n and a GitHub to act in.

use std::sync::Arc;

use chrono::TimeDelta;
use drift_domain::approval::ProposedAct;
use drift_domain::check::{CheckOutcome, CheckTrigger};
use drift_domain::clock::Clock;
use drift_domain::ids::{ApprovalId, ChangeId, EnvironmentId, IncidentId, OrganizationId, SessionId, UserId};
use drift_domain::plan::{Plan, PlanTier};
use drift_domain::role::Role;
use drift_domain::views::{ChangeFilter, ChangeRow, EnvironmentDraft, EnvironmentPage, IncidentPage, Workspace};
use drift_mail::Mail;
use drift_services::gate::{Caller, Permit, Via, cap};
use drift_services::{Doors, Parts, Pauses, Services};
use drift_sim::github::{GithubSim, Repo};
use drift_sim::n8n::{N8nSim, N8nVersion};
use drift_store::PgPool;
use drift_store::approvals::{self, NewApproval};
use drift_store::incident_settings::{self, Settings};
use drift_store::mails::MailJob;
use drift_store::people::{self, Organization, User};
use drift_store::secretbox::{InstallationKey, Purpose, SecretBox};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use uuid::Uuid;

use crate::{Mailbox, TestClock, TestDatabase};

/// The folder of the test environments' repositories that holds the workflows.
pub const FOLDER: &str = "workflows";

/// Services on a database of their own, with a clock to turn.
pub struct TestApp {
    /// The database.
    pub database: TestDatabase,
    /// The clock of the services and of every stand-in.
    pub clock: TestClock,
    /// The services.
    pub services: Arc<Services>,
    /// Where mails arrive, once [`TestApp::mails`] has sent them.
    mailbox: Mailbox,
    secrets: SecretBox,
    key: InstallationKey,
}

impl TestApp {
    /// Starts one, without organizations.
    #[must_use]
    pub async fn new() -> Self {
        Self::with(TestClock::new(), |_| {}).await
    }

    /// Starts one at another time, with other doors than usual.
    ///
    /// # Panics
    /// When this machine has no randomness.
    #[must_use]
    pub async fn with(clock: TestClock, change: impl FnOnce(&mut Doors)) -> Self {
        let database = TestDatabase::new().await;
        let mailbox = Mailbox::default();
        let mut doors = Doors { mailer: Some(Arc::new(mailbox.clone())), ..unknown_doors() };
        change(&mut doors);
        let key = InstallationKey::generate().expect("this machine has randomness");
        let services = replica(database.pool().clone(), &clock, &key, doors, Pauses::None);
        Self { database, clock, services, mailbox, secrets: SecretBox::new(&key), key }
    }

    /// Starts one whose clients wait as they do for servers that are real: for an n8n that is.
    #[must_use]
    pub async fn patient() -> Self {
        let mut app = Self::new().await;
        let pool = app.database.pool().clone();
        app.services = replica(pool, &app.clock, &app.key, unknown_doors(), Pauses::Usual);
        app
    }

    /// Services of another replica, on connections of its own.
    #[must_use]
    pub fn replica(&self, pool: PgPool) -> Arc<Services> {
        replica(pool, &self.clock, &self.key, unknown_doors(), Pauses::None)
    }

    /// The installation's key in hexadecimal, for a replica in a process of its own.
    #[must_use]
    pub fn secret_key(&self) -> String {
        self.key.to_hex().expose_secret().to_owned()
    }

    /// Sends what waits in the queue, as the worker would, and takes what arrived.
    ///
    /// # Panics
    /// When the database does not answer.
    pub async fn mails(&self) -> Vec<Mail> {
        let waiting = take_waiting(self.database.pool()).await.expect("the test's database answers");
        for job in waiting {
            self.services.deliver_mail(&job).await.expect("the test's mailbox takes everything");
        }
        self.mailbox.take()
    }

    /// A new organization and its owner.
    pub async fn organization(&self, plan: PlanTier) -> Caller {
        let mut db = self.database.pool().acquire().await.expect("the test's database answers");
        let id = OrganizationId(Uuid::now_v7());
        let secret = SecretString::from("webhook secret");
        let sealed = self.secrets.seal(id, Purpose::WebhookSecret, &secret).expect("a secret can be sealed");
        let name = format!("{} {}", plan.label(), id.0.simple());
        let organization = Organization { id, name: name.clone(), plan, webhook_secret: sealed };
        people::insert_organization(&mut db, &organization, self.clock.now()).await.expect("a new organization");
        // People alone open incidents, so that a test says when; see `TestApp::automatic`.
        let by_people = Settings { automatic: Some(Vec::new()), ..Settings::default() };
        incident_settings::set(&mut db, id, &by_people).await.expect("settings can be set");
        drop(db);
        self.person(id, &name, plan, Role::Owner).await
    }

    /// Lets new drift open incidents by itself, as an organization does where nobody chose otherwise.
    ///
    /// # Panics
    /// When the database does not answer.
    pub async fn automatic(&self, caller: &Caller) {
        let mut db = self.database.pool().acquire().await.expect("the test's database answers");
        incident_settings::set(&mut db, caller.organization_id, &Settings::default())
            .await
            .expect("settings can be set");
    }

    /// Moves the caller's organization to another plan, and answers the caller as it comes back.
    ///
    /// # Panics
    /// When the database does not answer.
    pub async fn moved_to(&self, caller: &Caller, plan: PlanTier) -> Caller {
        sqlx::query("UPDATE organizations SET plan = $2 WHERE id = $1")
            .bind(caller.organization_id.0)
            .bind(plan.as_str())
            .execute(self.database.pool())
            .await
            .expect("the test's database answers");
        Caller { plan: Arc::new(Plan::standard(plan)), ..caller.clone() }
    }

    /// Another member of the caller's organization.
    pub async fn member(&self, of: &Caller, role: Role) -> Caller {
        self.person(of.organization_id, &of.organization_name, of.plan.tier(), role).await
    }

    async fn person(&self, organization: OrganizationId, name: &str, plan: PlanTier, role: Role) -> Caller {
        let mut db = self.database.pool().acquire().await.expect("the test's database answers");
        let id = UserId(Uuid::now_v7());
        let user = User {
            id,
            email: format!("{}@example.com", id.0.simple()),
            name: format!("A {role}"),
            // This person does not sign in.
            password_hash: None,
            email_verified_at: None,
        };
        let now = self.clock.now();
        people::insert_user(&mut db, &user, now).await.expect("a new person");
        people::put_membership(&mut db, organization, id, role, now).await.expect("a new member");
        Caller {
            user_id: id,
            name: user.name,
            email: user.email,
            organization_id: organization,
            organization_name: name.to_owned(),
            plan: Arc::new(Plan::standard(plan)),
            role,
            via: Via::Session(SessionId(Uuid::now_v7())),
        }
    }

    /// A request for an approver's approval of an override.
    ///
    /// # Panics
    /// When the test's database does not answer.
    pub async fn approval_wanted(&self, by: &Caller, environment: EnvironmentId, change: ChangeId) -> ApprovalId {
        let act = ProposedAct::Override { environment, change, reason: "known".to_owned(), days: 1 };
        let now = self.clock.now();
        let new = NewApproval {
            id: ApprovalId(Uuid::now_v7()),
            environment,
            act: &act,
            rules: &["Overriding drift takes the approval of an approver".to_owned()],
            needed: 1,
            approvers: Role::Approver,
            by: by.user_id,
            requested_as: Role::Operator,
            expires_at: now + chrono::TimeDelta::hours(72),
        };
        let mut db = self.database.pool().acquire().await.expect("the test's database answers");
        approvals::insert(&mut db, by.organization_id, &new, now).await.expect("a new request");
        new.id
    }

    /// Connects an environment to an n8n and a repository of its own, both empty and not checked yet.
    pub async fn environment(&self, caller: &Caller, name: &str) -> TestEnvironment<'_> {
        let n8n = N8nSim::start(self.clock.clone()).await.expect("a port for n8n");
        let github = GithubSim::start(Arc::new(self.clock.clone())).await.expect("a port for GitHub");
        let repo = github.create("acme/workflows").await.expect("a new repository");
        repo.commit("main", "Ada", "Begin", &[(&format!("{FOLDER}/.gitkeep"), Some(b""))]).await.expect("a commit");
        let draft = EnvironmentDraft {
            name: name.to_owned(),
            n8n_base_url: n8n.url(),
            n8n_api_key: n8n.api_key(),
            git_api_base: github.url(),
            repository: "acme/workflows".to_owned(),
            git_folder: FOLDER.to_owned(),
            git_token: github.token(),
            ..EnvironmentDraft::default()
        };
        let permit = caller.permit().expect("the caller may configure");
        let id = self.services.connect_environment(&permit, draft.clone()).await.expect("a draft that can be used");
        TestEnvironment { app: self, caller: caller.clone(), id, draft, n8n, github, repo }
    }
}

/// Services as a replica of an installation has them that is known by its database and its key.
///
/// # Panics
/// When `key` is no key in hexadecimal.
#[must_use]
pub fn replica_of(pool: PgPool, clock: &TestClock, key: &str) -> Arc<Services> {
    let key = InstallationKey::from_hex(key).expect("a key in hexadecimal");
    replica(pool, clock, &key, unknown_doors(), Pauses::None)
}

fn replica(pool: PgPool, clock: &TestClock, key: &InstallationKey, doors: Doors, pauses: Pauses) -> Arc<Services> {
    let (clock, secrets) = (Arc::new(clock.clone()), SecretBox::new(key));
    Arc::new(Services::new(Parts { pool, clock, secrets, allow_private_networks: true, pauses, doors }))
}

/// Nobody is written to, and nobody comes in through a provider.
fn unknown_doors() -> Doors {
    let public_url = "http://workflowops.test".parse().expect("an address");
    Doors { public_url, mailer: None, providers: Vec::new() }
}

/// A connected environment, its n8n and its repository.
pub struct TestEnvironment<'a> {
    app: &'a TestApp,
    /// Who connected it.
    pub caller: Caller,
    /// Its identifier.
    pub id: EnvironmentId,
    /// How it was connected, secrets included.
    pub draft: EnvironmentDraft,
    /// Its n8n.
    pub n8n: N8nSim,
    /// Its GitHub.
    pub github: GithubSim,
    /// Its repository.
    pub repo: Repo,
}

impl TestEnvironment<'_> {
    /// A permit of the one who connected it.
    ///
    /// # Panics
    /// When the gate refuses.
    #[must_use]
    pub fn permit<C: cap::Cap>(&self) -> Permit<C> {
        self.caller.permit().expect("the caller may")
    }

    /// A minute passes, then a check runs.
    pub async fn check(&self) -> CheckOutcome {
        self.app.clock.advance(TimeDelta::minutes(1));
        self.app.services.run_check(self.id, CheckTrigger::Schedule, None).await.expect("a check is recorded")
    }

    /// The check that a closing began runs.
    ///
    /// # Panics
    /// When it cannot be recorded.
    pub async fn closing_check(&self) -> CheckOutcome {
        self.app.clock.advance(TimeDelta::minutes(1));
        let person = Some(self.caller.user_id);
        self.app.services.run_check(self.id, CheckTrigger::Closing, person).await.expect("a check is recorded")
    }

    /// Opens an incident over what differs.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn incident(&self) -> IncidentId {
        let created = self.app.services.create_incident(&self.permit(), self.id, None).await;
        created.expect("an incident is opened").id
    }

    /// The workspace of an incident.
    ///
    /// # Panics
    /// When it is not there.
    pub async fn incident_page(&self, id: IncidentId) -> IncidentPage {
        let permit = self.incident_permit(id).await;
        self.app.services.incident(&permit, id).await.expect("the incident is there")
    }

    /// A permit for an incident of the one who connected the environment.
    ///
    /// # Panics
    /// When the gate refuses.
    pub async fn incident_permit<C: cap::Cap>(&self, id: IncidentId) -> Permit<C> {
        self.app.services.incident_permit(&self.caller, id).await.expect("the caller may")
    }

    /// The environment as its page shows it.
    pub async fn page(&self) -> EnvironmentPage {
        self.app.services.environment(&self.permit(), self.id).await.expect("the environment is there")
    }

    /// The workspace without a filter.
    pub async fn workspace(&self) -> Workspace {
        let filter = ChangeFilter::default();
        self.app.services.workspace(&self.permit(), self.id, filter).await.expect("the environment is there")
    }

    /// The open changes.
    pub async fn changes(&self) -> Vec<ChangeRow> {
        let filter = ChangeFilter { limit: Some(ChangeFilter::LARGEST_PAGE), ..ChangeFilter::default() };
        let look = self.app.services.workspace(&self.permit(), self.id, filter).await;
        look.expect("the environment is there").changes
    }

    /// The only open change.
    ///
    /// # Panics
    /// When there is another number of them.
    pub async fn change(&self) -> ChangeRow {
        let mut changes = self.changes().await;
        assert_eq!(changes.len(), 1, "one open change, not {changes:#?}");
        changes.remove(0)
    }

    /// Creates a workflow in n8n, publishes it, and commits what n8n exports of it, so that both sides agree.
    /// Answers its id.
    ///
    /// # Panics
    /// When a stand-in refuses.
    pub async fn agreed(&self, workflow: &Value) -> String {
        let id = self.n8n.create(workflow);
        // Version 1 publishes by activating, version 2 by publishing; a workflow without a trigger cannot be published.
        let _ = self.n8n.publish(&id);
        self.deploy_to_git(&id, "Add a workflow").await;
        id
    }

    /// Commits what n8n has of a workflow, as `n8n export:workflow --separate` writes it. Answers the commit.
    ///
    /// # Panics
    /// When a stand-in refuses.
    pub async fn deploy_to_git(&self, id: &str, message: &str) -> String {
        let exported = self.n8n.workflow(id).expect("the workflow is there");
        self.commit(&path(id), &exported, message).await
    }

    /// Commits a workflow file.
    ///
    /// # Panics
    /// When the stand-in refuses.
    pub async fn commit(&self, path: &str, workflow: &Value, message: &str) -> String {
        let bytes = serde_json::to_vec_pretty(workflow).expect("JSON can be written");
        self.later();
        self.repo.commit("main", "Ada Lovelace", message, &[(path, Some(&bytes))]).await.expect("a commit")
    }

    /// Removes a file from Git.
    ///
    /// # Panics
    /// When the stand-in refuses.
    pub async fn remove(&self, path: &str) {
        self.later();
        self.repo.commit("main", "Ada Lovelace", "Remove a workflow", &[(path, None)]).await.expect("a commit");
    }

    /// Edits a node in n8n as a person in the editor does, published at once where it is published.
    ///
    /// # Panics
    /// When the stand-in refuses.
    pub fn edit(&self, id: &str, node: &str, change: impl FnOnce(&mut Value)) {
        self.later();
        self.n8n.change_node(id, node, change).expect("the node is there");
        if self.n8n.version() == N8nVersion::V2 && self.n8n.workflow(id).is_ok_and(|w| w["active"] == true) {
            self.n8n.publish(id).expect("it was published before");
        }
    }

    /// A second passes: n8n's `updatedAt` and Git's dates tell acts apart.
    pub fn later(&self) {
        self.app.clock.advance(TimeDelta::seconds(1));
    }
}

/// Where [`TestEnvironment::deploy_to_git`] puts a workflow.
#[must_use]
pub fn path(id: &str) -> String {
    format!("{FOLDER}/{id}.json")
}

/// A small workflow with a webhook, an HTTP request and a code node.
#[must_use]
pub fn workflow(name: &str) -> Value {
    serde_json::json!({
        "name": name,
        "nodes": [
            { "id": "5e4b3f0e-0001-4000-8000-000000000001", "name": "Order arrives", "type": "n8n-nodes-base.webhook",
              "typeVersion": 2, "position": [0, 0], "parameters": { "path": format!("orders-{name}"), "httpMethod": "POST" },
              "webhookId": format!("hook-{name}") },
            { "id": "5e4b3f0e-0002-4000-8000-000000000002", "name": "Look up customer",
              "type": "n8n-nodes-base.httpRequest", "typeVersion": 4.2, "position": [220, 0],
              "parameters": { "url": "https://crm.example.com/customers", "method": "GET" },
              "credentials": { "httpHeaderAuth": { "id": "c1", "name": "CRM" } } },
            { "id": "5e4b3f0e-0003-4000-8000-000000000003", "name": "Total", "type": "n8n-nodes-base.code",
              "typeVersion": 2, "position": [440, 0],
              "parameters": { "jsCode": "let total = 0;\nfor (const item of items) {\n  total += item.json.price;\n}\nreturn [{ json: { total } }];" } }
        ],
        "connections": {
            "Order arrives": { "main": [[{ "node": "Look up customer", "type": "main", "index": 0 }]] },
            "Look up customer": { "main": [[{ "node": "Total", "type": "main", "index": 0 }]] }
        },
        "settings": { "executionOrder": "v1" }
    })
}

/// Takes the mails that wait in the queue.
async fn take_waiting(pool: &PgPool) -> sqlx::Result<Vec<MailJob>> {
    let rows: Vec<(serde_json::Value,)> = sqlx::query_as(
        "DELETE FROM graphile_worker._private_jobs AS jobs USING graphile_worker._private_tasks AS tasks
         WHERE tasks.id = jobs.task_id AND tasks.identifier = 'mail' RETURNING jobs.payload::jsonb",
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().filter_map(|(payload,)| serde_json::from_value(payload).ok()).collect())
}
