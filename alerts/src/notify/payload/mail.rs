//! An incident as a mail: plain text, and the same as HTML that every reader shows.

use std::fmt::Write as _;

use watchfire_schemas::Timestamp;

use super::pagerduty::exception_change;
use super::{Occasion, page, slack, to_json};
use crate::notification::{NewNotification, NotificationContent};
use crate::notify::wording::{duration, truncate};
use crate::notify::{Address, Destination, Mail};
use crate::rules::template::html_text;

const MAX_SUBJECT: usize = 200;
const MAX_LISTED: usize = 10;

pub(super) fn render(to: &Destination, row: &NewNotification, occasion: Occasion) -> String {
    let content = &row.content;
    let mailbox = to.mailbox.as_ref();
    let domain = mailbox.map_or("localhost", |mailbox| mailbox.from.domain());
    let first = format!("{}@{domain}", row.dedup_key);
    let is_first = occasion == Occasion::Opened;
    // Mail readers put what has another subject into another thread.
    let subject = truncate(&slack::title(content, Occasion::Opened), MAX_SUBJECT);
    let later = format!("{}.{}@{domain}", row.dedup_key, row.not_before.nanos());
    let title = slack::title(content, occasion);
    to_json(&Mail {
        from: mailbox.map_or_else(String::new, |mailbox| mailbox.from.written()),
        to: mailbox.map_or_else(Vec::new, |it| it.to.iter().map(Address::written).collect()),
        subject: if is_first {
            subject
        } else {
            format!("Re: {subject}")
        },
        message_id: if is_first { first.clone() } else { later },
        in_reply_to: (!is_first).then_some(first),
        date: row.not_before,
        headers: vec![("Auto-Submitted".to_owned(), "auto-generated".to_owned())],
        text: text(content, &title),
        html: html(content, &title),
    })
}

fn facts(content: &NotificationContent) -> Vec<(&'static str, String)> {
    let services = content.services.join(", ");
    let onset = format!(
        "{} (between {} and {})",
        moment(content.onset_at),
        moment(content.onset_earliest),
        moment(content.onset_latest),
    );
    let rows = [
        ("Severity", Some(content.severity.to_string())),
        ("Service", (!services.is_empty()).then_some(services)),
        ("Onset", Some(onset)),
        ("Detected", Some(moment(content.detected_at))),
        ("Time to detect", content.ttd_seconds.map(duration)),
        ("Acknowledged by", content.acknowledged_by.clone()),
        ("Recovered", content.recovered_at.map(moment)),
        ("Time to recover", content.ttr_seconds.map(duration)),
        ("Resolved", content.resolved_at.map(moment)),
    ];
    let known = rows.into_iter();
    known
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

fn moment(at: Timestamp) -> String {
    Timestamp::from_secs(at.millis().div_euclid(1_000))
        .to_string()
        .replace('T', " ")
        .replace('Z', " UTC")
}

fn exceptions(content: &NotificationContent) -> Vec<String> {
    let lines = content.exceptions.iter().take(MAX_LISTED).map(|exception| {
        let message = truncate(&exception.message, 200);
        let change = exception_change(exception);
        let (kind, service) = (&exception.kind, &exception.service);
        let count = exception.count;
        format!("{kind}: {message} ({change}; {service}, {count} times)")
    });
    lines.collect()
}

fn changes(content: &NotificationContent) -> Vec<String> {
    let lines = content.changes.iter().take(MAX_LISTED).map(|change| {
        let version = change.version.as_deref().unwrap_or_default();
        let summary = truncate(&change.summary, 200);
        format!(
            "{} {} {version} {summary}",
            moment(change.at),
            change.service
        )
    });
    lines.collect()
}

fn lists(content: &NotificationContent) -> [(&'static str, Vec<String>); 2] {
    [
        ("Exceptions since onset", exceptions(content)),
        ("Changes near onset", changes(content)),
    ]
}

fn links(content: &NotificationContent) -> Vec<(&str, &str)> {
    let open = [("Open incident", page(content))];
    let runbook = content.runbook.as_deref().map(|href| ("Runbook", href));
    open.into_iter()
        .chain(runbook)
        .filter(|(_, href)| !href.is_empty())
        .collect()
}

fn text(content: &NotificationContent, title: &str) -> String {
    let mut text = format!("{title}\n\n");
    for about in [&content.summary, &content.description] {
        if !about.trim().is_empty() {
            writeln!(text, "{about}\n").expect("a String takes every write");
        }
    }
    for (name, value) in facts(content) {
        writeln!(text, "{name}: {value}").expect("a String takes every write");
    }
    for (heading, lines) in lists(content) {
        if !lines.is_empty() {
            let lines = lines.join("\n- ");
            write!(text, "\n{heading}\n- {lines}\n").expect("a String takes every write");
        }
    }
    text.push('\n');
    for (name, href) in links(content) {
        writeln!(text, "{name}: {href}").expect("a String takes every write");
    }
    text
}

fn html(content: &NotificationContent, title: &str) -> String {
    let mut html = String::from(
        "<!doctype html><html><body style=\"font-family:sans-serif;font-size:15px;color:#1a1a1a\">",
    );
    let mut put = |piece: &str| html.push_str(piece);
    put(&format!(
        "<h1 style=\"font-size:20px\">{}</h1>",
        html_text(title)
    ));
    for about in [&content.summary, &content.description] {
        if !about.trim().is_empty() {
            put(&format!("<p>{}</p>", html_text(about)));
        }
    }
    put("<table style=\"border-collapse:collapse\">");
    for (name, value) in facts(content) {
        put(&format!(
            "<tr><th style=\"text-align:left;padding:2px 16px 2px 0\">{name}</th><td>{}</td></tr>",
            html_text(&value)
        ));
    }
    put("</table>");
    for (heading, lines) in lists(content) {
        if lines.is_empty() {
            continue;
        }
        put(&format!("<h2 style=\"font-size:16px\">{heading}</h2><ul>"));
        for line in lines {
            put(&format!("<li>{}</li>", html_text(&line)));
        }
        put("</ul>");
    }
    for (name, href) in links(content) {
        let is_web = href.starts_with("https://") || href.starts_with("http://");
        if is_web {
            put(&format!(
                "<p><a href=\"{}\">{name}</a></p>",
                html_text(href)
            ));
        }
    }
    put("</body></html>");
    html
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::notification::EventAction;
    use crate::notify::{DestinationConfig, MailboxConfig, Means};

    fn destination() -> Destination {
        let mailbox = MailboxConfig {
            smarthost: "mail.example.org:587".to_owned(),
            from: "watchfire@example.org".to_owned(),
            to: "ada@example.org".to_owned(),
            hello: String::new(),
            username: String::new(),
            password: None,
            require_tls: true,
            implicit_tls: None,
        };
        let config = DestinationConfig::new("mail", Means::Email(mailbox));
        let parsed = Destination::parse_all(vec![config]).expect("it is well formed");
        parsed.into_iter().next().expect("there is one")
    }

    fn mail(action: EventAction, occasion: Occasion) -> Mail {
        let row = samples::notification(action);
        let kept = render(&destination(), &row, occasion);
        serde_json::from_str(&kept).expect("it is kept")
    }

    #[test]
    fn an_incident_is_one_thread() {
        let first = mail(EventAction::Trigger, Occasion::Opened);
        let last = mail(EventAction::Resolve, Occasion::Resolved);
        assert_eq!(first.message_id, "watchfire-inc-1@example.org");
        assert_eq!(first.in_reply_to, None);
        assert_eq!(last.in_reply_to.as_deref(), Some(first.message_id.as_str()));
        assert_ne!(last.message_id, first.message_id);
        assert_eq!(last.subject, format!("Re: {}", first.subject));
    }

    #[test]
    fn it_says_what_broke_since_when_and_what_changed() {
        let mail = mail(EventAction::Trigger, Occasion::Opened);
        for needle in [
            "Critical · Server errors in content",
            "62 % of GET /places fail",
            "Time to detect: 24 s",
            "PoolTimeout: no connection within 5s (new; content, 118 times)",
            "content 1.8.2 smaller connection pool",
            "http://127.0.0.1:7117/incidents/inc-1",
        ] {
            assert!(mail.text.contains(needle), "{needle}\n{}", mail.text);
        }
        assert!(
            mail.html
                .contains("status 503 from &lt;content&gt; &amp; co")
        );
        assert!(!mail.html.contains("<content>"));
    }
}
