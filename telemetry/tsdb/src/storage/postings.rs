//! Which series matchers select, from lists of the series that carry each label pair.

use std::io;

use super::label_index::SeriesId;
use crate::matcher::Matcher;

/// The lists. All that it gives are in order, without doubles.
pub(crate) trait Postings {
    /// All series.
    fn all(&self) -> Vec<SeriesId>;

    /// The series whose value of a label is one of these.
    fn with_values(&self, name: &str, values: &[String]) -> io::Result<Vec<SeriesId>>;

    /// The series that have the label, with a value that `likes` says yes to.
    fn with_value_where(
        &self,
        name: &str,
        likes: &dyn Fn(&str) -> bool,
    ) -> io::Result<Vec<SeriesId>>;
}

/// The series that all matchers like, in order.
pub(crate) fn select(postings: &impl Postings, matchers: &[Matcher]) -> io::Result<Vec<SeriesId>> {
    let (open, narrowing): (Vec<_>, Vec<_>) =
        matchers.iter().partition(|matcher| matcher.matches(""));
    let mut lists = Vec::with_capacity(narrowing.len());
    for matcher in narrowing {
        let list = liked(postings, matcher)?;
        if list.is_empty() {
            return Ok(list);
        }
        lists.push(list);
    }
    lists.sort_by_key(Vec::len);
    let mut lists = lists.into_iter();
    let mut ids = lists.next().unwrap_or_else(|| postings.all());
    for list in lists {
        retain(&mut ids, &list, true);
    }
    for matcher in open {
        if ids.is_empty() {
            break;
        }
        let others = |value: &str| !matcher.matches(value);
        let others = postings.with_value_where(&matcher.name, &others)?;
        retain(&mut ids, &others, false);
    }
    Ok(ids)
}

/// The series that one of several sets of matchers likes, in order.
pub(crate) fn select_any(
    postings: &impl Postings,
    alternatives: &[Vec<Matcher>],
) -> io::Result<Vec<SeriesId>> {
    let mut ids = Vec::new();
    for matchers in alternatives {
        let more = select(postings, matchers)?;
        if ids.is_empty() {
            ids = more;
        } else {
            ids.extend(more);
        }
    }
    if alternatives.len() > 1 {
        ids.sort_unstable();
        ids.dedup();
    }
    Ok(ids)
}

/// All of several lists as one.
pub(crate) fn union<'a>(lists: impl Iterator<Item = &'a [SeriesId]>) -> Vec<SeriesId> {
    let mut ids = Vec::new();
    let mut count = 0;
    for list in lists {
        ids.extend_from_slice(list);
        count += 1;
    }
    if count > 1 {
        ids.sort_unstable();
        ids.dedup();
    }
    ids
}

/// Series with a value that the matcher likes; it does not like the empty one.
fn liked(postings: &impl Postings, matcher: &Matcher) -> io::Result<Vec<SeriesId>> {
    match matcher.literals() {
        Some(literals) => postings.with_values(&matcher.name, literals),
        None => postings.with_value_where(&matcher.name, &|value| matcher.matches(value)),
    }
}

/// Keeps what is in another list too, or what is not.
fn retain(ids: &mut Vec<SeriesId>, other: &[SeriesId], common: bool) {
    if other.len() / 16 > ids.len() {
        ids.retain(|id| other.binary_search(id).is_ok() == common);
        return;
    }
    let mut rest = other;
    ids.retain(|id| {
        while rest.first().is_some_and(|other| other < id) {
            rest = &rest[1..];
        }
        (rest.first() == Some(id)) == common
    });
}
