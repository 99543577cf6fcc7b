//! The gate at GitHub, over a real Postgres and the stand-in: each run is answered once, and nothing that goes wrong is a yes.

use std::sync::Arc;

use bytes::Bytes;
use chrono::TimeDelta;
use drift_domain::clock::Clock;
use drift_domain::deployment::{GateState, GateWay};
use drift_domain::ids::{GateRequestId, IncidentId};
use drift_domain::plan::PlanTier;
use drift_domain::views::{EnvironmentDraft, GitCredentials, GithubGateView};
use drift_services::notify::Next;
use drift_services::{DeliveryOutcome, GithubDelivery, ServiceError};
use drift_sim::faults::{Fault, Rule};
use drift_sim::github::{Hook, sign};
use drift_testkit::app::workflow;
use drift_testkit::{TestApp, TestEnvironment};
use secrecy::ExposeSecret;
use serde_json::json;

const ANSWER: &str = "*/deployment_protection_rule";

/// An environment with a hotfix in an acknowledged incident, whose gate GitHub calls `production`.
struct World<'a> {
    app: &'a TestApp,
    env: TestEnvironment<'a>,
    incident: IncidentId,
    hook: Hook,
    secret: String,
}

impl<'a> World<'a> {
    async fn new(app: &'a TestApp, with_app: bool) -> Self {
        let owner = app.organization(PlanTier::Agency).await;
        let env = app.environment(&owner, "Production").await;
        if with_app {
            sign_in_as_app(app, &env).await;
        }
        let id = env.agreed(&workflow("Orders")).await;
        env.check().await;
        env.edit(&id, "Total", |node| node["parameters"]["jsCode"] = json!("return [];"));
        env.check().await;
        let incident = env.incident().await;
        let permit = env.incident_permit(incident).await;
        let version = env.incident_page(incident).await.version;
        app.services.acknowledge(&permit, incident, version, "On it".to_owned(), None).await.unwrap();
        name(app, &env, "production").await.unwrap();
        let secret = app.services.webhook_settings(&env.permit()).await.unwrap().secret.expose_secret().to_owned();
        // Where it is sent to does not matter: a test hands over what was sent.
        let hook = env.github.hook("http://127.0.0.1:9/nobody", &secret).unwrap();
        hook.deliver(drift_sim::github::Deliveries::Lost);
        Self { app, env, incident, hook, secret }
    }

    async fn expire(&self) {
        let at = self.env.incident_page(self.incident).await.row.expires_at.unwrap();
        self.app.clock.advance(at - self.app.clock.now());
    }

    /// What GitHub sent last.
    fn sent(&self) -> GithubDelivery {
        let sent = self.hook.deliveries().pop().unwrap();
        self.delivery(&sent.id.to_string(), &sent.payload)
    }

    fn delivery(&self, id: &str, body: &Bytes) -> GithubDelivery {
        GithubDelivery {
            id: id.to_owned(),
            event: "deployment_protection_rule".to_owned(),
            signature: sign(&self.secret, body),
            body: body.clone(),
        }
    }

    async fn deliver(&self, delivery: GithubDelivery) -> Result<DeliveryOutcome, ServiceError> {
        self.app.services.github_delivery(self.env.caller.organization_id, delivery).await
    }

    async fn gate(&self) -> GithubGateView {
        self.app.services.github_gate(&self.env.permit(), self.env.id, None).await.unwrap()
    }

    async fn answer(&self, id: GateRequestId) -> Next {
        self.app.services.answer_gate_request(self.env.caller.organization_id, id).await.unwrap()
    }

    async fn look(&self) {
        self.app.services.look_at_gate(self.env.caller.organization_id, self.env.id).await.unwrap();
    }

    /// A run asks, is heard, and is answered as far as one try goes.
    async fn ask(&self) -> (u64, GateRequestId) {
        let run = self.env.repo.ask_gate("production", "main").await.unwrap();
        assert_eq!(self.deliver(self.sent()).await.unwrap(), DeliveryOutcome::Answering);
        let id = self.gate().await.requests[0].id;
        self.answer(id).await;
        (run, id)
    }
}

async fn sign_in_as_app(app: &TestApp, env: &TestEnvironment<'_>) {
    let keys = env.github.install_app(None).unwrap();
    let draft = EnvironmentDraft {
        git_credentials: GitCredentials::App,
        git_app_id: keys.app_id.to_string(),
        git_installation_id: keys.installation_id.to_string(),
        git_private_key: keys.private_key_pem.clone(),
        version: app.services.environment_draft(&env.permit(), env.id).await.unwrap().version,
        ..env.draft.clone()
    };
    app.services.update_environment(&env.permit(), env.id, draft).await.unwrap();
}

async fn name(app: &TestApp, env: &TestEnvironment<'_>, name: &str) -> Result<i64, ServiceError> {
    let seen = app.services.github_gate(&env.permit(), env.id, None).await?.version;
    app.services.set_github_gate(&env.permit(), env.id, name, seen).await
}

#[tokio::test]
async fn a_run_is_let_through_once_while_nothing_blocks() {
    let app = TestApp::new().await;
    let world = World::new(&app, true).await;
    let (run, id) = world.ask().await;
    let [answer] = world.env.repo.gate_answers(run).unwrap().try_into().unwrap();
    assert_eq!(answer.state, "approved");
    assert!(answer.comment.starts_with("Production: allowed. One workflow differs"), "{}", answer.comment);
    let view = world.gate().await;
    assert_eq!(
        (view.way, view.requests[0].state, view.requests[0].run_id),
        (GateWay::ProtectionRule, GateState::Approved, run)
    );
    assert_eq!(view.requests[0].git_commit.as_ref().map(String::len), Some(40));
    // Sent again under its id, and under another; taken on again by a job; looked for.
    assert_eq!(world.deliver(world.sent()).await.unwrap(), DeliveryOutcome::Duplicate);
    let doubled = GithubDelivery { id: "another".to_owned(), ..world.sent() };
    assert_eq!(world.deliver(doubled).await.unwrap(), DeliveryOutcome::Duplicate);
    assert_eq!(world.answer(id).await, Next::Ended);
    world.env.repo.wait_for_people(run).unwrap();
    world.look().await;
    assert_eq!((world.gate().await.requests.len(), world.env.repo.gate_answers(run).unwrap().len()), (1, 1));
}

#[tokio::test]
async fn an_expired_incident_sends_a_run_away_with_the_way_out_and_more_time_lets_the_next_attempt_through() {
    let app = TestApp::new().await;
    let world = World::new(&app, true).await;
    let at = world.env.incident_page(world.incident).await.row.expires_at.unwrap();
    app.clock.advance(at - app.clock.now() - TimeDelta::seconds(1));
    let (run, _) = world.ask().await;
    assert_eq!(world.env.repo.gate_answers(run).unwrap()[0].state, "approved", "a second before");
    app.clock.advance(TimeDelta::seconds(1));
    let (run, _) = world.ask().await;
    let answer = world.env.repo.gate_answers(run).unwrap().remove(0);
    assert_eq!(answer.state, "rejected");
    for words in [
        "Production: blocked. INC-1 (high, ",
        "has been expired since",
        "extends INC-1 with a reason",
        "run this job again",
    ] {
        assert!(answer.comment.contains(words), "{words}: {}", answer.comment);
    }
    let permit = world.env.incident_permit(world.incident).await;
    let version = world.env.incident_page(world.incident).await.version;
    app.services.extend(&permit, world.incident, version, 2, "The vendor answers".to_owned()).await.unwrap();
    world.env.repo.rerun(run).await.unwrap();
    assert_eq!(world.deliver(world.sent()).await.unwrap(), DeliveryOutcome::Answering, "another attempt asks anew");
    let id = world.gate().await.requests[0].id;
    world.answer(id).await;
    let states: Vec<_> = world.env.repo.gate_answers(run).unwrap().into_iter().map(|answer| answer.state).collect();
    assert_eq!(states, ["rejected", "approved"]);
}

#[tokio::test]
async fn a_run_whose_delivery_was_lost_is_found_in_each_attempt() {
    let app = TestApp::new().await;
    let world = World::new(&app, true).await;
    let run = world.env.repo.ask_gate("Production", "main").await.unwrap();
    let other = world.env.repo.ask_gate("staging", "main").await.unwrap();
    for attempt in 1..=2 {
        world.look().await;
        world.look().await;
        let view = world.gate().await;
        assert_eq!((view.requests.len(), view.requests[0].run_id), (attempt, run));
        world.answer(view.requests[0].id).await;
        assert_eq!(world.env.repo.gate_answers(run).unwrap().len(), attempt);
        app.clock.advance(TimeDelta::minutes(1));
        world.env.repo.rerun(run).await.unwrap();
    }
    assert_eq!(world.env.repo.gate_answers(other).unwrap(), [], "nobody said that it is ours");
    // A delivery that comes late is about what waits already.
    world.look().await;
    assert_eq!(world.deliver(world.sent()).await.unwrap(), DeliveryOutcome::Duplicate);
}

#[tokio::test]
async fn a_try_that_failed_or_of_which_nothing_is_known_ends_in_one_answer() {
    let app = TestApp::new().await;
    let faults = [
        ("refused", Fault::status(500)),
        ("refused after it was carried out", Fault::status_after(500)),
        ("cut", Fault::Reset),
        ("cut after it was carried out", Fault::ResetAfter),
    ];
    for (words, fault) in faults {
        let world = World::new(&app, true).await;
        world.env.github.faults().add(Rule::new(fault).path(ANSWER).times(1));
        let (run, id) = world.ask().await;
        let request = world.gate().await.requests.remove(0);
        assert_eq!(request.state, GateState::Pending, "{words}");
        assert!(request.last_error.is_some() && request.answered_at.is_none(), "{words}: {request:?}");
        assert_eq!(world.answer(id).await, Next::Ended, "{words}");
        assert_eq!(world.gate().await.requests[0].state, GateState::Approved, "{words}");
        assert_eq!(world.env.repo.gate_answers(run).unwrap().len(), 1, "{words}");
    }
}

#[tokio::test]
async fn what_blocks_by_the_time_of_the_next_try_is_what_is_said() {
    let app = TestApp::new().await;
    let world = World::new(&app, true).await;
    world.env.github.faults().add(Rule::new(Fault::status(503)).path(ANSWER).times(1));
    let (run, id) = world.ask().await;
    world.expire().await;
    world.answer(id).await;
    assert_eq!(world.env.repo.gate_answers(run).unwrap()[0].state, "rejected");
}

#[tokio::test]
async fn what_github_took_is_what_is_on_record_whatever_became_of_the_answer() {
    let app = TestApp::new().await;
    let world = World::new(&app, true).await;
    world.env.github.faults().add(Rule::new(Fault::ResetAfter).path(ANSWER).times(1));
    let (run, id) = world.ask().await;
    world.expire().await;
    assert_eq!(world.answer(id).await, Next::Ended);
    let request = world.gate().await.requests.remove(0);
    assert_eq!(request.state, GateState::Approved, "the run was let through, before the time was over");
    assert!(request.comment.as_ref().unwrap().starts_with("Production: allowed."), "{request:?}");
    // The process died between GitHub's answer and its record; and people have to agree as well.
    sqlx::query("UPDATE gate_requests SET state = 'PENDING', answered_at = NULL")
        .execute(app.database.pool())
        .await
        .unwrap();
    world.env.repo.wait_for_people(run).unwrap();
    assert_eq!(world.answer(id).await, Next::Ended);
    assert_eq!(world.gate().await.requests[0].state, GateState::Approved);
    assert_eq!(world.env.repo.gate_answers(run).unwrap().len(), 1);
}

#[tokio::test]
async fn many_runs_that_wait_elsewhere_hide_none_of_ours_and_cost_little() {
    let app = TestApp::new().await;
    let world = World::new(&app, true).await;
    let ours = world.env.repo.ask_gate("production", "main").await.unwrap();
    for _ in 0..25 {
        world.env.repo.ask_gate("staging", "main").await.unwrap();
    }
    for _ in 0..3 {
        world.env.github.forget_requests();
        world.look().await;
        let asked =
            world.env.github.requests().iter().filter(|seen| seen.target.contains("/pending_deployments")).count();
        assert!(asked <= 10, "{asked} requests in one look");
        app.clock.advance(TimeDelta::minutes(1));
    }
    let found: Vec<_> = world.gate().await.requests.iter().map(|request| request.run_id).collect();
    assert_eq!(found, [ours]);
}

#[tokio::test]
async fn what_is_no_name_is_refused_and_kept_nowhere() {
    let app = TestApp::new().await;
    let world = World::new(&app, true).await;
    world.env.repo.ask_gate("production", "main").await.unwrap();
    let sent = String::from_utf8(world.sent().body.to_vec()).unwrap();
    for name in ["x".repeat(3_000), "a\\u0000b".to_owned()] {
        let body = Bytes::from(sent.replace("\"production\"", &format!("\"{name}\"")));
        let refused = world.deliver(world.delivery("y", &body)).await.unwrap_err();
        assert!(matches!(refused, ServiceError::Invalid { field: "github_environment", .. }), "{refused:?}");
    }
    assert_eq!(world.gate().await.requests, []);
}

#[tokio::test]
async fn a_run_that_cannot_be_answered_is_never_let_through_and_says_so() {
    let app = TestApp::new().await;
    let world = World::new(&app, true).await;
    world.env.github.faults().add(Rule::new(Fault::status(403)).path(ANSWER));
    let (run, id) = world.ask().await;
    for _ in 0..20 {
        if world.answer(id).await == Next::Ended {
            break;
        }
    }
    let request = world.gate().await.requests.remove(0);
    assert_eq!(request.state, GateState::Failed);
    assert!(
        request.last_error.as_ref().unwrap().starts_with("Given up after 12 tries; the run was not approved."),
        "{request:?}"
    );
    assert_eq!(world.env.repo.gate_answers(run).unwrap(), []);
}

#[tokio::test]
async fn a_name_that_nobody_claims_is_refused_with_what_to_do_and_a_repository_without_an_app_is_not_ours() {
    let app = TestApp::new().await;
    let world = World::new(&app, true).await;
    name(&app, &world.env, "live").await.unwrap();
    let run = world.env.repo.ask_gate("production", "main").await.unwrap();
    assert_eq!(world.deliver(world.sent()).await.unwrap(), DeliveryOutcome::Answering);
    let id: uuid::Uuid =
        sqlx::query_scalar("SELECT id FROM gate_requests").fetch_one(app.database.pool()).await.unwrap();
    world.answer(GateRequestId(id)).await;
    let answer = world.env.repo.gate_answers(run).unwrap().remove(0);
    assert_eq!(answer.state, "rejected");
    assert!(
        answer.comment.contains("No environment of WorkflowOps says that deployments to “production” go to it."),
        "{}",
        answer.comment
    );

    let person = World::new(&app, false).await;
    person.env.repo.ask_gate("production", "main").await.unwrap();
    assert_eq!(person.deliver(person.sent()).await.unwrap(), DeliveryOutcome::Ignored);
}

#[tokio::test]
async fn of_two_environments_of_one_name_both_have_to_allow() {
    let app = TestApp::new().await;
    let world = World::new(&app, true).await;
    let draft = EnvironmentDraft { name: "Second".to_owned(), ..connected(&world).await };
    let second = app.services.connect_environment(&world.env.permit(), draft).await.unwrap();
    app.services.set_github_gate(&world.env.permit(), second, "PRODUCTION", 0).await.unwrap();
    let (run, _) = world.ask().await;
    let allowed = world.env.repo.gate_answers(run).unwrap().remove(0);
    assert_eq!(allowed.state, "approved");
    assert!(
        allowed.comment.contains("Second: allowed.") && allowed.comment.contains("Production: allowed."),
        "{}",
        allowed.comment
    );
    world.expire().await;
    let (run, _) = world.ask().await;
    let refused = world.env.repo.gate_answers(run).unwrap().remove(0);
    assert_eq!(refused.state, "rejected");
    assert!(refused.comment.starts_with("Production: blocked."), "what blocks comes first: {}", refused.comment);
    let seen = app.services.github_gate(&world.env.permit(), second, None).await.unwrap().requests;
    assert_eq!(seen.len(), 2, "both environments show what was asked about them");
}

async fn connected(world: &World<'_>) -> EnvironmentDraft {
    let keys = world.env.github.install_app(None).unwrap();
    EnvironmentDraft {
        git_credentials: GitCredentials::App,
        git_app_id: keys.app_id.to_string(),
        git_installation_id: keys.installation_id.to_string(),
        git_private_key: keys.private_key_pem,
        version: None,
        ..world.env.draft.clone()
    }
}

#[tokio::test]
async fn nothing_goes_where_a_delivery_points_and_nothing_unsigned_is_heard() {
    let app = TestApp::new().await;
    let world = World::new(&app, true).await;
    let run = world.env.repo.ask_gate("production", "main").await.unwrap();
    let sent = world.sent();
    let elsewhere = String::from_utf8(sent.body.to_vec()).unwrap().replace("/actions/runs/", "/../evil/actions/runs/");
    let asked = world.env.github.requests().len();
    let refused = world.deliver(world.delivery("x", &Bytes::from(elsewhere))).await.unwrap_err();
    assert!(matches!(refused, ServiceError::Invalid { field: "deployment_callback_url", .. }), "{refused:?}");
    let unsigned = GithubDelivery { signature: sign("another", &sent.body), ..sent.clone() };
    assert!(matches!(world.deliver(unsigned).await, Err(ServiceError::Unauthenticated)));
    let stranger = World::new(&app, true).await;
    let theirs = stranger.app.services.github_delivery(stranger.env.caller.organization_id, sent).await;
    let elsewhere = matches!(theirs, Err(ServiceError::Invalid { field: "deployment_callback_url", .. }));
    assert!(elsewhere, "the same repository and secret, at another GitHub: {theirs:?}");
    assert_eq!(stranger.gate().await.requests, []);
    assert_eq!((world.env.github.requests().len(), world.gate().await.requests.len()), (asked, 0));
    assert_eq!(world.env.repo.gate_answers(run).unwrap(), []);
    let gate = app.services.github_gate(&stranger.env.permit(), world.env.id, None).await.unwrap_err();
    assert!(matches!(gate, ServiceError::NotFound("environment")));
}

#[tokio::test]
async fn with_a_token_the_gate_is_a_commit_status_that_is_reported_when_it_changes() {
    let app = TestApp::new().await;
    let world = World::new(&app, false).await;
    let commit = world.env.repo.resolve("main").await.unwrap().unwrap();
    let reports = || world.env.github.requests().iter().filter(|seen| seen.target.contains("/statuses/")).count();
    let status = || world.env.repo.status(&commit, "workflowops/production").unwrap().unwrap();
    world.look().await;
    assert_eq!(status(), ("success".to_owned(), "Standard deployments are allowed.".to_owned()));
    world.look().await;
    assert_eq!(reports(), 1, "nothing new, nothing said");
    world.expire().await;
    world.look().await;
    let (state, description) = status();
    assert_eq!(state, "failure");
    assert!(
        description.starts_with("Production: blocked. INC-1 ") && description.chars().count() <= 140,
        "{description}"
    );
    let view = world.gate().await;
    assert_eq!((view.way, view.status.as_ref().map(|s| s.allowed)), (GateWay::CommitStatus, Some(false)));
    world.env.github.faults().add(Rule::new(Fault::status(403)).path("*/statuses/*").times(1));
    let permit = world.env.incident_permit(world.incident).await;
    let version = world.env.incident_page(world.incident).await.version;
    app.services.extend(&permit, world.incident, version, 2, "The vendor answers".to_owned()).await.unwrap();
    world.look().await;
    assert!(world.gate().await.last_error.unwrap().contains("Commit statuses: write"), "it says what is missing");
    assert_eq!(status().0, "failure", "what could not be said was not");
    world.look().await;
    assert_eq!((status().0.as_str(), world.gate().await.last_error), ("success", None));
}

#[tokio::test]
async fn any_number_of_replicas_looks_once_a_minute() {
    let app = TestApp::new().await;
    let world = World::new(&app, false).await;
    let replicas: Vec<_> = (0..4).map(|_| app.replica(app.database.pool().clone())).collect();
    let all = || {
        futures::future::join_all(
            replicas.iter().map(Arc::clone).map(|one| async move { one.enqueue_gate_looks().await.unwrap() }),
        )
    };
    let sum = |counts: Vec<u32>| counts.into_iter().sum::<u32>();
    assert_eq!(sum(all().await), 1);
    assert_eq!(sum(all().await), 0);
    app.clock.advance(TimeDelta::seconds(59));
    assert_eq!(sum(all().await), 0);
    app.clock.advance(TimeDelta::seconds(1));
    assert_eq!(sum(all().await), 1);
    name(&app, &world.env, "").await.unwrap();
    app.clock.advance(TimeDelta::minutes(2));
    assert_eq!(sum(all().await), 0, "nobody is to be answered any more");
}

#[tokio::test]
async fn a_name_is_set_by_who_saw_the_last_one() {
    let app = TestApp::new().await;
    let world = World::new(&app, true).await;
    let permit = world.env.permit();
    let stale = app.services.set_github_gate(&permit, world.env.id, "other", 0).await.unwrap_err();
    assert!(matches!(stale, ServiceError::Stale { .. }), "{stale:?}");
    let long = app.services.set_github_gate(&permit, world.env.id, &"x".repeat(256), 1).await.unwrap_err();
    assert!(matches!(long, ServiceError::Invalid { field: "github_environment", .. }), "{long:?}");
    assert_eq!(world.gate().await.github_environment, "production");
}
