//! How fast the expressions of dashboards are answered: an hour in steps of 15 s over 800 targets
//! with a counter by route and code and a classic histogram by route.

use std::sync::Arc;
use std::time::Duration;

use divan::Bencher;
use prometheus_client::registry::Registry;
use watchfire_schemas::{
    BatchSeq, LabelSet, ManualClock, MetricKind, Sample, SeriesSamples, Temporality, Timestamp,
};
use watchfire_tsdb::{Config, QueryOptions, Tsdb};

const TARGETS: usize = 800;
const SCRAPES: i64 = 240;
const START_MS: i64 = 1_699_999_200_000;
const SCRAPE_MS: i64 = 15_000;
const ROUTES: [&str; 4] = ["/login", "/search", "/cart", "/pay"];
const CODES: [&str; 3] = ["200", "404", "500"];
const BOUNDS: [&str; 9] = [
    "0.01", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "+Inf",
];

fn main() {
    divan::main();
}

/// 9,600 counters and 28,800 buckets.
fn series() -> Vec<LabelSet> {
    let target = |i: usize| {
        [
            ("job", format!("service-{}", i % 20)),
            ("instance", format!("10.0.{}.{}:9090", i / 250, i % 250)),
            ("pod", format!("service-{}-7f9c{i:05}", i % 20)),
            ("namespace", "prod".to_owned()),
        ]
    };
    let mut all = Vec::new();
    for i in 0..TARGETS {
        for route in ROUTES {
            let own = |name: &str, more: (&'static str, &str)| {
                let more = [("route", route.to_owned()), (more.0, more.1.to_owned())];
                LabelSet::metric(name, target(i).into_iter().chain(more))
            };
            all.extend(CODES.map(|code| own("http_requests_total", ("code", code))));
            let bucket = "http_request_duration_seconds_bucket";
            all.extend(BOUNDS.map(|le| own(bucket, ("le", le))));
        }
    }
    all
}

fn store(dir: &std::path::Path) -> Arc<Tsdb> {
    let now = Timestamp::from_millis(START_MS + 7_200_000);
    let clock = Arc::new(ManualClock::at(now));
    let opened = Tsdb::open(dir, Config::default(), clock, &mut Registry::default());
    let tsdb = opened.expect("a new store");
    let mut batch: Vec<_> = series()
        .into_iter()
        .map(|labels| SeriesSamples {
            labels,
            kind: MetricKind::Counter,
            temporality: Temporality::Cumulative,
            samples: Vec::new(),
            histograms: Vec::new(),
            exemplars: Vec::new(),
        })
        .collect();
    for scrape in 0..SCRAPES {
        for (i, one) in batch.iter_mut().enumerate() {
            let jitter = (i as i64 * 7919 + scrape * 31) % 40;
            let v = (scrape as usize * (i % 13 + 1)) as f64;
            one.samples = vec![Sample {
                t: START_MS + scrape * SCRAPE_MS + jitter,
                v,
            }];
        }
        tsdb.append(BatchSeq(scrape as u64 + 1), &batch);
    }
    tsdb
}

fn answer(bencher: Bencher<'_, '_>, expr: &str) {
    let dir = tempfile::tempdir().expect("a directory");
    let tsdb = store(dir.path());
    let start = Timestamp::from_millis(START_MS);
    let end = Timestamp::from_millis(START_MS + SCRAPES * SCRAPE_MS);
    let step = Duration::from_secs(15);
    let options = QueryOptions::default();
    bencher.bench_local(|| {
        tsdb.query_range(expr, start, end, step, &options)
            .expect(expr)
    });
}

fn instant(bencher: Bencher<'_, '_>, expr: &str) {
    let dir = tempfile::tempdir().expect("a directory");
    let tsdb = store(dir.path());
    let at = Timestamp::from_millis(START_MS + SCRAPES * SCRAPE_MS);
    let options = QueryOptions::default();
    bencher.bench_local(|| tsdb.query(expr, at, &options).expect(expr));
}

#[divan::bench(sample_count = 20)]
fn sum_of_rates(bencher: Bencher<'_, '_>) {
    answer(bencher, "sum by (job) (rate(http_requests_total[5m]))");
}

#[divan::bench(sample_count = 20)]
fn quantile_by_route(bencher: Bencher<'_, '_>) {
    let rates = "rate(http_request_duration_seconds_bucket[5m])";
    answer(
        bencher,
        &format!("histogram_quantile(0.99, sum by (le, route) ({rates}))"),
    );
}

#[divan::bench(sample_count = 20)]
fn share_of_errors(bencher: Bencher<'_, '_>) {
    let rate = |matcher: &str| format!("sum by (job) (rate(http_requests_total{matcher}[5m]))");
    let expr = format!("{} / {}", rate("{code=\"500\"}"), rate(""));
    answer(bencher, &expr);
}

#[divan::bench(sample_count = 20)]
fn top_ten(bencher: Bencher<'_, '_>) {
    instant(bencher, "topk(10, rate(http_requests_total[5m]))");
}

#[divan::bench(sample_count = 20)]
fn counted_by_route(bencher: Bencher<'_, '_>) {
    instant(bencher, "count by (route) (http_requests_total)");
}
