mod edges;
mod peer;
mod waiting;

use rustc_hash::FxHashMap;
use watchfire_schemas::{Span, SpanId, SpanKind, Timestamp, TraceId};
use watchfire_tsdb::DeltaBatch;

use super::bounded::BoundedLabels;
use super::durations::ExemplarOf;
use super::sample_time;
use super::unpaired::Unpaired;
use edges::{Call, Connection, Edges};
use peer::{Peer, Said};
use waiting::{Answer, Asking, Expired, Waiting};

/// What a caller without spans is called, as in the service graphs of OpenTelemetry and Tempo.
const USER: &str = "user";
/// A name at the other end is shown as far as this, in bytes.
const LONGEST: usize = 200;
/// Names of others than services: so many.
const MOST_PEERS: usize = 2_000;
/// Between two batches so many milliseconds go by at most: after a time of ours that was down, what
/// was sent meanwhile still meets what had come before.
const LONGEST_STEP_MS: i64 = 15_000;
/// Of the links of one span so many are looked at, as many as SDKs keep.
const MOST_LINKS: usize = 128;

/// Who calls whom.
///
/// A call is a client's span and the span of a server that it caused; a message is a producer's
/// span and that of a consumer, whose parent it is or who links to it. The two come in any order and
/// in batches of their own, so a half waits for the other (see [`Waiting`]). If the other half
/// never comes and the client says whom it called, that is the other end: a virtual node. A server's
/// span without a parent was called from outside. A call of a database has no other half.
#[derive(Debug)]
pub(super) struct Calls {
    waiting: Waiting,
    edges: Edges,
    names: Names,
    peers: BoundedLabels,
    /// Milliseconds that went by, and when the batch before was received.
    now: i64,
    received: Option<i64>,
    /// By that time: of clients that came before, the other half may have come before the first
    /// batch that is known here.
    doubtful_until: i64,
    unpaired: [u64; Unpaired::ALL.len()],
}

/// Names as numbers.
#[derive(Debug, Default)]
struct Names {
    numbers: FxHashMap<Box<str>, u32>,
    names: Vec<Box<str>>,
}

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).expect("names are bounded");
        self.names.push(name.into());
        self.numbers.insert(name.into(), number);
        number
    }

    fn name(&self, number: u32) -> &str {
        &self.names[number as usize]
    }
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            waiting: Waiting::default(),
            edges: Edges::default(),
            names: Names::default(),
            peers: BoundedLabels::new(MOST_PEERS),
            now: 0,
            received: None,
            doubtful_until: i64::MIN,
            unpaired: [0; Unpaired::ALL.len()],
        }
    }
}

impl Calls {
    /// Tells that batches were applied before that are not known here: the other half of what comes
    /// soon may be among them.
    pub(super) fn resume(&mut self) {
        self.doubtful_until = self.now + Waiting::REQUEST_MS;
    }

    /// Gives up the halves that waited long enough; time goes by what is received, so that a replay
    /// decides the same.
    pub(super) fn expire(&mut self, received_at: Timestamp, mut number: impl FnMut(u64) -> u64) {
        let received = received_at.millis();
        let before = self.received.replace(received).unwrap_or(received);
        self.now += (received - before).clamp(0, LONGEST_STEP_MS);
        for expired in self.waiting.expire(self.now) {
            self.settle(expired, &mut number);
        }
    }

    /// Takes the spans of a batch. `admit` bounds the names of services, `number` gives the first of
    /// so many numbers of series.
    pub(super) fn count(
        &mut self,
        spans: &[Span],
        received_at: Timestamp,
        mut admit: impl FnMut(&str) -> Box<str>,
        mut number: impl FnMut(u64) -> u64,
    ) {
        for span in spans {
            let at = sample_time(span.end, received_at);
            match span.kind {
                SpanKind::Client | SpanKind::Producer => {
                    let service = self.names.number(&admit(&span.service));
                    self.take_client(span, (service, at), &mut number);
                }
                SpanKind::Server | SpanKind::Consumer => {
                    let service = self.names.number(&admit(&span.service));
                    self.take_server(span, (service, at), &mut number);
                }
                SpanKind::Internal => {}
            }
        }
    }

    /// Hands over what was counted since this was last asked.
    pub(super) fn write(&mut self, batch: &mut DeltaBatch) {
        self.edges.write(batch);
    }

    /// Halves that are on no edge, by reason, since this was last asked.
    pub(super) fn take_unpaired(&mut self) -> [u64; Unpaired::ALL.len()] {
        self.unpaired[Unpaired::NoRoom as usize] += self.waiting.take_forgotten();
        std::mem::take(&mut self.unpaired)
    }

    /// Names and edges that found no room since this was last asked.
    pub(super) fn take_limited(&mut self) -> u64 {
        self.peers.take_limited() + std::mem::take(&mut self.edges.limited)
    }

    fn take_client(
        &mut self,
        span: &Span,
        (service, at): (u32, i64),
        number: &mut impl FnMut(u64) -> u64,
    ) {
        let said = Said::by(span);
        if said.fetches() {
            return;
        }
        let peer = match said.peer() {
            Some(Peer::Database(name)) => {
                let seconds = Some(span.duration().as_secs_f64());
                let call = Call {
                    at,
                    failed: span.is_error(),
                    client_seconds: seconds,
                    server_seconds: seconds,
                    span: ExemplarOf::of(span),
                };
                let server = self.peer(&name);
                let names = &self.names;
                let edge = (service, server, Connection::Database);
                return self.edges.count(edge, &call, |n| names.name(n), number);
            }
            Some(Peer::Other(name)) => Some(self.peer(&name)),
            None => None,
        };
        let asking = Asking {
            service,
            peer,
            at,
            came_at: self.now,
            failed: span.is_error(),
            is_message: span.kind == SpanKind::Producer || said.is_messaging(),
            seconds: span.duration().as_secs_f64(),
            span: ExemplarOf::of(span),
        };
        let key = (span.trace_id, span.span_id);
        for answer in self.waiting.ask(key, asking, self.now) {
            self.pair(&asking, &answer, number);
        }
    }

    fn take_server(
        &mut self,
        span: &Span,
        (service, at): (u32, i64),
        number: &mut impl FnMut(u64) -> u64,
    ) {
        let answer = Answer {
            service,
            at,
            failed: span.is_error(),
            is_message: span.kind == SpanKind::Consumer,
            is_sure: span.links.is_empty(),
            seconds: span.duration().as_secs_f64(),
            span: ExemplarOf::of(span),
        };
        let mut keys: Vec<(TraceId, SpanId)> = Vec::new();
        if span.kind == SpanKind::Consumer {
            let links = span.links.iter().take(MOST_LINKS);
            keys.extend(links.map(|link| (link.trace_id, link.span_id)));
        }
        keys.extend(span.parent_span_id.map(|parent| (span.trace_id, parent)));
        if keys.is_empty() {
            return self.take_root(span, &answer, number);
        }
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            if let Some(asking) = self.waiting.answer(key, answer, self.now) {
                self.pair(&asking, &answer, number);
            }
        }
    }

    /// A span that nothing in its trace caused: somebody outside called, or a message came of which
    /// nothing but its way is known.
    fn take_root(&mut self, span: &Span, answer: &Answer, number: &mut impl FnMut(u64) -> u64) {
        let client = if span.kind == SpanKind::Consumer {
            match Said::by(span).destination() {
                Some(destination) => self.peer(destination),
                None => return,
            }
        } else {
            self.names.number(USER)
        };
        let call = Call {
            at: answer.at,
            failed: answer.failed,
            client_seconds: None,
            server_seconds: Some(answer.seconds),
            span: answer.span,
        };
        let edge = (client, answer.service, Connection::VirtualClient);
        let names = &self.names;
        self.edges.count(edge, &call, |n| names.name(n), number);
    }

    fn pair(&mut self, asking: &Asking, answer: &Answer, number: &mut impl FnMut(u64) -> u64) {
        let call = Call {
            at: answer.at,
            failed: asking.failed || answer.failed,
            client_seconds: Some(asking.seconds),
            server_seconds: Some(answer.seconds),
            span: answer.span,
        };
        let connection = if asking.is_message || answer.is_message {
            Connection::Messaging
        } else {
            Connection::Request
        };
        let edge = (asking.service, answer.service, connection);
        let names = &self.names;
        self.edges.count(edge, &call, |n| names.name(n), number);
    }

    fn settle(&mut self, expired: Expired, number: &mut impl FnMut(u64) -> u64) {
        let asking = match expired {
            Expired::Asking(asking) => asking,
            Expired::Answers(sure) => {
                self.unpaired[Unpaired::NoClient as usize] += sure;
                return;
            }
        };
        let Some(server) = asking.peer else {
            self.unpaired[Unpaired::NoServer as usize] += 1;
            return;
        };
        if asking.came_at < self.doubtful_until {
            self.unpaired[Unpaired::Restart as usize] += 1;
            return;
        }
        let call = Call {
            at: asking.at,
            failed: asking.failed,
            client_seconds: Some(asking.seconds),
            server_seconds: None,
            span: asking.span,
        };
        let edge = (asking.service, server, Connection::VirtualServer);
        let names = &self.names;
        self.edges.count(edge, &call, |n| names.name(n), number);
    }

    fn peer(&mut self, name: &str) -> u32 {
        let end = (0..=LONGEST.min(name.len()))
            .rev()
            .find(|at| name.is_char_boundary(*at));
        let name = &name[..end.unwrap_or(0)];
        self.names.number(self.peers.admit("", name))
    }
}

#[cfg(test)]
mod tests;
