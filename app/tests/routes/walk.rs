//! Every page and form, as a stranger.

use axum::http::StatusCode;
use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use drift_testkit::TestApp;

use crate::browser::Browser;
use crate::table::{FIELDS, FORMS, routed};
use crate::world::World;

#[tokio::test]
async fn strangers_get_nothing_from_any_page_or_form() {
    let app = TestApp::new().await;
    let mut world = World::new(&app, PlanTier::Agency).await;
    let owner = world.people.len() - 1;
    let mut nobody = Browser::new(&app);
    let mut strangers = [
        Browser::of_new(&app, PlanTier::Enterprise, Role::Owner).await,
        Browser::of_new(&app, PlanTier::Free, Role::Viewer).await,
    ];
    for (path, asks) in FORMS {
        let to = world.address(owner, path).await;
        if asks.is_some() {
            assert!(nobody.post(&to, FIELDS).await.location.starts_with("/sign-in"), "{path}");
        }
        // A link with a token is for whoever has it.
        for stranger in strangers.iter().filter(|_| path.contains('{') && !path.contains("{token}")) {
            let status = stranger.post(&to, FIELDS).await.status;
            // Below an environment or an incident it is looked up first; elsewhere a role or a plan that may nowhere is told so.
            let refused = [StatusCode::FORBIDDEN, StatusCode::PAYMENT_REQUIRED].contains(&status);
            let alone = ["/settings/", "/approvals/"].iter().any(|place| path.starts_with(place));
            let told = status == StatusCode::NOT_FOUND || (refused && alone);
            assert!(told, "{path} as {}: {status}", stranger.caller().role);
        }
        if path.contains('{') && !path.contains("{token}") {
            let answer = world.people[owner].post(&to, FIELDS).await;
            assert_ne!(answer.status, StatusCode::NOT_FOUND, "{path}: there is something there");
            world.renew(path).await;
        }
    }
    let walked = |path: &&String| path.contains("{") && !path.contains("{token}") && !path.contains("{provider}");
    for path in routed(false).iter().filter(walked) {
        let to = world.address(owner, path).await;
        assert!(nobody.get(&to).await.location.starts_with("/sign-in"), "{path}");
        for stranger in &mut strangers {
            let answer = stranger.get(&to).await;
            let status = answer.status;
            assert!(!answer.html.contains("Orders"), "{path} tells what is another's");
            // Some addresses show a page of their own to whoever asks, with nothing of anybody's in it.
            let refused = [StatusCode::FORBIDDEN, StatusCode::PAYMENT_REQUIRED].contains(&status);
            let told = status == StatusCode::NOT_FOUND || (refused && path.starts_with("/settings/"));
            assert!(told || path.ends_with("/test"), "{path}: {status}");
        }
    }
}
