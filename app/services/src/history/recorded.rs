//! What the services behind the gateway do besides content, workers and providers included: traces
//! that live ones told of once, told anew. A test records them, and holds them against live ones.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;
use watchfire_schemas::{Attributes, SpanKind, SpanLink, Timestamp};

use crate::history::Told;
use crate::history::emitter::{Emitter, Place};
use crate::history::pace;
use crate::traffic::Arrivals;

const RECORDING: &str = include_str!("recording.json");
/// What the HTTP layer says of a request's time, in seconds.
const DURATION: &str = "http.server.request.duration";
/// Begins a place for an id: `{{3}}`, or `{{-3}}` where it is written with hyphens.
const MARK: &str = "{{";

/// A trace, with those that it is linked to. Times are microseconds since its beginning.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recorded {
    /// How many come in a second, at a traffic of one request a second.
    rate: f64,
    traces: usize,
    ids: usize,
    spans: Vec<RecordedSpan>,
    lines: Vec<RecordedLine>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordedSpan {
    service: String,
    name: String,
    kind: SpanKind,
    trace: usize,
    parent: Option<usize>,
    start: u64,
    takes: u64,
    attributes: Attributes,
    #[serde(default)]
    links: Vec<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordedLine {
    span: usize,
    at: u64,
    target: String,
    message: String,
    attributes: Attributes,
}

/// The recorded traces, each as often as it came.
#[derive(Debug)]
pub(super) struct Recording {
    emitters: BTreeMap<String, Emitter>,
    streams: Vec<(Recorded, Peekable<Arrivals>)>,
    dice: StdRng,
}

impl Recording {
    pub(super) fn new(traffic: f64, seed: u64) -> Self {
        let recorded: Vec<Recorded> =
            serde_json::from_str(RECORDING).expect("a test has written the recording");
        let services = recorded.iter().flat_map(|one| &one.spans);
        let emitters = services.map(|span| (span.service.clone(), Emitter::new(&span.service)));
        Self {
            emitters: emitters.collect(),
            streams: recorded
                .into_iter()
                .zip(seed..)
                .map(|(one, seed)| {
                    let arrivals = Arrivals::new(one.rate * traffic, seed).peekable();
                    (one, arrivals)
                })
                .collect(),
            dice: StdRng::seed_from_u64(seed),
        }
    }

    /// Tells of what began before `end` and is not told yet; all began at `start`.
    pub(super) fn tell(&mut self, start: Timestamp, end: Timestamp, told: &mut Told) {
        for (recorded, arrivals) in &mut self.streams {
            while let Some(after) = arrivals.next_if(|after| start + *after < end) {
                let telling = Telling::new(recorded, start + after, &mut self.dice);
                telling.spans(&self.emitters, told);
                telling.lines(&self.emitters, told);
            }
        }
    }
}

/// One recorded trace as it is told once more.
struct Telling<'a> {
    recorded: &'a Recorded,
    begun: Timestamp,
    /// How many times as long it takes.
    stretched: f64,
    places: Vec<Place>,
    /// What stands for each id, and the id, in both ways that it is written.
    ids: Vec<(String, String)>,
}

impl<'a> Telling<'a> {
    fn new(recorded: &'a Recorded, begun: Timestamp, dice: &mut StdRng) -> Self {
        let traces: Vec<Place> = (0..recorded.traces).map(|_| Place::root(dice)).collect();
        let mut places: Vec<Place> = Vec::with_capacity(recorded.spans.len());
        for span in &recorded.spans {
            // A parent comes before its children.
            let place = match span.parent {
                Some(parent) => places[parent].child(dice),
                None => traces[span.trace],
            };
            places.push(place);
        }
        let milliseconds = u128::from(begun.nanos().unsigned_abs() / 1_000_000);
        let ids = (0..recorded.ids).flat_map(|number| {
            let id = dated_id(milliseconds, dice);
            let plain = (format!("{{{{{number}}}}}"), id.simple().to_string());
            [plain, (format!("{{{{-{number}}}}}"), id.to_string())]
        });
        Self {
            ids: ids.collect(),
            stretched: pace::factor(dice),
            recorded,
            begun,
            places,
        }
    }

    fn at(&self, micros: u64) -> Timestamp {
        self.begun + Duration::from_micros((micros as f64 * self.stretched) as u64)
    }

    fn spans(&self, emitters: &BTreeMap<String, Emitter>, told: &mut Told) {
        for (span, place) in self.recorded.spans.iter().zip(&self.places) {
            let times = (self.at(span.start), self.at(span.start + span.takes));
            let own = self.filled(&span.attributes);
            let emitter = &emitters[&span.service];
            let mut one = emitter.span(*place, span.kind, span.name.clone(), times, own);
            one.links = span.links.iter().map(|&to| self.link(to)).collect();
            told.spans.push(one);
        }
    }

    fn link(&self, to: usize) -> SpanLink {
        SpanLink {
            trace_id: self.places[to].trace_id,
            span_id: self.places[to].span_id,
            attributes: Attributes::new(),
        }
    }

    fn lines(&self, emitters: &BTreeMap<String, Emitter>, told: &mut Told) {
        for line in &self.recorded.lines {
            let span = &self.recorded.spans[line.span];
            let mut own = self.filled(&line.attributes);
            if let Some(seconds) = own.get_mut(DURATION) {
                let (start, end) = (self.at(span.start), self.at(span.start + span.takes));
                *seconds = end.seconds_since(start).into();
            }
            let message = self.fill(&line.message);
            let message = message.unwrap_or_else(|| line.message.clone());
            let (emitter, place) = (&emitters[&span.service], self.places[line.span]);
            let record = emitter.log(self.at(line.at), place, &line.target, message, &own);
            told.logs.push(record);
        }
    }

    fn filled(&self, attributes: &Attributes) -> Attributes {
        let filled = |value: &Value| match value {
            Value::String(text) => self.fill(text).map_or_else(|| value.clone(), Value::from),
            other => other.clone(),
        };
        let pairs = attributes.iter();
        pairs
            .map(|(key, value)| (key.clone(), filled(value)))
            .collect()
    }

    /// With ids where they belong; none if there are none.
    fn fill(&self, text: &str) -> Option<String> {
        if !text.contains(MARK) {
            return None;
        }
        let mut filled = text.to_owned();
        for (mark, id) in &self.ids {
            if filled.contains(mark) {
                filled = filled.replace(mark, id);
            }
        }
        Some(filled)
    }
}

/// In the form of a UUID of version 7.
fn dated_id(milliseconds: u128, dice: &mut StdRng) -> Uuid {
    let bits: u128 = dice.random();
    let random = bits & 0x0fff_3fff_ffff_ffff_ffff;
    Uuid::from_u128(milliseconds << 80 | 0x7000_8000_0000_0000_0000 | random)
}
