use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Fate, Floor};
use crate::messages::channel::Channel;
use crate::messages::provider::DOMAIN;

/// The name under which its receipts come.
const PROVIDER: &str = "email-primary";
/// The longest line, and the longest message.
const LONGEST_LINE: u64 = 4_096;
const LONGEST_MESSAGE: usize = 1 << 20;
const CONNECTIONS: usize = 64;

/// A relay that speaks just enough of SMTP (RFC 5321) to take messages.
pub(super) async fn serve(listener: TcpListener, floor: Arc<Floor>, stop: CancellationToken) {
    let mut sessions = JoinSet::new();
    while let Some(Ok((stream, _))) = stop.run_until_cancelled(listener.accept()).await {
        while sessions.try_join_next().is_some() {}
        if sessions.len() < CONNECTIONS {
            let floor = Arc::clone(&floor);
            // A session that breaks off is the client's affair.
            sessions.spawn(async move { drop(Session::new(stream, floor).run().await) });
        }
    }
}

struct Session {
    stream: BufReader<TcpStream>,
    floor: Arc<Floor>,
    recipients: usize,
}

impl Session {
    fn new(stream: TcpStream, floor: Arc<Floor>) -> Self {
        Self {
            stream: BufReader::new(stream),
            floor,
            recipients: 0,
        }
    }

    async fn run(mut self) -> std::io::Result<()> {
        self.answer("220 sandbox ESMTP").await?;
        while let Some(line) = self.line().await? {
            let command = line
                .split_whitespace()
                .next()
                .unwrap_or_default()
                .to_uppercase();
            match command.as_str() {
                "EHLO" => {
                    self.answer("250-sandbox\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN")
                        .await?;
                }
                "HELO" | "NOOP" => self.answer("250 OK").await?,
                "MAIL" | "RSET" => {
                    self.recipients = 0;
                    self.answer("250 OK").await?;
                }
                "RCPT" => {
                    self.recipients += 1;
                    self.answer("250 OK").await?;
                }
                "DATA" if self.recipients == 0 => self.answer("503 no recipient").await?,
                "DATA" => self.data().await?,
                "QUIT" => return self.answer("221 bye").await,
                _ => self.answer("502 not here").await?,
            }
        }
        Ok(())
    }

    async fn data(&mut self) -> std::io::Result<()> {
        self.answer("354 go on").await?;
        let mut size = 0;
        let mut reference = None;
        while let Some(line) = self.line().await? {
            if line == "." {
                return self.judge(reference).await;
            }
            size += line.len();
            if size > LONGEST_MESSAGE {
                return Err(std::io::ErrorKind::FileTooLarge.into());
            }
            let message_id = line.strip_prefix("Message-ID:").map(str::trim);
            let ours = message_id.and_then(|id| id.strip_prefix('<')?.split_once('@'));
            if let Some((id, domain)) = ours.filter(|_| reference.is_none())
                && domain.starts_with(DOMAIN)
            {
                reference = Some(id.to_owned());
            }
        }
        Ok(())
    }

    async fn judge(&mut self, reference: Option<String>) -> std::io::Result<()> {
        let (fate, delay) = self.floor.draw();
        tokio::time::sleep(delay).await;
        self.recipients = 0;
        match (fate, reference) {
            (Fate::Taken, Some(reference)) => {
                if self.floor.is_new(format!("{PROVIDER} {reference}")) {
                    self.floor.post(PROVIDER, Channel::Email, reference.clone());
                }
                self.answer(&format!("250 OK {reference}")).await
            }
            (Fate::Taken, None) => self.answer("250 OK").await,
            (Fate::Refused, _) => self.answer("550 no such mailbox").await,
            (Fate::Throttled, _) => self.answer("450 too many messages").await,
            (Fate::Unavailable, _) => self.answer("451 try again").await,
        }
    }

    async fn answer(&mut self, text: &str) -> std::io::Result<()> {
        self.stream
            .write_all(format!("{text}\r\n").as_bytes())
            .await
    }

    /// A line without its end; none when the client is gone.
    async fn line(&mut self) -> std::io::Result<Option<String>> {
        let mut line = Vec::new();
        let read = (&mut self.stream)
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)
            .await?;
        let text = String::from_utf8_lossy(&line);
        Ok((read > 0).then(|| text.trim_end_matches(['\r', '\n']).to_owned()))
    }
}
