//! When environments are looked at, what they share, and what is forgotten.

use chrono::{DateTime, TimeDelta, Utc};
use drift_domain::check::{CheckOutcome, CheckTrigger};
use drift_domain::clock::Clock;
use drift_domain::ids::EnvironmentId;
use drift_domain::plan::PlanTier;
use drift_domain::views::EnvironmentDraft;
use drift_services::ServiceError;
use drift_services::detection::Ran;
use drift_sim::faults::{Fault, Rule};
use drift_store::environments;
use drift_store::jobs::{CheckJob, QueuedCheck};
use drift_testkit::app::{path, workflow};
use drift_testkit::{TestApp, TestEnvironment};
use serde_json::json;
use sqlx::Row;

/// How long until an environment's next scheduled check, in seconds.
async fn pause(app: &TestApp, env: &TestEnvironment<'_>) -> f64 {
    let mut db = app.database.pool().acquire().await.unwrap();
    let record = environments::get(&mut db, env.caller.organization_id, env.id).await.unwrap().unwrap();
    (record.next_check_at - app.clock.now()).as_seconds_f64()
}

fn queued(env: &TestEnvironment<'_>, environment: EnvironmentId, due_at: Option<DateTime<Utc>>) -> QueuedCheck {
    let trigger = if due_at.is_some() { CheckTrigger::Schedule } else { CheckTrigger::Recheck };
    QueuedCheck {
        job: CheckJob { environment_id: environment, trigger, requested_by: None },
        organization_id: env.caller.organization_id,
        host: "n8n.example".to_owned(),
        due_at,
    }
}

#[tokio::test]
async fn a_failing_environment_is_asked_less_often_and_ten_minutes_apart_at_most() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Free).await;
    let env = app.environment(&owner, "Production").await;
    env.agreed(&workflow("Orders")).await;
    env.check().await;
    env.n8n.faults().add(Rule::new(Fault::status(401)));
    let mut pauses = Vec::new();
    for _ in 0..12 {
        assert_eq!(env.check().await, CheckOutcome::Failed);
        pauses.push(pause(&app, &env).await);
    }
    assert!((54.0..=60.0).contains(&pauses[0]), "the first time after the interval: {pauses:?}");
    for (before, after) in pauses.iter().zip(&pauses[1..]) {
        assert!(after > before || *before >= 540.0, "longer each time: {pauses:?}");
    }
    assert!((540.0..=600.0).contains(&pauses[11]), "and never longer than ten minutes: {pauses:?}");

    env.n8n.faults().clear();
    app.services.recheck(&env.permit(), env.id).await.unwrap();
    let waiting = sqlx::query("SELECT count(*) FROM graphile_worker.jobs WHERE run_at <= now() AND priority < 0")
        .fetch_one(app.database.pool())
        .await
        .unwrap();
    assert_eq!(waiting.get::<i64, _>(0), 1, "a recheck goes at once");
    assert_eq!(env.check().await, CheckOutcome::InSync);
    assert!(pause(&app, &env).await <= 66.0, "a good check brings the interval back");
}

#[tokio::test]
async fn an_environment_with_a_long_interval_is_tried_again_sooner_while_it_fails() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Free).await;
    let env = app.environment(&owner, "Production").await;
    let hourly = EnvironmentDraft { interval_seconds: "3600".to_owned(), ..env.draft.clone() };
    app.services.update_environment(&env.permit(), env.id, hourly).await.unwrap();
    env.n8n.stop().await;
    env.check().await;
    assert!(pause(&app, &env).await <= 600.0);
}

fn refs(env: &TestEnvironment<'_>) -> usize {
    env.github.faults().seen().iter().filter(|seen| seen.target.ends_with("/commits/main")).count()
}

#[tokio::test]
async fn environments_of_one_repository_read_it_once_and_whoever_asked_looks_anew() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let env = app.environment(&owner, "First").await;
    let id = env.agreed(&workflow("Orders")).await;
    let mut all = vec![env.id];
    for name in ["Second", "Third", "Fourth"] {
        let draft = EnvironmentDraft { name: name.to_owned(), ..env.draft.clone() };
        all.push(app.services.connect_environment(&env.permit(), draft).await.unwrap());
    }
    env.github.faults().forget();
    app.clock.advance(TimeDelta::minutes(1));
    let due = Some(app.clock.now());
    let run = |id: EnvironmentId, due_at| {
        let (services, check) = (app.services.clone(), queued(&env, id, due_at));
        async move { services.run_queued_check(&check, 0).await.unwrap() }
    };
    let ended = futures::future::join_all(all.iter().map(|id| run(*id, due))).await;
    assert_eq!(ended, [Ran::Ended(CheckOutcome::InSync); 4]);
    assert_eq!(refs(&env), 1, "one asks for the ref: {:#?}", env.github.faults().seen());
    let blobs = env.github.faults().seen().iter().filter(|seen| seen.target.contains("/git/blobs/")).count();
    assert_eq!(blobs, 1, "and for the one file");

    let mut edited = env.n8n.workflow(&id).unwrap();
    edited["nodes"][2]["parameters"]["jsCode"] = json!("return ['Git'];");
    env.commit(&path(&id), &edited, "Change it").await;
    assert_eq!(run(all[1], due).await, Ran::Ended(CheckOutcome::InSync), "read a moment ago for another one");
    assert_eq!(run(all[2], None).await, Ran::Ended(CheckOutcome::Drift), "somebody asked");
    assert_eq!(refs(&env), 2);
    app.clock.advance(TimeDelta::seconds(15));
    assert_eq!(run(all[1], due).await, Ran::Ended(CheckOutcome::Drift));
    assert_eq!(refs(&env), 3);

    // Another organization with the same credential reads for itself.
    let stranger = app.organization(PlanTier::Agency).await;
    let theirs = app.services.connect_environment(&stranger.permit().unwrap(), env.draft.clone()).await.unwrap();
    app.services
        .run_queued_check(&QueuedCheck { organization_id: stranger.organization_id, ..queued(&env, theirs, due) }, 0)
        .await
        .unwrap();
    assert_eq!(refs(&env), 4);
}

async fn count(app: &TestApp, statement: &'static str) -> i64 {
    sqlx::query(statement).fetch_one(app.database.pool()).await.unwrap().get(0)
}

#[tokio::test]
async fn unremarkable_checks_thin_out_and_remarkable_ones_stay() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let env = app.environment(&owner, "Production").await;
    let id = env.agreed(&workflow("Orders")).await;
    for minute in 0..130 {
        match minute {
            40 => env.edit(&id, "Total", |node| node["parameters"]["jsCode"] = json!("return [];")),
            80 => _ = env.deploy_to_git(&id, "Take it over").await,
            _ => {}
        }
        env.check().await;
    }
    assert_eq!(count(&app, "SELECT count(*) FROM checks").await, 130);
    app.services.tidy().await.unwrap();
    assert_eq!(count(&app, "SELECT count(*) FROM checks").await, 130, "all for a day");
    app.clock.advance(TimeDelta::days(1) + TimeDelta::hours(3));
    app.services.tidy().await.unwrap();
    let left = count(&app, "SELECT count(*) FROM checks").await;
    assert!((5..=8).contains(&left), "one an hour, and those that saw something new: {left}");
    let remarkable = "SELECT count(*) FROM checks c JOIN changes ON c.id IN (first_check_id, last_check_id)";
    assert!(count(&app, remarkable).await >= 2, "what a change refers to");
    app.services.tidy().await.unwrap();
    assert_eq!(count(&app, "SELECT count(*) FROM checks").await, left);
    assert_eq!(env.page().await.row.affected_workflows, 1, "the vanished change waits");
}

#[tokio::test]
async fn decided_changes_go_with_the_plans_history_and_undecided_ones_never() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Free).await;
    let env = app.environment(&owner, "Production").await;
    let (decided, open) = (env.agreed(&workflow("Decided")).await, env.agreed(&workflow("Open")).await);
    env.check().await;
    let edit = |id: &str, code: &str| env.edit(id, "Total", |node| node["parameters"]["jsCode"] = json!(code));
    for code in ["return ['first'];", "return ['second'];"] {
        edit(&decided, code);
        edit(&open, code);
        env.check().await;
    }
    env.deploy_to_git(&decided, "Take it over").await;
    env.check().await;
    let vanished = env.changes().await.into_iter().find(|change| change.vanished.is_some()).unwrap();
    let fitting = vanished.vanished.unwrap().fitting;
    app.services.confirm_vanished(&env.permit(), env.id, vanished.id, fitting, "Seen".to_owned()).await.unwrap();
    assert_eq!(count(&app, "SELECT count(*) FROM changes").await, 4, "two of each workflow");
    app.clock.advance(TimeDelta::days(29));
    app.services.tidy().await.unwrap();
    assert_eq!(count(&app, "SELECT count(*) FROM changes").await, 4, "the plan keeps them for 30 days");

    app.clock.advance(TimeDelta::days(2));
    env.check().await;
    app.services.tidy().await.unwrap();
    assert_eq!(count(&app, "SELECT count(*) FROM changes").await, 2, "the open one, and what it carries");
    assert_eq!(count(&app, "SELECT count(*) FROM decisions").await, 0);
    assert_eq!(env.changes().await.len(), 1);
    // What a removal sets free goes at the next tidying.
    app.services.tidy().await.unwrap();
    let unreferred = "SELECT count(*) FROM snapshots s WHERE NOT EXISTS (SELECT FROM git_blobs WHERE snapshot = s.hash)
        AND NOT EXISTS (SELECT FROM changes WHERE s.hash IN (live_snapshot, desired_snapshot))
        AND NOT EXISTS (SELECT FROM workflows WHERE baseline_snapshot = s.hash)";
    assert_eq!(count(&app, unreferred).await, 0, "their contents went, too");
    let change = env.change().await.id;
    assert_eq!(app.services.change(&env.permit(), env.id, change).await.unwrap().history.len(), 1);
}

#[tokio::test]
async fn an_address_that_is_never_called_is_refused_in_the_form() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Free).await;
    let env = app.environment(&owner, "Production").await;
    for address in ["http://169.254.169.254", "http://[fe80::1]", "http://2852039166"] {
        let draft =
            EnvironmentDraft { name: "Metadata".to_owned(), n8n_base_url: address.to_owned(), ..env.draft.clone() };
        match app.services.connect_environment(&env.permit(), draft).await {
            Err(ServiceError::Invalid { field, message }) => {
                assert!(field == "n8n_base_url" && message.contains("never called"), "{message}");
            }
            other => panic!("{address}: {other:?}"),
        }
    }
}
