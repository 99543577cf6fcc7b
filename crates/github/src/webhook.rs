//! What a webhook tells, as far as somebody has to look again: own lean types, since a payload has hundreds of fields that
//! nobody here needs, and GitHub's own examples often do not fit its own description (32 of 59 that were tried).
//!
//! A delivery is a hint to look, never a fact: it can be late, doubled, out of order or lost. Its signature is checked by
//! whoever receives it, over the bytes that arrived.

use serde::Deserialize;

/// A delivery that makes somebody look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// GitHub's number for the repository, which stays through renames.
    pub repository_id: u64,
    /// `owner/name`, as it is called now.
    pub repository: String,
    /// What happened.
    pub news: News,
}

/// What happened, as far as it says where to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// A reference (`refs/heads/…`, `refs/tags/…`) moved, came or went.
    Moved {
        /// Its whole name.
        reference: String,
        /// Where it points now; `None` where it is gone.
        to: Option<String>,
    },
    /// A pull request was opened, pushed to, reviewed, queued, merged or closed.
    Pull {
        /// Its number.
        number: u64,
        /// The commit at the end of its branch.
        head: String,
    },
    /// A check or status of a commit was reported: of a pull request's head, or of a commit that the merge queue tests.
    Checked {
        /// The commit.
        commit: String,
    },
    /// The merge queue tests a commit, or is done with it.
    Queue {
        /// The branch that it is for, `refs/heads/…`.
        base: String,
        /// The commit.
        commit: String,
    },
}

#[derive(Deserialize)]
struct Payload {
    repository: Repository,
    #[serde(rename = "ref")]
    reference: Option<String>,
    after: Option<String>,
    pull_request: Option<Pull>,
    check_run: Option<Checked>,
    check_suite: Option<Checked>,
    sha: Option<String>,
    merge_group: Option<Group>,
}

#[derive(Deserialize)]
struct Repository {
    id: u64,
    full_name: String,
}

#[derive(Deserialize)]
struct Pull {
    number: u64,
    head: Head,
}

#[derive(Deserialize)]
struct Head {
    sha: String,
}

#[derive(Deserialize)]
struct Checked {
    head_sha: String,
}

#[derive(Deserialize)]
struct Group {
    head_sha: String,
    base_ref: String,
}

/// What a delivery tells, by its `X-GitHub-Event` and its body; `None` for events that nobody here follows.
///
/// # Errors
/// The body is not what GitHub describes for that event. The words quote nothing of it.
pub fn read(event: &str, body: &[u8]) -> Result<Option<Told>, String> {
    if !matches!(
        event,
        "push" | "pull_request" | "pull_request_review" | "check_run" | "check_suite" | "status" | "merge_group"
    ) {
        return Ok(None);
    }
    let unlike = |what: &str| format!("This delivery of the event {event} is not what GitHub describes: {what}.");
    let payload: Payload = serde_json::from_slice(body).map_err(|error| {
        // serde's own words could quote the body.
        unlike(&format!("it is wrong in line {}, column {}", error.line(), error.column()))
    })?;
    let Payload { repository, reference, after, pull_request, check_run, check_suite, sha, merge_group } = payload;
    let news = match event {
        "push" => reference.zip(after).map(|(reference, to)| {
            let to = Some(to).filter(|to| to.bytes().any(|byte| byte != b'0'));
            News::Moved { reference, to }
        }),
        "pull_request" | "pull_request_review" => {
            pull_request.map(|pull| News::Pull { number: pull.number, head: pull.head.sha })
        }
        "check_run" | "check_suite" => {
            check_run.or(check_suite).map(|checked| News::Checked { commit: checked.head_sha })
        }
        "status" => sha.map(|commit| News::Checked { commit }),
        _ => merge_group.map(|group| News::Queue { base: group.base_ref, commit: group.head_sha }),
    };
    let news = news.ok_or_else(|| unlike("what it is about is missing"))?;
    Ok(Some(Told { repository_id: repository.id, repository: repository.full_name, news }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_delivery_is_refused_and_not_quoted() {
        assert_eq!(read("star", b"anything"), Ok(None));
        for body in ["", "{}", "[\"s3cret\"]", r#"{"repository":{"id":"s3cret","full_name":"a/b"}}"#] {
            let words = read("push", body.as_bytes()).unwrap_err();
            assert!(words.contains("event push") && !words.contains("s3cret"), "{words}");
        }
        let without = r#"{"repository":{"id":7,"full_name":"a/b"}}"#;
        assert!(read("pull_request", without.as_bytes()).unwrap_err().contains("missing"));
    }

    #[test]
    fn a_branch_that_is_gone_points_nowhere() {
        let body = format!(
            r#"{{"ref":"refs/heads/x","after":"{}","repository":{{"id":7,"full_name":"a/b"}}}}"#,
            "0".repeat(40)
        );
        let news = News::Moved { reference: "refs/heads/x".to_owned(), to: None };
        let told = Told { repository_id: 7, repository: "a/b".to_owned(), news };
        assert_eq!(read("push", body.as_bytes()), Ok(Some(told)));
    }
}
