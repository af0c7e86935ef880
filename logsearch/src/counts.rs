//! Which part of a question the counts that every split keeps can answer, and which part needs a
//! look at the records.

use std::io;

use watchfire_schemas::{TimeRange, Timestamp};

use crate::fields::Dataset;
use crate::filter::{Filter, KeywordTest};
use crate::split::{Cell, Split};

const MINUTE: i64 = 60_000_000_000;

/// A split's answer: ready counts for whole minutes, and times to look into.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    /// With the service that each counts.
    pub(crate) cells: Vec<(&'a Cell, &'a str)>,
    pub(crate) look_into: Vec<TimeRange>,
}

/// Parts the records of a split that the filter means.
pub(crate) fn parts<'a, D: Dataset>(
    split: &'a Split<D>,
    filter: &Filter,
    range: TimeRange,
) -> io::Result<Parts<'a>> {
    let all = Parts {
        cells: Vec::new(),
        look_into: vec![range],
    };
    let first_minute = range.start.nanos().div_euclid(MINUTE)
        + i64::from(range.start.nanos().rem_euclid(MINUTE) > 0);
    let end_minute = range.end.nanos().div_euclid(MINUTE);
    if first_minute >= end_minute || decides::<D>(filter, 0, "").is_none() {
        return Ok(all);
    }
    let facts = split.facts()?;
    let Some(counts) = &facts.counts else {
        return Ok(all);
    };
    let mut cells = Vec::new();
    for cell in counts
        .iter()
        .filter(|cell| (first_minute..end_minute).contains(&cell.minute))
    {
        let service = facts
            .services
            .get(cell.service as usize)
            .map_or("", String::as_str);
        match decides::<D>(filter, cell.severity, service) {
            Some(true) => cells.push((cell, service)),
            Some(false) => {}
            None => return Ok(all),
        }
    }
    let at = |minute: i64| Timestamp::from_nanos(minute.saturating_mul(MINUTE));
    let edges = [
        TimeRange {
            start: range.start,
            end: at(first_minute),
        },
        TimeRange {
            start: at(end_minute),
            end: range.end,
        },
    ];
    let look_into = edges
        .into_iter()
        .filter(|edge| edge.start < edge.end && split.overlaps(*edge));
    Ok(Parts {
        cells,
        look_into: look_into.collect(),
    })
}

/// Whether the filter means all records of this severity and service (`true`), none (`false`), or
/// some of them.
fn decides<D: Dataset>(filter: &Filter, severity: u8, service: &str) -> Option<bool> {
    let decide = |part: &Filter| decides::<D>(part, severity, service);
    match filter {
        Filter::All => Some(true),
        Filter::Nothing => Some(false),
        Filter::And(parts) => parts
            .iter()
            .map(decide)
            .try_fold(true, |all, part| Some(all & part?)),
        Filter::Or(parts) => parts
            .iter()
            .map(decide)
            .try_fold(false, |any, part| Some(any | part?)),
        Filter::Not(inner) => decide(inner).map(|is| !is),
        Filter::Keyword { field, test } if D::fields()[*field].name == "service" => {
            Some(match test {
                KeywordTest::Is(value) => service == value,
                KeywordTest::Prefix(start) => service.starts_with(start),
                KeywordTest::Present => true,
            })
        }
        Filter::Number { field, low, high } if D::fields()[*field].name == "severity" => {
            let first = i64::from(severity) * 4 + 1;
            let last = first + 3;
            if *low <= first && last <= *high {
                Some(true)
            } else {
                (*high < first || last < *low).then_some(false)
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::find;
    use crate::logs::Logs;

    #[test]
    fn only_whole_severities_are_decided() {
        let field = find(Logs::fields(), "severity").unwrap();
        let check = |low, high, expected: Option<bool>| {
            let filter = Filter::Number { field, low, high };
            assert_eq!(
                decides::<Logs>(&filter, 4, "a"),
                expected,
                "{low} to {high}"
            );
        };
        check(17, 20, Some(true));
        check(13, i64::MAX, Some(true));
        check(18, 20, None);
        check(21, 24, Some(false));
        check(1, 16, Some(false));
    }

    #[test]
    fn a_word_is_never_decided() {
        let field = find(Logs::fields(), "service").unwrap();
        let service = Filter::Keyword {
            field,
            test: KeywordTest::Is("a".to_owned()),
        };
        assert_eq!(
            decides::<Logs>(&Filter::Not(Box::new(service.clone())), 0, "a"),
            Some(false)
        );
        let both = Filter::And(vec![service, Filter::TextPresent { field: 0 }]);
        assert_eq!(decides::<Logs>(&both, 0, "a"), None);
    }
}
