//! What other Prometheis take from us: remote read and federation.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use tower::ServiceExt;
use watchfire_schemas::LabelSet;
use watchfire_tsdb::{Config, ServerFacts, http_router};

use crate::store::{START, Store, state};

/// `reads_total` at 10 s and 20 s, and `other_total`, both of the service `shop`.
fn router() -> (tempfile::TempDir, Router) {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), Config::default());
    store.at(100);
    store.append(&[
        state("reads_total", &[(10, 1.0), (20, 3.0)]),
        state("other_total", &[(10, f64::INFINITY)]),
    ]);
    let facts = ServerFacts {
        external_labels: LabelSet::new([("replica", "r1"), ("service", "not this")]),
        ..ServerFacts::default()
    };
    (dir, http_router(store.tsdb, facts))
}

async fn answer(router: &Router, request: Request<Body>) -> (u16, String, Vec<u8>) {
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let kind = response.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, kind, body.to_vec())
}

/// A field of bytes shorter than 128.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, bytes.len() as u8], bytes].concat()
}

fn varint(number: i64) -> Vec<u8> {
    let mut number = number as u64;
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A request for what bears this name and replica `r1`, in `START..=START + 60 s`.
fn read_request(name: &str, accepted: &[u8]) -> Request<Body> {
    let matcher = |label: &str, value: &str| {
        let matcher = [field(2, label.as_bytes()), field(3, value.as_bytes())].concat();
        field(3, &matcher)
    };
    let range = [
        &[0x08][..],
        &varint(START * 1000),
        &[0x10],
        &varint((START + 60) * 1000),
    ]
    .concat();
    let query = [range, matcher("__name__", name), matcher("replica", "r1")].concat();
    let mut body = field(1, &query);
    for &kind in accepted {
        body.extend([0x10, kind]);
    }
    let body = snap::raw::Encoder::new().compress_vec(&body).unwrap();
    let request = Request::post("/prometheus/api/v1/read").header("content-encoding", "snappy");
    request.body(Body::from(body)).unwrap()
}

/// The labels as both forms of an answer have them: sorted, with the external one.
fn labels() -> Vec<u8> {
    let pairs = [
        ("__name__", "reads_total"),
        ("replica", "r1"),
        ("service", "shop"),
    ];
    let label = |(name, value): (&str, &str)| {
        field(
            1,
            &[field(1, name.as_bytes()), field(2, value.as_bytes())].concat(),
        )
    };
    pairs.into_iter().flat_map(label).collect()
}

#[tokio::test]
async fn remote_read_answers_with_samples() {
    let (_dir, router) = router();
    let (status, kind, body) = answer(&router, read_request("reads_total", &[])).await;
    assert_eq!((status, kind.as_str()), (200, "application/x-protobuf"));
    let sample = |seconds: i64, value: f64| {
        let at = varint((START + seconds) * 1000);
        field(
            2,
            &[&[0x09][..], &value.to_le_bytes(), &[0x10], &at].concat(),
        )
    };
    let series = [labels(), sample(10, 1.0), sample(20, 3.0)].concat();
    let expected = field(1, &field(1, &series));
    let found = snap::raw::Decoder::new().decompress_vec(&body).unwrap();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn remote_read_answers_with_a_stream_of_chunks() {
    let (_dir, router) = router();
    let (status, kind, body) = answer(&router, read_request("reads_total", &[1, 0])).await;
    assert_eq!(status, 200);
    assert_eq!(
        kind,
        "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse"
    );
    let (length, rest) = body.split_at(1);
    let (checksum, message) = rest.split_at(4);
    assert_eq!(usize::from(length[0]), message.len());
    assert_eq!(checksum, crc32c::crc32c(message).to_be_bytes());
    let begins = [&field(1, &[])[..1], &[message.len() as u8 - 2], &labels()].concat();
    assert!(message.starts_with(&begins), "{message:?}");
    // Two samples, XOR: count, time zigzag, the first value.
    let data = [
        &[0, 2][..],
        &varint(START * 2000 + 20_000),
        &1.0_f64.to_be_bytes(),
    ]
    .concat();
    assert!(message.windows(data.len()).any(|part| part == data));
}

#[tokio::test]
async fn nothing_found_is_an_answer() {
    let (_dir, router) = router();
    let (status, _, body) = answer(&router, read_request("nope", &[])).await;
    let found = snap::raw::Decoder::new().decompress_vec(&body).unwrap();
    assert_eq!((status, found), (200, field(1, &[])));
    let (status, _, body) = answer(&router, read_request("nope", &[1])).await;
    assert_eq!((status, body.len()), (200, 0));
}

#[tokio::test]
async fn what_is_no_read_request_is_refused() {
    let (_dir, router) = router();
    for body in [&b"no snappy"[..], b"\x03\x08abc", b""] {
        let request = Request::post("/prometheus/api/v1/read").body(Body::from(body.to_vec()));
        let (status, _, text) = answer(&router, request.unwrap()).await;
        assert_eq!(status, 400, "{body:?}");
        assert!(text.ends_with(b"\n"));
    }
}

#[tokio::test]
async fn federation_shows_the_newest_samples_with_their_times() {
    let (_dir, router) = router();
    let path = "/prometheus/federate?match[]=reads_total&match[]=%7Bservice=%22shop%22%7D";
    let request = Request::get(path).body(Body::empty()).unwrap();
    let (status, kind, body) = answer(&router, request).await;
    assert_eq!(status, 200);
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    let expected = "# TYPE other_total counter
other_total{replica=\"r1\",service=\"shop\",instance=\"\"} +Inf 1699999210000
# TYPE reads_total counter
reads_total{replica=\"r1\",service=\"shop\",instance=\"\"} 3 1699999220000
";
    assert_eq!(String::from_utf8(body).unwrap(), expected);
    let request = Request::get("/prometheus/federate?match[]=sum(").body(Body::empty());
    assert_eq!(answer(&router, request.unwrap()).await.0, 400);
}
