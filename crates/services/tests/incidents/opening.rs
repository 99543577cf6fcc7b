use drift_domain::environment::{Badge, DriftStatus, EnvironmentClass};
use drift_domain::incident::IncidentStatus;
use drift_domain::plan::PlanTier;
use drift_domain::views::{EnvironmentDraft, IncidentFilter};
use drift_services::ServiceError;
use drift_services::incidents::IncidentSettings;
use drift_testkit::TestApp;
use drift_testkit::app::workflow;

use crate::common::{Hand, agreeing, conflict, drifted, hotfix, refused_by_database};

#[tokio::test]
async fn fifty_creators_make_one_incident_and_all_get_it() {
    let app = TestApp::new().await;
    let (env, _) = drifted(&app, PlanTier::Pro).await;
    let permit = env.permit();
    let creators = (0..50).map(|_| app.services.create_incident(&permit, env.id, None));
    let created = futures::future::join_all(creators).await;
    let created: Vec<_> = created.into_iter().map(|answer| answer.unwrap()).collect();
    assert!(created.iter().all(|c| c.id == created[0].id), "one incident for everybody");
    assert_eq!(created.iter().filter(|c| !c.existed).count(), 1, "one of them made it");
    let page = env.incident_page(created[0].id).await;
    assert_eq!((page.row.number, page.row.changes, page.row.open_changes), (1, 1, 1));
    assert_eq!(page.timeline.iter().filter(|entry| entry.kind == "incident.created").count(), 1);
    assert_eq!(env.page().await.row.status, DriftStatus::DriftIncidentActive);
    assert_eq!(env.page().await.row.badge, Badge::IncidentActive);
}

#[tokio::test]
async fn the_database_itself_has_one_open_incident_an_environment() {
    let app = TestApp::new().await;
    let (env, _) = drifted(&app, PlanTier::Agency).await;
    env.incident().await;
    let again =
        "INSERT INTO drift_incidents SELECT (jsonb_populate_record(i, jsonb_build_object('id', gen_random_uuid(),
        'number', 99))).* FROM drift_incidents i";
    assert_eq!(refused_by_database(&app, again).await, "drift_incidents_one_open");
}

#[tokio::test]
async fn nothing_is_opened_over_nothing() {
    let app = TestApp::new().await;
    let (env, _) = agreeing(&app, PlanTier::Pro, &["Orders"]).await;
    let words = conflict(app.services.create_incident(&env.permit(), env.id, None).await);
    assert!(words.contains("Nothing differs"), "{words}");
    assert_eq!(env.page().await.row.status, DriftStatus::InSync);
}

#[tokio::test]
async fn pro_has_one_environment_with_an_open_incident_at_once() {
    let app = TestApp::new().await;
    let (first, id) = drifted(&app, PlanTier::Pro).await;
    let second = app.environment(&first.caller, "Staging").await;
    let other = second.agreed(&workflow("Invoices")).await;
    second.check().await;
    hotfix(&second, &other, "return 1;");
    second.check().await;
    let open = first.incident().await;

    let refused = app.services.create_incident(&second.permit(), second.id, None).await.unwrap_err();
    let ServiceError::PlanLimit { needs: PlanTier::Agency, message, .. } = refused else { panic!("{refused:?}") };
    assert!(message.contains("INC-1 of “Production”"), "{message}");
    assert_eq!(second.page().await.row.status, DriftStatus::DriftDetected, "nothing was changed");

    let hand = Hand { app: &app, env: &first, id: open };
    hand.to_reconciled(&id).await;
    hand.close().await.unwrap();
    first.closing_check().await;
    assert_eq!(hand.status().await, IncidentStatus::Closed);
    assert_eq!(second.incident_page(second.incident().await).await.row.number, 2, "once it is closed, there is room");
}

#[tokio::test]
async fn production_on_agency_opens_one_by_itself_and_adoption_does_not() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    app.automatic(&owner).await;
    let env = app.environment(&owner, "Production").await;
    let id = env.n8n.create(&workflow("Orders"));
    env.check().await;
    assert_eq!(env.changes().await.len(), 1, "it differs from the first look on");
    assert_eq!(env.page().await.row.status, DriftStatus::DriftDetected, "that is the adoption review");

    hotfix(&env, &id, "return 2;");
    env.check().await;
    assert_eq!(env.page().await.row.status, DriftStatus::DriftDetected, "what is being adopted goes on being that");
    env.deploy_to_git(&id, "Adopt").await;
    env.check().await;
    hotfix(&env, &id, "return 3;");
    env.check().await;
    assert_eq!(env.page().await.row.status, DriftStatus::DriftIncidentActive);
    let list = app.services.incidents(&env.permit(), IncidentFilter::default(), None).await.unwrap();
    let [row] = list.incidents.as_slice() else { panic!("one, not {:?}", list.incidents) };
    let page = env.incident_page(row.id).await;
    assert_eq!(page.row.owner, None);
    assert_eq!(page.timeline[0].by, None, "the policy opened it");
    assert!(page.timeline[0].text.contains("policy"), "{}", page.timeline[0].text);
    env.check().await;
    assert_eq!(env.incident_page(row.id).await.version, page.version, "seen again, nothing happened");
}

#[tokio::test]
async fn policies_are_for_classes_and_plans_that_an_organization_chooses() {
    let app = TestApp::new().await;
    for (plan, class, chosen, expected) in [
        (PlanTier::Agency, EnvironmentClass::Staging, None, false),
        (PlanTier::Agency, EnvironmentClass::Staging, Some(vec![EnvironmentClass::Staging]), true),
        (PlanTier::Enterprise, EnvironmentClass::Production, Some(vec![]), false),
        (PlanTier::Pro, EnvironmentClass::Production, None, false),
        (PlanTier::Pro, EnvironmentClass::Production, Some(vec![EnvironmentClass::Production]), true),
        (PlanTier::Free, EnvironmentClass::Production, Some(vec![EnvironmentClass::Production]), false),
    ] {
        let owner = app.organization(plan).await;
        let env = app.environment(&owner, "Somewhere").await;
        let draft = EnvironmentDraft { class, ..env.draft.clone() };
        app.services.update_environment(&env.permit(), env.id, draft).await.unwrap();
        let set = IncidentSettings { automatic: chosen.clone(), ..IncidentSettings::default() };
        app.services.set_incident_settings(&env.permit(), set).await.unwrap();
        let id = env.agreed(&workflow("Orders")).await;
        env.check().await;
        hotfix(&env, &id, "return 1;");
        env.check().await;
        let opened = env.page().await.row.status == DriftStatus::DriftIncidentActive;
        assert_eq!(opened, expected, "{plan} {class} {chosen:?}");
    }
}

#[tokio::test]
async fn what_is_accepted_for_a_time_opens_none_until_the_time_is_over() {
    let app = TestApp::new().await;
    let (env, _) = drifted(&app, PlanTier::Agency).await;
    let change = env.change().await;
    let reason = "Until the release".to_owned();
    app.services.override_change(&env.permit(), env.id, change.id, reason, 2).await.unwrap();
    app.automatic(&env.caller).await;
    env.check().await;
    assert_eq!(env.page().await.row.status, DriftStatus::DriftDetected);
    app.clock.advance(chrono::TimeDelta::days(3));
    env.check().await;
    assert_eq!(env.page().await.row.status, DriftStatus::DriftIncidentActive, "it asks again");
}

#[tokio::test]
async fn a_new_incident_names_the_earlier_ones_about_the_same_workflow_and_field() {
    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, PlanTier::Agency, &["Orders", "Invoices"]).await;
    for (round, id) in [(1, &ids[0]), (2, &ids[1]), (3, &ids[0]), (4, &ids[0])] {
        if round == 4 {
            // The same workflow, and another field of it.
            env.edit(id, "Total", |node| node["disabled"] = serde_json::json!(true));
        } else {
            hotfix(&env, id, &format!("return {round};"));
        }
        env.check().await;
        let hand = Hand { app: &app, env: &env, id: env.incident().await };
        let ancestors: Vec<i64> = hand.page().await.ancestors.iter().map(|row| row.number).collect();
        assert_eq!(ancestors, if round == 3 { vec![1] } else { vec![] }, "incident {round}");
        assert_eq!(hand.kinds().await.contains(&"incident.recurs".to_owned()), round == 3);
        hand.to_reconciled(id).await;
        hand.close().await.unwrap();
        env.closing_check().await;
        assert_eq!(hand.status().await, IncidentStatus::Closed);
    }
}
