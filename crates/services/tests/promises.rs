//! Promises that are easy to break by accident: an undecided change goes on waiting whatever happens next, and what was
//! concluded about one place is not carried to another.

use drift_domain::change::{ChangeState, DecisionKind, Origin, VanishedCause};
use drift_domain::check::CheckOutcome;
use drift_domain::environment::Badge;
use drift_domain::ids::ChangeId;
use drift_domain::plan::PlanTier;
use drift_domain::views::{ChangeFilter, ChangeRow, EnvironmentDraft};
use drift_services::ServiceError;
use drift_testkit::app::{FOLDER, workflow};
use drift_testkit::{TestApp, TestEnvironment};
use serde_json::json;

fn set_code(env: &TestEnvironment<'_>, id: &str, code: &str) {
    env.edit(id, "Total", |node| node["parameters"]["jsCode"] = json!(code));
}

fn in_state(changes: &[ChangeRow], state: ChangeState) -> Vec<&ChangeRow> {
    changes.iter().filter(|change| change.state == state).collect()
}

#[tokio::test]
async fn the_next_drift_of_a_workflow_does_not_wave_an_undecided_one_through() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let env = app.environment(&owner, "Production").await;
    let id = env.agreed(&workflow("Orders")).await;
    env.check().await;
    set_code(&env, &id, "return ['hotfix at night'];");
    env.check().await;
    let hotfix = env.change().await.id;
    env.deploy_to_git(&id, "Taken over in the morning").await;
    env.check().await;

    set_code(&env, &id, "return ['something trivial'];");
    env.check().await;
    let changes = env.changes().await;
    let waiting = in_state(&changes, ChangeState::Vanished);
    assert_eq!(waiting.iter().map(|c| c.id).collect::<Vec<_>>(), [hotfix], "{changes:#?}");
    assert_eq!(in_state(&changes, ChangeState::Open).len(), 1);
    assert_eq!(env.page().await.row.affected_workflows, 2);

    let reason = || "Seen in the review".to_owned();
    let confirm = app.services.confirm_vanished(&env.permit(), env.id, hotfix, DecisionKind::Promote, reason()).await;
    confirm.unwrap();
    assert_eq!(env.change().await.state, ChangeState::Open, "the other one is still there");
}

#[tokio::test]
async fn a_decision_that_cannot_be_true_is_refused() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let env = app.environment(&owner, "Production").await;
    let id = env.agreed(&workflow("Orders")).await;
    let original = workflow("Orders")["nodes"][2]["parameters"]["jsCode"].as_str().unwrap().to_owned();
    env.check().await;
    set_code(&env, &id, "return [];");
    env.check().await;
    set_code(&env, &id, &original);
    env.check().await;
    let change = env.change().await;
    assert_eq!(change.vanished.as_ref().map(|v| v.cause), Some(VanishedCause::LiveWentBack));
    let promote = DecisionKind::Promote;
    match app.services.confirm_vanished(&env.permit(), env.id, change.id, promote, "It was".to_owned()).await {
        Err(ServiceError::Invalid { field, .. }) => assert_eq!(field, "decision"),
        other => panic!("{other:?}"),
    }
    let revert = DecisionKind::Revert;
    app.services.confirm_vanished(&env.permit(), env.id, change.id, revert, "Taken back".to_owned()).await.unwrap();
}

#[tokio::test]
async fn an_environment_that_points_elsewhere_is_unverified_and_starts_anew() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let env = app.environment(&owner, "Production").await;
    let id = env.agreed(&workflow("Orders")).await;
    env.check().await;
    set_code(&env, &id, "return [];");
    env.check().await;
    env.commit("elsewhere/orders.json", &env.n8n.workflow(&id).unwrap(), "Another folder").await;
    env.commit("elsewhere/new.json", &workflow("Only there"), "Another folder").await;

    let elsewhere = EnvironmentDraft { git_folder: "elsewhere".to_owned(), ..env.draft.clone() };
    app.services.update_environment(&env.permit(), env.id, elsewhere).await.unwrap();
    let page = env.page().await;
    assert_eq!((page.row.badge, page.row.affected_workflows), (Badge::Unverified, 1), "nobody has looked there yet");

    assert_eq!(env.check().await, CheckOutcome::Drift);
    let changes = env.changes().await;
    let [gone] = in_state(&changes, ChangeState::Vanished)[..] else { panic!("{changes:#?}") };
    assert_eq!(
        gone.vanished.as_ref().map(|v| v.cause),
        Some(VanishedCause::Repointed),
        "it was not taken over or back"
    );
    let [new] = in_state(&changes, ChangeState::Open)[..] else { panic!("{changes:#?}") };
    assert_eq!(new.origin, Origin::Unknown, "there is no baseline there");
    assert!(env.workspace().await.adoption.is_some());
}

#[tokio::test]
async fn changing_only_the_name_keeps_what_is_known() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let env = app.environment(&owner, "Production").await;
    env.agreed(&workflow("Orders")).await;
    env.check().await;
    let draft = EnvironmentDraft { name: "Production EU".to_owned(), ..env.draft.clone() };
    app.services.update_environment(&env.permit(), env.id, draft).await.unwrap();
    assert_eq!(env.page().await.row.badge, Badge::InSync);
}

#[tokio::test]
async fn a_call_to_another_workflow_of_the_same_name_is_drift() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let env = app.environment(&owner, "Production").await;
    let calls = |target: &str| {
        json!({
            "id": "5e4b3f0e-0002-4000-8000-000000000009", "name": "Look up customer", "typeVersion": 1.2,
            "position": [220, 0], "type": "n8n-nodes-base.executeWorkflow",
            "parameters": { "workflowId": { "__rl": true, "mode": "id", "value": target } }
        })
    };
    let [one, two] = [env.n8n.create(&workflow("Sync")), env.n8n.create(&workflow("Sync"))];
    let mut main = workflow("Main");
    main["nodes"][1] = calls(&one);
    let main_id = env.n8n.create(&main);
    // Git was written by another instance: its ids are its own.
    main["id"] = json!("foreign-main");
    main["nodes"][1] = calls("foreign-1");
    env.commit(&format!("{FOLDER}/main.json"), &main, "Add").await;
    for n in [1, 2] {
        let mut sync = workflow("Sync");
        sync["id"] = json!(format!("foreign-{n}"));
        env.commit(&format!("{FOLDER}/sync-{n}.json"), &sync, "Add").await;
    }
    env.check().await;
    // The other pair is then the only one of its name.
    app.services.link(&env.permit(), env.id, &one, &format!("{FOLDER}/sync-1.json")).await.unwrap();
    env.check().await;
    assert!(in_state(&env.changes().await, ChangeState::Open).is_empty(), "{:#?}", env.changes().await);

    env.edit(&main_id, "Look up customer", |node| node["parameters"]["workflowId"]["value"] = json!(two));
    assert_eq!(env.check().await, CheckOutcome::Drift, "it calls the other one now");
    let changes = env.changes().await;
    let [change] = in_state(&changes, ChangeState::Open)[..] else { panic!("{changes:#?}") };
    assert_eq!((change.workflow.as_str(), change.origin), ("Main", Origin::Hotfix));
}

#[tokio::test]
async fn two_workflows_of_one_id_in_one_file_are_told_apart() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let env = app.environment(&owner, "Production").await;
    let mut twice = [workflow("One"), workflow("Two")];
    twice.iter_mut().for_each(|w| w["id"] = json!("same"));
    env.commit(&format!("{FOLDER}/all.json"), &json!(twice), "Export all").await;
    assert_eq!(env.check().await, CheckOutcome::Drift, "{:?}", env.page().await.failure);
    assert_eq!(env.changes().await.len(), 2);
}

#[tokio::test]
async fn a_linked_files_history_goes_with_it() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let env = app.environment(&owner, "Production").await;
    let one = env.n8n.create(&workflow("Sync"));
    env.n8n.create(&workflow("Sync"));
    let mut differs = workflow("Sync");
    differs["nodes"][2]["parameters"]["jsCode"] = json!("return ['Git'];");
    let file = format!("{FOLDER}/sync.json");
    env.commit(&file, &differs, "Add").await;
    env.check().await;
    app.services.link(&env.permit(), env.id, &one, &file).await.unwrap();
    env.check().await;
    let changes = env.changes().await;
    let linked = changes.iter().find(|c| c.path.as_deref() == Some(&file)).unwrap();
    let history = app.services.change(&env.permit(), env.id, linked.id).await.unwrap().history;
    assert!(history.len() >= 2, "both changes that it was: {history:#?}");
}

#[tokio::test]
async fn pages_show_every_change_once_also_where_one_is_decided_meanwhile() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let env = app.environment(&owner, "Production").await;
    for n in 0..7 {
        env.n8n.create(&workflow(&format!("Workflow {n}")));
    }
    env.check().await;
    let all: Vec<ChangeId> = env.changes().await.iter().map(|change| change.id).collect();
    assert_eq!(all.len(), 7);
    let page = async |after: Option<String>| {
        let filter = ChangeFilter { after, limit: Some(3), ..ChangeFilter::default() };
        app.services.workspace(&env.permit(), env.id, filter).await.unwrap()
    };

    let first = page(None).await;
    assert_eq!((first.matching_changes, first.earlier_changes, first.changes.len()), (7, 0, 3));
    // The last one of the first page is over before the second page is asked for.
    env.n8n.archive(first.changes[2].live_id.as_ref().unwrap()).unwrap();
    env.check().await;
    let fitting = env.changes().await.into_iter().find_map(|change| change.vanished).expect("one vanished").fitting;
    app.services.confirm_vanished(&env.permit(), env.id, all[2], fitting, "Archived".to_owned()).await.unwrap();

    let second = page(first.next.clone()).await;
    let third = page(second.next.clone()).await;
    let seen: Vec<ChangeId> =
        [&first, &second, &third].iter().flat_map(|page| page.changes.iter().map(|change| change.id)).collect();
    assert_eq!(seen, all, "none twice, none left out");
    assert_eq!((third.matching_changes, third.earlier_changes, third.next.clone()), (6, 5, None));

    let filter = ChangeFilter { after: Some("HIGH.here".to_owned()), ..ChangeFilter::default() };
    let refused = app.services.workspace(&env.permit(), env.id, filter).await.unwrap_err();
    assert!(matches!(refused, ServiceError::Invalid { .. }), "{refused:?}");
}
