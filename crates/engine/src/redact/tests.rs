use serde_json::json;

use super::*;

/// Text shown for a parameter value; panics where the secret is still in it.
fn shown(text: &str, secret: &str) -> String {
    let out = Redactor::new().text(text);
    assert!(!out.contains(secret), "{out}");
    out
}

#[test]
fn known_shapes_of_tokens_go_wherever_they_stand() {
    // Made up for this test; put together so that no scanner of repositories takes them for real ones.
    let tokens = [
        format!("sk-{}", "a1B2c3D4e5F6g7H8i9J0"),
        format!("sk-proj-{}", "a1B2c3D4e5F6g7H8i9J0_x-y"),
        format!("ghp_{}", "abcdefghij0123456789ABCDEFGHIJ012345"),
        format!("github_pat_{}", "11ABCDEFG0abcdefghij_klmnop"),
        format!("xoxb-{}", "123456789012-abcdefABCDEF"),
        format!("AKIA{}", "ABCDEFGHIJKLMNOP"),
        format!("AIza{}", "SyA1234567890abcdefghijklmnopqrstuv"),
        format!("eyJ{}.eyJ{}.{}", "hbGciOiJIUzI1NiJ9", "zdWIiOiIxMjM0NTYifQ", "s1gnatur3-_x"),
        format!("{}:{}", "123456789", "AAabcdefghijklmnopqrstuvwxyz-012345"),
        format!("glpat-{}", "abcdefghijklmnop1234"),
    ];
    for token in &tokens {
        shown(&format!("const key = get(); // {token}\nreturn key"), token);
        shown(&format!("https://example.invalid/x?y={token}&z=1"), token);
    }
}

#[test]
fn the_rest_of_the_text_stays() {
    assert_eq!(shown("postgres://app:hunter2@db:5432/x", "hunter2"), "postgres://app:‹secret 1›@db:5432/x");
    assert_eq!(shown("Authorization: Bearer abc123def456", "abc123def456"), "Authorization: Bearer ‹secret 1›");
    assert_eq!(shown(r#"{"apiKey": "k-123", "a": "b"}"#, "k-123"), r#"{"apiKey": "‹secret 1›", "a": "b"}"#);
    assert_eq!(shown("let password = 'hunter2';", "hunter2"), "let password = '‹secret 1›';");
    assert_eq!(
        shown("https://x.invalid/a?api_key=abcd1234&b=2", "abcd1234"),
        "https://x.invalid/a?api_key=‹secret 1›&b=2"
    );
    assert_eq!(shown("export DB_PASSWORD=hunter22 && run", "hunter22"), "export DB_PASSWORD=‹secret 1› && run");
    assert_eq!(shown("curl -u me:hunter2 https://x.invalid", "hunter2"), "curl -u me:‹secret 1› https://x.invalid");
    assert_eq!(shown("ALTER ROLE x PASSWORD 'hunter2'", "hunter2"), "ALTER ROLE x PASSWORD '‹secret 1›'");
    assert_eq!(shown("headers['x-api-key'] = 'abc-1'", "abc-1"), "headers['x-api-key'] = '‹secret 1›'");
}

#[test]
fn ordinary_text_is_not_touched() {
    for text in [
        "Basic Workflow2, Token Splitter9 and Bearer Workflow12",
        "Use Basic authentication and a Bearer token scheme, please.",
        "={{ $json.token }} {{ $('Get token').item.json.access_token }}",
        "SELECT id, name FROM customers WHERE city = 'Paris' AND token_count > 5",
        "const maxTokens = 500; const tokens = text.split(' ');",
        r#"{"token": "{{ $json.token }}"}"#,
        "https://example.invalid/path?page=2&sort=name",
        "The password must be longer than 8 characters.",
    ] {
        assert_eq!(Redactor::new().text(text), text);
    }
}

#[test]
fn names_tell() {
    let mut redactor = Redactor::new();
    let out = redactor.value(&json!({
        "password": "p", "clientSecret": 5, "accessToken": "={{ $json.t }}", "maxTokens": 500, "tokenUrl": "https://x",
        "authentication": "headerAuth", "credentials": {"api": {"name": "My token"}},
        "headerParameters": {"parameters": [{"name": "X-Api-Key", "value": "abc"}, {"name": "Accept", "value": "json"}]},
        "assignments": [{"name": "apiKey", "value": "=pre-fix {{ $json.x }}", "type": "string"}],
        "apiKey": {"__rl": true, "value": "abc", "mode": "id"},
    }));
    assert_eq!(out["tokenUrl"], "https://x");
    assert_eq!(out["maxTokens"], 500);
    assert_eq!(out["authentication"], "headerAuth");
    assert_eq!(out["credentials"]["api"]["name"], "My token");
    assert_eq!(out["accessToken"], "={{ $json.t }}");
    for secret in [&out["password"], &out["clientSecret"], &out["headerParameters"]["parameters"][0]["value"]] {
        assert!(secret.as_str().unwrap().starts_with("‹secret"), "{secret}");
    }
    assert_eq!(out["headerParameters"]["parameters"][1]["value"], "json");
    assert_eq!(out["apiKey"]["value"], out["headerParameters"]["parameters"][0]["value"]);
    assert_eq!(out["apiKey"]["mode"], "id");
    let assigned = out["assignments"][0]["value"].as_str().unwrap();
    assert!(assigned.contains("{{ $json.x }}") && !assigned.contains("pre-fix"), "{assigned}");
}

#[test]
fn equal_secrets_stay_equal_and_different_ones_different() {
    let mut redactor = Redactor::new();
    let [a, b, again] = ["one-1", "two-2", "one-1"].map(|s| redactor.member("password", &json!(s)));
    assert_eq!(a, again);
    assert_ne!(a, b);
    assert!(!format!("{redactor:?}").contains("one-1"));
}

#[test]
fn a_pair_that_repeats_its_name_is_a_choice_and_no_secret() {
    let choice =
        json!({"options": [{"name": "Cookie", "value": "Cookie"}, {"name": "Oat Cookie", "value": "Oat Cookie"}]});
    assert_eq!(Redactor::new().value(&choice), choice);
    let header = json!({"name": "Cookie", "value": "sid=abc"});
    assert_eq!(Redactor::new().value(&header), json!({"name": "Cookie", "value": "‹secret 1›"}));
}

#[test]
fn headers_that_services_make_up_are_secrets_and_words_like_them_are_not() {
    for name in ["X-n8n-Signature", "X-Api-Token", "x-api-auth", "Ocp-Apim-Subscription-Key", "x-functions-key"] {
        let shown = Redactor::new().value(&json!({"name": name, "value": "EvtIS^EBVISeie6svB@6ev"}));
        assert_eq!(shown["value"], "‹secret 1›", "{name}");
    }
    for name in ["taxApiEnabled", "signature", "sessionKey", "outputKey", "X-Request-Id"] {
        let plain = json!({"name": name, "value": "anything"});
        assert_eq!(Redactor::new().value(&plain), plain, "{name}");
    }
}

/// A part of an object is shown as it is in the whole.
#[test]
fn a_value_by_its_path_is_redacted_as_in_the_whole() {
    let whole = json!({
        "password": {"a": [1, "p1"], "value": "p2", "note": "fine", "token": "p3"},
        "list": [{"name": "X-Api-Key", "value": "p4", "other": "o"}, {"name": "Cookie", "value": "Cookie"}],
        "nested": {"secret": ["p5", {"value": ["p6"], "text": "Bearer abc123def456"}], "url": "https://u:p7@h/"},
    });
    let (doc, json) = Document::read(whole.to_string().as_bytes(), 9).unwrap();
    let all = Redactor::new().value(&whole);
    for path in [
        "password",
        "password/a",
        "password/a/1",
        "password/value",
        "password/note",
        "password/token",
        "list/0/value",
        "list/0/other",
        "list/1/value",
        "list",
        "nested/secret/0",
        "nested/secret/1/value/0",
        "nested/secret/1/text",
        "nested/url",
        "nested",
    ] {
        let steps: Vec<Step> = path.split('/').map(|s| s.parse().map_or_else(|_| Step::from(s), Step::Index)).collect();
        let labels = |value: &Value| {
            let text = value.to_string();
            let text = (1..10).fold(text, |text, i| text.replace(&format!("secret {i}"), "secret"));
            serde_json::from_str::<Value>(&text).unwrap()
        };
        let part = Redactor::new().at_path(&doc, json, &steps);
        assert_eq!(labels(&part), labels(all.pointer(&format!("/{path}")).unwrap()), "{path}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 2_000, ..Default::default() })]

    /// Shapes are passed over only where no text can have them.
    #[test]
    fn what_is_passed_over_holds_no_secret(
        parts in proptest::collection::vec(proptest::sample::select(vec![
            "a", "a1B2c3D4", "e5F6g7H8i9J0", "12345678", "é", " ", "\n", ":", "://", "@", "=", "'", "\"", "`", "\\", "?", "&",
            "-u ", "x:", "password", "Bearer ", "basic ", "pwd", "TOKEN", "api_key", "key", "sig", "cookie", "x-api-key",
            "IDENTIFIED BY ", "sk-", "xoxb-", "AKIA", "eyJ", ".", "hooks.slack.com/services/", "-----BEGIN PRIVATE KEY-----",
        ]), 0..8),
    ) {
        let text = parts.concat();
        let mut expected = Cow::Borrowed(text.as_str());
        let mut redactor = Redactor::new();
        patterns::all(|pattern| redactor.replace(pattern, &mut expected));
        proptest::prop_assert_eq!(Redactor::new().text(&text), expected);
    }
}

#[test]
fn a_token_beside_a_letter_that_is_not_ascii_goes_too() {
    shown("clé:éAKIAABCDEFGHIJKLMNOP", "AKIAABCDEFGHIJKLMNOP");
}
