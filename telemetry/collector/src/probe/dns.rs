use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::Instant;

use super::DnsProbe;
use super::connection::resolve;
use super::dns_message::{Reply, question, reply};
use super::findings::Findings;

const PHASES: &str = "probe_dns_duration_seconds";

impl DnsProbe {
    /// Whether the server answers as expected; why not, if not. `id` tells this question from others.
    pub(crate) async fn run(&self, id: u16, findings: &mut Findings) -> Result<(), String> {
        findings.put("probe_dns_query_succeeded", 0.0);
        let began = Instant::now();
        let server = self.server().await;
        findings.phase(PHASES, "resolve", began.elapsed());
        findings.put(
            "probe_dns_lookup_time_seconds",
            began.elapsed().as_secs_f64(),
        );
        let server = server?;
        findings.put(
            "probe_ip_protocol",
            if server.is_ipv4() { 4.0 } else { 6.0 },
        );
        let mut answer = if self.over_tcp {
            self.over_tcp(server, id, findings).await?
        } else {
            self.over_udp(server, id, findings).await?
        };
        if answer.is_cut && !self.over_tcp {
            answer = self.over_tcp(server, id, findings).await?;
        }
        findings.put("probe_dns_answer_rrs", answer.records as f64);
        if answer.code != 0 {
            return Err(format!("the server says {}", answer.code_name()));
        }
        findings.put("probe_dns_query_succeeded", 1.0);
        self.judge(&answer)
    }

    fn judge(&self, answer: &Reply) -> Result<(), String> {
        if answer.answers.is_empty() {
            return Err(format!("{} has no such record", self.name));
        }
        let is_there = |expected: &str| {
            let bare = |text: &str| text.trim_end_matches('.').to_ascii_lowercase();
            answer
                .answers
                .iter()
                .any(|found| bare(found) == bare(expected))
        };
        match self.expected.iter().find(|expected| !is_there(expected)) {
            Some(missing) => {
                let found = answer.answers.join(", ");
                Err(format!("{missing:?} is not among the answers: {found}"))
            }
            None => Ok(()),
        }
    }

    async fn server(&self) -> Result<SocketAddr, String> {
        let (host, port) = match &self.server {
            Some((host, port)) => (host.clone(), *port),
            None => (system_server().await?, 53),
        };
        let addresses = resolve(&host, port).await?;
        Ok(addresses[0])
    }

    async fn over_udp(
        &self,
        server: SocketAddr,
        id: u16,
        findings: &mut Findings,
    ) -> Result<Reply, String> {
        let told = |error: std::io::Error| format!("{server}: {error}");
        let began = Instant::now();
        let any = if server.is_ipv4() {
            "0.0.0.0:0"
        } else {
            "[::]:0"
        };
        let socket = UdpSocket::bind(any).await.map_err(told)?;
        socket.connect(server).await.map_err(told)?;
        findings.phase(PHASES, "connect", began.elapsed());
        let began = Instant::now();
        socket
            .send(&question(id, &self.name, self.record))
            .await
            .map_err(told)?;
        let mut buffer = [0; 4096];
        loop {
            let length = socket.recv(&mut buffer).await.map_err(told)?;
            // Anything else is not for us.
            if let Some(answer) = reply(&buffer[..length], id, self.record) {
                findings.phase(PHASES, "request", began.elapsed());
                return Ok(answer);
            }
        }
    }

    async fn over_tcp(
        &self,
        server: SocketAddr,
        id: u16,
        findings: &mut Findings,
    ) -> Result<Reply, String> {
        let told = |error: std::io::Error| format!("{server}: {error}");
        let began = Instant::now();
        let mut stream = TcpStream::connect(server).await.map_err(told)?;
        findings.phase(PHASES, "connect", began.elapsed());
        let began = Instant::now();
        let asked = question(id, &self.name, self.record);
        let framed = [&(asked.len() as u16).to_be_bytes()[..], &asked].concat();
        stream.write_all(&framed).await.map_err(told)?;
        let length = stream.read_u16().await.map_err(told)?;
        let mut message = vec![0; usize::from(length)];
        stream.read_exact(&mut message).await.map_err(told)?;
        findings.phase(PHASES, "request", began.elapsed());
        reply(&message, id, self.record).ok_or_else(|| format!("{server} answers something else"))
    }
}

/// The first name server of `/etc/resolv.conf`.
async fn system_server() -> Result<String, String> {
    const PATH: &str = "/etc/resolv.conf";
    let text = tokio::fs::read_to_string(PATH).await;
    let text = text.map_err(|error| format!("{PATH}: {error}"))?;
    let mut servers = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("nameserver"));
    let server = servers.next().map(|server| server.trim().to_owned());
    server.ok_or_else(|| format!("{PATH} names no server"))
}

#[cfg(test)]
mod tests;
