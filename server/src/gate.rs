//! `workflowops gate`: asks a server whether a standard deployment may go ahead, for CI. Whatever is not a clear yes is no.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use drift_domain::ids::EnvironmentId;
use drift_domain::views::GateView;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// Ask whether a standard deployment into an environment may go ahead.
///
/// Exit status: 0 allowed, 1 refused (which incident, since when, and who can do what is printed), 2 could not ask (the reason
/// is on stderr): a pipeline that goes on only after 0 fails closed.
#[derive(Args, Debug)]
pub(crate) struct GateArgs {
    /// The environment, by the identifier that stands in its address.
    #[arg(long, value_name = "ID")]
    environment: EnvironmentId,
    /// The address of WorkflowOps, as people open it.
    #[arg(long, env = "WORKFLOWOPS_URL", value_name = "URL")]
    url: Url,
    /// An API token. The role Viewer is enough. On the command line others of this machine can read it.
    #[arg(long, env = "WORKFLOWOPS_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    token: SecretString,
    /// The commit that is about to be deployed.
    #[arg(long, env = "GITHUB_SHA", value_name = "COMMIT")]
    sha: Option<String>,
    /// Seconds to wait for the answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
}

/// Runs the subcommand.
pub(crate) fn run(args: &GateArgs) -> ExitCode {
    match ask(args) {
        Ok(gate) => {
            // Somebody may have closed the pipe; the status says it all the same.
            let _ = std::io::stdout().lock().write_all(report(&gate).as_bytes());
            ExitCode::from(u8::from(!gate.allowed))
        }
        Err(reason) => {
            let _ = writeln!(std::io::stderr().lock(), "workflowops gate: could not ask: {reason}");
            ExitCode::from(2)
        }
    }
}

fn ask(args: &GateArgs) -> Result<GateView, String> {
    // Where a provider was chosen before, that one is used.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let gate = runtime.map_err(|error| error.to_string())?.block_on(fetch(args))?;
    // An answer about something else is none.
    if gate.environment_id != args.environment {
        return Err("the answer is about another environment".to_owned());
    }
    Ok(gate)
}

async fn fetch(args: &GateArgs) -> Result<GateView, String> {
    let base = args.url.as_str().trim_end_matches('/');
    let mut address: Url = format!("{base}/api/v1/environments/{}/gate", args.environment)
        .parse()
        .map_err(|error| format!("{base} is no address that can be asked: {error}"))?;
    if let Some(sha) = &args.sha {
        address.query_pairs_mut().append_pair("sha", sha);
    }
    let client = reqwest::Client::builder()
        .user_agent(concat!("workflowops-gate/", env!("CARGO_PKG_VERSION")))
        // The token goes where it was meant to go and nowhere else.
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(args.timeout))
        .build()
        .map_err(|error| error.to_string())?;
    let answer = client.get(address).bearer_auth(args.token.expose_secret()).send().await;
    let answer = answer.map_err(|error| format!("{base} does not answer: {}", cause(&error)))?;
    let status = answer.status();
    let body = answer.text().await.map_err(|error| format!("the answer broke off: {}", cause(&error)))?;
    if status != reqwest::StatusCode::OK {
        let problem: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
        let detail = problem["detail"].as_str().unwrap_or("it is not an answer of WorkflowOps");
        return Err(format!("{base} answered {}: {detail}", status.as_u16()));
    }
    serde_json::from_str(&body).map_err(|error| format!("the answer cannot be read: {error}"))
}

/// The innermost cause: what reqwest wraps says little.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// What a person reads in the log of a pipeline.
fn report(gate: &GateView) -> String {
    let mut text = String::new();
    let verdict = if gate.allowed { "may go ahead" } else { "is blocked" };
    let _ = writeln!(text, "A standard deployment into “{}” {verdict}.", gate.environment);
    for reason in &gate.reasons {
        let _ = writeln!(text, "{reason}");
    }
    if !gate.unblocks.is_empty() {
        let _ = writeln!(text, "What would unblock it:");
    }
    for way in &gate.unblocks {
        let _ = writeln!(text, "  - {way}");
    }
    for warning in &gate.warnings {
        let _ = writeln!(text, "Note: {warning}");
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn asked(url: &str) -> GateArgs {
        let id = "00000000-0000-7000-8000-000000000001";
        let words = ["workflowops", "gate", "--environment", id, "--url", url, "--token", "wfo_x", "--timeout", "5"];
        match Cli::try_parse_from(words).unwrap().command {
            Command::Gate(args) => *args,
            other => panic!("{other:?}"),
        }
    }

    /// A server that gives one answer, whatever is asked.
    fn answering(status: &'static str, body: String) -> String {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            use std::io::Read;
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut part = [0; 1024];
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                let read = stream.read(&mut part).unwrap();
                request.extend_from_slice(&part[..read]);
            }
            let head = String::from_utf8_lossy(&request).to_lowercase();
            assert!(head.contains("authorization: bearer wfo_x"), "{head}");
            let length = body.len();
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).unwrap();
        });
        address
    }

    fn gate(allowed: bool, environment: &str) -> String {
        serde_json::json!({
            "environment_id": environment, "environment": "Shop", "allowed": allowed, "reasons": [], "incidents": [],
            "unblocks": [], "warnings": [], "sha": null, "at": "2026-11-03T09:00:00Z",
        })
        .to_string()
    }

    #[test]
    fn only_a_clear_yes_lets_through() {
        let own = "00000000-0000-7000-8000-000000000001";
        let other = "00000000-0000-7000-8000-000000000002";
        for (status, body, code) in [
            ("200 OK", gate(true, own), 0),
            ("200 OK", gate(false, own), 1),
            ("200 OK", gate(true, other), 2),
            ("200 OK", "{}".to_owned(), 2),
            ("200 OK", "<html>yes</html>".to_owned(), 2),
            ("302 Found", gate(true, own), 2),
            ("401 Unauthorized", r#"{"detail":"Sign in to go on."}"#.to_owned(), 2),
            ("503 Service Unavailable", String::new(), 2),
        ] {
            let said = run(&asked(&answering(status, body.clone())));
            assert_eq!(said, ExitCode::from(code), "{status} {body}");
        }
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert_eq!(run(&asked(&format!("http://{nobody}"))), ExitCode::from(2), "nobody is there");
    }

    #[test]
    fn the_log_of_a_pipeline_says_why_and_what_helps() {
        let mut refused: GateView = serde_json::from_str(&gate(false, "00000000-0000-7000-8000-000000000001")).unwrap();
        refused.reasons = vec!["INC-12 has been expired.".to_owned()];
        refused.unblocks = vec!["An operator extends INC-12.".to_owned()];
        let text = report(&refused);
        assert!(text.starts_with("A standard deployment into “Shop” is blocked.\nINC-12 has been expired.\n"));
        assert!(text.ends_with("What would unblock it:\n  - An operator extends INC-12.\n"));
    }
}
