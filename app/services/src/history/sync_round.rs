use std::net::Ipv4Addr;

use rand::rngs::StdRng;
use watchfire_schemas::{SpanKind, Timestamp};

use crate::content::collection::Collection;
use crate::content::sync::{self, Applied, POLL_EVERY};
use crate::feed::{self, Entries, Source};
use crate::history::Told;
use crate::history::emitter::{Emitters, Place, attributes};
use crate::history::pace::{self, Pace};
use crate::history::request::statement_span;

/// The feed's port in the past; live it is another one at each start.
const FEED_PORT: u16 = 7120;
/// From the last statement of a round to its end: the commit.
const COMMIT: Pace = pace::UPSERT;

/// Tells of the round that the sync worker of a data set made at `start`, with the entries that the
/// source had.
pub(super) fn tell(
    (start, collection): (Timestamp, &Collection),
    source: &Source,
    emitters: &Emitters,
    dice: &mut StdRng,
    told: &mut Told,
) {
    let (emitter, feed) = (&emitters.content_sync, collection.resource);
    let entries = |after, at| source.entries(feed, after, feed::MAX_ENTRIES, at);
    let Some(Entries { latest: before, .. }) = entries(u64::MAX, start - POLL_EVERY) else {
        return;
    };
    let Some(read) = entries(before, start) else {
        return;
    };
    let round = Place::root(dice);

    let mut now = start + pace::FEED.draw(dice);
    let path = feed::entries_after(feed, before);
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

    if !read.entries.is_empty() {
        for statement in [sync::upsert(collection), sync::POSITION] {
            let place = round.child(dice);
            let span = statement_span(emitter, place, statement, now, pace::UPSERT, dice);
            now = span.end;
            told.spans.push(span);
        }
        now = now + COMMIT.draw(dice);
        let applied = Applied {
            entries: read.entries.len(),
            cursor: read.latest,
        };
        let own = attributes([
            ("sync.data_set", feed.into()),
            ("sync.entries", applied.entries.into()),
            ("sync.cursor", applied.cursor.into()),
        ]);
        let message = sync::applied_message(feed, applied);
        told.logs
            .push(emitter.log(now, round, sync::TARGET, message, &own));
    }
    told.spans.push(emitter.span(
        round,
        SpanKind::Internal,
        sync::round_name(feed),
        (start, now),
        attributes([]),
    ));
}
