//! Signing in through a real OpenID Connect provider (the npm package `oidc-provider`), on this machine.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use chrono::TimeDelta;
use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use drift_services::accounts::{Newcomer, Person, SignIn, SignedIn};
use drift_services::gate::Caller;
use drift_services::oidc::{Arrival, Departure};
use drift_services::{IdentityProvider, ServiceError};
use drift_testkit::mailbox::link_in;
use drift_testkit::{TestApp, TestClock};
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use secrecy::ExposeSecret;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use url::Url;

const REDIRECT: &str = "http://workflowops.test/sign-in/oidc/callback";
const PASSWORD: &str = "correct horse battery";

/// The provider, and an installation that people sign in to through it.
struct World {
    app: TestApp,
    owner: Caller,
    _provider: Child,
    /// Read no further and kept open: the provider writes to it, and ends where it cannot.
    _stdout: Lines<BufReader<ChildStdout>>,
}

async fn world() -> World {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../end2end/servers/oidc.mjs");
    let mut provider = Command::new("node")
        .arg(script)
        .arg(REDIRECT)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("node runs");
    let mut lines = BufReader::new(provider.stdout.take().unwrap()).lines();
    let issuer = lines.next_line().await.unwrap().expect("the provider says where it is: has `npm ci` run?");
    // The provider has a clock of its own, so this installation's shows the time, too.
    #[expect(clippy::disallowed_methods, reason = "the provider is a real one")]
    let clock = TestClock::at(chrono::Utc::now());
    let told = Arc::new(clock.clone());
    let app = TestApp::with(clock, |doors| {
        let settings = drift_services::oidc::ProviderSettings {
            issuer: issuer.parse().unwrap(),
            client_id: "workflowops".into(),
            client_secret: Some("a-secret-of-tests".into()),
            allow_private: true,
        };
        doors.providers = vec![Arc::new(IdentityProvider::new("oidc", "Example ID", settings, told).unwrap())];
    })
    .await;
    let owner = app.organization(PlanTier::Pro).await;
    World { app, owner, _provider: provider, _stdout: lines }
}

/// What a browser does at the provider: follows redirects, keeps cookies, fills the form in.
struct Browser {
    http: reqwest::Client,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    fn new() -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { http, cookies: BTreeMap::new() }
    }

    /// Goes to the provider as `who` and comes back: the query of the callback.
    async fn visit(&mut self, url: &Url, who: &str) -> BTreeMap<String, String> {
        let mut url = url.clone();
        let mut form: Option<String> = None;
        for _ in 0..12 {
            if url.as_str().starts_with(REDIRECT) {
                return url.query_pairs().into_owned().collect();
            }
            let request = match form.take() {
                Some(body) => {
                    let request = self.http.post(url.clone()).body(body);
                    request.header("content-type", "application/x-www-form-urlencoded")
                }
                None => self.http.get(url.clone()),
            };
            let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let answer = request.header(COOKIE, cookies.join("; ")).send().await.unwrap();
            for cookie in answer.headers().get_all(SET_COOKIE) {
                let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
                let value = rest.split(';').next().unwrap();
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
            match answer.headers().get(LOCATION) {
                Some(next) => url = url.join(next.to_str().unwrap()).unwrap(),
                None => {
                    let page = answer.text().await.unwrap();
                    assert!(page.contains("prompt"), "{url}: {page}");
                    let who: String = url::form_urlencoded::byte_serialize(who.as_bytes()).collect();
                    form = Some(format!("prompt=login&login={who}&password=anything"));
                }
            }
        }
        panic!("the provider leads in circles: {url}");
    }
}

impl World {
    async fn begin(&self, invitation: Option<&str>) -> Departure {
        self.app.services.begin_oidc("oidc", "/environments/new", invitation, None).await.unwrap()
    }

    /// To the provider and back as `who`, in a browser of its own.
    async fn come_as(&self, who: &str, invitation: Option<&str>) -> Result<(SignedIn, String), ServiceError> {
        let departure = self.begin(invitation).await;
        let back = Browser::new().visit(&departure.url, who).await;
        self.app.services.finish_oidc(arrival(&departure, &back)).await
    }

    async fn person(&self, email: &str) {
        let person = Person { name: "Ada".into(), email: email.into(), password: PASSWORD.into() };
        self.app.services.add_member(self.owner.organization_id, person, Role::Operator).await.unwrap();
    }

    async fn invite(&self, email: &str) -> (String, String) {
        let invited = self.app.services.invite(&self.owner.permit().unwrap(), email, Role::Approver).await.unwrap();
        let last = |link: &str| link.rsplit('/').next().unwrap().to_owned();
        (last(invited.link.expose_secret()), last(&link_in(&self.app.mails().await[0])))
    }

    async fn users(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM users").fetch_one(self.app.database.pool()).await.unwrap()
    }
}

fn arrival(departure: &Departure, back: &BTreeMap<String, String>) -> Arrival {
    Arrival {
        provider: "oidc".into(),
        cookie: Some(departure.cookie.clone()),
        state: back.get("state").cloned().unwrap_or_default(),
        code: back.get("code").cloned(),
        error: back.get("error").cloned(),
        issuer: back.get("iss").cloned(),
        ..Arrival::default()
    }
}

#[track_caller]
fn refused(result: Result<(SignedIn, String), ServiceError>, why: &str) {
    let error = result.expect_err(why);
    assert!(matches!(error, ServiceError::Conflict(_) | ServiceError::PolicyRefused { .. }), "{error:?}");
    assert!(error.to_string().contains(why), "{why}: {error}");
}

#[tokio::test]
async fn somebody_with_a_verified_address_is_who_has_it_here() {
    let world = world().await;
    world.person("ada@example.com").await;
    for who in ["ada@example.com", "idtoken:ada@example.com", "ada@example.com"] {
        let (signed_in, next) = world.come_as(who, None).await.unwrap();
        assert_eq!((signed_in.caller.email.as_str(), next.as_str()), ("ada@example.com", "/environments/new"));
        assert_eq!(signed_in.caller.role, Role::Operator);
    }
    let linked: i64 =
        sqlx::query_scalar("SELECT count(*) FROM identities").fetch_one(world.app.database.pool()).await.unwrap();
    assert_eq!(linked, 2, "once a subject");
}

#[tokio::test]
async fn nobody_comes_in_unasked_or_unverified() {
    let world = world().await;
    world.person("ada@example.com").await;
    let before = world.users().await;
    refused(world.come_as("eve@example.com", None).await, "Nobody here has the address eve@example.com");
    refused(world.come_as("unverified:ada@example.com", None).await, "has not verified");
    let (shown, _) = world.invite("eve@example.com").await;
    refused(
        world.come_as("mallory@example.com", Some(&shown)).await,
        "Nobody here has the address mallory@example.com",
    );
    refused(world.come_as("unverified:eve@example.com", Some(&shown)).await, "has not verified");
    assert_eq!(world.users().await, before);
}

#[tokio::test]
async fn whoever_is_invited_gets_an_account_without_a_password() {
    let world = world().await;
    let (shown, _) = world.invite("eve@example.com").await;
    let (eve, _) = world.come_as("eve@example.com", Some(&shown)).await.unwrap();
    assert_eq!((eve.caller.name.as_str(), eve.caller.role), ("eve by provider", Role::Approver));
    assert_eq!(eve.caller.organization_id, world.owner.organization_id);
    world.come_as("eve@example.com", None).await.unwrap();
    for password in ["", "eve by provider"] {
        let attempt = SignIn {
            email: "eve@example.com".into(),
            password: password.into(),
            address: None,
            user_agent: String::new(),
        };
        assert!(world.app.services.sign_in(attempt).await.is_err());
    }
}

#[tokio::test]
async fn an_account_made_in_somebodys_name_is_not_joined_to_them() {
    let world = world().await;
    // Whoever invites sees one of the links, and could use it first.
    let (shown, _) = world.invite("eve@example.com").await;
    let squatter =
        Newcomer { token: shown, name: "Not Eve".into(), password: PASSWORD.into(), user_agent: String::new() };
    let squatter = world.app.services.accept_as_newcomer(squatter).await.unwrap();
    refused(world.come_as("eve@example.com", None).await, "never shown that the address");
    // In the browser of whoever knows the password it is: both have been shown then.
    let departure = world.begin(None).await;
    let back = Browser::new().visit(&departure.url, "eve@example.com").await;
    let here = Arrival { caller: Some(squatter.caller.clone()), ..arrival(&departure, &back) };
    let (joined, _) = world.app.services.finish_oidc(here).await.unwrap();
    assert_eq!(joined.caller.user_id, squatter.caller.user_id);
    let old = world.app.services.authenticate(squatter.token.expose_secret()).await.unwrap();
    assert!(old.is_none(), "the browser has one session, not two");
    world.come_as("eve@example.com", None).await.unwrap();

    // The link that was mailed shows it by itself.
    let (_, mailed) = world.invite("zoe@example.com").await;
    let zoe = Newcomer { token: mailed, name: "Zoe".into(), password: PASSWORD.into(), user_agent: String::new() };
    world.app.services.accept_as_newcomer(zoe).await.unwrap();
    world.come_as("zoe@example.com", None).await.unwrap();
}

#[tokio::test]
async fn a_sign_in_is_finished_by_its_own_browser_once_and_in_time() {
    let world = world().await;
    world.person("ada@example.com").await;
    let services = &world.app.services;
    let mut browser = Browser::new();

    let departure = world.begin(None).await;
    let back = browser.visit(&departure.url, "ada@example.com").await;
    let other = world.begin(None).await;
    for wrong in [
        Arrival { cookie: None, ..arrival(&departure, &back) },
        Arrival { cookie: Some(other.cookie.clone()), ..arrival(&departure, &back) },
        Arrival { state: "0".repeat(64), ..arrival(&departure, &back) },
        Arrival { state: String::new(), ..arrival(&departure, &back) },
        Arrival { issuer: Some("https://evil.example".into()), ..arrival(&other, &BTreeMap::new()) },
    ] {
        refused(services.finish_oidc(wrong).await, "not begun in this browser");
    }
    services.finish_oidc(arrival(&departure, &back)).await.unwrap();
    refused(services.finish_oidc(arrival(&departure, &back)).await, "finished before");

    // The code again, in a sign-in of one's own: the provider knows it, and it belongs to another verifier.
    let mine = world.begin(None).await;
    let own_state = browser.visit(&mine.url, "ada@example.com").await["state"].clone();
    let replayed = Arrival { state: own_state, ..arrival(&mine, &back) };
    refused(services.finish_oidc(replayed).await, "did not accept");

    let late = world.begin(None).await;
    let back = browser.visit(&late.url, "ada@example.com").await;
    world.app.clock.advance(TimeDelta::minutes(11));
    refused(services.finish_oidc(arrival(&late, &back)).await, "took too long");

    let declined = world.begin(None).await;
    let state = declined.url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let back = BTreeMap::from([("state".into(), state), ("error".into(), "access_denied".into())]);
    refused(services.finish_oidc(arrival(&declined, &back)).await, "access_denied");
}

#[tokio::test]
async fn a_token_of_another_sign_in_or_another_time_is_not_believed() {
    let world = world().await;
    world.person("ada@example.com").await;
    let departure = world.begin(None).await;
    // The nonce that the provider puts into the token is another one.
    let mut url = departure.url.clone();
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    url.query_pairs_mut().clear().extend_pairs(
        pairs.iter().map(|(name, value)| (name.as_str(), if name == "nonce" { "another" } else { value.as_str() })),
    );
    let back = Browser::new().visit(&url, "ada@example.com").await;
    refused(world.app.services.finish_oidc(arrival(&departure, &back)).await, "belongs to another sign-in");

    // By this installation's clock the token has expired before it was issued to it.
    world.app.clock.advance(TimeDelta::hours(3));
    refused(world.come_as("ada@example.com", None).await, "it has expired");
}
