use std::collections::BTreeSet;

use super::access::Authorities;
use super::mail::Address;
use super::secret::Secret;
use super::secret_source::SecretSource;

/// Where mail goes, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxConfig {
    /// `host:port`.
    pub smarthost: String,
    pub from: String,
    /// Addresses, separated by commas.
    pub to: String,
    /// How we name ourselves; empty for `localhost`.
    pub hello: String,
    pub username: String,
    pub password: Option<Secret>,
    /// Refuse to send without TLS.
    pub require_tls: bool,
    /// TLS from the first byte; none if it is to follow from the port, 465.
    pub implicit_tls: Option<bool>,
}

/// A mail server, and how we speak with it.
#[derive(Debug, Clone)]
pub(crate) struct Mailbox {
    pub smarthost: String,
    pub from: Address,
    pub to: Vec<Address>,
    pub hello: String,
    pub username: String,
    pub password: Option<SecretSource>,
    /// For CRAM-MD5.
    pub secret: Option<SecretSource>,
    /// For PLAIN.
    pub identity: String,
    pub require_tls: bool,
    pub implicit_tls: bool,
    pub server_name: Option<String>,
    pub authorities: Option<Authorities>,
    pub accepts_invalid_certificates: bool,
}

const IMPLICIT_TLS: u16 = 465;

impl Mailbox {
    /// One that needs no password.
    pub(crate) fn new(smarthost: &str, implicit_tls: Option<bool>) -> Result<Self, String> {
        let (_, port) = split(smarthost)?;
        Ok(Self {
            smarthost: smarthost.to_owned(),
            from: Address::default(),
            to: Vec::new(),
            hello: "localhost".to_owned(),
            username: String::new(),
            password: None,
            secret: None,
            identity: String::new(),
            require_tls: true,
            implicit_tls: implicit_tls.unwrap_or(port == IMPLICIT_TLS),
            server_name: None,
            authorities: None,
            accepts_invalid_certificates: false,
        })
    }

    pub(crate) fn parse(written: MailboxConfig) -> Result<Self, String> {
        let mut mailbox = Self::new(&written.smarthost, written.implicit_tls)?;
        mailbox.from = Address::parse(&written.from).map_err(|it| format!("from: {it}"))?;
        mailbox.to = Address::parse_list(&written.to).map_err(|it| format!("to: {it}"))?;
        let mut seen = BTreeSet::new();
        mailbox.to.retain(|to| seen.insert(to.mailbox().to_owned()));
        if !written.hello.is_empty() {
            mailbox.hello = written.hello;
        }
        if mailbox.hello.contains(|c: char| c.is_control() || c == ' ') {
            return Err("hello must be the name of a host".to_owned());
        }
        if written.password.is_some() && written.username.is_empty() {
            return Err("a password needs a username".to_owned());
        }
        mailbox.username = written.username;
        mailbox.password = written.password.map(SecretSource::from);
        mailbox.require_tls = written.require_tls;
        Ok(mailbox)
    }

    /// The host and the port.
    pub(crate) fn host(&self) -> (&str, u16) {
        split(&self.smarthost).unwrap_or((&self.smarthost, 25))
    }
}

fn split(smarthost: &str) -> Result<(&str, u16), String> {
    let wrong = || format!("the mail server must be host:port, not {smarthost:?}");
    let (host, port) = smarthost.rsplit_once(':').ok_or_else(wrong)?;
    let port = port.parse().map_err(|_| wrong())?;
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let host = bare.unwrap_or(host);
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(wrong());
    }
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(smarthost: &str, expected: Option<(&str, u16)>) {
        assert_eq!(split(smarthost).ok(), expected);
    }

    #[test]
    fn a_mail_server_is_a_host_and_a_port() {
        check("mail.example:587", Some(("mail.example", 587)));
        check("[::1]:25", Some(("::1", 25)));
        check("mail.example", None);
        check(":25", None);
        check("mail example:25", None);
        check("mail.example:smtp", None);
    }

    #[test]
    fn port_465_means_tls_from_the_start() {
        let implicit = |host: &str, forced| {
            Mailbox::new(host, forced)
                .expect("it is well formed")
                .implicit_tls
        };
        assert!(implicit("mail.example:465", None));
        assert!(!implicit("mail.example:587", None));
        assert!(implicit("mail.example:2525", Some(true)));
        assert!(!implicit("mail.example:465", Some(false)));
    }
}
