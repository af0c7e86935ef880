//! Commands and replies, over a connection that may become private.

use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::super::failure::{Failure, FailureReason};
use super::super::mailbox::Mailbox;
use super::super::tls;
use super::failed;

/// No reply is longer than this, in bytes and in lines.
const MOST_LINE: u64 = 4_096;
const MOST_LINES: usize = 200;

trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<C: AsyncRead + AsyncWrite + Send + Unpin> Connection for C {}

/// The server's end of the line.
pub(super) struct Dialogue {
    connection: BufReader<Box<dyn Connection>>,
    is_private: bool,
    is_local: bool,
}

/// A code, and what was said with it.
#[derive(Debug)]
pub(super) struct Reply {
    pub code: u16,
    pub lines: Vec<String>,
}

impl Dialogue {
    /// Connects and hears the greeting.
    pub(super) async fn open(mailbox: &Mailbox) -> Result<Self, Failure> {
        let (host, port) = mailbox.host();
        let stream = TcpStream::connect((host, port)).await.map_err(|error| {
            let text = match error.kind() {
                std::io::ErrorKind::ConnectionRefused => "connection refused",
                std::io::ErrorKind::NetworkUnreachable => "network unreachable",
                std::io::ErrorKind::HostUnreachable => "host unreachable",
                _ => "no connection: name not found",
            };
            failed(FailureReason::Connect, text)
        })?;
        let is_local = stream
            .peer_addr()
            .is_ok_and(|peer| IpAddr::is_loopback(&peer.ip()));
        let mut server = Self {
            connection: BufReader::new(Box::new(stream)),
            is_private: false,
            is_local,
        };
        if mailbox.implicit_tls {
            server = server.wrapped(mailbox).await?;
        }
        server.reply().await?.must_be_taken("the connection")?;
        Ok(server)
    }

    /// Whether nobody on the way can read.
    pub(super) const fn is_private(&self) -> bool {
        self.is_private
    }

    /// Whether there is no way to speak of.
    pub(super) const fn is_local(&self) -> bool {
        self.is_local
    }

    /// Says who we are. Gives what the server offers.
    pub(super) async fn hello(&mut self, name: &str) -> Result<Vec<String>, Failure> {
        let reply = self.ask(&format!("EHLO {name}")).await?;
        if reply.code == 250 {
            return Ok(reply.lines.into_iter().skip(1).collect());
        }
        let reply = self.ask(&format!("HELO {name}")).await?;
        reply.must_be_taken("the greeting")?;
        Ok(Vec::new())
    }

    pub(super) async fn start_tls(mut self, mailbox: &Mailbox) -> Result<Self, Failure> {
        self.ask("STARTTLS").await?.must_be_taken("TLS")?;
        if !self.connection.buffer().is_empty() {
            // Somebody on the way put it there: it would be taken as said in private.
            let text = "the server spoke before TLS began";
            return Err(failed(FailureReason::Refused, text));
        }
        self.wrapped(mailbox).await
    }

    async fn wrapped(self, mailbox: &Mailbox) -> Result<Self, Failure> {
        let config = tls::client(mailbox).map_err(|text| failed(FailureReason::Connect, &text))?;
        let host = mailbox.server_name.as_deref().unwrap_or(mailbox.host().0);
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| failed(FailureReason::Connect, "the server's name is not one"))?;
        let stream = self.connection.into_inner();
        let private = TlsConnector::from(Arc::clone(&config))
            .connect(name, stream)
            .await
            .map_err(|error| {
                let text = format!("TLS was refused: {error}");
                failed(FailureReason::Connect, &text)
            })?;
        Ok(Self {
            connection: BufReader::new(Box::new(private)),
            is_private: true,
            is_local: self.is_local,
        })
    }

    /// One command and its reply.
    pub(super) async fn ask(&mut self, command: &str) -> Result<Reply, Failure> {
        let line: String = command
            .chars()
            .filter(|c| !c.is_control() || *c == '\0')
            .collect();
        self.tell(format!("{line}\r\n").as_bytes()).await?;
        self.reply().await
    }

    pub(super) async fn tell(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let connection = self.connection.get_mut();
        let told = async {
            connection.write_all(bytes).await?;
            connection.flush().await
        };
        told.await.map_err(|_: std::io::Error| lost())
    }

    pub(super) async fn reply(&mut self) -> Result<Reply, Failure> {
        let mut lines = Vec::new();
        while lines.len() < MOST_LINES {
            let mut line = Vec::new();
            let mut limited = (&mut self.connection).take(MOST_LINE);
            let read = limited.read_until(b'\n', &mut line).await;
            if read.map_err(|_| lost())? == 0 || !line.ends_with(b"\n") {
                return Err(lost());
            }
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end();
            let code = line.get(..3).and_then(|code| code.parse().ok());
            let Some(code) = code else {
                let text = "the answer is not a mail server's";
                return Err(failed(FailureReason::UnexpectedAnswer, text));
            };
            lines.push(line.get(4..).unwrap_or_default().to_owned());
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(Reply { code, lines });
            }
        }
        Err(lost())
    }
}

impl Reply {
    /// The code, if it says yes.
    pub(super) fn must_be_taken(&self, what: &str) -> Result<u16, Failure> {
        match self.code {
            200..300 => Ok(self.code),
            _ => Err(self.failure(what)),
        }
    }

    /// 4yz may be taken later; anything else will not be.
    pub(super) fn failure(&self, what: &str) -> Failure {
        let reason = match self.code {
            400..500 => FailureReason::TryLater,
            530 | 534 | 535 | 538 => FailureReason::Auth,
            _ => FailureReason::Refused,
        };
        let said = self.lines.join(" ");
        Failure {
            reason,
            http_status: Some(self.code),
            retry_after: None,
            text: format!("SMTP {}: {what} was not taken: {said}", self.code),
        }
    }

    /// What the server wants to have answered.
    pub(super) fn challenge(&self) -> Result<Vec<u8>, Failure> {
        if self.code != 334 {
            return Err(Failure {
                reason: match self.code {
                    400..500 => FailureReason::TryLater,
                    _ => FailureReason::Auth,
                },
                ..self.failure("the login")
            });
        }
        let line = self.lines.first().map_or("", String::as_str);
        STANDARD.decode(line.trim()).map_err(|_| {
            failed(
                FailureReason::UnexpectedAnswer,
                "the challenge is not base64",
            )
        })
    }
}

fn lost() -> Failure {
    let text = "the connection broke before the answer was whole";
    failed(FailureReason::ConnectionLost, text)
}
