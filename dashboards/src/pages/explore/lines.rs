//! The lines of all queries: which are drawn, how they are called and coloured.

use std::collections::BTreeMap;

use watchfire_schemas::LabelSet;
use watchfire_tsdb::RangeSeries;

use super::answers::{Answered, Value};
use super::state::ExploreUrl;
use crate::charts::{Lane, Steps};
use crate::figures;

/// Lines drawn at most.
pub(crate) const MOST_LINES: usize = 100;
/// Earlier lines are drawn behind so many at most: more could not be told apart.
const MOST_GHOSTS: usize = 24;
const COLOURS: usize = 8;

/// One line, and where it comes from.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) letter: &'static str,
    pub(crate) lane: Lane,
    /// The same at the earlier time.
    pub(crate) ghost: Option<Lane>,
    pub(crate) is_shown: bool,
}

/// All of them, and how many there would be.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lines {
    pub(crate) lines: Vec<Line>,
    pub(crate) total: usize,
}

impl Lines {
    pub(crate) fn shown(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| line.is_shown)
    }
}

pub(super) fn lines(answers: &[Answered], url: &ExploreUrl, steps: Steps) -> Lines {
    let mut ranked: Vec<(usize, usize, Line)> = Vec::new();
    for (row, answered) in answers.iter().enumerate() {
        let Ok(Value::Lines(answer)) = &answered.value else {
            continue;
        };
        let mut of_row = lines_of(answered, &answer.value, steps);
        of_row.sort_by(|a, b| greatest(b).total_cmp(&greatest(a)));
        ranked.extend(
            of_row
                .into_iter()
                .enumerate()
                .map(|(rank, line)| (rank, row, line)),
        );
    }
    let total = ranked.len();
    // Of too many the greatest of each query, in turn.
    ranked.sort_by_key(|(rank, row, _)| (*rank, *row));
    ranked.truncate(MOST_LINES);
    // The colour must not change as values do: it goes by query and labels.
    ranked.sort_by(|a, b| (a.1, &a.2.lane.key).cmp(&(b.1, &b.2.lane.key)));
    let mut lines: Vec<Line> = ranked.into_iter().map(|(_, _, line)| line).collect();
    for (at, line) in lines.iter_mut().enumerate() {
        let class = match at / COLOURS {
            0 => format!("series-{at}"),
            more => format!("series-{} dash-{}", at % COLOURS, more.min(3)),
        };
        if let Some(ghost) = &mut line.ghost {
            ghost.class = format!("{class} ghost");
        }
        line.lane.class = class;
    }
    show(&mut lines, url);
    let last = |line: &Line| {
        line.lane
            .figures()
            .map_or(f64::NEG_INFINITY, |figures| figures.last)
    };
    lines.sort_by(|a, b| a.letter.cmp(b.letter).then(last(b).total_cmp(&last(a))));
    if lines.len() > MOST_GHOSTS {
        for line in &mut lines {
            line.ghost = None;
        }
    }
    Lines { lines, total }
}

/// Keys that no line has any more show and hide nothing.
fn show(lines: &mut [Line], url: &ExploreUrl) {
    let is_one = |keys: &[String], line: &Line| keys.contains(&line.lane.key);
    let has_only = lines.iter().any(|line| is_one(&url.only, line));
    for line in lines {
        line.is_shown = if has_only {
            is_one(&url.only, line)
        } else {
            !is_one(&url.hidden, line)
        };
    }
}

fn lines_of(answered: &Answered, series: &[RangeSeries], steps: Steps) -> Vec<Line> {
    let names = names(
        &series
            .iter()
            .map(|series| &series.labels)
            .collect::<Vec<_>>(),
        &answered.expr,
    );
    let ghosts: BTreeMap<&LabelSet, &RangeSeries> = answered
        .ghost
        .iter()
        .map(|ghost| (&ghost.labels, ghost))
        .collect();
    let line = |(series, name): (&RangeSeries, String)| {
        let key = format!(
            "{}.{:08x}",
            answered.letter,
            series.labels.fingerprint() as u32
        );
        let keyed = |lane: Lane, name: String| Lane {
            name,
            key: key.clone(),
            ..lane
        };
        let ghost = ghosts.get(&series.labels);
        Line {
            letter: answered.letter,
            ghost: ghost
                .map(|ghost| keyed(Lane::of(&ghost.samples, steps), format!("{name}, before"))),
            lane: keyed(Lane::of(&series.samples, steps), name),
            is_shown: true,
        }
    };
    // What is a histogram at each step has no line.
    let drawn = series.iter().zip(names);
    let drawn = drawn.filter(|(series, _)| !series.samples.is_empty());
    drawn.map(line).collect()
}

fn greatest(line: &Line) -> f64 {
    line.lane
        .figures()
        .map_or(f64::NEG_INFINITY, |figures| figures.max)
}

/// What tells series apart: the labels in which they differ. Of one label its value is enough.
pub(crate) fn names(series: &[&LabelSet], expr: &str) -> Vec<String> {
    let differing = differing(series);
    let name = |labels: &&LabelSet| {
        let own: Vec<(&str, &str)> = differing
            .iter()
            .filter_map(|name| labels.get(name).map(|value| (name.as_str(), value)))
            .collect();
        match own.as_slice() {
            [] if series.len() > 1 => "no label".to_owned(),
            [] if labels.is_empty() => figures::cut(expr, 80).0.to_owned(),
            [] => labels.to_string(),
            [(_, value)] if differing.len() == 1 => (*value).to_owned(),
            several => {
                let pairs = several.iter().map(|(name, value)| match *name {
                    LabelSet::NAME => (*value).to_owned(),
                    name => format!("{name}={value}"),
                });
                pairs.collect::<Vec<_>>().join(" ")
            }
        }
    };
    series.iter().map(name).collect()
}

/// Labels that not all series have with one value, in order.
pub(crate) fn differing(series: &[&LabelSet]) -> Vec<String> {
    let mut values: BTreeMap<&str, (&str, usize, bool)> = BTreeMap::new();
    for labels in series {
        for (name, value) in labels.iter() {
            let seen = values.entry(name).or_insert((value, 0, false));
            seen.1 += 1;
            seen.2 |= seen.0 != value;
        }
    }
    let differs = values
        .into_iter()
        .filter(|(_, (_, count, differs))| *differs || *count < series.len());
    differs.map(|(name, _)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Params;
    use std::time::Duration;
    use watchfire_schemas::{Sample, Timestamp};
    use watchfire_tsdb::QueryAnswer;

    fn labels(text: &[(&str, &str)]) -> LabelSet {
        LabelSet::new(text.iter().copied())
    }

    #[test]
    fn names_hold_what_differs() {
        let check = |series: &[&[(&str, &str)]], expected: &[&str]| {
            let all: Vec<LabelSet> = series.iter().map(|pairs| labels(pairs)).collect();
            assert_eq!(names(&all.iter().collect::<Vec<_>>(), "sum(x)"), expected);
        };
        check(
            &[&[("a", "1"), ("b", "x")], &[("a", "2"), ("b", "x")]],
            &["1", "2"],
        );
        check(
            &[&[("a", "1"), ("b", "x")], &[("a", "2")]],
            &["a=1 b=x", "a=2"],
        );
        check(&[&[]], &["sum(x)"]);
        check(&[&[("a", "1")]], &["{a=\"1\"}"]);
        check(&[&[("a", "1")], &[]], &["1", "no label"]);
    }

    fn answered(letter: &'static str, count: usize) -> Answered {
        let series = |at: usize| RangeSeries {
            labels: labels(&[("n", &format!("{at:03}"))]),
            samples: vec![Sample { t: 0, v: at as f64 }],
            ..RangeSeries::default()
        };
        Answered {
            letter,
            expr: "x".to_owned(),
            value: Ok(Value::Lines(QueryAnswer {
                value: (0..count).map(series).collect(),
                ..QueryAnswer::default()
            })),
            ghost: vec![series(1)],
            took: Duration::ZERO,
        }
    }

    fn drawn(answers: &[Answered], query: &str) -> Lines {
        let url =
            ExploreUrl::from_params(&Params::parse(query), Timestamp::from_secs(1_000)).unwrap();
        let steps = Steps {
            first: 0,
            width: 1000,
            count: 2,
        };
        lines(answers, &url, steps)
    }

    #[test]
    fn of_too_many_the_greatest_of_each_query_stay() {
        let drawn = drawn(&[answered("a", 150), answered("b", 10)], "");
        assert_eq!((drawn.lines.len(), drawn.total), (100, 160));
        assert_eq!(
            drawn.lines.iter().filter(|line| line.letter == "b").count(),
            10
        );
        assert_eq!(drawn.lines[0].lane.name, "149");
        assert!(drawn.lines.iter().all(|line| line.ghost.is_none()));
    }

    #[test]
    fn lines_are_shown_and_hidden_by_key() {
        let all = [answered("a", 3)];
        let key = |at: usize| drawn(&all, "").lines[at].lane.key.clone();
        let shown = |query: String| -> Vec<String> {
            let drawn = drawn(&all, &query);
            drawn.shown().map(|line| line.lane.name.clone()).collect()
        };
        assert_eq!(shown(format!("only={}", key(1))), ["001"]);
        assert_eq!(shown(format!("hide={},{}", key(0), key(1))), ["000"]);
        assert_eq!(shown("only=a.gone".to_owned()).len(), 3);
        assert!(drawn(&all, "").lines[1].ghost.is_some());
    }
}
