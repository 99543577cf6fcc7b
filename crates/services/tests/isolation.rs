//! Tenancy, the second time: what is done for a person is done as a database role that sees one organization's rows. Shown
//! by taking everything away from that role, and finding that nothing works for anybody any more.

mod calls;

use calls::{CALLS, World};
use drift_domain::check::CheckOutcome;
use drift_domain::plan::{Capability, PlanTier};
use drift_services::ServiceError;
use drift_testkit::TestApp;

#[tokio::test]
async fn every_method_behind_the_gate_acts_as_the_role_that_is_held_to_one_organization() {
    let app = TestApp::new().await;
    let world = World { looks_first: false, ..World::new(&app, PlanTier::Enterprise).await };
    let owner = world.env.caller.clone();
    for (method, _, call) in CALLS {
        let outcome = call(&world, &owner).await;
        assert!(!matches!(outcome, Err(ServiceError::Unavailable(_))), "{method} works before: {outcome:?}");
    }
    let revoke = "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM workflowops_tenant";
    sqlx::query(revoke).execute(app.database.pool()).await.unwrap();
    for (method, _, call) in CALLS {
        let outcome = call(&world, &owner).await;
        if *method == "upgrade_offer" {
            // There is nothing above Enterprise: nothing is read.
            continue;
        }
        assert!(matches!(outcome, Err(ServiceError::Unavailable(_))), "{method} went around the role: {outcome:?}");
    }
    // Detection is nobody's request, and goes on.
    assert_eq!(world.env.check().await, CheckOutcome::Drift);
}

#[tokio::test]
async fn what_a_stranger_asks_for_is_not_there_whatever_method_is_asked() {
    let app = TestApp::new().await;
    let world = World::new(&app, PlanTier::Enterprise).await;
    for plan in PlanTier::ALL {
        let stranger = app.organization(*plan).await;
        for (method, _, call) in CALLS {
            let outcome = call(&world, &stranger).await;
            if matches!(outcome, Err(ServiceError::PlanRequired { capability: Capability::Policies, .. })) {
                // Policies are not looked up below anything: who has none is told so before anything is read.
                continue;
            }
            let own = ["environments", "find", "connect_environment", "webhook_settings"].contains(method)
                || method.contains("upgrade") && *method != "answer_upgrade"
                || ["plan", "plan_effect", "set_tier", "set_limit"].contains(method)
                || ["incidents", "incident_settings", "set_incident_settings"].contains(method)
                || ["notification_channels", "notification_deliveries", "add_channel", "remove_channel"]
                    .contains(method)
                || method.ends_with("notification_preferences")
                || ["audit_log", "export_audit", "export_audit_rows"].contains(method)
                || ["policies", "overview", "create_policy", "simulate_policy"].contains(method)
                || ["approvals", "delegate_approvals", "end_delegation"].contains(method)
                || ["reports_page", "reports", "report_schedules"].contains(method)
                || ["retention_preview", "retention_record", "holds"].contains(method);
            // Of one's own organization there is something to answer; of another's there is nothing to be had.
            let nothing = matches!(outcome, Err(ServiceError::NotFound(_)));
            assert_ne!(nothing, own, "{method} on {plan}: {outcome:?}");
        }
    }
    let seen = world.env.page().await.row;
    assert_eq!((seen.name.as_str(), seen.overrides.running), ("Production", 0), "nothing happened to it");
}
