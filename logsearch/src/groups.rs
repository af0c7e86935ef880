//! How many records there are for each value of a field, or each combination of values of several.

use std::io;

use watchfire_schemas::{SeverityRange, TimeRange};

use crate::counts::parts;
use crate::fields::Dataset;
use crate::filter::Filter;
use crate::query_types::Explain;
use crate::row_values::ValuesOf;
use crate::scope::Scope;
use crate::shown::Shown;
use crate::split::{Split, ValueColumns, ValueKey};
use crate::tally::Tally;

/// What a record counts as that has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    Counted,
    PassedOver,
    /// And values are told apart by what a query would write: the number 5 and the text 5 of one
    /// record are one.
    PassedOverAsTexts,
}

/// Records by their values.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    /// One value for each field. A record with several values in a field counts for each.
    pub(crate) tally: Tally<Vec<Shown>>,
    /// All that were meant.
    pub(crate) records: u64,
    pub(crate) partial: bool,
}

/// Counts the records of the scope by the values of up to four fields.
pub(crate) fn group<D: Dataset>(
    scope: &Scope<'_, D>,
    by: &[ValuesOf],
    missing: Missing,
    explain: &mut Explain,
) -> io::Result<Groups> {
    let mut groups = Groups::default();
    let mut values = vec![Vec::new(); by.len()];
    let complete = scope.each_tail_row(explain, &mut |row| {
        groups.records += 1;
        for (of, values) in by.iter().zip(&mut values) {
            values.clear();
            of.each_of_row::<D>(row, &mut |value| values.push(value));
            settle(values, missing, Shown::Missing);
            read_as_one(values, missing, Shown::to_text);
        }
        each_combination(&values, &mut Vec::new(), &mut |values| {
            groups.tally.add(values.to_vec(), 1);
        });
    });
    groups.partial = !complete;
    for split in scope.splits(explain)? {
        if groups.partial || scope.watch.is_over() {
            groups.partial = true;
            break;
        }
        let complete = match by.len() {
            0 => add_split::<D, 0>(scope, split, by, missing, explain, &mut groups),
            1 => add_split::<D, 1>(scope, split, by, missing, explain, &mut groups),
            2 => add_split::<D, 2>(scope, split, by, missing, explain, &mut groups),
            3 => add_split::<D, 3>(scope, split, by, missing, explain, &mut groups),
            _ => add_split::<D, 4>(scope, split, by, missing, explain, &mut groups),
        }?;
        groups.partial = !complete;
    }
    Ok(groups)
}

/// Adds what a split has. Whether the time sufficed.
fn add_split<D: Dataset, const N: usize>(
    scope: &Scope<'_, D>,
    split: &Split<D>,
    by: &[ValuesOf],
    missing: Missing,
    explain: &mut Explain,
    groups: &mut Groups,
) -> io::Result<bool> {
    let mut look_into = vec![scope.range];
    if let Some(by) = by.iter().map(counted::<D>).collect::<Option<Vec<_>>>() {
        let parts = parts(split, scope.filter, scope.range)?;
        for (cell, service) in parts.cells {
            let values = by.iter().map(|by| {
                Shown::Text(match by {
                    Counted::Service => service.to_owned(),
                    Counted::Severity => {
                        let range = SeverityRange::ALL[usize::from(cell.severity)];
                        range.as_str().to_owned()
                    }
                })
            });
            groups.tally.add(values.collect(), u64::from(cell.records));
            groups.records += u64::from(cell.records);
        }
        look_into = parts.look_into;
    }
    if look_into.is_empty() {
        return Ok(true);
    }
    if by.is_empty() {
        return add_count(scope, split, look_into, explain, groups);
    }
    let columns = by.iter().map(|of| split.value_columns(of));
    let columns = columns.collect::<io::Result<Vec<_>>>()?;
    if let [columns] = columns.as_slice()
        && *scope.filter == Filter::All
        && look_into == [scope.range]
        && let Some(counts) = columns.counts()?
        && split.is_within(scope.range)
    {
        return add_counts(split, columns, counts, missing, groups);
    }
    let mut tally: Tally<[ValueKey; N]> = Tally::default();
    let mut values = vec![Vec::new(); N];
    let mut complete = true;
    for range in look_into {
        complete &= scope.each_document(split, range, explain, &mut |document| {
            groups.records += 1;
            for (columns, values) in columns.iter().zip(&mut values) {
                values.clear();
                columns.each(document, &mut |key| values.push(key));
                settle(values, missing, ValueKey::MISSING);
                // What cannot be read is told of below.
                read_as_one(values, missing, |key| {
                    columns
                        .shown(*key)
                        .map_or_else(|_| String::new(), |shown| shown.to_text())
                });
            }
            if let [values] = values.as_slice() {
                for key in values {
                    tally.add([*key; N], 1);
                }
                return;
            }
            each_combination(&values, &mut Vec::new(), &mut |values| {
                let key = values.try_into().expect("one value for each column");
                tally.add(key, 1);
            });
        })?;
    }
    groups
        .tally
        .absorb(tally, |keys| shown(&columns, keys.as_slice()))?;
    Ok(complete)
}

/// Adds what is counted of the values of a split that is meant whole.
fn add_counts<D: Dataset>(
    split: &Split<D>,
    columns: &ValueColumns<'_>,
    counts: Vec<(ValueKey, u64)>,
    missing: Missing,
    groups: &mut Groups,
) -> io::Result<bool> {
    let mut without = split.meta.records;
    for (key, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        groups.tally.add(vec![columns.shown(key)?], count);
        without = without.saturating_sub(count);
    }
    if missing == Missing::Counted && without > 0 {
        groups.tally.add(vec![Shown::Missing], without);
    }
    groups.records += split.meta.records;
    Ok(true)
}

/// Adds how many records a split has at these times. Whether the time sufficed.
fn add_count<D: Dataset>(
    scope: &Scope<'_, D>,
    split: &Split<D>,
    look_into: Vec<TimeRange>,
    explain: &mut Explain,
    groups: &mut Groups,
) -> io::Result<bool> {
    for range in look_into {
        let documents = split.documents(range, None)?;
        let (counted, complete) = split.select(scope.filter, documents)?.count(scope.watch)?;
        explain.rows_scanned += counted;
        groups.records += counted;
        if !complete {
            return Ok(false);
        }
    }
    Ok(true)
}

fn shown(columns: &[ValueColumns<'_>], keys: &[ValueKey]) -> io::Result<Vec<Shown>> {
    let pairs = columns.iter().zip(keys);
    pairs.map(|(columns, key)| columns.shown(*key)).collect()
}

/// A field that every split has counts of.
enum Counted {
    Service,
    Severity,
}

fn counted<D: Dataset>(of: &ValuesOf) -> Option<Counted> {
    let ValuesOf::Field(field) = of else {
        return None;
    };
    match D::fields()[*field].name {
        "service" => Some(Counted::Service),
        "severity" => Some(Counted::Severity),
        _ => None,
    }
}

/// Makes each value of a record one, and none at all what it counts as.
pub(crate) fn settle<K: Ord>(values: &mut Vec<K>, missing: Missing, none: K) {
    if values.len() > 1 {
        values.sort_unstable();
        values.dedup();
    }
    if values.is_empty() && missing == Missing::Counted {
        values.push(none);
    }
}

/// Leaves out what reads as one before it.
fn read_as_one<K>(values: &mut Vec<K>, missing: Missing, text: impl Fn(&K) -> String) {
    if values.len() < 2 || missing != Missing::PassedOverAsTexts {
        return;
    }
    let mut read = Vec::with_capacity(values.len());
    values.retain(|value| {
        let text = text(value);
        let is_new = !read.contains(&text);
        read.push(text);
        is_new
    });
}

/// Calls back with every choice of one value of each list.
pub(crate) fn each_combination<K: Clone>(
    values: &[Vec<K>],
    chosen: &mut Vec<K>,
    each: &mut dyn FnMut(&[K]),
) {
    let Some((first, rest)) = values.split_first() else {
        each(chosen);
        return;
    };
    for value in first {
        chosen.push(value.clone());
        each_combination(rest, chosen, each);
        chosen.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_comes_once() {
        let mut found = Vec::new();
        let values = [vec![1, 2], vec![3], vec![4, 5]];
        each_combination(&values, &mut Vec::new(), &mut |chosen| {
            found.push(chosen.to_vec());
        });
        assert_eq!(found, [[1, 3, 4], [1, 3, 5], [2, 3, 4], [2, 3, 5]]);
        let mut none = Vec::new();
        each_combination::<u8>(&[], &mut Vec::new(), &mut |chosen| {
            none.push(chosen.len());
        });
        assert_eq!(none, [0], "no field is one group");
    }

    #[test]
    fn what_reads_the_same_is_one_where_texts_count() {
        let read = |missing| {
            let mut values = vec![1, 5, 15];
            read_as_one(&mut values, missing, |value| (value % 10).to_string());
            values
        };
        assert_eq!(read(Missing::PassedOverAsTexts), [1, 5]);
        assert_eq!(read(Missing::PassedOver), [1, 5, 15]);
    }

    #[test]
    fn a_value_twice_is_one_and_none_counts_as_told() {
        let settled = |mut values: Vec<u8>, missing| {
            settle(&mut values, missing, 0);
            values
        };
        assert_eq!(settled(vec![2, 1, 2], Missing::Counted), [1, 2]);
        assert_eq!(settled(vec![], Missing::Counted), [0]);
        assert!(settled(vec![], Missing::PassedOver).is_empty());
    }
}
