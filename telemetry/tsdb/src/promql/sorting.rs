use std::cmp::Ordering;

use super::value::Series;
use crate::staleness::is_stale;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Ascending,
    Descending,
}

/// Orders two values; NaN comes last in either direction.
pub(crate) fn compare(a: f64, b: f64, direction: Direction) -> Ordering {
    let order = a
        .partial_cmp(&b)
        .unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()));
    match direction {
        Direction::Descending if !a.is_nan() && !b.is_nan() => order.reverse(),
        _ => order,
    }
}

/// `sort` and `sort_desc`: numbers by the values of the only step. Over a range order means nothing.
pub(crate) fn by_value(mut series: Vec<Series>, direction: Direction) -> Vec<Series> {
    for one in &mut series {
        one.histograms.clear();
    }
    series.retain(|one| !one.is_empty());
    if series.first().is_some_and(|one| one.values.len() == 1) {
        series.retain(|one| !is_stale(one.values[0]));
        series.sort_by(|a, b| compare(a.values[0], b.values[0], direction));
    }
    series
}

/// `sort_by_label` and `sort_by_label_desc`: numbers within labels by their size.
pub(crate) fn by_labels(
    mut series: Vec<Series>,
    names: &[String],
    direction: Direction,
) -> Vec<Series> {
    let value = |one: &Series, name: &str| one.metric.get(name).unwrap_or_default().to_owned();
    series.sort_by(|a, b| {
        let differing = names
            .iter()
            .map(|name| natural(&value(a, name), &value(b, name)))
            .find(|order| order.is_ne());
        let order = differing.unwrap_or_else(|| a.metric.labels().cmp(&b.metric.labels()));
        match direction {
            Direction::Ascending => order,
            Direction::Descending => order.reverse(),
        }
    });
    series
}

/// Compares texts so that `a9` comes before `a10`.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let ((digits_a, rest_a), (digits_b, rest_b)) = (digits(a), digits(b));
        if !digits_a.is_empty() && !digits_b.is_empty() {
            let (x, y) = (
                digits_a.trim_start_matches('0'),
                digits_b.trim_start_matches('0'),
            );
            let order = x.len().cmp(&y.len()).then_with(|| x.cmp(y));
            if order.is_ne() {
                return order;
            }
            (a, b) = (rest_a, rest_b);
            continue;
        }
        let (mut chars_a, mut chars_b) = (a.chars(), b.chars());
        match (chars_a.next(), chars_b.next()) {
            (Some(x), Some(y)) if x == y => (a, b) = (chars_a.as_str(), chars_b.as_str()),
            (x, y) => return x.cmp(&y),
        }
    }
}

fn digits(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_labels_are_ordered_by_size() {
        assert_eq!(natural("a9", "a10"), Ordering::Less);
        assert_eq!(natural("a10", "a10"), Ordering::Equal);
        assert_eq!(natural("b1", "a2"), Ordering::Greater);
    }

    #[test]
    fn nan_is_last_both_ways() {
        for direction in [Direction::Ascending, Direction::Descending] {
            assert_eq!(compare(f64::NAN, 1.0, direction), Ordering::Greater);
        }
    }
}
