//! Questions about spans, each held against the answer that a plain reading of the same spans gives:
//! from the tail, from splits, and from both.

mod comparison;
mod groups;
mod outline;
mod scatter;
mod search;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use watchfire_logsearch::{Entry, EventStore};
use watchfire_schemas::{BatchSeq, Span, SpanKind, SpanStatus, TimeRange};

use crate::store::{NOON, open, span};

/// Numbers that look as if they were drawn, the same each time.
pub(super) fn drawn(n: u64) -> u64 {
    let mut x = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The hour from noon on.
pub(super) fn hour() -> TimeRange {
    TimeRange {
        start: NOON,
        end: NOON + Duration::from_hours(1),
    }
}

/// Spans of a few services over the hour, some failed, some of the same start, one in twenty of a
/// version that is slow.
pub(super) fn spans(count: u64) -> Vec<Span> {
    (1..=count)
        .map(|n| {
            let seed = drawn(n);
            let is_slow = seed.is_multiple_of(20);
            let mut one = span(u128::from(n / 8 + 1), n, 0);
            one.start = NOON + Duration::from_millis(seed % 3_600_000 / 7 * 7);
            let nanos = if is_slow { 400_000_000 } else { 900_000 } + seed % 777_777;
            one.end = one.start + Duration::from_nanos(nanos);
            ["shop", "pay", "mail"][seed as usize % 3].clone_into(&mut one.service);
            one.name = format!("op{}", seed / 3 % 5);
            one.kind = [SpanKind::Server, SpanKind::Client][seed as usize / 16 % 2];
            if seed.is_multiple_of(11) {
                one.status = SpanStatus::Error {
                    message: "gone".to_owned(),
                };
            }
            let version = if is_slow { "v2" } else { "v1" };
            one.resource
                .insert("service.version".to_owned(), json!(version));
            one.attributes.insert("shard".to_owned(), json!(seed % 4));
            if n % 2 == 0 {
                one.attributes.insert(
                    "tags".to_owned(),
                    json!(["a", format!("t{}", drawn(seed) % 3)]),
                );
            }
            one.parent_span_id = (n % 8 != 0).then(|| span(1, n / 8 * 8 + 1, 0).span_id);
            one
        })
        .collect()
}

/// Stores that hold the same spans: all in the tail, all in splits, a part in each.
pub(super) async fn stores(dir: &Path, spans: &[Span]) -> Vec<Arc<EventStore>> {
    let mut stores = Vec::new();
    for (name, sealed) in [("tail", 0), ("splits", 4), ("both", 2)] {
        let path = dir.join(name);
        std::fs::create_dir(&path).unwrap();
        let store = open(&path);
        let quarters = spans.chunks(spans.len().div_ceil(4).max(1));
        for (batch, part) in (1..).zip(quarters) {
            store.append(BatchSeq(batch), Entry::Spans(part.to_vec()));
            store.advance(BatchSeq(batch));
            if batch <= sealed {
                store.close().await;
            }
        }
        stores.push(store);
    }
    stores
}

/// How long a span took, in nanoseconds.
pub(super) fn nanos(span: &Span) -> u64 {
    span.duration().as_nanos() as u64
}
