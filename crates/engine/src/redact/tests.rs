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
