use std::net::Ipv4Addr;

use rand::rngs::StdRng;
use watchfire_schemas::{SpanKind, Timestamp};

use crate::content::sync::{self, POLL_EVERY, ROUND};
use crate::feed::{self, Record, Source};
use crate::history::Told;
use crate::history::emitter::{Emitters, Place, attributes};
use crate::history::pace::{self, Pace};
use crate::history::request::statement_span;

/// The feed's port in the past; live it is another one at each start.
const FEED_PORT: u16 = 7120;
/// From the last statement to the end of the round: the commit.
const COMMIT: Pace = pace::UPSERT;

/// Tells of the round that the sync worker made at `start`, with the entries that the source had.
pub(super) fn tell(
    start: Timestamp,
    source: &Source,
    emitters: &Emitters,
    dice: &mut StdRng,
    told: &mut Told,
) {
    let emitter = &emitters.content_sync;
    let before = source.entries(u64::MAX, 1, start - POLL_EVERY).latest;
    let read = source.entries(before, feed::MAX_ENTRIES, start);
    let round = Place::root(dice);

    let mut now = start + pace::FEED.draw(dice);
    let path = format!(
        "{}?after={before}&limit={}",
        feed::ENTRIES,
        feed::MAX_ENTRIES
    );
    let own = attributes([
        ("http.request.method", "GET".into()),
        ("http.response.status_code", 200.into()),
        ("server.address", Ipv4Addr::LOCALHOST.to_string().into()),
        ("server.port", FEED_PORT.into()),
        (
            "url.full",
            format!("http://{}:{FEED_PORT}{path}", Ipv4Addr::LOCALHOST).into(),
        ),
        ("url.template", feed::ENTRIES.into()),
    ]);
    let name = format!("GET {}", feed::ENTRIES);
    told.spans
        .push(emitter.span(round.child(dice), SpanKind::Client, name, (start, now), own));

    let is_place = |record: &Record| matches!(record, Record::Place(_));
    let places = read.entries.iter().any(|entry| is_place(&entry.record));
    let points = read.entries.iter().any(|entry| !is_place(&entry.record));
    let written = !read.entries.is_empty();
    for (statement, is_made) in [
        (sync::PLACES, places),
        (sync::POINTS, points),
        (sync::POSITION, written),
    ] {
        if is_made {
            let span = statement_span(
                emitter,
                round.child(dice),
                statement,
                now,
                pace::UPSERT,
                dice,
            );
            now = span.end;
            told.spans.push(span);
        }
    }
    let end = now + COMMIT.draw(dice);
    let (applied, cursor) = (read.entries.len(), read.latest);
    let own = attributes([
        ("sync.entries", applied.into()),
        ("sync.cursor", cursor.into()),
    ]);
    let message = sync::applied_message(applied, cursor);
    told.logs
        .push(emitter.log(end, round, sync::TARGET, message, &own));
    told.spans.push(emitter.span(
        round,
        SpanKind::Internal,
        ROUND.to_owned(),
        (start, end),
        attributes([]),
    ));
}
