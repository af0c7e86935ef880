//! How a notice becomes a message: one form for each kind of receiver.

mod webhook;

use super::GroupNotice;
use crate::Secret;

pub(super) use webhook::WebhookForm;

/// What the messages of an integration are made by.
#[derive(Debug, Clone)]
pub(crate) enum Form {
    Webhook(WebhookForm),
}

impl Form {
    /// The body that is kept and sent. It holds no secret.
    pub(crate) fn render(&self, notice: &GroupNotice) -> String {
        match self {
            Self::Webhook(form) => form.render(notice),
        }
    }

    /// Where the message goes, if that depends on it. It may hold a secret, so it is not kept.
    pub(crate) fn address(&self, _notice: &GroupNotice) -> Option<Secret> {
        None
    }
}
