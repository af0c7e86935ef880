use super::super::fields::{Fields, Findings};
use super::super::form::{Form, WebhookForm};
use super::super::tree::Place;
use super::Written;
use crate::notify::{Destination, DestinationKind};

pub(super) fn read(place: &Place, name: &str, findings: &mut Findings<'_>) -> Option<Written> {
    let mut fields = Fields::of(place, "webhook_configs", findings)?;
    let send_resolved = fields.truth("send_resolved", findings).unwrap_or(true);
    let url = fields.secret("url", "url_file", findings);
    let max_alerts = fields.count("max_alerts", findings).unwrap_or(0);
    let timeout = fields.duration("timeout", findings);
    let at = fields.at;
    fields.finish(findings);
    let Some(url) = url else {
        findings.note(at, "one of url or url_file must be configured");
        return None;
    };
    if let Err(reason) = url.check_as_url() {
        findings.note(at, format!("url: {reason}"));
        return None;
    }
    let mut destination = Destination::new(name, DestinationKind::Webhook, url);
    destination.timeout = timeout.filter(|time| !time.is_zero());
    Some(Written {
        send_resolved,
        destination,
        form: Form::Webhook(WebhookForm { max_alerts }),
    })
}
