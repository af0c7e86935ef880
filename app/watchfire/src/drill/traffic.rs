//! A service as its telemetry shows it: the spans and log lines of each second, and a fault in them.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;
use watchfire_schemas::{
    Attributes, Exception, LogRecord, SeverityNumber, Span, SpanId, SpanKind, SpanStatus,
    Timestamp, TraceId,
};

use super::case::{CALLED, Case};
use super::harm::Harm;

/// Event whose contract is broken by the fault that does so.
pub(crate) const EVENT: &str = "order_placed";
/// How often traffic and errors draw anew by how much they differ from the usual, in seconds.
const BURST: u64 = 10;
/// How often a message is tried that cannot be processed, as by the messages service; it waits for up
/// to a second, then for up to two.
const POISONED: u32 = 3;

/// What came in one second.
#[derive(Debug, Default)]
pub(crate) struct Second {
    pub spans: Vec<Span>,
    pub logs: Vec<LogRecord>,
}

impl Second {
    /// Dates all by a clock that is so many seconds ahead, or behind.
    fn put_ahead(&mut self, seconds: i64) {
        let shift = |at: &mut Timestamp| {
            let by = Duration::from_secs(seconds.unsigned_abs());
            *at = if seconds > 0 { *at + by } else { *at - by };
        };
        for span in &mut self.spans {
            shift(&mut span.start);
            shift(&mut span.end);
        }
        for log in &mut self.logs {
            shift(&mut log.timestamp);
        }
    }
}

/// One service, with or without its fault.
#[derive(Debug)]
pub(crate) struct Service {
    pub name: String,
    pub case: Case,
    /// The seconds in which it is broken.
    pub broken: Option<std::ops::Range<u64>>,
    rng: StdRng,
    /// By how much traffic and errors differ from the usual now.
    bursts: (f64, f64),
    /// What has begun and ends later.
    under_way: BTreeMap<u64, Second>,
}

/// One request, as drawn.
struct Request {
    operation: usize,
    begun: Timestamp,
    seconds: f64,
    failed: bool,
    /// Whether its call to another service failed, and how long that took.
    call: Option<(bool, f64)>,
}

impl Service {
    pub(crate) fn new(name: String, case: Case, seed: u64) -> Self {
        Self {
            name,
            case,
            broken: None,
            rng: StdRng::seed_from_u64(seed),
            bursts: (1.0, 1.0),
            under_way: BTreeMap::new(),
        }
    }

    /// What ends in the second that begins at `at`, and is the `second`th.
    pub(crate) fn pass(&mut self, second: u64, at: Timestamp) -> Second {
        if second.is_multiple_of(BURST) {
            self.bursts = (gamma(&mut self.rng, 4), gamma(&mut self.rng, 2));
        }
        let harm = self.harm(second);
        for operation in 0..self.case.operations {
            let harmed = operation == 0 || !self.case.first_only;
            let harm = if harmed { harm } else { Harm::NONE };
            let rate = self.case.rate * harm.traffic * self.bursts.0;
            for _ in 0..poisson(&mut self.rng, rate) {
                let request = self.request(operation, harm, at);
                self.tell(&request, harm, second);
            }
        }
        for _ in 0..poisson(&mut self.rng, harm.error_logs) {
            let log = self.log(at, None, Some("ConnectionResetError"), harm);
            self.later(second).logs.extend(log);
        }
        if harm.poison && self.broken.as_ref().is_some_and(|b| b.start == second) {
            self.poison(second, at);
        }
        let mut ended = Second::default();
        while let Some(entry) = self.under_way.first_entry()
            && *entry.key() <= second
        {
            let mut some = entry.remove();
            ended.spans.append(&mut some.spans);
            ended.logs.append(&mut some.logs);
        }
        if harm.ahead != 0 {
            ended.put_ahead(harm.ahead);
        }
        ended
    }

    /// A message that cannot be processed, from the first attempt to the last.
    fn poison(&mut self, second: u64, at: Timestamp) {
        let trace = self.trace_id();
        let mut waited = 0.0;
        for attempt in 0..POISONED {
            let begun = at + Duration::from_secs_f64(waited);
            let end = begun + Duration::from_millis(3);
            let span = self.span(
                trace,
                ("process mail", SpanKind::Consumer),
                (begun, end),
                true,
            );
            let place = Some((trace, span.span_id));
            let log = self.log(end, place, Some("PoisonError"), Harm::NONE);
            let later = self.later(second + waited as u64);
            later.spans.push(span);
            later.logs.extend(log);
            waited += self.rng.random::<f64>() * f64::from(1 << attempt);
        }
    }

    /// What is wrong in a second.
    fn harm(&self, second: u64) -> Harm {
        match &self.broken {
            Some(broken) if broken.contains(&second) => {
                Harm::of(&self.case, (second - broken.start) as f64 + 0.5)
            }
            _ => Harm::NONE,
        }
    }

    fn request(&mut self, operation: usize, harm: Harm, at: Timestamp) -> Request {
        let mut drawn = |share: f64| self.rng.random::<f64>() < share;
        let call = self
            .case
            .calls
            .then(|| (drawn(harm.calls_fail), drawn(harm.calls_slow)));
        let call_failed = call.is_some_and(|(failed, _)| failed);
        let failed = drawn(self.case.errors * self.bursts.1) || drawn(harm.fails) || call_failed;
        let slow = drawn(harm.slow);
        let (held_up, longer) = harm.held_up;
        let longer = if held_up > 0.0 && drawn(held_up) {
            longer
        } else {
            0.0
        };
        let mut usual = || 0.01 + 0.03 * -(1.0 - self.rng.random::<f64>()).ln();
        let call =
            call.map(|(failed, slow)| (failed, if slow { harm.slow_seconds } else { usual() }));
        let own = longer + if slow { harm.slow_seconds } else { usual() };
        let begun = at + Duration::from_secs_f64(self.rng.random::<f64>() * 0.999);
        Request {
            operation,
            begun,
            seconds: own + call.map_or(0.0, |(_, seconds)| seconds),
            failed,
            call,
        }
    }

    /// Puts a request's spans and log lines where it ends.
    fn tell(&mut self, request: &Request, harm: Harm, second: u64) {
        let end = request.begun + Duration::from_secs_f64(request.seconds);
        let ends_in = second + (request.seconds + 0.5) as u64;
        let trace = self.trace_id();
        let name = format!("GET /{}", request.operation);
        let server = self.span(
            trace,
            (&name, SpanKind::Server),
            (request.begun, end),
            request.failed,
        );
        let mut spans = Vec::with_capacity(2);
        if let Some((failed, seconds)) = request.call {
            let ended = request.begun + Duration::from_secs_f64(seconds);
            let mut client = self.span(
                trace,
                (&format!("GET {CALLED}"), SpanKind::Client),
                (request.begun, ended),
                failed,
            );
            client.parent_span_id = Some(server.span_id);
            spans.push(client);
        }
        let span_id = server.span_id;
        spans.push(server);
        let thrown = request.failed.then_some("TimeoutError");
        let log = self.log(end, Some((trace, span_id)), thrown, harm);
        let later = self.later(ends_in);
        later.spans.append(&mut spans);
        later.logs.extend(log);
    }

    fn trace_id(&mut self) -> TraceId {
        let mut bytes: [u8; 16] = self.rng.random();
        bytes[0] |= 1;
        TraceId::from_bytes(bytes).expect("its first byte is not zero")
    }

    fn span_id(&mut self) -> SpanId {
        let mut bytes: [u8; 8] = self.rng.random();
        bytes[0] |= 1;
        SpanId::from_bytes(bytes).expect("its first byte is not zero")
    }

    fn later(&mut self, second: u64) -> &mut Second {
        self.under_way.entry(second).or_default()
    }

    fn span(
        &mut self,
        trace_id: TraceId,
        (name, kind): (&str, SpanKind),
        (start, end): (Timestamp, Timestamp),
        failed: bool,
    ) -> Span {
        let status = if failed {
            SpanStatus::Error {
                message: String::new(),
            }
        } else {
            SpanStatus::Unset
        };
        Span {
            trace_id,
            span_id: self.span_id(),
            parent_span_id: None,
            trace_state: String::new(),
            name: name.to_owned(),
            kind,
            start,
            end,
            status,
            service: self.name.clone(),
            resource: Attributes::new(),
            scope: String::new(),
            attributes: Attributes::new(),
            events: Vec::new(),
            links: Vec::new(),
        }
    }

    /// None where it is lost.
    fn log(
        &mut self,
        at: Timestamp,
        span: Option<(TraceId, SpanId)>,
        thrown: Option<&str>,
        harm: Harm,
    ) -> Option<LogRecord> {
        if self.rng.random::<f64>() < harm.silent {
            return None;
        }
        let total = if self.rng.random::<f64>() < harm.broken {
            json!("much")
        } else {
            json!(12.5)
        };
        let exception = thrown.map(|kind| Exception {
            kind: kind.to_owned(),
            message: "no answer within 2 s".to_owned(),
            stacktrace: format!("Traceback (most recent call last):\n  File \"app.py\", line 7, in place\n    ask()\n{kind}: no answer within 2 s"),
        });
        Some(LogRecord {
            timestamp: at,
            observed_timestamp: at,
            severity: if thrown.is_some() {
                SeverityNumber::ERROR
            } else {
                SeverityNumber::INFO
            },
            service: self.name.clone(),
            message: if thrown.is_some() {
                "order not placed"
            } else {
                "order placed"
            }
            .to_owned(),
            event_name: Some(EVENT.to_owned()),
            trace_id: span.map(|(trace, _)| trace),
            span_id: span.map(|(_, span)| span),
            exception,
            exception_group: None,
            pattern_id: None,
            attributes: Attributes::from_iter([("order.total".to_owned(), total)]),
        })
    }
}

fn exponential(rng: &mut StdRng) -> f64 {
    -(1.0 - rng.random::<f64>()).ln()
}

/// Gamma of a whole shape and mean 1.
fn gamma(rng: &mut StdRng, shape: usize) -> f64 {
    (0..shape).map(|_| exponential(rng)).sum::<f64>() / shape as f64
}

fn poisson(rng: &mut StdRng, mean: f64) -> u64 {
    let (mut passed, mut count) = (exponential(rng), 0);
    while passed <= mean {
        count += 1;
        passed += exponential(rng);
    }
    count
}
