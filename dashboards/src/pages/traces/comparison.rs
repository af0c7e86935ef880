//! What the spans of a region have that the others have not.

use watchfire_logsearch::{SpanComparison, SpanDifference};

use super::region::Region;
use super::state::TracesUrl;
use crate::charts::{Svg, meter};
use crate::{figures, query_text};

/// Differences asked for, and shown.
pub(super) const ASKED: usize = 40;
const SHOWN: usize = 10;
/// A difference of fewer points, of a hundred, stands out to nobody.
const LEAST: f64 = 0.05;
/// Fewer spans inside say nothing about anything.
const FEWEST: u64 = 5;
/// Values told to go together with another.
const MOST_TOGETHER: usize = 3;
/// A value that is longer is not put into a link.
const LONGEST: usize = 512;

/// A value that is more frequent inside than outside.
#[derive(Debug, Clone)]
pub(crate) struct DifferenceRow {
    pub(crate) field: String,
    pub(crate) value: String,
    pub(crate) inside: String,
    pub(crate) outside: String,
    pub(crate) inside_count: String,
    pub(crate) outside_count: String,
    pub(crate) inside_bar: Svg,
    pub(crate) outside_bar: Svg,
    /// By how many points the shares differ at least.
    pub(crate) at_least: String,
    /// Values that exactly as many spans have, inside and outside: they go together.
    pub(crate) together: Vec<Together>,
    /// Empty where the value is too long for a link.
    pub(crate) only: String,
    pub(crate) without: String,
    pub(crate) group: String,
}

/// A value that goes together with another.
#[derive(Debug, Clone)]
pub(crate) struct Together {
    pub(crate) field: String,
    pub(crate) value: String,
    /// Empty where the value is too long for a link.
    pub(crate) only: String,
}

/// What is told of a region.
#[derive(Debug, Clone)]
pub(crate) struct Compared {
    /// The region as people say it.
    pub(crate) text: String,
    /// How many spans are inside and outside.
    pub(crate) counts: String,
    pub(crate) rows: Vec<DifferenceRow>,
    /// Where there are no rows, why; where there are, what to know of them.
    pub(crate) note: String,
    pub(crate) is_partial: bool,
    pub(crate) only: String,
    pub(crate) clear: String,
}

pub(super) fn compared(
    found: Option<&SpanComparison>,
    region: &Region,
    url: &TracesUrl,
) -> Compared {
    let mut view = Compared {
        text: region.text(),
        counts: String::new(),
        rows: Vec::new(),
        note: "It takes longer than the rest of the page.".to_owned(),
        is_partial: true,
        only: url.inside(region).href(),
        clear: url.with_region(None).href(),
    };
    let Some(found) = found else {
        return view;
    };
    view.is_partial = found.partial;
    let least = if found.partial { "at least " } else { "" };
    view.counts = format!(
        "{least}{} inside, {} outside",
        figures::count(found.inside),
        figures::count(found.outside)
    );
    let telling = found
        .differences
        .iter()
        .filter(|difference| difference.score >= LEAST && !region.names(&difference.field));
    if found.inside >= FEWEST && found.outside > 0 {
        view.rows = rows(telling, url);
    }
    view.note = note(found, view.rows.is_empty());
    view
}

fn note(found: &SpanComparison, is_nothing: bool) -> String {
    if found.partial && found.inside < FEWEST {
        return "Not counted in time.".to_owned();
    }
    let nothing = match (found.inside, found.outside) {
        (0, _) => Some("No span of this search is inside.".to_owned()),
        (inside, _) if inside < FEWEST => Some(format!(
            "Only {inside} inside: too few to tell chance from cause. Look at the traces themselves."
        )),
        (_, 0) => Some("All spans of this search are inside: there is no rest to compare with.".to_owned()),
        _ if is_nothing => Some(
            "Nothing stands out: no value is clearly more frequent inside than outside. \
             The cause may be in what spans do not tell: look at the traces, or draw the region tighter."
                .to_owned(),
        ),
        _ => None,
    };
    let sampled = found.sampled.map(|(inside, outside)| {
        format!(
            "Shares are of a sample: {} inside and {} outside were looked at.",
            figures::count(inside),
            figures::count(outside)
        )
    });
    let parts: Vec<String> = nothing.into_iter().chain(sampled).collect();
    parts.join(" ")
}

/// One row for values that the same spans have, as far as counts tell: a status code, its text and
/// its type are one finding.
fn rows<'a>(
    telling: impl Iterator<Item = &'a SpanDifference>,
    url: &TracesUrl,
) -> Vec<DifferenceRow> {
    let mut found: Vec<(&SpanDifference, DifferenceRow)> = Vec::new();
    for difference in telling {
        let is_full = found.len() == SHOWN;
        let alike = found.iter_mut().find(|(other, _)| {
            (other.inside, other.outside) == (difference.inside, difference.outside)
        });
        match alike {
            Some((_, row)) if row.together.len() < MOST_TOGETHER => {
                row.together.push(Together {
                    field: difference.field.clone(),
                    value: shown(&difference.value),
                    only: link(difference, str::to_owned, url),
                });
            }
            Some(_) => {}
            None if is_full => {}
            None => found.push((difference, row(difference, url))),
        }
    }
    found.into_iter().map(|(_, row)| row).collect()
}

fn link(difference: &SpanDifference, turn: fn(&str) -> String, url: &TracesUrl) -> String {
    if difference.value.len() > LONGEST {
        return String::new();
    }
    let clause = query_text::term(&difference.field, &difference.value);
    url.narrowed(&turn(&clause)).href()
}

fn shown(value: &str) -> String {
    match figures::cut(value, 90) {
        ("", _) => "“”".to_owned(),
        (cut, false) => format!("{cut}…"),
        (all, true) => all.to_owned(),
    }
}

fn row(difference: &SpanDifference, url: &TracesUrl) -> DifferenceRow {
    DifferenceRow {
        field: difference.field.clone(),
        value: shown(&difference.value),
        inside: figures::percent(difference.inside_share),
        outside: figures::percent(difference.outside_share),
        inside_count: figures::count(difference.inside),
        outside_count: figures::count(difference.outside),
        inside_bar: meter(difference.inside_share),
        outside_bar: meter(difference.outside_share),
        at_least: format!("{:.0}", (difference.score * 100.0).floor().max(1.0)),
        together: Vec::new(),
        only: link(difference, str::to_owned, url),
        without: link(difference, query_text::negated, url),
        group: url.with_group(&[&difference.field]).href(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::samples::{self, Mood};
    use crate::params::Params;

    fn url() -> TracesUrl {
        let params = Params::parse("q=a:b&region=status:error&last=1h");
        TracesUrl::from_params(&params, samples::now()).unwrap()
    }

    fn view_of(found: &SpanComparison) -> Compared {
        let url = url();
        compared(Some(found), url.region.as_ref().unwrap(), &url)
    }

    #[test]
    fn the_surest_come_first_and_the_region_does_not_explain_itself() {
        let found = samples::comparison(Mood::Full);
        let view = view_of(&found);
        assert!(
            found
                .differences
                .iter()
                .any(|difference| difference.field == "status")
        );
        assert!(view.rows.iter().all(|row| row.field != "status"));
        assert_eq!(view.rows[0].field, "db.shard");
        assert!(
            view.rows[0]
                .only
                .contains("q=a:b%20db.shard:7&region=status:error&")
        );
        assert!(view.rows[0].without.contains("q=a:b%20-db.shard:7&"));
        assert!(
            view.only.contains("q=a:b%20status:error&last=1h"),
            "{}",
            view.only
        );
    }

    #[test]
    fn what_says_nothing_is_said_to() {
        let full = samples::comparison(Mood::Full);
        let with = |inside, outside, score: f64| {
            let mut found = full.clone();
            (found.inside, found.outside) = (inside, outside);
            for difference in &mut found.differences {
                difference.score = score;
            }
            view_of(&found)
        };
        for (view, said) in [
            (with(0, 100, 0.5), "No span"),
            (with(3, 100, 0.5), "Only 3 inside"),
            (with(100, 0, 0.5), "All spans"),
            (with(100, 100, 0.01), "Nothing stands out"),
        ] {
            assert!(
                view.rows.is_empty() && view.note.starts_with(said),
                "{}",
                view.note
            );
        }
        let url = url();
        let late = compared(None, url.region.as_ref().unwrap(), &url);
        assert!(late.is_partial && late.rows.is_empty());
    }
}
