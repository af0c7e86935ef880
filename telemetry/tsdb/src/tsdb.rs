use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use watchfire_schemas::{
    BatchSeq, Clock, LabelSet, MetricKind, MetricMetadata, SeriesSamples, TimeRange, Timestamp,
};

use crate::increments::Bins;
use crate::matcher::{Selector, selectors_of};
use crate::promql::{Asked, Budget, Evaluator, Gate, Notes, Parsed, format_expression, parse};
use crate::storage::{Points, Slice, Store, Wanted};
use crate::{
    Came, DeltaBatch, ExemplarSeries, Objection, QueryAnswer, QueryError, QueryOptions, QueryValue,
    RangeSeries, WriteBatch,
};

/// How long before the first bin a scraped counter's last sample is looked for.
const LOOKBACK_MS: i64 = 300_000;

/// What bounds the store.
#[derive(Debug, Clone)]
pub struct Config {
    pub retention: Duration,
    pub max_series: usize,
    /// What the head may take in memory, in bytes: series that would need more do not begin.
    pub max_memory: usize,
    /// What blocks may take on disk, in bytes: the oldest go first.
    pub max_bytes: u64,
    /// How old a sample may be, against the newest of its series, and still be taken.
    pub out_of_order_window: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            retention: Duration::from_hours(90 * 24),
            max_series: 1_000_000,
            max_memory: 384 << 20,
            max_bytes: u64::MAX,
            out_of_order_window: Duration::from_mins(30),
        }
    }
}

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{path} cannot be opened")]
    Io {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("{path} was written by format version {found}; this binary reads version {supported}")]
    Version {
        path: String,
        found: u32,
        supported: u32,
    },
    #[error("{path} is damaged: {reason}")]
    Damaged { path: String, reason: String },
}

/// The size of the store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TsdbStats {
    pub head_series: usize,
    /// Samples taken since the start, replay included.
    pub head_samples: u64,
    pub blocks: usize,
    pub block_bytes: u64,
    pub block_samples: u64,
    pub refused_samples: u64,
    /// What the head and the loaded indices of blocks take in memory, about.
    pub memory_bytes: usize,
    pub max_memory: usize,
    pub max_series: usize,
    /// Whether new series are refused now, for their number or for the memory they would take.
    pub refuses_series: bool,
    /// Different names and values of labels in the head.
    pub symbols: usize,
    /// Different pairs of name and value in the head.
    pub label_pairs: usize,
    /// Chunks in the head.
    pub head_chunks: usize,
    /// The first and the last time of which the head has a sample; 0 if it has none.
    pub head_min_t: i64,
    pub head_max_t: i64,
    /// In how many lists of the index series stand, all told.
    pub postings: usize,
}

/// What makes the head large: of each the most.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TsdbCardinality {
    /// Names of labels with how many values they have.
    pub values_by_label: Vec<(String, usize)>,
    /// Names of labels with how many bytes their values have.
    pub bytes_by_label: Vec<(String, usize)>,
    /// Names of metrics with how many series they have.
    pub series_by_metric: Vec<(String, usize)>,
    /// Labels, as `name=value`, with how many series have them.
    pub series_by_pair: Vec<(String, usize)>,
}

/// Which part of a listing is wanted.
#[derive(Debug, Clone)]
pub struct Listing {
    /// Only what may have samples then.
    pub range: TimeRange,
    /// How many there may be; more are cut off.
    pub limit: usize,
    pub deadline: Duration,
}

impl Default for Listing {
    fn default() -> Self {
        Self {
            range: TimeRange::ALL,
            limit: usize::MAX,
            deadline: Duration::from_mins(2),
        }
    }
}

/// The store of time series.
#[derive(Debug)]
pub struct Tsdb {
    store: Store,
    clock: Arc<dyn Clock>,
    gate: Gate,
    appended: Counter,
    series: Gauge<i64, AtomicI64>,
}

impl Tsdb {
    pub fn open(
        dir: &Path,
        config: Config,
        clock: Arc<dyn Clock>,
        registry: &mut Registry,
    ) -> Result<Arc<Self>, OpenError> {
        let tsdb = Self {
            store: Store::open(dir, config)?,
            clock,
            gate: Gate::default(),
            appended: Counter::default(),
            series: Gauge::default(),
        };
        tsdb.store.refusals.register(registry);
        registry.register(
            "watchfire_tsdb_appended_samples",
            "Samples taken into the head",
            tsdb.appended.clone(),
        );
        registry.register(
            "watchfire_tsdb_head_series",
            "Series in the head",
            tsdb.series.clone(),
        );
        tsdb.note_size();
        Ok(Arc::new(tsdb))
    }

    /// The last batch that the snapshot on disk and the blocks hold: replay starts after it.
    pub fn checkpoint(&self) -> BatchSeq {
        self.store.checkpoint()
    }

    /// Adds the samples of one batch. Batches come in order, each once; one at or before the
    /// checkpoint is passed over (replay).
    pub fn append(&self, batch: BatchSeq, series: &[SeriesSamples]) {
        let taken = self.store.append(batch, series, self.clock.now());
        self.appended.inc_by(taken);
        self.note_size();
    }

    /// The same, with increments of series that their maker knows by numbers of his own.
    pub fn append_with_deltas(&self, batch: BatchSeq, came: Came<'_>, deltas: &DeltaBatch) {
        let now = self.clock.now();
        let taken = self.store.append_with_deltas(batch, (came, deltas), now);
        self.appended.inc_by(taken);
        self.note_size();
    }

    /// The same for what came by remote write.
    pub fn append_written(&self, batch: BatchSeq, written: &WriteBatch) {
        let taken = self.store.append_written(batch, written, self.clock.now());
        self.appended.inc_by(taken);
        self.note_size();
    }

    /// What of a batch would not be taken now and why, in the order of its series: asked before it
    /// is acknowledged. What others bring meanwhile may stand against more of it, which is then
    /// counted only.
    pub fn judge(&self, written: &WriteBatch) -> Vec<Objection> {
        self.store.judge(written, self.clock.now())
    }

    /// Keeps what is said of metrics.
    pub fn learn(&self, metadata: &[MetricMetadata]) {
        self.store.learn(metadata);
    }

    /// Deletes the oldest blocks until so many bytes are free; says how many were.
    pub fn make_room(&self, bytes: u64) -> std::io::Result<u64> {
        self.store.make_room(bytes)
    }

    /// Writes the head at the last appended batch, cuts blocks that are due, applies retention.
    /// Called from time to time by the owner of the write-ahead log; blocks.
    pub fn snapshot(&self) -> std::io::Result<()> {
        let written = self.store.snapshot(self.clock.now());
        self.note_size();
        written
    }

    pub fn query(
        &self,
        expr: &str,
        at: Timestamp,
        options: &QueryOptions,
    ) -> Result<QueryAnswer<QueryValue>, QueryError> {
        let t = at.millis();
        let asked = Asked {
            start: t,
            end: t,
            step: 1,
        };
        self.answer(expr, asked, options, |evaluator, parsed| {
            evaluator.outcome(parsed.expr())?.at(at)
        })
    }

    /// At `start`, `start + step`, … up to and including `end`.
    pub fn query_range(
        &self,
        expr: &str,
        start: Timestamp,
        end: Timestamp,
        step: Duration,
        options: &QueryOptions,
    ) -> Result<QueryAnswer<Vec<RangeSeries>>, QueryError> {
        let asked = Asked {
            start: start.millis(),
            end: end.millis(),
            step: i64::try_from(step.as_millis()).unwrap_or(i64::MAX),
        };
        self.answer(expr, asked, options, |evaluator, parsed| {
            evaluator.matrix(parsed.expr())
        })
    }

    /// By how much the counters that match grew in each bin `(start + i·bin, start + (i+1)·bin]`, summed
    /// over series, without extrapolation; resets are no decrease. What onset is estimated from.
    pub fn increments(
        &self,
        selector: &Selector,
        start: Timestamp,
        bin: Duration,
        bins: usize,
    ) -> Vec<f64> {
        let width = i64::try_from(bin.as_millis()).unwrap_or(i64::MAX).max(1);
        let bins = Bins {
            start: start.millis(),
            width,
            count: bins,
        };
        let mut totals = vec![0.0; bins.count];
        let from = bins.start.saturating_sub(LOOKBACK_MS);
        self.each_slice(selector, from, bins.end(), |_, points| {
            bins.add_growth(&points.floats, &mut totals);
        });
        totals
    }

    pub fn exemplars(&self, selector: &Selector, range: TimeRange) -> Vec<ExemplarSeries> {
        let found = self.store.exemplars(selector, range).into_iter();
        found
            .map(|(labels, exemplars)| ExemplarSeries {
                labels: LabelSet::clone(&labels),
                exemplars,
            })
            .collect()
    }

    /// Label sets of the series that match and may have samples in the range, sorted.
    pub fn series(&self, selector: &Selector, range: TimeRange) -> Vec<LabelSet> {
        let listing = Listing {
            range,
            ..Listing::default()
        };
        let found = self.list_series(std::slice::from_ref(selector), &listing);
        found.unwrap_or_else(|error| told(&error))
    }

    /// Label sets of the series that one of the selectors likes, sorted.
    pub fn list_series(
        &self,
        selectors: &[Selector],
        listing: &Listing,
    ) -> std::io::Result<Vec<LabelSet>> {
        let mut found = BTreeSet::new();
        self.store
            .each_labels(wanted(selectors, listing), |labels| {
                found.insert(Arc::clone(labels));
            })?;
        let found = found.iter().take(listing.limit);
        Ok(found.map(|labels| LabelSet::clone(labels)).collect())
    }

    /// The names of labels of the series that one of the selectors likes, sorted; without selectors
    /// those of all series.
    pub fn list_label_names(
        &self,
        selectors: &[Selector],
        listing: &Listing,
    ) -> std::io::Result<Vec<String>> {
        let names = self.store.label_names(wanted(selectors, listing))?;
        Ok(names.into_iter().take(listing.limit).collect())
    }

    /// The values of a label of the series that one of the selectors likes, sorted; without
    /// selectors those of all series.
    pub fn list_label_values(
        &self,
        name: &str,
        selectors: &[Selector],
        listing: &Listing,
    ) -> std::io::Result<Vec<String>> {
        let values = self.store.label_values(name, wanted(selectors, listing))?;
        Ok(values.into_iter().take(listing.limit).collect())
    }

    pub fn label_values(&self, name: &str) -> Vec<String> {
        let values = self.list_label_values(name, &[], &Listing::default());
        values.unwrap_or_else(|error| told(&error))
    }

    /// The values of a label in the head, each with the number of series that carry it, in no order.
    /// Of the label `__name__`: how many series each metric has.
    pub fn series_counts(&self, label: &str) -> Vec<(String, usize)> {
        self.store.series_counts(label)
    }

    /// The names of all labels, sorted.
    pub fn label_names(&self) -> Vec<String> {
        let names = self.list_label_names(&[], &Listing::default());
        names.unwrap_or_else(|error| told(&error))
    }

    /// What kind each metric is, by the name of its family.
    pub fn metric_kinds(&self) -> Vec<(String, MetricKind)> {
        let metadata = self.metadata().into_iter();
        metadata.map(|one| (one.family, one.kind)).collect()
    }

    /// What is said of each metric, by the name of its family.
    pub fn metadata(&self) -> Vec<MetricMetadata> {
        self.store.metadata()
    }

    /// Why samples were refused since the start: each reason, in words, and how many.
    pub fn refusals(&self) -> Vec<(&'static str, &'static str, u64)> {
        self.store.refusals.list()
    }

    /// What makes the head large.
    pub fn cardinality(&self) -> TsdbCardinality {
        self.store.cardinality()
    }

    pub fn stats(&self) -> TsdbStats {
        self.store.stats()
    }

    /// The series that match with what they have in `from..=to`, sorted by their labels.
    pub(crate) fn slices(
        &self,
        selector: &Selector,
        from: i64,
        to: i64,
    ) -> std::io::Result<Vec<Slice>> {
        self.store.select(selector, from, to)
    }

    /// How long samples are kept.
    pub(crate) fn retention(&self) -> Duration {
        self.store.retention()
    }

    /// The time now, where a request leaves it out.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn each_slice(
        &self,
        selector: &Selector,
        from: i64,
        to: i64,
        mut take: impl FnMut(&Slice, &Points),
    ) {
        let now = self.clock.now().millis();
        let slices = match self.store.select(selector, from, to) {
            Ok(slices) => slices,
            Err(error) => return drop(told::<()>(&error)),
        };
        let mut points = Points::default();
        for slice in slices {
            match slice.decode_into(from, to, now, &mut points) {
                Ok(()) => take(&slice, &points),
                Err(error) => drop(told::<()>(&error)),
            }
        }
    }

    /// Evaluates an expression when its turn has come.
    fn answer<T>(
        &self,
        expr: &str,
        asked: Asked,
        options: &QueryOptions,
        evaluate: impl FnOnce(&Evaluator<'_>, &Parsed) -> Result<T, QueryError>,
    ) -> Result<QueryAnswer<T>, QueryError> {
        let parsed = parse(expr)?;
        let budget = Budget::new(options);
        let _pass = self.gate.enter(options)?;
        let notes = Notes::default();
        let evaluator = Evaluator {
            store: &self.store,
            grid: asked.grid(),
            query: asked,
            now: self.clock.now().millis(),
            lookback: i64::try_from(options.lookback_delta.as_millis()).unwrap_or(i64::MAX / 1024),
            delayed: options.delayed_name_removal,
            budget: &budget,
            parsed: &parsed,
            notes: &notes,
        };
        Ok(QueryAnswer {
            value: evaluate(&evaluator, &parsed)?,
            annotations: notes.told(),
        })
    }

    fn note_size(&self) {
        self.series.set(self.store.head_series() as i64);
    }
}

/// Parses and checks an expression without evaluating it.
pub fn check_expression(expr: &str) -> Result<(), QueryError> {
    parse(expr).map(drop)
}

/// An expression in its canonical layout.
pub fn format_query(expr: &str) -> Result<String, QueryError> {
    format_expression(expr)
}

/// The series selectors within an expression: what it reads.
pub fn selectors(expr: &str) -> Result<Vec<Selector>, QueryError> {
    selectors_of(parse(expr)?.expr())
}

fn wanted<'a>(selectors: &'a [Selector], listing: &Listing) -> Wanted<'a> {
    Wanted {
        selectors,
        from: listing.range.start.millis(),
        to: listing.range.end.millis().saturating_sub(1),
        until: tokio::time::Instant::now().checked_add(listing.deadline),
    }
}

/// What cannot be read is told to the log; the answer goes without it.
fn told<T>(error: &std::io::Error) -> Vec<T> {
    tracing::error!(error = %error, "blocks cannot be read: {error}");
    Vec::new()
}
