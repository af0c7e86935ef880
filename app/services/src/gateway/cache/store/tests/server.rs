//! A Redis to test with.

use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis::Client;
use tokio::time::Instant;

/// How long a busy machine is given.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

pub(super) struct Server {
    url: String,
    /// Of this run alone, for a server that others use too.
    pub(super) run: String,
    /// With the folder that it runs in.
    process: Option<(Child, tempfile::TempDir)>,
}

impl Server {
    /// The one that `WATCHFIRE_TEST_REDIS` names, or one of our own. Without either there is
    /// nothing to test with, which CI does not put up with.
    pub(super) async fn any() -> Option<Self> {
        match std::env::var("WATCHFIRE_TEST_REDIS") {
            Ok(url) => Some(Self::at(url, None)),
            Err(_) => Self::own(&[]).await,
        }
    }

    /// One of our own, which `redis-server` must be on the path for.
    pub(super) async fn own(options: &[&str]) -> Option<Self> {
        // Between the finding of a port and the binding another may take it.
        for _ in 0..5 {
            let Some(server) = Self::start(options) else {
                let is_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
                assert!(!is_ci, "CI needs redis-server on the PATH");
                println!("skipped: there is no redis-server on the PATH");
                return None;
            };
            if let Some(server) = server.ready().await {
                return Some(server);
            }
        }
        panic!("a redis-server does not start");
    }

    fn start(options: &[&str]) -> Option<Self> {
        let port = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = port.local_addr().unwrap();
        drop(port);
        let dir = tempfile::tempdir().unwrap();
        let port = address.port().to_string();
        let started = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &port, "--save", ""])
            .args(options)
            .current_dir(dir.path())
            .stdout(Stdio::null())
            .spawn();
        let process = started.ok()?;
        Some(Self::at(format!("redis://{address}"), Some((process, dir))))
    }

    fn at(url: String, process: Option<(Child, tempfile::TempDir)>) -> Self {
        let run = uuid::Uuid::now_v7().to_string();
        Self { url, run, process }
    }

    /// Nothing if its port was taken.
    async fn ready(mut self) -> Option<Self> {
        let client = Client::open(self.url.as_str()).unwrap();
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let (process, _) = self.process.as_mut().expect("it is our own");
            if process.try_wait().unwrap().is_some() {
                return None;
            }
            if client.get_multiplexed_async_connection().await.is_ok() {
                return Some(self);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        None
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) async fn command(&self, words: &[&str]) {
        let client = Client::open(self.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let mut command = redis::Cmd::new();
        command.arg(words);
        command.exec_async(&mut connection).await.unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some((process, _)) = &mut self.process {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }
}

pub(super) async fn until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
