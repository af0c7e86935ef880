//! Which traces a search finds.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;
use watchfire_logsearch::QueryError;
use watchfire_schemas::{Span, Timestamp, TraceId};

use super::asked::SearchAsked;
use super::tag::Tag;
use crate::{Console, ask};

/// Spans read at a time: at first so many for each trace that is asked for, later the most.
const FOR_EACH: usize = 20;
const AT_ONCE: usize = 5_000;

/// Spans looked at for one search.
const MOST_SPANS: usize = 50_000;

/// How long they are looked at.
const PATIENCE: Duration = Duration::from_secs(5);

/// Spans with events or links, in which alone a tag may stand that the index does not know.
const HAVE_MORE: &str = "(events:* or link.trace_id:*)";

/// The traces of the newest spans that match.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Found {
    /// Newest first, each once.
    pub(super) ids: Vec<TraceId>,
    /// Whether older spans were not looked at though there was room for more traces.
    pub(super) is_cut: bool,
}

/// Spans that have all tags by themselves or by their resource are found by the index. Where that
/// leaves room, spans with events or links are looked at one by one for those that have a tag there.
pub(super) async fn find(console: &Console, asked: &SearchAsked) -> Result<Found, QueryError> {
    let mut newest = Newest::default();
    let clauses = asked.tags.iter().map(Tag::clause);
    let query: Vec<String> = [asked.query.clone()].into_iter().chain(clauses).collect();
    let mut is_cut = look(console, query.join(" ").trim(), asked, &mut newest, |_| {
        true
    })
    .await?;
    if !asked.tags.is_empty() && newest.traces.len() < asked.limit {
        let has_all = |span: &Span| asked.tags.iter().all(|tag| tag.is_of(span));
        let query = format!("{} {HAVE_MORE}", asked.query);
        is_cut |= look(console, &query, asked, &mut newest, has_all).await?;
    }
    Ok(Found {
        is_cut: is_cut && newest.traces.len() < asked.limit,
        ids: newest.ids(asked.limit),
    })
}

/// Adds the traces of the spans that match until there are enough; says whether it gave up.
async fn look(
    console: &Console,
    query: &str,
    asked: &SearchAsked,
    newest: &mut Newest,
    matches: impl Fn(&Span) -> bool,
) -> Result<bool, QueryError> {
    let (mut looked_at, mut cursor) = (0, None);
    let began = Instant::now();
    let mut at_once = (asked.limit * FOR_EACH).min(AT_ONCE);
    let mut added = Newest::default();
    loop {
        let page = ask::spans(console, query, asked.range, at_once, cursor.as_deref()).await?;
        at_once = AT_ONCE;
        looked_at += page.spans.len();
        for (_, span) in page.spans.iter().filter(|(_, span)| matches(span)) {
            added.add(span.trace_id, span.start);
        }
        cursor = page.next;
        let is_over = cursor.is_none() || added.traces.len() >= asked.limit;
        let is_enough = looked_at >= MOST_SPANS || began.elapsed() >= PATIENCE;
        if is_over || page.partial || is_enough {
            for (id, start) in added.traces {
                newest.add(id, start);
            }
            return Ok(page.partial || !is_over);
        }
    }
}

/// Traces with the start of the newest of their spans that was seen.
#[derive(Debug, Default)]
struct Newest {
    traces: HashMap<TraceId, Timestamp>,
}

impl Newest {
    fn add(&mut self, id: TraceId, start: Timestamp) {
        let seen = self.traces.entry(id).or_insert(start);
        *seen = (*seen).max(start);
    }

    fn ids(self, limit: usize) -> Vec<TraceId> {
        let mut traces: Vec<(Timestamp, TraceId)> =
            self.traces.into_iter().map(|(id, at)| (at, id)).collect();
        traces.sort_unstable_by(|a, b| b.cmp(a));
        traces.truncate(limit);
        traces.into_iter().map(|(_, id)| id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_traces_come_first_each_once() {
        let mut newest = Newest::default();
        let id = |n: u8| TraceId::from_bytes([n; 16]).unwrap();
        for (n, at) in [(1, 10), (2, 30), (1, 40), (3, 20), (2, 5)] {
            newest.add(id(n), Timestamp::from_secs(at));
        }
        assert_eq!(newest.ids(2), [id(1), id(2)]);
    }
}
