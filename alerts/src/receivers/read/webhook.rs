use super::{Global, Written, http};
use crate::notify::{Destination, DestinationKind, SecretSource};
use crate::receivers::fields::{self, Fields, Findings};
use crate::receivers::form::{FormKind, Payload, SecretTemplate, WebhookForm};
use crate::receivers::tree::{Place, Tree};

pub(super) fn webhook(
    fields: &mut Fields<'_>,
    name: &str,
    global: &Global,
    findings: &mut Findings<'_>,
) -> Option<Written> {
    let payload = fields
        .place("payload")
        .map(|it| payload(it, "payload", findings));
    posted(
        fields,
        (name, DestinationKind::Webhook),
        payload,
        global,
        findings,
    )
}

pub(super) fn incidentio(
    fields: &mut Fields<'_>,
    name: &str,
    global: &Global,
    findings: &mut Findings<'_>,
) -> Option<Written> {
    let token = fields.secret("alert_source_token", "alert_source_token_file", findings);
    let kind = DestinationKind::IncidentIo;
    let mut written = posted(fields, (name, kind), None, global, findings)?;
    written.destination.key = token;
    Some(written)
}

fn posted(
    fields: &mut Fields<'_>,
    (name, kind): (&str, DestinationKind),
    payload: Option<Payload>,
    global: &Global,
    findings: &mut Findings<'_>,
) -> Option<Written> {
    let at = fields.at;
    let send_resolved = fields.truth("send_resolved", findings).unwrap_or(true);
    let (access, refused) = http::access(fields, Some(global), findings);
    let url = fields.secret("url", "url_file", findings);
    let max_alerts = fields.count("max_alerts", findings).unwrap_or(0);
    let timeout = fields.duration("timeout", findings);
    let Some(url) = url else {
        findings.note(at, "one of url or url_file must be configured");
        return None;
    };
    let template = url.written().filter(|url| url.expose().contains("{{"));
    let template = template.map(|url| fields::template(url.expose(), "url", at, findings));
    if template.is_none()
        && let Err(reason) = url.check_as_url()
    {
        findings.note(at, format!("url: {reason}"));
        return None;
    }
    let mut destination = Destination::new(name, kind, url);
    destination.timeout = timeout.filter(|time| !time.is_zero());
    (destination.access, destination.refused) = (access, refused);
    Some(Written {
        send_resolved,
        destination,
        form: FormKind::Webhook(WebhookForm {
            max_alerts,
            payload,
            url: template.map(SecretTemplate),
        }),
    })
}

/// JSON that is written as YAML; its texts are templates.
pub(super) fn payload(place: &Place, name: &str, findings: &mut Findings<'_>) -> Payload {
    match &place.value {
        Tree::Nothing => Payload::Plain(serde_json::Value::Null),
        Tree::Truth(truth) => Payload::Plain((*truth).into()),
        Tree::Number(text) => {
            Payload::Plain(serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into()))
        }
        Tree::Text(text) => Payload::Text(fields::template(text, name, place.referenced, findings)),
        Tree::List(all) => {
            Payload::List(all.iter().map(|it| payload(it, name, findings)).collect())
        }
        Tree::Map(all) => {
            let read = all.iter();
            let read = read.map(|(key, it)| (key.value.clone(), payload(it, name, findings)));
            Payload::Map(read.collect())
        }
    }
}

/// What is written out as a secret, though it is none by itself.
pub(super) fn plain(text: &str) -> SecretSource {
    SecretSource::Written(text.into())
}
