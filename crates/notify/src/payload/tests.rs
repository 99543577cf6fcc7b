use chrono::{DateTime, Utc};
use drift_domain::notification::Named;
use serde_json::json;

use super::*;

fn named(id: u128, name: &str) -> Named {
    serde_json::from_value(json!({ "id": format!("00000000-0000-7000-8000-{id:012x}"), "name": name })).unwrap()
}

fn told(kind: NoticeKind, text: &str) -> Told {
    Told {
        kind,
        text: text.to_owned(),
        at: DateTime::<Utc>::UNIX_EPOCH,
        link: "https://drift.example.com/incidents/7".to_owned(),
        environment: Some(named(1, "Production")),
        incident: Some(named(7, "INC-7")),
        severity: Some(Severity::High),
        status: None,
        details: json!({ "changes": 2 }),
    }
}

fn message(told: Vec<Told>) -> Message {
    Message {
        organization: named(9, "Acme <GmbH>"),
        count: told.len(),
        told,
        is_test: false,
        topic: "incident:7".to_owned(),
        link: "https://drift.example.com/incidents/7".to_owned(),
    }
}

fn opened() -> Message {
    message(vec![told(NoticeKind::IncidentOpened, "INC-7 was opened: “Orders <b>” *differs*.")])
}

fn burst() -> Message {
    let mut many = message(vec![told(NoticeKind::DriftDetected, "One."), told(NoticeKind::IncidentOpened, "Two.")]);
    many.count = 120;
    many
}

#[test]
fn a_webhook_has_a_type_a_time_and_its_events() {
    let body = webhook(&opened());
    assert_eq!(body["type"], "incident.opened");
    assert_eq!(body["timestamp"], "1970-01-01T00:00:00Z");
    let data = &body["data"];
    assert_eq!((&data["count"], &data["organization"]["name"]), (&json!(1), &json!("Acme <GmbH>")));
    assert_eq!(data["link"], "https://drift.example.com/incidents/7");
    let event = &data["events"][0];
    for (field, value) in [
        ("type", json!("incident.opened")),
        ("severity", json!("HIGH")),
        ("details", json!({ "changes": 2 })),
        ("incident", json!({ "id": "00000000-0000-7000-8000-000000000007", "name": "INC-7" })),
    ] {
        assert_eq!(event[field], value, "{field}");
    }
    let rolled = webhook(&burst());
    assert_eq!((&rolled["type"], &rolled["data"]["count"]), (&json!("rollup"), &json!(120)));
    assert_eq!(rolled["data"]["events"].as_array().unwrap().len(), 2);
    let test = webhook(&Message { is_test: true, told: vec![], count: 0, ..opened() });
    assert_eq!((&test["type"], test["timestamp"].is_null()), (&json!("test"), true));
}

#[test]
fn slack_gets_text_and_blocks_and_reads_no_markup_in_names() {
    let body = slack(&opened());
    assert_eq!(body["text"], "INC-7 was opened: “Orders &lt;b&gt;” *differs*.");
    let blocks = body["blocks"].as_array().unwrap();
    assert!(blocks.iter().all(|block| matches!(block["type"].as_str(), Some("section" | "context"))));
    let foot = blocks.last().unwrap()["elements"][0]["text"].as_str().unwrap();
    assert!(
        foot.contains("<https://drift.example.com/incidents/7|Open in WorkflowOps>")
            && foot.contains("Acme &lt;GmbH&gt;")
    );
    let shout = slack(&message(vec![told(NoticeKind::DriftDetected, "<!channel> now")])).to_string();
    assert!(!shout.contains("<!channel>"), "nobody is called by a workflow's name");
    assert!(slack(&burst())["blocks"][1]["text"]["text"].as_str().unwrap().contains("• One."));
    let long = message(vec![told(NoticeKind::DriftDetected, &"x".repeat(9000))]);
    assert_eq!(slack(&long)["blocks"][0]["text"]["text"].as_str().unwrap().chars().count(), SECTION);
}

#[test]
fn teams_gets_an_adaptive_card() {
    let body = teams(&opened());
    assert_eq!(body["type"], "message");
    let attachment = &body["attachments"][0];
    assert_eq!(attachment["contentType"], "application/vnd.microsoft.card.adaptive");
    let card = &attachment["content"];
    assert_eq!((&card["type"], &card["version"]), (&json!("AdaptiveCard"), &json!("1.4")));
    let action = json!({ "type": "Action.OpenUrl", "title": "Open in WorkflowOps", "url": "https://drift.example.com/incidents/7" });
    assert_eq!(card["actions"][0], action);
    assert!(card["body"][0]["text"].as_str().unwrap().contains("\\*differs\\*"));
    assert_eq!(teams(&burst())["attachments"][0]["content"]["body"].as_array().unwrap().len(), 4);
}

#[test]
fn pagerduty_opens_acknowledges_and_resolves_one_alert() {
    let key = "0123456789abcdef0123456789abcdef";
    let body = pagerduty(&opened(), key);
    assert_eq!((&body["routing_key"], &body["event_action"]), (&json!(key), &json!("trigger")));
    let payload = &body["payload"];
    assert_eq!((&payload["source"], &payload["severity"]), (&json!("Production"), &json!("error")));
    assert_eq!((&payload["component"], &payload["class"]), (&json!("INC-7"), &json!("incident.opened")));
    assert!(payload["summary"].as_str().unwrap().starts_with("INC-7 was opened"));
    let moved = |status| {
        let told = Told { status: Some(status), ..told(NoticeKind::IncidentChanged, "It moved.") };
        pagerduty(&message(vec![told]), key)
    };
    for (status, action) in [
        (IncidentStatus::Acknowledged, "acknowledge"),
        (IncidentStatus::Closed, "resolve"),
        (IncidentStatus::Detected, "trigger"),
    ] {
        let event = moved(status);
        assert_eq!(event["event_action"], action);
        assert_eq!(event["dedup_key"], body["dedup_key"], "it is the same alert");
        assert_eq!(event["payload"].is_object(), action == "trigger");
    }
    let gone = message(vec![told(NoticeKind::DriftDetected, "Drift."), told(NoticeKind::DriftGone, "None.")]);
    assert_eq!(pagerduty(&gone, key)["event_action"], "resolve", "the newest says how things are");
    let expired = message(vec![told(NoticeKind::IncidentExpired, "Over.")]);
    assert_eq!(pagerduty(&expired, key)["payload"]["severity"], "critical");
    let long = message(vec![told(NoticeKind::DriftDetected, &"x".repeat(9000))]);
    assert_eq!(pagerduty(&long, key)["payload"]["summary"].as_str().unwrap().chars().count(), SUMMARY);
}

#[test]
fn a_mail_says_it_and_where_to_read_on() {
    let (subject, text) = mail(&opened());
    assert_eq!(subject, "INC-7 was opened: “Orders <b>” *differs*.");
    assert!(text.contains("https://drift.example.com/incidents/7") && text.contains("Acme <GmbH>"));
    let (subject, text) = mail(&burst());
    assert!(subject.starts_with("120 events in Production") && text.contains("- One.") && text.contains("- Two."));
}
