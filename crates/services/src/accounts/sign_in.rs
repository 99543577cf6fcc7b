//! Signing in, and how often one may try.
//!
//! An attempt is counted as a failure *before* the password is looked at, and taken back when it was right: a hundred
//! attempts at once are a hundred attempts. One that is refused for being too many is not counted, so that a person who is
//! kept out by a stranger's attempts gets in when those stop.

use std::net::{IpAddr, Ipv6Addr};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use drift_domain::ids::UserId;
use drift_store::people::Membership;
use drift_store::secretbox::SecretBox;
use drift_store::sign_in::{self as failures, Window};
use drift_store::{PgConnection, StoreError, people};

use super::{SignIn, SignedIn, fields, password};
use crate::Services;
use crate::error::{ServiceError, ServiceResult};

/// How far back failures count.
const MEMORY: TimeDelta = TimeDelta::minutes(15);
/// Failures are counted by the minute.
const WINDOW: TimeDelta = TimeDelta::minutes(1);
/// Failures after which an e-mail address has to wait.
const BY_EMAIL: Limit = Limit { kind: "email", most: 5 };
/// Failures after which a network address has to wait; an office may share one.
const BY_ADDRESS: Limit = Limit { kind: "address", most: 50 };

/// How often something may be tried within [`MEMORY`].
pub(crate) struct Limit {
    /// What is counted. Part of the subject's name, so that two limits do not count each other's.
    pub(crate) kind: &'static str,
    pub(crate) most: u32,
}

/// Who or what is counted, and how many failures it may have.
pub(crate) struct Subject {
    hash: [u8; 32],
    limit: u32,
}

/// Who or what a limit counts.
pub(crate) fn subject(secrets: &SecretBox, limit: &Limit, value: &str) -> Subject {
    Subject { hash: secrets.subject(limit.kind, value), limit: limit.most }
}

/// An attempt that was counted.
pub(crate) struct Attempt {
    window: DateTime<Utc>,
}

impl Attempt {
    /// It was right: its subjects' failures are forgotten.
    pub(crate) async fn succeeded(&self, db: &mut PgConnection, subjects: &[&Subject]) -> ServiceResult<()> {
        for subject in subjects {
            failures::forget(db, subject.hash).await?;
        }
        Ok(())
    }
}

impl Services {
    /// Signs a person in, into the first of their organizations by name.
    ///
    /// An unknown address and a wrong password get the same answer after the same work.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] when address and password do not belong together, [`ServiceError::RateLimited`] after too
    /// many failures, [`ServiceError::Conflict`] when the person is a member of no organization.
    pub async fn sign_in(&self, attempt: SignIn) -> ServiceResult<SignedIn> {
        let email = fields::canonical_email(&attempt.email);
        let by_email = subject(&self.secrets, &BY_EMAIL, &email);
        let by_address = attempt.address.map(|address| subject(&self.secrets, &BY_ADDRESS, &network(address)));
        // Always in this order, so that two attempts cannot wait for each other.
        let subjects: Vec<&Subject> = by_address.iter().chain([&by_email]).collect();
        let counted = self.count_attempt(&subjects).await?;

        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        let user = people::user_by_email(&mut db, &email).await?;
        drop(db);
        let hash = user.as_ref().and_then(|user| user.password_hash.clone());
        let right = password::verify(attempt.password.clone(), hash).await?;
        let Some(user) = user.filter(|_| right) else {
            crate::audit::remember_failure(self, &email).await?;
            return Err(ServiceError::invalid("password", "E-mail or password is wrong."));
        };
        let renewed = match user.password_hash.as_deref() {
            Some(hash) if password::is_outdated(hash) => Some(password::hash(attempt.password).await?),
            _ => None,
        };

        let mut tx = self.pool.begin().await.map_err(StoreError::from)?;
        if let Some(subject) = &by_address {
            failures::uncount(&mut tx, subject.hash, counted.window).await?;
        }
        counted.succeeded(&mut tx, &[&by_email]).await?;
        if let Some(renewed) = renewed {
            // Where it was changed meanwhile, the newer one stays.
            people::replace_password(&mut tx, user.id, user.password_hash.as_deref(), &renewed).await?;
        }
        let Some(place) = first_place(&mut tx, user.id).await? else {
            tx.commit().await.map_err(StoreError::from)?;
            return Err(nowhere());
        };
        let signed_in = self.begin_session(&mut tx, &user, place, &attempt.user_agent).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(signed_in)
    }

    /// Counts an attempt against every subject, or against none and refuses it.
    pub(crate) async fn count_attempt(&self, subjects: &[&Subject]) -> ServiceResult<Attempt> {
        let now = self.clock.now();
        let window = now.duration_trunc(WINDOW).unwrap_or(now);
        let mut tx = self.pool.begin().await.map_err(StoreError::from)?;
        let mut wait = None;
        for subject in subjects {
            wait = wait.max(time_to_wait(&mut tx, subject, now).await?);
        }
        if let Some(wait) = wait {
            let retry_after_seconds = wait.num_seconds().max(1).unsigned_abs();
            return Err(ServiceError::RateLimited { retry_after_seconds });
        }
        for subject in subjects {
            failures::count(&mut tx, subject.hash, window).await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        Ok(Attempt { window })
    }
}

/// Where a person looks first: where they may do most, by name where that is the same, since the work is there.
pub(crate) async fn first_place(db: &mut PgConnection, user: UserId) -> ServiceResult<Option<Membership>> {
    let memberships = people::memberships(db, user).await?;
    Ok(memberships.into_iter().min_by_key(|place| std::cmp::Reverse(place.role)))
}

/// The person is who they say, and there is nothing here for them.
pub(crate) fn nowhere() -> ServiceError {
    let message = "You are a member of no organization. Ask an administrator of yours to add you again.";
    ServiceError::Conflict(message.to_owned())
}

/// How long a subject has to wait until it has fewer failures than its limit; `None` when it may try now.
async fn time_to_wait(
    db: &mut PgConnection,
    subject: &Subject,
    now: DateTime<Utc>,
) -> Result<Option<TimeDelta>, StoreError> {
    failures::lock(db, subject.hash).await?;
    let windows = failures::windows(db, subject.hash, now - MEMORY - WINDOW).await?;
    Ok(free_at(&windows, subject.limit, now).map(|at| at - now))
}

/// When enough of these failures are forgotten that one more attempt is within `limit`. A window is forgotten as a whole,
/// [`MEMORY`] after its end, so that no failure counts for less than that.
fn free_at(windows: &[Window], limit: u32, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let forgotten_at = |window: &Window| window.start + WINDOW + MEMORY;
    let counted: Vec<&Window> = windows.iter().filter(|window| forgotten_at(window) > now).collect();
    let mut failures: u32 = counted.iter().map(|window| window.failures).sum();
    let mut free_at = None;
    for window in counted {
        if failures < limit {
            break;
        }
        failures -= window.failures;
        free_at = Some(forgotten_at(window));
    }
    free_at
}

/// The part of an address that stands for one customer of a network: an IPv6 address as its /64, of which a machine may
/// choose any.
pub(crate) fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    fn window(minute: i64, failures: u32) -> Window {
        Window { start: at(minute), failures }
    }

    #[test]
    fn one_waits_until_enough_is_forgotten() {
        assert_eq!(free_at(&[], 5, at(20)), None);
        assert_eq!(free_at(&[window(18, 4)], 5, at(20)), None);
        assert_eq!(free_at(&[window(18, 5)], 5, at(20)), Some(at(34)));
        assert_eq!(free_at(&[window(10, 1), window(18, 4)], 5, at(20)), Some(at(26)), "the oldest goes first");
        assert_eq!(free_at(&[window(10, 3), window(12, 2), window(18, 5)], 5, at(20)), Some(at(34)));
        assert_eq!(free_at(&[window(4, 5)], 5, at(20)), None, "forgotten");
        assert_eq!(free_at(&[window(5, 5)], 5, at(20)), Some(at(21)));
    }

    #[test]
    fn a_machine_cannot_choose_another_address() {
        let name = |text: &str| network(text.parse().unwrap());
        assert_eq!(name("2001:db8:1:2:3:4:5:6"), name("2001:db8:1:2::1"));
        assert_ne!(name("2001:db8:1:2::1"), name("2001:db8:1:3::1"));
        assert_eq!(name("::ffff:192.0.2.7"), name("192.0.2.7"));
        assert_ne!(name("192.0.2.7"), name("192.0.2.8"));
    }
}
