use std::collections::BTreeSet;

use prost::Message;
use watchfire_schemas::{Clock as _, SystemClock};

use crate::server::Server;

#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(message, repeated, tag = "1")]
    series: Vec<Series>,
}

#[derive(Clone, PartialEq, Message)]
struct Series {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

const SERIES: usize = 20;

/// One sample for each of some series, whose value is the request's number.
fn body(number: usize, timestamp: i64) -> Vec<u8> {
    let label = |name: &str, value: String| Label {
        name: name.to_owned(),
        value,
    };
    let series = |index: usize| Series {
        labels: vec![
            label("__name__", "written".to_owned()),
            label("lane", (number % 8).to_string()),
            label("series", index.to_string()),
        ],
        samples: vec![Sample {
            value: number as f64,
            timestamp,
        }],
    };
    let series = (0..SERIES).map(series).collect();
    let plain = Request { series }.encode_to_vec();
    snap::raw::Encoder::new().compress_vec(&plain).unwrap()
}

/// The numbers of the requests of which all samples are there; of which only a part is, is none.
async fn found(server: &Server) -> BTreeSet<usize> {
    let path = "/prometheus/api/v1/query?query=written%5B1h%5D";
    let answer = server.get(path).await;
    let mut counts = std::collections::BTreeMap::<usize, usize>::new();
    for series in answer["data"]["result"].as_array().unwrap() {
        for sample in series["values"].as_array().unwrap() {
            let number = sample[1].as_str().unwrap().parse().unwrap();
            *counts.entry(number).or_default() += 1;
        }
    }
    assert!(counts.values().all(|count| *count == SERIES), "{counts:?}");
    counts.into_keys().collect()
}

/// Killed under remote write, again and again: each sample that was acknowledged is there.
#[tokio::test(flavor = "multi_thread")]
async fn written_samples_survive_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let began = SystemClock.now().millis() - 600_000;
    let (mut acknowledged, mut next) = (BTreeSet::new(), 0);
    for round in 0..4 {
        let server = Server::start(dir.path(), &[]);
        let mut requests = tokio::task::JoinSet::new();
        for _ in 0..40 {
            let number = next;
            next += 1;
            let request = server
                .client
                .post(server.url("/prometheus/api/v1/write"))
                .header("content-type", "application/x-protobuf")
                .header("content-encoding", "snappy")
                .body(body(number, began + 1_000 * number as i64));
            requests.spawn(async move {
                let response = request.send().await;
                (number, response.is_ok_and(|r| r.status().is_success()))
            });
        }
        let mut note = |(number, taken): (usize, bool)| {
            if taken {
                acknowledged.insert(number);
            }
        };
        for _ in 0..(3 + round * 9) {
            note(requests.join_next().await.unwrap().unwrap());
        }
        server.kill();
        while let Some(result) = requests.join_next().await {
            note(result.unwrap());
        }
    }
    assert!(acknowledged.len() > 20, "too few to prove anything");
    let server = Server::start(dir.path(), &[]);
    let kept = found(&server).await;
    let lost: Vec<_> = acknowledged.difference(&kept).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    server.stop();
    let server = Server::start(dir.path(), &[]);
    assert_eq!(found(&server).await, kept, "a clean stop changes nothing");
    server.stop();
}
