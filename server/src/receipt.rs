//! `workflowops verify-receipt`: whether a closure receipt is what was signed, without a server or a database.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use drift_services::incidents::receipt::{Portable, verify};

/// Verify a closure receipt, as an incident's page and the API hand it out.
///
/// Exit status: 0 it verifies, 1 it does not (the reason is on stderr), 2 it cannot be read.
#[derive(Args, Debug)]
pub(crate) struct ReceiptArgs {
    /// The receipt, a JSON file; - reads standard input.
    file: PathBuf,
    /// The installation's public key, in hexadecimal, as you know it from elsewhere. Without it, whoever signed the receipt is
    /// printed for you to judge.
    #[arg(long, value_name = "KEY")]
    trusted_key: Option<String>,
}

/// Runs the subcommand.
pub(crate) fn run(args: &ReceiptArgs) -> ExitCode {
    let receipt = match read(&args.file) {
        Ok(receipt) => receipt,
        Err(reason) => return refuse(&reason, 2),
    };
    if let Err(reason) = verify(&receipt, args.trusted_key.as_deref()) {
        return refuse(&reason.to_string(), 1);
    }
    let text =
        |pointer: &str| receipt.document.pointer(pointer).map(|v| v.to_string().replace('"', "")).unwrap_or_default();
    let _ = writeln!(
        std::io::stdout().lock(),
        "The receipt verifies.\nIncident INC-{} of {} closed at {}, live equal to {} at commit {}.\nDigest {}\nSigned by {}{}",
        text("/incident/number"),
        text("/environment/name"),
        text("/incident/closed_at"),
        text("/check/ref"),
        text("/check/commit"),
        receipt.digest,
        receipt.public_key,
        if args.trusted_key.is_some() { ", which you trust." } else { ". Compare it with the installation's key." },
    );
    ExitCode::SUCCESS
}

fn read(file: &Path) -> Result<Portable, String> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().lock().read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|mut file| file.read_to_string(&mut text))
    };
    read.map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{} is no closure receipt: {error}", file.display()))
}

fn refuse(reason: &str, code: u8) -> ExitCode {
    let _ = writeln!(std::io::stderr().lock(), "workflowops verify-receipt: {reason}");
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_receipt_is_told_from_one_that_does_not_verify() {
        let folder = tempfile::tempdir().unwrap();
        let run_on = |text: &str| {
            let file = folder.path().join("receipt.json");
            std::fs::write(&file, text).unwrap();
            run(&ReceiptArgs { file, trusted_key: None })
        };
        assert_eq!(run_on("{}"), ExitCode::from(2));
        let forged = r#"{"document":{"receipt":1},"digest":"00","signature":"00","public_key":"00"}"#;
        assert_eq!(run_on(forged), ExitCode::from(1));
        let missing = ReceiptArgs { file: folder.path().join("none.json"), trusted_key: None };
        assert_eq!(run(&missing), ExitCode::from(2));
    }
}
