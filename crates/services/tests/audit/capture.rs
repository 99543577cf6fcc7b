//! What is done leaves exactly one entry, with who, from where, and no secret.

use std::net::IpAddr;

use drift_domain::audit::AuditVia;
use drift_domain::plan::{Capability, PlanTier};
use drift_domain::role::Role;
use drift_services::ServiceError;
use drift_services::accounts::{SetUp, SignIn, TokenRequest};
use drift_services::audit::note_refusal;
use drift_services::gate::{Caller, cap};
use drift_testkit::TestApp;
use sqlx::Row;

use crate::common::{actions, verify};

const ADDRESS: &str = "192.0.2.7";

/// Does something as a door does, for a request from [`ADDRESS`].
async fn request<T>(app: &TestApp, via: AuditVia, work: impl Future<Output = T>) -> T {
    let address: IpAddr = ADDRESS.parse().unwrap();
    app.services.within_request(via, Some(address), Some("Firefox\n"), Some("POST /x".to_owned()), work).await
}

fn sign_in(password: &str) -> SignIn {
    SignIn {
        email: "Ada@Example.com".to_owned(),
        password: password.into(),
        address: None,
        user_agent: "Firefox".to_owned(),
    }
}

async fn set_up(app: &TestApp) -> Caller {
    let new = SetUp {
        organization: "Acme".to_owned(),
        name: "Ada".to_owned(),
        email: "ada@example.com".to_owned(),
        password: "correct horse battery".into(),
        user_agent: "Firefox".to_owned(),
    };
    request(app, AuditVia::Screen, app.services.set_up(new)).await.unwrap().caller
}

#[tokio::test]
async fn coming_and_going_leaves_entries_with_where_from() {
    let app = TestApp::new().await;
    let ada = set_up(&app).await;
    let wrong = request(&app, AuditVia::Screen, app.services.sign_in(sign_in("wrong"))).await;
    assert!(matches!(wrong, Err(ServiceError::Invalid { .. })));
    let nobody = SignIn { email: "nobody@example.com".to_owned(), ..sign_in("wrong") };
    request(&app, AuditVia::Screen, app.services.sign_in(nobody)).await.unwrap_err();
    app.clock.advance(chrono::TimeDelta::seconds(1));
    let again = request(&app, AuditVia::Screen, app.services.sign_in(sign_in("correct horse battery"))).await.unwrap();
    app.clock.advance(chrono::TimeDelta::seconds(1));
    request(&app, AuditVia::Screen, app.services.sign_out(&again.caller)).await.unwrap();
    app.services.archive().seal().await.unwrap();

    let rows = sqlx::query("SELECT * FROM audit_entries ORDER BY at, id").fetch_all(app.database.pool()).await.unwrap();
    let text = |row: &sqlx::postgres::PgRow, name: &str| row.get::<Option<String>, _>(name).unwrap_or_default();
    let mut told: Vec<_> =
        rows.iter().map(|row| format!("{} {}", text(row, "action"), text(row, "actor_name"))).collect();
    told.sort();
    assert_eq!(
        told,
        [
            "MEMBER_JOINED Ada",
            "SET_UP Ada",
            "SIGN_IN Ada",
            "SIGN_IN Ada",
            "SIGN_IN_FAILED ada@example.com",
            "SIGN_OUT Ada"
        ],
        "nobody's address is in nobody's log"
    );
    for row in &rows {
        assert_eq!(
            (&*text(row, "address"), &*text(row, "user_agent"), &*text(row, "via")),
            (ADDRESS, "Firefox", "SCREEN")
        );
    }
    assert_eq!(verify(&app, ada.organization_id).await.unwrap().sequence, 6);
    let left: i64 =
        sqlx::query_scalar("SELECT count(*) FROM audit_failed_sign_ins").fetch_one(app.database.pool()).await.unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_token_is_named_and_work_in_the_background_comes_from_nowhere() {
    let app = TestApp::new().await;
    let ada = set_up(&app).await;
    let new = TokenRequest { name: "CI".to_owned(), role: Role::Owner, days: 30 };
    let made = app.services.create_token(&ada.permit().unwrap(), new).await.unwrap();
    request(&app, AuditVia::Api, async {
        let secret = secrecy::ExposeSecret::expose_secret(&made.secret);
        let caller = app.services.authenticate_token(secret).await.unwrap().unwrap();
        app.services.set_notification_preferences(&caller.permit().unwrap(), &[]).await.unwrap();
    })
    .await;
    let sql = "SELECT actor_kind, via, token_id, address FROM audit_entries WHERE action = $1";
    let by_token = sqlx::query(sql).bind("PREFERENCES_SET").fetch_one(app.database.pool()).await.unwrap();
    assert_eq!((by_token.get::<&str, _>(0), by_token.get::<&str, _>(1)), ("TOKEN", "API"));
    assert_eq!(by_token.get::<uuid::Uuid, _>(2), made.token.id.0);
    let outside = sqlx::query(sql).bind("TOKEN_CREATED").fetch_one(app.database.pool()).await.unwrap();
    assert_eq!((outside.get::<&str, _>(0), outside.get::<&str, _>(1)), ("USER", "JOB"));
    assert_eq!(outside.get::<Option<String>, _>(3), None);
}

#[tokio::test]
async fn what_is_refused_is_on_record_once_and_explaining_is_no_refusal() {
    let app = TestApp::new().await;
    let ada = set_up(&app).await;
    let token = app.services.sign_in(sign_in("correct horse battery")).await.unwrap().token;
    let before = actions(&app, &ada).await.len();
    request(&app, AuditVia::Screen, async {
        let caller = app.services.authenticate(secrecy::ExposeSecret::expose_secret(&token)).await.unwrap().unwrap();
        assert!(!caller.may(Capability::Audit), "asked to explain, not to do");
        let refused = caller.permit::<cap::Audit>().unwrap_err();
        note_refusal(&refused);
        note_refusal(&refused);
        note_refusal(&ServiceError::NotFound("moon"));
    })
    .await;
    request(&app, AuditVia::Screen, async { note_refusal(&ada.permit::<cap::Audit>().unwrap_err()) }).await;
    let after = actions(&app, &ada).await;
    assert_eq!(after.len(), before + 1, "{after:?}: whoever is not known is in no log");
    let row = sqlx::query("SELECT target_id, after FROM audit_entries WHERE action = 'REFUSED'");
    let row = row.fetch_one(app.database.pool()).await.unwrap();
    assert_eq!(row.get::<&str, _>(0), "AUDIT");
    let told = row.get::<serde_json::Value, _>(1);
    assert_eq!((&told["refused_by"], &told["asked"]), (&"PLAN".into(), &"POST /x".into()));
}

#[tokio::test]
async fn an_incidents_life_leaves_each_of_its_steps_once() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let env = app.environment(&owner, "Production").await;
    let id = env.agreed(&drift_testkit::app::workflow("Orders")).await;
    env.check().await;
    env.edit(&id, "Total", |node| node["disabled"] = true.into());
    env.check().await;
    let incident = env.incident().await;
    let page =
        app.services.incident(&app.services.incident_permit(&owner, incident).await.unwrap(), incident).await.unwrap();
    app.clock.advance(chrono::TimeDelta::seconds(1));
    let permit = app.services.incident_permit(&owner, incident).await.unwrap();
    app.services.acknowledge(&permit, incident, page.version, "it is ours".to_owned(), None).await.unwrap();
    app.clock.advance(chrono::TimeDelta::seconds(1));
    let permit = app.services.incident_permit(&owner, incident).await.unwrap();
    app.services.comment(&permit, incident, "the key is ghp_abcdefghijklmnop".to_owned()).await.unwrap();
    let told = actions(&app, &owner).await;
    for act in [
        "ENVIRONMENT_CONNECTED",
        "ENVIRONMENT_DRIFT_DETECTED",
        "INCIDENT_CREATED",
        "INCIDENT_ACKNOWLEDGED",
        "INCIDENT_COMMENTED",
    ] {
        assert_eq!(told.iter().filter(|action| *action == act).count(), 1, "{act}: {told:?}");
    }
    let row = sqlx::query(
        "SELECT target_kind, target_name, actor_name, after::text FROM audit_entries WHERE action = 'INCIDENT_COMMENTED'",
    );
    let row = row.fetch_one(app.database.pool()).await.unwrap();
    assert_eq!((row.get::<&str, _>(0), row.get::<&str, _>(1)), ("INCIDENT", "INC-1"));
    assert_eq!(row.get::<&str, _>(2), owner.name);
    assert!(!row.get::<&str, _>(3).contains("ghp_"), "{}", row.get::<&str, _>(3));
}

#[tokio::test]
async fn a_change_of_settings_says_what_was_and_no_secret() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Enterprise).await;
    let env = app.environment(&owner, "Production").await;
    let mut draft = env.draft.clone();
    draft.name = "Shop".to_owned();
    draft.git_token = "a-recognisable-token".to_owned();
    app.services.update_environment(&owner.permit().unwrap(), env.id, draft).await.unwrap();
    let row = sqlx::query("SELECT before, after, target_name FROM audit_entries WHERE action = 'ENVIRONMENT_UPDATED'");
    let row = row.fetch_one(app.database.pool()).await.unwrap();
    let (before, after) = (row.get::<serde_json::Value, _>(0), row.get::<serde_json::Value, _>(1));
    assert_eq!(
        (&before["name"], &after["name"], &after["git_secret"]),
        (&"Production".into(), &"Shop".into(), &"changed".into())
    );
    assert_eq!(row.get::<&str, _>(2), "Shop");
    let all: Vec<String> = sqlx::query_scalar("SELECT to_jsonb(e)::text FROM audit_entries e")
        .fetch_all(app.database.pool())
        .await
        .unwrap();
    for secret in ["a-recognisable-token", &env.draft.git_token, &env.draft.n8n_api_key] {
        assert!(!secret.is_empty() && all.iter().all(|entry| !entry.contains(secret)), "{secret}: {all:?}");
    }
}

#[tokio::test]
async fn what_is_rolled_back_leaves_nothing() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Enterprise).await;
    let mut tx = drift_store::tenant::begin(app.database.pool(), owner.organization_id).await.unwrap();
    let event = drift_store::events::NewEvent {
        organization_id: owner.organization_id,
        environment_id: None,
        change_id: None,
        kind: "plan.tier_set",
        actor: Some(owner.user_id),
        data: serde_json::json!({ "from": "PRO", "to": "AGENCY", "reason": "growth" }),
    };
    drift_store::events::append(&mut tx, &event, drift_domain::clock::Clock::now(&app.clock)).await.unwrap();
    tx.rollback().await.unwrap();
    assert!(actions(&app, &owner).await.is_empty());
    let mut tx = drift_store::tenant::begin(app.database.pool(), owner.organization_id).await.unwrap();
    drift_store::events::append(&mut tx, &event, drift_domain::clock::Clock::now(&app.clock)).await.unwrap();
    tx.commit().await.unwrap();
    let row =
        sqlx::query("SELECT reason, before, after FROM audit_entries").fetch_one(app.database.pool()).await.unwrap();
    assert_eq!(row.get::<&str, _>(0), "growth");
    assert_eq!(row.get::<serde_json::Value, _>(1), "PRO");
    assert_eq!(row.get::<serde_json::Value, _>(2), serde_json::json!({ "to": "AGENCY" }));
}
