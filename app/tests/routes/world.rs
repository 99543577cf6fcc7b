//! An organization with something behind every kind of id, and a browser for every role.

use std::collections::BTreeMap;
use std::sync::Arc;

use drift_domain::failure::Side;
use drift_domain::ids::{ChangeId, EnvironmentId};
use drift_domain::notification::{ChannelKind, NoticeKind};
use drift_domain::plan::{Capability, Plan, PlanTier};
use drift_domain::policy::PolicyTemplate;
use drift_domain::reconciliation::Target;
use drift_domain::report::ReportFormat;
use drift_domain::role::Role;
use drift_domain::views::{ReportAsk, ReportScheduleAsk};
use drift_services::accounts::TokenRequest;
use drift_services::gate::Caller;
use drift_services::notify::ChannelDraft;
use drift_services::policies::PolicyContent;
use drift_testkit::TestApp;
use drift_testkit::app::workflow;

use crate::browser::Browser;

/// What an address names where the plan makes nothing of the kind.
const NOTHING: &str = "00000000-0000-7000-8000-000000000000";

pub struct World<'a> {
    app: &'a TestApp,
    owner: Caller,
    environment: EnvironmentId,
    change: ChangeId,
    /// One of every role, the owner last.
    pub people: Vec<Browser>,
    /// What stands for each kind of id: by the beginning of the address where it is `{id}`, else by its own name.
    ids: BTreeMap<&'static str, String>,
}

impl<'a> World<'a> {
    pub async fn new(app: &'a TestApp, plan: PlanTier) -> Self {
        // From the highest plan nobody asks for a higher one: that was asked before.
        let asked_on = if plan == PlanTier::Enterprise { PlanTier::Agency } else { plan };
        let mut owner = Browser::of_new(app, asked_on, Role::Owner).await;
        let permit = owner.caller().permit().unwrap();
        let request = app.services.request_upgrade(&permit, Default::default()).await.unwrap();
        if plan != asked_on {
            owner.caller = Some(app.moved_to(owner.caller(), plan).await);
        }
        let caller = owner.caller().clone();
        let env = app.environment(&caller, "Production").await;
        let id = env.agreed(&workflow("Orders")).await;
        env.check().await;
        env.edit(&id, "Total", |node| node["disabled"] = true.into());
        env.check().await;
        let change = env.change().await.id;
        let incident =
            if caller.may(Capability::ManageIncidents) { env.incident().await.to_string() } else { NOTHING.to_owned() };
        // What somebody planned before a downgrade, where the plan has none.
        let able = Caller { plan: Arc::new(Plan::standard(PlanTier::Agency)), ..caller.clone() };
        let permit = able.permit().unwrap();
        let planned = app.services.plan_restore(&permit, change, Side::Desired, Target::N8n).await.unwrap();
        let able = Caller { plan: Arc::new(Plan::standard(PlanTier::Enterprise)), ..caller.clone() };
        let hold = app.services.place_hold(&able.permit().unwrap(), None, "kept".to_owned()).await.unwrap();
        let content = PolicyContent::Form(PolicyTemplate::Standard.rules());
        let policy = app.services.create_policy(&able.permit().unwrap(), "Kept", content).await.unwrap();
        let mut people = Vec::new();
        for role in Role::ALL.iter().filter(|role| **role != Role::Owner) {
            people.push(Browser::of(app, caller.organization_id, *role).await);
        }
        people.push(owner);
        let ids = BTreeMap::from([
            ("/environments", env.id.to_string()),
            ("/incidents", incident),
            ("/settings/plan/requests", request.to_string()),
            ("/retention/holds", hold.id.to_string()),
            ("/settings/policies", policy.to_string()),
            ("change", change.to_string()),
            ("reconciliation", planned.to_string()),
            ("token", "x".to_owned()),
        ]);
        let mut world = Self { app, owner: caller, environment: env.id, change, people, ids };
        world.member_anew().await;
        world.invitation_anew().await;
        world.channel_anew().await;
        world.report_anew().await;
        world.report_schedule_anew().await;
        world
    }

    async fn member_anew(&mut self) {
        let member = self.app.member(&self.owner, Role::Viewer).await;
        self.ids.insert("user", member.user_id.to_string());
    }

    async fn invitation_anew(&mut self) {
        let email = format!("invited{}@example.com", uuid::Uuid::now_v7().simple());
        let permit = self.owner.permit().unwrap();
        let invited = self.app.services.invite(&permit, &email, Role::Viewer).await.unwrap();
        self.ids.insert("/settings/invitations", invited.invitation.id.to_string());
    }

    /// The owner as somebody whose plan has reports: what is there was asked for before a downgrade.
    fn able(&self) -> Caller {
        Caller { plan: Arc::new(Plan::standard(PlanTier::Enterprise)), ..self.owner.clone() }
    }

    async fn report_anew(&mut self) {
        let today = Some(self.app.services.now().date_naive());
        let ask = ReportAsk { format: ReportFormat::Csv, from: today, to: today, environment: None, incident: None };
        let made = self.app.services.request_report(&self.able().permit().unwrap(), &ask).await.unwrap();
        self.ids.insert("/reports", made.id.to_string());
    }

    async fn report_schedule_anew(&mut self) {
        let ask = ReportScheduleAsk { format: ReportFormat::Csv, environment: None, recipients: Vec::new() };
        let made = self.app.services.schedule_report(&self.able().permit().unwrap(), &ask).await.unwrap();
        self.ids.insert("/reports/schedules", made.id.to_string());
    }

    async fn channel_anew(&mut self) {
        let draft = ChannelDraft {
            kind: ChannelKind::Slack,
            name: format!("Operations {}", uuid::Uuid::now_v7().simple()),
            address: Some("http://127.0.0.1:1/hook".into()),
            secret: None,
            events: vec![NoticeKind::ApprovalWanted],
        };
        let services = &self.app.services;
        let channel = services.add_channel(&self.owner.permit().unwrap(), draft).await.unwrap().channel.id;
        let delivery = services.test_channel(&self.owner.permit().unwrap(), channel).await.unwrap();
        self.ids.insert("/settings/notifications/channels", channel.to_string());
        self.ids.insert("/settings/notifications/deliveries", delivery.to_string());
    }

    /// The address of a form or page for one person, with what belongs to that person alone made for this call.
    pub async fn address(&mut self, person: usize, path: &str) -> String {
        let caller = self.people[person].caller().clone();
        if path.starts_with("/account/tokens/") {
            let new = TokenRequest { name: "CI".into(), role: Role::Viewer, days: 1 };
            let made = self.app.services.create_token(&caller.permit().unwrap(), new).await.unwrap();
            self.ids.insert("/account/tokens", made.token.id.to_string());
        }
        if path.starts_with("/account/sessions/") {
            let again = Browser::again(self.app, &caller.email).await;
            self.ids.insert("/account/sessions", again.caller().session().unwrap().to_string());
        }
        if path.starts_with("/approvals/{id}") {
            // What somebody answered is over: each is asked about a request of its own.
            let asks = self.app.member(&self.owner, Role::Operator).await;
            let wanted = self.app.approval_wanted(&asks, self.environment, self.change).await;
            self.ids.insert("/approvals", wanted.to_string());
        }
        let mut address = path.to_owned();
        for (name, id) in &self.ids {
            if name.starts_with('/') && path.starts_with(&format!("{name}/{{id}}")) {
                address = address.replace("{id}", id);
            }
            address = address.replace(&format!("{{{name}}}"), id);
        }
        assert!(!address.contains('{'), "no example of an id for {address}: add one");
        address
    }

    /// Makes anew what a form has ended.
    pub async fn renew(&mut self, path: &str) {
        match path {
            "/settings/members/{user}/remove" => self.member_anew().await,
            "/settings/invitations/{id}/revoke" => self.invitation_anew().await,
            "/settings/notifications/channels/{id}/remove" => self.channel_anew().await,
            "/reports/{id}/remove" => self.report_anew().await,
            "/reports/schedules/{id}/remove" => self.report_schedule_anew().await,
            _ => {}
        }
    }

    /// Signs a person in again, whose session a form has ended.
    pub async fn back(&mut self, person: usize) {
        let email = self.people[person].caller().email.clone();
        self.people[person] = Browser::again(self.app, &email).await;
    }
}
