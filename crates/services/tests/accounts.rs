//! Setting up, signing in and out, and what a session is worth.

use std::net::IpAddr;

use chrono::TimeDelta;
use drift_domain::ids::OrganizationId;
use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use drift_services::ServiceError;
use drift_services::accounts::{IDLE, LONGEST, Notice, Person, SetUp, SignIn, SignedIn};
use drift_testkit::TestApp;
use secrecy::ExposeSecret;
use uuid::Uuid;

const PASSWORD: &str = "correct horse battery";

fn set_up(email: &str) -> SetUp {
    SetUp {
        organization: " Acme ".to_owned(),
        name: "Ada Lovelace".to_owned(),
        email: email.to_owned(),
        password: PASSWORD.into(),
        user_agent: "a browser".to_owned(),
    }
}

fn attempt(email: &str, password: &str, address: &str) -> SignIn {
    SignIn {
        email: email.to_owned(),
        password: password.into(),
        address: Some(address.parse::<IpAddr>().unwrap()),
        user_agent: "a browser".to_owned(),
    }
}

async fn sign_in(app: &TestApp, email: &str, password: &str) -> Result<SignedIn, ServiceError> {
    app.services.sign_in(attempt(email, password, "192.0.2.1")).await
}

async fn ready() -> (TestApp, SignedIn) {
    let app = TestApp::new().await;
    let owner = app.services.set_up(set_up("Ada@Example.com")).await.unwrap();
    (app, owner)
}

fn person(name: &str, email: &str) -> Person {
    Person { name: name.to_owned(), email: email.to_owned(), password: PASSWORD.into() }
}

async fn count(app: &TestApp, table: &'static str) -> i64 {
    let sql = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    sqlx::query_scalar(sql).fetch_one(app.database.pool()).await.unwrap()
}

#[tokio::test]
async fn the_first_comer_becomes_owner_and_is_signed_in() {
    let app = TestApp::new().await;
    assert!(app.services.needs_setup().await.unwrap());
    let owner = app.services.set_up(set_up("Ada@Example.com")).await.unwrap();
    assert!(!app.services.needs_setup().await.unwrap());

    let caller = app.services.authenticate(owner.token.expose_secret()).await.unwrap().unwrap();
    assert_eq!(caller, owner.caller);
    assert_eq!((caller.email.as_str(), caller.organization_name.as_str()), ("ada@example.com", "Acme"));
    assert_eq!((caller.role, caller.plan.tier()), (Role::Owner, PlanTier::Free));
    sign_in(&app, "ada@example.com", PASSWORD).await.unwrap();

    let error = app.services.set_up(set_up("eve@example.com")).await.unwrap_err();
    assert!(matches!(error, ServiceError::Conflict(_)), "{error}");
}

#[tokio::test]
async fn of_two_first_comers_one_wins() {
    let app = TestApp::new().await;
    let (one, two) =
        tokio::join!(app.services.set_up(set_up("ada@example.com")), app.services.set_up(set_up("eve@example.com")));
    assert_eq!(i32::from(one.is_ok()) + i32::from(two.is_ok()), 1);
    let loser = one.err().or(two.err()).unwrap();
    assert!(matches!(loser, ServiceError::Conflict(_)), "{loser}");
    assert_eq!((count(&app, "users").await, count(&app, "organizations").await), (1, 1));
}

#[tokio::test]
async fn a_set_up_that_cannot_be_used_names_the_field_and_leaves_nothing() {
    let app = TestApp::new().await;
    let refused = [
        ("organization", SetUp { organization: " ".to_owned(), ..set_up("ada@example.com") }),
        ("name", SetUp { name: String::new(), ..set_up("ada@example.com") }),
        ("email", set_up("ada")),
        ("password", SetUp { password: "too short".into(), ..set_up("ada@example.com") }),
        ("password", SetUp { password: "ADA.lovelace@example.com".into(), ..set_up("ada.lovelace@example.com") }),
    ];
    for (expected, new) in refused {
        let error = app.services.set_up(new).await.unwrap_err();
        assert!(matches!(&error, ServiceError::Invalid { field, .. } if *field == expected), "{expected}: {error}");
    }
    assert_eq!((count(&app, "users").await, count(&app, "organizations").await), (0, 0));
    assert!(app.services.needs_setup().await.unwrap());
}

#[tokio::test]
async fn an_unknown_person_and_a_wrong_password_are_not_told_apart() {
    let (app, _) = ready().await;
    let wrong = sign_in(&app, "ada@example.com", "not the password").await.unwrap_err();
    let unknown = sign_in(&app, "eve@example.com", PASSWORD).await.unwrap_err();
    assert_eq!(wrong.to_string(), "E-mail or password is wrong.");
    assert_eq!(format!("{wrong:?}"), format!("{unknown:?}"));
    let signed_in = sign_in(&app, " ADA@example.com ", PASSWORD).await.unwrap();
    assert_eq!(signed_in.caller.email, "ada@example.com");
}

#[tokio::test]
async fn after_five_failures_an_address_waits_even_with_the_right_password() {
    let (app, _) = ready().await;
    for _ in 0..5 {
        assert!(matches!(sign_in(&app, "ada@example.com", "wrong").await, Err(ServiceError::Invalid { .. })));
    }
    let error = sign_in(&app, "ada@example.com", PASSWORD).await.unwrap_err();
    let ServiceError::RateLimited { retry_after_seconds } = error else { panic!("{error}") };
    assert!((15 * 60..=16 * 60).contains(&retry_after_seconds), "{retry_after_seconds}");
    // From anywhere, and for an address that nobody has just the same.
    let elsewhere = app.services.sign_in(attempt("ada@example.com", PASSWORD, "198.51.100.9")).await;
    assert!(matches!(elsewhere, Err(ServiceError::RateLimited { .. })));
    for _ in 0..5 {
        assert!(matches!(sign_in(&app, "nobody@example.com", "wrong").await, Err(ServiceError::Invalid { .. })));
    }
    assert!(matches!(sign_in(&app, "nobody@example.com", "wrong").await, Err(ServiceError::RateLimited { .. })));

    app.clock.advance(TimeDelta::seconds(i64::try_from(retry_after_seconds).unwrap() - 1));
    assert!(matches!(sign_in(&app, "ada@example.com", PASSWORD).await, Err(ServiceError::RateLimited { .. })));
    app.clock.advance(TimeDelta::seconds(1));
    sign_in(&app, "ada@example.com", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn attempts_at_once_count_each() {
    let (app, _) = ready().await;
    let attempts = (0..20).map(|_| sign_in(&app, "ada@example.com", "wrong"));
    let answers = futures::future::join_all(attempts).await;
    let looked_at = answers.iter().filter(|answer| matches!(answer, Err(ServiceError::Invalid { .. }))).count();
    assert_eq!(looked_at, 5, "{answers:?}");
}

#[tokio::test]
async fn signing_in_forgets_the_failures_before_it() {
    let (app, _) = ready().await;
    for _ in 0..3 {
        for _ in 0..4 {
            sign_in(&app, "ada@example.com", "wrong").await.unwrap_err();
        }
        sign_in(&app, "ada@example.com", PASSWORD).await.unwrap();
    }
}

#[tokio::test]
async fn a_network_address_waits_after_fifty_failures_whoever_it_tries() {
    let (app, _) = ready().await;
    for n in 0..50 {
        let email = format!("person{n}@example.com");
        let answer = app.services.sign_in(attempt(&email, "wrong", &format!("2001:db8::{n:x}"))).await;
        assert!(matches!(answer, Err(ServiceError::Invalid { .. })), "{n}: {answer:?}");
    }
    let answer = app.services.sign_in(attempt("ada@example.com", PASSWORD, "2001:db8::ffff")).await;
    assert!(matches!(answer, Err(ServiceError::RateLimited { .. })), "{answer:?}");
    app.services.sign_in(attempt("ada@example.com", PASSWORD, "2001:db8:0:1::1")).await.unwrap();
    app.services.sign_in(SignIn { address: None, ..attempt("ada@example.com", PASSWORD, "::1") }).await.unwrap();
}

#[tokio::test]
async fn neither_token_nor_password_nor_address_is_stored() {
    let (app, owner) = ready().await;
    sign_in(&app, "eve@example.com", "a very secret mistake").await.unwrap_err();
    for table in ["sessions", "users", "sign_in_failures", "events", "organizations", "memberships"] {
        let sql = sqlx::AssertSqlSafe(format!("SELECT coalesce(string_agg(t::text, ' '), '') FROM {table} t"));
        let rows: String = sqlx::query_scalar(sql).fetch_one(app.database.pool()).await.unwrap();
        for secret in [owner.token.expose_secret(), PASSWORD, "a very secret mistake", "192.0.2.1", "eve@example.com"] {
            assert!(!rows.contains(secret), "{table} holds {secret}");
        }
    }
    assert!(!format!("{owner:?}").contains(owner.token.expose_secret()));
    assert_eq!(owner.token.expose_secret().len(), 64, "256 bits");
}

#[tokio::test]
async fn a_session_ends_when_it_idles_and_when_it_is_old() {
    let (app, owner) = ready().await;
    let token = owner.token.expose_secret();
    app.clock.advance(IDLE - TimeDelta::seconds(1));
    assert!(app.services.authenticate(token).await.unwrap().is_some());
    app.clock.advance(IDLE - TimeDelta::seconds(1));
    assert!(app.services.authenticate(token).await.unwrap().is_some(), "use keeps it");
    app.clock.advance(IDLE);
    assert!(app.services.authenticate(token).await.unwrap().is_none(), "idle");

    let again = sign_in(&app, "ada@example.com", PASSWORD).await.unwrap();
    let mut age = TimeDelta::zero();
    while age + TimeDelta::hours(6) < LONGEST {
        app.clock.advance(TimeDelta::hours(6));
        age += TimeDelta::hours(6);
        assert!(app.services.authenticate(again.token.expose_secret()).await.unwrap().is_some(), "{age}");
    }
    app.clock.advance(TimeDelta::hours(6));
    assert!(app.services.authenticate(again.token.expose_secret()).await.unwrap().is_none(), "old");
}

#[tokio::test]
async fn signing_out_ends_this_session_and_no_other() {
    let (app, first) = ready().await;
    let second = sign_in(&app, "ada@example.com", PASSWORD).await.unwrap();
    app.services.sign_out(&first.caller).await.unwrap();
    assert!(app.services.authenticate(first.token.expose_secret()).await.unwrap().is_none());
    assert!(app.services.authenticate(second.token.expose_secret()).await.unwrap().is_some());
    for token in ["", "short", &"0".repeat(64), &"ü".repeat(32)] {
        assert!(app.services.authenticate(token).await.unwrap().is_none(), "{token}");
    }
}

#[tokio::test]
async fn a_person_switches_between_their_organizations_only() {
    let (app, owner) = ready().await;
    let zoo = app.services.create_organization("Zoo", PlanTier::Agency).await.unwrap();
    let foreign = app.services.create_organization("Foreign", PlanTier::Pro).await.unwrap();
    // Known already: the other name and password are not taken.
    let again = Person { password: "another long password".into(), ..person("Eve", "ADA@example.com") };
    app.services.add_member(zoo, again, Role::Viewer).await.unwrap();

    let me = app.services.me(&owner.caller).await.unwrap();
    assert_eq!((me.name.as_str(), me.organization.name.as_str()), ("Ada Lovelace", "Acme"));
    let places: Vec<_> = me.organizations.iter().map(|place| (place.name.as_str(), place.role)).collect();
    assert_eq!(places, [("Acme", Role::Owner), ("Zoo", Role::Viewer)]);

    app.services.switch_organization(&owner.caller, zoo).await.unwrap();
    let caller = app.services.authenticate(owner.token.expose_secret()).await.unwrap().unwrap();
    assert_eq!((caller.organization_id, caller.role, caller.plan.tier()), (zoo, Role::Viewer, PlanTier::Agency));
    for other in [foreign, OrganizationId(Uuid::new_v4())] {
        let error = app.services.switch_organization(&caller, other).await.unwrap_err();
        assert!(matches!(error, ServiceError::NotFound("organization")), "{error}");
    }
}

#[tokio::test]
async fn signing_in_leads_to_where_a_person_may_do_most() {
    let (app, _owner) = ready().await;
    let first_by_name = app.services.create_organization("Aardvark", PlanTier::Agency).await.unwrap();
    app.services.add_member(first_by_name, person("Ada", "ada@example.com"), Role::Viewer).await.unwrap();
    let signed_in = sign_in(&app, "ada@example.com", PASSWORD).await.unwrap();
    assert_eq!((signed_in.caller.organization_name.as_str(), signed_in.caller.role), ("Acme", Role::Owner));
}

#[tokio::test]
async fn a_role_that_changes_is_seen_by_the_next_request() {
    let (app, owner) = ready().await;
    let eve = person("Eve", "eve@example.com");
    app.services.add_member(owner.caller.organization_id, eve, Role::Owner).await.unwrap();
    let place = owner.caller.organization_id;
    app.services.add_member(place, person("Ada", "ada@example.com"), Role::Viewer).await.unwrap();
    let caller = app.services.authenticate(owner.token.expose_secret()).await.unwrap().unwrap();
    assert_eq!(caller.role, Role::Viewer);
    sqlx::query("DELETE FROM memberships WHERE role = 'VIEWER'").execute(app.database.pool()).await.unwrap();
    assert!(app.services.authenticate(owner.token.expose_secret()).await.unwrap().is_none());
    let error = sign_in(&app, "ada@example.com", PASSWORD).await.unwrap_err();
    assert!(matches!(error, ServiceError::Conflict(_)), "{error}");
}

#[tokio::test]
async fn a_member_needs_an_organization() {
    let (app, _) = ready().await;
    let nowhere = OrganizationId(Uuid::new_v4());
    let error = app.services.add_member(nowhere, person("Bo", "bo@example.com"), Role::Viewer).await.unwrap_err();
    assert!(matches!(error, ServiceError::NotFound("organization")), "{error}");
    assert_eq!(count(&app, "users").await, 1);
}

#[tokio::test]
async fn a_notice_is_told_once_to_its_session() {
    let (app, owner) = ready().await;
    let other = sign_in(&app, "ada@example.com", PASSWORD).await.unwrap();
    let draft = Some(serde_json::json!({ "name": "Orders" }));
    let notice = Notice { good: false, text: "Enter a key.".to_owned(), field: Some("key".to_owned()), draft };
    app.services.leave_notice(&owner.caller, &notice).await.unwrap();
    assert_eq!(app.services.take_notice(&other.caller).await.unwrap(), None);
    assert_eq!(app.services.take_notice(&owner.caller).await.unwrap(), Some(notice.clone()));
    assert_eq!(app.services.take_notice(&owner.caller).await.unwrap(), None);
    app.services.sign_out(&owner.caller).await.unwrap();
    let error = app.services.leave_notice(&owner.caller, &notice).await.unwrap_err();
    assert!(matches!(error, ServiceError::Unauthenticated), "{error}");
}

#[tokio::test]
async fn a_database_that_is_gone_is_the_products_fault_and_says_nothing_more() {
    let (app, owner) = ready().await;
    app.database.pool().close().await;
    let error = app.services.authenticate(owner.token.expose_secret()).await.unwrap_err();
    assert!(matches!(error, ServiceError::Unavailable(_)), "{error:?}");
    assert!(!error.to_string().contains("pool"), "{error}");
}
