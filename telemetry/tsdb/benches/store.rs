//! How fast samples go in, and how fast the query of every dashboard is answered.

use std::sync::Arc;
use std::time::Duration;

use divan::Bencher;
use divan::counter::ItemsCount;
use prometheus_client::registry::Registry;
use watchfire_schemas::{
    BatchSeq, LabelSet, ManualClock, MetricKind, Sample, SeriesSamples, Temporality, Timestamp,
};
use watchfire_tsdb::{Config, QueryOptions, Tsdb};

const SERIES: usize = 10_000;
const START_MS: i64 = 1_699_999_200_000;
const SCRAPE_MS: i64 = 15_000;

fn main() {
    divan::main();
}

fn store(dir: &std::path::Path) -> Arc<Tsdb> {
    let now = Timestamp::from_millis(START_MS + 7_200_000);
    let clock = Arc::new(ManualClock::at(now));
    Tsdb::open(dir, Config::default(), clock, &mut Registry::default()).expect("a new store")
}

fn scrape(t: i64) -> Vec<SeriesSamples> {
    let series = (0..SERIES).map(|i| SeriesSamples {
        labels: LabelSet::metric(
            "http_requests_total",
            [
                ("job", format!("job-{}", i % 20)),
                ("instance", format!("10.0.{}.{}:9100", i / 250, i % 250)),
                ("method", if i % 2 == 0 { "GET" } else { "POST" }.to_owned()),
                ("path", format!("/api/v1/resource/{}", i % 37)),
                ("status", ["200", "404", "500"][i % 3].to_owned()),
            ],
        ),
        kind: MetricKind::Counter,
        temporality: Temporality::Cumulative,
        samples: vec![Sample {
            t,
            v: (t - START_MS) as f64 / 1000.0 * (i % 7) as f64,
        }],
        histograms: Vec::new(),
        exemplars: Vec::new(),
    });
    series.collect()
}

/// One scrape of all series into a head that knows them.
#[divan::bench]
fn append(bencher: Bencher<'_, '_>) {
    let dir = tempfile::tempdir().expect("a directory");
    let tsdb = store(dir.path());
    let mut batch = scrape(START_MS);
    let mut seq = BatchSeq::ZERO;
    bencher.counter(ItemsCount::new(SERIES)).bench_local(|| {
        for series in &mut batch {
            series.samples[0].t += 15;
            series.samples[0].v += 3.0;
        }
        seq = seq.next();
        tsdb.append(seq, &batch);
    });
}

/// `sum by (job)(rate(…[5m]))` over all series, an hour in steps of a minute.
#[divan::bench(sample_count = 20)]
fn sum_of_rates(bencher: Bencher<'_, '_>) {
    let dir = tempfile::tempdir().expect("a directory");
    let tsdb = store(dir.path());
    for i in 0..260 {
        tsdb.append(BatchSeq(i + 1), &scrape(START_MS + i as i64 * SCRAPE_MS));
    }
    let start = Timestamp::from_millis(START_MS + 300_000);
    let end = Timestamp::from_millis(START_MS + 3_900_000);
    bencher.bench_local(|| {
        tsdb.query_range(
            "sum by (job) (rate(http_requests_total[5m]))",
            start,
            end,
            Duration::from_mins(1),
            &QueryOptions::default(),
        )
    });
}
