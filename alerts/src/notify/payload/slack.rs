//! A Slack message of Block Kit blocks, for an incoming webhook.

use serde_json::{Value, json};
use watchfire_schemas::{AlertSeverity, Timestamp};

use crate::notification::NotificationContent;
use crate::notify::wording::{duration, truncate};

use super::pagerduty::exception_change;
use super::{Occasion, page, to_json};

const MAX_HEADER: usize = 150;
const MAX_SECTION: usize = 3_000;
const MAX_FIELD: usize = 2_000;
const MAX_FIELDS: usize = 10;
pub(super) const MAX_BUTTONS: usize = 25;
const MAX_BUTTON_TEXT: usize = 75;
const MAX_BUTTON_URL: usize = 3_000;
const MAX_LISTED: usize = 5;

pub(super) fn render(content: &NotificationContent, occasion: Occasion) -> String {
    let title = title(content, occasion);
    let mut blocks = vec![json!({
        "type": "header",
        "text": { "type": "plain_text", "text": truncate(&title, MAX_HEADER), "emoji": false },
    })];
    let about = [&content.summary, &content.description]
        .into_iter()
        .find(|text| !text.trim().is_empty());
    blocks.extend(about.map(|text| section(&escape(text, MAX_SECTION))));
    blocks.push(json!({ "type": "section", "fields": fields(content) }));
    if occasion != Occasion::Resolved {
        blocks.extend(list("Exceptions since onset", exceptions(content)));
        blocks.extend(list("Changes near onset", changes(content)));
    }
    blocks.extend(buttons(content));
    blocks.push(json!({
        "type": "context",
        "elements": [mrkdwn(&origin(content))],
    }));
    let text = match content.summary.trim() {
        "" => escape(&title, MAX_SECTION),
        summary => escape(&format!("{title}: {summary}"), MAX_SECTION),
    };
    to_json(&json!({ "text": text, "blocks": blocks }))
}

pub(super) fn title(content: &NotificationContent, occasion: Occasion) -> String {
    let severity = match content.severity {
        AlertSeverity::Critical => "Critical",
        AlertSeverity::Error => "Error",
        AlertSeverity::Warning => "Warning",
        AlertSeverity::Info => "Info",
    };
    let title = match content.title.trim() {
        "" => "Incident",
        title => title,
    };
    match occasion {
        Occasion::Opened | Occasion::Updated => format!("{severity} · {title}"),
        Occasion::Changed => format!("Now {} · {title}", severity.to_lowercase()),
        Occasion::Acknowledged => format!("Acknowledged · {title}"),
        Occasion::Recovered => format!("Recovered · {title}"),
        Occasion::Resolved => format!("Resolved · {title}"),
    }
}

/// What is not of an incident, such as a test, names none.
fn origin(content: &NotificationContent) -> String {
    match content.incident.as_str() {
        "" => "Watchfire".to_owned(),
        id => format!("Watchfire · incident {}", escape(id, 100)),
    }
}

fn fields(content: &NotificationContent) -> Vec<Value> {
    let spread = content.onset_latest.seconds_since(content.onset_earliest);
    let onset = format!(
        "{} (within {})",
        moment(content.onset_at),
        duration(spread.max(1.0))
    );
    let rows = [
        ("Severity", Some(content.severity.to_string())),
        ("Service", services(content)),
        ("Onset", Some(onset)),
        ("Detected", Some(moment(content.detected_at))),
        ("Time to detect", content.ttd_seconds.map(duration)),
        ("Acknowledged by", who(content)),
        ("Recovered", content.recovered_at.map(moment)),
        ("Time to recover", content.ttr_seconds.map(duration)),
        ("Resolved", content.resolved_at.map(moment)),
    ];
    rows.into_iter()
        .filter_map(|(name, value)| value.map(|value| (name, value)))
        .take(MAX_FIELDS)
        .map(|(name, value)| mrkdwn(&format!("*{name}*\n{value}")))
        .collect()
}

fn services(content: &NotificationContent) -> Option<String> {
    let named = content.services.join(", ");
    (!named.is_empty()).then(|| escape(&named, MAX_FIELD / 2))
}

fn who(content: &NotificationContent) -> Option<String> {
    let who = content.acknowledged_by.as_deref()?;
    Some(escape(who, MAX_FIELD / 2))
}

fn exceptions(content: &NotificationContent) -> Vec<String> {
    let describe = |exception: &crate::IncidentException| {
        format!(
            "• *{}* {} — {} in {}, {} times",
            escape(&exception.kind, 120),
            escape(&exception.message, 200),
            exception_change(exception),
            escape(&exception.service, 80),
            exception.count,
        )
    };
    content.exceptions.iter().map(describe).collect()
}

fn changes(content: &NotificationContent) -> Vec<String> {
    let describe = |change: &watchfire_schemas::ChangeEvent| {
        let version = change.version.as_deref().unwrap_or_default();
        format!(
            "• {} — {} {} {}",
            moment(change.at),
            escape(&change.service, 80),
            escape(version, 60),
            escape(&change.summary, 200),
        )
    };
    content.changes.iter().map(describe).collect()
}

/// The first lines under a heading, and how many more there are.
fn list(heading: &str, lines: Vec<String>) -> Option<Value> {
    let more = lines.len().saturating_sub(MAX_LISTED);
    let shown: Vec<String> = lines.into_iter().take(MAX_LISTED).collect();
    if shown.is_empty() {
        return None;
    }
    let tail = if more > 0 {
        format!("\n+{more} more")
    } else {
        String::new()
    };
    Some(section(&format!("*{heading}*\n{}{tail}", shown.join("\n"))))
}

fn buttons(content: &NotificationContent) -> Option<Value> {
    let first = ("Open incident", page(content));
    let further = content
        .links
        .iter()
        .skip(1)
        .map(|link| (link.text.as_str(), link.href.as_str()));
    let runbook = content.runbook.as_deref().map(|href| ("Runbook", href));
    let elements: Vec<Value> = [first]
        .into_iter()
        .chain(further)
        .chain(runbook)
        .filter(|(text, href)| !text.is_empty() && !href.is_empty() && href.len() <= MAX_BUTTON_URL)
        .take(MAX_BUTTONS)
        .enumerate()
        .map(|(index, (text, href))| {
            let text = truncate(text, MAX_BUTTON_TEXT);
            json!({
                "type": "button",
                "action_id": format!("open_{index}"),
                "text": { "type": "plain_text", "text": text, "emoji": false },
                "url": href,
            })
        })
        .collect();
    (!elements.is_empty()).then(|| json!({ "type": "actions", "elements": elements }))
}

fn section(text: &str) -> Value {
    json!({ "type": "section", "text": mrkdwn(text) })
}

fn mrkdwn(text: &str) -> Value {
    json!({ "type": "mrkdwn", "text": text })
}

/// A time that Slack shows in the reader's own zone.
fn moment(at: Timestamp) -> String {
    let seconds = at.millis().div_euclid(1_000);
    let fallback = Timestamp::from_secs(seconds);
    format!("<!date^{seconds}^{{date_short_pretty}} {{time_secs}}|{fallback}>")
}

/// Escapes what Slack reads as markup; at most `limit` characters after that.
pub(super) fn escape(text: &str, limit: usize) -> String {
    let mut escaped = String::new();
    let mut length = 0;
    for character in text.trim().chars() {
        let piece = match character {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            _ => "",
        };
        let width = piece.len().max(1);
        if length + width >= limit {
            escaped.push('…');
            break;
        }
        length += width;
        if piece.is_empty() {
            escaped.push(character);
        } else {
            escaped.push_str(piece);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn check_escaped(text: &str, limit: usize, expected: &str) {
        assert_eq!(escape(text, limit), expected);
    }

    #[test]
    fn markup_is_escaped_and_never_cut_in_two() {
        check_escaped("a < b & c", 50, "a &lt; b &amp; c");
        check_escaped("<!channel>", 50, "&lt;!channel&gt;");
        check_escaped("ab<cd", 5, "ab…");
        check_escaped("abcd", 5, "abcd");
        check_escaped("abcde", 5, "abcd…");
    }

    #[test]
    fn limits_are_kept_with_hostile_content() {
        let mut content = samples::content();
        content.title = "<&>".repeat(1_000);
        content.summary = "<&>".repeat(5_000);
        content.services = vec!["&".repeat(9_000)];
        content.acknowledged_by = Some("<".repeat(9_000));
        content.exceptions = vec![content.exceptions[0].clone(); 100];
        for exception in &mut content.exceptions {
            exception.message = "<&>".repeat(1_000);
        }
        content.links = vec![content.links[0].clone(); 60];
        let message: Value =
            serde_json::from_str(&render(&content, Occasion::Opened)).expect("it is JSON");
        let blocks = message["blocks"].as_array().expect("blocks");
        assert!(blocks.len() <= 50);
        for block in blocks {
            let text = block["text"]["text"].as_str().unwrap_or_default();
            let limit = if block["type"] == "header" {
                150
            } else {
                3_000
            };
            assert!(text.chars().count() <= limit);
            for field in block["fields"].as_array().into_iter().flatten() {
                let text = field["text"].as_str().expect("a text");
                assert!(text.chars().count() <= MAX_FIELD);
            }
            let elements = block["elements"].as_array().map_or(0, Vec::len);
            assert!(elements <= 25);
        }
        assert!(blocks.iter().any(|block| {
            let text = block["text"]["text"].as_str();
            text.is_some_and(|text| text.ends_with("+95 more"))
        }));
    }
}
