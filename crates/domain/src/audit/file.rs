//! An export: JSON Lines that verify by themselves. The first line says what it is, each further one holds an entry and its
//! seal, and the last says where the chain ends, so that a file that was cut off is known.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Anchor, Chain, Digest, Fault, Seal};
use crate::ids::OrganizationId;

/// The name and version of the form.
pub const FORMAT: &str = "workflowops.audit/1";

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// [`FORMAT`].
    pub format: String,
    /// Whose log.
    pub organization_id: OrganizationId,
    /// The organization's name.
    pub organization: String,
    /// When it was written.
    pub exported_at: DateTime<Utc>,
    /// The place before the first seal that follows: 0 for a log from its beginning.
    pub after_sequence: i64,
    /// The hash of the seal at that place, taken on trust; zeros for a log from its beginning.
    pub after_hash: Digest,
}

/// A line with an entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The entry, as it is hashed; null for one that is not there any more.
    pub entry: Value,
    /// Its seal.
    pub seal: Seal,
}

/// The last line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The last seal's place.
    pub last_sequence: i64,
    /// Its hash.
    pub last_hash: Digest,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Read {
    Line(Line),
    End { end: End },
}

/// A log that was found sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Whose.
    pub organization_id: OrganizationId,
    /// The place before the first seal that was looked at; 0 for a log from its beginning.
    pub after_sequence: i64,
    /// The last seal's place.
    pub sequence: i64,
    /// The last seal's hash.
    pub hash: Digest,
}

/// Checks an export line by line, and keeps nothing but the end of the chain.
#[derive(Debug, Default)]
pub struct FileCheck {
    anchor: Option<Anchor>,
    line: u64,
    header: Option<Header>,
    chain: Option<Chain>,
    ended: bool,
}

impl FileCheck {
    /// A check that also wants the chain to run through a seal.
    #[must_use]
    pub fn new(anchor: Option<Anchor>) -> Self {
        Self { anchor, ..Self::default() }
    }

    fn fault(&self, what: impl Into<String>) -> Fault {
        Fault::Line { line: self.line, what: what.into() }
    }

    /// Takes the next line.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn take(&mut self, text: &str) -> Result<(), Fault> {
        self.line += 1;
        if self.ended {
            return Err(self.fault("something follows the end of the log"));
        }
        let Some(chain) = &mut self.chain else { return self.begin(text) };
        match serde_json::from_str(text) {
            Ok(Read::Line(line)) => chain.take(&line.seal, Some(&line.entry).filter(|entry| !entry.is_null())),
            Ok(Read::End { end }) if (end.last_sequence, end.last_hash) == (chain.sequence(), chain.head()) => {
                self.ended = true;
                Ok(())
            }
            Ok(Read::End { end }) => {
                let found = chain.sequence();
                Err(self.fault(format!(
                    "the log ends with seal {}, and seal {found} is the last that is there",
                    end.last_sequence
                )))
            }
            Err(_) => Err(self.fault("it is neither an entry with its seal nor the end of the log")),
        }
    }

    fn begin(&mut self, text: &str) -> Result<(), Fault> {
        let header = serde_json::from_str::<Header>(text).ok().filter(|header| header.format == FORMAT);
        let header = header.ok_or_else(|| self.fault(format!("it is no export in the form {FORMAT}")))?;
        if header.after_sequence == 0 && header.after_hash != Digest::NONE {
            return Err(self.fault("nothing comes before the first seal, and a hash is given for it"));
        }
        self.chain = Some(Chain::after(header.organization_id, header.after_sequence, header.after_hash, self.anchor));
        self.header = Some(header);
        Ok(())
    }

    /// The file ends here.
    ///
    /// # Errors
    /// It was cut off, or does not run through the seal that it should.
    pub fn end(self) -> Result<Verified, Fault> {
        let (Some(header), Some(chain), true) = (&self.header, &self.chain, self.ended) else {
            return Err(self.fault("the file was cut off: the line that ends the log is missing"));
        };
        chain.end()?;
        Ok(Verified {
            organization_id: header.organization_id,
            after_sequence: header.after_sequence,
            sequence: chain.sequence(),
            hash: chain.head(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::audit::entry_hash;
    use crate::ids::AuditEntryId;

    fn export(entries: i64) -> Vec<String> {
        let organization = OrganizationId(Uuid::from_u128(7));
        let mut head = Digest::NONE;
        let header = json!({
            "format": FORMAT, "organization_id": organization, "organization": "Acme", "exported_at": "2026-11-28T00:00:00Z",
            "after_sequence": 0, "after_hash": Digest::NONE,
        });
        let mut lines = vec![header.to_string()];
        for sequence in 1..=entries {
            let id = AuditEntryId(Uuid::from_u128(sequence.unsigned_abs().into()));
            let entry = json!({ "id": id, "organization_id": organization, "after": { "n": sequence } });
            let seal = Seal::new(organization, sequence, id, entry_hash(&entry).unwrap(), head);
            head = seal.hash;
            lines.push(json!({ "entry": entry, "seal": seal }).to_string());
        }
        lines.push(json!({ "end": { "last_sequence": entries, "last_hash": head } }).to_string());
        lines
    }

    fn check(lines: &[String], anchor: Option<Anchor>) -> Result<Verified, Fault> {
        let mut check = FileCheck::new(anchor);
        lines.iter().try_for_each(|line| check.take(line))?;
        check.end()
    }

    #[test]
    fn a_whole_file_is_sound_and_any_changed_byte_is_found() {
        let lines = export(3);
        let sound = check(&lines, None).unwrap();
        assert_eq!((sound.sequence, sound.after_sequence), (3, 0));
        let line = &lines[2];
        for (at, byte) in line.bytes().enumerate() {
            // A digit or letter that becomes another one; the order of the bytes stays JSON or does not.
            let other = if byte == b'1' { '2' } else { '1' };
            let mut changed = lines.clone();
            changed[2].replace_range(at..=at, &other.to_string());
            assert!(check(&changed, None).is_err(), "byte {at} of {line}");
        }
    }

    #[test]
    fn what_is_removed_swapped_added_and_cut_off_is_found() {
        let lines = export(4);
        let mut removed = lines.clone();
        removed.remove(2);
        assert_eq!(check(&removed, None), Err(Fault::Gap { expected: 2, found: 3 }));
        let mut swapped = lines.clone();
        swapped.swap(2, 3);
        assert_eq!(check(&swapped, None), Err(Fault::Gap { expected: 2, found: 3 }));
        let cut = &lines[..4];
        assert!(matches!(check(cut, None), Err(Fault::Line { line: 4, .. })));
        let mut cut_with_end = cut.to_vec();
        cut_with_end.push(lines[5].clone());
        assert!(matches!(check(&cut_with_end, None), Err(Fault::Line { line: 5, .. })));
        let mut added = lines.clone();
        added.push(lines[4].clone());
        assert!(matches!(check(&added, None), Err(Fault::Line { line: 7, .. })));
        assert!(check(&[], None).is_err());
    }

    #[test]
    fn a_chain_that_was_written_anew_does_not_run_through_what_was_noted() {
        let lines = export(3);
        let head = check(&lines, None).unwrap();
        let anchor: Anchor = format!("3:{}", head.hash).parse().unwrap();
        assert!(check(&lines, Some(anchor)).is_ok());
        assert_eq!(check(&export(2), Some(anchor)), Err(Fault::NotAnchored { sequence: 3 }));
        assert_eq!(check(&lines, Some(Anchor { sequence: 2, ..anchor })), Err(Fault::NotAnchored { sequence: 2 }));
    }

    #[test]
    fn what_is_hashed_is_a_promise() {
        let entry = json!({ "b": 1, "a": "ä", "n": null });
        // printf 'workflowops.audit.entry/1\n{"a":"ä","b":1,"n":null}' | sha256sum
        assert_eq!(
            entry_hash(&entry).unwrap().to_string(),
            "71abca160929a19fed7807bf8fea5a85648a2d597e3cf2002524f7c136108490"
        );
    }
}
