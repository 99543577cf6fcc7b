//! What the calls are made on: an organization with something behind every kind of id.

use std::sync::Arc;

use drift_domain::failure::Side;
use drift_domain::ids::{
    ApprovalId, ChangeId, ChannelId, DeliveryId, HoldId, IncidentId, PolicyId, ReconciliationId, ReportId,
    ReportScheduleId, UpgradeRequestId,
};
use drift_domain::notification::{ChannelKind, NoticeKind};
use drift_domain::plan::{Plan, PlanTier};
use drift_domain::policy::PolicyTemplate;
use drift_domain::reconciliation::Target;
use drift_domain::role::Role;
use drift_domain::views::EnvironmentDraft;
use drift_services::gate::{Caller, Permit, cap};
use drift_services::notify::ChannelDraft;
use drift_services::policies::PolicyContent;
use drift_services::{ServiceResult, Services};
use drift_testkit::app::workflow;
use drift_testkit::{TestApp, TestEnvironment};
use serde_json::json;

/// An organization with something behind every kind of id.
pub struct World<'a> {
    pub app: &'a TestApp,
    pub env: TestEnvironment<'a>,
    pub change: ChangeId,
    /// The open incident, where the plan has incidents.
    pub incident: Option<IncidentId>,
    /// A plan that somebody made before a downgrade, where the plan does not carry decisions out.
    pub reconciliation: ReconciliationId,
    /// A channel, and a message to it that is on its way.
    pub channel: ChannelId,
    pub delivery: DeliveryId,
    /// A policy that holds nowhere, where the plan has policies.
    pub policy: PolicyId,
    /// Whether a permit is asked for as the doors do, which look the environment up first.
    pub looks_first: bool,
}

impl<'a> World<'a> {
    pub async fn new(app: &'a TestApp, plan: PlanTier) -> Self {
        let owner = app.organization(plan).await;
        let env = app.environment(&owner, "Production").await;
        let id = env.agreed(&workflow("Orders")).await;
        env.check().await;
        env.edit(&id, "Total", |node| node["disabled"] = json!(true));
        env.check().await;
        let change = env.change().await.id;
        let incident = match env.caller.permit() {
            Ok(permit) => Some(app.services.create_incident(&permit, env.id, None).await.unwrap().id),
            Err(_) => None,
        };
        let able = Caller { plan: Arc::new(Plan::standard(PlanTier::Agency)), ..env.caller.clone() };
        let planned = app.services.plan_restore(&able.permit().unwrap(), change, Side::Desired, Target::N8n).await;
        let reconciliation = planned.unwrap();
        let made = app.services.add_channel(&env.caller.permit().unwrap(), channel_draft("Kept")).await.unwrap();
        let channel = made.channel.id;
        let delivery = app.services.test_channel(&env.caller.permit().unwrap(), channel).await.unwrap();
        let policy = match env.caller.permit() {
            Ok(permit) => {
                let content = PolicyContent::Form(PolicyTemplate::RelaxedDevelopment.rules());
                app.services.create_policy(&permit, "Kept", content).await.unwrap()
            }
            Err(_) => PolicyId(uuid::Uuid::nil()),
        };
        Self { app, env, change, incident, reconciliation, channel, delivery, policy, looks_first: true }
    }

    pub(super) fn services(&self) -> &Services {
        &self.app.services
    }

    /// A permit for something of the environment.
    pub(super) async fn permit<C: cap::Cap>(&self, caller: &Caller) -> ServiceResult<Permit<C>> {
        if self.looks_first { self.services().environment_permit(caller, self.env.id).await } else { caller.permit() }
    }

    /// A permit for something of the incident, under the plan that it keeps.
    pub(super) async fn incident_permit<C: cap::Cap>(&self, caller: &Caller) -> ServiceResult<Permit<C>> {
        match self.incident.filter(|_| self.looks_first) {
            Some(id) => self.services().incident_permit(caller, id).await,
            None => caller.permit(),
        }
    }

    /// A permit for the reconciliation, under the plan that its incident keeps.
    pub(super) async fn reconciliation_permit<C: cap::Cap>(&self, caller: &Caller) -> ServiceResult<Permit<C>> {
        if self.looks_first {
            self.services().reconciliation_permit(caller, self.reconciliation).await
        } else {
            caller.permit()
        }
    }

    /// A permit for the change, wherever it is.
    pub(super) async fn change_permit<C: cap::Cap>(&self, caller: &Caller) -> ServiceResult<Permit<C>> {
        if self.looks_first { self.services().change_permit(caller, self.change).await } else { caller.permit() }
    }

    /// A permit for a hold on the incident, where there is one.
    pub(super) async fn hold_permit(&self, caller: &Caller) -> ServiceResult<Permit<cap::Holds>> {
        if !self.looks_first {
            // Whoever does not look first is let in by the plan, whatever it is: it is about what is behind the gate.
            return Caller { plan: Arc::new(Plan::standard(PlanTier::Enterprise)), ..caller.clone() }.permit();
        }
        match self.incident {
            Some(id) => self.services().hold_permit(caller, Some(id)).await,
            None => caller.permit(),
        }
    }

    /// A request for approval that waits, by somebody who joins for it.
    pub(super) async fn wanted(&self) -> ApprovalId {
        self.wanted_by(&self.app.member(&self.env.caller, Role::Operator).await).await
    }

    /// A request for approval that waits, by somebody, in the organization.
    pub(super) async fn wanted_by(&self, who: &Caller) -> ApprovalId {
        let by = Caller { organization_id: self.env.caller.organization_id, ..who.clone() };
        self.app.approval_wanted(&by, self.env.id, self.change).await
    }

    /// A hold that holds, put there before a downgrade where the plan has none.
    pub(super) async fn hold(&self) -> HoldId {
        let new = sqlx::query(
            "INSERT INTO holds (organization_id, id, reason, placed_by, placed_at) VALUES ($1, $2, 'kept', $3, $4)
             ON CONFLICT DO NOTHING",
        );
        let caller = &self.env.caller;
        let (organization, pool) = (caller.organization_id.0, self.app.database.pool());
        let new =
            new.bind(organization).bind(uuid::Uuid::now_v7()).bind(caller.user_id.0).bind(self.app.services.now());
        new.execute(pool).await.unwrap();
        let holds = "SELECT id FROM holds WHERE organization_id = $1 AND incident_id IS NULL AND released_at IS NULL";
        HoldId(sqlx::query_scalar(holds).bind(organization).fetch_one(pool).await.unwrap())
    }

    /// A report with its file, put there before a downgrade where the plan has none.
    pub(super) async fn report(&self) -> ReportId {
        let (id, caller, pool) = (ReportId(uuid::Uuid::now_v7()), &self.env.caller, self.app.database.pool());
        let new = sqlx::query(
            "INSERT INTO reports (organization_id, id, format, from_day, to_day, requested_by, requested_at, state, as_of,
                 finished_at, expires_at, size, sha256)
             VALUES ($1, $2, 'CSV', '2026-11-01', '2026-11-02', $3, $4, 'READY', $4, $4, $4 + interval '7 days', 1,
                 sha256('x'))",
        );
        let new = new.bind(caller.organization_id.0).bind(id.0).bind(caller.user_id.0).bind(self.app.services.now());
        new.execute(pool).await.unwrap();
        let part = "INSERT INTO report_chunks (organization_id, report_id, number, bytes) VALUES ($1, $2, 0, 'x')";
        sqlx::query(part).bind(caller.organization_id.0).bind(id.0).execute(pool).await.unwrap();
        id
    }

    /// A monthly report, put there before a downgrade where the plan has none.
    pub(super) async fn report_schedule(&self) -> ReportScheduleId {
        let (id, caller) = (ReportScheduleId(uuid::Uuid::now_v7()), &self.env.caller);
        let new = sqlx::query(
            "INSERT INTO report_schedules (organization_id, id, format, made_by, made_at, next_month)
             VALUES ($1, $2, 'CSV', $3, $4, '2026-11-01')",
        );
        let new = new.bind(caller.organization_id.0).bind(id.0).bind(caller.user_id.0).bind(self.app.services.now());
        new.execute(self.app.database.pool()).await.unwrap();
        id
    }

    /// A permit for a report that is there.
    pub(super) async fn report_permit(&self, caller: &Caller, id: ReportId) -> ServiceResult<Permit<cap::Reports>> {
        if self.looks_first { self.services().report_permit(caller, id).await } else { caller.permit() }
    }

    /// A permit for a report of the environment.
    pub(super) async fn report_ask_permit(&self, caller: &Caller) -> ServiceResult<Permit<cap::Reports>> {
        if !self.looks_first {
            return caller.permit();
        }
        self.services().report_ask_permit(caller, Some(self.env.id), None).await
    }

    pub(super) fn incident(&self) -> IncidentId {
        self.incident.unwrap_or(IncidentId(uuid::Uuid::nil()))
    }

    /// The version of the incident, from the database itself.
    pub(super) async fn seen(&self) -> i64 {
        let version = sqlx::query_scalar("SELECT version FROM drift_incidents WHERE id = $1");
        version.bind(self.incident().0).fetch_optional(self.app.database.pool()).await.unwrap().unwrap_or_default()
    }

    pub(super) fn draft(&self, name: &str) -> EnvironmentDraft {
        EnvironmentDraft { name: name.to_owned(), ..self.env.draft.clone() }
    }

    /// The version of the plan, from the database itself.
    pub(super) async fn plan_version(&self) -> i64 {
        let version = sqlx::query_scalar("SELECT plan_version FROM organizations WHERE id = $1");
        version.bind(self.env.caller.organization_id.0).fetch_one(self.app.database.pool()).await.unwrap()
    }

    /// A request that nobody has answered, put there by somebody new.
    pub(super) async fn request(&self) -> UpgradeRequestId {
        let asker = self.app.member(&self.env.caller, Role::Viewer).await;
        let id = UpgradeRequestId(uuid::Uuid::now_v7());
        let new = sqlx::query(
            "INSERT INTO upgrade_requests (organization_id, id, plan, plan_then, requested_by, requested_at)
             VALUES ($1, $2, 'ENTERPRISE', 'AGENCY', $3, now())",
        );
        new.bind(asker.organization_id.0)
            .bind(id.0)
            .bind(asker.user_id.0)
            .execute(self.app.database.pool())
            .await
            .unwrap();
        id
    }
}

/// A channel that leads nowhere and is asked to tell of nothing that happens here.
pub(super) fn channel_draft(name: &str) -> ChannelDraft {
    ChannelDraft {
        kind: ChannelKind::Webhook,
        name: name.to_owned(),
        address: Some("http://127.0.0.1:1/hook".into()),
        secret: None,
        events: vec![NoticeKind::ApprovalWanted],
    }
}
