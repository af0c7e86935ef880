use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use watchfire_schemas::{Clock as _, SystemClock};

use crate::server::Server;

fn batch(first: usize, length: usize) -> String {
    let line = |number: usize| {
        json!({"timestamp": SystemClock.now().to_string(), "severity": "INFO", "service.name": "ledger",
            "message": "entry", "number": number})
        .to_string()
            + "\n"
    };
    (first..first + length).map(line).collect()
}

/// How often each number is in the store.
async fn counted(server: &Server) -> BTreeMap<u64, usize> {
    let mut counts = BTreeMap::new();
    for record in server.all_logs("service:ledger").await {
        *counts
            .entry(record["number"].as_u64().unwrap())
            .or_default() += 1;
    }
    counts
}

/// Killed while it takes lines, again and again: what it acknowledged is there once, whatever is
/// there at all is there once, and the derived counter says the same.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_kill_9_once() {
    const BATCH: usize = 50;
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged: Vec<usize> = Vec::new();
    let mut next = 0;
    for round in 0..4 {
        let server = Server::start(dir.path(), &[]);
        let mut requests = tokio::task::JoinSet::new();
        for _ in 0..40 {
            let request = server
                .client
                .post(server.url("/api/v1/ingest/logs"))
                .body(batch(next, BATCH));
            let first = next;
            requests.spawn(async move {
                let response = request
                    .header("content-type", "application/x-ndjson")
                    .send()
                    .await;
                (
                    first,
                    response.is_ok_and(|response| response.status().is_success()),
                )
            });
            next += BATCH;
        }
        // Round by round later, so that the kill falls at different moments.
        for _ in 0..(3 + round * 9) {
            let (first, taken) = requests.join_next().await.unwrap().unwrap();
            acknowledged.extend(taken.then_some(first));
        }
        server.kill();
        while let Some(result) = requests.join_next().await {
            let (first, taken) = result.unwrap();
            acknowledged.extend(taken.then_some(first));
        }
    }
    assert!(
        acknowledged.len() > 20,
        "too few requests were taken to prove anything"
    );
    let server = Server::start(dir.path(), &[]);
    let counts = counted(&server).await;
    let lost = acknowledged
        .iter()
        .flat_map(|first| *first..first + BATCH)
        .find(|n| !counts.contains_key(&(*n as u64)));
    assert_eq!(lost, None, "acknowledged and lost");
    assert!(
        counts.values().all(|count| *count == 1),
        "something is there twice"
    );
    // A derived sample stands at the end of the second that its events are in.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let series = server
        .get("/prometheus/api/v1/query?query=log_records_total%7Bservice%3D%22ledger%22%7D")
        .await;
    let value = series["data"]["result"][0]["value"][1]
        .as_str()
        .unwrap_or_else(|| panic!("{series}"));
    assert_eq!(
        value,
        counts.len().to_string(),
        "the derived counter counts each record once"
    );
    server.stop();

    let server = Server::start(dir.path(), &[]);
    assert_eq!(
        self::counted(&server).await,
        counts,
        "a clean stop changes nothing"
    );
    server.stop();
}
