//! Whatever is done to the tables behind the product's back is found, with its place.

use drift_domain::audit::{Anchor, Fault};
use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use drift_services::accounts::TokenRequest;
use drift_services::gate::Caller;
use drift_testkit::TestApp;

use crate::common::{lines, tamper, verify, verify_file};

/// Leaves so many entries.
async fn log(app: &TestApp, owner: &Caller, entries: u32) {
    for n in 0..entries {
        app.clock.advance(chrono::TimeDelta::seconds(1));
        let new = TokenRequest { name: format!("CI {n}"), role: Role::Viewer, days: 30 };
        app.services.create_token(&owner.permit().unwrap(), new).await.unwrap();
    }
    app.clock.advance(chrono::TimeDelta::minutes(5));
}

#[tokio::test]
async fn a_log_that_nobody_touched_is_sound() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Enterprise).await;
    log(&app, &owner, 7).await;
    let sound = verify(&app, owner.organization_id).await.unwrap();
    assert_eq!((sound.sequence, sound.after_sequence), (7, 0));
    log(&app, &owner, 2).await;
    let grown = verify(&app, owner.organization_id).await.unwrap();
    assert_eq!(grown.sequence, 9);
    let anchor = Anchor { sequence: 7, hash: sound.hash };
    assert_eq!(app.services.archive().verify(owner.organization_id, Some(anchor)).await.unwrap(), Ok(grown));
}

#[tokio::test]
async fn every_kind_of_tampering_is_found_at_its_place() {
    for (sql, expected) in [
        ("UPDATE audit_entries SET actor_name = 'Somebody else' WHERE id = (SELECT entry_id FROM audit_seals WHERE sequence = 3)", "seal 3: entry"),
        ("UPDATE audit_entries SET at = at + interval '1 microsecond' WHERE id = (SELECT entry_id FROM audit_seals WHERE sequence = 2)", "seal 2: entry"),
        ("UPDATE audit_entries SET after = after || '{\"name\": \"x\"}' WHERE id = (SELECT entry_id FROM audit_seals WHERE sequence = 4)", "seal 4: entry"),
        ("UPDATE audit_entries SET action = 'NO_SUCH_WORD' WHERE id = (SELECT entry_id FROM audit_seals WHERE sequence = 4)", "seal 4: entry"),
        ("DELETE FROM audit_entries WHERE id = (SELECT entry_id FROM audit_seals WHERE sequence = 5)", "was removed"),
        ("DELETE FROM audit_seals WHERE sequence = 3", "seal 3 is missing"),
        ("DELETE FROM audit_seals WHERE sequence = 1", "seal 1 is missing"),
        ("DELETE FROM audit_seals WHERE sequence = 6", "has no seal"),
        ("UPDATE audit_seals SET hash = previous_hash WHERE sequence = 6", "seal 6: the seal was altered"),
        ("UPDATE audit_seals a SET entry_id = b.entry_id, entry_hash = b.entry_hash FROM audit_seals b
          WHERE a.sequence = 2 AND b.sequence = 6", "seal 2: the seal was altered"),
        ("UPDATE audit_seals SET sequence = 100 WHERE sequence = 2; UPDATE audit_seals SET sequence = 2 WHERE sequence = 3;
          UPDATE audit_seals SET sequence = 3 WHERE sequence = 100", "seal 2: the chain is broken"),
        ("INSERT INTO audit_entries SELECT organization_id, gen_random_uuid(), at, actor_kind, actor_id, actor_name, token_id, via,
          address, user_agent, action, target_kind, target_id, target_name, environment_id, reason, before, after, entry_hash
          FROM audit_entries LIMIT 1", "has no seal"),
    ] {
        let app = TestApp::new().await;
        let owner = app.organization(PlanTier::Enterprise).await;
        log(&app, &owner, 6).await;
        verify(&app, owner.organization_id).await.unwrap();
        // One seal an entry is a constraint that whoever owns the tables can drop, too.
        tamper(&app, "ALTER TABLE audit_seals DROP CONSTRAINT audit_seals_one_an_entry").await;
        tamper(&app, sql).await;
        let fault = verify(&app, owner.organization_id).await.expect_err(sql);
        assert!(fault.to_string().contains(expected), "{sql}: {fault}");
    }
}

#[tokio::test]
async fn the_tables_refuse_what_is_not_adding() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Enterprise).await;
    log(&app, &owner, 2).await;
    app.services.archive().seal().await.unwrap();
    for sql in [
        "UPDATE audit_entries SET reason = 'x'",
        "DELETE FROM audit_entries",
        "TRUNCATE audit_entries CASCADE",
        "UPDATE audit_seals SET sequence = sequence + 1",
        "DELETE FROM audit_seals",
        "TRUNCATE audit_seals",
    ] {
        let error = sqlx::query(sql).execute(app.database.pool()).await.unwrap_err();
        let constraint = error.as_database_error().and_then(|e| e.constraint().map(str::to_owned));
        assert_eq!(constraint.as_deref(), Some("audit_is_kept"), "{sql}: {error}");
    }
}

#[tokio::test]
async fn two_sealers_at_once_seal_each_entry_once() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Enterprise).await;
    log(&app, &owner, 30).await;
    let other = app.replica(app.database.another_pool().await);
    let (own, other) = (app.services.archive(), other.archive());
    let (a, b, c) = tokio::join!(own.seal(), other.seal(), own.seal());
    assert_eq!(a.unwrap() + b.unwrap() + c.unwrap(), 30);
    assert_eq!(verify(&app, owner.organization_id).await.unwrap().sequence, 30);
}

#[tokio::test]
async fn an_export_verifies_by_itself_and_holds_that_it_was_made() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Enterprise).await;
    log(&app, &owner, 5).await;
    let export = lines(app.services.export_audit(&owner.permit().unwrap(), 0).await.unwrap()).await;
    let sound = verify_file(&export).unwrap();
    assert_eq!((sound.sequence, export.len()), (6, 8));
    assert!(export[6].contains("EXPORTED") && export[6].contains(&owner.name), "{}", export[6]);
    assert_eq!(verify(&app, owner.organization_id).await.unwrap().hash, sound.hash);

    let mut changed = export.clone();
    changed[3] = changed[3].replace("CI 2", "CI 9");
    assert!(matches!(verify_file(&changed), Err(Fault::Altered { sequence: 3, .. })));

    let further = lines(app.services.export_audit(&owner.permit().unwrap(), 6).await.unwrap()).await;
    assert_eq!(verify_file(&further).unwrap().after_sequence, 6);
    assert!(app.services.export_audit(&owner.permit().unwrap(), 99).await.is_err());
}

#[tokio::test]
async fn a_limited_plan_exports_its_last_days_and_they_verify() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    log(&app, &owner, 4).await;
    app.clock.advance(chrono::TimeDelta::days(91));
    log(&app, &owner, 2).await;
    let export = lines(app.services.export_audit(&owner.permit().unwrap(), 0).await.unwrap()).await;
    let sound = verify_file(&export).unwrap();
    assert_eq!((sound.after_sequence, sound.sequence), (4, 7));
}
