//! Things are found by a few letters: one's own organization's, as far as one may read them.

use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use drift_domain::views::Found;
use drift_services::gate::Caller;
use drift_testkit::TestApp;

use crate::common::drifted;

async fn find(app: &TestApp, caller: &Caller, q: &str) -> (Vec<String>, Vec<i64>) {
    let Found { environments, incidents } = app.services.find(&caller.permit().unwrap(), q).await.unwrap();
    (environments.into_iter().map(|row| row.name).collect(), incidents.into_iter().map(|row| row.number).collect())
}

#[tokio::test]
async fn environments_and_incidents_are_found_by_parts_of_names_and_by_number() {
    let app = TestApp::new().await;
    let (env, _) = drifted(&app, PlanTier::Agency).await;
    app.environment(&env.caller, "North Production").await;
    app.environment(&env.caller, "Staging").await;
    let incident = env.incident().await;
    let number = env.incident_page(incident).await.row.number;
    let viewer = app.member(&env.caller, Role::Viewer).await;

    let both = vec!["Production".to_owned(), "North Production".to_owned()];
    assert_eq!(find(&app, &viewer, "prod").await, (both, vec![number]), "what begins with it comes first");
    assert_eq!(find(&app, &viewer, "PRODuction north").await, (vec!["North Production".to_owned()], vec![]));
    assert_eq!(find(&app, &viewer, &format!("inc-{number}")).await, (vec![], vec![number]));
    assert_eq!(find(&app, &viewer, "").await, (vec![], vec![number]), "nothing typed finds what is open");
    assert_eq!(find(&app, &viewer, "%").await, (vec![], vec![]), "letters are letters");
}

#[tokio::test]
async fn nobody_finds_what_is_anothers_and_a_plan_without_incidents_finds_none() {
    let app = TestApp::new().await;
    let (env, _) = drifted(&app, PlanTier::Agency).await;
    env.incident().await;
    let stranger = app.organization(PlanTier::Enterprise).await;
    assert_eq!(find(&app, &stranger, "prod").await, (vec![], vec![]));
    let (small, _) = drifted(&app, PlanTier::Free).await;
    assert_eq!(find(&app, &small.caller, "prod").await, (vec!["Production".to_owned()], vec![]));
    assert_eq!(find(&app, &small.caller, "1").await, (vec![], vec![]));
}
