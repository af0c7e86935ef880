use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::response::IntoResponse as _;
use axum::routing::post;
use http::StatusCode;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use watchfire_schemas::{Clock as _, SystemClock};

use crate::server::{Server, run};

fn line(n: usize) -> String {
    json!({
        "timestamp": SystemClock.now().to_string(), "severity": "INFO", "service.name": "shop",
        "message": format!("order {n} placed"), "n": n,
    })
    .to_string()
}

fn send(server: &Server, more: &[&str]) -> (Option<i32>, String, String) {
    let address = server.url("");
    run(&[&["send", "logs", "--server", &address][..], more].concat())
}

fn file(dir: &std::path::Path, name: &str, bytes: &[u8]) -> String {
    let path = dir.join(name);
    std::fs::write(&path, bytes).unwrap();
    path.display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_are_told_by_the_line_of_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let mut lines: Vec<String> = (1..=5000).map(line).collect();
    lines[1] = String::new();
    lines[4321] = lines[4321].replace("INFO", "LOUD");
    lines[4999] = "no json".to_owned();
    let path = file(dir.path(), "app.ndjson", lines.join("\n").as_bytes());
    let (code, out, err) = send(&server, &[&path, "--batch", "300"]);
    assert_eq!(code, Some(1), "{out}{err}");
    assert!(
        out.starts_with("4,997 accepted, 2 quarantined, 0 rejected"),
        "{out}"
    );
    let told: Vec<_> = err.lines().collect();
    assert_eq!(told.len(), 2, "{err}");
    assert!(
        told[0].contains("app.ndjson:4322: /severity: ") && told[0].contains("LOUD"),
        "{err}"
    );
    assert!(told[1].contains("app.ndjson:5000: "), "{err}");
    assert_eq!(server.all_logs("placed").await.len(), 4997);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_files_and_every_compression_of_requests_arrive() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let plain: String = (0..3000).map(|n| line(n) + "\n").collect();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(plain.as_bytes()).unwrap();
    let files = [
        ("plain", plain.as_bytes().to_vec()),
        ("a.gz", gzip.finish().unwrap()),
        ("a.zst", zstd::encode_all(plain.as_bytes(), 3).unwrap()),
    ];
    for ((name, bytes), how) in files.iter().zip(["gzip", "zstd", "none"]) {
        let path = file(dir.path(), name, bytes);
        let (code, out, err) = send(&server, &[&path, "--compression", how]);
        assert_eq!((code, err.as_str()), (Some(0), ""), "{name} {how}: {out}");
        assert!(out.starts_with("3,000 accepted"), "{name}: {out}");
    }
    let found = server.get("/api/v1/logs?q=placed&limit=1").await;
    assert_eq!(found["total"], 9000);
    let cut = file(dir.path(), "cut.gz", &files[1].1[..500]);
    let (code, _, err) = send(&server, &[&cut]);
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("cut.gz cannot be read"), "{err}");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn standard_input_is_sent_as_it_comes() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let mut process = Command::new(env!("CARGO_BIN_EXE_watchfire"))
        .args([
            "send",
            "logs",
            "--service",
            "till",
            "--server",
            &server.url(""),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = process.stdin.take().unwrap();
    let nameless = line(1).replace("\"service.name\":\"shop\",", "");
    writeln!(stdin, "{nameless}\n{}", line(2)).unwrap();
    stdin.flush().unwrap();
    // The lines arrive although the input has not ended.
    for _ in 0..600 {
        if server.all_logs("placed").await.len() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(server.all_logs("service:till n:1").await.len(), 1);
    assert_eq!(server.all_logs("service:shop n:2").await.len(), 1);
    drop(stdin);
    let ended = process.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&ended.stdout).starts_with("2 accepted"));
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_halved_until_it_fits() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--max-body=4KiB"]);
    let mut lines: Vec<String> = (1..=200).map(line).collect();
    lines[99] = lines[99].replace("placed", &"x".repeat(5000));
    let path = file(dir.path(), "app.ndjson", lines.join("\n").as_bytes());
    let (code, out, err) = send(&server, &[&path]);
    assert_eq!(code, Some(1), "{out}{err}");
    assert!(
        out.starts_with("199 accepted, 0 quarantined, 1 rejected"),
        "{out}"
    );
    assert!(err.contains("app.ndjson:100: the body is larger"), "{err}");
    server.stop();
}

/// A server that is busy twice before it takes a batch of one line, after it dropped the first
/// connection without an answer.
async fn flaky(listener: TcpListener, requests: Arc<AtomicUsize>) {
    drop(listener.accept().await.unwrap());
    let answer = move || {
        let request = requests.fetch_add(1, Ordering::SeqCst);
        async move {
            let busy = [("retry-after", "1")];
            match request {
                0 => (StatusCode::TOO_MANY_REQUESTS, busy, "{}").into_response(),
                1 => StatusCode::SERVICE_UNAVAILABLE.into_response(),
                _ => r#"{"accepted":1,"quarantined":0,"rejected":0,"errors":[]}"#.into_response(),
            }
        }
    };
    let router = Router::new().route("/api/v1/ingest/logs", post(answer));
    axum::serve(listener, router).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_or_busy_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "app.ndjson", line(1).as_bytes());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let requests = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    tasks.spawn(flaky(listener, Arc::clone(&requests)));
    let send = ["send", "logs", "--server", &address, &path];
    let (code, out, err) = run(&send);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.starts_with("1 accepted"), "{out}");
    assert_eq!(requests.load(Ordering::SeqCst), 3);
    // Of the lost connection nobody knows whether it brought the line.
    assert!(err.contains("may be stored twice: line 1"), "{err}");

    requests.store(0, Ordering::SeqCst);
    let (code, _, err) = run(&[&send[..], &["--patience", "0s"]].concat());
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("429"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_sent_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let check = |args: &[&str], word: &str| {
        let (code, out, err) = send(&server, args);
        assert_eq!(code, Some(2), "{args:?}: {out}{err}");
        assert!(err.contains(word), "{args:?}: {err}");
    };
    check(&["no/such/file"], "no/such/file cannot be read");
    check(&[&dir.path().display().to_string()], "cannot be read");
    let array = file(dir.path(), "array.json", b"[\n{}\n]\n");
    check(&[&array], "jq -c");
    let path = file(dir.path(), "app.ndjson", line(1).as_bytes());
    let nobody = ["--server", "127.0.0.1:9", "--patience", "1s", &path];
    let (code, _, err) = run(&[&["send", "logs"][..], &nobody].concat());
    assert_eq!(code, Some(2));
    assert!(
        err.contains("http://127.0.0.1:9 cannot be reached"),
        "{err}"
    );
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_is_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let address = server.url("");
    let deploy = ["send", "deploy", "--server", &address, "--service=shop"];
    let (code, out, err) = run(&[
        &deploy[..],
        &[
            "--version=1.4.0",
            "--author=ci",
            "--committed-at=2026-11-22T05:57:27Z",
        ],
    ]
    .concat());
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.starts_with("deploy of shop 1.4.0 at "), "{out}");
    let changes = server.get("/api/v1/changes").await;
    let change = &changes["changes"][0];
    assert_eq!(change["summary"], "version 1.4.0", "{changes}");
    assert_eq!(
        (&change["kind"], &change["author"]),
        (&json!("deploy"), &json!("ci"))
    );
    let committed = json!({"committed_at": ["2026-11-22T05:57:27Z"]});
    assert_eq!(change["attributes"], committed);
    let (code, _, err) = run(&[&deploy[..], &["--version=1", "--at=soon"]].concat());
    assert_eq!(code, Some(2), "{err}");
    server.stop();
}
