use std::time::Duration;

use watchfire_schemas::{Contract, LogRecord, SeverityNumber, SpanKind};

use crate::stage::Stage;

fn assert_contract_kept(logs: &[LogRecord]) {
    let contract = Contract::log_record_v1();
    for record in logs {
        let line = serde_json::from_str(&record.to_line()).expect("a line is JSON");
        assert_eq!(contract.violations(&line), [], "{line}");
    }
}

#[tokio::test]
async fn a_request_is_one_trace_through_gateway_content_and_database() {
    let mut stage = Stage::set().await;
    assert_eq!(stage.get("/api/places/world").await.status, 200);
    let emitted = stage
        .emitted(|emitted| {
            emitted.server_spans("gateway").count() == 1
                && emitted.server_spans("content").count() == 1
                && emitted
                    .logs
                    .iter()
                    .filter(|record| record.message.contains("answered 200"))
                    .count()
                    == 2
        })
        .await;
    let at_gateway = emitted
        .server_spans("gateway")
        .next()
        .expect("a server span");
    let call = emitted
        .spans_of("gateway", "GET /places/{id}")
        .next()
        .expect("a client span");
    let at_content = emitted
        .server_spans("content")
        .next()
        .expect("a server span");
    let statement = emitted
        .spans
        .iter()
        .find(|span| span.parent_span_id == Some(at_content.span_id))
        .expect("a statement");
    assert_eq!(
        (at_gateway.name.as_str(), at_gateway.parent_span_id),
        ("GET /api/places/{id}", None)
    );
    assert_eq!(
        (call.kind, call.parent_span_id),
        (SpanKind::Client, Some(at_gateway.span_id))
    );
    assert_eq!(
        (at_content.name.as_str(), at_content.parent_span_id),
        ("GET /places/{id}", Some(call.span_id))
    );
    assert_eq!(
        (statement.name.as_str(), statement.kind),
        ("SELECT places", SpanKind::Client)
    );
    assert_eq!(statement.attributes["db.system.name"], "sqlite");
    for span in [call, at_content, statement] {
        assert_eq!(span.trace_id, at_gateway.trace_id);
    }
    let of_request = |record: &&LogRecord| record.trace_id == Some(at_gateway.trace_id);
    let services: Vec<&str> = emitted
        .logs
        .iter()
        .filter(of_request)
        .map(|record| record.service.as_str())
        .collect();
    assert!(
        services.contains(&"gateway") && services.contains(&"content"),
        "{services:?}"
    );
    stage.strike().await;
}

#[tokio::test]
async fn under_traffic_every_line_keeps_the_contract_and_nothing_fails() {
    let stage = Stage::with_traffic(60.0).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let emitted = stage.strike().await;
    assert!(emitted.logs.len() > 200, "{}", emitted.logs.len());
    assert!(emitted.server_spans("content").count() > 80);
    assert_contract_kept(&emitted.logs);
    let bad: Vec<&LogRecord> = emitted
        .logs
        .iter()
        .filter(|record| record.severity >= SeverityNumber::ERROR)
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
    let user_agents = emitted
        .server_spans("gateway")
        .map(|span| span.attributes["user_agent.original"].clone());
    assert!(
        user_agents
            .into_iter()
            .all(|agent| agent == "watchfire-traffic/1.0")
    );
}

#[tokio::test]
async fn every_service_tells_its_health_and_metrics() {
    let stage = Stage::set().await;
    stage.get("/api/places").await;
    let addresses = [
        (
            stage.address("gateway"),
            "http_server_request_duration_seconds_bucket",
        ),
        (
            stage.address("content"),
            "http_server_request_duration_seconds_bucket",
        ),
        (
            stage.address("content-sync"),
            "sync_in_progress{data_set=\"places\"} 0",
        ),
    ];
    for (address, metric) in addresses {
        let health = stage
            .send_to(address, http::Method::GET, "/healthz", &[], "")
            .await;
        assert_eq!(
            (health.status, health.json["status"].as_str()),
            (200, Some("ok"))
        );
        let metrics = stage
            .send_to(address, http::Method::GET, "/metrics", &[], "")
            .await;
        assert!(metrics.text.contains(metric), "{}", metrics.text);
    }
    stage.strike().await;
}

#[tokio::test]
async fn the_sync_goes_on_after_a_restart_where_it_was() {
    let applied = |records: &[LogRecord]| -> u64 {
        let rounds = records
            .iter()
            .filter_map(|record| record.attributes.get("sync.entries"));
        rounds.filter_map(serde_json::Value::as_u64).sum()
    };
    let stage = Stage::set().await;
    let dir = stage.dir();
    let first = applied(&stage.strike().await.logs);
    let stage = Stage::over(dir).await;
    assert_eq!(
        stage.get("/api/places?page[size]=1").await.json["meta"]["total"],
        375
    );
    let second = applied(&stage.strike().await.logs);
    assert!(first > 2_500 && second < 100, "{first}, then {second}");
}

#[tokio::test]
async fn a_request_that_the_client_gives_up_is_told_to_its_end() {
    let mut stage = Stage::set().await;
    let kind = watchfire_services::FaultKind::Latency;
    stage.begin(watchfire_services::Fault::new("content", kind));
    let asking = stage.get("/api/places");
    let patience = Duration::from_millis(300);
    assert!(tokio::time::timeout(patience, asking).await.is_err());
    let emitted = stage
        .emitted(|emitted| {
            let told = |service| emitted.server_spans(service).next().is_some();
            told("gateway") && told("content")
        })
        .await;
    let at_gateway = emitted
        .server_spans("gateway")
        .next()
        .expect("a server span");
    assert_eq!(at_gateway.attributes["error.type"], "cancelled");
    stage.strike().await;
}
