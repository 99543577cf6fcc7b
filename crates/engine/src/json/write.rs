//! The bytes that are hashed: canonical JSON, with keys sorted by their bytes, no spaces, one spelling of everything.

use super::{Document, Json, Text};

/// Writes a text that was not read.
pub(crate) fn write_text(says: &str, out: &mut Vec<u8>) {
    // A string always serialises, and a vector always takes what is written to it.
    let _ = serde_json::to_writer(out, says);
}

/// Writes a whole number.
pub(crate) fn write_integer(n: i64, out: &mut Vec<u8>) {
    if let Ok(digit @ 0..=9) = u8::try_from(n) {
        out.push(b'0' + digit);
    } else {
        let _ = serde_json::to_writer(out, &n);
    }
}

impl Document {
    /// Writes a text of this document, with quotes.
    pub(crate) fn write_quoted(&self, text: Text, out: &mut Vec<u8>) {
        out.extend_from_slice(self.quoted(text));
    }

    /// Writes a value. Nothing is left out.
    pub(crate) fn write(&self, json: Json, out: &mut Vec<u8>) {
        self.write_where(json, &|_| true, out);
    }

    /// Writes a value without what is null or empty in objects. Elements of lists keep their place whatever they are:
    /// `[{}]` is a list of one, for example a schedule with one interval left at its default.
    pub(crate) fn write_tidy(&self, json: Json, out: &mut Vec<u8>) {
        self.write_where(json, &|json| !json.is_empty(), out);
    }

    fn write_where(&self, json: Json, keep: &impl Fn(Json) -> bool, out: &mut Vec<u8>) {
        match json {
            Json::List(_) => {
                out.push(b'[');
                for (i, item) in self.items(json).iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    self.write_where(*item, keep, out);
                }
                out.push(b']');
            }
            Json::Object(..) => {
                out.push(b'{');
                let mut first = true;
                for member in self.members(json).iter().filter(|m| keep(m.value)) {
                    if !first {
                        out.push(b',');
                    }
                    first = false;
                    self.write_quoted(member.key, out);
                    out.push(b':');
                    self.write_where(member.value, keep, out);
                }
                out.push(b'}');
            }
            scalar => self.write_scalar(scalar, out),
        }
    }

    /// Writes what is neither a list nor an object.
    pub(crate) fn write_scalar(&self, json: Json, out: &mut Vec<u8>) {
        match json {
            Json::Text(text) => self.write_quoted(text, out),
            Json::Integer(n) => write_integer(n, out),
            Json::Bool(true) => out.extend_from_slice(b"true"),
            Json::Bool(false) => out.extend_from_slice(b"false"),
            Json::Float(f) => drop(serde_json::to_writer(out, &f)),
            Json::Null | Json::List(_) | Json::Object(..) => out.extend_from_slice(b"null"),
        }
    }

    /// Canonical JSON of a value as bytes, with nothing left out.
    pub(crate) fn bytes(&self, json: Json) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        self.write(json, &mut out);
        out
    }
}
