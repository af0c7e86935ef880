use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::server::Server;

/// 200 MB of spaces, in 200 kB.
fn bomb() -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    let spaces = vec![b' '; 1 << 20];
    for _ in 0..200 {
        gzip.write_all(&spaces).unwrap();
    }
    gzip.finish().unwrap()
}

/// One request and the status that it must be answered with.
struct Case {
    path: &'static str,
    content_type: &'static str,
    encoding: Option<&'static str>,
    body: Vec<u8>,
    status: u16,
}

const JSON: &str = "application/json";
const PROTOBUF: &str = "application/x-protobuf";

fn case(
    path: &'static str,
    content_type: &'static str,
    body: impl Into<Vec<u8>>,
    status: u16,
) -> Case {
    Case {
        path,
        content_type,
        encoding: None,
        body: body.into(),
        status,
    }
}

impl Case {
    fn encoded(self, encoding: &'static str) -> Self {
        Self {
            encoding: Some(encoding),
            ..self
        }
    }
}

async fn check(server: &Server, case: Case) {
    let mut request = server
        .client
        .post(server.otlp_url(case.path))
        .header("content-type", case.content_type);
    if let Some(encoding) = case.encoding {
        request = request.header("content-encoding", encoding);
    }
    let response = request.body(case.body).send().await.unwrap();
    let status = response.status();
    let text = response.text().await.unwrap();
    assert_eq!(
        status, case.status,
        "{} {} {:?}: {text}",
        case.path, case.content_type, case.encoding
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_sent_ends_it() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let deep = format!("{{\"resourceLogs\":{}", "[".repeat(100_000));
    for case in [
        case("/v1/logs", PROTOBUF, [0xff; 64], 400),
        case("/v1/traces", PROTOBUF, b"\x0a\xff\xff\xff\xff\x0f", 400),
        case("/v1/logs", JSON, deep, 400),
        case("/v1/metrics", JSON, "{", 400),
        case("/v1/logs", "text/html", "<p>", 415),
        case("/v1/logs", PROTOBUF, bomb(), 413).encoded("gzip"),
        case("/v1/logs", JSON, "not gzip", 400).encoded("gzip"),
        case("/v1/logs", JSON, "{}", 415).encoded("snappy"),
        case("/v1/logs", JSON, "{}", 200),
    ] {
        check(&server, case).await;
    }
    let ingest = server
        .client
        .post(server.url("/api/v1/ingest/logs"))
        .header("content-encoding", "gzip");
    assert_eq!(ingest.body(bomb()).send().await.unwrap().status(), 413);
    assert_eq!(server.ingest("").await.status(), 400);
    for page in [
        "/logs?q=%28%28%28",
        "/logs?start=never",
        "/traces/zz",
        "/incidents/none",
        "/exceptions/%00",
        "/no/such/page",
    ] {
        let status = server
            .client
            .get(server.url(page))
            .send()
            .await
            .unwrap()
            .status();
        assert!(
            status.is_client_error() || status.is_success(),
            "{page}: {status}"
        );
    }
    let line = json!({
        "timestamp": "2026-11-22T00:00:00Z", "severity": "INFO", "service.name": "a", "message": "still here",
    });
    assert_eq!(server.ingested(line.to_string()).await["accepted"], 1);
    assert_eq!(
        server
            .client
            .get(server.url("/readyz"))
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    server.stop();
}

/// With the budget in use a large body is refused, and its sender can read the refusal and when to
/// try again: the connection does not break while the body is still being written.
#[tokio::test(flavor = "multi_thread")]
async fn overload_is_told_not_felt() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--memory-budget=1", "--max-body=32MiB"]);
    for url in [
        server.otlp_url("/v1/logs"),
        server.url("/api/v1/ingest/logs"),
    ] {
        let request = server.client.post(&url).header("content-type", JSON);
        let answer = request.body(vec![b' '; 24 << 20]).send().await.unwrap();
        assert_eq!(answer.status(), 429, "{url}");
        assert!(answer.headers().contains_key("retry-after"), "{url}");
    }
    server.stop();
}
