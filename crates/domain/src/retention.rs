//! Retention: the kinds of what is removed once it is over and older than the plan keeps, and why some of it stays.

use crate::words::words;

words! {
    /// What retention removes, in the order in which a tidying does. What the removal of one kind sets free, such as the
    /// contents of a change, is of a kind that comes before it: it goes at the next tidying. So what is previewed is exactly
    /// what one tidying removes.
    pub enum RetentionKind {
        /// Contents of workflows that nothing refers to.
        Contents = "CONTENTS",
        /// Events.
        Events = "EVENTS",
        /// Scheduled checks that found exactly what the one before them found.
        RepeatedChecks = "REPEATED_CHECKS",
        /// Checks.
        Checks = "CHECKS",
        /// Decided changes outside of incidents, with what they superseded and their decisions.
        Changes = "CHANGES",
        /// Closed incidents, with everything that belongs to them.
        Incidents = "INCIDENTS",
        /// Restores and deployments outside of incidents, and plans of them that nobody carried out.
        Reconciliations = "RECONCILIATIONS",
    }
}

impl RetentionKind {
    /// What a person reads.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Contents => "Contents that nothing refers to",
            Self::Events => "Events",
            Self::RepeatedChecks => "Checks that found the same again",
            Self::Checks => "Checks",
            Self::Reconciliations => "Restores, deployments, and plans that nobody carried out",
            Self::Changes => "Decided changes outside of incidents",
            Self::Incidents => "Closed incidents",
        }
    }
}

words! {
    /// Why something stays although it is older than the plan keeps.
    pub enum KeptWhy {
        /// It is open, or waits for a person.
        Open = "OPEN",
        /// It is under a legal hold.
        Held = "HELD",
        /// It belongs to an incident, and goes with that.
        Incident = "INCIDENT",
        /// Something that is kept refers to it.
        Referred = "REFERRED",
        /// It is the newest of its environment.
        Newest = "NEWEST",
    }
}

impl KeptWhy {
    /// What a person reads.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Open => "open, or waiting for a person",
            Self::Held => "under a legal hold",
            Self::Incident => "part of an incident, with which it goes",
            Self::Referred => "referred to by something that is kept",
            Self::Newest => "the newest of its environment",
        }
    }
}
