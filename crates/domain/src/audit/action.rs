//! What can stand in the audit log.

use crate::words::words;

words! {
    /// What was done, or happened.
    pub enum AuditAction {
        /// Opened an incident.
        IncidentCreated = "INCIDENT_CREATED",
        /// Acknowledged an incident.
        IncidentAcknowledged = "INCIDENT_ACKNOWLEDGED",
        /// Stabilized an incident.
        IncidentStabilized = "INCIDENT_STABILIZED",
        /// An incident was reconciled.
        IncidentReconciled = "INCIDENT_RECONCILED",
        /// Closed an incident.
        IncidentClosed = "INCIDENT_CLOSED",
        /// An incident fell back.
        IncidentRegressed = "INCIDENT_REGRESSED",
        /// Assigned an incident.
        IncidentAssigned = "INCIDENT_ASSIGNED",
        /// Set an incident's ticket.
        IncidentTicketSet = "INCIDENT_TICKET_SET",
        /// Set an incident's severity.
        IncidentSeveritySet = "INCIDENT_SEVERITY_SET",
        /// An incident's severity rose.
        IncidentSeverityRaised = "INCIDENT_SEVERITY_RAISED",
        /// Extended an incident's time.
        IncidentExtended = "INCIDENT_EXTENDED",
        /// Commented on an incident.
        IncidentCommented = "INCIDENT_COMMENTED",
        /// Confirmed that a change is gone.
        IncidentConfirmed = "INCIDENT_CONFIRMED",
        /// Decided on a change.
        IncidentDecided = "INCIDENT_DECIDED",
        /// Began to carry decisions out.
        IncidentCarryingOut = "INCIDENT_CARRYING_OUT",
        /// Began a deployment in an incident.
        IncidentDeploying = "INCIDENT_DEPLOYING",
        /// Tried again to carry out.
        IncidentTryingAgain = "INCIDENT_TRYING_AGAIN",
        /// A decision was carried out.
        IncidentCarriedOut = "INCIDENT_CARRIED_OUT",
        /// A decision was not carried out.
        IncidentNotCarriedOut = "INCIDENT_NOT_CARRIED_OUT",
        /// Cancelled carrying out.
        IncidentCancelled = "INCIDENT_CANCELLED",
        /// Carried a decision out by hand.
        IncidentExecuted = "INCIDENT_EXECUTED",
        /// A change came back.
        IncidentCameBack = "INCIDENT_CAME_BACK",
        /// A change is not as decided.
        IncidentNotAsDecided = "INCIDENT_NOT_AS_DECIDED",
        /// A change vanished.
        IncidentChangeVanished = "INCIDENT_CHANGE_VANISHED",
        /// New drift joined an incident.
        IncidentDriftJoined = "INCIDENT_DRIFT_JOINED",
        /// Asked to close an incident.
        IncidentClosingAsked = "INCIDENT_CLOSING_ASKED",
        /// A closing ended.
        IncidentClosingEnded = "INCIDENT_CLOSING_ENDED",
        /// A closing was refused.
        IncidentClosingRefused = "INCIDENT_CLOSING_REFUSED",
        /// An incident's time was over.
        IncidentExpired = "INCIDENT_EXPIRED",
        /// An incident's time is running out.
        IncidentExpiring = "INCIDENT_EXPIRING",
        /// Changed the settings of incidents.
        IncidentSettingsSet = "INCIDENT_SETTINGS_SET",
        /// Decided on a difference.
        ChangeDecided = "CHANGE_DECIDED",
        /// A difference came back.
        ChangeCameBack = "CHANGE_CAME_BACK",
        /// Linked a workflow with a file.
        WorkflowLinked = "WORKFLOW_LINKED",
        /// Finished adopting an environment.
        AdoptionFinished = "ADOPTION_FINISHED",
        /// Connected an environment.
        EnvironmentConnected = "ENVIRONMENT_CONNECTED",
        /// Changed a connection.
        EnvironmentUpdated = "ENVIRONMENT_UPDATED",
        /// Drift was detected.
        EnvironmentDriftDetected = "ENVIRONMENT_DRIFT_DETECTED",
        /// Drift was gone.
        EnvironmentDriftGone = "ENVIRONMENT_DRIFT_GONE",
        /// An environment was verified again.
        EnvironmentVerified = "ENVIRONMENT_VERIFIED",
        /// An environment could not be verified.
        EnvironmentUnverified = "ENVIRONMENT_UNVERIFIED",
        /// Accepted a difference for a time.
        OverrideBegun = "OVERRIDE_BEGUN",
        /// Ended an override.
        OverrideEnded = "OVERRIDE_ENDED",
        /// Set the installation up.
        SetUp = "SET_UP",
        /// Founded an organization.
        OrganizationFounded = "ORGANIZATION_FOUNDED",
        /// Signed in.
        SignIn = "SIGN_IN",
        /// A sign-in failed.
        SignInFailed = "SIGN_IN_FAILED",
        /// Signed out.
        SignOut = "SIGN_OUT",
        /// Ended a session.
        SessionEnded = "SESSION_ENDED",
        /// Ended all other sessions.
        SessionAllEnded = "SESSION_ALL_ENDED",
        /// Changed a password.
        PasswordChanged = "PASSWORD_CHANGED",
        /// Reset a password.
        PasswordReset = "PASSWORD_RESET",
        /// Linked an identity provider.
        IdentityLinked = "IDENTITY_LINKED",
        /// Made an API token.
        TokenCreated = "TOKEN_CREATED",
        /// Revoked an API token.
        TokenRevoked = "TOKEN_REVOKED",
        /// Invited somebody.
        InvitationCreated = "INVITATION_CREATED",
        /// Revoked an invitation.
        InvitationRevoked = "INVITATION_REVOKED",
        /// Sent an invitation again.
        InvitationSentAgain = "INVITATION_SENT_AGAIN",
        /// Joined the organization.
        MemberJoined = "MEMBER_JOINED",
        /// Changed a member's role.
        MemberRoleChanged = "MEMBER_ROLE_CHANGED",
        /// Removed a member.
        MemberRemoved = "MEMBER_REMOVED",
        /// Left the organization.
        MemberLeft = "MEMBER_LEFT",
        /// Made a notification channel.
        ChannelCreated = "CHANNEL_CREATED",
        /// Changed a notification channel.
        ChannelUpdated = "CHANNEL_UPDATED",
        /// Switched a notification channel.
        ChannelSwitched = "CHANNEL_SWITCHED",
        /// Removed a notification channel.
        ChannelRemoved = "CHANNEL_REMOVED",
        /// Sent a notification again.
        NotificationRedelivered = "NOTIFICATION_REDELIVERED",
        /// Changed which deployments at GitHub are answered for.
        GateUpdated = "GATE_UPDATED",
        /// Changed the plan.
        PlanTierSet = "PLAN_TIER_SET",
        /// Changed a limit of the plan.
        PlanLimitSet = "PLAN_LIMIT_SET",
        /// Chose what to be told of.
        PreferencesSet = "PREFERENCES_SET",
        /// Asked for a higher plan.
        UpgradeRequested = "UPGRADE_REQUESTED",
        /// Answered a request for a higher plan.
        UpgradeAnswered = "UPGRADE_ANSWERED",
        /// Asked for approval.
        ApprovalWanted = "APPROVAL_WANTED",
        /// Approved something.
        ApprovalGiven = "APPROVAL_GIVEN",
        /// Rejected something.
        ApprovalRejected = "APPROVAL_REJECTED",
        /// Took a request for approval back.
        ApprovalWithdrawn = "APPROVAL_WITHDRAWN",
        /// A request for approval expired.
        ApprovalExpired = "APPROVAL_EXPIRED",
        /// What was approved was carried out.
        ApprovalDone = "APPROVAL_DONE",
        /// What was approved could not be carried out.
        ApprovalFailed = "APPROVAL_FAILED",
        /// Nobody was left to approve.
        ApprovalWaived = "APPROVAL_WAIVED",
        /// Let somebody approve meanwhile.
        ApprovalDelegated = "APPROVAL_DELEGATED",
        /// Approves again.
        ApprovalDelegationEnded = "APPROVAL_DELEGATION_ENDED",
        /// Wrote a policy.
        PolicyCreated = "POLICY_CREATED",
        /// Changed a policy.
        PolicyEdited = "POLICY_EDITED",
        /// A policy could not be read any more, and an emergency passed.
        PolicyUnreadable = "POLICY_UNREADABLE",
        /// Said where a policy holds.
        PolicyAssigned = "POLICY_ASSIGNED",
        /// Took a policy out of use.
        PolicyRetired = "POLICY_RETIRED",
        /// Asked for a report.
        ReportRequested = "REPORT_REQUESTED",
        /// A report was made.
        ReportReady = "REPORT_READY",
        /// A report failed.
        ReportFailed = "REPORT_FAILED",
        /// Removed a report.
        ReportRemoved = "REPORT_REMOVED",
        /// Had a report made every month.
        ReportScheduled = "REPORT_SCHEDULED",
        /// Ended a monthly report.
        ReportUnscheduled = "REPORT_UNSCHEDULED",
        /// Placed a legal hold.
        HoldPlaced = "HOLD_PLACED",
        /// Released a legal hold.
        HoldReleased = "HOLD_RELEASED",
        /// Removed what is older than the plan keeps.
        RetentionTidied = "RETENTION_TIDIED",
        /// Exported data.
        Exported = "EXPORTED",
        /// Was refused.
        Refused = "REFUSED",
        /// Something else.
        Other = "OTHER",
    }
}

/// Events that leave no entry: what a check sees of single workflows is kept by the changes themselves, which nothing deletes
/// while they are open, and that an incident recurs is said when it is created.
const SEEN_ONLY: &[&str] = &["change.opened", "change.vanished", "change.linked", "incident.recurs"];

impl AuditAction {
    /// What an event leaves in the log, by the event's dotted name: `incident.closed` is `INCIDENT_CLOSED`. A name that nobody
    /// gave an action is [`AuditAction::Other`], so that a new event cannot be forgotten.
    #[must_use]
    pub fn of_event(kind: &str) -> Option<Self> {
        if SEEN_ONLY.contains(&kind) {
            return None;
        }
        let word = kind.replace('.', "_").to_uppercase();
        Some(word.parse().unwrap_or(Self::Other))
    }

    /// What a person reads.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::IncidentCreated => "Opened an incident",
            Self::IncidentAcknowledged => "Acknowledged an incident",
            Self::IncidentStabilized => "Stabilized an incident",
            Self::IncidentReconciled => "An incident was reconciled",
            Self::IncidentClosed => "Closed an incident",
            Self::IncidentRegressed => "An incident fell back",
            Self::IncidentAssigned => "Assigned an incident",
            Self::IncidentTicketSet => "Set an incident's ticket",
            Self::IncidentSeveritySet => "Set an incident's severity",
            Self::IncidentSeverityRaised => "An incident's severity rose",
            Self::IncidentExtended => "Extended an incident's time",
            Self::IncidentCommented => "Commented on an incident",
            Self::IncidentConfirmed => "Confirmed that a change is gone",
            Self::IncidentDecided => "Decided on a change",
            Self::IncidentCarryingOut => "Began to carry decisions out",
            Self::IncidentDeploying => "Began a deployment in an incident",
            Self::IncidentTryingAgain => "Tried again to carry out",
            Self::IncidentCarriedOut => "A decision was carried out",
            Self::IncidentNotCarriedOut => "A decision was not carried out",
            Self::IncidentCancelled => "Cancelled carrying out",
            Self::IncidentExecuted => "Carried a decision out by hand",
            Self::IncidentCameBack => "A change came back",
            Self::IncidentNotAsDecided => "A change is not as decided",
            Self::IncidentChangeVanished => "A change vanished",
            Self::IncidentDriftJoined => "New drift joined an incident",
            Self::IncidentClosingAsked => "Asked to close an incident",
            Self::IncidentClosingEnded => "A closing ended",
            Self::IncidentClosingRefused => "A closing was refused",
            Self::IncidentExpired => "An incident's time was over",
            Self::IncidentExpiring => "An incident's time is running out",
            Self::IncidentSettingsSet => "Changed the settings of incidents",
            Self::ChangeDecided => "Decided on a difference",
            Self::ChangeCameBack => "A difference came back",
            Self::WorkflowLinked => "Linked a workflow with a file",
            Self::AdoptionFinished => "Finished adopting an environment",
            Self::EnvironmentConnected => "Connected an environment",
            Self::EnvironmentUpdated => "Changed a connection",
            Self::EnvironmentDriftDetected => "Drift was detected",
            Self::EnvironmentDriftGone => "Drift was gone",
            Self::EnvironmentVerified => "An environment was verified again",
            Self::EnvironmentUnverified => "An environment could not be verified",
            Self::OverrideBegun => "Accepted a difference for a time",
            Self::OverrideEnded => "Ended an override",
            Self::SetUp => "Set the installation up",
            Self::OrganizationFounded => "Founded an organization",
            Self::SignIn => "Signed in",
            Self::SignInFailed => "A sign-in failed",
            Self::SignOut => "Signed out",
            Self::SessionEnded => "Ended a session",
            Self::SessionAllEnded => "Ended all other sessions",
            Self::PasswordChanged => "Changed a password",
            Self::PasswordReset => "Reset a password",
            Self::IdentityLinked => "Linked an identity provider",
            Self::TokenCreated => "Made an API token",
            Self::TokenRevoked => "Revoked an API token",
            Self::InvitationCreated => "Invited somebody",
            Self::InvitationRevoked => "Revoked an invitation",
            Self::InvitationSentAgain => "Sent an invitation again",
            Self::MemberJoined => "Joined the organization",
            Self::MemberRoleChanged => "Changed a member's role",
            Self::MemberRemoved => "Removed a member",
            Self::MemberLeft => "Left the organization",
            Self::ChannelCreated => "Made a notification channel",
            Self::ChannelUpdated => "Changed a notification channel",
            Self::ChannelSwitched => "Switched a notification channel",
            Self::ChannelRemoved => "Removed a notification channel",
            Self::NotificationRedelivered => "Sent a notification again",
            Self::GateUpdated => "Changed the gate at GitHub",
            Self::PlanTierSet => "Changed the plan",
            Self::PlanLimitSet => "Changed a limit of the plan",
            Self::PreferencesSet => "Chose what to be told of",
            Self::UpgradeRequested => "Asked for a higher plan",
            Self::UpgradeAnswered => "Answered a request for a higher plan",
            Self::ApprovalWanted => "Asked for approval",
            Self::ApprovalGiven => "Approved something",
            Self::ApprovalRejected => "Rejected something",
            Self::ApprovalWithdrawn => "Took a request for approval back",
            Self::ApprovalExpired => "A request for approval expired",
            Self::ApprovalDone => "What was approved was carried out",
            Self::ApprovalFailed => "What was approved could not be carried out",
            Self::ApprovalWaived => "Nobody was left to approve",
            Self::ApprovalDelegated => "Let somebody approve meanwhile",
            Self::ApprovalDelegationEnded => "Approves again",
            Self::PolicyCreated => "Wrote a policy",
            Self::PolicyEdited => "Changed a policy",
            Self::PolicyUnreadable => "An emergency passed a policy that cannot be read",
            Self::PolicyAssigned => "Said where a policy holds",
            Self::PolicyRetired => "Took a policy out of use",
            Self::ReportRequested => "Asked for a report",
            Self::ReportReady => "A report was made",
            Self::ReportFailed => "A report failed",
            Self::ReportRemoved => "Removed a report",
            Self::ReportScheduled => "Had a report made every month",
            Self::ReportUnscheduled => "Ended a monthly report",
            Self::HoldPlaced => "Placed a legal hold",
            Self::HoldReleased => "Released a legal hold",
            Self::RetentionTidied => "Removed what is older than the plan keeps",
            Self::Exported => "Exported data",
            Self::Refused => "Was refused",
            Self::Other => "Something else",
        }
    }
}

words! {
    /// Who did it.
    pub enum ActorKind {
        /// A person at a browser.
        User = "USER",
        /// A person's API token.
        Token = "TOKEN",
        /// The product itself.
        System = "SYSTEM",
        /// Somebody who did not prove who they are.
        Unknown = "UNKNOWN",
    }
}

words! {
    /// What it came through.
    pub enum AuditVia {
        /// A page or a form of it.
        Screen = "SCREEN",
        /// The REST API.
        Api = "API",
        /// A subcommand.
        Cli = "CLI",
        /// Background work.
        Job = "JOB",
    }
}

words! {
    /// What an entry is about.
    pub enum AuditTarget {
        /// The organization as a whole.
        Organization = "ORGANIZATION",
        /// An environment.
        Environment = "ENVIRONMENT",
        /// An incident.
        Incident = "INCIDENT",
        /// A difference.
        Change = "CHANGE",
        /// A person.
        User = "USER",
        /// An invitation.
        Invitation = "INVITATION",
        /// An API token.
        Token = "TOKEN",
        /// A session.
        Session = "SESSION",
        /// A notification channel.
        Channel = "CHANNEL",
        /// A message to one receiver.
        Delivery = "DELIVERY",
        /// A request for a higher plan.
        UpgradeRequest = "UPGRADE_REQUEST",
        /// A capability of the product that was refused.
        Capability = "CAPABILITY",
        /// A compliance report.
        Report = "REPORT",
        /// A compliance report that is made every month.
        ReportSchedule = "REPORT_SCHEDULE",
        /// A legal hold.
        Hold = "HOLD",
        /// What was exported, by name.
        Export = "EXPORT",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_an_act_or_seen_only_and_a_new_one_is_not_lost() {
        assert_eq!(AuditAction::of_event("incident.closed"), Some(AuditAction::IncidentClosed));
        assert_eq!(AuditAction::of_event("incident_settings.set"), Some(AuditAction::IncidentSettingsSet));
        assert_eq!(AuditAction::of_event("change.opened"), None);
        assert_eq!(AuditAction::of_event("moon.landed"), Some(AuditAction::Other));
    }
}
