//! Approvals at work: asked for, given by others, carried out once, and failing visibly when the world moved on.

use chrono::TimeDelta;
use drift_domain::approval::{ApprovalState, ProposedAct};
use drift_domain::audit::AuditAction;
use drift_domain::change::DecisionKind;
use drift_domain::environment::EnvironmentClass;
use drift_domain::ids::{ApprovalId, IncidentId};
use drift_domain::incident::{IncidentAction, IncidentStatus};
use drift_domain::plan::PlanTier;
use drift_domain::policy::{ApprovalRules, PolicyRules, PolicyTemplate};
use drift_domain::role::Role;
use drift_domain::views::{ApprovalView, PolicyTarget, Proposed};
use drift_services::ServiceError;
use drift_services::gate::Caller;
use drift_services::policies::PolicyContent;
use drift_testkit::app::workflow;
use drift_testkit::{TestApp, TestEnvironment};
use serde_json::json;

const LENIENT: PolicyRules = PolicyTemplate::RelaxedDevelopment.rules();

/// An environment with a hotfix, its incident, and a policy that takes approvals.
struct World<'a> {
    app: &'a TestApp,
    env: TestEnvironment<'a>,
    /// The workflow, in n8n.
    live: String,
    incident: IncidentId,
    operator: Caller,
    approver: Caller,
}

impl<'a> World<'a> {
    async fn new(app: &'a TestApp, approvals: ApprovalRules) -> Self {
        let owner = app.organization(PlanTier::Enterprise).await;
        let env = app.environment(&owner, "Production").await;
        let id = env.agreed(&workflow("Orders")).await;
        env.check().await;
        env.edit(&id, "Total", |node| node["parameters"]["jsCode"] = json!("return [];"));
        env.check().await;
        let incident = env.incident().await;
        let operator = app.member(&owner, Role::Operator).await;
        let approver = app.member(&owner, Role::Approver).await;
        let world = Self { app, env, live: id, incident, operator, approver };
        world.holds(PolicyRules { approvals, ..LENIENT }).await;
        world
    }

    async fn holds(&self, rules: PolicyRules) {
        let permit = self.env.caller.permit().unwrap();
        let name = format!("Rules {}", uuid::Uuid::now_v7());
        let id = self.app.services.create_policy(&permit, &name, PolicyContent::Form(rules)).await.unwrap();
        let production = PolicyTarget::Class(EnvironmentClass::Production);
        self.app.services.assign_policy(&permit, production, Some(id)).await.unwrap();
    }

    async fn version(&self) -> i64 {
        self.env.incident_page(self.incident).await.version
    }

    async fn acknowledge(&self) -> ProposedAct {
        let (incident, version) = (self.incident, self.version().await);
        ProposedAct::Acknowledge { incident, version, reason: "On it".to_owned(), owner: None }
    }

    /// Has somebody ask for an acknowledgement.
    async fn asked(&self, who: &Caller) -> ApprovalId {
        match self.app.services.propose(who, self.acknowledge().await).await.unwrap() {
            Proposed::Asked { id } => id,
            Proposed::Done => panic!("nobody was asked"),
        }
    }

    async fn approve(&self, who: &Caller, id: ApprovalId) -> Result<ApprovalState, ServiceError> {
        self.app.services.approve(&who.permit().unwrap(), id, None).await
    }

    async fn view(&self, id: ApprovalId) -> ApprovalView {
        self.app.services.approval(&self.env.caller.permit().unwrap(), id).await.unwrap()
    }

    async fn status(&self) -> IncidentStatus {
        self.env.incident_page(self.incident).await.row.status
    }

    /// What the audit log says of approvals, oldest first.
    async fn said(&self) -> Vec<AuditAction> {
        let permit = self.env.caller.permit().unwrap();
        let log = self.app.services.audit_log(&permit, Default::default(), None).await.unwrap();
        let of_approvals = |action: &AuditAction| action.as_str().starts_with("APPROVAL_");
        log.entries.iter().rev().map(|entry| entry.action).filter(of_approvals).collect()
    }
}

const ONE: ApprovalRules = ApprovalRules { acknowledge: 1, ..ApprovalRules::NONE };

fn conflict<T: std::fmt::Debug>(answer: Result<T, ServiceError>) -> String {
    match answer {
        Err(ServiceError::Conflict(message)) => message,
        other => panic!("a conflict, not {other:?}"),
    }
}

#[tokio::test]
async fn what_others_approve_is_done_for_who_asked_and_all_of_it_is_on_record() {
    let app = TestApp::new().await;
    let world = World::new(&app, ONE).await;
    let permit = app.services.incident_permit(&world.operator, world.incident).await.unwrap();
    // The page says so before anybody clicks, and a click alone does nothing.
    let page = app.services.incident(&permit, world.incident).await.unwrap();
    let action = page.actions.iter().find(|a| a.action == IncidentAction::Acknowledge).unwrap();
    assert!(action.takes.as_deref().unwrap().contains("takes the approval of an approver"), "{action:?}");
    let permit = app.services.incident_permit(&world.operator, world.incident).await.unwrap();
    let version = world.version().await;
    let alone = app.services.acknowledge(&permit, world.incident, version, "On it".to_owned(), None).await;
    assert!(matches!(alone, Err(ServiceError::ApprovalRequired(_))), "{alone:?}");
    assert_eq!((world.status().await, world.version().await), (IncidentStatus::Detected, version));

    let id = world.asked(&world.operator).await;
    assert_eq!(world.asked(&world.operator).await, id, "asking twice is asking once");
    assert_eq!(world.status().await, IncidentStatus::Detected);
    assert_eq!(world.approve(&world.approver, id).await.unwrap(), ApprovalState::Done);
    let after = world.env.incident_page(world.incident).await;
    assert_eq!(after.row.status, IncidentStatus::Acknowledged);
    assert_eq!(after.row.owner.unwrap().id, world.operator.user_id, "it is done for who asked");
    let view = world.view(id).await;
    assert_eq!((view.state, view.voices.len(), view.voices[0].by.id), (ApprovalState::Done, 1, world.approver.user_id));
    use AuditAction::{ApprovalDone, ApprovalGiven, ApprovalWanted};
    assert_eq!(world.said().await, [ApprovalWanted, ApprovalGiven, ApprovalDone]);
    let permit = app.services.incident_permit(&world.operator, world.incident).await.unwrap();
    let timeline = app.services.incident_timeline(&permit, world.incident, None).await.unwrap();
    let told: Vec<_> = timeline.items.iter().map(|entry| entry.text.as_str()).collect();
    assert!(told.iter().any(|text| text.contains("asks to acknowledge the incident")), "{told:?}");
}

#[tokio::test]
async fn nobody_approves_their_own_nor_twice_and_an_approval_is_not_played_again() {
    let app = TestApp::new().await;
    let world = World::new(&app, ApprovalRules { acknowledge: 2, ..ONE }).await;
    let second = app.member(&world.env.caller, Role::Approver).await;
    let id = world.asked(&world.approver).await;
    let own = world.approve(&world.approver, id).await;
    assert!(matches!(own, Err(ServiceError::PolicyRefused { policy: "no-self-approval", .. })), "{own:?}");
    let low = world.approve(&world.operator, id).await;
    assert!(matches!(low, Err(ServiceError::RoleRequired { needs: Role::Approver, .. })), "{low:?}");
    assert_eq!(world.approve(&second, id).await.unwrap(), ApprovalState::Pending);
    assert!(conflict(world.approve(&second, id).await).contains("You have approved this already"));
    assert_eq!(world.approve(&world.env.caller, id).await.unwrap(), ApprovalState::Done);
    let third = app.member(&world.env.caller, Role::Admin).await;
    assert!(conflict(world.approve(&third, id).await).contains("carried out"));
    // The database itself knows no way back, and no voice of who asked.
    let pool = app.database.pool();
    let again = sqlx::query("UPDATE approval_requests SET state = 'APPROVED', ended_at = NULL").execute(pool).await;
    assert!(again.unwrap_err().to_string().contains("stays as it is"));
    let own = sqlx::query(
        "INSERT INTO approvals SELECT organization_id, id, requested_by, requested_by, requested_by, NULL, now() FROM approval_requests",
    );
    assert!(own.execute(pool).await.unwrap_err().to_string().contains("approvals_are_of_others"));
}

#[tokio::test]
async fn it_fails_visibly_when_the_world_changed_since() {
    let app = TestApp::new().await;
    let world = World::new(&app, ONE).await;
    let id = world.asked(&world.operator).await;
    let permit = app.services.incident_permit(&world.operator, world.incident).await.unwrap();
    app.services.comment(&permit, world.incident, "Look at this first".to_owned()).await.unwrap();
    assert_eq!(world.approve(&world.approver, id).await.unwrap(), ApprovalState::Failed);
    let view = world.view(id).await;
    assert!(view.reason.unwrap().contains("changed since you looked"), "it says why");
    assert_eq!(world.status().await, IncidentStatus::Detected, "nothing was done");
    // It is asked for anew, of what is there now.
    let again = world.asked(&world.operator).await;
    assert_ne!(again, id);
    assert_eq!(world.approve(&world.approver, again).await.unwrap(), ApprovalState::Done);
}

#[tokio::test]
async fn who_asked_has_left_or_fell_and_nothing_is_done_in_their_name() {
    let app = TestApp::new().await;
    let world = World::new(&app, ONE).await;
    let id = world.asked(&world.operator).await;
    let permit = world.env.caller.permit().unwrap();
    app.services.change_role(&permit, world.operator.user_id, Role::Viewer).await.unwrap();
    assert_eq!(world.approve(&world.approver, id).await.unwrap(), ApprovalState::Failed);
    assert!(world.view(id).await.reason.unwrap().contains("needs the role"));
    let other = app.member(&world.env.caller, Role::Operator).await;
    let id = world.asked(&other).await;
    app.services.remove_member(&permit, other.user_id).await.unwrap();
    assert_eq!(world.approve(&world.approver, id).await.unwrap(), ApprovalState::Failed);
    assert!(world.view(id).await.reason.unwrap().contains("no member"));
    assert_eq!(world.status().await, IncidentStatus::Detected);
}

#[tokio::test]
async fn an_approver_who_left_counts_no_more() {
    let app = TestApp::new().await;
    let world = World::new(&app, ApprovalRules { acknowledge: 2, ..ONE }).await;
    let second = app.member(&world.env.caller, Role::Approver).await;
    let id = world.asked(&world.operator).await;
    world.approve(&second, id).await.unwrap();
    app.services.change_role(&world.env.caller.permit().unwrap(), second.user_id, Role::Operator).await.unwrap();
    assert_eq!(world.approve(&world.approver, id).await.unwrap(), ApprovalState::Pending);
    let voices = world.view(id).await.voices;
    assert!(voices.iter().all(|voice| voice.counts == (voice.by.id != second.user_id)), "{voices:?}");
    assert_eq!(world.approve(&world.env.caller, id).await.unwrap(), ApprovalState::Done);
}

#[tokio::test]
async fn a_request_ends_in_time_by_a_rejection_or_taken_back() {
    let app = TestApp::new().await;
    let world = World::new(&app, ONE).await;
    let late = world.asked(&world.operator).await;
    app.clock.advance(TimeDelta::hours(72) - TimeDelta::seconds(1));
    assert_eq!(app.services.tend_approvals().await.unwrap(), 0);
    assert_eq!(world.view(late).await.state, ApprovalState::Pending);
    app.clock.advance(TimeDelta::seconds(1));
    assert!(conflict(world.approve(&world.approver, late).await).contains("expired"));
    assert_eq!(app.services.tend_approvals().await.unwrap(), 1);
    assert_eq!(world.view(late).await.state, ApprovalState::Expired);

    let unwanted = world.asked(&world.operator).await;
    let permit = world.approver.permit().unwrap();
    let mute = app.services.reject_approval(&permit, unwanted, " ".to_owned()).await;
    assert!(matches!(mute, Err(ServiceError::Invalid { field: "reason", .. })), "{mute:?}");
    app.services.reject_approval(&permit, unwanted, "Wait for Ada".to_owned()).await.unwrap();
    let view = world.view(unwanted).await;
    assert_eq!((view.state, view.reason.as_deref()), (ApprovalState::Rejected, Some("Wait for Ada")));

    let back = world.asked(&world.operator).await;
    let others = app.services.withdraw_approval(&permit, back).await;
    assert!(matches!(others, Err(ServiceError::PolicyRefused { policy: "own-request", .. })), "{others:?}");
    app.services.withdraw_approval(&world.operator.permit().unwrap(), back).await.unwrap();
    assert!(conflict(world.approve(&world.approver, back).await).contains("withdrawn"));
    assert_eq!(world.status().await, IncidentStatus::Detected);
}

#[tokio::test]
async fn a_deputy_lends_the_voice_of_who_is_away_for_that_time() {
    let app = TestApp::new().await;
    let world = World::new(&app, ApprovalRules { acknowledge: 2, ..ONE }).await;
    let deputy = app.member(&world.env.caller, Role::Operator).await;
    let services = &app.services;
    let to_oneself = services.delegate_approvals(&deputy.permit().unwrap(), deputy.user_id, 1).await;
    assert!(matches!(to_oneself, Err(ServiceError::Invalid { field: "to", .. })), "{to_oneself:?}");
    services.delegate_approvals(&world.approver.permit().unwrap(), deputy.user_id, 2).await.unwrap();
    let id = world.asked(&world.operator).await;
    assert_eq!(world.approve(&deputy, id).await.unwrap(), ApprovalState::Pending);
    let voice = world.view(id).await.voices.remove(0);
    assert_eq!((voice.by.id, voice.on_behalf_of.unwrap().id), (deputy.user_id, world.approver.user_id));
    // One voice is one voice, whoever gives it.
    let twice = conflict(world.approve(&world.approver, id).await);
    assert!(twice.contains("for A APPROVER already"), "{twice}");
    assert_eq!(world.approve(&world.env.caller, id).await.unwrap(), ApprovalState::Done);
    // What the deputy asks for is not approved by the voice that the deputy lends.
    app.clock.advance(TimeDelta::days(2));
    let over = app.services.approvals(&deputy.permit().unwrap()).await.unwrap();
    assert_eq!(over.delegations, vec![], "the time is over");
    let none = services.end_delegation(&world.approver.permit().unwrap()).await;
    assert!(none.is_ok(), "the row is there until it is replaced or taken back: {none:?}");
    assert!(conflict(services.end_delegation(&world.approver.permit().unwrap()).await).contains("Nobody approves"));
}

#[tokio::test]
async fn an_owner_whom_nobody_is_left_to_approve_for_goes_on_and_that_is_on_record() {
    let app = TestApp::new().await;
    let world = World::new(&app, ApprovalRules { acknowledge: 2, approvers: Role::Admin, ..ONE }).await;
    let few = app.services.propose(&world.operator, world.acknowledge().await).await;
    assert!(matches!(&few, Err(ServiceError::PolicyRefused { message, .. }) if message.contains("too few")), "{few:?}");
    let owner = &world.env.caller;
    assert_eq!(app.services.propose(owner, world.acknowledge().await).await.unwrap(), Proposed::Done);
    assert_eq!(world.status().await, IncidentStatus::Acknowledged);
    assert_eq!(world.said().await, [AuditAction::ApprovalWaived]);
}

#[tokio::test]
async fn an_owner_whom_others_can_approve_for_waits_like_everybody() {
    let app = TestApp::new().await;
    let world = World::new(&app, ONE).await;
    let id = world.asked(&world.env.caller).await;
    assert_eq!(world.approve(&world.approver, id).await.unwrap(), ApprovalState::Done);
}

#[tokio::test]
async fn what_was_approved_and_left_behind_is_carried_out_once_by_whichever_replica() {
    let app = TestApp::new().await;
    let world = World::new(&app, ONE).await;
    let id = world.asked(&world.operator).await;
    // A replica dies between the last approval and what follows from it.
    sqlx::query("UPDATE approval_requests SET state = 'APPROVED'").execute(app.database.pool()).await.unwrap();
    sqlx::query(
        "INSERT INTO approvals SELECT organization_id, id, requested_by, $1, $1, NULL, now() FROM approval_requests",
    )
    .bind(world.approver.user_id.0)
    .execute(app.database.pool())
    .await
    .unwrap();
    let (one, other) = tokio::join!(app.services.tend_approvals(), app.services.tend_approvals());
    one.unwrap();
    other.unwrap();
    assert_eq!(world.view(id).await.state, ApprovalState::Done);
    assert_eq!(world.status().await, IncidentStatus::Acknowledged);
    let acknowledged = "SELECT count(*) FROM events WHERE kind = 'incident.acknowledged'";
    let times: i64 = sqlx::query_scalar(acknowledged).fetch_one(app.database.pool()).await.unwrap();
    assert_eq!(times, 1);
    assert_eq!(app.services.tend_approvals().await.unwrap(), 0);
}

#[tokio::test]
async fn a_stricter_policy_counts_for_what_was_asked_before_and_a_laxer_one_lets_it_pass() {
    let app = TestApp::new().await;
    let world = World::new(&app, ONE).await;
    let second = app.member(&world.env.caller, Role::Approver).await;
    let id = world.asked(&world.operator).await;
    world.holds(PolicyRules { approvals: ApprovalRules { acknowledge: 2, ..ONE }, ..LENIENT }).await;
    assert_eq!(world.approve(&world.approver, id).await.unwrap(), ApprovalState::Failed);
    assert!(world.view(id).await.reason.unwrap().contains("takes 2 approvals by now"));
    let id = world.asked(&world.operator).await;
    world.approve(&second, id).await.unwrap();
    world.holds(LENIENT).await;
    assert_eq!(world.approve(&world.approver, id).await.unwrap(), ApprovalState::Done);
}

#[tokio::test]
async fn every_act_that_a_policy_takes_approval_for_can_be_asked_for() {
    let app = TestApp::new().await;
    let all = ApprovalRules { acknowledge: 1, extend: 1, r#override: 1, decide: 1, close: 1, ..ApprovalRules::NONE };
    let world = World::new(&app, all).await;
    let done = async |act: ProposedAct| {
        let proposed = app.services.propose(&world.operator, act.clone()).await.unwrap();
        let Proposed::Asked { id } = proposed else { panic!("nobody was asked: {act:?}") };
        assert_eq!(world.approve(&world.approver, id).await.unwrap(), ApprovalState::Done, "{act:?}");
    };
    let incident = world.incident;
    done(world.acknowledge().await).await;
    let version = world.version().await;
    done(ProposedAct::Extend { incident, version, hours: 5, reason: "Longer".to_owned() }).await;
    let (version, reason) = (world.version().await, "It is right".to_owned());
    let (kind, changes, replacement) = (DecisionKind::Promote, None, None);
    done(ProposedAct::Decide { incident, version, changes, kind, reason, replacement }).await;
    // A closing that is not proven is refused before anybody is asked (standing rule 4).
    let version = world.version().await;
    let unproven = app.services.propose(&world.operator, ProposedAct::Close { incident, version }).await;
    assert!(matches!(unproven, Err(ServiceError::Conflict(_))), "{unproven:?}");
    let (caller, services) = (&world.operator, &app.services);
    let permit = services.incident_permit(caller, incident).await.unwrap();
    services.stabilize(&permit, incident, version, String::new()).await.unwrap();
    world.env.deploy_to_git(&world.live, "Take it over").await;
    world.env.check().await;
    let permit = services.incident_permit(caller, incident).await.unwrap();
    services.reconcile(&permit, incident, world.version().await).await.unwrap();
    done(ProposedAct::Close { incident, version: world.version().await }).await;
    world.env.closing_check().await;
    assert_eq!(world.status().await, IncidentStatus::Closed);
}

#[tokio::test]
async fn nothing_of_it_reaches_another_organization() {
    let app = TestApp::new().await;
    let world = World::new(&app, ONE).await;
    let id = world.asked(&world.operator).await;
    let stranger = app.organization(PlanTier::Enterprise).await;
    let there = app.services.approval(&stranger.permit().unwrap(), id).await;
    assert!(matches!(there, Err(ServiceError::NotFound(_))), "{there:?}");
    let approved = world.approve(&stranger, id).await;
    assert!(matches!(approved, Err(ServiceError::NotFound(_))), "{approved:?}");
    let proposed = app.services.propose(&stranger, world.acknowledge().await).await;
    assert!(matches!(proposed, Err(ServiceError::NotFound(_))), "{proposed:?}");
    let to = app.services.delegate_approvals(&stranger.permit().unwrap(), world.approver.user_id, 1).await;
    assert!(matches!(to, Err(ServiceError::Invalid { field: "to", .. })), "{to:?}");
    assert_eq!(app.services.approvals(&stranger.permit().unwrap()).await.unwrap(), Default::default());
}

#[tokio::test]
async fn an_owner_does_not_wait_for_a_voice_that_they_themselves_have() {
    let app = TestApp::new().await;
    let world = World::new(&app, ApprovalRules { approvers: Role::Admin, ..ONE }).await;
    let owner = &world.env.caller;
    let admin = app.member(owner, Role::Admin).await;
    app.services.delegate_approvals(&admin.permit().unwrap(), owner.user_id, 2).await.unwrap();
    // The only other administrator is away and lent the voice to who asks.
    assert_eq!(app.services.propose(owner, world.acknowledge().await).await.unwrap(), Proposed::Done);
    assert!(world.said().await.contains(&AuditAction::ApprovalWaived));
}

#[tokio::test]
async fn asking_again_after_the_policy_became_stricter_asks_for_what_it_takes_now() {
    let app = TestApp::new().await;
    let world = World::new(&app, ONE).await;
    let second = app.member(&world.env.caller, Role::Approver).await;
    let before = world.asked(&world.operator).await;
    world.holds(PolicyRules { approvals: ApprovalRules { acknowledge: 2, ..ONE }, ..LENIENT }).await;
    let id = world.asked(&world.operator).await;
    assert_ne!(id, before);
    assert_eq!(world.view(before).await.state, ApprovalState::Expired);
    assert_eq!(world.approve(&world.approver, id).await.unwrap(), ApprovalState::Pending);
    assert_eq!(world.approve(&second, id).await.unwrap(), ApprovalState::Done);
    // One that is over and that no clock has ended yet is not handed out again.
    let world = World::new(&app, ONE).await;
    let late = world.asked(&world.operator).await;
    app.clock.advance(TimeDelta::hours(72));
    assert_ne!(world.asked(&world.operator).await, late);
}
