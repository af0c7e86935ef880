use std::fmt;
use std::time::Duration;

use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::{Error, PoolConfig};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use tracing::Instrument;
use tracing::field::Empty;

use crate::messages::provider::{Parcel, Refusal};
use crate::messages::wording::Wording;
use crate::secret::Secret;

/// A relay that takes e-mail by SMTP, on this machine. Our id is in the Message-ID, by which who gets
/// it twice can know it.
pub(crate) struct SmtpWire {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    host: String,
    port: u16,
}

/// The domain of our message ids and of the sender.
pub(crate) const DOMAIN: &str = "messages.watchfire.example";
const TIMEOUT: Duration = Duration::from_secs(10);
const CONNECTIONS: u32 = 16;

impl SmtpWire {
    pub(crate) fn new(host: String, port: u16, login: Option<(String, Secret)>) -> Self {
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&host)
            .port(port)
            .timeout(Some(TIMEOUT))
            .pool_config(PoolConfig::new().max_size(CONNECTIONS));
        if let Some((user, password)) = login {
            builder = builder.credentials(Credentials::new(user, password.reveal().to_owned()));
        }
        let address = format!("hello@{DOMAIN}").parse();
        Self {
            transport: builder.build(),
            from: Mailbox::new(None, address.expect("our own address is one")),
            host,
            port,
        }
    }

    pub(crate) async fn send(&self, parcel: &Parcel<'_>) -> Result<Option<String>, Refusal> {
        let message = self.compose(parcel)?;
        let span = tracing::info_span!(
            "smtp",
            "otel.name" = "SMTP DATA",
            "otel.kind" = "client",
            "otel.status_code" = Empty,
            "error.type" = Empty,
            "network.protocol.name" = "smtp",
            "server.address" = self.host,
            "server.port" = self.port,
        );
        let sending = self.transport.send(message);
        let sent = sending.instrument(span.clone()).await;
        let sent = sent.map_err(|error| refused(&error));
        if let Err(refusal) = &sent {
            span.record("otel.status_code", "ERROR");
            span.record("error.type", refusal.as_str());
        }
        Ok(sent?.first_line().map(str::to_owned))
    }

    fn compose(&self, parcel: &Parcel<'_>) -> Result<Message, Refusal> {
        let rejected =
            |error: &dyn fmt::Display| Refusal::Rejected(format!("it makes no e-mail: {error}"));
        let to: Mailbox = parcel
            .to
            .parse()
            .map_err(|_| rejected(&"the address is not one"))?;
        let builder = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(parcel.wording.subject.clone().unwrap_or_default())
            .message_id(Some(format!("<{}@{DOMAIN}>", parcel.id)));
        let Wording { text, html, .. } = parcel.wording.clone();
        let message = match (text, html) {
            (Some(text), Some(html)) => {
                builder.multipart(MultiPart::alternative_plain_html(text, html))
            }
            (None, Some(html)) => builder.singlepart(SinglePart::html(html)),
            (text, None) => builder.singlepart(SinglePart::plain(text.unwrap_or_default())),
        };
        message.map_err(|error| rejected(&error))
    }
}

/// A permanent answer is for this message, a transient one for another time.
fn refused(error: &Error) -> Refusal {
    let code = error.status().map(|code| code.to_string());
    let told = match &code {
        Some(code) => format!("it answered {code}"),
        None => "the exchange with it broke off".to_owned(),
    };
    // Our login is no fault of the message.
    let is_login = |code: &String| matches!(code.as_str(), "530" | "534" | "535" | "538");
    let is_login = code.as_ref().is_some_and(is_login);
    if error.is_permanent() && !is_login {
        Refusal::Rejected(told)
    } else if error.is_transient() || is_login {
        Refusal::Unavailable(told)
    } else if error.is_timeout() {
        Refusal::Unclear("it did not answer in time".to_owned())
    } else if connects(error) {
        Refusal::Unavailable("it could not be connected to".to_owned())
    } else {
        Refusal::Unclear(told)
    }
}

/// Whether it was the connection that could not be made.
fn connects(error: &Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return error.kind() == std::io::ErrorKind::ConnectionRefused;
        }
        cause = error.source();
    }
    false
}

impl fmt::Debug for SmtpWire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpWire")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn a_message_is_an_e_mail_with_our_id_and_no_header_of_anybody_elses() {
        let wire = SmtpWire::new("localhost".to_owned(), 25, None);
        let wording =
            json!({ "subject": "Grüezi\r\nBcc: x@example.com", "text": "t", "html": "<p>t</p>" });
        let wording = serde_json::from_value(wording).unwrap();
        let parcel = Parcel {
            id: "id-1",
            to: "ada@example.com",
            wording: &wording,
        };
        let mail = wire.compose(&parcel).unwrap().formatted();
        let mail = String::from_utf8(mail).unwrap();
        assert!(
            mail.contains(&format!("Message-ID: <id-1@{DOMAIN}>\r\n")),
            "{mail}"
        );
        assert!(mail.contains("Content-Type: multipart/alternative"));
        assert!(!mail.lines().any(|line| line.starts_with("Bcc")), "{mail}");
        let nobody = Parcel {
            to: "nobody",
            ..parcel
        };
        assert!(matches!(wire.compose(&nobody), Err(Refusal::Rejected(_))));
    }
}
