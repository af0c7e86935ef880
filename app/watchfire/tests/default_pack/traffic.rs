use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use watchfire_schemas::{LabelSet, MetricKind, Sample, SeriesSamples, Temporality};

/// Bounds of latency, as the collector derives them.
const BOUNDS: [(&str, f64); 15] = [
    ("0.005", 0.005),
    ("0.01", 0.01),
    ("0.025", 0.025),
    ("0.05", 0.05),
    ("0.075", 0.075),
    ("0.1", 0.1),
    ("0.25", 0.25),
    ("0.5", 0.5),
    ("0.75", 0.75),
    ("1", 1.0),
    ("2.5", 2.5),
    ("5", 5.0),
    ("7.5", 7.5),
    ("10", 10.0),
    ("+Inf", f64::INFINITY),
];
/// Seconds that a usual request takes, and one that is slow.
const USUAL: f64 = 0.02;
const SLOW: f64 = 2.0;

/// How much traffic and errors vary beyond chance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Spread {
    /// Poisson.
    Chance,
    /// Every ten seconds both draw a factor anew: gamma of shape 4 for the traffic, of shape 2 for
    /// the share of errors, so that one stretch in a hundred has over three times the usual.
    Bursty,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fault {
    /// This share of the requests fails.
    Fails(f64),
    /// This share of the requests is slow.
    Slow(f64),
    /// No request comes.
    Gone,
}

/// The traffic of one operation of a service.
#[derive(Debug)]
pub(crate) struct Traffic {
    pub(crate) rate: f64,
    pub(crate) errors: f64,
    pub(crate) spread: Spread,
    /// What is wrong, and in which seconds.
    pub(crate) fault: Option<(Fault, std::ops::Range<u64>)>,
    rng: StdRng,
    factors: (f64, f64),
    series: Series,
}

/// The labels of all series of an operation, made once.
#[derive(Debug)]
struct Series {
    calls: LabelSet,
    failed: LabelSet,
    buckets: Vec<LabelSet>,
    count: LabelSet,
    logs: LabelSet,
    error_logs: LabelSet,
    exceptions: LabelSet,
}

impl Series {
    fn of(service: &str, operation: &str) -> Self {
        let spans = |name: &str, more: &[(&str, &str)]| {
            let own = [
                ("service", service),
                ("operation", operation),
                ("kind", "SPAN_KIND_SERVER"),
            ];
            LabelSet::metric(name, own.into_iter().chain(more.iter().copied()))
        };
        let calls = "traces_span_metrics_calls_total";
        let duration = "traces_span_metrics_duration_seconds";
        let well = ("status", "STATUS_CODE_UNSET");
        let logs = |severity: &str| {
            LabelSet::metric(
                "log_records_total",
                [("service", service), ("severity", severity)],
            )
        };
        Self {
            calls: spans(calls, &[well]),
            failed: spans(calls, &[("status", "STATUS_CODE_ERROR")]),
            buckets: BOUNDS
                .iter()
                .map(|(le, _)| spans(&format!("{duration}_bucket"), &[well, ("le", le)]))
                .collect(),
            count: spans(&format!("{duration}_count"), &[well]),
            logs: logs("INFO"),
            error_logs: logs("ERROR"),
            exceptions: LabelSet::metric(
                "exceptions_total",
                [
                    ("service", service),
                    ("type", "Timeout"),
                    ("group", "0011223344556677"),
                ],
            ),
        }
    }
}

impl Traffic {
    pub(crate) fn new(service: &str, rate: f64, errors: f64, spread: Spread, seed: u64) -> Self {
        Self::of_operation(service, "GET /places", (rate, errors), spread, seed)
    }

    pub(crate) fn of_operation(
        service: &str,
        operation: &str,
        (rate, errors): (f64, f64),
        spread: Spread,
        seed: u64,
    ) -> Self {
        Self {
            rate,
            errors,
            spread,
            fault: None,
            rng: StdRng::seed_from_u64(seed),
            factors: (1.0, 1.0),
            series: Series::of(service, operation),
        }
    }

    pub(crate) fn with(self, fault: Fault, seconds: std::ops::Range<u64>) -> Self {
        Self {
            fault: Some((fault, seconds)),
            ..self
        }
    }

    /// What came in one second, as samples at its end.
    pub(crate) fn second(&mut self, second: u64, t: i64, into: &mut Vec<SeriesSamples>) {
        if self.spread == Spread::Bursty && second.is_multiple_of(10) {
            self.factors = (gamma(&mut self.rng, 4), gamma(&mut self.rng, 2));
        }
        let fault = self
            .fault
            .as_ref()
            .filter(|(_, when)| when.contains(&second));
        let fault = fault.map(|(fault, _)| *fault);
        let (mut share, mut slow_share) = (self.errors * self.factors.1, 0.0);
        match fault {
            Some(Fault::Fails(fails)) => share = fails,
            Some(Fault::Slow(slow)) => slow_share = slow,
            Some(Fault::Gone) | None => {}
        }
        let all = match fault {
            Some(Fault::Gone) => 0.0,
            _ => poisson(&mut self.rng, self.rate * self.factors.0),
        };
        let failed = binomial(&mut self.rng, all, share);
        let slow = binomial(&mut self.rng, all, slow_share);
        let series = &self.series;
        let mut add = |labels: &LabelSet, by: f64| {
            if by > 0.0 {
                into.push(delta(labels, t, by));
            }
        };
        add(&series.calls, all - failed);
        add(&series.failed, failed);
        for (labels, (_, bound)) in series.buckets.iter().zip(BOUNDS) {
            let under = |seconds: f64| f64::from(u8::from(seconds <= bound));
            add(labels, (all - slow) * under(USUAL) + slow * under(SLOW));
        }
        add(&series.count, all);
        add(&series.logs, all - failed);
        add(&series.error_logs, failed);
        add(&series.exceptions, failed);
    }
}

fn delta(labels: &LabelSet, t: i64, v: f64) -> SeriesSamples {
    SeriesSamples {
        labels: labels.clone(),
        kind: MetricKind::Counter,
        temporality: Temporality::Delta,
        samples: vec![Sample { t, v }],
        histograms: Vec::new(),
        exemplars: Vec::new(),
    }
}

fn exponential(rng: &mut StdRng) -> f64 {
    -(1.0 - rng.random::<f64>()).ln()
}

/// Gamma of a whole shape and mean 1.
fn gamma(rng: &mut StdRng, shape: usize) -> f64 {
    (0..shape).map(|_| exponential(rng)).sum::<f64>() / shape as f64
}

fn poisson(rng: &mut StdRng, mean: f64) -> f64 {
    let (mut passed, mut count) = (exponential(rng), 0.0);
    while passed <= mean {
        count += 1.0;
        passed += exponential(rng);
    }
    count
}

fn binomial(rng: &mut StdRng, of: f64, share: f64) -> f64 {
    (0..of as u64)
        .filter(|_| rng.random::<f64>() < share)
        .count() as f64
}
