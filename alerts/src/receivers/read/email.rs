use super::{Global, Written, http};
use crate::notify::{Destination, DestinationKind, Mailbox, SecretSource};
use crate::receivers::fields::{Fields, Findings};
use crate::receivers::form::{EmailForm, FormKind};

const SUBJECT: &str = r#"{{ template "email.default.subject" . }}"#;
const HTML: &str = r#"{{ template "email.default.html" . }}"#;

pub(super) fn email(
    fields: &mut Fields<'_>,
    name: &str,
    global: &Global,
    findings: &mut Findings<'_>,
) -> Option<Written> {
    let at = fields.at;
    let send_resolved = fields.truth("send_resolved", findings).unwrap_or(false);
    let mailbox = mailbox(fields, global, findings);
    let usual_from = global.smtp.from.as_deref().unwrap_or_default();
    let from = fields.template("from", usual_from, findings);
    let to = fields.maybe_template("to", findings);
    let mut headers = fields.templates("headers", findings);
    let mut subject = fields.template("", SUBJECT, findings);
    headers.retain(|(name, template)| {
        let is_subject = name.eq_ignore_ascii_case("subject");
        if is_subject {
            subject = template.clone();
        }
        !is_subject
    });
    let (threads, by_day) = threading(fields, findings);
    let form = EmailForm {
        to: to.clone()?,
        from,
        subject,
        headers,
        html: fields.template("html", HTML, findings),
        text: fields.template("text", "", findings),
        threads,
        by_day,
    };
    if to.is_none() {
        findings.note(at, "missing to address in email config");
    }
    let mailbox = mailbox?;
    let address = format!("smtp://{}", mailbox.smarthost);
    let source = SecretSource::Written(address.into());
    let mut destination = Destination::new(name, DestinationKind::Email, source);
    destination.mailbox = Some(mailbox);
    Some(Written {
        send_resolved,
        destination,
        form: FormKind::Email(Box::new(form)),
    })
}

fn mailbox(
    fields: &mut Fields<'_>,
    global: &Global,
    findings: &mut Findings<'_>,
) -> Option<Mailbox> {
    let (at, smtp) = (fields.at, &global.smtp);
    let smarthost = fields.some_text("smarthost", findings);
    let smarthost = smarthost.or_else(|| smtp.smarthost.clone());
    let implicit = fields.truth("force_implicit_tls", findings);
    let hello = fields.some_text("hello", findings);
    let username = fields.some_text("auth_username", findings);
    let password = fields.secret("auth_password", "auth_password_file", findings);
    let secret = fields.secret("auth_secret", "auth_secret_file", findings);
    let identity = fields.some_text("auth_identity", findings);
    let require_tls = fields.truth("require_tls", findings);
    let tls = fields.within("tls_config", findings);
    let tls = tls.map(|tls| http::tls(tls, findings));
    let Some(smarthost) = smarthost else {
        findings.note(at, "no global SMTP smarthost set");
        return None;
    };
    let mut mailbox = match Mailbox::new(&smarthost, implicit.or(smtp.implicit_tls)) {
        Ok(mailbox) => mailbox,
        Err(reason) => {
            findings.note(at, reason);
            return None;
        }
    };
    if let Some(hello) = hello.or_else(|| smtp.hello.clone()) {
        mailbox.hello = hello;
    }
    mailbox.username = username
        .or_else(|| smtp.username.clone())
        .unwrap_or_default();
    mailbox.password = password.or_else(|| smtp.password.clone());
    mailbox.secret = secret.or_else(|| smtp.secret.clone());
    mailbox.identity = identity
        .or_else(|| smtp.identity.clone())
        .unwrap_or_default();
    mailbox.require_tls = require_tls.or(smtp.require_tls).unwrap_or(true);
    if let Some(tls) = tls.or_else(|| smtp.tls.clone()) {
        mailbox.authorities = tls.authorities;
        mailbox.server_name = tls.server_name;
        mailbox.accepts_invalid_certificates = tls.accepts_invalid;
    }
    Some(mailbox)
}

fn threading(fields: &mut Fields<'_>, findings: &mut Findings<'_>) -> (bool, bool) {
    let Some(mut threading) = fields.within("threading", findings) else {
        return (false, false);
    };
    let enabled = threading.truth("enabled", findings).unwrap_or(false);
    let by = threading.some_text("thread_by_date", findings);
    if enabled && !matches!(by.as_deref(), Some("none" | "daily")) {
        let reason = "threading.thread_by_date must be either 'none' or 'daily'";
        findings.note(threading.at, reason);
    }
    threading.finish(findings);
    (enabled, by.as_deref() == Some("daily"))
}
