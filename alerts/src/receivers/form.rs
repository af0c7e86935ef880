//! How a notice becomes a message: one form for each kind of receiver.

mod chats;
mod email;
mod opsgenie;
mod pagerduty;
mod payload;
mod slack;
mod webhook;

use std::sync::Arc;

use super::GroupNotice;
use super::teller::Teller;
use crate::Secret;
use crate::rules::template::Library;

pub(crate) use chats::ChatForm;
pub(crate) use email::EmailForm;
pub(crate) use opsgenie::{OpsGenieForm, Responder, VictorOpsForm};
pub(crate) use pagerduty::PagerDutyForm;
pub(crate) use payload::Payload;
pub(crate) use slack::{SlackAction, SlackField, SlackForm};
pub(crate) use webhook::{SecretTemplate, WebhookForm};

/// What the messages of an integration are made by.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    pub(super) library: Arc<Library>,
    pub(super) kind: FormKind,
}

#[derive(Debug, Clone)]
pub(crate) enum FormKind {
    Webhook(WebhookForm),
    PagerDuty(Box<PagerDutyForm>),
    Slack(Box<SlackForm>),
    Email(Box<EmailForm>),
    OpsGenie(Box<OpsGenieForm>),
    VictorOps(Box<VictorOpsForm>),
    Chat(Box<ChatForm>),
    /// It is not delivered to; what would have been said is kept all the same.
    Nothing,
}

impl Form {
    /// The body that is kept and sent. It holds no secret.
    pub(crate) fn render(&self, notice: &GroupNotice) -> String {
        let teller = Teller::new(&self.library, notice);
        match &self.kind {
            FormKind::Webhook(form) => form.render(&self.library, notice),
            FormKind::PagerDuty(form) => form.render(&teller),
            FormKind::Slack(form) => form.render(&teller),
            FormKind::Email(form) => form.render(&teller),
            FormKind::OpsGenie(form) => form.render(&teller),
            FormKind::VictorOps(form) => form.render(&teller),
            FormKind::Chat(form) => form.render(&teller),
            FormKind::Nothing => "{}".to_owned(),
        }
    }

    /// Where the message goes, if that depends on it. It may hold a secret, so it is not kept.
    pub(crate) fn address(&self, notice: &GroupNotice) -> Option<Secret> {
        let FormKind::Webhook(form) = &self.kind else {
            return None;
        };
        let teller = Teller::new(&self.library, notice);
        let url = form.url.as_ref()?;
        Some(teller.text(&url.0).as_str().into())
    }
}
