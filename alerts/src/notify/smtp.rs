//! One mail over SMTP, RFC 5321, with STARTTLS and AUTH.

mod dialogue;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::failure::{Failure, FailureReason};
use super::hmac::{hex, hmac_md5};
use super::mail::{Address, Mail};
use super::mailbox::Mailbox;
use dialogue::{Dialogue, Reply};

/// Sends a mail once. Gives the code with which the server took it.
pub(super) async fn send(
    mailbox: &Mailbox,
    mail: &Mail,
    (connect, total): (Duration, Duration),
) -> Result<u16, Failure> {
    let sent = tokio::time::timeout(total, dialogue(mailbox, mail, connect)).await;
    sent.unwrap_or_else(|_| Err(failed(FailureReason::Timeout, "no answer in time")))
}

async fn dialogue(mailbox: &Mailbox, mail: &Mail, connect: Duration) -> Result<u16, Failure> {
    let mut server = tokio::time::timeout(connect, Dialogue::open(mailbox))
        .await
        .unwrap_or_else(|_| Err(failed(FailureReason::Timeout, "no connection in time")))?;
    let mut offers = server.hello(&mailbox.hello).await?;
    if !server.is_private() {
        if offers
            .iter()
            .any(|line| line.eq_ignore_ascii_case("STARTTLS"))
        {
            server = server.start_tls(mailbox).await?;
            offers = server.hello(&mailbox.hello).await?;
        } else if mailbox.require_tls {
            let text = "TLS is required and the server does not offer STARTTLS";
            return Err(failed(FailureReason::Refused, text));
        }
    }
    if !mailbox.username.is_empty() {
        authenticate(&mut server, mailbox, &offers).await?;
    }
    let code = post(&mut server, mail).await?;
    // It is taken: what comes of leaving does not matter.
    drop(server.ask("QUIT").await);
    Ok(code)
}

async fn post(server: &mut Dialogue, mail: &Mail) -> Result<u16, Failure> {
    let wrong = |text: String| failed(FailureReason::Refused, &text);
    let from = Address::parse(&mail.from).map_err(wrong)?;
    let reply = server
        .ask(&format!("MAIL FROM:<{}>", from.mailbox()))
        .await?;
    reply.must_be_taken("the sender")?;
    let mut taken = 0;
    let mut refused = None;
    for to in &mail.to {
        let to = Address::parse(to).map_err(wrong)?;
        let reply = server.ask(&format!("RCPT TO:<{}>", to.mailbox())).await?;
        match reply.must_be_taken("a recipient") {
            Ok(_) => taken += 1,
            Err(failure) => refused = Some(failure),
        }
    }
    // Those who can be reached are told even if one address is wrong.
    if let Some(failure) = refused {
        if taken == 0 {
            return Err(failure);
        }
        tracing::warn!(
            "a mail reaches {taken} of {} recipients: {}",
            mail.to.len(),
            failure.text
        );
    }
    let reply = server.ask("DATA").await?;
    if reply.code != 354 {
        return Err(reply.failure("the mail"));
    }
    server.tell(&stuffed(&mail.encode())).await?;
    server.reply().await?.must_be_taken("the mail")
}

/// A dot at the beginning of a line is doubled, and a lone one ends the mail.
fn stuffed(mail: &[u8]) -> Vec<u8> {
    let mut stuffed = Vec::with_capacity(mail.len() + 64);
    for line in mail.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            stuffed.push(b'.');
        }
        stuffed.extend_from_slice(line);
    }
    stuffed.extend_from_slice(b".\r\n");
    stuffed
}

/// With the first of the server's mechanisms for which we have what it takes.
async fn authenticate(
    server: &mut Dialogue,
    mailbox: &Mailbox,
    offers: &[String],
) -> Result<(), Failure> {
    let offered = offers.iter().find_map(|line| {
        let (name, rest) = line.split_once([' ', '='])?;
        name.eq_ignore_ascii_case("AUTH").then_some(rest)
    });
    let Some(offered) = offered else {
        let text = "the server does not offer to authenticate";
        return Err(failed(FailureReason::Auth, text));
    };
    for mechanism in offered.split_whitespace() {
        let mechanism = mechanism.to_ascii_uppercase();
        let reply = match (mechanism.as_str(), &mailbox.secret, &mailbox.password) {
            ("CRAM-MD5", Some(secret), _) => {
                let challenge = server.ask("AUTH CRAM-MD5").await?.challenge()?;
                let secret = secret.read().await?;
                let code = hex(&hmac_md5(secret.expose().as_bytes(), &challenge));
                let answer = format!("{} {code}", mailbox.username);
                server.ask(&STANDARD.encode(answer)).await?
            }
            ("PLAIN" | "LOGIN", _, Some(password)) => {
                if !server.is_private() && !server.is_local() {
                    let text = "a password is not sent without TLS";
                    return Err(failed(FailureReason::Auth, text));
                }
                let password = password.read().await?;
                with_password(server, &mechanism, mailbox, password.expose()).await?
            }
            _ => continue,
        };
        return match reply.code {
            235 => Ok(()),
            400..500 => Err(reply.failure("the login")),
            _ => Err(Failure {
                reason: FailureReason::Auth,
                ..reply.failure("the login")
            }),
        };
    }
    let text = format!("no way to authenticate is shared; the server offers {offered}");
    Err(failed(FailureReason::Auth, &text))
}

async fn with_password(
    server: &mut Dialogue,
    mechanism: &str,
    mailbox: &Mailbox,
    password: &str,
) -> Result<Reply, Failure> {
    let username = &mailbox.username;
    if mechanism == "PLAIN" {
        let all = format!("{}\0{username}\0{password}", mailbox.identity);
        let answer = STANDARD.encode(all);
        return server.ask(&format!("AUTH PLAIN {answer}")).await;
    }
    server.ask("AUTH LOGIN").await?.challenge()?;
    let reply = server.ask(&STANDARD.encode(username)).await?;
    reply.challenge()?;
    server.ask(&STANDARD.encode(password)).await
}

fn failed(reason: FailureReason, text: &str) -> Failure {
    Failure {
        reason,
        http_status: None,
        retry_after: None,
        text: text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
