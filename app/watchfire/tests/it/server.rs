//! A running `watchfire serve` and what a client asks of it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::{Client, Response, StatusCode};
use serde_json::Value;

pub(crate) struct Server {
    process: Child,
    addresses: Value,
    pub(crate) client: Client,
    /// What it said on stderr, to be shown when a test fails.
    said: Arc<Mutex<String>>,
}

impl Server {
    pub(crate) fn start(data_dir: &Path, more: &[&str]) -> Self {
        Self::command(data_dir, &["serve"], more)
    }

    /// One that does not die of a file that may not grow, whatever limit it is given later.
    pub(crate) fn start_without_limits(data_dir: &Path) -> Self {
        let mut shell = Command::new("sh");
        let ignoring = "trap '' XFSZ; exec \"$0\" \"$@\"";
        shell.args(["-c", ignoring, env!("CARGO_BIN_EXE_watchfire")]);
        Self::spawned(shell, data_dir, &["serve"], &[])
    }

    fn command(data_dir: &Path, command: &[&str], more: &[&str]) -> Self {
        let binary = Command::new(env!("CARGO_BIN_EXE_watchfire"));
        Self::spawned(binary, data_dir, command, more)
    }

    fn spawned(mut binary: Command, data_dir: &Path, command: &[&str], more: &[&str]) -> Self {
        let mut process = binary
            .args(command)
            .args([
                "--listen=127.0.0.1:0",
                "--otlp-grpc=127.0.0.1:0",
                "--otlp-http=127.0.0.1:0",
                "--print-addresses",
            ])
            .arg(format!("--data-dir={}", data_dir.display()))
            .args(more)
            .env_remove("PAGERDUTY_ROUTING_KEY")
            .env_remove("SLACK_WEBHOOK_URL")
            // What this machine is like is no part of most tests; a flag wins over this.
            .env("WATCHFIRE_HOST_METRICS", "off")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let (heard, mut stderr) = (
            Arc::clone(&said),
            BufReader::new(process.stderr.take().unwrap()),
        );
        std::thread::spawn(move || {
            let mut line = String::new();
            while stderr.read_line(&mut line).is_ok_and(|n| n > 0) {
                heard.lock().unwrap().push_str(&line);
                line.clear();
            }
        });
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let addresses = serde_json::from_str(&line).unwrap_or_else(|_| {
            panic!(
                "no addresses but {line:?}; it said {}",
                said.lock().unwrap()
            )
        });
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = Client::builder()
            .timeout(Duration::from_mins(1))
            .build()
            .unwrap();
        Self {
            process,
            addresses,
            client,
            said,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!(
            "http://{}{path}",
            self.addresses["listen"].as_str().unwrap()
        )
    }

    pub(crate) fn otlp_url(&self, path: &str) -> String {
        format!(
            "http://{}{path}",
            self.addresses["otlp_http"].as_str().unwrap()
        )
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let response = self.client.get(self.url(path)).send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert!(status.is_success(), "GET {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("GET {path}: {error}: {text}"))
    }

    pub(crate) async fn ingest(&self, lines: impl Into<String>) -> Response {
        let request = self.client.post(self.url("/api/v1/ingest/logs"));
        request
            .header("content-type", "application/x-ndjson")
            .body(lines.into())
            .send()
            .await
            .unwrap()
    }

    /// Ingests and expects that the request as a whole is taken.
    pub(crate) async fn ingested(&self, lines: impl Into<String>) -> Value {
        let response = self.ingest(lines).await;
        assert_eq!(response.status(), StatusCode::OK);
        response.json().await.unwrap()
    }

    /// Every record of a query within the last day and the next hour, page by page.
    pub(crate) async fn all_logs(&self, query: &str) -> Vec<Value> {
        let mut records = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/api/v1/logs?q={}&limit=500&{cursor}", encoded(query));
            let page = self.get(&path).await;
            records.extend(page["records"].as_array().unwrap().iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = format!("cursor={}", encoded(next)),
                None => return records,
            }
        }
    }

    /// Ends it as a power failure would.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Ends it as an operator would, and expects a clean exit.
    pub(crate) fn stop(mut self) {
        let pid = self.process.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        let status = self.process.wait().unwrap();
        assert!(
            status.success(),
            "{status}; it said {}",
            self.said.lock().unwrap()
        );
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
        if std::thread::panicking() {
            println!("the server said:\n{}", self.said.lock().unwrap());
        }
    }
}

/// Runs the binary to its end: (exit code, stdout, stderr).
pub(crate) fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let mut process = Command::new(env!("CARGO_BIN_EXE_watchfire"))
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut out, mut err) = (String::new(), String::new());
    process
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut out)
        .unwrap();
    process
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut err)
        .unwrap();
    (process.wait().unwrap().code(), out, err)
}

/// For a query string.
pub(crate) fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}
