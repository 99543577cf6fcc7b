//! What stands in a report: sections with their columns, in their order.

/// A column of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name in files.
    pub key: &'static str,
    /// What a person reads.
    pub title: &'static str,
    /// Its share of the width in a printed table; 0 where it is left out there.
    pub width: u16,
}

/// A section of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its name in files.
    pub key: &'static str,
    /// What a person reads.
    pub title: &'static str,
    /// Its columns.
    pub columns: &'static [Column],
    /// Whether each row is of an incident, whose number its first column has; else it is of the organization.
    pub per_incident: bool,
    /// Whether it is printed as a list of names and values instead of a table.
    pub as_list: bool,
}

const fn column(key: &'static str, title: &'static str, width: u16) -> Column {
    Column { key, title, width }
}

const INCIDENT: Column = column("incident", "Incident", 0);

/// The sections, in their order. Each key is the name of a CSV file and of a member of the JSON document.
pub const SECTIONS: &[Section] = &[
    Section {
        key: "incidents",
        title: "Incident",
        per_incident: true,
        as_list: true,
        columns: &[
            INCIDENT,
            column("id", "Identifier", 1),
            column("environment", "Environment", 1),
            column("environment_id", "Environment's identifier", 1),
            column("status", "Status", 1),
            column("severity", "Severity", 1),
            column("severity_reason", "Why it was adjusted", 1),
            column("plan", "Plan", 1),
            column("lifecycle", "Lifecycle", 1),
            column("owner", "Owner", 1),
            column("reason", "Reason", 1),
            column("ticket", "Ticket", 1),
            column("detected_at", "Detected", 1),
            column("acknowledged_at", "Acknowledged", 1),
            column("stabilized_at", "Stabilized", 1),
            column("reconciled_at", "Reconciled", 1),
            column("closed_at", "Closed", 1),
            column("expires_at", "Time ends", 1),
            column("expired_at", "Time was over", 1),
            column("extensions", "Extensions", 1),
            column("changes", "Changes", 1),
            column("open_changes", "Open changes", 1),
        ],
    },
    Section {
        key: "timeline",
        title: "Timeline",
        per_incident: true,
        as_list: false,
        columns: &[
            INCIDENT,
            column("at", "When (UTC)", 22),
            column("kind", "Kind", 0),
            column("by", "Who", 16),
            column("text", "What", 40),
            column("note", "Note", 22),
            column("event", "Event", 0),
        ],
    },
    Section {
        key: "changes",
        title: "Changes",
        per_incident: true,
        as_list: false,
        columns: &[
            INCIDENT,
            column("change", "Change", 0),
            column("workflow", "Workflow", 20),
            column("workflow_id", "Workflow's identifier", 0),
            column("path", "File", 18),
            column("type", "Type", 10),
            column("origin", "Origin", 12),
            column("severity", "Severity", 10),
            column("state", "State", 12),
            column("summary", "Summary", 0),
            column("first_seen_at", "First seen (UTC)", 18),
            column("last_seen_at", "Last seen (UTC)", 0),
            column("live_snapshot", "Live snapshot", 0),
            column("desired_snapshot", "Desired snapshot", 0),
            column("commit", "Commit", 0),
        ],
    },
    Section {
        key: "decisions",
        title: "Decisions",
        per_incident: true,
        as_list: false,
        columns: &[
            INCIDENT,
            column("decision", "Decision", 0),
            column("change", "Change", 0),
            column("workflow", "Workflow", 22),
            column("kind", "Path", 12),
            column("by", "Who", 16),
            column("at", "When (UTC)", 20),
            column("reason", "Reason", 30),
            column("replacement", "Replacement", 0),
            column("ended", "Ended the change", 0),
        ],
    },
    Section {
        key: "approvals",
        title: "Approvals",
        per_incident: true,
        as_list: false,
        columns: &[
            INCIDENT,
            column("approval", "Request", 0),
            column("action", "Action", 0),
            column("asked", "What was asked for", 22),
            column("by", "Who asked", 14),
            column("at", "When (UTC)", 20),
            column("rules", "Rules", 0),
            column("needed", "Approvals it takes", 0),
            column("approvers", "Approvers, at least", 0),
            column("approved_by", "Approved by", 20),
            column("state", "State", 12),
            column("ended_at", "Ended (UTC)", 0),
            column("reason", "Why not", 12),
        ],
    },
    Section {
        key: "artifacts",
        title: "Artifacts",
        per_incident: true,
        as_list: false,
        columns: &[
            INCIDENT,
            column("artifact", "Artifact", 0),
            column("change", "Change", 0),
            column("decision", "Decision", 0),
            column("kind", "Path", 12),
            column("state", "State", 12),
            column("by_hand", "By hand", 10),
            column("by", "Who", 16),
            column("started_at", "Begun (UTC)", 20),
            column("finished_at", "Ended (UTC)", 20),
            column("error", "Error", 20),
            column("external", "Left elsewhere", 0),
            column("verified_by", "Verified by check", 0),
        ],
    },
    Section {
        key: "receipts",
        title: "Closure receipt",
        per_incident: true,
        as_list: true,
        columns: &[
            INCIDENT,
            column("check", "Check", 1),
            column("digest", "Digest (BLAKE3)", 1),
            column("signature", "Signature (Ed25519)", 1),
            column("public_key", "Public key", 1),
            column("hidden", "Secrets are hidden in the document", 1),
            column("document", "Document", 0),
        ],
    },
    Section {
        key: "policies",
        title: "Policies, by version",
        per_incident: false,
        as_list: false,
        columns: &[
            column("policy", "Policy", 0),
            column("name", "Name", 26),
            column("version", "Version", 10),
            column("by", "Written by", 22),
            column("at", "When (UTC)", 22),
            column("retired_at", "Out of use since (UTC)", 20),
            column("text", "Text", 0),
        ],
    },
    Section {
        key: "chain",
        title: "Proof of the audit log",
        per_incident: false,
        as_list: true,
        columns: &[
            column("first_sequence", "First seal", 1),
            column("first_hash", "Hash of the first seal", 1),
            column("last_sequence", "Last seal", 1),
            column("last_hash", "Hash of the last seal", 1),
            column("entries", "Entries", 1),
            column("head_sequence", "Newest seal of the log", 1),
            column("head_hash", "Hash of the newest seal", 1),
            column("sound", "Sound", 1),
            column("fault", "Fault", 1),
        ],
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_stand_for_one_thing_each() {
        let keys: BTreeSet<_> = SECTIONS.iter().map(|section| section.key).collect();
        assert_eq!(keys.len(), SECTIONS.len());
        for section in SECTIONS {
            let names: BTreeSet<_> = section.columns.iter().map(|column| column.key).collect();
            assert_eq!(names.len(), section.columns.len(), "{}", section.key);
            assert_eq!(section.per_incident, section.columns[0] == INCIDENT, "{}", section.key);
        }
    }
}
