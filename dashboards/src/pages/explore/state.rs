//! What the page shows, as its URL says it: the one place that reads and writes it.

use std::time::Duration;

use watchfire_schemas::Timestamp;

use crate::params::{BadParam, Params};
use crate::range::{self, Asked};

/// Rows at most, each with a letter of its own.
pub(crate) const LETTERS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// Points of a line, where nobody says how far apart.
const POINTS: u64 = 240;
/// Points of a line at most: what the screen cannot show is not asked for.
const MOST_POINTS: u64 = 2_000;
/// Columns of a heat map.
const COLUMNS: u64 = 72;

/// One query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueryRow {
    pub(crate) letter: &'static str,
    pub(crate) expr: String,
    pub(crate) is_off: bool,
}

impl QueryRow {
    pub(crate) fn is_asked(&self) -> bool {
        !self.is_off && !self.expr.is_empty()
    }
}

/// Which of its faces the page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Face {
    /// Lines over the range.
    #[default]
    Graph,
    /// Values at the end of the range.
    Table,
    /// Observations by bucket over the range, of the first query.
    Heat,
    /// Names of metrics, to begin with one.
    Metrics,
}

impl Face {
    pub(crate) const ALL: [Self; 4] = [Self::Graph, Self::Table, Self::Heat, Self::Metrics];

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Graph => "Graph",
            Self::Table => "Table",
            Self::Heat => "Heat map",
            Self::Metrics => "Metrics",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Graph => "",
            Self::Table => "table",
            Self::Heat => "heat",
            Self::Metrics => "metrics",
        }
    }

    fn named(name: Option<&str>) -> Result<Self, BadParam> {
        let found = Self::ALL.into_iter().find(|face| Some(face.name()) == name);
        match name {
            None | Some("graph") => Ok(Self::Graph),
            Some(_) => {
                found.ok_or_else(|| BadParam::new("view", "expected graph, table, heat or metrics"))
            }
        }
    }
}

/// How lines are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Shape {
    #[default]
    Lines,
    Stacked,
    Logarithmic,
}

/// An earlier time that lines are held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Against {
    #[default]
    Nothing,
    /// The range before.
    Before,
    Day,
    Week,
}

impl Against {
    pub(crate) const ALL: [Self; 4] = [Self::Nothing, Self::Before, Self::Day, Self::Week];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Before => "before",
            Self::Day => "day",
            Self::Week => "week",
        }
    }

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Before => "the range before",
            Self::Day => "the day before",
            Self::Week => "the week before",
        }
    }

    /// How far back.
    pub(crate) fn shift(self, length: Duration) -> Option<Duration> {
        match self {
            Self::Nothing => None,
            Self::Before => Some(length),
            Self::Day => Some(Duration::from_hours(24)),
            Self::Week => Some(Duration::from_hours(168)),
        }
    }

    pub(crate) fn from_params(params: &Params) -> Result<Self, BadParam> {
        let name = params.get("vs").unwrap_or_default();
        let found = Self::ALL.into_iter().find(|against| against.name() == name);
        found.ok_or_else(|| BadParam::new("vs", "expected before, day or week"))
    }
}

/// The state of the page. A link is a copy with one thing changed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ExploreUrl {
    pub(crate) rows: Vec<QueryRow>,
    pub(crate) face: Face,
    /// As it was said; none is chosen to fit.
    pub(crate) step: Option<String>,
    pub(crate) shape: Shape,
    pub(crate) against: Against,
    /// Incidents and deploys.
    pub(crate) has_marks: bool,
    pub(crate) has_exemplars: bool,
    /// Keys of the only lines shown; empty for all.
    pub(crate) only: Vec<String>,
    /// Keys of lines that are not shown.
    pub(crate) hidden: Vec<String>,
    /// Words in the browser of metrics.
    pub(crate) find: String,
    /// Seconds between refreshes; zero for none.
    pub(crate) every: u32,
    pub(crate) asked: Asked,
}

impl ExploreUrl {
    pub(crate) fn new(expr: &str, asked: Asked) -> Self {
        Self {
            rows: vec![QueryRow {
                letter: LETTERS[0],
                expr: expr.to_owned(),
                is_off: false,
            }],
            face: Face::Graph,
            step: None,
            shape: Shape::Lines,
            against: Against::Nothing,
            has_marks: true,
            has_exemplars: true,
            only: Vec::new(),
            hidden: Vec::new(),
            find: String::new(),
            every: 0,
            asked,
        }
    }

    pub(crate) fn from_params(params: &Params, now: Timestamp) -> Result<Self, BadParam> {
        let off = params.list("off");
        let row = |letter: &'static str| {
            let expr = params.given(letter)?;
            Some(QueryRow {
                letter,
                expr,
                is_off: off.iter().any(|other| other == letter),
            })
        };
        let asked = Asked::from_params(params, now, "1h")?;
        let mut url = Self::new(&params.text("expr"), asked);
        let rows: Vec<QueryRow> = LETTERS.into_iter().filter_map(row).collect();
        if !rows.is_empty() {
            url.rows = rows;
        }
        url.face = Face::named(params.get("view"))?;
        url.step = params
            .get("step")
            .filter(|step| *step != "auto")
            .map(str::to_owned);
        if let Some(step) = &url.step {
            range::span(step)
                .ok_or_else(|| BadParam::new("step", "expected a duration such as 15s or 5m"))?;
        }
        url.shape = match (params.get("stack"), params.get("scale")) {
            (Some("1"), _) => Shape::Stacked,
            (_, Some("log")) => Shape::Logarithmic,
            _ => Shape::Lines,
        };
        url.against = Against::from_params(params)?;
        url.has_marks = params.get("marks") != Some("off");
        url.has_exemplars = params.get("exemplars") != Some("off");
        url.only = params.list("only");
        url.hidden = params.list("hide");
        url.find = params.text("find");
        let every = params.count("every", 0, 3600)?;
        url.every = if every == 0 { 0 } else { every.max(5) as u32 };
        Ok(url)
    }

    /// Every parameter but the range, in the order of the URL; empty ones are left out of links.
    fn parameters(&self) -> Vec<(&'static str, String)> {
        let flag = |is_set: bool, value: &str| {
            if is_set {
                value.to_owned()
            } else {
                String::new()
            }
        };
        let off = self.rows.iter().filter(|row| row.is_off);
        let off: Vec<&str> = off.map(|row| row.letter).collect();
        let mut all: Vec<(&'static str, String)> = Vec::new();
        all.extend(self.rows.iter().map(|row| (row.letter, row.expr.clone())));
        all.extend([
            ("off", off.join(",")),
            ("view", self.face.name().to_owned()),
            ("step", self.step.clone().unwrap_or_default()),
            ("stack", flag(self.shape == Shape::Stacked, "1")),
            ("scale", flag(self.shape == Shape::Logarithmic, "log")),
            ("vs", self.against.name().to_owned()),
            ("marks", flag(!self.has_marks, "off")),
            ("exemplars", flag(!self.has_exemplars, "off")),
            ("only", self.only.join(",")),
            ("hide", self.hidden.join(",")),
            ("find", self.find.clone()),
            ("every", flag(self.every > 0, &self.every.to_string())),
        ]);
        all
    }

    /// What a form or a range picker must carry on besides `left_out`.
    pub(crate) fn kept(&self, left_out: &[&str]) -> Vec<(&'static str, String)> {
        let mut kept = self.parameters();
        kept.retain(|(name, value)| !value.is_empty() && !left_out.contains(name));
        kept
    }

    /// The same with the range, for the hidden fields of a form.
    pub(crate) fn hidden_fields(&self, left_out: &[&str]) -> Vec<(&'static str, String)> {
        let range = self.asked.parameters().into_iter();
        let mut hidden = self.kept(left_out);
        hidden.extend(range.filter(|(_, value)| !value.is_empty()));
        hidden
    }

    pub(crate) fn href(&self) -> String {
        let kept = self.kept(&[]);
        let mut pairs: Vec<(&str, &str)> = kept
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        // A row that is empty still is one.
        let empty = self
            .rows
            .iter()
            .filter(|row| row.expr.is_empty() && self.rows.len() > 1);
        pairs.extend(empty.map(|row| (row.letter, " ")));
        self.asked.link("/explore", &pairs)
    }

    pub(crate) fn changed(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut url = self.clone();
        change(&mut url);
        url
    }

    /// This very page at this very time.
    pub(crate) fn permalink(&self) -> String {
        let fixed = self.changed(|url| {
            url.asked = Asked::absolute(url.asked.range);
            url.every = 0;
        });
        fixed.href()
    }

    /// Twice the range around the same middle, but nothing that is still to come.
    pub(crate) fn zoomed_out(&self, now: Timestamp) -> String {
        let (range, half) = (self.asked.range, self.asked.length() / 2);
        let end = (range.end + half).min(now.max(range.end));
        let range = watchfire_schemas::TimeRange {
            start: end - self.asked.length() * 2,
            end,
        };
        self.changed(|url| url.asked = Asked::absolute(range))
            .href()
    }

    /// The distance of points: what was said, as long as the screen can show it, or what fits.
    pub(crate) fn step(&self) -> Duration {
        let points = if self.face == Face::Heat {
            COLUMNS
        } else {
            POINTS
        };
        let auto = self.asked.step(points);
        let said = self.step.as_deref().and_then(range::span);
        said.map_or(auto, |said| said.max(self.asked.step(MOST_POINTS)))
    }

    /// What a button beside a query does: `add`, or `copy-b`, `remove-b`, `turn-b`. None if it is
    /// not one of those.
    pub(crate) fn after(&self, action: &str) -> Option<Self> {
        let unused = || {
            LETTERS
                .into_iter()
                .find(|l| self.rows.iter().all(|row| row.letter != *l))
        };
        let with = |expr: &str| {
            let mut url = self.clone();
            if let Some(letter) = unused() {
                url.rows.push(QueryRow {
                    letter,
                    expr: expr.to_owned(),
                    is_off: false,
                });
                url.rows.sort_by_key(|row| row.letter);
            }
            url
        };
        if action == "add" {
            return Some(with(""));
        }
        let (verb, letter) = action.split_once('-')?;
        let row = self.rows.iter().find(|row| row.letter == letter)?;
        match verb {
            "copy" => Some(with(&row.expr)),
            "turn" => Some(self.changed(|url| {
                let turned = url.rows.iter_mut().filter(|row| row.letter == letter);
                turned.for_each(|row| row.is_off = !row.is_off);
            })),
            "remove" if self.rows.len() == 1 => Some(self.changed(|url| url.rows[0].expr.clear())),
            "remove" => Some(self.changed(|url| url.rows.retain(|row| row.letter != letter))),
            _ => None,
        }
    }
}

/// The page with one expression over a range.
pub(crate) fn link(expr: &str, asked: &Asked) -> String {
    asked.link("/explore", &[(LETTERS[0], expr)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(query: &str) -> Result<ExploreUrl, BadParam> {
        let now = "2026-11-22T06:00:00Z".parse().unwrap();
        ExploreUrl::from_params(&Params::parse(query), now)
    }

    #[test]
    fn a_url_is_read_and_written_as_it_was() {
        for query in [
            "",
            "expr=up&last=6h",
            "a=up&b=rate(x%5B5m%5D)&c=%20&off=b&view=table&step=15s&scale=log&vs=day&marks=off&exemplars=off&only=a.1,b.2&hide=a.3&find=cpu&every=30&last=6h",
            "b=up&start=2026-11-22T05:00:00Z&end=2026-11-22T05:10:00Z",
        ] {
            let written = url(query).unwrap().href();
            let again = written.split_once('?').unwrap().1;
            assert_eq!(url(again).unwrap(), url(query).unwrap(), "{written}");
        }
        for (query, name) in [("view=x", "view"), ("step=soon", "step"), ("vs=x", "vs")] {
            assert_eq!(url(query).unwrap_err().name, name);
        }
    }

    #[test]
    fn rows_are_added_copied_turned_and_removed() {
        let here = url("a=up&b=down").unwrap();
        let letters =
            |url: &ExploreUrl| -> String { url.rows.iter().map(|row| row.letter).collect() };
        let copied = here.after("copy-b").unwrap();
        assert_eq!(
            (letters(&copied).as_str(), copied.rows[2].expr.as_str()),
            ("abc", "down")
        );
        let removed = copied.after("remove-a").unwrap();
        assert_eq!(letters(&removed), "bc");
        assert_eq!(letters(&removed.after("add").unwrap()), "abc");
        assert!(here.after("turn-a").unwrap().rows[0].is_off);
        assert!(!here.after("turn-a").unwrap().after("turn-a").unwrap().rows[0].is_off);
        assert_eq!(
            url("a=up").unwrap().after("remove-a").unwrap().rows[0].expr,
            ""
        );
        assert!(here.after("explode").is_none() && here.after("copy-z").is_none());
        let full = url("a=1&b=1&c=1&d=1&e=1&f=1&g=1&h=1").unwrap();
        assert_eq!(letters(&full.after("add").unwrap()), "abcdefgh");
    }

    #[test]
    fn a_step_is_never_finer_than_the_screen() {
        assert_eq!(url("last=1h").unwrap().step().as_secs(), 15);
        assert_eq!(url("last=1h&step=1m").unwrap().step().as_secs(), 60);
        assert_eq!(url("last=7d&step=1s").unwrap().step().as_secs(), 600);
    }

    #[test]
    fn a_permalink_stays_and_a_zoom_out_does_not_reach_beyond_now() {
        let here = url("a=up&last=1h&every=10").unwrap();
        assert_eq!(
            here.permalink(),
            "/explore?a=up&start=2026-11-22T05:00:00Z&end=2026-11-22T06:00:00Z"
        );
        assert!(
            here.zoomed_out(here.asked.range.end)
                .ends_with("start=2026-11-22T04:00:00Z&end=2026-11-22T06:00:00Z")
        );
    }
}
