//! Telemetry by script: counters whose growth in each second is written down beforehand.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use watchfire_alerts::{SampleSink, SignalError, SignalSeries, Signals, SinkError};
use watchfire_schemas::{LabelSet, Sample, SeriesSamples, Timestamp};

/// Growth by second since [`Script::START`], by the beginning of the selectors that ask for it.
#[derive(Debug, Default)]
pub(crate) struct Script {
    counters: Mutex<BTreeMap<String, Vec<f64>>>,
    /// Whether questions are answered at all.
    broken: Mutex<bool>,
    /// Whether the next question ends in a panic.
    explosive: AtomicBool,
    /// How many questions were answered.
    answered: AtomicUsize,
    /// Whether samples are refused.
    full: AtomicBool,
    /// Who calls whom.
    calls: Mutex<Vec<(String, String)>>,
    /// What rules wrote.
    written: Mutex<Vec<SeriesSamples>>,
}

impl Script {
    pub(crate) const START: Timestamp = Timestamp::from_secs(1_000_000_000);

    fn counters(&self) -> MutexGuard<'_, BTreeMap<String, Vec<f64>>> {
        self.counters.lock().unwrap()
    }

    /// `counts` for each second in `seconds`, on top of what is there.
    pub(crate) fn add(&self, name: &str, seconds: std::ops::Range<usize>, count: f64) {
        let mut counters = self.counters();
        let counter = counters.entry(name.to_owned()).or_default();
        counter.resize(counter.len().max(seconds.end), 0.0);
        for second in &mut counter[seconds] {
            *second += count;
        }
    }

    /// One service calls another.
    pub(crate) fn calls(&self, client: &str, server: &str) {
        let call = (client.to_owned(), server.to_owned());
        self.calls.lock().unwrap().push(call);
    }

    fn service_graph(&self) -> Vec<SignalSeries> {
        let calls = self.calls.lock().unwrap();
        let edges = calls.iter().map(|(client, server)| SignalSeries {
            labels: LabelSet::new([("client", client.as_str()), ("server", server.as_str())]),
            ..SignalSeries::default()
        });
        edges.collect()
    }

    pub(crate) fn set_broken(&self, broken: bool) {
        *self.broken.lock().unwrap() = broken;
    }

    pub(crate) fn set_full(&self, full: bool) {
        self.full.store(full, Ordering::SeqCst);
    }

    /// The next question ends in a panic, those after it do not.
    pub(crate) fn panic_once(&self) {
        self.explosive.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_explosive(&self) -> bool {
        self.explosive.load(Ordering::SeqCst)
    }

    /// What rules wrote since the last time: series, second since the start, value.
    pub(crate) fn take_written(&self) -> Vec<(String, f64, f64)> {
        let written = std::mem::take(&mut *self.written.lock().unwrap());
        let written = written.into_iter().flat_map(|one| {
            let labels = one.labels.to_string();
            let samples = one.samples.into_iter();
            samples.map(move |sample| {
                let at = Timestamp::from_millis(sample.t).seconds_since(Self::START);
                (labels.clone(), at, sample.v)
            })
        });
        written.collect()
    }

    pub(crate) fn answered(&self) -> usize {
        self.answered.load(Ordering::SeqCst)
    }

    fn answer(&self) -> Result<(), SignalError> {
        assert!(
            !self.explosive.swap(false, Ordering::SeqCst),
            "the script says so"
        );
        self.answered.fetch_add(1, Ordering::SeqCst);
        if *self.broken.lock().unwrap() {
            return Err(SignalError("the telemetry does not answer".to_owned()));
        }
        Ok(())
    }

    /// Growth in `(from, to]`.
    fn grown(&self, selector: &str, from: f64, to: f64) -> f64 {
        let counters = self.counters();
        let named = counters.iter().find(|(name, _)| asks_for(selector, name));
        let Some((_, counter)) = named else {
            return 0.0;
        };
        // The events of second i are seen at its end.
        let bound = |at: f64| (at.floor().max(0.0) as usize).min(counter.len());
        counter[bound(from)..bound(to)].iter().sum()
    }
}

/// A script's name is the parts of a selector that must be there, joined by blanks.
fn asks_for(selector: &str, name: &str) -> bool {
    let errors = "STATUS_CODE_ERROR";
    let about_errors = selector.contains(errors) == name.contains(errors);
    about_errors && name.split(' ').all(|part| selector.contains(part))
}

#[async_trait]
impl Signals for Script {
    /// Knows one form of expression: `increase(counter{…}[60s]) > 20`, where 15 s and 0 go without
    /// saying. Above the threshold it gives one sample with the labels of the service that it names (or `content`) and
    /// an operation.
    async fn instant(&self, expr: &str, at: Timestamp) -> Result<Vec<SignalSeries>, SignalError> {
        self.answer()?;
        if expr.contains("traces_service_graph_request_total") {
            return Ok(self.service_graph());
        }
        let (name, rest) = expr.split_once('{').unwrap_or((expr, ""));
        let matchers = rest.split_once('}').map_or("", |(matchers, _)| matchers);
        let threshold: f64 = expr
            .rsplit_once("> ")
            .and_then(|(_, number)| number.trim().parse().ok())
            .unwrap_or(0.0);
        let window: f64 = expr
            .split_once('[')
            .and_then(|(_, rest)| rest.split_once("s]")?.0.parse().ok())
            .unwrap_or(15.0);
        let to = at.seconds_since(Self::START);
        let grown = self.grown(&format!("{name}{{{matchers}}}"), to - window, to);
        if grown <= threshold {
            return Ok(Vec::new());
        }
        let named = matchers.split_once("service='");
        let service = named
            .and_then(|(_, rest)| rest.split_once('\''))
            .map_or("content", |(service, _)| service);
        Ok(vec![SignalSeries {
            labels: LabelSet::new([("service", service), ("operation", "GET /places")]),
            samples: vec![Sample {
                t: at.millis(),
                v: grown,
            }],
            histograms: Vec::new(),
        }])
    }

    async fn range(
        &self,
        _: &str,
        _: Timestamp,
        _: Timestamp,
        _: Duration,
    ) -> Result<Vec<SignalSeries>, SignalError> {
        Err(SignalError("a script knows no ranges".to_owned()))
    }

    async fn increments(
        &self,
        selector: &str,
        start: Timestamp,
        bin: Duration,
        bins: usize,
    ) -> Result<Vec<f64>, SignalError> {
        self.answer()?;
        let start = start.seconds_since(Self::START);
        let width = bin.as_secs_f64();
        let edge = |i: usize| start + i as f64 * width;
        let bins = 0..bins;
        Ok(bins
            .map(|i| self.grown(selector, edge(i), edge(i + 1)))
            .collect())
    }
}

#[async_trait]
impl SampleSink for Script {
    async fn write(&self, series: Vec<SeriesSamples>) -> Result<(), SinkError> {
        if self.full.load(Ordering::SeqCst) {
            return Err(SinkError("the telemetry does not take samples".to_owned()));
        }
        self.written.lock().unwrap().extend(series);
        Ok(())
    }
}
