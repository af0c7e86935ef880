//! `global:`: what holds for all receivers that do not say otherwise.

use super::http;
use crate::notify::{HttpAccess, SecretSource};
use crate::receivers::fields::{Fields, Findings};

#[derive(Debug, Default)]
pub(super) struct Global {
    pub access: HttpAccess,
    /// Why HTTP cannot be spoken as asked.
    pub refused: Option<String>,
    pub smtp: Smtp,
    pub slack_url: Option<SecretSource>,
    pub slack_token: Option<SecretSource>,
    pub slack_app_url: Option<String>,
    pub pagerduty_url: Option<String>,
    pub opsgenie_url: Option<String>,
    pub opsgenie_key: Option<SecretSource>,
    pub victorops_url: Option<String>,
    pub victorops_key: Option<SecretSource>,
    pub telegram_url: Option<String>,
    pub telegram_token: Option<SecretSource>,
    pub webex_url: Option<String>,
}

/// How mail is sent.
#[derive(Debug, Default)]
pub(super) struct Smtp {
    pub from: Option<String>,
    pub hello: Option<String>,
    pub smarthost: Option<String>,
    pub username: Option<String>,
    pub password: Option<SecretSource>,
    pub secret: Option<SecretSource>,
    pub identity: Option<String>,
    pub require_tls: Option<bool>,
    pub implicit_tls: Option<bool>,
    pub tls: Option<http::Tls>,
}

/// Of kinds that are not delivered to, and what others read.
const LEFT: [&str; 13] = [
    "resolve_timeout",
    "jira_api_url",
    "wechat_api_url",
    "wechat_api_secret",
    "wechat_api_secret_file",
    "wechat_api_corp_id",
    "rocketchat_api_url",
    "rocketchat_token",
    "rocketchat_token_file",
    "rocketchat_token_id",
    "rocketchat_token_id_file",
    "mattermost_webhook_url",
    "mattermost_webhook_url_file",
];

pub(super) fn read(mut fields: Fields<'_>, findings: &mut Findings<'_>) -> Global {
    fields.leave(&LEFT);
    let (access, refused) = http::access(&mut fields, None, findings);
    let global = Global {
        access,
        refused,
        smtp: smtp(&mut fields, findings),
        slack_url: fields.secret("slack_api_url", "slack_api_url_file", findings),
        slack_token: fields.secret("slack_app_token", "slack_app_token_file", findings),
        slack_app_url: fields.some_text("slack_app_url", findings),
        pagerduty_url: fields.some_text("pagerduty_url", findings),
        opsgenie_url: fields.some_text("opsgenie_api_url", findings),
        opsgenie_key: fields.secret("opsgenie_api_key", "opsgenie_api_key_file", findings),
        victorops_url: fields.some_text("victorops_api_url", findings),
        victorops_key: fields.secret("victorops_api_key", "victorops_api_key_file", findings),
        telegram_url: fields.some_text("telegram_api_url", findings),
        telegram_token: fields.secret("telegram_bot_token", "telegram_bot_token_file", findings),
        webex_url: fields.some_text("webex_api_url", findings),
    };
    fields.finish(findings);
    global
}

fn smtp(fields: &mut Fields<'_>, findings: &mut Findings<'_>) -> Smtp {
    Smtp {
        from: fields.some_text("smtp_from", findings),
        hello: fields.some_text("smtp_hello", findings),
        smarthost: fields.some_text("smtp_smarthost", findings),
        username: fields.some_text("smtp_auth_username", findings),
        password: fields.secret("smtp_auth_password", "smtp_auth_password_file", findings),
        secret: fields.secret("smtp_auth_secret", "smtp_auth_secret_file", findings),
        identity: fields.some_text("smtp_auth_identity", findings),
        require_tls: fields.truth("smtp_require_tls", findings),
        implicit_tls: fields.truth("smtp_force_implicit_tls", findings),
        tls: fields
            .within("smtp_tls_config", findings)
            .map(|tls| http::tls(tls, findings)),
    }
}
