//! What is done to the log's files while nobody runs.

use std::path::Path;

use serde_json::json;
use watchfire_schemas::{Clock as _, SystemClock};

use super::segment::Segment;
use crate::server::{Server, run};

fn line(message: &str) -> String {
    json!({"timestamp": SystemClock.now().to_string(), "severity": "INFO", "service.name": "ledger", "message": message})
        .to_string()
}

/// A server that took these lines, each in a batch of its own, and died.
async fn died_with(data_dir: &Path, messages: &[&str]) {
    let server = Server::start(data_dir, &[]);
    for message in messages {
        assert_eq!(server.ingested(line(message)).await["accepted"], 1);
    }
    server.kill();
}

async fn messages(server: &Server) -> Vec<String> {
    let records = server.all_logs("service:ledger").await;
    let message = |record: &serde_json::Value| record["message"].as_str().unwrap().to_owned();
    let mut found: Vec<_> = records.iter().map(message).collect();
    found.sort();
    found
}

async fn metric(server: &Server, line: &str) -> u64 {
    let page = server
        .client
        .get(server.url("/metrics"))
        .send()
        .await
        .unwrap();
    let page = page.text().await.unwrap();
    let found = page.lines().find_map(|other| other.strip_prefix(line));
    let found = found.unwrap_or_else(|| panic!("no {line} in {page}"));
    found.trim().parse().unwrap()
}

/// A write that a power failure tore costs what it would have written, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn a_torn_tail_is_cut_off_and_told() {
    for garble in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        died_with(dir.path(), &["one", "two", "torn"]).await;
        let mut segment = Segment::newest(dir.path());
        let frames = segment.frames();
        let (last, end) = (frames[frames.len() - 2], frames[frames.len() - 1]);
        if garble {
            segment.bytes[last + 40..end].fill(0x5a);
        } else {
            segment.bytes.truncate(last + 40);
        }
        segment.write();
        let server = Server::start(dir.path(), &[]);
        assert_eq!(messages(&server).await, ["one", "two"]);
        assert!(metric(&server, "watchfire_collector_wal_torn_bytes_total").await > 0);
        server.ingested(line("three")).await;
        server.kill();
        let server = Server::start(dir.path(), &[]);
        assert_eq!(messages(&server).await, ["one", "three", "two"]);
        server.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_of_another_format_is_refused_in_words_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    died_with(dir.path(), &["one"]).await;
    let mut segment = Segment::newest(dir.path());
    let whole = segment.bytes.clone();
    segment.set_version(99);
    segment.write();
    let data_dir = format!("--data-dir={}", dir.path().display());
    let any = [
        "--listen=127.0.0.1:0",
        "--otlp-grpc=127.0.0.1:0",
        "--otlp-http=127.0.0.1:0",
    ];
    let (code, _, said) = run(&[&["serve", &data_dir][..], &any].concat());
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("format version 99; this binary reads"),
        "{said}"
    );
    // The version that wrote it finds it as it was.
    assert_eq!(Segment::newest(dir.path()).bytes, segment.bytes);
    segment.bytes = whole;
    segment.write();
    let server = Server::start(dir.path(), &[]);
    assert_eq!(messages(&server).await, ["one"]);
    server.stop();
}

/// A batch of which nothing can be made is set aside at the first start, and no start is held up.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_cannot_be_applied_is_set_aside_once() {
    let dir = tempfile::tempdir().unwrap();
    died_with(dir.path(), &["one"]).await;
    let mut segment = Segment::newest(dir.path());
    segment.append(1, segment.last_seq() + 1, b"this is no record");
    segment.write();
    let unreadable = r#"watchfire_collector_drops_total{reason="unreadable_batch"}"#;
    for counted in [1, 0] {
        let server = Server::start(dir.path(), &[]);
        assert_eq!(messages(&server).await, ["one"]);
        assert_eq!(metric(&server, unreadable).await, counted);
        let status = server
            .client
            .get(server.url("/status"))
            .send()
            .await
            .unwrap();
        assert!(status.text().await.unwrap().contains("dead-letters"));
        server.kill();
    }
    let letters = std::fs::read_dir(dir.path().join("wal/dead-letters")).unwrap();
    assert_eq!(letters.count(), 1);
    let server = Server::start(dir.path(), &[]);
    server.ingested(line("two")).await;
    assert_eq!(messages(&server).await, ["one", "two"]);
    server.stop();
}
