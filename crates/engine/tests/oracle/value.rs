//! Values: one spelling for what n8n reads alike, and the bytes that are hashed.

use serde_json::{Map, Number, Value};

/// The integers that a double holds exactly; n8n reads every number as a double.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The one spelling of a number: `1.0` and `1` are the same double, and so are `-0` and `0`.
pub fn number(n: &Number) -> Number {
    let Some(f) = n.as_f64() else { return n.clone() };
    if f.fract() == 0.0 && f.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "the range was checked on the line above")]
        return Number::from(f as i64);
    }
    Number::from_f64(f).unwrap_or_else(|| n.clone())
}

/// Null and `{}` say nothing in n8n's JSON: the editor turns one into the other and drops both.
pub fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.values().all(is_empty),
        _ => false,
    }
}

/// A copy with numbers in one spelling and, in objects, without what is null or empty. Elements of arrays keep their
/// place whatever they are: `[{}]` is a list of one, for example a schedule with one interval left at its default.
pub fn tidy(value: &Value) -> Value {
    match value {
        Value::Number(n) => Value::Number(number(n)),
        Value::Array(items) => Value::Array(items.iter().map(tidy).collect()),
        Value::Object(map) => {
            Value::Object(map.iter().filter(|(_, v)| !is_empty(v)).map(|(k, v)| (k.clone(), tidy(v))).collect())
        }
        other => other.clone(),
    }
}

/// Writes canonical JSON: keys sorted by their bytes, no spaces, numbers in one spelling. Nothing is left out here.
///
/// Key order must not come from [`Map`]: whether it sorts depends on a feature that any crate in the tree may turn on.
pub fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(b) => out.extend_from_slice(if *b { b"true" } else { b"false" }),
        Value::Number(n) => out.extend_from_slice(number(n).to_string().as_bytes()),
        Value::String(s) => write_str(s, out),
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

/// As [`write`], for the members of an object.
pub fn write_map(map: &Map<String, Value>, out: &mut Vec<u8>) {
    let mut members: Vec<_> = map.iter().collect();
    members.sort_unstable_by(|a, b| a.0.cmp(b.0));
    out.push(b'{');
    for (i, (key, value)) in members.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write_str(key, out);
        out.push(b':');
        write(value, out);
    }
    out.push(b'}');
}

fn write_str(s: &str, out: &mut Vec<u8>) {
    // A string always serialises, and a vector always takes what is written to it.
    let _ = serde_json::to_writer(out, s);
}

/// Canonical JSON as bytes.
pub fn bytes(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    write(value, &mut out);
    out
}

/// Whether the text has the shape of a UUID, which n8n makes anew at will.
pub fn is_uuid(text: &str) -> bool {
    let b = text.as_bytes();
    b.len() == 36
        && b.iter().enumerate().all(|(i, c)| match i {
            8 | 13 | 18 | 23 => *c == b'-',
            _ => c.is_ascii_hexdigit(),
        })
}
