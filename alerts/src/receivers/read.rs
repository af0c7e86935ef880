//! From the text of a configuration to its receivers.

mod webhook;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use serde_saphyr::Location;

use super::fields::{Fields, Findings};
use super::tree::Place;
use super::{Form, Integration, Receiver, Receivers};
use crate::notify::Destination;
use crate::{RuleFinding, Weight};

/// An integration as written.
struct Written {
    send_resolved: bool,
    destination: Destination,
    form: Form,
}

/// What stands at the top beside what is read here.
const OTHERS: [&str; 6] = [
    "route",
    "inhibit_rules",
    "mute_time_intervals",
    "time_intervals",
    "tracing",
    "event_recorder",
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
        for name in OTHERS {
            top.place(name);
        }
        top.place("global");
        top.place("templates");
        let mut names = BTreeSet::new();
        for place in top.list("receivers", &mut findings) {
            let Some(receiver) = receiver(place, &mut findings) else {
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

fn receiver(place: &Place, findings: &mut Findings<'_>) -> Option<Receiver> {
    let mut fields = Fields::of(place, "a receiver", findings)?;
    let Some(name) = fields.some_text("name", findings) else {
        findings.note(place.referenced, "a receiver needs a name");
        return None;
    };
    let mut integrations: Vec<Integration> = Vec::new();
    for (index, place) in fields.list("webhook_configs", findings).iter().enumerate() {
        let full_name = format!("{name}/webhook/{index}");
        let written = webhook::read(place, &full_name, findings);
        integrations.extend(written.map(|written| Integration {
            name: full_name,
            receiver: name.clone(),
            send_resolved: written.send_resolved,
            destination: Arc::new(written.destination),
            form: written.form,
        }));
    }
    fields.finish(findings);
    Some(Receiver { name, integrations })
}
