//! Search inside a trace, as far as time allows: names in memory, attributes as they are read.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::find::{Found, Needle};
use super::layout::Layout;
use super::state::TraceUrl;
use crate::Console;

/// Spans read at once, and how long reading may go on.
const AT_ONCE: usize = 1_000;
const PATIENCE: Duration = Duration::from_secs(2);

/// Which of `candidates` have what the URL looks for, in their order.
pub(super) async fn among(
    console: &Console,
    layout: &Layout,
    url: &TraceUrl,
    candidates: &[usize],
) -> Found {
    let needle = Needle::of(&url.find);
    if needle.is_empty() {
        return Found::default();
    }
    let mut is_found = vec![false; layout.spans().len()];
    for span in candidates {
        is_found[*span] = needle.is_in_outline(layout, *span);
    }
    let others = candidates.iter().copied().filter(|span| !is_found[*span]);
    let others: Vec<usize> = others.collect();
    let until = Instant::now() + PATIENCE;
    let mut read = 0;
    for part in others.chunks(AT_ONCE) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let ids = part.iter().map(|span| layout.spans()[*span].id).collect();
        let Ok(spans) = console.events.trace_spans(url.trace, ids, left).await else {
            break;
        };
        let by_id: HashMap<_, _> = spans.iter().map(|(id, span)| (*id, span)).collect();
        for span in part {
            let whole = by_id.get(&layout.spans()[*span].id);
            is_found[*span] = whole.is_some_and(|whole| needle.is_in_span(whole));
        }
        read += part.len();
    }
    Found {
        spans: candidates
            .iter()
            .copied()
            .filter(|span| is_found[*span])
            .collect(),
        unread: others.len() - read,
    }
}
