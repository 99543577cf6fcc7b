//! Sending a message: claimed in one transaction, sent outside of any, what came of it recorded in another. Whoever is killed
//! in between leaves a claim that ends, and the next one sends the same message under the same identifier.

use chrono::{DateTime, TimeDelta, Utc};
use drift_domain::ids::{ChannelId, DeliveryId, OrganizationId};
use drift_domain::notification::{ChannelKind, ChannelState, DeliveryState, Message, Named};
use drift_mail::{Mail, MailError};
use drift_notify::{Answer, Post, payload};
use drift_store::notifications::deliveries::{self, DeliveryRecord, Outcome, To};
use drift_store::notifications::{channels, outbox, preferences};
use drift_store::secretbox::Purpose;
use drift_store::{StoreError, Transaction};
use secrecy::{ExposeSecret, SecretString};

use crate::Services;
use crate::error::ServiceResult;

/// The pauses after the first tries, at the specification's advice. After the last one a message is given up.
const PAUSES: [TimeDelta; 7] = [
    TimeDelta::seconds(5),
    TimeDelta::minutes(5),
    TimeDelta::minutes(30),
    TimeDelta::hours(2),
    TimeDelta::hours(5),
    TimeDelta::hours(10),
    TimeDelta::hours(14),
];
/// How long whoever sends a message is waited for: longer than any call lasts.
const CLAIM: TimeDelta = TimeDelta::seconds(60);
/// Events that one message carries at most: of more, the newest, with the count of all.
const CARRIED: i64 = 50;
/// Seconds until a message that waits for an older one is looked at again.
const BEHIND: f64 = 5.0;

/// What the job of a message does next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Next {
    /// Nothing: the message is over.
    Ended,
    /// It is looked at again in so many seconds.
    Again {
        /// The seconds.
        seconds: f64,
    },
}

/// Whether a message goes by mail, for the queue that it waits in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posted {
    /// Over HTTP.
    Web,
    /// By mail.
    Mail,
}

/// A message that this replica sends.
struct Claimed {
    organization: OrganizationId,
    id: DeliveryId,
    channel: Option<ChannelId>,
    /// The number of this try, of all.
    number: i32,
    /// The number of this try since it was asked for.
    tries: i32,
    route: Route,
    message: Message,
    at: DateTime<Utc>,
}

/// How a message gets to its receiver, secrets opened.
enum Route {
    Mail(String),
    Web {
        kind: ChannelKind,
        url: SecretString,
        secret: Option<SecretString>,
    },
    /// The secrets cannot be opened with this installation's key.
    Unreadable,
}

enum Begun {
    Claimed(Box<Claimed>),
    Not(Next),
}

impl Services {
    /// Sends a message, if it is to be sent now: for the worker, which asks again as the answer says.
    ///
    /// # Errors
    /// [`crate::ServiceError::Unavailable`] when the database does not answer.
    pub async fn deliver_notice(&self, id: DeliveryId) -> ServiceResult<Next> {
        let claimed = match self.claim_delivery(id).await? {
            Begun::Claimed(claimed) => *claimed,
            Begun::Not(next) => return Ok(next),
        };
        let answer = self.send(&claimed).await?;
        self.conclude(&claimed, &answer).await
    }

    /// Puts a message that is not over back into the queue.
    ///
    /// # Errors
    /// [`crate::ServiceError::Unavailable`] when the database does not answer.
    pub async fn put_notice_back(&self, id: DeliveryId, by: Posted, seconds: f64) -> ServiceResult<()> {
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        Ok(deliveries::enqueue(&mut db, id, by == Posted::Mail, seconds).await?)
    }

    async fn claim_delivery(&self, id: DeliveryId) -> ServiceResult<Begun> {
        let now = self.clock.now();
        let mut tx = self.pool.begin().await.map_err(StoreError::from)?;
        let Some(delivery) = deliveries::lock(&mut tx, id).await? else { return Ok(Begun::Not(Next::Ended)) };
        if let Some(next) = not_yet(&delivery, now) {
            return Ok(Begun::Not(next));
        }
        let whose = (delivery.organization, id);
        let route = match self.route(&mut tx, &delivery).await? {
            Ok(route) => route,
            Err(reason) => {
                deliveries::give_up(&mut tx, whose, reason, now).await?;
                tx.commit().await.map_err(StoreError::from)?;
                return Ok(Begun::Not(Next::Ended));
            }
        };
        let alerts = matches!(route, Route::Web { kind: ChannelKind::PagerDuty, .. });
        if alerts && deliveries::is_behind(&mut tx, &delivery).await? {
            return Ok(Begun::Not(Next::Again { seconds: BEHIND }));
        }
        let message = match delivery.message.clone() {
            Some(message) => message,
            None => self.message(&mut tx, &delivery).await?,
        };
        let number = deliveries::claim(&mut tx, whose, &message, now + CLAIM, now).await?;
        tx.commit().await.map_err(StoreError::from)?;
        let channel = match delivery.to {
            To::Channel(channel) => Some(channel),
            To::Person(_) => None,
        };
        let (organization, tries) = (delivery.organization, delivery.tries + 1);
        Ok(Begun::Claimed(Box::new(Claimed { organization, id, channel, number, tries, route, message, at: now })))
    }

    /// How a message gets to its receiver, or why it does not any more.
    async fn route(
        &self,
        tx: &mut Transaction,
        delivery: &DeliveryRecord,
    ) -> ServiceResult<Result<Route, &'static str>> {
        let organization = delivery.organization;
        let channel = match delivery.to {
            To::Person(user) => {
                let address = preferences::address(tx, organization, user).await?;
                return Ok(address.map(Route::Mail).ok_or("The person is no member any more."));
            }
            To::Channel(id) => channels::lock(tx, organization, id).await?,
        };
        let Some(channel) = channel else { return Ok(Err("The channel was removed.")) };
        match channel.state {
            ChannelState::On => {}
            ChannelState::Off if delivery.is_test => {}
            ChannelState::Off => return Ok(Err("The channel is switched off.")),
            ChannelState::Gone if delivery.is_test => {}
            ChannelState::Gone => return Ok(Err("The channel was switched off, because its receiver is gone (410).")),
        }
        let open = |purpose, sealed: &[u8]| self.secrets.open(organization, purpose, sealed);
        let secret = channel.secret.as_deref().map(|sealed| open(Purpose::ChannelSecret, sealed)).transpose();
        Ok(Ok(match (open(Purpose::ChannelAddress, &channel.address), secret) {
            (Ok(address), Ok(_)) if channel.kind == ChannelKind::Email => {
                Route::Mail(address.expose_secret().to_owned())
            }
            (Ok(url), Ok(secret)) => Route::Web { kind: channel.kind, url, secret },
            _ => Route::Unreadable,
        }))
    }

    /// What a message says: made of its events as they are now, and kept from then on.
    async fn message(&self, tx: &mut Transaction, delivery: &DeliveryRecord) -> ServiceResult<Message> {
        let notices = outbox::of_delivery(tx, delivery.organization, delivery.id, CARRIED).await?;
        let told: Vec<_> = notices.iter().map(|notice| self.told(notice)).collect();
        let mut links: Vec<&String> = told.iter().map(|told| &told.link).collect();
        links.dedup();
        let link = match links.as_slice() {
            [one] => (*one).clone(),
            [] => self.public_link("/settings/notifications"),
            _ => self.public_link("/"),
        };
        Ok(Message {
            organization: Named { id: delivery.organization.0, name: delivery.organization_name.clone() },
            count: usize::try_from(delivery.events).unwrap_or_default(),
            told,
            is_test: delivery.is_test,
            topic: if delivery.is_test { format!("test:{}", delivery.id) } else { delivery.topic.clone() },
            link,
        })
    }

    async fn send(&self, claimed: &Claimed) -> ServiceResult<Answer> {
        let later = |why: &str| Answer::Later { status: None, wait: None, why: why.to_owned() };
        let (kind, url, secret) = match &claimed.route {
            Route::Web { kind, url, secret } => (*kind, url, secret.as_ref()),
            Route::Mail(to) => {
                let Some(mailer) = &self.doors.mailer else { return Ok(later("This replica sends no mail.")) };
                let (subject, text) = payload::mail(&claimed.message);
                let mail = Mail { to: to.clone(), subject, text };
                return Ok(match mailer.send(&mail, claimed.at).await {
                    Ok(()) => Answer::Taken { status: 250 },
                    Err(error @ MailError::Unusable(_)) => Answer::Never { status: None, why: sentence(&error) },
                    Err(error) => later(&sentence(&error)),
                });
            }
            Route::Unreadable => {
                return Ok(later(
                    "The channel's secrets cannot be read with the key that this installation was started with.",
                ));
            }
        };
        let body = match (kind, secret) {
            (ChannelKind::Slack, _) => payload::slack(&claimed.message),
            (ChannelKind::Teams, _) => payload::teams(&claimed.message),
            (ChannelKind::PagerDuty, Some(key)) => payload::pagerduty(&claimed.message, key.expose_secret()),
            _ => payload::webhook(&claimed.message),
        };
        let signs = secret.filter(|_| kind == ChannelKind::Webhook);
        let id = format!("msg_{}", claimed.id.0.simple());
        Ok(self.courier.client()?.post(&Post { url, id: &id, body: &body, secret: signs, at: claimed.at }).await)
    }

    /// Records what came of a try.
    async fn conclude(&self, claimed: &Claimed, answer: &Answer) -> ServiceResult<Next> {
        let now = self.clock.now();
        let (words, outcome) = judge(answer, claimed, now);
        let outcome = Outcome { words: &words, ..outcome };
        let mut tx = self.pool.begin().await.map_err(StoreError::from)?;
        // Held as whoever claims it holds it, so that the two take turns.
        let Some(_) = deliveries::lock(&mut tx, claimed.id).await? else { return Ok(Next::Ended) };
        let whose = (claimed.organization, claimed.id);
        let recorded = deliveries::record(&mut tx, whose, claimed.number, &outcome, now).await?;
        if let Some(channel) = claimed.channel.filter(|_| recorded) {
            let trouble = (outcome.state != DeliveryState::Delivered).then_some(outcome.words);
            let gone = *answer == Answer::Gone;
            channels::note(&mut tx, claimed.organization, channel, now, trouble, gone).await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        tracing::info!(delivery.id = %claimed.id, state = %outcome.state, status = outcome.status, "a notification was sent");
        Ok(match outcome.due_at {
            Some(due_at) if !outcome.state.is_over() => again(due_at - now),
            _ => Next::Ended,
        })
    }
}

/// What an answer makes of a message.
fn judge(answer: &Answer, claimed: &Claimed, now: DateTime<Utc>) -> (String, Outcome<'static>) {
    let over = |state, status| Outcome { state, status, words: "", due_at: None };
    match answer {
        Answer::Taken { status } => ("Taken.".to_owned(), over(DeliveryState::Delivered, Some(*status))),
        Answer::Never { status, why } => (why.clone(), over(DeliveryState::GivenUp, *status)),
        Answer::Gone => {
            let why = "The receiver answered that it is gone for good (410). The channel is switched off.";
            (why.to_owned(), over(DeliveryState::GivenUp, Some(410)))
        }
        Answer::Later { status, wait, why } => match pause(claimed.tries, claimed.id) {
            Some(pause) => {
                let due_at = Some(now + wait.map_or(pause, |wait| wait.max(pause)));
                (why.clone(), Outcome { state: DeliveryState::Retrying, status: *status, words: "", due_at })
            }
            None => {
                let why = format!("{why} Given up after {} tries.", claimed.tries);
                (why, over(DeliveryState::GivenUp, *status))
            }
        },
    }
}

/// The pause after so many tries, up to a tenth longer by the message's own identifier, so that messages that failed
/// together do not come back together. `None`: no further try.
fn pause(tries: i32, id: DeliveryId) -> Option<TimeDelta> {
    let pause = *PAUSES.get(usize::try_from(tries).ok()?.checked_sub(1)?)?;
    let share = i64::from(id.0.as_bytes()[15]);
    Some(pause + TimeDelta::milliseconds(pause.num_milliseconds() * share / 2560))
}

/// Why a message is not sent now, if it is not.
fn not_yet(delivery: &DeliveryRecord, now: DateTime<Utc>) -> Option<Next> {
    if delivery.state.is_over() {
        return Some(Next::Ended);
    }
    let since = delivery.claimed_until.map_or(delivery.due_at, |until| until.max(delivery.due_at));
    (since > now).then(|| again(since - now))
}

fn again(wait: TimeDelta) -> Next {
    Next::Again { seconds: wait.as_seconds_f64().max(0.0) }
}

/// An error as a sentence.
fn sentence(error: &MailError) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        let id = |last: u8| DeliveryId(uuid::Uuid::from_u128(u128::from(last)));
        assert_eq!(pause(1, id(0)), Some(TimeDelta::seconds(5)));
        let latest = pause(7, id(255)).unwrap();
        assert!(latest > TimeDelta::hours(14) && latest < TimeDelta::minutes(14 * 66));
        assert_eq!((pause(8, id(0)), pause(0, id(0))), (None, None));
    }
}
