//! Checks: runs of detection.

use crate::words::words;

words! {
    /// What made a check run.
    pub enum CheckTrigger {
        /// The environment's own schedule.
        Schedule = "SCHEDULE",
        /// A person pressed *Recheck*.
        Recheck = "RECHECK",
        /// GitHub said that the ref moved.
        GitPush = "GIT_PUSH",
        /// The environment was connected or its settings changed.
        Connected = "CONNECTED",
        /// Somebody asked to close the environment's incident: this check decides that.
        Closing = "CLOSING",
        /// Decisions were carried out, or a stored content was put back.
        Reconciled = "RECONCILED",
    }
}

words! {
    /// How a check ended.
    pub enum CheckOutcome {
        /// It is running, or the process that ran it died.
        Running = "RUNNING",
        /// Both sides were read whole and agree.
        InSync = "IN_SYNC",
        /// Both sides were read whole and differ.
        Drift = "DRIFT",
        /// A side could not be read whole. Changes nothing but the check's own record (product, Detection 4).
        Failed = "FAILED",
    }
}
