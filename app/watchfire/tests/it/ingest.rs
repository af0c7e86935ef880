use serde_json::json;
use watchfire_schemas::{Clock as _, SystemClock, Timestamp};

use crate::server::Server;

fn now() -> Timestamp {
    SystemClock.now()
}

/// A good line, or one that breaks the contract in its own way.
fn line(number: usize) -> String {
    let mut line = json!({
        "timestamp": now().to_string(), "severity": "INFO", "service.name": "shop",
        "message": format!("order {number} placed"), "order": number,
    });
    match number % 100 {
        10 => line["severity"] = json!("LOUD"),
        20 => line["timestamp"] = json!("yesterday"),
        30 => drop(line.as_object_mut().unwrap().remove("message")),
        40 => line["trace_id"] = json!("xyz"),
        50 => return "{\"timestamp\":".to_owned(),
        60 => return "[".repeat(100_000),
        70 => line["service.name"] = json!(7),
        _ => {}
    }
    line.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_lines_of_which_some_are_bad_are_all_accounted_for() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let lines: Vec<_> = (0..1000).map(line).collect();
    let answer = server.ingested(lines.join("\n")).await;
    assert_eq!(answer["accepted"], 930, "{answer}");
    assert_eq!(answer["quarantined"], 70, "{answer}");
    assert_eq!(answer["rejected"], 0, "{answer}");
    let errors = answer["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 70);
    assert_eq!(errors[0]["line"], 11, "lines count from 1");
    assert_eq!(errors[0]["path"], "/severity");

    let found = server.get("/api/v1/logs?q=service:shop&limit=1").await;
    assert_eq!(
        (&found["total"], &found["total_is_exact"]),
        (&json!(930), &json!(true)),
        "{found}"
    );
    let quarantine = server.get("/api/v1/quarantine?limit=200").await;
    let records = quarantine["records"].as_array().unwrap();
    assert_eq!(records.len(), 70, "{quarantine}");
    let of_severity: Vec<_> = records
        .iter()
        .filter(|record| record["quarantine.path"] == "/severity")
        .collect();
    assert_eq!(of_severity.len(), 10);
    assert!(
        of_severity[0]["quarantine.message"]
            .as_str()
            .unwrap()
            .contains("LOUD"),
        "{}",
        of_severity[0]
    );
    assert_eq!(
        records
            .iter()
            .filter(|record| record["quarantine.reason"] == "not_json")
            .count(),
        20
    );
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_is_found_in_every_way_that_the_language_offers() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let record = |severity: &str, message: &str, latency: f64| {
        json!({"timestamp": now().to_string(), "severity": severity, "service": {"name": "pay"}, "message": message,
            "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "http": {"route": "/pay"}, "latency_ms": latency})
        .to_string()
    };
    let lines = [
        record("INFO", "payment captured for order 17", 12.5),
        record("ERROR", "Payment refused: connection reset by peer", 812.0),
        record("WARN", "payment slow", 400.0),
    ];
    server.ingested(lines.join("\n")).await;
    let check = async |query: &str, expected: usize| {
        assert_eq!(server.all_logs(query).await.len(), expected, "{query}");
    };
    check("", 3).await;
    check("payment", 3).await;
    check("PAYMENT captured", 1).await;
    check("\"reset by peer\"", 1).await;
    check("\"peer by reset\"", 0).await;
    check("severity:ERROR or severity:WARN", 2).await;
    check("severity:>=WARN", 2).await;
    check("-severity:INFO", 2).await;
    check("latency_ms:>100", 2).await;
    check("latency_ms:[12 TO 400]", 2).await;
    check("http.route:\"/pay\" (captured or slow)", 2).await;
    check("trace_id:4bf92f3577b34da6a3ce929d0e0e4736", 3).await;
    check("no_such_field:1", 0).await;
    check("captur*", 1).await;
    let bad = server
        .client
        .get(server.url("/api/v1/logs?q=(a"))
        .send()
        .await
        .unwrap();
    assert_eq!(bad.status(), 400);
    assert!(bad.text().await.unwrap().contains("column"));
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_histogram_counts_what_the_list_shows() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let lines: Vec<_> = (0..300).filter(|n| n % 10 != 0).map(line).collect();
    server.ingested(lines.join("\n")).await;
    let histogram = server.get("/api/v1/logs/histogram?q=service:shop").await;
    let total: u64 = histogram["bars"]
        .as_array()
        .unwrap_or_else(|| panic!("{histogram}"))
        .iter()
        .flat_map(|bar| bar["counts"].as_object().unwrap().values())
        .map(|count| count.as_u64().unwrap())
        .sum();
    assert_eq!(total, 270, "{histogram}");
    server.stop();
}
