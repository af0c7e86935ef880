//! A change event of `PagerDuty`, without the routing key.

use serde_json::{Map, Value, json};
use watchfire_schemas::ChangeEvent;

use super::to_json;
use crate::notify::wording::truncate;

const MAX_SUMMARY: usize = 1024;
const MAX_TEXT: usize = 4_000;

pub(crate) fn render_change(change: &ChangeEvent, external_url: &str) -> String {
    let version = change.version.as_deref().unwrap_or_default();
    let words = [change.service.as_str(), version, change.summary.as_str()];
    let words = words.into_iter().filter(|word| !word.is_empty());
    let summary = words.collect::<Vec<_>>().join(" · ");
    let mut details = Map::new();
    details.insert("kind".to_owned(), json!(change.kind));
    details.insert("service".to_owned(), json!(change.service));
    let optional = [
        ("version", change.version.as_deref()),
        ("author", change.author.as_deref()),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            details.insert(name.to_owned(), json!(truncate(value, MAX_TEXT)));
        }
    }
    let mut event = json!({
        "payload": {
            "summary": truncate(&summary, MAX_SUMMARY),
            "timestamp": change.at,
            "source": "watchfire",
            "custom_details": Value::Object(details),
        },
    });
    let mut links = Vec::new();
    if let Some(link) = &change.link {
        links.push(json!({ "href": link, "text": "Details" }));
    }
    if !external_url.is_empty() {
        links.push(json!({ "href": external_url, "text": "Watchfire" }));
    }
    if !links.is_empty() {
        event["links"] = json!(links);
    }
    to_json(&event)
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn a_deploy_is_told_in_a_line() {
        let mut change = samples::content().changes.remove(0);
        change.link = Some("https://ci.example/42".to_owned());
        let event: Value =
            serde_json::from_str(&render_change(&change, "http://w.example")).expect("it is JSON");
        let summary = "content · 1.8.2 · smaller connection pool";
        assert_eq!(event["payload"]["summary"], summary);
        assert_eq!(event["payload"]["source"], "watchfire");
        assert_eq!(
            event["payload"]["custom_details"]["author"],
            "release train"
        );
        assert_eq!(event["links"][0]["href"], "https://ci.example/42");
        change.summary = "ß".repeat(2_000);
        let event: Value = serde_json::from_str(&render_change(&change, "")).expect("it is JSON");
        let summary = event["payload"]["summary"].as_str().expect("a text");
        assert_eq!(summary.chars().count(), MAX_SUMMARY);
    }
}
