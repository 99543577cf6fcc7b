//! Members, invitations and organizations: who may do what to whom.

use chrono::TimeDelta;
use drift_domain::ids::UserId;
use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use drift_services::ServiceError;
use drift_services::accounts::{INVITATION_LASTS, Invited, Newcomer, Person, SignIn, SignedIn};
use drift_services::gate::{Caller, cap};
use drift_testkit::TestApp;
use drift_testkit::mailbox::link_in;
use secrecy::ExposeSecret;
use uuid::Uuid;

const PASSWORD: &str = "correct horse battery";

/// The last part of a link.
fn token(link: &str) -> String {
    link.rsplit('/').next().unwrap().to_owned()
}

fn newcomer(token: &str) -> Newcomer {
    Newcomer { token: token.to_owned(), name: "Eve".into(), password: PASSWORD.into(), user_agent: String::new() }
}

async fn invite(app: &TestApp, by: &Caller, email: &str, role: Role) -> Result<Invited, ServiceError> {
    app.services.invite(&by.permit()?, email, role).await
}

async fn sign_in(app: &TestApp, email: &str) -> Result<SignedIn, ServiceError> {
    let attempt = SignIn { email: email.into(), password: PASSWORD.into(), address: None, user_agent: String::new() };
    app.services.sign_in(attempt).await
}

async fn role_of(app: &TestApp, by: &Caller, user: UserId) -> Option<Role> {
    let members = app.services.members(&by.permit().unwrap()).await.unwrap().members;
    members.into_iter().find(|member| member.user_id == user).map(|member| member.role)
}

/// What the events of an organization say, newest last: kind, and who.
async fn events(app: &TestApp, of: &Caller) -> Vec<(String, Option<Uuid>, serde_json::Value)> {
    sqlx::query_as("SELECT kind, actor, data FROM events WHERE organization_id = $1 ORDER BY id")
        .bind(of.organization_id.0)
        .fetch_all(app.database.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn nobody_reaches_above_their_own_role() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Free).await;
    let admin = app.member(&owner, Role::Admin).await;
    let viewer = app.member(&owner, Role::Viewer).await;

    let permit = admin.permit::<cap::Members>().unwrap();
    for refused in [
        app.services.change_role(&permit, viewer.user_id, Role::Owner).await,
        app.services.change_role(&permit, owner.user_id, Role::Viewer).await,
        app.services.remove_member(&permit, owner.user_id).await,
        invite(&app, &admin, "eve@example.com", Role::Owner).await.map(drop),
    ] {
        let error = refused.unwrap_err();
        assert!(matches!(error, ServiceError::PolicyRefused { policy: "not-above-own-role", .. }), "{error}");
    }
    app.services.change_role(&permit, viewer.user_id, Role::Admin).await.unwrap();
    assert_eq!(role_of(&app, &owner, viewer.user_id).await, Some(Role::Admin));
    for role in [Role::Viewer, Role::Operator, Role::Approver] {
        let error = app.member(&owner, role).await.permit::<cap::Members>().unwrap_err();
        assert!(matches!(error, ServiceError::RoleRequired { needs: Role::Admin, .. }), "{role}: {error}");
    }
    let said = events(&app, &owner).await;
    let (kind, actor, data) = said.last().unwrap();
    assert_eq!((kind.as_str(), *actor), ("member.role_changed", Some(admin.user_id.0)));
    assert_eq!((&data["from"], &data["to"]), (&"VIEWER".into(), &"ADMIN".into()));
}

#[tokio::test]
async fn a_role_that_was_taken_away_a_moment_ago_gives_nothing_away() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Free).await;
    let second = app.member(&owner, Role::Owner).await;
    let viewer = app.member(&owner, Role::Viewer).await;
    let permit = second.permit::<cap::Members>().unwrap();
    app.services.change_role(&owner.permit().unwrap(), second.user_id, Role::Viewer).await.unwrap();
    // The permit was given before.
    let error = app.services.change_role(&permit, viewer.user_id, Role::Operator).await.unwrap_err();
    assert!(matches!(error, ServiceError::PolicyRefused { .. }), "{error}");
}

#[tokio::test]
async fn an_organization_keeps_an_owner_even_when_both_leave_at_once() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Free).await;
    for refused in [
        app.services.leave_organization(&owner.permit().unwrap()).await,
        app.services.change_role(&owner.permit().unwrap(), owner.user_id, Role::Admin).await,
        app.services.remove_member(&owner.permit().unwrap(), owner.user_id).await,
    ] {
        assert!(matches!(refused, Err(ServiceError::Conflict(ref why)) if why.contains("last one")), "{refused:?}");
    }
    for _ in 0..5 {
        let other = app.member(&owner, Role::Owner).await;
        let (one, two) = (owner.permit().unwrap(), other.permit().unwrap());
        let (left, demoted) =
            tokio::join!(app.services.leave_organization(&one), app.services.leave_organization(&two));
        assert_eq!(usize::from(left.is_ok()) + usize::from(demoted.is_ok()), 1, "{left:?} {demoted:?}");
        let owners: i64 =
            sqlx::query_scalar("SELECT count(*) FROM memberships WHERE organization_id = $1 AND role = 'OWNER'")
                .bind(owner.organization_id.0)
                .fetch_one(app.database.pool())
                .await
                .unwrap();
        assert_eq!(owners, 1);
        if left.is_ok() {
            return;
        }
    }
}

#[tokio::test]
async fn who_is_removed_is_out_at_once_and_stays_elsewhere() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Free).await;
    let elsewhere = app.services.create_organization("Elsewhere", PlanTier::Free).await.unwrap();
    let eve = || Person { name: "Eve".into(), email: "eve@example.com".into(), password: PASSWORD.into() };
    let id = app.services.add_member(owner.organization_id, eve(), Role::Operator).await.unwrap();
    let here = sign_in(&app, "eve@example.com").await.unwrap();
    app.services.add_member(elsewhere, eve(), Role::Viewer).await.unwrap();
    let there = sign_in(&app, "eve@example.com").await.unwrap();
    app.services.switch_organization(&there.caller, elsewhere).await.unwrap();

    app.services.remove_member(&owner.permit().unwrap(), id).await.unwrap();
    assert!(app.services.authenticate(here.token.expose_secret()).await.unwrap().is_none());
    let still = app.services.authenticate(there.token.expose_secret()).await.unwrap().unwrap();
    assert_eq!(still.organization_id, elsewhere);
    assert_eq!(role_of(&app, &owner, id).await, None);
}

#[tokio::test]
async fn a_newcomer_joins_by_the_mailed_link_once() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Free).await;
    let invited = invite(&app, &owner, " Eve@Example.com ", Role::Operator).await.unwrap();
    assert!(invited.mailed);
    let mails = app.mails().await;
    assert_eq!((mails.len(), mails[0].to.as_str()), (1, "eve@example.com"));
    assert!(mails[0].text.contains("an operator"), "{}", mails[0].text);
    let mailed = link_in(&mails[0]);
    assert!(mailed.starts_with("http://workflowops.test/invitations/"), "{mailed}");
    assert_ne!(mailed, invited.link.expose_secret(), "what is mailed is shown to nobody else");

    let greeting = app.services.greeting(&token(&mailed)).await.unwrap().unwrap();
    assert_eq!(
        (greeting.email.as_str(), greeting.role, greeting.has_account),
        ("eve@example.com", Role::Operator, false)
    );
    let eve = app.services.accept_as_newcomer(newcomer(&token(&mailed))).await.unwrap();
    assert_eq!((eve.caller.role, eve.caller.organization_id), (Role::Operator, owner.organization_id));
    sign_in(&app, "eve@example.com").await.unwrap();

    for link in [mailed.as_str(), invited.link.expose_secret()] {
        assert!(app.services.greeting(&token(link)).await.unwrap().is_none());
        let error = app.services.accept_as_newcomer(newcomer(&token(link))).await.unwrap_err();
        assert!(matches!(error, ServiceError::NotFound("invitation")), "{error}");
    }
    let kinds: Vec<_> = events(&app, &owner).await.into_iter().map(|(kind, ..)| kind).collect();
    assert_eq!(kinds, ["invitation.created", "member.joined"]);
    let stored: String = sqlx::query_scalar("SELECT string_agg(i::text, ' ') FROM invitations i")
        .fetch_one(app.database.pool())
        .await
        .unwrap();
    assert!(!stored.contains(&token(&mailed)) && !stored.contains(&token(invited.link.expose_secret())));
}

#[tokio::test]
async fn of_two_who_accept_at_once_one_joins() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Free).await;
    let invited = invite(&app, &owner, "eve@example.com", Role::Viewer).await.unwrap();
    let link = token(invited.link.expose_secret());
    let (one, two) = tokio::join!(
        app.services.accept_as_newcomer(newcomer(&link)),
        app.services.accept_as_newcomer(newcomer(&link))
    );
    assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1, "{one:?} {two:?}");
}

#[tokio::test]
async fn an_invitation_ends_by_time_by_being_taken_back_and_by_being_sent_again() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Free).await;
    let permit = owner.permit::<cap::Members>().unwrap();

    let first = invite(&app, &owner, "eve@example.com", Role::Viewer).await.unwrap();
    let error = invite(&app, &owner, "eve@example.com", Role::Operator).await.unwrap_err();
    assert!(matches!(error, ServiceError::Invalid { field: "email", .. }), "{error}");
    let second = app.services.resend_invitation(&permit, first.invitation.id).await.unwrap();
    assert!(app.services.greeting(&token(first.link.expose_secret())).await.unwrap().is_none());
    assert!(app.services.greeting(&token(second.link.expose_secret())).await.unwrap().is_some());

    app.clock.advance(INVITATION_LASTS + TimeDelta::seconds(1));
    assert!(app.services.greeting(&token(second.link.expose_secret())).await.unwrap().is_none());
    let shown = app.services.members(&owner.permit().unwrap()).await.unwrap().invitations;
    assert!(shown[0].expired && shown[0].may_change);

    let third = app.services.resend_invitation(&permit, first.invitation.id).await.unwrap();
    app.services.revoke_invitation(&permit, first.invitation.id).await.unwrap();
    let error = app.services.accept_as_newcomer(newcomer(&token(third.link.expose_secret()))).await.unwrap_err();
    assert!(matches!(error, ServiceError::NotFound("invitation")), "{error}");
    let error = app.services.revoke_invitation(&permit, first.invitation.id).await.unwrap_err();
    assert!(matches!(error, ServiceError::NotFound("invitation")), "{error}");
    invite(&app, &owner, "eve@example.com", Role::Viewer).await.unwrap();
}

#[tokio::test]
async fn somebody_with_an_account_joins_with_it_and_nobody_in_their_place() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Free).await;
    let other = app.organization(PlanTier::Pro).await;
    let id = app.services.create_organization("Home", PlanTier::Free).await.unwrap();
    let eve = Person { name: "Eve".into(), email: "eve@example.com".into(), password: PASSWORD.into() };
    app.services.add_member(id, eve, Role::Viewer).await.unwrap();
    let invited = invite(&app, &owner, "eve@example.com", Role::Admin).await.unwrap();
    let link = token(invited.link.expose_secret());
    assert!(app.services.greeting(&link).await.unwrap().unwrap().has_account);

    let error = app.services.accept_as_newcomer(newcomer(&link)).await.unwrap_err();
    assert!(matches!(&error, ServiceError::Conflict(why) if why.contains("Sign in")), "{error}");
    let error = app.services.accept_as_member(&other, &link).await.unwrap_err();
    assert!(matches!(&error, ServiceError::Conflict(why) if why.contains("eve@example.com")), "{error}");

    let eve = sign_in(&app, "eve@example.com").await.unwrap();
    app.services.accept_as_member(&eve.caller, &link).await.unwrap();
    let now = app.services.authenticate(eve.token.expose_secret()).await.unwrap().unwrap();
    assert_eq!((now.organization_id, now.role), (owner.organization_id, Role::Admin));
    assert_eq!(app.services.me(&now).await.unwrap().organizations.len(), 2);
}

#[tokio::test]
async fn a_stranger_finds_nobody() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Free).await;
    let viewer = app.member(&owner, Role::Viewer).await;
    let invited = invite(&app, &owner, "eve@example.com", Role::Viewer).await.unwrap();
    let stranger = app.organization(PlanTier::Enterprise).await;
    let permit = stranger.permit::<cap::Members>().unwrap();
    for refused in [
        app.services.change_role(&permit, viewer.user_id, Role::Viewer).await,
        app.services.remove_member(&permit, viewer.user_id).await,
        app.services.revoke_invitation(&permit, invited.invitation.id).await,
        app.services.resend_invitation(&permit, invited.invitation.id).await.map(drop),
        app.services.end_session(&stranger.permit().unwrap(), drift_domain::ids::SessionId(Uuid::now_v7())).await,
    ] {
        assert!(matches!(refused, Err(ServiceError::NotFound(_))), "{refused:?}");
    }
    let seen = app.services.members(&stranger.permit().unwrap()).await.unwrap();
    assert_eq!((seen.members.len(), seen.invitations.len()), (1, 0));
    let seen = app.services.members(&viewer.permit().unwrap()).await.unwrap();
    assert_eq!(seen.members.len(), 2);
    assert!(seen.invitations.is_empty() && seen.may_invite_as.is_empty(), "a viewer sees members, not invitations");
}

#[tokio::test]
async fn whoever_founds_an_organization_owns_it_and_is_there() {
    let app = TestApp::new().await;
    let home = app.services.create_organization("Home", PlanTier::Agency).await.unwrap();
    let eve = Person { name: "Eve".into(), email: "eve@example.com".into(), password: PASSWORD.into() };
    app.services.add_member(home, eve, Role::Viewer).await.unwrap();
    let eve = sign_in(&app, "eve@example.com").await.unwrap();
    let error = app.services.found_organization(&eve.caller.permit().unwrap(), "  ").await.unwrap_err();
    assert!(matches!(error, ServiceError::Invalid { field: "organization", .. }), "{error}");
    let id = app.services.found_organization(&eve.caller.permit().unwrap(), "Mine").await.unwrap();
    let now = app.services.authenticate(eve.token.expose_secret()).await.unwrap().unwrap();
    assert_eq!((now.organization_id, now.role, now.plan.tier()), (id, Role::Owner, PlanTier::Free));
}

#[tokio::test]
async fn without_a_mail_server_the_link_is_handed_on() {
    let app = TestApp::with(drift_testkit::TestClock::new(), |doors| doors.mailer = None).await;
    let owner = app.organization(PlanTier::Free).await;
    let invited = invite(&app, &owner, "eve@example.com", Role::Viewer).await.unwrap();
    assert!(!invited.mailed);
    app.services.accept_as_newcomer(newcomer(&token(invited.link.expose_secret()))).await.unwrap();
    let error = app.services.ask_for_reset("eve@example.com", None).await.unwrap_err();
    assert!(matches!(&error, ServiceError::Conflict(why) if why.contains("sends no mail")), "{error}");
}
