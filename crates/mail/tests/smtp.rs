//! Mail over a real SMTP server (the npm package `smtp-server`), on this machine.

use std::path::Path;
use std::process::Stdio;

use chrono::DateTime;
use drift_mail::{Mail, MailError, Mailer, Smtp, SmtpUrl};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

struct Server {
    address: String,
    mails: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

/// Starts one that refuses the first `busy` mails for the moment.
async fn server(busy: u32) -> Server {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../end2end/servers/smtp.mjs");
    let mut process = Command::new("node")
        .arg(script)
        .arg(busy.to_string())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("node runs");
    let mut mails = BufReader::new(process.stdout.take().unwrap()).lines();
    let address = mails.next_line().await.unwrap().expect("the server says where it is: has `npm ci` run?");
    Server { address, mails, _process: process }
}

fn smtp(server: &Server, password: &str) -> Smtp {
    let url: SmtpUrl = format!("smtp://ada:{password}@{}", server.address).parse().unwrap();
    Smtp::new(&url, "WorkflowOps <drift@example.com>".parse().unwrap()).unwrap()
}

fn mail() -> Mail {
    Mail {
        to: "eve@example.com".into(),
        subject: "You are invited".into(),
        text: "Open https://drift.example.com/invitations/abc".into(),
    }
}

#[tokio::test]
async fn a_mail_arrives_whole() {
    let mut server = server(0).await;
    smtp(&server, "secret").send(&mail(), DateTime::UNIX_EPOCH).await.unwrap();
    let line = server.mails.next_line().await.unwrap().unwrap();
    for part in [
        "drift@example.com",
        "eve@example.com",
        "Subject: You are invited",
        "https://drift.example.com/invitations/abc",
    ] {
        assert!(line.contains(part), "{part} is missing in {line}");
    }
}

#[tokio::test]
async fn what_the_server_refuses_is_an_error_that_may_be_tried_again() {
    let mut server = server(1).await;
    let smtp = smtp(&server, "secret");
    let error = smtp.send(&mail(), DateTime::UNIX_EPOCH).await.unwrap_err();
    assert!(matches!(error, MailError::Smtp(_)), "{error:?}");
    smtp.send(&mail(), DateTime::UNIX_EPOCH).await.unwrap();
    assert!(server.mails.next_line().await.unwrap().unwrap().contains("eve@example.com"));
}

#[tokio::test]
async fn a_wrong_password_is_an_error_that_does_not_repeat_it() {
    let server = server(0).await;
    let error = smtp(&server, "hunter2").send(&mail(), DateTime::UNIX_EPOCH).await.unwrap_err();
    let said = format!("{error:?} {error}");
    assert!(!said.contains("hunter2"), "{said}");

    let nowhere: SmtpUrl = "smtp://127.0.0.1:1".parse().unwrap();
    let nowhere = Smtp::new(&nowhere, "drift@example.com".parse().unwrap()).unwrap();
    assert!(matches!(nowhere.send(&mail(), DateTime::UNIX_EPOCH).await, Err(MailError::Smtp(_))));
}
