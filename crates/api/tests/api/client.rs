//! A program that calls the API.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use drift_api::Settings;
use drift_domain::ids::OrganizationId;
use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use drift_services::accounts::{Person, SignIn, SignedIn};
use drift_services::gate::Caller;
use drift_testkit::TestApp;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

pub const PASSWORD: &str = "correct-horse-battery";

/// An installation with its API.
pub struct Api {
    pub app: TestApp,
    pub settings: Settings,
    router: Router,
}

/// An answer, read.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: http::HeaderMap,
    pub body: Value,
}

/// Somebody who signed in through the API.
pub struct Member {
    pub caller: Caller,
    pub cookie: String,
}

impl Api {
    pub async fn new() -> Self {
        let app = TestApp::new().await;
        let settings = Settings { session_check: Duration::from_millis(20), ..Settings::default() };
        let router = drift_api::router(app.services.clone(), settings.clone());
        Self { app, settings, router }
    }

    /// Makes an organization with a member of this role, and signs them in.
    pub async fn member(&self, plan: PlanTier, role: Role) -> Member {
        let services = &self.app.services;
        let name = format!("{} {role}", plan.label());
        let organization = services.create_organization(&name, plan).await.unwrap();
        self.join(organization, format!("{role}@{plan}.example").to_lowercase(), role).await
    }

    /// Makes another member of the same organization, and signs them in.
    pub async fn colleague(&self, of: &Member, role: Role) -> Member {
        let email = format!("{role}.colleague@{}.example", of.caller.plan.tier()).to_lowercase();
        self.join(of.caller.organization_id, email, role).await
    }

    /// Makes a new member of an organization, and signs them in.
    pub async fn join(&self, organization: OrganizationId, email: String, role: Role) -> Member {
        let services = &self.app.services;
        let person = Person { name: "Ada".into(), email: email.clone(), password: PASSWORD.into() };
        services.add_member(organization, person, role).await.unwrap();
        let attempt = SignIn { email, password: PASSWORD.into(), address: None, user_agent: String::new() };
        Member::of(services.sign_in(attempt).await.unwrap())
    }

    pub async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub async fn answer(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.send(request).await.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into());
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub async fn get(&self, member: &Member, path: &str) -> Answer {
        self.answer(request(Method::GET, path, Some(&member.cookie), None)).await
    }

    pub async fn call(&self, member: &Member, method: Method, path: &str, body: Value) -> Answer {
        self.answer(request(method, path, Some(&member.cookie), Some(body))).await
    }
}

impl Member {
    /// Somebody who has just signed in.
    pub fn of(signed_in: SignedIn) -> Self {
        let token = secrecy::ExposeSecret::expose_secret(&signed_in.token).to_owned();
        Self { caller: signed_in.caller, cookie: format!("{}={token}", drift_api::COOKIE) }
    }
}

/// A request below `/api/v1`, or of a whole path where it begins with two slashes.
pub fn request(method: Method, path: &str, cookie: Option<&str>, body: Option<Value>) -> Request<Body> {
    let path =
        path.strip_prefix('/').filter(|rest| rest.starts_with('/')).map_or(format!("/api/v1{path}"), str::to_owned);
    let mut request = Request::builder().method(method).uri(path);
    if let Some(cookie) = cookie {
        request = request.header("cookie", cookie);
    }
    match body {
        Some(body) => request.header("content-type", "application/json").body(Body::from(body.to_string())).unwrap(),
        None => request.body(Body::empty()).unwrap(),
    }
}

impl Answer {
    /// The last part of a problem's type.
    #[track_caller]
    pub fn problem(&self) -> &str {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        assert_eq!(self.body["status"], self.status.as_u16());
        self.body["type"].as_str().unwrap().rsplit(':').next().unwrap()
    }
}
