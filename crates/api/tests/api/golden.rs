//! Who may ask what of the API: a table made by asking. Every route is called by every role on every plan, over HTTP and on a
//! real database, and what came of it is held against the table that is kept in `tests/golden/routes.md`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use drift_domain::failure::Side;
use drift_domain::ids::{ChangeId, EnvironmentId};
use drift_domain::plan::{Capability, Plan, PlanTier};
use drift_domain::policy::PolicyTemplate;
use drift_domain::reconciliation::Target;
use drift_domain::report::ReportFormat;
use drift_domain::role::Role;
use drift_domain::views::{ReportAsk, ReportScheduleAsk};
use drift_services::accounts::{SignIn, TokenRequest};
use drift_services::gate::Caller;
use drift_services::policies::PolicyContent;
use drift_testkit::app::workflow;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::{Answer, Api, Member, PASSWORD, request};
use crate::routes::{Asks, ROUTES, address, body, channel};

/// Routes that end what their caller calls with: asked last, in this order.
const LAST: [(&str, &str); 3] = [("DELETE", "/session"), ("DELETE", "/sessions"), ("DELETE", "/me/membership")];

/// What an address names where the plan makes nothing of the kind.
const NOTHING: &str = "00000000-0000-7000-8000-000000000000";

/// An organization with something behind every kind of id, and one person of every role.
struct World<'a> {
    api: &'a Api,
    plan: PlanTier,
    owner: Caller,
    people: Vec<Member>,
    ids: BTreeMap<&'static str, String>,
    draft: Value,
    /// Numbers what is made anew.
    made: u32,
}

impl<'a> World<'a> {
    async fn new(api: &'a Api, plan: PlanTier) -> Self {
        // From the highest plan nobody asks for a higher one: that was asked before.
        let asked_on = if plan == PlanTier::Enterprise { PlanTier::Agency } else { plan };
        let mut owner = api.member(asked_on, Role::Owner).await;
        let services = &api.app.services;
        let request = services.request_upgrade(&owner.caller.permit().unwrap(), Default::default()).await.unwrap();
        if plan != asked_on {
            owner.caller = api.app.moved_to(&owner.caller, plan).await;
        }
        let env = api.app.environment(&owner.caller, "Production").await;
        let id = env.agreed(&workflow("Orders")).await;
        env.check().await;
        env.edit(&id, "Total", |node| node["disabled"] = json!(true));
        env.check().await;
        let change = env.change().await.id;
        let incident = if owner.caller.may(Capability::ManageIncidents) {
            env.incident().await.to_string()
        } else {
            NOTHING.to_owned()
        };
        let reconciliation = planned(api, &owner.caller, change).await;
        let draft = serde_json::to_value(&env.draft).unwrap();
        let ids = BTreeMap::from([
            ("environment", env.id.to_string()),
            ("change", change.to_string()),
            ("incident", incident),
            ("reconciliation", reconciliation),
            ("request", request.to_string()),
            ("hold", held(api, &owner.caller).await),
            ("policy", policy(api, &owner.caller).await),
            ("report", reported(api, &owner.caller).await),
            ("schedule", scheduled(api, &owner.caller).await),
        ]);
        let mut people = Vec::new();
        for role in Role::ALL.iter().filter(|role| **role != Role::Owner) {
            people.push(api.colleague(&owner, *role).await);
        }
        let caller = owner.caller.clone();
        people.push(owner);
        let mut world = Self { api, plan, owner: caller, people, ids, draft, made: 0 };
        world.member_anew().await;
        world.invitation_anew().await;
        world.channel_anew().await;
        world
    }

    async fn channel_anew(&mut self) {
        let draft = channel(&format!("Operations {}", self.number()));
        let services = &self.api.app.services;
        let channel = services.add_channel(&self.owner.permit().unwrap(), draft).await.unwrap().channel.id;
        let delivery = services.test_channel(&self.owner.permit().unwrap(), channel).await.unwrap();
        self.ids.insert("channel", channel.to_string());
        self.ids.insert("delivery", delivery.to_string());
    }

    fn number(&mut self) -> u32 {
        self.made += 1;
        self.made
    }

    async fn member_anew(&mut self) {
        let (organization, email) = (self.owner.organization_id, format!("new{}@example.com", self.number()));
        let member = self.api.join(organization, email, Role::Viewer).await;
        self.ids.insert("member", member.caller.user_id.to_string());
    }

    async fn invitation_anew(&mut self) {
        let email = format!("invited{}@example.com", self.number());
        let permit = self.owner.permit().unwrap();
        let invited = self.api.app.services.invite(&permit, &email, Role::Viewer).await.unwrap();
        self.ids.insert("invitation", invited.invitation.id.to_string());
    }

    /// What belongs to one person alone, made for this call.
    async fn own(&mut self, person: usize, path: &str) {
        let services = &self.api.app.services;
        let caller = &self.people[person].caller;
        if path.contains("{token}") {
            let new = TokenRequest { name: "CI".into(), role: Role::Viewer, days: 1 };
            let made = services.create_token(&caller.permit().unwrap(), new).await.unwrap();
            self.ids.insert("token", made.token.id.to_string());
        }
        if path.contains("{approval}") {
            // What somebody answered is over: each is asked about a request of its own.
            let of = |name: &str| self.ids[name].as_str();
            let (environment, change) = (of("environment").parse().unwrap(), of("change").parse().unwrap());
            let wanted = wanted(self.api, &self.owner, environment, change).await;
            self.ids.insert("approval", wanted);
        }
        if path.contains("{session}") {
            let session = self.signed_in(person).await.caller.session().unwrap();
            self.ids.insert("session", session.to_string());
        }
    }

    /// The person at another browser.
    async fn signed_in(&self, person: usize) -> Member {
        let email = self.people[person].caller.email.clone();
        let attempt = SignIn { email, password: PASSWORD.into(), address: None, user_agent: String::new() };
        Member::of(self.api.app.services.sign_in(attempt).await.unwrap())
    }

    async fn call(&mut self, person: usize, method: &str, path: &str) -> Answer {
        self.own(person, path).await;
        let sent = match path {
            "/me/organization" => Some(json!({ "organization_id": self.owner.organization_id })),
            _ => body(method, path, &self.draft),
        };
        let (verb, to) = (method.parse::<Method>().unwrap(), address(path, &self.ids));
        let answer = self.api.answer(request(verb, &to, Some(&self.people[person].cookie), sent)).await;
        if answer.status.is_success() {
            match (method, path) {
                ("DELETE", "/session" | "/sessions") => self.people[person] = self.signed_in(person).await,
                ("DELETE", "/members/{member}") => self.member_anew().await,
                ("DELETE", "/invitations/{invitation}") => self.invitation_anew().await,
                ("DELETE", "/notification-channels/{channel}") => self.channel_anew().await,
                ("DELETE", "/reports/{report}") => {
                    self.ids.insert("report", reported(self.api, &self.owner).await);
                }
                ("DELETE", "/report-schedules/{schedule}") => {
                    self.ids.insert("schedule", scheduled(self.api, &self.owner).await);
                }
                _ => {}
            }
        }
        answer
    }

    /// What came of a call, as one mark: whether it was let in, whatever was found behind the gate.
    fn mark(&self, method: &str, path: &str, asks: Asks, answer: &Answer) -> char {
        let what = format!("{method} {path} on {}: {answer:?}", self.plan);
        let named = || match asks {
            Asks::Of(capability) => assert_eq!(answer.body["capability"], capability.as_str(), "{what}"),
            Asks::Nothing | Asks::Session => panic!("{what}"),
        };
        assert!(answer.status.as_u16() < 500, "{what}");
        match answer.status {
            _ if asks == Asks::Nothing => '○',
            StatusCode::UNAUTHORIZED => panic!("{what}"),
            // The link that is sent is nobody's: let in, with nothing behind it.
            StatusCode::NOT_FOUND if path == "/invitations/join" => '✓',
            // What is proposed is about an incident that is nowhere.
            StatusCode::NOT_FOUND if path == "/approvals" => '✓',
            StatusCode::NOT_FOUND => {
                assert!(path.starts_with("/incidents/{") && self.plan == PlanTier::Free, "{what}");
                '-'
            }
            StatusCode::PAYMENT_REQUIRED => {
                named();
                '$'
            }
            StatusCode::FORBIDDEN if answer.problem() == "policy-refused" => '§',
            StatusCode::FORBIDDEN => {
                named();
                '×'
            }
            _ => '✓',
        }
    }
}

/// A request for approval that waits, by somebody who joins for it.
pub async fn wanted(api: &Api, owner: &Caller, environment: EnvironmentId, change: ChangeId) -> String {
    let by = api.app.member(owner, Role::Operator).await;
    api.app.approval_wanted(&by, environment, change).await.to_string()
}

/// A policy that somebody wrote before a downgrade, where the plan has none.
pub async fn policy(api: &Api, owner: &Caller) -> String {
    let able = Caller { plan: Arc::new(Plan::standard(PlanTier::Enterprise)), ..owner.clone() };
    let content = PolicyContent::Form(PolicyTemplate::Standard.rules());
    api.app.services.create_policy(&able.permit().unwrap(), "Kept", content).await.unwrap().to_string()
}

/// A hold that somebody placed before a downgrade, where the plan has none.
pub(crate) async fn held(api: &Api, owner: &Caller) -> String {
    let able = Caller { plan: Arc::new(Plan::standard(PlanTier::Enterprise)), ..owner.clone() };
    let placed = api.app.services.place_hold(&able.permit().unwrap(), None, "kept".to_owned()).await;
    placed.unwrap().id.to_string()
}

/// A report that somebody asked for before a downgrade, where the plan has none.
pub(crate) async fn reported(api: &Api, owner: &Caller) -> String {
    let able = Caller { plan: Arc::new(Plan::standard(PlanTier::Enterprise)), ..owner.clone() };
    let today = Some(api.app.services.now().date_naive());
    let ask = ReportAsk { format: ReportFormat::Csv, from: today, to: today, environment: None, incident: None };
    api.app.services.request_report(&able.permit().unwrap(), &ask).await.unwrap().id.to_string()
}

/// A monthly report that somebody set up before a downgrade, where the plan has none.
pub(crate) async fn scheduled(api: &Api, owner: &Caller) -> String {
    let able = Caller { plan: Arc::new(Plan::standard(PlanTier::Enterprise)), ..owner.clone() };
    let ask = ReportScheduleAsk { format: ReportFormat::Csv, environment: None, recipients: Vec::new() };
    api.app.services.schedule_report(&able.permit().unwrap(), &ask).await.unwrap().id.to_string()
}

/// A reconciliation that somebody planned before a downgrade, where the plan has none.
async fn planned(api: &Api, owner: &Caller, change: ChangeId) -> String {
    let able = Caller { plan: Arc::new(Plan::standard(PlanTier::Agency)), ..owner.clone() };
    let permit = able.permit().unwrap();
    api.app.services.plan_restore(&permit, change, Side::Desired, Target::N8n).await.unwrap().to_string()
}

#[tokio::test]
async fn who_may_ask_what_is_as_it_is_kept() {
    let mut cells: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    let last = |route: &&(&str, &str, Asks)| LAST.iter().position(|last| *last == (route.0, route.1));
    let mut order: Vec<_> = ROUTES.iter().collect();
    order.sort_by_key(|route| last(route).map_or(0, |at| at + 1));
    for plan in PlanTier::ALL {
        let api = Api::new().await;
        let mut world = World::new(&api, *plan).await;
        for (method, path, asks) in &order {
            let mut cell = String::new();
            for person in 0..world.people.len() {
                let answer = world.call(person, method, path).await;
                cell.push(world.mark(method, path, *asks, &answer));
            }
            cells.entry((*method, *path)).or_default().push(cell);
        }
    }
    let made = table(&cells);
    let kept = include_str!("../golden/routes.md");
    let there = concat!(env!("CARGO_TARGET_TMPDIR"), "/routes.md");
    std::fs::write(there, &made).unwrap();
    assert!(made == kept, "crates/api/tests/golden/routes.md is not what came of the calls, which is in {there}");
}

fn table(cells: &BTreeMap<(&str, &str), Vec<String>>) -> String {
    let mut text = String::from(
        "# Who may ask what of the API\n\n\
         Made by asking: each mark is a request over HTTP by one role, on a real database. The roles in their order: Viewer,\n\
         Operator, Approver, Admin, Owner.\n\n\
         ✓ let in · $ refused for the plan (402) · × refused for the role (403) · § refused by policy (403) ·\n\
         - not there (404): the plan makes no incidents · ○ asks nothing\n\n",
    );
    let heads: Vec<&str> = PlanTier::ALL.iter().map(|plan| plan.label()).collect();
    writeln!(text, "| capability | route | {} |", heads.join(" | ")).unwrap();
    writeln!(text, "|---|---|{}", "---|".repeat(heads.len())).unwrap();
    for (method, path, asks) in ROUTES {
        let asks = match asks {
            Asks::Nothing => "nothing".to_owned(),
            Asks::Session => "session".to_owned(),
            Asks::Of(capability) => capability.to_string(),
        };
        let marks: Vec<String> = cells[&(*method, *path)].iter().map(|cell| format!("`{cell}`")).collect();
        writeln!(text, "| {asks} | {method} `{path}` | {} |", marks.join(" | ")).unwrap();
    }
    text
}
