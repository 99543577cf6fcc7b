//! Reconciliation: decisions that the product carries out.
//!
//! A person sees a plan first, and exactly that plan is carried out: if either side moved since, nothing is written. The
//! plan is a list of steps, each recorded before it is taken and completed after it, so that whoever goes on after a
//! crash knows which one may have been taken without its answer having arrived.

use crate::words::words;

words! {
    /// Where a reconciliation stands.
    pub enum ReconciliationState {
        /// Somebody looks at what would be written. Nothing is.
        Planned = "PLANNED",
        /// Somebody said to carry it out, and it has not ended: it is at work, or waits for a review, a check, a queue.
        Pending = "PENDING",
        /// Every step is taken.
        Done = "DONE",
        /// A step could not be taken. It says which and why.
        Failed = "FAILED",
        /// Taken back before anything was written.
        Cancelled = "CANCELLED",
    }
}

impl ReconciliationState {
    /// What a person reads.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Planned => "Planned",
            Self::Pending => "Under way",
            Self::Done => "Carried out",
            Self::Failed => "Failed",
            Self::Cancelled => "Cancelled",
        }
    }
}

words! {
    /// What a reconciliation is for.
    pub enum Purpose {
        /// Decisions about changes are carried out.
        Decisions = "DECISIONS",
        /// A stored content is put back, to n8n or to Git (product, Changes are never lost).
        Restore = "RESTORE",
        /// The ref that an environment follows is applied to it.
        Deployment = "DEPLOYMENT",
    }
}

words! {
    /// Where something is written.
    pub enum Target {
        /// The workflow in n8n.
        N8n = "N8N",
        /// The file in Git.
        Git = "GIT",
    }
}

words! {
    /// One step of a reconciliation. Each can be repeated: it first finds out whether it was taken already.
    pub enum StepKind {
        /// The content of one file.
        GitBlob = "GIT_BLOB",
        /// The files, as one commit on a branch of its own.
        GitCommit = "GIT_COMMIT",
        /// The pull request of that branch.
        GitPull = "GIT_PULL",
        /// Its merge, which may wait for reviews, checks or a queue.
        GitMerge = "GIT_MERGE",
        /// The branch is removed.
        GitTidy = "GIT_TIDY",
        /// The ref is waited for until it contains a commit that replaces both sides.
        GitContains = "GIT_CONTAINS",
        /// The workflow is brought back from n8n's archive.
        N8nUnarchive = "N8N_UNARCHIVE",
        /// The workflow is created in n8n.
        N8nCreate = "N8N_CREATE",
        /// The content is written over the workflow in n8n.
        N8nWrite = "N8N_WRITE",
        /// The workflow gets these tags and no others.
        N8nTags = "N8N_TAGS",
        /// The workflow is put into service or taken out.
        N8nPublish = "N8N_PUBLISH",
        /// The workflow is put away: archived, or taken out of service.
        N8nRetire = "N8N_RETIRE",
        /// The workflow is read back and compared with what it should be.
        N8nVerify = "N8N_VERIFY",
    }
}

impl StepKind {
    /// Where the step acts.
    #[must_use]
    pub const fn target(self) -> Target {
        match self {
            Self::GitBlob | Self::GitCommit | Self::GitPull | Self::GitMerge | Self::GitTidy | Self::GitContains => {
                Target::Git
            }
            Self::N8nUnarchive
            | Self::N8nCreate
            | Self::N8nWrite
            | Self::N8nTags
            | Self::N8nPublish
            | Self::N8nRetire
            | Self::N8nVerify => Target::N8n,
        }
    }

    /// Whether the step changes anything on the other side.
    #[must_use]
    pub const fn writes(self) -> bool {
        !matches!(self, Self::GitContains | Self::N8nVerify)
    }

    /// What a person reads.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::GitBlob => "Store the file",
            Self::GitCommit => "Commit to a branch of its own",
            Self::GitPull => "Propose the commit",
            Self::GitMerge => "Merge it",
            Self::GitTidy => "Remove the branch",
            Self::GitContains => "Wait until Git has the replacement",
            Self::N8nUnarchive => "Bring back from the archive",
            Self::N8nCreate => "Create in n8n",
            Self::N8nWrite => "Write to n8n",
            Self::N8nTags => "Set the tags",
            Self::N8nPublish => "Set whether it is in service",
            Self::N8nRetire => "Put away in n8n",
            Self::N8nVerify => "Read back and compare",
        }
    }
}

words! {
    /// How far a step is.
    pub enum StepState {
        /// Not begun.
        Waiting = "WAITING",
        /// Begun: it may have been taken, though nobody recorded it.
        Begun = "BEGUN",
        /// Taken, and seen to be.
        Done = "DONE",
        /// Not taken, with the reason.
        Failed = "FAILED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_looks_writes_nothing() {
        let looks: Vec<_> = StepKind::ALL.iter().filter(|kind| !kind.writes()).collect();
        assert_eq!(looks, [&StepKind::GitContains, &StepKind::N8nVerify]);
    }
}
