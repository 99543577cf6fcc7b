//! `GET /events`: what happens in the caller's organization, as server-sent events.
//!
//! | event | data | meaning |
//! |---|---|---|
//! | `environment` | a [`LiveEvent`] | something about this environment changed: read it again |
//! | `resync` | empty | events were missed: read everything again |
//!
//! A stream ends when its session ends, when the person switches to another organization, and when the server stops. A
//! browser then connects again by itself, as who it is by then.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use drift_domain::views::LiveEvent;
use drift_services::Services;
use drift_services::gate::{Caller, cap};
use futures::stream::{self, Stream};
use http::HeaderValue;
use http::header::CACHE_CONTROL;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::ApiState;
use crate::auth::{Presented, SignedIn, presented};
use crate::problem::Answer;

/// How often a silent stream says that it is alive, so that proxies keep it.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(crate) fn routes() -> Router<ApiState> {
    Router::new().route("/events", get(events))
}

async fn events(State(state): State<ApiState>, caller: SignedIn, request: axum::extract::Request) -> Answer<Response> {
    caller.permit::<cap::Visibility>()?;
    let (parts, _) = request.into_parts();
    let mut session_check = tokio::time::interval(state.settings.session_check);
    session_check.set_missed_tick_behavior(MissedTickBehavior::Delay);
    session_check.reset();
    let follower = Follower {
        events: state.services.subscribe(),
        presented: presented(&parts.headers),
        services: state.services,
        caller: caller.0,
        session_check,
        shutdown: state.settings.shutdown,
    };
    let mut response =
        Sse::new(follower.into_stream()).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx holds answers back until they are whole, unless it is told not to.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// One open stream.
struct Follower {
    events: Receiver<LiveEvent>,
    services: Arc<Services>,
    presented: Option<Presented>,
    caller: Caller,
    session_check: Interval,
    shutdown: CancellationToken,
}

impl Follower {
    fn into_stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, |mut follower| async move {
            let event = follower.next().await?;
            Some((Ok(event), follower))
        })
    }

    /// The next event for this caller; `None` ends the stream.
    async fn next(&mut self) -> Option<Event> {
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => return None,
                _ = self.session_check.tick() => {
                    if !self.still_the_same().await {
                        return None;
                    }
                }
                received = self.events.recv() => match received {
                    Ok(event) if event.organization_id == self.caller.organization_id => {
                        return Event::default().event("environment").json_data(&event).ok();
                    }
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => return Some(Event::default().event("resync").data("")),
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }

    /// Whether the session still stands for the same person in the same organization. A database that cannot be asked
    /// ends the stream too: the browser comes back and is asked who it is.
    async fn still_the_same(&self) -> bool {
        let Some(presented) = &self.presented else { return false };
        match presented.caller(&self.services).await {
            Ok(Some(now)) => now.user_id == self.caller.user_id && now.organization_id == self.caller.organization_id,
            Ok(None) | Err(_) => false,
        }
    }
}
