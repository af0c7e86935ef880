use super::{Global, Written, http};
use crate::notify::{Destination, DestinationKind, SecretSource};
use crate::receivers::fields::{Fields, Findings};
use crate::receivers::form::{FormKind, SlackAction, SlackField, SlackForm};
use crate::rules::template::Template;

const APP_URL: &str = "https://slack.com/api/chat.postMessage";
/// The field, what it is called in the message, and what it says if nobody says otherwise.
const MESSAGE: [(&str, &str, &str); 5] = [
    ("channel", "channel", ""),
    (
        "username",
        "username",
        r#"{{ template "slack.default.username" . }}"#,
    ),
    (
        "icon_emoji",
        "icon_emoji",
        r#"{{ template "slack.default.iconemoji" . }}"#,
    ),
    (
        "icon_url",
        "icon_url",
        r#"{{ template "slack.default.iconurl" . }}"#,
    ),
    ("message_text", "text", ""),
];
const ATTACHMENT: [(&str, &str, &str); 10] = [
    (
        "title",
        "title",
        r#"{{ template "slack.default.title" . }}"#,
    ),
    (
        "title_link",
        "title_link",
        r#"{{ template "slack.default.titlelink" . }}"#,
    ),
    (
        "pretext",
        "pretext",
        r#"{{ template "slack.default.pretext" . }}"#,
    ),
    ("text", "text", r#"{{ template "slack.default.text" . }}"#),
    (
        "fallback",
        "fallback",
        r#"{{ template "slack.default.fallback" . }}"#,
    ),
    (
        "callback_id",
        "callback_id",
        r#"{{ template "slack.default.callbackid" . }}"#,
    ),
    (
        "footer",
        "footer",
        r#"{{ template "slack.default.footer" . }}"#,
    ),
    (
        "color",
        "color",
        r#"{{ template "slack.default.color" . }}"#,
    ),
    ("image_url", "image_url", ""),
    ("thumb_url", "thumb_url", ""),
];
const MARKED_UP: [&str; 3] = ["fallback", "pretext", "text"];

pub(super) fn slack(
    fields: &mut Fields<'_>,
    name: &str,
    global: &Global,
    findings: &mut Findings<'_>,
) -> Option<Written> {
    let at = fields.at;
    let send_resolved = fields.truth("send_resolved", findings).unwrap_or(false);
    let (access, refused) = http::access(fields, Some(global), findings);
    let hook = fields.secret("api_url", "api_url_file", findings);
    let token = fields.secret("app_token", "app_token_file", findings);
    let app_url = fields.some_text("app_url", findings);
    let updates = fields.truth("update_message", findings).unwrap_or(false);
    let timeout = fields.duration("timeout", findings);
    let form = form(fields, findings);
    if hook.is_some() && token.is_some() {
        let reason = "at most one of api_url/api_url_file & app_token/app_token_file must be \
                      configured";
        findings.note(at, reason);
    }
    let bot = app_url.or_else(|| global.slack_app_url.clone());
    let bot = SecretSource::Written(bot.as_deref().unwrap_or(APP_URL).into());
    let (url, key) = match (hook, token) {
        (Some(url), _) => (url, None),
        (None, Some(token)) => (bot, Some(token)),
        (None, None) => match (&global.slack_url, &global.slack_token) {
            (Some(url), _) => (url.clone(), None),
            (None, Some(token)) => (bot, Some(token.clone())),
            (None, None) => {
                findings.note(
                    at,
                    "no Slack API URL nor App token set either inline or in a file",
                );
                return None;
            }
        },
    };
    if let Err(reason) = url.check_as_url() {
        findings.note(at, format!("api_url: {reason}"));
    }
    if updates {
        tracing::warn!("{name} posts a new message each time: update_message is not followed");
    }
    let mut destination = Destination::new(name, DestinationKind::Slack, url);
    destination.key = key;
    destination.timeout = timeout.filter(|time| !time.is_zero());
    (destination.access, destination.refused) = (access, refused);
    Some(Written {
        send_resolved,
        destination,
        form: FormKind::Slack(Box::new(form)),
    })
}

fn form(fields: &mut Fields<'_>, findings: &mut Findings<'_>) -> SlackForm {
    let short = fields.truth("short_fields", findings).unwrap_or(false);
    let marked_up = fields.texts("mrkdwn_in", findings);
    let mut read = |(name, shown, usual)| (shown, fields.template(name, usual, findings));
    let message = MESSAGE.map(&mut read).to_vec();
    let attachment = ATTACHMENT.map(&mut read).to_vec();
    SlackForm {
        message,
        attachment,
        fields: own_fields(fields, short, findings),
        actions: actions(fields, findings),
        link_names: fields.truth("link_names", findings).unwrap_or(false),
        mrkdwn_in: if marked_up.is_empty() {
            MARKED_UP.map(str::to_owned).to_vec()
        } else {
            marked_up
        },
    }
}

fn own_fields(
    fields: &mut Fields<'_>,
    short: bool,
    findings: &mut Findings<'_>,
) -> Vec<SlackField> {
    let mut all = Vec::new();
    for place in fields.list("fields", findings) {
        let Some(mut one) = Fields::of(place, "a field of Slack", findings) else {
            continue;
        };
        let title = one.maybe_template("title", findings);
        let value = one.maybe_template("value", findings);
        let short = one.truth("short", findings).unwrap_or(short);
        one.finish(findings);
        match (title, value) {
            (Some(title), Some(value)) => all.push(SlackField {
                title,
                value,
                short,
            }),
            _ => findings.note(
                place.referenced,
                "a field of Slack needs a title and a value",
            ),
        }
    }
    all
}

fn actions(fields: &mut Fields<'_>, findings: &mut Findings<'_>) -> Vec<SlackAction> {
    let mut all = Vec::new();
    for place in fields.list("actions", findings) {
        let Some(mut one) = Fields::of(place, "an action of Slack", findings) else {
            continue;
        };
        let parts = texts(
            &mut one,
            &["type", "text", "url", "style", "name", "value"],
            findings,
        );
        let has = |name: &str| parts.iter().any(|(known, _)| *known == name);
        if !has("type") || !has("text") || !(has("url") || has("name")) {
            let reason = "an action of Slack needs a type, a text, and a name or a url";
            findings.note(place.referenced, reason);
        }
        let confirm = match one.within("confirm", findings) {
            Some(mut inner) => {
                let names = ["title", "text", "ok_text", "dismiss_text"];
                let confirm = texts(&mut inner, &names, findings);
                inner.finish(findings);
                confirm
            }
            None => Vec::new(),
        };
        one.finish(findings);
        all.push(SlackAction { parts, confirm });
    }
    all
}

/// Those of the templates that are written.
pub(super) fn texts(
    fields: &mut Fields<'_>,
    names: &[&'static str],
    findings: &mut Findings<'_>,
) -> Vec<(&'static str, Template)> {
    let read = names
        .iter()
        .filter_map(|name| Some((*name, fields.maybe_template(name, findings)?)));
    read.collect()
}
