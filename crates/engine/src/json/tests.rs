//! The reader by itself. That it reads what `serde_json` reads is held by `tests/rules.rs`, on whole workflows.

use serde_json::{Value, json};

use super::*;

fn read(text: &str) -> Option<String> {
    let (doc, json) = Document::read(text.as_bytes(), 8)?;
    Some(String::from_utf8(doc.bytes(json)).unwrap())
}

fn tidied(value: &Value) -> String {
    let text = value.to_string();
    let (doc, json) = Document::read(text.as_bytes(), 8).unwrap();
    let mut out = Vec::new();
    doc.write_tidy(json, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn numbers_are_doubles() {
    assert_eq!(read("[1, 1.0, -0.0, -0, 0.5, 1e300, 10e-1]").unwrap(), "[1,1,0,0,0.5,1e+300,1]");
    assert_eq!(read("[9007199254740993, 18446744073709551615]"), read("[9007199254740992.0, 18446744073709551616]"));
    assert_ne!(read("1.1"), read("1.2"));
    for no in ["1e400", "01", "-", "1.", ".5", "+1", "1-2", "1e", "0x1", "NaN"] {
        assert_eq!(read(no), None, "{no}");
    }
}

#[test]
fn keys_are_sorted_at_every_depth_and_the_last_of_equal_ones_counts() {
    assert_eq!(
        read(r#"{"b":{"d":1,"c":2},"a":[{"z":1,"y":2}]}"#).unwrap(),
        r#"{"a":[{"y":2,"z":1}],"b":{"c":2,"d":1}}"#
    );
    assert_eq!(read(r#"{"a":1,"b":2,"a":3,"\u0061":4}"#).unwrap(), r#"{"a":4,"b":2}"#);
    // By what they say: a quote comes before a letter, its backslash would not.
    assert_eq!(
        read(r#"{"aB":1,"a\"":2,"":3,"parameters2":4,"parameters":5}"#).unwrap(),
        r#"{"":3,"a\"":2,"aB":1,"parameters":5,"parameters2":4}"#
    );
}

#[test]
fn text_has_one_spelling() {
    assert_eq!(read(r#""\u0041\/\u00e9\u001F\n\t\ud83d\ude00""#).unwrap(), "\"A/é\\u001f\\n\\t😀\"");
    for no in ["\"\n\"", "\"\\x\"", "\"\\ud83d\"", "\"", "\"\\", "\"\\u12\""] {
        assert_eq!(read(no), None, "{no}");
    }
}

#[test]
fn what_is_no_json_is_not_read() {
    for no in
        ["", " ", "{", "[1,]", "{\"a\":1,}", "{\"a\"}", "{1:2}", "[1 2]", "nul", "true false", "[[[[[[[[[1]]]]]]]]]"]
    {
        assert_eq!(read(no), None, "{no}");
    }
    assert_eq!(read(" [ [[[[[[[ null ]]]]]]]\r\n] \t").unwrap(), "[[[[[[[[null]]]]]]]]");
    assert!(Document::read(b"\"\xff\"", 8).is_none());
}

#[test]
fn emptiness_goes_from_objects_and_stays_in_lists() {
    assert_eq!(
        tidied(&json!({"a": null, "b": {}, "c": {"d": {"e": null}}, "f": [{}, null, {"g": {}}], "g": ""})),
        r#"{"f":[{},null,{}],"g":""}"#
    );
    assert_eq!(tidied(&json!([{"a": 1, "b": null}])), r#"[{"a":1}]"#);
}

#[test]
fn a_value_can_be_replaced_and_asked_for() {
    let (mut doc, json) = Document::read(br#"{"a":{"b":7},"n":"\u0041\n"}"#, 8).unwrap();
    let a = doc.get(json, "a").unwrap();
    doc.replace(a, "b", "say \"it\"");
    assert_eq!(doc.to_value(json), json!({"a": {"b": "say \"it\""}, "n": "A\n"}));
    assert_eq!(doc.at_path(json, &["a".into(), "b".into()]).and_then(|b| doc.text(b)).unwrap(), "say \"it\"");
    let Some(Json::Text(text)) = doc.get(json, "n") else { panic!("a text") };
    let plain = doc.plain(text);
    assert_eq!(doc.at(plain), "A\n");
    let (other, same) = Document::read(br#" {"n" : "A\n", "a": {"b": "say \"it\""}} "#, 8).unwrap();
    assert!(doc.same(json, &other, same));
}
