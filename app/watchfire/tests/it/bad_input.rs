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

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_sent_ends_it() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let deep_json = format!("{{\"resourceLogs\":{}", "[".repeat(100_000));
    let (json, protobuf) = ("application/json", "application/x-protobuf");
    let cases: [(&str, &str, Option<&str>, Vec<u8>, u16); 9] = [
        ("/v1/logs", protobuf, None, vec![0xff; 64], 400),
        (
            "/v1/traces",
            protobuf,
            None,
            b"\x0a\xff\xff\xff\xff\x0f".to_vec(),
            400,
        ),
        ("/v1/logs", json, None, deep_json.into_bytes(), 400),
        ("/v1/metrics", json, None, b"{".to_vec(), 400),
        ("/v1/logs", "text/html", None, b"<p>".to_vec(), 415),
        ("/v1/logs", protobuf, Some("gzip"), bomb(), 413),
        ("/v1/logs", json, Some("gzip"), b"not gzip".to_vec(), 400),
        ("/v1/logs", json, Some("snappy"), b"{}".to_vec(), 415),
        ("/v1/logs", json, None, b"{}".to_vec(), 200),
    ];
    for (path, content_type, encoding, body, expected) in cases {
        let mut request = server
            .client
            .post(server.otlp_url(path))
            .header("content-type", content_type);
        if let Some(encoding) = encoding {
            request = request.header("content-encoding", encoding);
        }
        let response = request.body(body).send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert_eq!(
            status, expected,
            "{path} {content_type} {encoding:?}: {text}"
        );
    }
    let ingest = server
        .client
        .post(server.url("/api/v1/ingest/logs"))
        .header("content-encoding", "gzip");
    assert_eq!(ingest.body(bomb()).send().await.unwrap().status(), 413);
    assert_eq!(server.ingest("").await.status(), 400);
    let pages = [
        "/logs?q=%28%28%28",
        "/logs?start=never",
        "/traces/zz",
        "/incidents/none",
        "/exceptions/%00",
        "/no/such/page",
    ];
    for page in pages {
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
    let line = json!({"timestamp": "2026-11-22T00:00:00Z", "severity": "INFO", "service.name": "a", "message": "still here"});
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
