//! `OpsGenie` and `VictorOps`.

use super::slack::texts;
use super::{Global, Written, address, http};
use crate::notify::{Destination, DestinationKind};
use crate::receivers::fields::{Fields, Findings};
use crate::receivers::form::{FormKind, OpsGenieForm, Responder, VictorOpsForm};

const OPSGENIE: &str = "https://api.opsgenie.com/";
const VICTOROPS: &str = "https://alert.victorops.com/integrations/generic/20131114/alert/";
/// They mean something to `VictorOps`.
const RESERVED: [&str; 7] = [
    "routing_key",
    "message_type",
    "state_message",
    "entity_display_name",
    "monitoring_tool",
    "entity_id",
    "entity_state",
];

pub(super) fn opsgenie(
    fields: &mut Fields<'_>,
    name: &str,
    global: &Global,
    findings: &mut Findings<'_>,
) -> Option<Written> {
    let at = fields.at;
    let send_resolved = fields.truth("send_resolved", findings).unwrap_or(true);
    let (access, refused) = http::access(fields, Some(global), findings);
    let key = fields.secret("api_key", "api_key_file", findings);
    let usual = global.opsgenie_url.as_deref().unwrap_or(OPSGENIE);
    let url = address(fields, "api_url", usual, findings);
    // An alert of the same alias is updated by the one message anyway.
    fields.truth("update_alerts", findings);
    let usual = r#"{{ template "opsgenie.default.description" . }}"#;
    let mut put_in = vec![(
        "description",
        fields.template("description", usual, findings),
    )];
    let usual = r#"{{ template "opsgenie.default.source" . }}"#;
    put_in.push(("source", fields.template("source", usual, findings)));
    put_in.extend(texts(fields, &["note", "entity", "priority"], findings));
    let form = OpsGenieForm {
        message: fields.template(
            "message",
            r#"{{ template "opsgenie.default.message" . }}"#,
            findings,
        ),
        texts: put_in,
        details: fields.templates("details", findings),
        responders: responders(fields, findings),
        tags: fields.template("tags", "", findings),
        actions: fields.template("actions", "", findings),
    };
    let Some(key) = key.or_else(|| global.opsgenie_key.clone()) else {
        findings.note(
            at,
            "no global OpsGenie API Key set either inline or in a file",
        );
        return None;
    };
    let mut destination = Destination::new(name, DestinationKind::OpsGenie, url);
    destination.key = Some(key);
    (destination.access, destination.refused) = (access, refused);
    Some(Written {
        send_resolved,
        destination,
        form: FormKind::OpsGenie(Box::new(form)),
    })
}

fn responders(fields: &mut Fields<'_>, findings: &mut Findings<'_>) -> Vec<Responder> {
    let mut all = Vec::new();
    for place in fields.list("responders", findings) {
        let Some(mut one) = Fields::of(place, "a responder", findings) else {
            continue;
        };
        let kind = one.some_text("type", findings).unwrap_or_default();
        let kinds = ["team", "teams", "user", "escalation", "schedule"];
        if !kind.contains("{{") && !kinds.contains(&kind.to_lowercase().as_str()) {
            let reason = format!("the type of a responder cannot be {kind:?}");
            findings.note(place.referenced, reason);
        }
        let mut parts = texts(&mut one, &["id", "name", "username"], findings);
        if parts.is_empty() {
            let reason = "a responder needs at least one of id, username or name";
            findings.note(place.referenced, reason);
        }
        parts.extend(texts(&mut one, &["type"], findings));
        one.finish(findings);
        all.push(Responder(parts));
    }
    all
}

pub(super) fn victorops(
    fields: &mut Fields<'_>,
    name: &str,
    global: &Global,
    findings: &mut Findings<'_>,
) -> Option<Written> {
    let at = fields.at;
    let send_resolved = fields.truth("send_resolved", findings).unwrap_or(true);
    let (access, refused) = http::access(fields, Some(global), findings);
    let key = fields.secret("api_key", "api_key_file", findings);
    let usual = global.victorops_url.as_deref().unwrap_or(VICTOROPS);
    let url = address(fields, "api_url", usual, findings);
    let Some(routing_key) = fields.maybe_template("routing_key", findings) else {
        findings.note(at, "missing Routing key in VictorOps config");
        return None;
    };
    let mut told = Vec::new();
    for (field, usual) in [
        (
            "entity_display_name",
            r#"{{ template "victorops.default.entity_display_name" . }}"#,
        ),
        (
            "monitoring_tool",
            r#"{{ template "victorops.default.monitoring_tool" . }}"#,
        ),
    ] {
        told.push((field, fields.template(field, usual, findings)));
    }
    let form = VictorOpsForm {
        routing_key,
        message_type: fields.template("message_type", "CRITICAL", findings),
        state_message: fields.template(
            "state_message",
            r#"{{ template "victorops.default.state_message" . }}"#,
            findings,
        ),
        texts: told,
        custom: fields.templates("custom_fields", findings),
    };
    if let Some((taken, _)) = form
        .custom
        .iter()
        .find(|(it, _)| RESERVED.contains(&it.as_str()))
    {
        let reason = format!("the custom field {taken} conflicts with a fixed one");
        findings.note(at, reason);
    }
    let Some(key) = key.or_else(|| global.victorops_key.clone()) else {
        findings.note(at, "no global VictorOps API Key set");
        return None;
    };
    let mut destination = Destination::new(name, DestinationKind::VictorOps, url);
    destination.key = Some(key);
    (destination.access, destination.refused) = (access, refused);
    Some(Written {
        send_resolved,
        destination,
        form: FormKind::VictorOps(Box::new(form)),
    })
}
