//! Who calls the service, and on whom it leans.

use crate::ask::Call;
use crate::range::Asked;
use crate::{chain, figures};

#[derive(Debug)]
pub(crate) struct NeighbourRow {
    pub(crate) name: String,
    /// Of a database there is no page.
    pub(crate) href: Option<String>,
    pub(crate) kind: String,
    /// The spans of these calls.
    pub(crate) traces: String,
    pub(crate) rate: String,
    pub(crate) failed: String,
    pub(crate) is_failing: bool,
    pub(crate) p95: String,
}

/// (callers, those that it calls)
pub(super) fn rows(
    calls: &[Call],
    service: &str,
    asked: &Asked,
) -> (Vec<NeighbourRow>, Vec<NeighbourRow>) {
    let row = |call: &Call, name: &str| NeighbourRow {
        name: name.to_owned(),
        href: (call.kind != "database" || name != call.server).then(|| chain::service(asked, name)),
        traces: chain::traces(
            asked,
            &chain::spans_of_calls(&call.client, &call.server, &call.kind),
        ),
        kind: call.kind.replace('_', " "),
        rate: figures::short(call.per_second),
        failed: figures::percent(call.failed),
        is_failing: call.failed >= 0.01,
        p95: if call.p95.is_finite() {
            figures::duration(call.p95)
        } else {
            "–".to_owned()
        },
    };
    let callers = calls.iter().filter(|call| call.server == service);
    let called = calls.iter().filter(|call| call.client == service);
    (
        callers.map(|call| row(call, &call.client)).collect(),
        called.map(|call| row(call, &call.server)).collect(),
    )
}
