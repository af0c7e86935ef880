use std::cmp::Reverse;
use std::io;

use crate::fields::Dataset;
use crate::groups::{Missing, group};
use crate::query_types::{Explain, FieldValue, FieldValues};
use crate::row_values::ValuesOf;
use crate::scope::Scope;
use crate::tally::Tally;

/// The most frequent values of a field among the records of the scope, most frequent first, of
/// equal ones the first in the alphabet. Texts of many words have none.
pub(crate) fn top_values<D: Dataset>(
    scope: &Scope<'_, D>,
    field: &str,
    limit: usize,
) -> io::Result<FieldValues> {
    let of = ValuesOf::named::<D>(field);
    if of.is_text::<D>() {
        return Ok(FieldValues {
            hints: vec![free_text(field)],
            ..FieldValues::default()
        });
    }
    let groups = group(
        scope,
        &[of],
        Missing::PassedOverAsTexts,
        &mut Explain::default(),
    )?;
    let error = groups.tally.error();
    // The number 5 and the text 5 are one value here, as they are in a query.
    let mut counts: Tally<String> = Tally::default();
    for (values, count) in groups.tally.into_counts() {
        counts.add(values[0].to_text(), count);
    }
    let mut values: Vec<_> = counts
        .into_counts()
        .map(|(value, count)| FieldValue { value, count })
        .collect();
    values.sort_unstable_by(|a, b| (Reverse(a.count), &a.value).cmp(&(Reverse(b.count), &b.value)));
    values.truncate(limit);
    Ok(FieldValues {
        values,
        error,
        partial: groups.partial,
        hints: Vec::new(),
    })
}

/// Why a text has no values.
pub(crate) fn free_text(field: &str) -> String {
    format!("{field} is free text: its words can be searched, its values are not counted")
}
