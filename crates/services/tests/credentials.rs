//! Sessions, passwords, resets and API tokens: what opens the door, and what closes it again.

use std::net::IpAddr;

use argon2::password_hash::{PasswordHasher, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use chrono::TimeDelta;
use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use drift_services::ServiceError;
use drift_services::accounts::{Person, RESET_LASTS, SignIn, SignedIn, TOKEN_PREFIX, TokenRequest};
use drift_services::gate::{Caller, Via, cap};
use drift_testkit::TestApp;
use drift_testkit::mailbox::link_in;
use secrecy::ExposeSecret;

const PASSWORD: &str = "correct horse battery";
const NEW: &str = "purple monkey dishwasher";

async fn try_in(app: &TestApp, email: &str, password: &str) -> Result<SignedIn, ServiceError> {
    let attempt = SignIn {
        email: email.into(),
        password: password.into(),
        address: Some(IpAddr::from([192, 0, 2, 1])),
        user_agent: "a browser".into(),
    };
    app.services.sign_in(attempt).await
}

/// An organization with a member who can sign in.
async fn ada(app: &TestApp, role: Role) -> (Caller, SignedIn) {
    let owner = app.organization(PlanTier::Agency).await;
    let person = Person { name: "Ada".into(), email: "ada@example.com".into(), password: PASSWORD.into() };
    app.services.add_member(owner.organization_id, person, role).await.unwrap();
    (owner, try_in(app, "ada@example.com", PASSWORD).await.unwrap())
}

async fn alive(app: &TestApp, session: &SignedIn) -> bool {
    app.services.authenticate(session.token.expose_secret()).await.unwrap().is_some()
}

fn token(role: Role, days: u32) -> TokenRequest {
    TokenRequest { name: "CI".into(), role, days }
}

#[tokio::test]
async fn a_person_sees_their_browsers_and_ends_one_or_all() {
    let app = TestApp::new().await;
    let (owner, here) = ada(&app, Role::Viewer).await;
    let there = try_in(&app, "ada@example.com", PASSWORD).await.unwrap();
    let permit = here.caller.permit::<cap::Account>().unwrap();
    let seen = app.services.sessions(&permit).await.unwrap();
    assert_eq!(seen.iter().filter(|session| session.current).count(), 1);
    assert_eq!((seen.len(), seen[0].user_agent.as_str()), (2, "a browser"));

    let Via::Session(other) = there.caller.via else { panic!("a browser") };
    // Somebody else's: the same as none.
    let error = app.services.end_session(&owner.permit().unwrap(), other).await.unwrap_err();
    assert!(matches!(error, ServiceError::NotFound("session")), "{error}");
    app.services.end_session(&permit, other).await.unwrap();
    assert!(!alive(&app, &there).await && alive(&app, &here).await);

    let again = try_in(&app, "ada@example.com", PASSWORD).await.unwrap();
    assert_eq!(app.services.end_all_sessions(&permit).await.unwrap(), 2);
    assert!(!alive(&app, &again).await && !alive(&app, &here).await);
}

#[tokio::test]
async fn a_changed_password_signs_every_other_browser_out() {
    let app = TestApp::new().await;
    let (_, here) = ada(&app, Role::Viewer).await;
    let there = try_in(&app, "ada@example.com", PASSWORD).await.unwrap();
    let permit = here.caller.permit::<cap::Account>().unwrap();
    let change = |old: &str, new: &str| app.services.change_password(&permit, old.into(), new.into());

    let error = change("not the old one", NEW).await.unwrap_err();
    assert!(matches!(error, ServiceError::Invalid { field: "password", .. }), "{error}");
    let error = change(PASSWORD, "short").await.unwrap_err();
    assert!(matches!(error, ServiceError::Invalid { field: "new_password", .. }), "{error}");
    assert!(alive(&app, &there).await);

    change(PASSWORD, NEW).await.unwrap();
    assert!(alive(&app, &here).await && !alive(&app, &there).await);
    try_in(&app, "ada@example.com", PASSWORD).await.unwrap_err();
    try_in(&app, "ada@example.com", NEW).await.unwrap();
    let mails = app.mails().await;
    assert_eq!((mails.len(), mails[0].subject.as_str()), (1, "Your password for WorkflowOps was changed"));
}

#[tokio::test]
async fn old_passwords_are_not_guessed_at_length() {
    let app = TestApp::new().await;
    let (_, here) = ada(&app, Role::Viewer).await;
    let permit = here.caller.permit::<cap::Account>().unwrap();
    for _ in 0..5 {
        let wrong = app.services.change_password(&permit, "wrong guess".into(), NEW.into()).await.unwrap_err();
        assert!(matches!(wrong, ServiceError::Invalid { .. }), "{wrong}");
    }
    let refused = app.services.change_password(&permit, PASSWORD.into(), NEW.into()).await.unwrap_err();
    assert!(matches!(refused, ServiceError::RateLimited { .. }), "{refused}");
}

#[tokio::test]
async fn a_reset_answers_the_same_to_everybody_and_works_once_for_an_hour() {
    let app = TestApp::new().await;
    let (_, here) = ada(&app, Role::Viewer).await;
    app.services.ask_for_reset("Ada@example.com", None).await.unwrap();
    app.services.ask_for_reset("nobody@example.com", None).await.unwrap();
    let waiting: i64 = sqlx::query_scalar("SELECT count(*) FROM graphile_worker._private_jobs")
        .fetch_one(app.database.pool())
        .await
        .unwrap();
    assert_eq!(waiting, 2, "the same work for somebody and nobody");
    let mails = app.mails().await;
    assert_eq!((mails.len(), mails[0].to.as_str()), (1, "ada@example.com"));
    let link = link_in(&mails[0]).rsplit('/').next().unwrap().to_owned();

    app.services.reset_works(&link).await.unwrap();
    let error = app.services.reset_password(&link, "short".into()).await.unwrap_err();
    assert!(matches!(error, ServiceError::Invalid { field: "new_password", .. }), "{error}");
    assert_eq!(app.services.reset_password(&link, NEW.into()).await.unwrap(), "ada@example.com");
    assert!(!alive(&app, &here).await, "whoever was in is out");
    try_in(&app, "ada@example.com", NEW).await.unwrap();
    let error = app.services.reset_password(&link, "another long one".into()).await.unwrap_err();
    assert!(matches!(error, ServiceError::NotFound("link")), "{error}");

    let _ = app.mails().await;
    app.services.ask_for_reset("ada@example.com", None).await.unwrap();
    let link = link_in(&app.mails().await[0]).rsplit('/').next().unwrap().to_owned();
    app.clock.advance(RESET_LASTS + TimeDelta::seconds(1));
    let error = app.services.reset_password(&link, NEW.into()).await.unwrap_err();
    assert!(matches!(error, ServiceError::NotFound("link")), "{error}");
}

#[tokio::test]
async fn resets_are_limited_and_a_newer_link_ends_the_older() {
    let app = TestApp::new().await;
    ada(&app, Role::Viewer).await;
    let mut links = Vec::new();
    for _ in 0..3 {
        app.services.ask_for_reset("ada@example.com", None).await.unwrap();
        links.push(link_in(&app.mails().await[0]).rsplit('/').next().unwrap().to_owned());
    }
    let error = app.services.ask_for_reset("ada@example.com", None).await.unwrap_err();
    assert!(matches!(error, ServiceError::RateLimited { .. }), "{error}");
    assert!(app.services.reset_works(&links[0]).await.is_err());
    app.services.reset_works(&links[2]).await.unwrap();
}

#[tokio::test]
async fn what_waits_to_be_mailed_says_nothing_to_who_reads_the_database() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Free).await;
    app.services.invite(&owner.permit().unwrap(), "eve@example.com", Role::Viewer).await.unwrap();
    let queued: String = sqlx::query_scalar("SELECT string_agg(payload::text, '') FROM graphile_worker._private_jobs")
        .fetch_one(app.database.pool())
        .await
        .unwrap();
    assert!(queued.contains("sealed") && !queued.contains("invitations") && !queued.contains("eve"), "{queued}");
}

#[tokio::test]
async fn a_password_is_hashed_again_when_the_parameters_have_changed() {
    let app = TestApp::new().await;
    ada(&app, Role::Viewer).await;
    // 8 MiB and one pass.
    let params = Params::new(8 * 1024, 1, 1, None).unwrap();
    let salt = SaltString::encode_b64(b"an older salt...").unwrap();
    let older = Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password(PASSWORD.as_bytes(), &salt);
    let older = older.unwrap().to_string();
    let stored = |app: &TestApp| {
        let pool = app.database.pool().clone();
        async move {
            let sql = "SELECT password_hash FROM users WHERE email = 'ada@example.com'";
            sqlx::query_scalar::<_, String>(sql).fetch_one(&pool).await.unwrap()
        }
    };
    sqlx::query("UPDATE users SET password_hash = $1 WHERE email = 'ada@example.com'")
        .bind(&older)
        .execute(app.database.pool())
        .await
        .unwrap();
    try_in(&app, "ada@example.com", "not the password").await.unwrap_err();
    assert_eq!(stored(&app).await, older);
    try_in(&app, "ada@example.com", PASSWORD).await.unwrap();
    assert!(stored(&app).await.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    try_in(&app, "ada@example.com", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn a_token_does_what_both_its_role_and_its_persons_allow() {
    let app = TestApp::new().await;
    let (owner, ada) = ada(&app, Role::Admin).await;
    let permit = ada.caller.permit::<cap::Account>().unwrap();
    let made = app.services.create_token(&permit, token(Role::Operator, 30)).await.unwrap();
    let secret = made.secret.expose_secret();
    assert!(secret.starts_with(TOKEN_PREFIX) && secret.ends_with(&made.token.ending), "{}", made.token.ending);

    let bearer = app.services.authenticate_token(secret).await.unwrap().unwrap();
    assert_eq!((bearer.role, bearer.organization_id), (Role::Operator, owner.organization_id));
    assert_eq!(bearer.via, Via::Token(made.token.id));
    app.services.change_role(&owner.permit().unwrap(), ada.caller.user_id, Role::Viewer).await.unwrap();
    assert_eq!(app.services.authenticate_token(secret).await.unwrap().unwrap().role, Role::Viewer);
    app.services.change_role(&owner.permit().unwrap(), ada.caller.user_id, Role::Owner).await.unwrap();
    assert_eq!(app.services.authenticate_token(secret).await.unwrap().unwrap().role, Role::Operator);

    let stored: String = sqlx::query_scalar("SELECT string_agg(t::text, ' ') FROM api_tokens t")
        .fetch_one(app.database.pool())
        .await
        .unwrap();
    assert!(!stored.contains(&secret[TOKEN_PREFIX.len()..]));
    app.services.remove_member(&owner.permit().unwrap(), ada.caller.user_id).await.unwrap();
    assert!(app.services.authenticate_token(secret).await.unwrap().is_none());
}

#[tokio::test]
async fn a_token_ends_by_time_by_its_person_and_by_nobody_else() {
    let app = TestApp::new().await;
    let (owner, ada) = ada(&app, Role::Operator).await;
    let permit = ada.caller.permit::<cap::Account>().unwrap();
    for (request, field) in [
        (token(Role::Admin, 30), "role"),
        (token(Role::Viewer, 0), "days"),
        (token(Role::Viewer, 366), "days"),
        (TokenRequest { name: " ".into(), ..token(Role::Viewer, 1) }, "name"),
    ] {
        let error = app.services.create_token(&permit, request).await.unwrap_err();
        assert!(matches!(&error, ServiceError::Invalid { field: named, .. } if *named == field), "{field}: {error}");
    }
    let short = app.services.create_token(&permit, token(Role::Viewer, 1)).await.unwrap();
    let long = app.services.create_token(&permit, token(Role::Viewer, 365)).await.unwrap();
    app.clock.advance(TimeDelta::days(1));
    assert!(app.services.authenticate_token(short.secret.expose_secret()).await.unwrap().is_none());
    assert!(app.services.authenticate_token(long.secret.expose_secret()).await.unwrap().is_some());
    let seen = app.services.tokens(&permit).await.unwrap();
    assert_eq!(seen.iter().map(|token| token.expired).collect::<Vec<_>>(), [false, true]);
    assert!(seen[0].last_used_at.is_some() && seen[1].last_used_at.is_none());

    let stranger = app.organization(PlanTier::Free).await;
    for other in [&owner, &stranger] {
        let error = app.services.revoke_token(&other.permit().unwrap(), long.token.id).await.unwrap_err();
        assert!(matches!(error, ServiceError::NotFound("token")), "{error}");
    }
    app.services.revoke_token(&permit, long.token.id).await.unwrap();
    assert!(app.services.authenticate_token(long.secret.expose_secret()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_token_makes_no_tokens_and_changes_no_password() {
    let app = TestApp::new().await;
    let (_, ada) = ada(&app, Role::Owner).await;
    let permit = ada.caller.permit::<cap::Account>().unwrap();
    let made = app.services.create_token(&permit, token(Role::Owner, 30)).await.unwrap();
    let bearer = app.services.authenticate_token(made.secret.expose_secret()).await.unwrap().unwrap();
    let permit = bearer.permit::<cap::Account>().unwrap();
    for refused in [
        app.services.create_token(&permit, token(Role::Viewer, 1)).await.map(drop),
        app.services.change_password(&permit, PASSWORD.into(), NEW.into()).await,
        app.services.leave_organization(&permit).await,
        app.services.found_organization(&permit, "Mine").await.map(drop),
        app.services.switch_organization(&bearer, bearer.organization_id).await,
    ] {
        let error = refused.unwrap_err();
        assert!(matches!(error, ServiceError::PolicyRefused { policy: "session-required", .. }), "{error}");
    }
    for none in ["", "wfo_", "wfo_0000", ada.token.expose_secret()] {
        assert!(app.services.authenticate_token(none).await.unwrap().is_none());
    }
    assert!(app.services.authenticate(made.secret.expose_secret()).await.unwrap().is_none(), "nor is it a session");
}

#[tokio::test]
async fn an_answer_with_a_secret_is_remembered_and_nobody_reads_it_in_the_database() {
    let app = TestApp::new().await;
    let (_, ada) = ada(&app, Role::Admin).await;
    let ask = async |secret: &str| {
        let work = async { Ok(secret.to_owned()) };
        app.services.once_in_secret(&ada.caller, Some("key"), b"a token", work).await.unwrap()
    };
    assert_eq!(ask("wfo_first").await, "wfo_first");
    assert_eq!(ask("wfo_second").await, "wfo_first", "answered as before");
    let stored: String = sqlx::query_scalar("SELECT string_agg(answer::text, '') FROM idempotency_keys")
        .fetch_one(app.database.pool())
        .await
        .unwrap();
    assert!(!stored.is_empty() && !stored.contains("wfo_"), "{stored}");
}
