//! Receivers that take a text.

use serde_json::{Map, Value, json};

use super::slack::texts;
use super::webhook::plain;
use super::{Global, Written, address, http};
use crate::notify::{Destination, DestinationKind, SecretSource};
use crate::receivers::fields::{Fields, Findings};
use crate::receivers::form::{ChatForm, FormKind};

const TELEGRAM: &str = "https://api.telegram.org";
const PUSHOVER: &str = "https://api.pushover.net/1/messages.json";
const WEBEX: &str = "https://webexapis.com/v1/messages";

/// What all of them have in common: whether they are told of the end, and how HTTP is spoken.
struct Common {
    send_resolved: bool,
    access: crate::notify::HttpAccess,
    refused: Option<String>,
}

impl Common {
    fn read(fields: &mut Fields<'_>, global: &Global, findings: &mut Findings<'_>) -> Self {
        let send_resolved = fields.truth("send_resolved", findings).unwrap_or(true);
        let (access, refused) = http::access(fields, Some(global), findings);
        Self {
            send_resolved,
            access,
            refused,
        }
    }

    fn written(self, mut destination: Destination, form: ChatForm) -> Written {
        (destination.access, destination.refused) = (self.access, self.refused);
        Written {
            send_resolved: self.send_resolved,
            destination,
            form: FormKind::Chat(Box::new(form)),
        }
    }
}

fn hook(fields: &mut Fields<'_>, findings: &mut Findings<'_>) -> Option<SecretSource> {
    let at = fields.at;
    let url = fields.secret("webhook_url", "webhook_url_file", findings);
    let Some(url) = url else {
        findings.note(
            at,
            "one of webhook_url or webhook_url_file must be configured",
        );
        return None;
    };
    if let Err(reason) = url.check_as_url() {
        findings.note(at, format!("webhook_url: {reason}"));
    }
    Some(url)
}

pub(super) fn discord(
    fields: &mut Fields<'_>,
    name: &str,
    global: &Global,
    findings: &mut Findings<'_>,
) -> Option<Written> {
    let common = Common::read(fields, global, findings);
    let form = ChatForm::Discord {
        title: fields.template(
            "title",
            r#"{{ template "discord.default.title" . }}"#,
            findings,
        ),
        message: fields.template(
            "message",
            r#"{{ template "discord.default.message" . }}"#,
            findings,
        ),
        texts: texts(fields, &["content", "username", "avatar_url"], findings),
    };
    let url = hook(fields, findings)?;
    Some(common.written(Destination::new(name, DestinationKind::Discord, url), form))
}

pub(super) fn msteams(
    fields: &mut Fields<'_>,
    name: &str,
    global: &Global,
    findings: &mut Findings<'_>,
) -> Option<Written> {
    let common = Common::read(fields, global, findings);
    let mut usual = |field, text| fields.template(field, text, findings);
    let form = ChatForm::MsTeams {
        title: usual("title", r#"{{ template "msteams.default.title" . }}"#),
        summary: usual("summary", r#"{{ template "msteams.default.summary" . }}"#),
        text: usual("text", r#"{{ template "msteams.default.text" . }}"#),
    };
    let url = hook(fields, findings)?;
    Some(common.written(Destination::new(name, DestinationKind::MsTeams, url), form))
}

pub(super) fn msteams_v2(
    fields: &mut Fields<'_>,
    name: &str,
    global: &Global,
    findings: &mut Findings<'_>,
) -> Option<Written> {
    let common = Common::read(fields, global, findings);
    let mut usual = |field, text| fields.template(field, text, findings);
    let form = ChatForm::MsTeamsV2 {
        title: usual("title", r#"{{ template "msteamsv2.default.title" . }}"#),
        text: usual("text", r#"{{ template "msteamsv2.default.text" . }}"#),
    };
    let url = hook(fields, findings)?;
    Some(common.written(
        Destination::new(name, DestinationKind::MsTeamsV2, url),
        form,
    ))
}

pub(super) fn webex(
    fields: &mut Fields<'_>,
    name: &str,
    global: &Global,
    findings: &mut Findings<'_>,
) -> Option<Written> {
    let at = fields.at;
    let common = Common::read(fields, global, findings);
    let usual = global.webex_url.as_deref().unwrap_or(WEBEX);
    let url = address(fields, "api_url", usual, findings);
    let usual = r#"{{ template "webex.default.message" . }}"#;
    let message = fields.template("message", usual, findings);
    let Some(room_id) = fields.maybe_template("room_id", findings) else {
        findings.note(at, "missing room_id on webex_config");
        return None;
    };
    if common.access.authorization.is_none() {
        findings.note(at, "missing webex_configs.http_config.authorization");
    }
    let destination = Destination::new(name, DestinationKind::Webex, url);
    Some(common.written(destination, ChatForm::Webex { message, room_id }))
}

pub(super) fn telegram(
    fields: &mut Fields<'_>,
    name: &str,
    global: &Global,
    findings: &mut Findings<'_>,
) -> Option<Written> {
    let at = fields.at;
    let common = Common::read(fields, global, findings);
    let usual = global.telegram_url.as_deref().unwrap_or(TELEGRAM);
    let url = address(fields, "api_url", usual, findings);
    let token = fields.secret("bot_token", "bot_token_file", findings);
    let chat = fields.some_text("chat_id", findings);
    let chat_file = fields.some_text("chat_id_file", findings);
    let mode = fields.text("parse_mode", findings);
    let mode = mode.unwrap_or_else(|| "HTML".to_owned());
    let mut plain = Map::new();
    let mut put = |name: &str, value: Value| plain.insert(name.to_owned(), value);
    if let Some(thread) = fields.count("message_thread_id", findings) {
        put("message_thread_id", json!(thread));
    }
    if let Some(quiet) = fields.truth("disable_notifications", findings) {
        put("disable_notification", json!(quiet));
    }
    if !mode.is_empty() {
        put("parse_mode", json!(mode));
    }
    put("disable_web_page_preview", json!(true));
    let chat = match (chat, chat_file) {
        (Some(chat), None) => chat.parse::<i64>().ok(),
        (None, Some(file)) => std::fs::read_to_string(findings.path(&file))
            .ok()
            .and_then(|text| text.trim().parse().ok()),
        _ => None,
    };
    let Some(chat) = chat else {
        findings.note(
            at,
            "one of chat_id or chat_id_file must be configured, as a number",
        );
        return None;
    };
    put("chat_id", json!(chat));
    if !["", "Markdown", "MarkdownV2", "HTML"].contains(&mode.as_str()) {
        let reason = "unknown parse_mode on telegram_config, must be Markdown, MarkdownV2, HTML \
                      or empty string";
        findings.note(at, reason);
    }
    let Some(token) = token.or_else(|| global.telegram_token.clone()) else {
        findings.note(at, "missing bot_token or bot_token_file on telegram_config");
        return None;
    };
    let usual = r#"{{ template "telegram.default.message" . }}"#;
    let form = ChatForm::Telegram {
        message: fields.template("message", usual, findings),
        plain,
        is_html: mode == "HTML",
    };
    let mut destination = Destination::new(name, DestinationKind::Telegram, url);
    destination.key = Some(token);
    Some(common.written(destination, form))
}

pub(super) fn pushover(
    fields: &mut Fields<'_>,
    name: &str,
    global: &Global,
    findings: &mut Findings<'_>,
) -> Option<Written> {
    let at = fields.at;
    let common = Common::read(fields, global, findings);
    let user = fields.secret("user_key", "user_key_file", findings);
    let token = fields.secret("token", "token_file", findings);
    let mut plain_fields = Map::new();
    for (field, usual) in [("retry", 60), ("expire", 3600)] {
        let seconds = fields.duration(field, findings);
        let seconds = seconds.map_or(usual, |it| it.as_secs());
        plain_fields.insert(field.to_owned(), json!(seconds));
    }
    if let Some(ttl) = fields.duration("ttl", findings).filter(|it| !it.is_zero()) {
        plain_fields.insert("ttl".to_owned(), json!(ttl.as_secs()));
    }
    let html = fields.truth("html", findings).unwrap_or(false);
    let monospace = fields.truth("monospace", findings).unwrap_or(false);
    if html && monospace {
        findings.note(at, "at most one of monospace & html must be configured");
    }
    for (field, is_on) in [("html", html), ("monospace", monospace)] {
        if is_on {
            plain_fields.insert(field.to_owned(), json!(1));
        }
    }
    let mut usual = |field, text| fields.template(field, text, findings);
    let priority = r#"{{ if eq .Status "firing" }}2{{ else }}0{{ end }}"#;
    let mut told = vec![
        (
            "url",
            usual("url", r#"{{ template "pushover.default.url" . }}"#),
        ),
        ("priority", usual("priority", priority)),
    ];
    let title = usual("title", r#"{{ template "pushover.default.title" . }}"#);
    let message = usual("message", r#"{{ template "pushover.default.message" . }}"#);
    told.extend(texts(fields, &["url_title", "device", "sound"], findings));
    let (Some(user), Some(token)) = (user, token) else {
        findings.note(at, "pushover needs a user_key and a token");
        return None;
    };
    let mut destination = Destination::new(name, DestinationKind::Pushover, plain(PUSHOVER));
    destination.key = Some(token);
    destination.second_key = Some(user);
    let form = ChatForm::Pushover {
        title,
        message,
        texts: told,
        plain: plain_fields,
    };
    Some(common.written(destination, form))
}
