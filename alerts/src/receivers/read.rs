//! From the text of a configuration to its receivers.

mod alerting;
mod chats;
mod email;
mod global;
mod http;
mod pagerduty;
mod slack;
mod webhook;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use serde_saphyr::Location;

use super::fields::{Fields, Findings};
use super::form::{Form, FormKind};
use super::library::library;
use super::tree::Place;
use super::{Integration, Receiver, Receivers};
use crate::notify::{Destination, DestinationKind, SecretSource};
use crate::{RuleFinding, Weight};
use global::Global;

/// An integration as written.
struct Written {
    send_resolved: bool,
    destination: Destination,
    form: FormKind,
}

/// Reads one integration: its fields, its name, what the configuration says for all.
type ReadOne = fn(&mut Fields<'_>, &str, &Global, &mut Findings<'_>) -> Option<Written>;

/// What stands at the top beside what is read here.
const OTHERS: [&str; 6] = [
    "route",
    "inhibit_rules",
    "mute_time_intervals",
    "time_intervals",
    "tracing",
    "event_recorder",
];

/// Alertmanager's order: the field, the name of the kind, and who reads it; none if it is not
/// delivered to.
const KINDS: [(&str, &str, Option<ReadOne>); 18] = [
    ("webhook_configs", "webhook", Some(webhook::webhook)),
    ("email_configs", "email", Some(email::email)),
    ("pagerduty_configs", "pagerduty", Some(pagerduty::pagerduty)),
    ("opsgenie_configs", "opsgenie", Some(alerting::opsgenie)),
    ("wechat_configs", "wechat", None),
    ("slack_configs", "slack", Some(slack::slack)),
    ("victorops_configs", "victorops", Some(alerting::victorops)),
    ("pushover_configs", "pushover", Some(chats::pushover)),
    ("sns_configs", "sns", None),
    ("telegram_configs", "telegram", Some(chats::telegram)),
    ("discord_configs", "discord", Some(chats::discord)),
    ("webex_configs", "webex", Some(chats::webex)),
    ("msteams_configs", "msteams", Some(chats::msteams)),
    ("msteamsv2_configs", "msteamsv2", Some(chats::msteams_v2)),
    ("jira_configs", "jira", None),
    (
        "incidentio_configs",
        "incidentio",
        Some(webhook::incidentio),
    ),
    ("rocketchat_configs", "rocketchat", None),
    ("mattermost_configs", "mattermost", None),
];

pub(super) fn read(file: &str, text: &str, base: &Path) -> Result<Receivers, Vec<RuleFinding>> {
    let document: Place = serde_saphyr::from_str(text).map_err(|error| {
        let at = error.location().unwrap_or(Location::UNKNOWN);
        let reason = error.without_snippet().to_string();
        vec![RuleFinding {
            file: file.to_owned(),
            line: at.line() as usize,
            column: at.column() as usize,
            weight: Weight::Error,
            reason: reason.lines().next().unwrap_or_default().to_owned(),
        }]
    })?;
    let mut findings = Findings::new(file, base);
    let mut receivers = Receivers::default();
    if let Some(mut top) = Fields::of(&document, "the configuration", &mut findings) {
        top.leave(&OTHERS);
        let global = match top.within("global", &mut findings) {
            Some(fields) => global::read(fields, &mut findings),
            None => Global::default(),
        };
        let files = top.list("templates", &mut findings).iter();
        let files = files.filter_map(|it| Some((it.value.scalar()?, it.referenced)));
        let files: Vec<_> = files.collect();
        let library = Arc::new(library(&files, base, &mut findings));
        let mut names = BTreeSet::new();
        for place in top.list("receivers", &mut findings) {
            let made = |name: String, receiver: &str, written: Written| Integration {
                name,
                receiver: receiver.to_owned(),
                send_resolved: written.send_resolved,
                destination: Arc::new(written.destination),
                form: Form {
                    library: Arc::clone(&library),
                    kind: written.form,
                },
            };
            let Some(receiver) = receiver(place, &global, &made, &mut findings) else {
                continue;
            };
            if !names.insert(receiver.name.clone()) {
                let reason = format!("the receiver {:?} comes twice", receiver.name);
                findings.note(place.referenced, reason);
            }
            receivers.all.push(receiver);
        }
        top.finish(&mut findings);
    }
    let findings = findings.finish();
    if findings.is_empty() {
        Ok(receivers)
    } else {
        Err(findings)
    }
}

fn receiver(
    place: &Place,
    global: &Global,
    made: &dyn Fn(String, &str, Written) -> Integration,
    findings: &mut Findings<'_>,
) -> Option<Receiver> {
    let mut fields = Fields::of(place, "a receiver", findings)?;
    let Some(name) = fields.some_text("name", findings) else {
        findings.note(place.referenced, "a receiver needs a name");
        return None;
    };
    let mut integrations: Vec<Integration> = Vec::new();
    for (field, kind, read) in KINDS {
        for (index, place) in fields.list(field, findings).iter().enumerate() {
            let full_name = format!("{name}/{kind}/{index}");
            let Some(mut one) = Fields::of(place, field, findings) else {
                continue;
            };
            let written = if let Some(read) = read {
                let written = read(&mut one, &full_name, global, findings);
                one.finish(findings);
                written
            } else {
                let written = undelivered(&mut one, &full_name, kind, findings);
                one.leave_all();
                Some(written)
            };
            let written = written.map(|written| made(full_name, &name, written));
            integrations.extend(written);
        }
    }
    fields.finish(findings);
    Some(Receiver { name, integrations })
}

/// One of a kind that we do not speak: it is taken, and every notification for it goes to the
/// fallback.
fn undelivered(
    fields: &mut Fields<'_>,
    name: &str,
    kind: &'static str,
    findings: &mut Findings<'_>,
) -> Written {
    let nowhere = SecretSource::Written("".into());
    let mut destination = Destination::new(name, DestinationKind::Other(kind), nowhere);
    destination.refused = Some(format!("receivers of kind {kind} are not supported"));
    Written {
        send_resolved: fields.truth("send_resolved", findings).unwrap_or(true),
        destination,
        form: FormKind::Nothing,
    }
}

/// An address that was written under a name, that stands in a file, or that is the usual one.
fn address(
    fields: &mut Fields<'_>,
    name: &'static str,
    usual: &str,
    findings: &mut Findings<'_>,
) -> SecretSource {
    let at = fields.at;
    let written = fields.some_text(name, findings);
    let source = SecretSource::Written(written.as_deref().unwrap_or(usual).into());
    if let Err(reason) = source.check_as_url() {
        findings.note(at, format!("{name}: {reason}"));
    }
    source
}

#[cfg(test)]
mod tests;
