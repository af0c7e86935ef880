//! Mail as RFC 5322 and MIME have it. Nothing that comes from telemetry can add a header.

mod address;
mod words;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use watchfire_schemas::Timestamp;

pub(crate) use address::Address;
use words::{encoded, plain};

/// A mail as it is kept. It is sent as it stands here, so that every attempt is the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mail {
    pub from: String,
    pub to: Vec<String>,
    pub subject: String,
    /// Without the angle brackets.
    pub message_id: String,
    /// The mail that this one answers, so that those of one incident are one thread.
    pub in_reply_to: Option<String>,
    pub date: Timestamp,
    /// Further header fields; those that are made here cannot be replaced, save `To`, `From` and
    /// `Subject`.
    pub headers: Vec<(String, String)>,
    /// May be empty if there is HTML.
    pub text: String,
    /// May be empty.
    pub html: String,
}

/// Header fields that say how the mail is built, or that make it part of a thread.
const OURS: [&str; 8] = [
    "bcc",
    "content-transfer-encoding",
    "content-type",
    "date",
    "in-reply-to",
    "message-id",
    "mime-version",
    "references",
];
const LINE: usize = 76;

impl Mail {
    /// The bytes between `DATA` and the dot, lines ended by CRLF, without the dots doubled.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut head = Head(String::new());
        self.people(&mut head);
        let date =
            crate::rules::template::formatted(self.date.nanos(), "Mon, 02 Jan 2006 15:04:05 -0700");
        head.field("Date", &date);
        head.field("Message-ID", &format!("<{}>", plain(&self.message_id)));
        if let Some(first) = &self.in_reply_to {
            let first = format!("<{}>", plain(first));
            head.field("In-Reply-To", &first);
            head.field("References", &first);
        }
        for (name, value) in &self.headers {
            let known = name.to_ascii_lowercase();
            let is_made_here = OURS.contains(&known.as_str())
                || matches!(known.as_str(), "from" | "to" | "subject");
            if !is_made_here && is_field_name(name) {
                head.field(name, &encoded(value));
            }
        }
        head.field("MIME-Version", "1.0");
        let mut mail = head.0;
        mail.push_str(&self.body());
        mail.into_bytes()
    }

    /// What was asked for wins over what the envelope says.
    fn people(&self, head: &mut Head) {
        let asked = |name: &str| {
            let mut found = self.headers.iter().rev();
            let found = found.find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.as_str())
        };
        let from = asked("from").unwrap_or(&self.from);
        head.field("From", &Address::shown_list(from));
        let to = asked("to").map_or_else(|| self.to.join(", "), str::to_owned);
        head.field("To", &Address::shown_list(&to));
        head.field(
            "Subject",
            &encoded(asked("subject").unwrap_or(&self.subject)),
        );
    }

    fn body(&self) -> String {
        if self.html.is_empty() {
            return part("text/plain", &self.text);
        }
        if self.text.is_empty() {
            return part("text/html", &self.html);
        }
        // The boundary cannot be in a part: those are base64.
        let boundary = "=_watchfire_alternative";
        format!(
            "Content-Type: multipart/alternative; boundary=\"{boundary}\"\r\n\r\n\
             --{boundary}\r\n{}--{boundary}\r\n{}--{boundary}--\r\n",
            part("text/plain", &self.text),
            part("text/html", &self.html),
        )
    }
}

struct Head(String);

impl Head {
    fn field(&mut self, name: &str, value: &str) {
        write!(self.0, "{name}: {value}\r\n").expect("a String takes every write");
    }
}

/// RFC 5322: printable ASCII without a colon.
fn is_field_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b':')
}

fn part(media: &str, text: &str) -> String {
    let encoded = STANDARD.encode(text);
    let mut part = format!(
        "Content-Type: {media}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    );
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        part.push_str(line);
        part.push_str("\r\n");
        rest = after;
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn mail() -> Mail {
        Mail {
            from: "Watchfire <watchfire@example.org>".to_owned(),
            to: vec!["ada@example.org".to_owned(), "grace@example.org".to_owned()],
            subject: "Error · places fail".to_owned(),
            message_id: "watchfire-inc-1.2@example.org".to_owned(),
            in_reply_to: Some("watchfire-inc-1@example.org".to_owned()),
            date: "2026-11-22T08:00:05Z".parse().expect("a time"),
            headers: Vec::new(),
            text: "plain".to_owned(),
            html: "<b>rich</b>".to_owned(),
        }
    }

    fn encoded_text(mail: &Mail) -> String {
        String::from_utf8(mail.encode()).expect("it is ASCII")
    }

    #[test]
    fn a_mail_has_its_head_and_two_parts() {
        let text = encoded_text(&mail());
        assert!(text.is_ascii());
        let expected = "From: Watchfire <watchfire@example.org>\r\n\
            To: ada@example.org, grace@example.org\r\n\
            Subject: =?utf-8?B?RXJyb3IgwrcgcGxhY2VzIGZhaWw=?=\r\n\
            Date: Sun, 22 Nov 2026 08:00:05 +0000\r\n\
            Message-ID: <watchfire-inc-1.2@example.org>\r\n\
            In-Reply-To: <watchfire-inc-1@example.org>\r\n\
            References: <watchfire-inc-1@example.org>\r\n\
            MIME-Version: 1.0\r\n\
            Content-Type: multipart/alternative; boundary=\"=_watchfire_alternative\"\r\n\r\n\
            --=_watchfire_alternative\r\n";
        assert!(text.starts_with(expected), "{text}");
        assert!(text.contains("\r\n\r\ncGxhaW4=\r\n--=_watchfire"), "{text}");
        assert!(text.ends_with("--=_watchfire_alternative--\r\n"));
    }

    #[test]
    fn no_value_adds_a_header_or_ends_the_head() {
        let evil = "x\r\nBcc: eve@example.org\r\n\r\nbody";
        let mut mail = mail();
        mail.subject = evil.to_owned();
        mail.message_id = evil.to_owned();
        mail.in_reply_to = Some(evil.to_owned());
        mail.from = format!("{evil} <a@b>");
        mail.headers = vec![
            ("X-Team".to_owned(), evil.to_owned()),
            ("Bcc".to_owned(), "eve@example.org".to_owned()),
            ("X: y\r\nBcc".to_owned(), "eve@example.org".to_owned()),
            ("Content-Type".to_owned(), "text/evil".to_owned()),
        ];
        let text = encoded_text(&mail);
        let head = text.split("\r\n\r\n").next().expect("a head");
        for line in head.split("\r\n") {
            assert!(
                !line.starts_with("Bcc") && !line.starts_with("body"),
                "{head}"
            );
        }
        assert!(
            head.contains("X-Team: ") && !head.contains("text/evil"),
            "{head}"
        );
    }

    #[test]
    fn long_bodies_are_folded() {
        let mut mail = mail();
        mail.html = "ß".repeat(5_000);
        let text = encoded_text(&mail);
        assert!(text.split("\r\n").all(|line| line.len() <= 78));
    }

    #[test]
    fn what_was_asked_for_wins() {
        let mut mail = mail();
        mail.headers = vec![
            ("subject".to_owned(), "mine".to_owned()),
            ("To".to_owned(), "team@example.org".to_owned()),
        ];
        let text = encoded_text(&mail);
        assert!(text.contains("\r\nSubject: mine\r\n"), "{text}");
        assert!(text.contains("\r\nTo: team@example.org\r\n"), "{text}");
    }
}
