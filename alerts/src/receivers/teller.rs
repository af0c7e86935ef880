//! A notice in the words of templates.

use std::collections::BTreeMap;

use watchfire_schemas::LabelSet;

use super::GroupNotice;
use crate::rules::template::{Library, MessageScope, Template, Value, alert, data, kv, told};

/// Fills templates with one notice. What cannot be filled says so in its place: a page that reads
/// badly is better than none.
pub(super) struct Teller<'a> {
    library: &'a Library,
    notice: &'a GroupNotice,
    data: Value,
}

impl<'a> Teller<'a> {
    pub(super) fn new(library: &'a Library, notice: &'a GroupNotice) -> Self {
        Self {
            library,
            notice,
            data: data_of(notice),
        }
    }

    pub(super) const fn notice(&self) -> &'a GroupNotice {
        self.notice
    }

    pub(super) fn text(&self, template: &Template) -> String {
        told(template.fill_text(&self.scope()))
    }

    pub(super) fn html(&self, template: &Template) -> String {
        told(template.fill_html(&self.scope()))
    }

    /// What a template that may be missing says.
    pub(super) fn maybe(&self, template: Option<&Template>) -> Option<String> {
        let text = template.map(|template| self.text(template));
        text.filter(|text| !text.is_empty())
    }

    const fn scope(&self) -> MessageScope<'_> {
        MessageScope {
            data: &self.data,
            library: self.library,
            now: self.notice.at,
        }
    }
}

fn data_of(notice: &GroupNotice) -> Value {
    let alerts = notice.alerts.iter().map(|it| {
        let ends_at = (!it.firing).then(|| it.ends_at.nanos());
        alert(
            it.firing,
            (kv(it.labels.iter()), kv(it.annotations.iter())),
            (it.starts_at.nanos(), ends_at),
            (&it.generator_url, &it.fingerprint),
        )
    });
    let alerts = Value::List(alerts.collect::<Vec<_>>().into());
    let labels = notice.alerts.iter().map(|alert| &alert.labels);
    let annotations = notice.alerts.iter().map(|alert| &alert.annotations);
    let status = if notice.fires() { "firing" } else { "resolved" };
    data(
        [
            ("Receiver", "receiver", &notice.receiver),
            ("Status", "status", status),
            (
                "NotificationReason",
                "notification_reason",
                notice.reason.as_str(),
            ),
            ("ExternalURL", "externalURL", &notice.external_url),
        ],
        [
            alerts,
            kv(notice.group_labels.iter()),
            kv(common(labels).into_iter()),
            kv(common(annotations).into_iter()),
        ],
    )
}

/// What is the same in all of them.
pub(super) fn common<'a>(
    mut sets: impl Iterator<Item = &'a LabelSet>,
) -> BTreeMap<&'a str, &'a str> {
    let mut shared: BTreeMap<&str, &str> = sets
        .next()
        .map(|set| set.iter().collect())
        .unwrap_or_default();
    for set in sets {
        shared.retain(|name, value| set.get(name) == Some(value));
    }
    shared
}
