use std::cmp::Reverse;
use std::io;

use rustc_hash::FxHashMap;
use watchfire_schemas::{SeverityRange, TimeRange, Timestamp};

use crate::counts::parts;
use crate::engine::Snapshot;
use crate::fields::{Dataset, Kind, find};
use crate::filter::{Filter, matches, number_of};
use crate::query_types::FieldValue;
use crate::row::Row;
use crate::scalar::cut;
use crate::split::Split;
use crate::watch::Watch;

/// The most frequent values of `field` among the records of the range that the filter means, most
/// frequent first. Texts of many words have none.
pub(crate) fn top_values<D: Dataset>(
    snapshot: &Snapshot<D>,
    filter: &Filter,
    range: TimeRange,
    field: &str,
    limit: usize,
    watch: &Watch,
) -> io::Result<Vec<FieldValue>> {
    let mut counts: FxHashMap<String, u64> = FxHashMap::default();
    let place = find(D::fields(), field).ok_or(field);
    let matcher = matches(filter);
    for batch in &snapshot.tail {
        watch.check()?;
        let rows = batch.rows.iter().filter(|row| {
            range.contains(Timestamp::from_nanos(row.position().time)) && matcher.accepts(row)
        });
        for row in rows {
            each_value(row, place, &mut |value| match counts.get_mut(value) {
                Some(count) => *count += 1,
                None => drop(counts.insert(value.to_owned(), 1)),
            });
        }
    }
    for split in snapshot.splits.iter() {
        watch.check()?;
        if split.overlaps(range) && split.could_match(filter)? {
            add_split(split, filter, range, place, watch, &mut counts)?;
        }
    }
    let mut values: Vec<_> = counts
        .into_iter()
        .map(|(value, count)| FieldValue { value, count })
        .collect();
    values.sort_unstable_by(|a, b| (Reverse(a.count), &a.value).cmp(&(Reverse(b.count), &b.value)));
    values.truncate(limit);
    Ok(values)
}

fn add_split<D: Dataset>(
    split: &Split<D>,
    filter: &Filter,
    range: TimeRange,
    place: Result<usize, &str>,
    watch: &Watch,
    counts: &mut FxHashMap<String, u64>,
) -> io::Result<()> {
    let mut look_into = vec![range];
    let name = place.map(|field| D::fields()[field].name);
    if let Ok(name @ ("service" | "severity")) = name {
        let parts = parts(split, filter, range)?;
        for (cell, service) in parts.cells {
            let value = match name {
                "service" => service,
                _ => SeverityRange::ALL[usize::from(cell.severity)].as_str(),
            };
            *counts.entry(value.to_owned()).or_default() += u64::from(cell.records);
        }
        look_into = parts.look_into;
    }
    for range in look_into {
        let documents = split.documents(range, None)?;
        let selection = split.select(filter, documents)?;
        split.count_values(selection, place, watch, counts)?;
    }
    Ok(())
}

fn each_value<D: Dataset>(row: &Row<D>, place: Result<usize, &str>, each: &mut dyn FnMut(&str)) {
    match place {
        Ok(field) => match &D::fields()[field].kind {
            Kind::Keyword { each: values, .. } => {
                values(&row.record, &mut |value| each(cut(value)));
            }
            Kind::Number { show, .. } => {
                if let Some(number) = number_of(row, field) {
                    each(&show(number));
                }
            }
            Kind::Text { .. } | Kind::Trace { .. } => {}
        },
        Err(path) => D::each_attribute(&row.record, &mut |name, scalar| {
            if name == path {
                each(&scalar.to_text());
            }
        }),
    }
}
