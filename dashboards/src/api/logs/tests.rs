//! The routes as a client asks them, over a store in a folder of its own.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use futures_util::StreamExt;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use watchfire_logsearch::{Config, Entry, EventStore};
use watchfire_schemas::{BatchSeq, Clock, LogRecord, ManualClock, SeverityNumber, Timestamp};

use super::super::problem::Problem;
use super::super::schemas::tests::check;
use super::*;
use crate::gallery::samples;

struct House {
    logs: Events,
    routes: Router,
    _dir: tempfile::TempDir,
}

/// Twelve records of the last twelve minutes, the first half of them in a split.
async fn house() -> House {
    let now = samples::now();
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(now));
    let dir = tempfile::tempdir().unwrap();
    let mut registry = prometheus_client::registry::Registry::default();
    let config = Config::default();
    let events = EventStore::open(dir.path(), config, Arc::clone(&clock), &mut registry).unwrap();
    let logs = Events { events, clock };
    for n in 0..12 {
        append(&logs, n, now - Duration::from_mins(12 - n));
        if n == 5 {
            logs.events.close().await;
        }
    }
    House {
        routes: router::<Events>().with_state(logs.clone()),
        logs,
        _dir: dir,
    }
}

fn append(logs: &Events, n: u64, at: Timestamp) {
    let service = if n.is_multiple_of(3) {
        "gateway"
    } else {
        "content"
    };
    let mut record = LogRecord::new(at, SeverityNumber::INFO, service, format!("line {n} done"));
    record.attributes.insert("dur_ms".to_owned(), json!(n * 10));
    let entry = Entry::Logs(vec![record]);
    logs.events.append(BatchSeq(n + 1), entry);
}

impl House {
    async fn ask(&self, path: &str) -> axum::response::Response {
        let request = Request::get(path).body(Body::empty()).unwrap();
        self.routes.clone().oneshot(request).await.unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        let response = self.ask(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await;
        serde_json::from_slice(&body.unwrap()).unwrap()
    }

    /// What is complained about.
    async fn refused(&self, path: &str) -> Value {
        let response = self.ask(path).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{path}");
        let problem = response.extensions().get::<Problem>().unwrap();
        serde_json::from_str(&problem.body_with("ab")).unwrap()
    }
}

#[tokio::test]
async fn records_come_with_what_explains_them() {
    let house = house().await;
    let page = house
        .get("/api/v1/logs?q=service:gateway+line&limit=2&explain=1")
        .await;
    check("log_page.v1", &page);
    assert_eq!(page["total"], 4);
    assert_eq!(page["records"][0]["message"], "line 9 done");
    let explain = &page["explain"];
    assert_eq!(explain["query"], "service:gateway line");
    assert_eq!(explain["splits_total"], 1);
    assert_eq!(explain["clauses"][0]["of"], "service");
    assert_eq!(explain["clauses"][0]["records"], 4);
    assert_eq!(explain["clauses"][1]["clause"], "line");
    let elsewhere = house.get("/api/v1/logs?q=service:nobody&explain=1").await;
    assert_eq!(elsewhere["explain"]["pruned_by"]["service"], 1);
    let plain = house.get("/api/v1/logs?q=line").await;
    check("log_page.v1", &plain);
    assert_eq!(plain["explain"], Value::Null);
}

#[tokio::test]
async fn a_pipe_makes_a_table() {
    let house = house().await;
    let page = house
        .get("/api/v1/logs?q=line+%7C+count+by+service.name&explain=1")
        .await;
    check("log_page.v1", &page);
    assert_eq!(page["records"], json!([]));
    assert_eq!(page["total"], 12);
    assert_eq!(page["table"]["columns"], json!(["service.name", "count"]));
    assert_eq!(
        page["table"]["rows"],
        json!([["content", 8], ["gateway", 4]])
    );
    assert_eq!(page["explain"]["pipe"], "count by service.name");
    let top = house.get("/api/v1/logs?q=%7C+top+1+service").await;
    assert_eq!(top["table"]["rows"], json!([["content", 8]]));
    let hist = house.get("/api/v1/logs?q=%7C+hist+dur_ms+by+50").await;
    let rows = json!([[0, 5], [50, 5], [100, 2]]);
    assert_eq!(hist["table"]["rows"], rows);
}

#[tokio::test]
async fn fields_values_and_bars() {
    let house = house().await;
    let fields = house.get("/api/v1/logs/fields?q=service:gateway").await;
    check("log_fields.v1", &fields);
    assert_eq!(fields["records"], 4);
    let dur = fields["fields"].as_array().unwrap().iter();
    let dur: Vec<_> = dur.filter(|field| field["name"] == "dur_ms").collect();
    assert_eq!(dur[0]["kind"], "number");
    assert_eq!(dur[0]["coverage"], 1.0);
    let values = house.get("/api/v1/logs/fields?field=service.name").await;
    check("log_values.v1", &values);
    assert_eq!(values["values"][0], json!({"value": "content", "count": 8}));
    let text = house.get("/api/v1/logs/fields?field=message").await;
    check("log_values.v1", &text);
    let hint = text["hints"][0].as_str().unwrap();
    assert!(hint.contains("free text"), "{hint}");
    let histogram = house
        .get("/api/v1/logs/histogram?q=line+%7C+count&step=60")
        .await;
    check("log_histogram.v1", &histogram);
    let bars = histogram["bars"].as_array().unwrap().iter();
    let total: u64 = bars
        .map(|bar| bar["counts"]["INFO"].as_u64().unwrap())
        .sum();
    assert_eq!(total, 12, "the records of the query, whatever its pipe");
}

#[tokio::test]
async fn the_records_around_one() {
    let house = house().await;
    let page = house.get("/api/v1/logs?q=%22line+6%22").await;
    let (id, time) = (&page["records"][0]["id"], &page["records"][0]["timestamp"]);
    let (id, time) = (id.as_str().unwrap(), time.as_str().unwrap());
    let path = format!("/api/v1/logs/context?id={id}&time={time}&by=all&before=2&after=1");
    let context = house.get(&path).await;
    check("log_context.v1", &context);
    let messages = |list: &Value| -> Vec<String> {
        let records = list.as_array().unwrap().iter();
        records
            .map(|r| r["message"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(messages(&context["before"]), ["line 4 done", "line 5 done"]);
    assert_eq!(messages(&context["after"]), ["line 7 done"]);
    let by_service = format!("/api/v1/logs/context?id={id}&before=1&after=1");
    let context = house.get(&by_service).await;
    assert_eq!(messages(&context["before"]), ["line 3 done"]);
    assert_eq!(messages(&context["after"]), ["line 9 done"]);
    let no_host = format!("/api/v1/logs/context?id={id}&by=host");
    let context = house.get(&no_host).await;
    check("log_context.v1", &context);
    assert_eq!(context["hints"][0], "the record has no host.name");
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let house = house().await;
    for (path, parameter) in [
        ("/api/v1/logs?explain=maybe", "explain"),
        ("/api/v1/logs?cursor=nonsense", "cursor"),
        ("/api/v1/logs?q=%7C+count&cursor=1_1-1", "cursor"),
        ("/api/v1/logs?limit=few", "limit"),
        ("/api/v1/logs?start=noon", "start"),
        ("/api/v1/logs/histogram?step=soon", "step"),
        ("/api/v1/logs/fields?end=noon", "end"),
        ("/api/v1/logs/context", "id"),
        ("/api/v1/logs/tail?rate=fast", "rate"),
    ] {
        assert_eq!(house.refused(path).await["parameter"], parameter, "{path}");
    }
    for route in ["", "/histogram", "/fields", "/tail"] {
        let path = format!("/api/v1/logs{route}?q=a+%7C+cuont+by+b");
        let refused = house.refused(&path).await;
        assert_eq!(refused["parameter"], "q", "{path}");
        assert_eq!(refused["column"], 5, "{path}");
        let detail = refused["detail"].as_str().unwrap();
        assert!(detail.contains("expected count, top or hist"), "{detail}");
    }
}

/// The next event: its name and its data.
async fn event(
    body: &mut (impl StreamExt<Item = Result<Bytes, axum::Error>> + Unpin),
) -> Option<(String, Value)> {
    let chunk = body.next().await?.unwrap();
    let text = String::from_utf8(chunk.to_vec()).unwrap();
    let line = |name: &str| {
        let found = text.lines().find_map(|line| line.strip_prefix(name));
        found
            .unwrap_or_else(|| panic!("{text:?}"))
            .trim()
            .to_owned()
    };
    let data = serde_json::from_str(&line("data:")).unwrap();
    Some((line("event:"), data))
}

#[tokio::test]
async fn what_arrives_is_told_until_the_end() {
    let house = house().await;
    let response = house
        .ask("/api/v1/logs/tail?q=servce:gateway+or+line")
        .await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body().into_data_stream();
    let (name, data) = event(&mut body).await.unwrap();
    assert_eq!(name, "heartbeat");
    let hint = data["hints"][0].as_str().unwrap();
    assert!(hint.contains("did you mean service?"), "{hint}");
    append(&house.logs, 12, samples::now());
    let (name, data) = event(&mut body).await.unwrap();
    assert_eq!(name, "records");
    check("log_tail_event.v1", &data);
    assert_eq!(data["records"][0]["message"], "line 12 done");
    assert_eq!(data["skipped"], 0);
    house.logs.events.end_tails();
    assert_eq!(event(&mut body).await, None);
}
