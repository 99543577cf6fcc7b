//! Detection over a real Postgres and the stand-ins: what is seen, what is kept, and what never reads as in sync.

use drift_domain::change::{ChangeState, ChangeType, DecisionKind, Origin, VanishedCause};
use drift_domain::check::{CheckOutcome, CheckTrigger};
use drift_domain::environment::{Badge, DriftStatus};
use drift_domain::failure::{FailureKind, Side};
use drift_domain::plan::PlanTier;
use drift_domain::views::{ChangeFilter, DiffKind, DiffOrRefusal, DiffView, EnvironmentDraft};
use drift_sim::faults::{Fault, Rule};
use drift_testkit::app::{FOLDER, path, workflow};
use drift_testkit::{TestApp, TestEnvironment};
use serde_json::json;

async fn diff(app: &TestApp, env: &TestEnvironment<'_>) -> DiffView {
    let change = env.change().await;
    let page = app.services.change(&env.permit(), env.id, change.id).await.unwrap();
    match page.diff {
        DiffOrRefusal::Diff(diff) => diff,
        DiffOrRefusal::Refused { message, .. } => panic!("refused: {message}"),
    }
}

#[tokio::test]
async fn an_edit_in_n8n_is_a_hotfix_and_the_diff_names_exactly_the_edit() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let env = app.environment(&owner, "Production").await;
    let id = env.agreed(&workflow("Orders")).await;
    assert_eq!(env.check().await, CheckOutcome::InSync);
    assert_eq!(env.page().await.row.badge, Badge::InSync);

    env.edit(&id, "Look up customer", |node| node["parameters"]["url"] = json!("https://crm.example.com/v2/customers"));
    assert_eq!(env.check().await, CheckOutcome::Drift);
    let change = env.change().await;
    assert_eq!((change.change_type, change.origin), (ChangeType::Modified, Origin::Hotfix));
    let page = env.page().await;
    assert_eq!((page.row.badge, page.row.affected_workflows), (Badge::DriftDetected, 1));

    let diff = diff(&app, &env).await;
    let [entry] = diff.entries.as_slice() else { panic!("one entry, not {:#?}", diff.entries) };
    assert_eq!(entry.kind, DiffKind::NodeModified);
    assert_eq!(entry.node.as_deref(), Some("Look up customer"));
    assert_eq!(entry.path, ["parameters", "url"]);
    assert_eq!(entry.desired.as_deref(), Some("https://crm.example.com/customers"));
    assert_eq!(entry.live.as_deref(), Some("https://crm.example.com/v2/customers"));
}

#[tokio::test]
async fn dragging_a_node_and_running_the_workflow_change_nothing() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Free).await;
    let env = app.environment(&owner, "Production").await;
    let id = env.agreed(&workflow("Orders")).await;
    env.check().await;
    env.later();
    env.n8n.move_node(&id, "Total", [1000, 800]).unwrap();
    env.n8n.execute(&id).unwrap();
    assert_eq!(env.check().await, CheckOutcome::InSync);
    assert!(env.changes().await.is_empty());
}

#[tokio::test]
async fn credentials_disabled_nodes_descriptions_tags_and_publishing_are_seen() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let env = app.environment(&owner, "Production").await;
    for (name, edit) in [
        ("credential", json!({ "credentials": { "httpHeaderAuth": { "id": "c2", "name": "Another CRM" } } })),
        ("disabled", json!({ "disabled": true })),
    ] {
        let id = env.agreed(&workflow(name)).await;
        assert_eq!(env.check().await, CheckOutcome::InSync, "{name}");
        env.edit(&id, "Look up customer", |node| {
            for (key, value) in edit.as_object().unwrap() {
                node[key] = value.clone();
            }
        });
        assert_eq!(env.check().await, CheckOutcome::Drift, "{name}");
        assert_eq!(env.change().await.origin, Origin::Hotfix);
        env.deploy_to_git(&id, "Take it over").await;
        env.check().await;
        confirm_all(&app, &env).await;
    }
    let id = env.agreed(&workflow("facets")).await;
    assert_eq!(env.check().await, CheckOutcome::InSync);
    env.later();
    env.n8n.set_tags(&id, &["urgent"]).unwrap();
    assert_eq!(env.check().await, CheckOutcome::Drift, "a tag");
    env.n8n.set_tags(&id, &[]).unwrap();
    env.check().await;
    confirm_all(&app, &env).await;
    env.later();
    env.n8n.deactivate(&id).unwrap();
    assert_eq!(env.check().await, CheckOutcome::Drift, "switched off");
}

async fn confirm_all(app: &TestApp, env: &TestEnvironment<'_>) {
    for change in env.changes().await {
        let fitting = change.vanished.expect("nothing else is open").fitting;
        let reason = "Looked at it".to_owned();
        app.services.confirm_vanished(&env.permit(), env.id, change.id, fitting, reason).await.unwrap();
    }
    assert_eq!(env.page().await.row.status, DriftStatus::InSync);
}

#[tokio::test]
async fn the_origin_tells_which_side_moved() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let env = app.environment(&owner, "Production").await;
    let [hotfix, undeployed, collision] =
        [env.agreed(&workflow("h")).await, env.agreed(&workflow("u")).await, env.agreed(&workflow("c")).await];
    env.check().await;
    let in_git = |id: &str, url: &str| {
        let mut file = env.n8n.workflow(id).unwrap();
        file["nodes"][1]["parameters"]["url"] = json!(url);
        if file["activeVersion"].is_object() {
            file["activeVersion"]["nodes"][1]["parameters"]["url"] = json!(url);
        }
        file
    };
    let (u, c) = (in_git(&undeployed, "https://git/u"), in_git(&collision, "https://git/c"));
    env.commit(&path(&undeployed), &u, "Change u").await;
    env.commit(&path(&collision), &c, "Change c").await;
    for id in [&hotfix, &collision] {
        env.edit(id, "Look up customer", |node| node["parameters"]["url"] = json!("https://live"));
    }
    env.check().await;
    let changes = env.changes().await;
    let origin = |id: &str| changes.iter().find(|c| c.live_id.as_deref() == Some(id)).map(|c| c.origin);
    assert_eq!(origin(&hotfix), Some(Origin::Hotfix));
    assert_eq!(origin(&undeployed), Some(Origin::Undeployed));
    assert_eq!(origin(&collision), Some(Origin::Collision));
}

#[tokio::test]
async fn of_a_collision_the_graph_tells_who_moved_what() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let env = app.environment(&owner, "Production").await;
    let id = env.agreed(&workflow("Orders")).await;
    env.check().await;
    let mut file = env.n8n.workflow(&id).unwrap();
    let mut in_git = |path: &str, value: serde_json::Value| {
        for nodes in ["/nodes", "/activeVersion/nodes"] {
            if let Some(node) = file.pointer_mut(&format!("{nodes}/{path}")) {
                *node = value.clone();
            }
        }
    };
    in_git("0/parameters/path", json!("moved-in-git"));
    in_git("1/parameters/url", json!("https://git"));
    env.commit(&path(&id), &file, "Change two nodes").await;
    env.edit(&id, "Look up customer", |node| node["parameters"]["url"] = json!("https://live"));
    env.edit(&id, "Total", |node| node["disabled"] = json!(true));
    env.check().await;
    let change = env.change().await;
    assert_eq!(change.origin, Origin::Collision);
    let page = app.services.change(&env.permit(), env.id, change.id).await.unwrap();
    let nodes = page.graph.expect("the plan has graphs").nodes;
    let moved: Vec<_> = nodes.iter().map(|node| (node.name.as_str(), node.origin)).collect();
    for expected in [("Look up customer", Origin::Collision), ("Total", Origin::Hotfix)] {
        assert!(moved.contains(&expected), "{expected:?} is not among {moved:?}");
    }
    assert_eq!(moved.iter().filter(|(_, origin)| *origin == Origin::Undeployed).count(), 1, "{moved:?}");
}

#[tokio::test]
async fn a_failed_look_is_unverified_closes_nothing_and_recovers_by_itself() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Pro).await;
    let env = app.environment(&owner, "Production").await;
    let id = env.agreed(&workflow("Orders")).await;
    env.agreed(&workflow("Invoices")).await;
    env.check().await;
    env.edit(&id, "Total", |node| node["parameters"]["jsCode"] = json!("return [];"));
    env.check().await;
    let before = env.page().await;

    env.n8n.stop().await;
    assert_eq!(env.check().await, CheckOutcome::Failed);
    let down = env.page().await;
    assert_eq!(down.row.badge, Badge::Unverified);
    assert_eq!(down.row.status, DriftStatus::DriftDetected);
    assert_eq!(down.row.freshness.last_checked_at, before.row.freshness.last_checked_at);
    let failure = down.failure.unwrap();
    assert_eq!((failure.side, failure.kind), (Side::Live, FailureKind::Unreachable));
    assert_eq!(env.change().await.state, ChangeState::Open);

    env.n8n.restart().await.unwrap();
    assert_eq!(env.check().await, CheckOutcome::Drift);
    let up = env.page().await;
    assert_eq!((up.row.badge, up.failure), (Badge::DriftDetected, None));
    assert_eq!(env.change().await.first_seen_at, before.row.last_drift_detected_at.unwrap(), "it is the same change");
}

#[tokio::test]
async fn no_kind_of_failure_reads_as_in_sync_or_closes_a_change() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Pro).await;
    let env = app.environment(&owner, "Production").await;
    let id = env.agreed(&workflow("Orders")).await;
    env.check().await;
    env.edit(&id, "Total", |node| node["parameters"]["jsCode"] = json!("return [];"));
    env.check().await;
    let faults: [(&str, &str, Fault); 6] = [
        ("n8n", "500", Fault::status(500)),
        ("n8n", "401", Fault::status(401)),
        ("n8n", "a page of HTML", Fault::html()),
        ("github", "500", Fault::status(500)),
        ("github", "401", Fault::status(401)),
        ("github", "404", Fault::status(404)),
    ];
    for (side, answer, fault) in faults {
        let name = format!("{side} answers {answer}");
        let sim = if side == "n8n" { env.n8n.faults() } else { env.github.faults() };
        sim.add(Rule::new(fault));
        assert_eq!(env.check().await, CheckOutcome::Failed, "{name}");
        let page = env.page().await;
        assert_eq!((page.row.badge, page.row.affected_workflows), (Badge::Unverified, 1), "{name}");
        assert_eq!(env.change().await.state, ChangeState::Open, "{name}");
        sim.clear();
    }
    assert_eq!(env.check().await, CheckOutcome::Drift);
}

#[tokio::test]
async fn a_broken_file_fails_the_check_and_names_the_file() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Pro).await;
    let env = app.environment(&owner, "Production").await;
    env.agreed(&workflow("Orders")).await;
    env.check().await;
    let broken = format!("{FOLDER}/broken.json");
    env.repo.commit("main", "Ada", "Oops", &[(&broken, Some(b"{ \"nodes\": ["))]).await.unwrap();
    assert_eq!(env.check().await, CheckOutcome::Failed);
    let failure = env.page().await.failure.unwrap();
    assert_eq!((failure.side, failure.kind), (Side::Desired, FailureKind::BrokenContent));
    assert!(failure.message.contains(&broken), "{}", failure.message);
    env.remove(&broken).await;
    assert_eq!(env.check().await, CheckOutcome::InSync);
}

#[tokio::test]
async fn an_unchanged_environment_is_not_parsed_and_costs_github_one_304() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Pro).await;
    let env = app.environment(&owner, "Production").await;
    for name in ["a", "b", "c"] {
        env.agreed(&workflow(name)).await;
    }
    env.check().await;
    env.github.forget_requests();
    env.n8n.faults().forget();
    env.check().await;
    assert_eq!((env.github.requests().len(), env.github.not_modified()), (1, 1), "{:?}", env.github.requests());
    let seen = env.n8n.faults().seen();
    assert!(seen.iter().all(|request| !request.target.contains("/workflows/")), "the list and nothing else: {seen:?}");
    assert_eq!(env.workspace().await.checks[0].parsed_workflows, Some(0));
}

#[tokio::test]
async fn a_change_that_vanishes_stays_open_until_a_person_says_what_became_of_it() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Free).await;
    let env = app.environment(&owner, "Production").await;
    let id = env.agreed(&workflow("Orders")).await;
    env.check().await;
    env.edit(&id, "Total", |node| node["parameters"]["jsCode"] = json!("return [];"));
    env.check().await;
    env.deploy_to_git(&id, "Keep the hotfix").await;
    assert_eq!(env.check().await, CheckOutcome::InSync, "both sides agree");

    let change = env.change().await;
    assert_eq!(change.state, ChangeState::Vanished);
    let vanished = change.vanished.unwrap();
    assert_eq!((vanished.cause, vanished.fitting), (VanishedCause::GitCaughtUp, DecisionKind::Promote));
    let evidence = vanished.evidence.unwrap();
    assert!(evidence.contains("Ada Lovelace") && evidence.contains("Keep the hotfix"), "{evidence}");
    assert_eq!(env.page().await.row.badge, Badge::DriftDetected, "nobody decided yet");

    let services = &app.services;
    let blank = services.confirm_vanished(&env.permit(), env.id, change.id, DecisionKind::Promote, "  ".into()).await;
    assert!(blank.is_err(), "a decision needs a reason");
    let reason = "Ada committed it".to_owned();
    services.confirm_vanished(&env.permit(), env.id, change.id, DecisionKind::Promote, reason.clone()).await.unwrap();
    assert_eq!(env.page().await.row.badge, Badge::InSync);
    let again = services.confirm_vanished(&env.permit(), env.id, change.id, DecisionKind::Revert, reason).await;
    assert!(again.is_err(), "a decision is final");
}

#[tokio::test]
async fn going_back_and_forth_loses_nothing() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let env = app.environment(&owner, "Production").await;
    let id = env.agreed(&workflow("Orders")).await;
    env.check().await;
    let set = |code: &str| env.edit(&id, "Total", |node| node["parameters"]["jsCode"] = json!(code));
    let original = workflow("Orders")["nodes"][2]["parameters"]["jsCode"].as_str().unwrap().to_owned();

    set("return 1;");
    env.check().await;
    let first = env.change().await;
    set(&original);
    env.check().await;
    let gone = env.change().await;
    assert_eq!((gone.id, gone.vanished.map(|v| v.cause)), (first.id, Some(VanishedCause::LiveWentBack)));
    set("return 1;");
    env.check().await;
    let back = env.change().await;
    assert_eq!((back.id, back.state), (first.id, ChangeState::Open), "the same difference is the same change");

    set("return 2;");
    env.check().await;
    let further = env.change().await;
    assert_ne!(further.id, first.id);
    let page = app.services.change(&env.permit(), env.id, further.id).await.unwrap();
    assert_eq!(page.history.len(), 1);
    assert_eq!((page.history[0].id, page.history[0].state), (first.id, ChangeState::Superseded));
    let old = app.services.change(&env.permit(), env.id, first.id).await.unwrap();
    assert!(matches!(old.diff, DiffOrRefusal::Diff(_)), "what was superseded can still be looked at");
}

#[tokio::test]
async fn added_removed_and_archived_workflows() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let env = app.environment(&owner, "Production").await;
    let kept = env.agreed(&workflow("Kept")).await;
    env.check().await;

    let added = env.n8n.create(&workflow("New in n8n"));
    env.check().await;
    let change = env.change().await;
    assert_eq!((change.change_type, change.origin), (ChangeType::Added, Origin::Hotfix));
    env.n8n.archive(&added).unwrap();
    env.check().await;
    assert_eq!(env.change().await.vanished.map(|v| v.cause), Some(VanishedCause::LiveWentBack), "archived is absent");
    confirm_all(&app, &env).await;

    env.commit(&format!("{FOLDER}/new.json"), &workflow("New in Git"), "Add one").await;
    env.check().await;
    let change = env.change().await;
    assert_eq!((change.change_type, change.origin), (ChangeType::Removed, Origin::Undeployed));
    env.remove(&format!("{FOLDER}/new.json")).await;
    env.check().await;
    confirm_all(&app, &env).await;

    env.n8n.archive(&kept).unwrap();
    env.check().await;
    let change = env.change().await;
    assert_eq!((change.change_type, change.origin), (ChangeType::Removed, Origin::Hotfix), "taken away in n8n");
}

#[tokio::test]
async fn the_first_check_is_an_adoption_review_and_not_a_flood() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let env = app.environment(&owner, "Production").await;
    env.agreed(&workflow("Agreed")).await;
    env.n8n.create(&workflow("Only live"));
    env.commit(&format!("{FOLDER}/git.json"), &workflow("Only in Git"), "Add").await;
    env.check().await;
    let workspace = env.workspace().await;
    let adoption = workspace.adoption.unwrap();
    assert_eq!(adoption.agreeing, 1);
    assert_eq!(adoption.by_type, [(ChangeType::Added, 1), (ChangeType::Removed, 1), (ChangeType::Modified, 0)]);
    assert!(workspace.changes.iter().all(|c| c.origin == Origin::Unknown), "there is no baseline yet");
    app.services.finish_adoption(&env.permit(), env.id, "Seen".into()).await.unwrap();
    let workspace = env.workspace().await;
    assert!(workspace.adoption.is_none());
    assert_eq!(workspace.changes.len(), 2, "reviewed is not decided");
    assert!(app.services.finish_adoption(&env.permit(), env.id, String::new()).await.is_err());
}

#[tokio::test]
async fn ambiguous_names_are_listed_and_a_person_links_them() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let env = app.environment(&owner, "Production").await;
    let one = env.n8n.create(&workflow("Sync"));
    env.n8n.create(&workflow("Sync"));
    let file = format!("{FOLDER}/sync.json");
    env.commit(&file, &workflow("Sync"), "Add").await;
    env.check().await;
    let workspace = env.workspace().await;
    assert_eq!(workspace.ambiguities.len(), 1);
    assert_eq!(workspace.changes.len(), 3, "until then nothing is guessed: each counts by itself");
    assert!(app.services.link(&env.permit(), env.id, "no such", &file).await.is_err());

    app.services.link(&env.permit(), env.id, &one, &file).await.unwrap();
    env.check().await;
    let workspace = env.workspace().await;
    assert!(workspace.ambiguities.is_empty());
    let left: Vec<_> = workspace.changes.iter().filter(|c| c.state == ChangeState::Open).collect();
    assert_eq!(left.len(), 1, "{left:#?}");
    assert_eq!(left[0].change_type, ChangeType::Added, "the other workflow of that name is only live");
    assert!(workspace.changes.iter().all(|c| c.change_type != ChangeType::Removed), "the file's change was folded in");
}

#[tokio::test]
async fn files_of_another_instance_are_matched_by_name_and_their_references_followed() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let env = app.environment(&owner, "Production").await;
    let child = env.n8n.create(&workflow("Child"));
    let mut parent = workflow("Parent");
    parent["nodes"][1] = json!({
        "id": "5e4b3f0e-0002-4000-8000-000000000009", "name": "Look up customer", "typeVersion": 1.2, "position": [220, 0],
        "type": "n8n-nodes-base.executeWorkflow",
        "parameters": { "workflowId": { "__rl": true, "mode": "list", "value": child } }
    });
    env.n8n.create(&parent);
    let mut file = parent.clone();
    file["id"] = json!("elsewhere-parent");
    file["nodes"][1]["parameters"]["workflowId"]["value"] = json!("elsewhere-child");
    env.commit(&format!("{FOLDER}/parent.json"), &file, "Add").await;
    let mut file = workflow("Child");
    file["id"] = json!("elsewhere-child");
    env.commit(&format!("{FOLDER}/child.json"), &file, "Add").await;
    assert_eq!(env.check().await, CheckOutcome::InSync, "{:#?}", env.changes().await);
}

#[tokio::test]
async fn a_saved_edit_that_is_not_published_is_a_draft_and_not_drift() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let env = app.environment(&owner, "Production").await;
    let id = env.agreed(&workflow("Orders")).await;
    env.check().await;
    env.later();
    env.n8n.change_node(&id, "Total", |node| node["parameters"]["jsCode"] = json!("return [];")).unwrap();
    assert_eq!(env.check().await, CheckOutcome::InSync, "live means what runs");
    env.n8n.publish(&id).unwrap();
    assert_eq!(env.check().await, CheckOutcome::Drift);
}

#[tokio::test]
async fn a_person_who_decides_during_a_check_does_not_break_it() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let env = app.environment(&owner, "Production").await;
    let id = env.agreed(&workflow("Orders")).await;
    env.check().await;
    env.edit(&id, "Total", |node| node["parameters"]["jsCode"] = json!("return [];"));
    env.check().await;
    env.deploy_to_git(&id, "Keep it").await;
    env.check().await;
    let change = env.change().await;
    let deciding = async {
        let reason = "Seen".to_owned();
        app.services.confirm_vanished(&env.permit(), env.id, change.id, DecisionKind::Promote, reason).await.unwrap();
    };
    let (outcome, ()) = tokio::join!(env.check(), deciding);
    assert_eq!(outcome, CheckOutcome::InSync);
    assert_eq!(env.page().await.row.badge, Badge::InSync);
}

/// Git gives folders of the same content one tree, so what is kept of a tree must not say where it lies.
#[tokio::test]
async fn two_folders_of_the_same_content_keep_their_own_paths() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let first = app.environment(&owner, "Production").await;
    let id = first.agreed(&workflow("Orders")).await;
    let file = first.n8n.workflow(&id).unwrap();
    first.commit(&format!("rehearsal/{id}.json"), &file, "The same for the rehearsal").await;
    first.remove(&format!("{FOLDER}/.gitkeep")).await;
    let draft = EnvironmentDraft { name: "Rehearsal".into(), git_folder: "rehearsal".into(), ..first.draft.clone() };
    let second = app.services.connect_environment(&first.permit(), draft).await.unwrap();

    first.n8n.delete(&id).unwrap();
    for _ in 0..2 {
        // Once fetched, once from what is kept: of the other environment, too.
        first.check().await;
        app.services.run_check(second, CheckTrigger::Schedule, None).await.unwrap();
        for (environment, path) in [(first.id, path(&id)), (second, format!("rehearsal/{id}.json"))] {
            let workspace =
                app.services.workspace(&first.permit(), environment, ChangeFilter::default()).await.unwrap();
            assert_eq!(workspace.changes[0].path.as_deref(), Some(path.as_str()));
        }
        first.commit("elsewhere/notes.json", &json!({}), "Something else").await;
    }
}
