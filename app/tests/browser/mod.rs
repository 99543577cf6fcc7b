//! A browser without scripts: it keeps its session's cookie and follows nothing by itself.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use drift_domain::ids::OrganizationId;
use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use drift_services::accounts::{Person, SignIn};
use drift_services::gate::Caller;
use drift_testkit::TestApp;
use http_body_util::BodyExt;
use leptos::config::LeptosOptions;
use secrecy::{ExposeSecret, SecretString};
use tower::ServiceExt;

const PASSWORD: &str = "correct horse battery staple";

/// Somebody at a browser.
pub struct Browser {
    screens: Router,
    session: String,
    /// The page that forms are sent from.
    pub from: String,
    pub caller: Option<Caller>,
}

pub struct Answer {
    pub status: StatusCode,
    pub location: String,
    pub html: String,
}

impl Browser {
    /// Nobody yet.
    pub fn new(app: &TestApp) -> Self {
        let options = LeptosOptions::builder()
            .output_name("workflowops")
            .site_root(concat!(env!("CARGO_MANIFEST_DIR"), "/../public"))
            .build();
        let screens = app::ssr::router(Arc::clone(&app.services), options);
        Self { screens, session: String::new(), from: String::new(), caller: None }
    }

    /// A member of a new organization.
    pub async fn of_new(app: &TestApp, plan: PlanTier, role: Role) -> Self {
        let name = format!("{} {role}", plan.label());
        let organization = app.services.create_organization(&name, plan).await.unwrap();
        Self::of(app, organization, role).await
    }

    /// A new member of an organization.
    pub async fn of(app: &TestApp, organization: OrganizationId, role: Role) -> Self {
        let email = format!("{role}.{}@example.com", organization.0.simple()).to_lowercase();
        let person = Person { name: format!("A {role}"), email: email.clone(), password: SecretString::from(PASSWORD) };
        app.services.add_member(organization, person, role).await.unwrap();
        Self::again(app, &email).await
    }

    /// Somebody whom this made, at another browser.
    pub async fn again(app: &TestApp, email: &str) -> Self {
        let email = email.to_owned();
        let attempt = SignIn { email, password: PASSWORD.into(), address: None, user_agent: String::new() };
        let signed_in = app.services.sign_in(attempt).await.unwrap();
        let session = format!("workflowops_session={}", signed_in.token.expose_secret());
        Self { session, caller: Some(signed_in.caller), ..Self::new(app) }
    }

    pub fn caller(&self) -> &Caller {
        self.caller.as_ref().unwrap()
    }

    /// Opens a page, which is the one that forms are sent from afterwards.
    pub async fn get(&mut self, address: &str) -> Answer {
        self.from = address.to_owned();
        self.send(Request::get(address), Body::empty()).await
    }

    /// Sends a form.
    pub async fn post(&self, address: &str, fields: &[(&str, &str)]) -> Answer {
        let encode = |text| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC);
        let body: Vec<_> = fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        let request = Request::post(address).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request, Body::from(body.join("&"))).await
    }

    async fn send(&self, request: axum::http::request::Builder, body: Body) -> Answer {
        let mut request = request.header(header::HOST, "ops.example").header(header::COOKIE, &self.session);
        if !self.from.is_empty() {
            request = request.header(header::REFERER, format!("http://ops.example{}", self.from));
        }
        let Ok(answer) = self.screens.clone().oneshot(request.body(body).unwrap()).await;
        Answer {
            status: answer.status(),
            location: answer.headers().get(header::LOCATION).map_or("", |to| to.to_str().unwrap()).to_owned(),
            html: String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap(),
        }
    }
}
