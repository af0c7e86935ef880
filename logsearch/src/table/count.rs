use std::cmp::Reverse;
use std::io;

use super::Made;
use crate::fields::Dataset;
use crate::groups::{Groups, Missing, group};
use crate::query_types::Explain;
use crate::row_values::ValuesOf;
use crate::scope::Scope;
use crate::shown::Shown;

/// A row for each combination of values, the most frequent first. A record without a value counts
/// as one without: so the counts add up to the records, where each has at most one value.
pub(super) fn count<D: Dataset>(
    scope: &Scope<'_, D>,
    by: &[ValuesOf],
    limit: usize,
    explain: &mut Explain,
) -> io::Result<Made> {
    Ok(ranked(
        group(scope, by, Missing::Counted, explain)?,
        by.is_empty(),
        limit,
    ))
}

/// The most frequent values; a record without one is passed over.
pub(super) fn top<D: Dataset>(
    scope: &Scope<'_, D>,
    by: &[ValuesOf],
    most: usize,
    explain: &mut Explain,
) -> io::Result<Made> {
    let made = ranked(group(scope, by, Missing::PassedOver, explain)?, false, most);
    // That there are more values is what `top` says.
    Ok(Made {
        hints: Vec::new(),
        ..made
    })
}

fn ranked(groups: Groups, is_total: bool, limit: usize) -> Made {
    let error = groups.tally.error();
    let mut ranked: Vec<(Vec<Shown>, u64)> = if is_total {
        vec![(Vec::new(), groups.records)]
    } else {
        groups.tally.into_counts().collect()
    };
    ranked.sort_unstable_by(|a, b| (Reverse(a.1), &a.0).cmp(&(Reverse(b.1), &b.0)));
    let found = ranked.len();
    let rows = ranked.into_iter().take(limit).map(|(values, count)| {
        let values = values.iter().map(Shown::to_json);
        values.chain([count.into()]).collect()
    });
    let more = format!("the {limit} most frequent of {found} rows are shown");
    Made {
        rows: rows.collect(),
        records: groups.records,
        error,
        partial: groups.partial,
        hints: (found > limit).then_some(more).into_iter().collect(),
    }
}
