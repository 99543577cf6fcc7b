//! The lifecycle as types: a step that is not allowed does not compile, one that needs proof takes the proof.
//!
//! `DETECTED → ACKNOWLEDGED → STABILIZED → RECONCILED → CLOSED`, forward only, one step at a time; the basic lifecycle
//! skips STABILIZED (product, Incidents). There is no way to [`step::Closed`] but [`Incident::close`], and no `force`.
//!
//! An incident that nobody acknowledged cannot be closed:
//!
//! ```compile_fail
//! use drift_domain::incident::{InSync, Incident, Settled, step};
//!
//! fn shortcut(incident: Incident<step::Detected>, settled: Settled, in_sync: InSync) {
//!     let _ = incident.close(settled, in_sync, chrono::DateTime::UNIX_EPOCH, chrono::DateTime::UNIX_EPOCH);
//! }
//! ```
//!
//! Nor can one be closed without proof that live equals desired:
//!
//! ```compile_fail
//! use drift_domain::incident::{Incident, Settled, step};
//!
//! fn trust_me(incident: Incident<step::Reconciled>, settled: Settled) {
//!     let _ = incident.close(settled, (), chrono::DateTime::UNIX_EPOCH, chrono::DateTime::UNIX_EPOCH);
//! }
//! ```
//!
//! A closed one does not open again:
//!
//! ```compile_fail
//! use drift_domain::incident::{Incident, NewDrift, step};
//!
//! fn reopen(incident: Incident<step::Closed>, drift: NewDrift) {
//!     let _ = incident.regress(drift);
//! }
//! ```
//!
//! And no step is taken twice, because each consumes the incident:
//!
//! ```compile_fail
//! use drift_domain::incident::{Incident, step};
//!
//! fn twice(incident: Incident<step::Detected>) {
//!     let at = chrono::DateTime::UNIX_EPOCH;
//!     let first = incident.acknowledge(at);
//!     let second = incident.acknowledge(at);
//! }
//! ```

use std::marker::PhantomData;

use chrono::{DateTime, Utc};

use super::IncidentStatus;
use super::proofs::{InSync, Settled};
use crate::ids::{ChangeId, EnvironmentId, IncidentId};
use crate::plan::Lifecycle;

/// The statuses as types.
pub mod step {
    /// See [`IncidentStatus::Detected`](super::IncidentStatus::Detected).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Detected {}
    /// See [`IncidentStatus::Acknowledged`](super::IncidentStatus::Acknowledged).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Acknowledged {}
    /// See [`IncidentStatus::Stabilized`](super::IncidentStatus::Stabilized).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Stabilized {}
    /// See [`IncidentStatus::Reconciled`](super::IncidentStatus::Reconciled).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Reconciled {}
    /// See [`IncidentStatus::Closed`](super::IncidentStatus::Closed).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Closed {}
}

mod sealed {
    use super::step::{Acknowledged, Closed, Detected, Reconciled, Stabilized};

    pub trait Sealed {}
    impl Sealed for Detected {}
    impl Sealed for Acknowledged {}
    impl Sealed for Stabilized {}
    impl Sealed for Reconciled {}
    impl Sealed for Closed {}
}

/// A status at the type level.
pub trait Step: sealed::Sealed {
    /// The same as a value.
    const STATUS: IncidentStatus;
}

impl Step for step::Detected {
    const STATUS: IncidentStatus = IncidentStatus::Detected;
}
impl Step for step::Acknowledged {
    const STATUS: IncidentStatus = IncidentStatus::Acknowledged;
}
impl Step for step::Stabilized {
    const STATUS: IncidentStatus = IncidentStatus::Stabilized;
}
impl Step for step::Reconciled {
    const STATUS: IncidentStatus = IncidentStatus::Reconciled;
}
impl Step for step::Closed {
    const STATUS: IncidentStatus = IncidentStatus::Closed;
}

/// When an incident reached each status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// When it was opened.
    pub detected_at: DateTime<Utc>,
    /// When somebody took it on.
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// When somebody said that production is stable.
    pub stabilized_at: Option<DateTime<Utc>>,
    /// When every change was carried out. Taken back by new drift.
    pub reconciled_at: Option<DateTime<Utc>>,
    /// When it closed.
    pub closed_at: Option<DateTime<Utc>>,
}

impl Times {
    /// When a status was reached.
    #[must_use]
    pub const fn of(&self, status: IncidentStatus) -> Option<DateTime<Utc>> {
        match status {
            IncidentStatus::Detected => Some(self.detected_at),
            IncidentStatus::Acknowledged => self.acknowledged_at,
            IncidentStatus::Stabilized => self.stabilized_at,
            IncidentStatus::Reconciled => self.reconciled_at,
            IncidentStatus::Closed => self.closed_at,
        }
    }

    fn newest(&self) -> DateTime<Utc> {
        [self.acknowledged_at, self.stabilized_at, self.reconciled_at, self.closed_at]
            .into_iter()
            .flatten()
            .fold(self.detected_at, DateTime::max)
    }
}

/// An incident as far as its lifecycle is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Which one.
    pub id: IncidentId,
    /// Its environment: exactly one (standing rule 3).
    pub environment: EnvironmentId,
    /// How much of the lifecycle the plan has that it was created under.
    pub lifecycle: Lifecycle,
    /// When it reached each status.
    pub times: Times,
}

/// An incident in a status. Its methods are the steps that lead on from there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident<S> {
    facts: Facts,
    _step: PhantomData<S>,
}

/// Why a step is not taken. Each is a sentence for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The basic lifecycle has no such step.
    #[error("This incident has the basic lifecycle of its plan, which goes from acknowledged straight to reconciled.")]
    NoSuchStep,
    /// The full lifecycle has a step in between.
    #[error("First somebody says that production is stable: the step to stabilized comes before this one.")]
    StabilizeFirst,
    /// The proof is of something else.
    #[error("What was shown is about another incident or environment.")]
    OtherIncident,
    /// The check began before the last change was carried out.
    #[error("The newest good check began before the last change was carried out. Recheck, then try again.")]
    LookedTooEarly,
    /// The check that is to close it began before the closing was asked for.
    #[error("An incident closes by a check that its closing began, not by an earlier one.")]
    NotFresh,
}

/// New drift in the environment of an incident: the only thing that takes one back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDrift(Vec<ChangeId>);

impl NewDrift {
    /// Changes that were not there before; `None` when there are none.
    #[must_use]
    pub fn of(changes: Vec<ChangeId>) -> Option<Self> {
        (!changes.is_empty()).then_some(Self(changes))
    }

    /// The changes.
    #[must_use]
    pub fn changes(&self) -> &[ChangeId] {
        &self.0
    }
}

impl<S: Step> Incident<S> {
    const fn new(facts: Facts) -> Self {
        Self { facts, _step: PhantomData }
    }

    /// Its facts.
    #[must_use]
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Its status, as a value.
    #[must_use]
    pub const fn status(&self) -> IncidentStatus {
        S::STATUS
    }

    /// A clock that went back does not put a step before the one that it follows.
    fn not_before(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        at.max(self.facts.times.newest())
    }

    fn reconciled(
        mut self,
        settled: &Settled,
        in_sync: &InSync,
        at: DateTime<Utc>,
    ) -> Result<Incident<step::Reconciled>, Refusal> {
        if settled.incident() != self.facts.id || in_sync.environment() != self.facts.environment {
            return Err(Refusal::OtherIncident);
        }
        if !settled.is_seen_by(in_sync) {
            return Err(Refusal::LookedTooEarly);
        }
        self.facts.times.reconciled_at = Some(self.not_before(at));
        Ok(Incident::new(self.facts))
    }
}

impl Incident<step::Detected> {
    /// A new one.
    #[must_use]
    pub const fn detected(
        id: IncidentId,
        environment: EnvironmentId,
        lifecycle: Lifecycle,
        detected_at: DateTime<Utc>,
    ) -> Self {
        let times =
            Times { detected_at, acknowledged_at: None, stabilized_at: None, reconciled_at: None, closed_at: None };
        Self::new(Facts { id, environment, lifecycle, times })
    }

    /// Somebody takes it on.
    #[must_use]
    pub fn acknowledge(mut self, at: DateTime<Utc>) -> Incident<step::Acknowledged> {
        self.facts.times.acknowledged_at = Some(self.not_before(at));
        Incident::new(self.facts)
    }
}

impl Incident<step::Acknowledged> {
    /// Somebody says that production is stable.
    ///
    /// # Errors
    /// [`Refusal::NoSuchStep`] in the basic lifecycle.
    pub fn stabilize(mut self, at: DateTime<Utc>) -> Result<Incident<step::Stabilized>, Refusal> {
        if self.facts.lifecycle == Lifecycle::Basic {
            return Err(Refusal::NoSuchStep);
        }
        self.facts.times.stabilized_at = Some(self.not_before(at));
        Ok(Incident::new(self.facts))
    }

    /// Every change is over by a decision that was carried out, and a check found no difference: the basic lifecycle.
    ///
    /// # Errors
    /// [`Refusal::StabilizeFirst`] in the full lifecycle; others when the proofs are not of this incident, or too old.
    pub fn reconcile(
        self,
        settled: &Settled,
        in_sync: &InSync,
        at: DateTime<Utc>,
    ) -> Result<Incident<step::Reconciled>, Refusal> {
        if self.facts.lifecycle == Lifecycle::Full {
            return Err(Refusal::StabilizeFirst);
        }
        self.reconciled(settled, in_sync, at)
    }
}

impl Incident<step::Stabilized> {
    /// Every change is over by a decision that was carried out, and a check found no difference.
    ///
    /// # Errors
    /// When the proofs are not of this incident, or too old.
    pub fn reconcile(
        self,
        settled: &Settled,
        in_sync: &InSync,
        at: DateTime<Utc>,
    ) -> Result<Incident<step::Reconciled>, Refusal> {
        self.reconciled(settled, in_sync, at)
    }
}

impl Incident<step::Reconciled> {
    /// Closes it: every change is over by decision, and a check that began after `asked_at` found live equal to desired.
    ///
    /// # Errors
    /// [`Refusal::NotFresh`] for an older check; [`Refusal::OtherIncident`] for proofs of something else.
    pub fn close(
        mut self,
        settled: Settled,
        in_sync: InSync,
        asked_at: DateTime<Utc>,
        at: DateTime<Utc>,
    ) -> Result<Incident<step::Closed>, Refusal> {
        if settled.incident() != self.facts.id || in_sync.environment() != self.facts.environment {
            return Err(Refusal::OtherIncident);
        }
        if in_sync.begun_at() < asked_at || !settled.is_seen_by(&in_sync) {
            return Err(Refusal::NotFresh);
        }
        self.facts.times.closed_at = Some(self.not_before(at));
        Ok(Incident::new(self.facts))
    }

    /// New drift takes it back to the step before.
    #[must_use]
    pub fn regress(mut self, _drift: NewDrift) -> AnyIncident {
        self.facts.times.reconciled_at = None;
        match self.facts.lifecycle {
            Lifecycle::Basic => AnyIncident::Acknowledged(Incident::new(self.facts)),
            Lifecycle::Full => AnyIncident::Stabilized(Incident::new(self.facts)),
        }
    }
}

/// An incident whose status is known at run time only, as it comes from the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnyIncident {
    /// See [`IncidentStatus::Detected`].
    Detected(Incident<step::Detected>),
    /// See [`IncidentStatus::Acknowledged`].
    Acknowledged(Incident<step::Acknowledged>),
    /// See [`IncidentStatus::Stabilized`].
    Stabilized(Incident<step::Stabilized>),
    /// See [`IncidentStatus::Reconciled`].
    Reconciled(Incident<step::Reconciled>),
    /// See [`IncidentStatus::Closed`].
    Closed(Incident<step::Closed>),
}

/// A stored status and its times do not fit each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an incident that is {status} does not have these times: {times:?}")]
pub struct Inconsistent {
    status: IncidentStatus,
    times: Times,
}

impl AnyIncident {
    /// Reads what is stored. The schema promises the same (`drift_incidents_status_has_its_times`).
    ///
    /// # Errors
    /// [`Inconsistent`] when the status does not have its times.
    pub fn load(status: IncidentStatus, facts: Facts) -> Result<Self, Inconsistent> {
        let has = |status| facts.times.of(status).is_some();
        let expected = |step: IncidentStatus| {
            step <= status && (step != IncidentStatus::Stabilized || facts.lifecycle == Lifecycle::Full)
        };
        let fits = IncidentStatus::ALL.iter().all(|step| has(*step) == expected(*step)) && expected(status);
        if !fits {
            return Err(Inconsistent { status, times: facts.times });
        }
        Ok(match status {
            IncidentStatus::Detected => Self::Detected(Incident::new(facts)),
            IncidentStatus::Acknowledged => Self::Acknowledged(Incident::new(facts)),
            IncidentStatus::Stabilized => Self::Stabilized(Incident::new(facts)),
            IncidentStatus::Reconciled => Self::Reconciled(Incident::new(facts)),
            IncidentStatus::Closed => Self::Closed(Incident::new(facts)),
        })
    }

    /// Its facts.
    #[must_use]
    pub const fn facts(&self) -> &Facts {
        match self {
            Self::Detected(i) => i.facts(),
            Self::Acknowledged(i) => i.facts(),
            Self::Stabilized(i) => i.facts(),
            Self::Reconciled(i) => i.facts(),
            Self::Closed(i) => i.facts(),
        }
    }

    /// Its status.
    #[must_use]
    pub const fn status(&self) -> IncidentStatus {
        match self {
            Self::Detected(i) => i.status(),
            Self::Acknowledged(i) => i.status(),
            Self::Stabilized(i) => i.status(),
            Self::Reconciled(i) => i.status(),
            Self::Closed(i) => i.status(),
        }
    }
}

macro_rules! any {
    ($($step:ident),+) => {$(
        impl From<Incident<step::$step>> for AnyIncident {
            fn from(incident: Incident<step::$step>) -> Self {
                Self::$step(incident)
            }
        }
    )+};
}
any!(Detected, Acknowledged, Stabilized, Reconciled, Closed);
