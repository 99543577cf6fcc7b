//! Organizations, people, sessions and failed sign-ins, on a real Postgres.

use chrono::{DateTime, TimeDelta, Utc};
use drift_domain::clock::Clock;
use drift_domain::ids::{OrganizationId, SessionId, UserId};
use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use drift_store::people::{self, Organization, User};
use drift_store::sessions::{self, NewSession};
use drift_store::{PgConnection, StoreError, events, sign_in};
use drift_testkit::{TestClock, TestDatabase};
use serde_json::json;
use uuid::Uuid;

const HASH: [u8; 32] = [7; 32];

fn now() -> DateTime<Utc> {
    TestClock::new().now()
}

async fn organization(db: &mut PgConnection, name: &str, plan: PlanTier) -> OrganizationId {
    let id = OrganizationId(Uuid::new_v4());
    let new = Organization { id, name: name.to_owned(), plan, webhook_secret: vec![1, 2] };
    people::insert_organization(db, &new, now()).await.unwrap();
    id
}

fn user(email: &str) -> User {
    User {
        id: UserId(Uuid::new_v4()),
        email: email.to_owned(),
        name: "Ada".to_owned(),
        password_hash: Some("$argon2id$secret".to_owned()),
        email_verified_at: None,
    }
}

async fn member(db: &mut PgConnection, organization: OrganizationId, role: Role) -> UserId {
    let new = user(&format!("{}@example.com", Uuid::new_v4().simple()));
    people::insert_user(db, &new, now()).await.unwrap();
    people::put_membership(db, organization, new.id, role, now()).await.unwrap();
    new.id
}

async fn session(db: &mut PgConnection, user_id: UserId, organization_id: OrganizationId) -> SessionId {
    let id = SessionId(Uuid::new_v4());
    let expires_at = now() + TimeDelta::days(30);
    let new = NewSession { id, token_hash: HASH, user_id, organization_id, user_agent: "test", expires_at };
    sessions::insert(db, &new, now()).await.unwrap();
    id
}

#[tokio::test]
async fn a_person_is_found_by_address_with_every_membership() {
    let database = TestDatabase::new().await;
    let mut db = database.pool().acquire().await.unwrap();
    assert!(!people::any_user(&mut db).await.unwrap());
    let ada = user("ada@example.com");
    people::insert_user(&mut db, &ada, now()).await.unwrap();
    let (zoo, acme) =
        (organization(&mut db, "Zoo", PlanTier::Free).await, organization(&mut db, "acme", PlanTier::Agency).await);
    people::put_membership(&mut db, zoo, ada.id, Role::Viewer, now()).await.unwrap();
    people::put_membership(&mut db, zoo, ada.id, Role::Admin, now()).await.unwrap();
    people::put_membership(&mut db, acme, ada.id, Role::Owner, now()).await.unwrap();

    assert!(people::any_user(&mut db).await.unwrap());
    let found = people::user_by_email(&mut db, "ada@example.com").await.unwrap().unwrap();
    assert_eq!((found.id, found.password_hash.as_deref()), (ada.id, Some("$argon2id$secret")));
    assert!(!format!("{found:?}").contains("argon2id"), "a hash is not printed");
    let places = people::memberships(&mut db, ada.id).await.unwrap();
    let places: Vec<_> = places.iter().map(|m| (m.organization_name.as_str(), m.plan, m.role)).collect();
    assert_eq!(places, [("acme", PlanTier::Agency, Role::Owner), ("Zoo", PlanTier::Free, Role::Admin)]);
    assert_eq!(people::organization(&mut db, zoo).await.unwrap().unwrap().webhook_secret, [1, 2]);
    assert!(people::organization(&mut db, OrganizationId(Uuid::new_v4())).await.unwrap().is_none());
}

#[tokio::test]
async fn the_schema_names_what_it_refuses() {
    let database = TestDatabase::new().await;
    let mut db = database.pool().acquire().await.unwrap();
    people::insert_user(&mut db, &user("ada@example.com"), now()).await.unwrap();
    let error = people::insert_user(&mut db, &user("ada@example.com"), now()).await.unwrap_err();
    assert_eq!(error.constraint(), Some(people::EMAIL_IS_UNIQUE));
    let error = people::insert_user(&mut db, &user("Ada@example.com"), now()).await.unwrap_err();
    assert_eq!(error.constraint(), Some(people::EMAIL_IS_LOWER_CASE));
    assert!(!error.to_string().contains("Ada@"), "an error quotes no row: {error}");
}

#[tokio::test]
async fn a_session_ends_by_age_by_idleness_and_with_the_membership() {
    let database = TestDatabase::new().await;
    let mut db = database.pool().acquire().await.unwrap();
    let here = organization(&mut db, "Here", PlanTier::Pro).await;
    let ada = member(&mut db, here, Role::Operator).await;
    let id = session(&mut db, ada, here).await;
    let idle = TimeDelta::hours(12);

    let found = sessions::find(&mut db, HASH, now(), now() - idle).await.unwrap().unwrap();
    assert_eq!((found.id, found.user_id, found.role, found.plan), (id, ada, Role::Operator, PlanTier::Pro));
    assert!(sessions::find(&mut db, [8; 32], now(), now() - idle).await.unwrap().is_none(), "another token");

    let later = now() + idle;
    assert!(sessions::find(&mut db, HASH, later, later - idle).await.unwrap().is_none(), "idle");
    sessions::touch(&mut db, id, now() + TimeDelta::hours(1)).await.unwrap();
    assert!(sessions::find(&mut db, HASH, later, later - idle).await.unwrap().is_some(), "used meanwhile");
    let old = now() + TimeDelta::days(30);
    sessions::touch(&mut db, id, old).await.unwrap();
    assert!(sessions::find(&mut db, HASH, old, old - idle).await.unwrap().is_none(), "too old");

    sqlx::query("DELETE FROM memberships WHERE role <> 'OWNER'").execute(&mut *db).await.unwrap();
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM sessions").fetch_one(&mut *db).await.unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_session_turns_to_organizations_of_its_person_only() {
    let database = TestDatabase::new().await;
    let mut db = database.pool().acquire().await.unwrap();
    let (here, there) =
        (organization(&mut db, "Here", PlanTier::Pro).await, organization(&mut db, "There", PlanTier::Free).await);
    let ada = member(&mut db, here, Role::Operator).await;
    let id = session(&mut db, ada, here).await;

    let error = sessions::switch_organization(&mut db, id, ada, there).await.unwrap_err();
    assert_eq!(error.constraint(), Some(sessions::MEMBERS_ONLY));
    people::put_membership(&mut db, there, ada, Role::Viewer, now()).await.unwrap();
    sessions::switch_organization(&mut db, id, ada, there).await.unwrap();
    let found = sessions::find(&mut db, HASH, now(), now() - TimeDelta::hours(1)).await.unwrap().unwrap();
    assert_eq!((found.organization_id, found.role), (there, Role::Viewer));

    let stranger = member(&mut db, here, Role::Owner).await;
    let error = sessions::switch_organization(&mut db, id, stranger, here).await.unwrap_err();
    assert!(matches!(error, StoreError::WrongRows { rows: 0 }), "another person's session: {error}");
}

#[tokio::test]
async fn a_notice_is_told_once() {
    let database = TestDatabase::new().await;
    let mut db = database.pool().acquire().await.unwrap();
    let here = organization(&mut db, "Here", PlanTier::Pro).await;
    let ada = member(&mut db, here, Role::Operator).await;
    let id = session(&mut db, ada, here).await;
    assert_eq!(sessions::take_notice(&mut db, here, id).await.unwrap(), None);
    sessions::put_notice(&mut db, here, id, &json!({ "text": "first" })).await.unwrap();
    sessions::put_notice(&mut db, here, id, &json!({ "text": "second" })).await.unwrap();
    let elsewhere = OrganizationId(Uuid::new_v4());
    assert_eq!(sessions::take_notice(&mut db, elsewhere, id).await.unwrap(), None);
    let mut other = database.pool().acquire().await.unwrap();
    let (one, two) =
        tokio::join!(sessions::take_notice(&mut db, here, id), sessions::take_notice(&mut other, here, id));
    let told: Vec<_> = [one.unwrap(), two.unwrap()].into_iter().flatten().collect();
    assert_eq!(told, [json!({ "text": "second" })]);
    assert!(sessions::put_notice(&mut db, elsewhere, id, &json!({})).await.is_err());
}

#[tokio::test]
async fn ended_sessions_and_old_failures_are_removed() {
    let database = TestDatabase::new().await;
    let mut db = database.pool().acquire().await.unwrap();
    let here = organization(&mut db, "Here", PlanTier::Pro).await;
    let ada = member(&mut db, here, Role::Operator).await;
    let id = session(&mut db, ada, here).await;
    assert_eq!(sessions::delete_ended(&mut db, now(), now() - TimeDelta::hours(1)).await.unwrap(), 0);
    assert_eq!(sessions::delete_ended(&mut db, now(), now()).await.unwrap(), 1);
    sessions::delete(&mut db, id).await.unwrap();

    sign_in::count(&mut db, HASH, now()).await.unwrap();
    sign_in::count(&mut db, HASH, now() + TimeDelta::minutes(1)).await.unwrap();
    assert_eq!(sign_in::delete_before(&mut db, now() + TimeDelta::minutes(1)).await.unwrap(), 1);
    assert_eq!(sign_in::windows(&mut db, HASH, now()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn failures_are_counted_by_subject_and_minute() {
    let database = TestDatabase::new().await;
    let mut db = database.pool().begin().await.unwrap();
    let next = now() + TimeDelta::minutes(1);
    sign_in::lock(&mut db, HASH).await.unwrap();
    for window in [now(), next, next] {
        sign_in::count(&mut db, HASH, window).await.unwrap();
    }
    sign_in::count(&mut db, [8; 32], next).await.unwrap();
    let counted = sign_in::windows(&mut db, HASH, now()).await.unwrap();
    assert_eq!(counted.iter().map(|w| (w.start, w.failures)).collect::<Vec<_>>(), [(now(), 1), (next, 2)]);
    sign_in::uncount(&mut db, HASH, next).await.unwrap();
    let counted = sign_in::windows(&mut db, HASH, next).await.unwrap();
    assert_eq!(counted.iter().map(|w| w.failures).collect::<Vec<_>>(), [1]);
    sign_in::forget(&mut db, HASH).await.unwrap();
    assert!(sign_in::windows(&mut db, HASH, now()).await.unwrap().is_empty());
    assert_eq!(sign_in::windows(&mut db, [8; 32], now()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_event_stays_as_it_was_written() {
    let database = TestDatabase::new().await;
    let mut db = database.pool().acquire().await.unwrap();
    let here = organization(&mut db, "Here", PlanTier::Pro).await;
    let event = events::NewEvent {
        organization_id: here,
        environment_id: None,
        change_id: None,
        kind: "organization.created",
        actor: None,
        data: json!({ "name": "Here" }),
    };
    events::append(&mut db, &event, now()).await.unwrap();
    let row: (String, serde_json::Value, DateTime<Utc>) =
        sqlx::query_as("SELECT kind, data, at FROM events").fetch_one(&mut *db).await.unwrap();
    assert_eq!(row, ("organization.created".to_owned(), json!({ "name": "Here" }), now()));
    let refused = sqlx::query("UPDATE events SET kind = 'other'").execute(&mut *db).await.unwrap_err();
    assert_eq!(StoreError::from(refused).constraint(), Some("events_are_kept"));
}
