//! A request from a browser: who makes it, how they want it drawn, and how it is answered.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::CookieJar;
use chrono::{DateTime, Utc};
use drift_domain::plan::Capability;
use drift_services::accounts::Notice;
use drift_services::gate::{Caller, Permit, cap};
use drift_services::{ServiceError, ServiceResult, Services};
use leptos::config::LeptosOptions;
use leptos::prelude::AnyView;

use super::{problem, render};
use crate::components::layout::{Frame, Live, Theme};
use crate::components::note::Said;

/// The cookie with the session's token. The API reads the same one.
pub(crate) const SESSION_COOKIE: &str = "workflowops_session";
/// The cookie with the chosen theme. Scripts read and write it too.
pub(crate) const THEME_COOKIE: &str = "workflowops_theme";
/// Sent when the page asks for itself again (`islands::live`): not a person's visit, so it takes no notice.
const LIVE_HEADER: HeaderName = HeaderName::from_static("workflowops-live");

/// What the screens are made of.
#[derive(Clone)]
pub(crate) struct Screens {
    pub services: Arc<Services>,
    pub options: LeptosOptions,
}

/// A request, whoever makes it.
pub(crate) struct Visit {
    pub screens: Screens,
    pub caller: Option<Caller>,
    pub theme: Theme,
    /// Path and query.
    pub address: String,
    pub headers: HeaderMap,
    pub client: Option<IpAddr>,
    is_get: bool,
}

/// A request of somebody who is signed in. Anybody else is led to the sign-in, or to the set-up while there is nobody.
pub(crate) struct Member {
    pub visit: Visit,
    pub caller: Caller,
}

impl FromRequestParts<Screens> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, screens: &Screens) -> Result<Self, Response> {
        let cookies = CookieJar::from_headers(&parts.headers);
        let mut visit = Self {
            screens: screens.clone(),
            caller: None,
            theme: cookies.get(THEME_COOKIE).map(|cookie| Theme::read(cookie.value())).unwrap_or_default(),
            address: parts.uri.path_and_query().map_or("/", |address| address.as_str()).to_owned(),
            headers: parts.headers.clone(),
            client: parts.extensions.get::<IpAddr>().copied(),
            is_get: parts.method.is_safe(),
        };
        if let Some(token) = cookies.get(SESSION_COOKIE) {
            match screens.services.authenticate(token.value()).await {
                Ok(caller) => visit.caller = caller,
                Err(error) => return Err(visit.problem(error).await),
            }
        }
        Ok(visit)
    }
}

impl FromRequestParts<Screens> for Member {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, screens: &Screens) -> Result<Self, Response> {
        let visit = Visit::from_request_parts(parts, screens).await?;
        match visit.caller.clone() {
            Some(caller) => Ok(Self { visit, caller }),
            None => Err(visit.problem(ServiceError::Unauthenticated).await),
        }
    }
}

/// A page to be drawn.
pub(crate) struct Page {
    title: String,
    status: StatusCode,
    live: Live,
    now: Option<DateTime<Utc>>,
    said: Option<Said>,
    notice_taken: bool,
    body: render::Draw,
}

impl Page {
    pub(crate) fn new(title: impl Into<String>, body: impl FnOnce() -> AnyView + Send + 'static) -> Self {
        Self {
            title: title.into(),
            status: StatusCode::OK,
            live: Live::Off,
            now: None,
            said: None,
            notice_taken: false,
            body: Box::new(body),
        }
    }

    /// What the page follows while it is open, and the server's clock for its ages.
    pub(crate) fn live(mut self, live: Live, now: DateTime<Utc>) -> Self {
        (self.live, self.now) = (live, Some(now));
        self
    }

    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The notice, for a page that has taken it already.
    pub(crate) fn notice(mut self, notice: Option<&Notice>) -> Self {
        self.said = notice.map(said);
        self.notice_taken = true;
        self
    }
}

fn said(notice: &Notice) -> Said {
    Said { good: notice.good, text: notice.text.clone() }
}

impl Visit {
    /// The page that this request came from, for going back: only if it is one of ours.
    pub(crate) fn came_from(&self) -> Option<String> {
        let referer = self.headers.get(header::REFERER)?.to_str().ok()?;
        let host = self.headers.get(header::HOST)?.to_str().ok()?;
        let (_, rest) = referer.split_once("://")?;
        let address = rest.strip_prefix(host)?;
        Some(local(address).to_owned())
    }

    fn frame(&self, page: &Page) -> Frame {
        Frame {
            title: page.title.clone(),
            theme: self.theme,
            me: None,
            address: if self.is_get {
                self.address.clone()
            } else {
                self.came_from().unwrap_or_else(|| "/".to_owned())
            },
            home: self.is_get && self.address.split('?').next() == Some("/"),
            incidents: self.caller.as_ref().is_some_and(|caller| caller.may(Capability::Incidents)),
            live: page.live,
            now: page.now,
            said: page.said.clone(),
        }
    }

    /// Answers with a page, in the frame of whoever is signed in.
    pub(crate) async fn page(&self, page: Page) -> Response {
        let me = match &self.caller {
            // Without the services there is no frame to be had; the page is still shown.
            Some(caller) => self.screens.services.me(caller).await.ok(),
            None => None,
        };
        let frame = Frame { me, ..self.frame(&page) };
        render::page(self.screens.options.clone(), frame, page.status, page.body).await
    }

    /// Answers with what went wrong. Somebody who is not signed in is led there and back again.
    pub(crate) async fn problem(&self, error: ServiceError) -> Response {
        if !matches!(error, ServiceError::Unauthenticated) {
            return problem::respond(self, error).await;
        }
        match self.screens.services.needs_setup().await {
            Ok(true) => Redirect::to("/setup").into_response(),
            Ok(false) => {
                let next = if self.is_get { Some(self.address.clone()) } else { self.came_from() };
                Redirect::to(&sign_in_address(next.as_deref().unwrap_or("/"))).into_response()
            }
            Err(error) => problem::respond(self, error).await,
        }
    }
}

fn sign_in_address(next: &str) -> String {
    if next == "/" {
        return "/sign-in".to_owned();
    }
    format!("/sign-in?next={}", percent_encoding::utf8_percent_encode(next, percent_encoding::NON_ALPHANUMERIC))
}

/// An address that stays on this site: a path. Anything else is the start page.
pub(crate) fn local(address: &str) -> &str {
    let stays = address.starts_with('/')
        && !address.starts_with("//")
        && !address.contains('\\')
        && !address.contains(char::is_control);
    if stays { address } else { "/" }
}

impl Member {
    pub(crate) fn services(&self) -> &Services {
        &self.visit.screens.services
    }

    /// Asks the gate.
    pub(crate) fn permit<C: cap::Cap>(&self) -> ServiceResult<Permit<C>> {
        self.caller.permit()
    }

    /// Whether somebody asks for this page, and not the open page for itself.
    pub(crate) fn is_a_visit(&self) -> bool {
        !self.visit.headers.contains_key(LIVE_HEADER)
    }

    /// What is to be said from the last form, once. A page that asks for itself again takes nothing.
    pub(crate) async fn take_notice(&self) -> ServiceResult<Option<Notice>> {
        if !self.is_a_visit() {
            return Ok(None);
        }
        self.services().take_notice(&self.caller).await
    }

    /// Answers with a page, or with why there is none.
    pub(crate) async fn answer(&self, page: ServiceResult<Page>) -> Response {
        match self.framed(page).await {
            Ok((frame, page)) => render::page(self.visit.screens.options.clone(), frame, page.status, page.body).await,
            Err(error) => self.problem(error).await,
        }
    }

    async fn framed(&self, page: ServiceResult<Page>) -> ServiceResult<(Frame, Page)> {
        let mut page = page?;
        if !page.notice_taken {
            page.said = self.take_notice().await?.as_ref().map(said);
        }
        let me = self.services().me(&self.caller).await?;
        Ok((Frame { me: Some(me), ..self.visit.frame(&page) }, page))
    }

    /// Answers with what went wrong.
    pub(crate) async fn problem(&self, error: ServiceError) -> Response {
        self.visit.problem(error).await
    }

    /// Sends the browser on after a form: with what was done, or back with what has to be put right.
    ///
    /// What the caller may not do, and what is not there, is answered at once with its own status.
    pub(crate) async fn after(
        &self,
        done: ServiceResult<()>,
        good: &str,
        to: &str,
        draft: Option<serde_json::Value>,
    ) -> Response {
        let notice = match done {
            Ok(()) => Notice { good: true, text: good.to_owned(), field: None, draft: None },
            Err(error) => match problem::notice(error, draft) {
                Ok(notice) => notice,
                Err(error) => return self.problem(error).await,
            },
        };
        match self.services().leave_notice(&self.caller, &notice).await {
            Ok(()) => Redirect::to(to).into_response(),
            Err(error) => self.problem(error).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{local, sign_in_address};

    #[test]
    fn nobody_is_sent_to_another_site() {
        for stays in ["/", "/environments/1?q=a", "/sign-in"] {
            assert_eq!(local(stays), stays);
        }
        for leaves in
            ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "", "/a\r\nb"]
        {
            assert_eq!(local(leaves), "/", "{leaves}");
        }
    }

    #[test]
    fn the_way_back_is_carried_whole() {
        assert_eq!(sign_in_address("/x?a=1&b=2"), "/sign-in?next=%2Fx%3Fa%3D1%26b%3D2");
        assert_eq!(sign_in_address("/"), "/sign-in");
    }
}
