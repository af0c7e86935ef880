use super::webhook::payload;
use super::{Global, Written, address, http};
use crate::notify::{Destination, DestinationKind, SecretSource};
use crate::receivers::fields::{self, Fields, Findings};
use crate::receivers::form::{FormKind, PagerDutyForm, Payload};
use crate::receivers::tree::{Place, Tree};
use crate::rules::template::Template;

const EVENTS: &str = "https://events.pagerduty.com/v2/enqueue";
const EVENTS_V1: &str = "https://events.pagerduty.com/generic/2010-04-15/create_event.json";
const DESCRIPTION: &str = r#"{{ template "pagerduty.default.description" . }}"#;
const CLIENT: &str = r#"{{ template "pagerduty.default.client" . }}"#;
const CLIENT_URL: &str = r#"{{ template "pagerduty.default.clientURL" . }}"#;
/// Where the configuration says nothing else.
const DETAILS: [(&str, &str); 4] = [
    ("firing", "{{ .Alerts.Firing | toJson }}"),
    ("resolved", "{{ .Alerts.Resolved | toJson }}"),
    ("num_firing", "{{ .Alerts.Firing | len }}"),
    ("num_resolved", "{{ .Alerts.Resolved | len }}"),
];

pub(super) fn pagerduty(
    fields: &mut Fields<'_>,
    name: &str,
    global: &Global,
    findings: &mut Findings<'_>,
) -> Option<Written> {
    let at = fields.at;
    let send_resolved = fields.truth("send_resolved", findings).unwrap_or(true);
    let (access, refused) = http::access(fields, Some(global), findings);
    let routing_key = fields.secret("routing_key", "routing_key_file", findings);
    let service_key = fields.secret("service_key", "service_key_file", findings);
    let usual = global.pagerduty_url.as_deref().unwrap_or(EVENTS);
    let url = address(fields, "url", usual, findings);
    let timeout = fields.duration("timeout", findings);
    let form = form(fields, service_key.is_some(), findings);
    let mut destination = if let Some(key) = service_key {
        let url = SecretSource::Written(EVENTS_V1.into());
        let mut destination = Destination::new(name, DestinationKind::PagerDutyV1, url);
        destination.key = Some(key);
        destination
    } else {
        let mut destination = Destination::new(name, DestinationKind::PagerDuty, url);
        destination.key = routing_key;
        destination
    };
    if destination.key.is_none() {
        findings.note(at, "missing service or routing key in PagerDuty config");
        return None;
    }
    destination.timeout = timeout.filter(|time| !time.is_zero());
    (destination.access, destination.refused) = (access, refused);
    Some(Written {
        send_resolved,
        destination,
        form: FormKind::PagerDuty(Box::new(form)),
    })
}

fn form(fields: &mut Fields<'_>, is_v1: bool, findings: &mut Findings<'_>) -> PagerDutyForm {
    let client = fields.template("client", CLIENT, findings);
    let source = fields.maybe_template("source", findings);
    PagerDutyForm {
        is_v1,
        description: fields.template("description", DESCRIPTION, findings),
        source: source.unwrap_or_else(|| client.clone()),
        client,
        client_url: fields.template("client_url", CLIENT_URL, findings),
        severity: fields.template("severity", "error", findings),
        class: fields.maybe_template("class", findings),
        component: fields.maybe_template("component", findings),
        group: fields.maybe_template("group", findings),
        details: details(fields, findings),
        images: parts(fields, "images", ["src", "alt", "href"], findings),
        links: parts(fields, "links", ["href", "text"], findings),
    }
}

fn details(fields: &mut Fields<'_>, findings: &mut Findings<'_>) -> Vec<(String, Payload)> {
    let at = fields.at;
    let mut details: Vec<(String, Payload)> = match fields.place("details") {
        Some(Place {
            value: Tree::Map(entries),
            ..
        }) => entries
            .iter()
            .map(|(key, place)| (key.value.clone(), payload(place, "details", findings)))
            .collect(),
        Some(other) => {
            findings.note(other.referenced, "details must be a mapping");
            Vec::new()
        }
        None => Vec::new(),
    };
    for (name, text) in DETAILS {
        if !details.iter().any(|(known, _)| known == name) {
            let template = fields::template(text, "details", at, findings);
            details.push((name.to_owned(), Payload::Text(template)));
        }
    }
    details
}

fn parts<const N: usize>(
    fields: &mut Fields<'_>,
    name: &'static str,
    members: [&'static str; N],
    findings: &mut Findings<'_>,
) -> Vec<[Template; N]> {
    let mut all = Vec::new();
    for place in fields.list(name, findings) {
        let Some(mut one) = Fields::of(place, name, findings) else {
            continue;
        };
        all.push(members.map(|member| one.template(member, "", findings)));
        one.finish(findings);
    }
    all
}
