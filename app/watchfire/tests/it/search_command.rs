use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use watchfire_schemas::{Clock as _, SystemClock};

use crate::server::{Server, run};

/// A server that holds `count` lines of shop, the last an error with an exception.
async fn filled(dir: &std::path::Path, count: usize) -> Server {
    let server = Server::start(dir, &[]);
    let start = SystemClock.now() - std::time::Duration::from_mins(5);
    let line = |n: usize| {
        let mut line = json!({
            "timestamp": (start + std::time::Duration::from_millis(n as u64)).to_string(),
            "severity": "INFO", "service.name": "shop", "message": format!("order {n} placed"), "n": n,
        });
        if n == count - 1 {
            line["severity"] = json!("ERROR");
            line["exception.type"] = json!("Timeout");
            line["exception.stacktrace"] = json!("Timeout\n  at pay.rs:7");
        }
        line.to_string()
    };
    let lines: Vec<_> = (0..count).map(line).collect();
    server.ingested(lines.join("\n")).await;
    server
}

fn search(server: &Server, more: &[&str]) -> (Option<i32>, String, String) {
    let address = server.url("");
    run(&[&["search", "--server", &address][..], more].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_printed_for_people_and_for_programs() {
    let dir = tempfile::tempdir().unwrap();
    let server = filled(dir.path(), 2500).await;
    let (code, out, err) = search(&server, &["severity:ERROR", "--utc"]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    let lines: Vec<_> = out.lines().collect();
    assert!(
        lines[0].ends_with("Z ERROR shop  order 2499 placed  n=2499"),
        "{out}"
    );
    assert_eq!(lines[1..], ["    Timeout", "      at pay.rs:7"], "{out}");

    // More than a page, so by the cursor; newest first, each once.
    let (code, out, err) = search(&server, &["placed", "--json", "--limit", "2200"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let records: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let numbers: Vec<_> = records.iter().map(|r| r["n"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (300..2500).rev().collect::<Vec<_>>());
    assert!(out.starts_with("{\"id\":\""), "{}", &out[..80]);

    let (_, out, _) = search(&server, &["", "--json", "--limit", "0"]);
    assert_eq!(out.lines().count(), 2500);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_tells_found_none_and_failed() {
    let dir = tempfile::tempdir().unwrap();
    let server = filled(dir.path(), 5).await;
    let (code, out, err) = search(&server, &["nowhere_to_be_found"]);
    assert_eq!((code, out.as_str(), err.as_str()), (Some(1), "", ""));
    let (code, out, err) = search(&server, &["servce:shop"]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.contains("did you mean service?"), "{err}");
    let (code, out, err) = search(&server, &["placed (order or"]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    let lines: Vec<_> = err.lines().collect();
    assert!(lines[0].contains("expected"), "{err}");
    assert_eq!(lines[1], "  placed (order or");
    assert_eq!(lines[2].trim(), "^", "{err}");
    let column: usize = lines[0]
        .split("column ")
        .nth(1)
        .unwrap()
        .split(':')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(lines[2].find('^'), Some(column + 1), "{err}");

    let (code, _, err) = search(&server, &["--since", "soon"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("--since"), "{err}");
    let (code, _, err) = search(
        &server,
        &[
            "--start",
            "2026-11-22T05:00:00Z",
            "--end",
            "2026-11-22T04:00:00Z",
        ],
    );
    assert_eq!(code, Some(2));
    assert!(err.contains("not before the end"), "{err}");
    server.stop();
    let (code, _, err) = run(&["search", "x", "--server", "127.0.0.1:9"]);
    assert_eq!(code, Some(2));
    assert!(
        err.contains("http://127.0.0.1:9 cannot be reached"),
        "{err}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_has_seen_enough_is_no_error() {
    let dir = tempfile::tempdir().unwrap();
    let server = filled(dir.path(), 3000).await;
    let mut process = Command::new(env!("CARGO_BIN_EXE_watchfire"))
        .args([
            "search",
            "--limit",
            "0",
            "--json",
            "--server",
            &server.url(""),
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::with_capacity(64, process.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    assert!(first.contains("2999"), "{first}");
    let ended = process.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_pipe_makes_is_a_table() {
    let dir = tempfile::tempdir().unwrap();
    let server = filled(dir.path(), 1200).await;
    let (code, out, err) = search(&server, &["* | count by service, severity"]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    let lines: Vec<_> = out.lines().collect();
    assert_eq!(
        lines,
        [
            "service  severity  count",
            "shop     INFO       1199",
            "shop     ERROR         1"
        ]
    );
    let (_, out, _) = search(&server, &["n:<3 | top severity", "--json"]);
    assert_eq!(out, "{\"count\":3,\"severity\":\"INFO\"}\n");
    let (code, out, _) = search(&server, &["nowhere_to_be_found | count by service"]);
    assert_eq!((code, out.trim()), (Some(1), "service  count"));
    let (code, _, err) = search(&server, &["* | count", "--follow"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("cannot be followed"), "{err}");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_followed_as_they_come() {
    let dir = tempfile::tempdir().unwrap();
    let server = filled(dir.path(), 5).await;
    let address = server.url("");
    let mut process = Command::new(env!("CARGO_BIN_EXE_watchfire"))
        .args([
            "search", "placed", "--follow", "--json", "-n", "3", "--server", &address,
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut next = || {
        let line = lines.next().unwrap().unwrap();
        serde_json::from_str::<Value>(&line).unwrap()["n"].as_u64()
    };
    // What there was, oldest first; then what comes.
    assert_eq!([next(), next(), next()], [Some(2), Some(3), Some(4)]);
    for n in [5_u64, 6] {
        let line = |message: &str| {
            json!({"timestamp": SystemClock.now().to_string(), "severity": "INFO", "service.name": "shop",
                "message": message, "n": n})
            .to_string()
        };
        let both = format!("{}\n{}", line("cancelled"), line("placed late"));
        server.ingested(both).await;
        assert_eq!(next(), Some(n));
    }
    server.kill();
    let ended = process.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(2));
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(said.contains("the stream"), "{said}");
}
