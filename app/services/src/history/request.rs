use std::net::Ipv4Addr;

use rand::Rng;
use rand::rngs::StdRng;
use watchfire_schemas::{Attributes, Span, SpanKind, SpanStatus, Timestamp};

use crate::content;
use crate::content::answer;
use crate::content::store;
use crate::history::Told;
use crate::history::catalogue::{Catalogue, Work};
use crate::history::emitter::{Emitter, Emitters, Place, attributes};
use crate::history::pace::{self, Pace};
use crate::statement::{DB_SYSTEM, Statement};
use crate::traffic::{Request, USER_AGENT};

/// Where the telemetry crate's HTTP layer writes its records.
const ACCESS_TARGET: &str = watchfire_telemetry::HTTP_TARGET;
/// The content service's port in the past; live it is another one at each start.
const CONTENT_PORT: u16 = 7119;

/// Tells of one request that came at `start`, from the inside out, as spans end.
pub(super) fn tell(
    request: &Request,
    start: Timestamp,
    catalogue: &Catalogue,
    emitters: &Emitters,
    dice: &mut StdRng,
    told: &mut Told,
) {
    let work = catalogue.work(request);
    let request_id = request_id(dice);
    let at_gateway = Place::root(dice);
    let call = at_gateway.child(dice);
    let at_content = call.child(dice);

    let sent = start + half(pace::GATEWAY, dice);
    let reached = sent + half(pace::CALL, dice);
    let mut now = reached + half(pace::CONTENT, dice);
    for statement in &work.statements {
        let span = statement_span(
            &emitters.content,
            at_content.child(dice),
            *statement,
            now,
            pace::STATEMENT,
            dice,
        );
        now = span.end;
        told.spans.push(span);
    }
    let exchange = Exchange {
        request,
        work: &work,
        request_id: &request_id,
    };
    if let Some((message, own)) = exchange.remark() {
        let own = own.into_iter().chain(exchange.inherited("")).collect();
        told.logs.push(
            emitters
                .content
                .log(now, at_content, answer::TARGET, message, &own),
        );
    }
    let answered = now + half(pace::CONTENT, dice);
    exchange.tell_server(&emitters.content, at_content, "", (reached, answered), told);
    let back = answered + half(pace::CALL, dice);
    told.spans
        .push(exchange.call_span(&emitters.gateway, call, (sent, back)));
    let end = back + half(pace::GATEWAY, dice);
    exchange.tell_server(
        &emitters.gateway,
        at_gateway,
        content::PREFIX,
        (start, end),
        told,
    );
}

/// A database call.
pub(super) fn statement_span(
    emitter: &Emitter,
    place: Place,
    statement: Statement,
    start: Timestamp,
    takes: Pace,
    dice: &mut StdRng,
) -> Span {
    let own = attributes([
        ("db.system.name", DB_SYSTEM.into()),
        ("db.namespace", store::NAMESPACE.into()),
        ("db.operation.name", statement.operation.as_str().into()),
        ("db.collection.name", statement.table.into()),
    ]);
    let end = start + takes.draw(dice);
    emitter.span(
        place,
        SpanKind::Client,
        statement.summary(),
        (start, end),
        own,
    )
}

/// A request and its answer, as both services see them.
struct Exchange<'a> {
    request: &'a Request,
    work: &'a Work,
    request_id: &'a str,
}

impl Exchange<'_> {
    /// What the content service itself says.
    fn remark(&self) -> Option<(String, Attributes)> {
        let resource = self.request.route.split('/').nth(1).unwrap_or_default();
        if self.work.status == 404 {
            let own = attributes([
                ("content.resource", resource.into()),
                ("content.id", self.request.id.as_str().into()),
            ]);
            return Some((answer::absent(resource, &self.request.id), own));
        }
        let (shown, total, resource) = self.work.listed?;
        let own = attributes([
            ("content.resource", resource.into()),
            ("content.shown", shown.into()),
            ("content.total", total.into()),
        ]);
        Some((answer::listed(shown, total, resource), own))
    }

    /// What every record of a request repeats.
    fn inherited(&self, prefix: &str) -> Attributes {
        let mut inherited = attributes([
            ("http.request.method", "GET".into()),
            (
                "http.route",
                format!("{prefix}{}", self.request.route).into(),
            ),
            (
                "url.path",
                format!("{prefix}{}", self.request.path()).into(),
            ),
            ("request.id", self.request_id.into()),
        ]);
        if let Some(query) = self.request.query() {
            inherited.insert("url.query".to_owned(), query.into());
        }
        inherited
    }

    /// The server's span and the line that the HTTP layer writes.
    fn tell_server(
        &self,
        emitter: &Emitter,
        place: Place,
        prefix: &str,
        times: (Timestamp, Timestamp),
        told: &mut Told,
    ) {
        let (start, end) = times;
        let outcome = attributes([
            ("http.response.status_code", self.work.status.into()),
            ("http.response.body.size", self.work.bytes.into()),
        ]);
        let mut line: Attributes = self.inherited(prefix);
        line.extend(outcome.clone());
        line.insert(
            "http.server.request.duration".to_owned(),
            end.seconds_since(start).into(),
        );
        let route = format!("{prefix}{}", self.request.route);
        let message = format!("GET {route} answered {}", self.work.status);
        told.logs
            .push(emitter.log(end, place, ACCESS_TARGET, message, &line));

        let mut own = self.inherited(prefix);
        own.extend(outcome);
        own.extend(attributes([
            ("network.protocol.version", "1.1".into()),
            ("server.address", Ipv4Addr::LOCALHOST.to_string().into()),
            ("url.scheme", "http".into()),
        ]));
        if prefix == content::PREFIX {
            own.insert("user_agent.original".to_owned(), USER_AGENT.into());
        }
        told.spans
            .push(emitter.span(place, SpanKind::Server, format!("GET {route}"), times, own));
    }

    fn call_span(&self, emitter: &Emitter, place: Place, times: (Timestamp, Timestamp)) -> Span {
        let query = self
            .request
            .query()
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        let url = format!(
            "http://{}:{CONTENT_PORT}{}{query}",
            Ipv4Addr::LOCALHOST,
            self.request.path()
        );
        let mut own = attributes([
            ("http.request.method", "GET".into()),
            ("http.response.status_code", self.work.status.into()),
            ("server.address", Ipv4Addr::LOCALHOST.to_string().into()),
            ("server.port", CONTENT_PORT.into()),
            ("url.full", url.into()),
            ("url.template", self.request.route.into()),
        ]);
        let is_refused = self.work.status >= 400;
        if is_refused {
            own.insert("error.type".to_owned(), self.work.status.to_string().into());
        }
        let name = format!("GET {}", self.request.route);
        let mut span = emitter.span(place, SpanKind::Client, name, times, own);
        if is_refused {
            span.status = SpanStatus::Error {
                message: "Not Found".to_owned(),
            };
        }
        span
    }
}

fn half(pace: Pace, dice: &mut StdRng) -> std::time::Duration {
    pace.draw(dice) / 2
}

/// In the form of a UUID, version 4.
fn request_id(dice: &mut StdRng) -> String {
    let bits: u128 = dice.random();
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{bits:032x}");
    [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-")
}
