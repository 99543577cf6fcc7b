//! CSV files (RFC 4180) that a spreadsheet opens and runs nothing of.

/// What a file of this kind is called in `Content-Type`.
pub(super) const CSV: &str = "text/csv; charset=utf-8; header=present";

/// Lines of a file, each as long as the others.
pub(super) fn lines<L, C>(lines: impl IntoIterator<Item = L>) -> Result<Vec<u8>, csv::Error>
where
    L: IntoIterator<Item = C>,
    C: AsRef<[u8]>,
{
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for line in lines {
        writer.write_record(line)?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

/// A text that a spreadsheet does not take for a formula: names are anybody's to choose.
pub(super) fn safe(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}
