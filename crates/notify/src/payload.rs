//! A message as each kind of channel reads it. Pure: no call, no clock, and what people wrote is escaped for who reads it.

use drift_domain::incident::IncidentStatus;
use drift_domain::notification::{Message, NoticeKind, Told};
use drift_domain::severity::Severity;
use serde_json::{Value, json};

/// Events that a message for people lists at most; the count tells of the others.
const LISTED: usize = 10;
/// The longest summary that PagerDuty takes, in characters.
const SUMMARY: usize = 1024;
/// The longest text of a Slack section, in characters.
const SECTION: usize = 3000;

/// The body of a webhook: `type`, `timestamp` and `data`, as the Standard Webhooks specification recommends.
#[must_use]
pub fn webhook(message: &Message) -> Value {
    let kind = match message.told.as_slice() {
        _ if message.is_test => "test",
        [one] if message.count <= 1 => one.kind.event_type(),
        _ => "rollup",
    };
    let at = message.told.last().map(|told| told.at);
    json!({
        "type": kind,
        "timestamp": at,
        "data": {
            "organization": message.organization,
            "text": message.headline(),
            "link": message.link,
            "count": message.count,
            "events": message.told.iter().map(event).collect::<Vec<_>>(),
        },
    })
}

fn event(told: &Told) -> Value {
    json!({
        "type": told.kind.event_type(), "at": told.at, "text": told.text, "link": told.link,
        "environment": told.environment, "incident": told.incident, "severity": told.severity, "status": told.status,
        "details": told.details,
    })
}

/// The body for an incoming webhook of Slack: blocks, and the text that a notice on a phone shows.
#[must_use]
pub fn slack(message: &Message) -> Value {
    let headline = slack_text(&message.headline());
    let mut blocks = vec![
        json!({ "type": "section", "text": { "type": "mrkdwn", "text": cut(&format!("*{headline}*"), SECTION) } }),
    ];
    let lines = lines(message).map(|told| format!("• {} <{}|Open>", slack_text(&told.text), told.link));
    let lines = lines.collect::<Vec<_>>().join("\n");
    if !lines.is_empty() {
        blocks.push(json!({ "type": "section", "text": { "type": "mrkdwn", "text": cut(&lines, SECTION) } }));
    }
    let foot = format!("{} · <{}|Open in WorkflowOps>", slack_text(&message.organization.name), message.link);
    blocks.push(json!({ "type": "context", "elements": [{ "type": "mrkdwn", "text": foot }] }));
    json!({ "text": headline, "blocks": blocks, "unfurl_links": false, "unfurl_media": false })
}

/// What Slack reads as text and not as markup or a mention of a whole channel.
fn slack_text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The body for a workflow of Teams: an Adaptive Card.
#[must_use]
pub fn teams(message: &Message) -> Value {
    let block = |text: String, weight: &str, wrap: bool| json!({ "type": "TextBlock", "text": text, "weight": weight, "wrap": wrap });
    let mut body = vec![block(teams_text(&message.headline()), "Bolder", true)];
    body.extend(
        lines(message).map(|told| block(format!("{} [Open]({})", teams_text(&told.text), told.link), "Default", true)),
    );
    body.push(
        json!({ "type": "TextBlock", "text": teams_text(&message.organization.name), "isSubtle": true, "wrap": true }),
    );
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": body,
                "actions": [{ "type": "Action.OpenUrl", "title": "Open in WorkflowOps", "url": message.link }],
            },
        }],
    })
}

/// Text blocks read a little Markdown: names that people gave are shown as they are.
fn teams_text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '*' | '_' | '[' | ']' | '(' | ')' | '`' | '#' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// The body for PagerDuty's Events API v2. Events of one topic open, acknowledge and resolve one alert.
#[must_use]
pub fn pagerduty(message: &Message, routing_key: &str) -> Value {
    let newest = message.told.last();
    let action = newest.map_or("trigger", act);
    let mut event = json!({
        "routing_key": routing_key, "event_action": action, "dedup_key": dedup_key(message),
        "client": "WorkflowOps", "client_url": message.link,
    });
    if action == "trigger" {
        let place = newest.and_then(|told| told.environment.as_ref()).unwrap_or(&message.organization);
        event["payload"] = json!({
            "summary": cut(&message.headline(), SUMMARY),
            "source": place.name,
            "severity": newest.map_or("info", weight),
            "timestamp": newest.map(|told| told.at),
            "component": newest.and_then(|told| told.incident.as_ref()).map(|incident| &incident.name),
            "group": message.organization.name,
            "class": newest.map_or("test", |told| told.kind.event_type()),
            "custom_details": { "count": message.count, "events": message.told.iter().map(event_line).collect::<Vec<_>>() },
        });
        event["links"] = json!([{ "href": message.link, "text": "Open in WorkflowOps" }]);
    }
    event
}

/// What one alert is known by: at most 255 characters, which identifiers do not reach.
fn dedup_key(message: &Message) -> String {
    format!("workflowops:{}:{}", message.organization.id, message.topic)
}

fn event_line(told: &Told) -> Value {
    json!({ "type": told.kind.event_type(), "at": told.at, "text": told.text, "link": told.link })
}

/// What an event does to its alert.
fn act(told: &Told) -> &'static str {
    match (told.kind, told.status) {
        (NoticeKind::DriftGone | NoticeKind::EnvironmentVerified, _) => "resolve",
        (NoticeKind::IncidentChanged, Some(IncidentStatus::Closed)) => "resolve",
        (NoticeKind::IncidentChanged, Some(status)) if status != IncidentStatus::Detected => "acknowledge",
        _ => "trigger",
    }
}

/// PagerDuty's word for how bad it is.
fn weight(told: &Told) -> &'static str {
    match (told.kind, told.severity) {
        (NoticeKind::IncidentExpired, _) | (_, Some(Severity::Critical)) => "critical",
        (NoticeKind::ArtifactFailed, _) | (_, Some(Severity::High)) => "error",
        _ => "warning",
    }
}

/// A mail: subject and text.
#[must_use]
pub fn mail(message: &Message) -> (String, String) {
    let headline = message.headline();
    let mut text = format!("{headline}\n");
    for told in lines(message) {
        text.push_str(&format!("\n- {}\n  {}\n", told.text, told.link));
    }
    let why = "You get this because of the notification settings of";
    text.push_str(&format!("\n{}\n\n-- \n{why} {}.\n", message.link, message.organization.name));
    (cut(&headline, 200), text)
}

/// The events that are listed below the headline: none where it says all.
fn lines(message: &Message) -> impl Iterator<Item = &Told> {
    let single = message.told.len() <= 1 && message.count <= 1;
    let skip = if single { message.told.len() } else { message.told.len().saturating_sub(LISTED) };
    message.told.iter().skip(skip)
}

fn cut(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    text.chars().take(longest.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests;
