//! The words that a promotion leaves in Git: who decided, why, and for which incident.

use std::fmt::Write as _;

use drift_store::changes::ChangeRecord;

use super::planning::Decided;

/// Everything that a promotion says.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// For the branch's name: `inc-12`.
    pub slug: String,
    /// The pull request's title.
    pub title: String,
    /// Its text.
    pub body: String,
    /// The commit's message.
    pub message: String,
    /// Name and address of whoever decided first.
    pub author: (String, String),
}

impl Words {
    /// What the promotion of these changes says.
    pub(super) fn of(number: i64, environment: &str, link: String, decided: &[(&ChangeRecord, &Decided)]) -> Self {
        let incident = format!("INC-{number}");
        let promoted: Vec<Promoted<'_>> =
            decided.iter().map(|(change, decided)| Promoted { workflow: &change.workflow, decided }).collect();
        let author = promoted.first().map(|one| (one.decided.by.1.clone(), one.decided.by.2.clone()));
        Self {
            slug: format!("inc-{number}"),
            title: title(&incident, environment, &promoted),
            body: body(&incident, environment, &link, &promoted),
            message: message(&incident, environment, &link, &promoted),
            author: author.unwrap_or_default(),
        }
    }

    /// What putting a stored content back into Git says.
    pub(super) fn restoring(workflow: &str, environment: &str, by: (&str, &str), link: &str) -> Self {
        let title = format!("Restore “{}” of {}", line(workflow), line(environment));
        Self {
            slug: "restore".to_owned(),
            body: format!("[WorkflowOps]({link}) puts back a content that it had kept of **{}**.\n", plain(workflow)),
            message: format!("{title}\n\nAsked for by {}.\n\n{link}\n", line(by.0)),
            title,
            author: (by.0.to_owned(), by.1.to_owned()),
        }
    }
}

/// One workflow of a promotion.
struct Promoted<'a> {
    workflow: &'a str,
    decided: &'a Decided,
}

/// The commit's message: a first line, then what was decided by whom and why.
fn message(incident: &str, environment: &str, link: &str, promoted: &[Promoted<'_>]) -> String {
    let mut text = format!("{}\n\n", title(incident, environment, promoted));
    for one in promoted {
        let reason = one.decided.reason.split_whitespace().collect::<Vec<_>>().join(" ");
        let _ = writeln!(text, "- {}: decided by {}: {reason}", line(one.workflow), line(&one.decided.by.1));
    }
    let _ = write!(text, "\nIncident: {incident}\nEnvironment: {}\n{link}\n", line(environment));
    text
}

/// The first line.
fn title(incident: &str, environment: &str, promoted: &[Promoted<'_>]) -> String {
    let what = match promoted {
        [one] => format!("“{}”", line(one.workflow)),
        many => format!("{} workflows", many.len()),
    };
    format!("Promote {what} from {} ({incident})", line(environment))
}

/// The text beside the commit on GitHub, in Markdown. Nobody is notified by a name in somebody's words.
fn body(incident: &str, environment: &str, link: &str, promoted: &[Promoted<'_>]) -> String {
    let mut text = format!(
        "[{incident}]({link}): what runs in **{}** was decided to be right. WorkflowOps follows this and merges it once it \
         may.\n\n",
        plain(environment)
    );
    for one in promoted {
        let reason = plain(&one.decided.reason.split_whitespace().collect::<Vec<_>>().join(" "));
        let _ = writeln!(text, "- **{}**, decided by {}: {reason}", plain(one.workflow), plain(&one.decided.by.1));
    }
    text
}

/// A text as one line.
fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text as Markdown shows it, letter by letter.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in line(text).chars() {
        match letter {
            '@' => out.push_str("@\u{200b}"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '!' => {
                out.push('\\');
                out.push(letter);
            }
            _ => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use drift_domain::change::DecisionKind;
    use drift_domain::ids::{DecisionId, UserId};

    use super::*;

    #[test]
    fn the_message_names_incident_person_and_reason_and_nobody_is_called() {
        let decided = Decided {
            id: DecisionId(uuid::Uuid::nil()),
            kind: DecisionKind::Promote,
            reason: "It\nholds; thanks @ben".to_owned(),
            replacement: None,
            by: (UserId(uuid::Uuid::nil()), "Mara".to_owned(), "mara@example.com".to_owned()),
        };
        let promoted = [Promoted { workflow: "Retry *charge*", decided: &decided }];
        let message = message("INC-7", "Shop", "https://drift.example/incidents/1", &promoted);
        assert!(
            message.starts_with(
                "Promote “Retry *charge*” from Shop (INC-7)\n\n- Retry *charge*: decided by Mara: It holds;"
            )
        );
        assert!(message.contains("\nIncident: INC-7\n"));
        let body = body("INC-7", "Shop", "https://drift.example/incidents/1", &promoted);
        assert!(body.contains("Retry \\*charge\\*") && !body.contains("@ben"), "{body}");
    }
}
