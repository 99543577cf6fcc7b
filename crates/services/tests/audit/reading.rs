//! Reading the log: what is looked for and nobody else's, page by page, and as files however long.

use drift_domain::audit::{
    Actor, ActorKind, AuditAction, AuditTarget, AuditVia, Entry, FileCheck, Origin, Target, entry_hash,
};
use drift_domain::clock::Clock;
use drift_domain::ids::AuditEntryId;
use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use drift_services::accounts::TokenRequest;
use drift_services::audit::Looked;
use drift_services::gate::{Caller, cap};
use drift_testkit::TestApp;
use serde_json::json;
use uuid::Uuid;

use crate::common::{lines, verify, verify_file};

async fn tokens(app: &TestApp, caller: &Caller, names: &[&str]) {
    for name in names {
        app.clock.advance(chrono::TimeDelta::seconds(1));
        let new = TokenRequest { name: (*name).to_owned(), role: Role::Viewer, days: 30 };
        app.services.create_token(&caller.permit().unwrap(), new).await.unwrap();
    }
}

/// The names of what the entries that fit are about.
async fn found(app: &TestApp, caller: &Caller, looked: Looked) -> Vec<String> {
    let page = app.services.audit_log(&caller.permit().unwrap(), looked, None).await.unwrap();
    page.entries.into_iter().filter_map(|entry| entry.target.name).collect()
}

#[tokio::test]
async fn what_fits_is_found_and_nobody_elses() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Enterprise).await;
    let admin = app.member(&owner, Role::Admin).await;
    let stranger = app.organization(PlanTier::Enterprise).await;
    tokens(&app, &owner, &["Alpha", "100%"]).await;
    tokens(&app, &admin, &["Beta"]).await;
    tokens(&app, &stranger, &["Gamma"]).await;
    assert_eq!(found(&app, &owner, Looked::default()).await, ["Beta", "100%", "Alpha"]);
    let by = Looked { actor: Some(admin.user_id), ..Looked::default() };
    assert_eq!(found(&app, &owner, by).await, ["Beta"]);
    let of = |text: &str| Looked { text: Some(text.to_owned()), ..Looked::default() };
    assert_eq!(found(&app, &owner, of("alph")).await, ["Alpha"]);
    assert_eq!(found(&app, &owner, of("0%")).await, ["100%"], "a sign of patterns stands for itself");
    assert_eq!(found(&app, &owner, of("gamma")).await, [""; 0]);
    let target = Looked { target: Some("beta".to_owned()), ..Looked::default() };
    assert_eq!(found(&app, &owner, target).await, ["Beta"]);
    let revoked = Looked { action: Some(AuditAction::TokenRevoked), ..Looked::default() };
    assert_eq!(found(&app, &owner, revoked).await, [""; 0]);
    let today = app.clock.now().date_naive();
    let yesterday = Looked { to: today.pred_opt(), ..Looked::default() };
    assert_eq!(found(&app, &owner, yesterday).await, [""; 0]);
    let now = Looked { from: Some(today), to: Some(today), ..Looked::default() };
    assert_eq!(found(&app, &owner, now).await.len(), 3);
    assert!(app.member(&owner, Role::Approver).await.permit::<cap::Audit>().is_err());
}

#[tokio::test]
async fn a_limited_plan_shows_its_last_days() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    tokens(&app, &owner, &["Old"]).await;
    app.clock.advance(chrono::TimeDelta::days(91));
    tokens(&app, &owner, &["New"]).await;
    assert_eq!(found(&app, &owner, Looked::default()).await, ["New"]);
    let asked = Looked { from: Some("2020-01-01".parse().unwrap()), ..Looked::default() };
    assert_eq!(found(&app, &owner, asked).await, ["New"], "asking for more shows no more");
    let whole = app.moved_to(&owner, PlanTier::Enterprise).await;
    assert_eq!(found(&app, &whole, Looked::default()).await, ["New", "Old"], "it was written all the same");
}

/// So many entries of one moment, hashed as the product hashes.
async fn bulk(app: &TestApp, owner: &Caller, entries: u32) {
    const PART: u32 = 5000;
    for part in (0..entries).step_by(PART as usize) {
        let (mut ids, mut afters, mut hashes) = (Vec::new(), Vec::new(), Vec::new());
        for n in part..entries.min(part + PART) {
            let entry = Entry {
                id: AuditEntryId(Uuid::now_v7()),
                organization_id: owner.organization_id,
                at: app.clock.now(),
                actor: Actor { kind: ActorKind::System, id: None, name: "WorkflowOps".to_owned(), token: None },
                origin: Origin { via: AuditVia::Job, address: None, user_agent: None },
                action: AuditAction::PlanTierSet,
                target: Target { kind: AuditTarget::Organization, id: None, name: None },
                environment_id: None,
                reason: None,
                before: None,
                after: Some(json!({ "n": n, "note": "as long as particulars usually are, in words of a person" })),
            };
            ids.push(entry.id.0);
            hashes.push(entry_hash(&entry.to_json().unwrap()).unwrap().0.to_vec());
            afters.push(entry.after.unwrap());
        }
        sqlx::query(
            "INSERT INTO audit_entries (organization_id, id, at, actor_kind, actor_name, via, action, target_kind, after, entry_hash)
             SELECT $1, u.id, $2, 'SYSTEM', 'WorkflowOps', 'JOB', 'PLAN_TIER_SET', 'ORGANIZATION', u.after, u.hash
             FROM unnest($3::uuid[], $4::jsonb[], $5::bytea[]) AS u (id, after, hash)",
        )
        .bind(owner.organization_id.0)
        .bind(app.clock.now())
        .bind(ids)
        .bind(afters)
        .bind(hashes)
        .execute(app.database.pool())
        .await
        .unwrap();
    }
}

#[tokio::test]
async fn a_page_begins_behind_the_one_before_and_long_logs_are_read_in_parts() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Enterprise).await;
    // All of one moment: the place in the list is more than the time.
    bulk(&app, &owner, 20_000).await;
    let permit = owner.permit().unwrap();
    let first = app.services.audit_log(&permit, Looked::default(), None).await.unwrap();
    let second = app.services.audit_log(&permit, Looked::default(), first.next.as_deref()).await.unwrap();
    let all: std::collections::BTreeSet<_> =
        first.entries.iter().chain(&second.entries).map(|entry| entry.id).collect();
    assert_eq!(all.len(), 100, "none twice");
    assert!(app.services.audit_log(&permit, Looked::default(), Some("x")).await.is_err());

    let mut export = app.services.export_audit(&permit, 0).await.unwrap();
    let (mut longest, mut whole) = (0, Vec::new());
    while let Some(part) = export.next().await.unwrap() {
        longest = longest.max(part.len());
        whole.extend(part.lines().map(str::to_owned));
    }
    assert!(longest < 1_000_000, "a part has {longest} bytes, however long the log");
    assert_eq!(verify_file(&whole).unwrap().sequence, 20_001);
    assert_eq!(verify(&app, owner.organization_id).await.unwrap().sequence, 20_001);

    let mut rows = app.services.export_audit_rows(&permit, Looked::default()).await.unwrap();
    let mut counted = 0;
    while let Some(part) = rows.next().await.unwrap() {
        assert!(part.len() <= 500);
        counted += part.len();
    }
    assert_eq!(counted, 20_002, "both exports are in it");
    let again = lines(app.services.export_audit(&permit, 20_001).await.unwrap()).await;
    assert_eq!(again.len(), 4);
}

/// The most memory that this process has had, in kilobytes.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// `cargo test -p drift-services --test audit a_million -- --ignored --nocapture`
#[tokio::test]
#[ignore = "a measurement that takes minutes"]
async fn a_million_entries_are_sealed_exported_and_verified_in_little_memory() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Enterprise).await;
    bulk(&app, &owner, 1_000_000).await;
    let before = most_memory();
    let begun = std::time::Instant::now();
    app.services.archive().seal().await.unwrap();
    let sealed = begun.elapsed();
    let mut export = app.services.export_audit(&owner.permit().unwrap(), 0).await.unwrap();
    let mut check = FileCheck::new(None);
    while let Some(part) = export.next().await.unwrap() {
        part.lines().try_for_each(|line| check.take(line)).unwrap();
    }
    assert_eq!(check.end().unwrap().sequence, 1_000_001);
    let exported = begun.elapsed() - sealed;
    assert_eq!(verify(&app, owner.organization_id).await.unwrap().sequence, 1_000_001);
    let verified = begun.elapsed() - sealed - exported;
    let grown = most_memory() - before;
    eprintln!("sealed {sealed:?}, exported and checked {exported:?}, verified {verified:?}; memory grew by {grown} kB");
    assert!(grown < 64 * 1024, "{grown} kB");
}
