//! Values that are shown and not read from a document: the same canonical spelling.

use serde_json::{Map, Value};

use crate::json::write_text;

/// Null and `{}` say nothing in n8n's JSON: the editor turns one into the other and drops both.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.values().all(is_empty),
        _ => false,
    }
}

/// Writes canonical JSON of a value whose numbers have their one spelling: keys sorted by their bytes, no spaces.
///
/// Key order must not come from [`Map`]: whether it sorts depends on a feature that any crate in the tree may turn on.
pub(crate) fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(b) => out.extend_from_slice(if *b { b"true" } else { b"false" }),
        Value::Number(n) => out.extend_from_slice(n.to_string().as_bytes()),
        Value::String(s) => write_text(s, out),
        Value::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write(item, out);
            }
            out.push(b']');
        }
        Value::Object(map) => write_map(map, out),
    }
}

fn write_map(map: &Map<String, Value>, out: &mut Vec<u8>) {
    let mut members: Vec<_> = map.iter().collect();
    members.sort_unstable_by(|a, b| a.0.cmp(b.0));
    out.push(b'{');
    for (i, (key, value)) in members.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write_text(key, out);
        out.push(b':');
        write(value, out);
    }
    out.push(b'}');
}

/// Canonical JSON as bytes.
pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    write(value, &mut out);
    out
}

/// Canonical JSON as a value. Null where the bytes are not what this crate writes.
pub(crate) fn read(canonical: &[u8]) -> Value {
    use serde::Deserialize;
    let mut deserializer = serde_json::Deserializer::from_slice(canonical);
    // What it was written from is within the limit of depth, whatever that is.
    deserializer.disable_recursion_limit();
    Value::deserialize(&mut deserializer).unwrap_or_default()
}

/// As [`read`], of an object's bytes.
pub(crate) fn read_map(canonical: &[u8]) -> Map<String, Value> {
    match read(canonical) {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// Whether the text has the shape of a UUID, which n8n makes anew at will.
pub(crate) fn is_uuid(text: &str) -> bool {
    let b = text.as_bytes();
    b.len() == 36
        && b.iter().enumerate().all(|(i, c)| match i {
            8 | 13 | 18 | 23 => *c == b'-',
            _ => c.is_ascii_hexdigit(),
        })
}
