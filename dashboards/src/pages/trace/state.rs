//! What the page of a trace shows, as its URL says it: the one place that reads and writes it.

use watchfire_schemas::{RecordId, SpanId, Timestamp, TraceId};

use super::rows::Unfolding;
use crate::params::{BadParam, Params};
use crate::range::Asked;
use crate::url;

/// Nodes turned by hand that a URL may name; those turned first are forgotten beyond.
const MOST_TURNED: usize = 200;
/// Characters that are looked for, at most.
const LONGEST_FIND: usize = 200;

/// Which spans are shown, with what is above them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Only {
    #[default]
    All,
    Errors,
    CriticalPath,
    Found,
}

impl Only {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Errors => "errors",
            Self::CriticalPath => "path",
            Self::Found => "found",
        }
    }

    fn named(name: Option<&str>) -> Result<Self, BadParam> {
        match name {
            None => Ok(Self::All),
            Some("errors") => Ok(Self::Errors),
            Some("path") => Ok(Self::CriticalPath),
            Some("found") => Ok(Self::Found),
            Some(_) => Err(BadParam::new("only", "expected errors, path or found")),
        }
    }
}

/// A row that was opened or closed: a span, or the run that begins with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Node {
    pub(crate) id: RecordId,
    pub(crate) is_run: bool,
}

impl std::fmt::Display for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let run = if self.is_run { "r" } else { "" };
        write!(f, "{run}{}", self.id)
    }
}

/// The state of the page. A link is a copy with one thing changed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TraceUrl {
    pub(crate) trace: TraceId,
    /// The span that the panel shows.
    pub(crate) span: Option<SpanId>,
    /// Which one, of several with its id.
    pub(crate) record: Option<RecordId>,
    /// The log record that the panel shows.
    pub(crate) log: Option<RecordId>,
    /// The first row; without it, where the chosen one is.
    pub(crate) from: Option<usize>,
    pub(crate) unfolding: Unfolding,
    pub(crate) opened: Vec<Node>,
    pub(crate) closed: Vec<Node>,
    pub(crate) only: Only,
    pub(crate) find: String,
    /// The part of the time that is drawn, in nanoseconds after the start.
    pub(crate) zoom: Option<(i64, i64)>,
    /// Times are shown as if all clocks agreed.
    pub(crate) is_adjusted: bool,
    pub(crate) hides_logs: bool,
    /// The panel cuts nothing.
    pub(crate) is_whole: bool,
    /// The search that led here, and its range.
    pub(crate) query: String,
    pub(crate) asked: Option<Asked>,
}

impl TraceUrl {
    pub(crate) fn new(trace: TraceId) -> Self {
        Self {
            trace,
            span: None,
            record: None,
            log: None,
            from: None,
            unfolding: Unfolding::Relevant,
            opened: Vec::new(),
            closed: Vec::new(),
            only: Only::All,
            find: String::new(),
            zoom: None,
            is_adjusted: false,
            hides_logs: false,
            is_whole: false,
            query: String::new(),
            asked: None,
        }
    }

    pub(crate) fn from_params(
        trace: TraceId,
        params: &Params,
        now: Timestamp,
    ) -> Result<Self, BadParam> {
        let has_range = ["last", "start", "end"]
            .iter()
            .any(|name| params.get(name).is_some());
        let asked = has_range.then(|| Asked::from_params(params, now, "1h"));
        let find: String = params.text("find").chars().take(LONGEST_FIND).collect();
        Ok(Self {
            // A span id that cannot be one is the same as one that is not there.
            span: params.get("span").and_then(|id| id.parse().ok()),
            record: record(params, "record")?,
            log: record(params, "log")?,
            from: match params.get("from") {
                None => None,
                Some(_) => Some(params.count("from", 0, usize::MAX)?),
            },
            unfolding: match params.get("view") {
                None => Unfolding::Relevant,
                Some("all") => Unfolding::All,
                Some(_) => return Err(BadParam::new("view", "expected all")),
            },
            opened: nodes(params, "open")?,
            closed: nodes(params, "shut")?,
            only: Only::named(params.get("only"))?,
            find,
            zoom: params.get("zoom").map(zoom).transpose()?,
            is_adjusted: params.get("clocks") == Some("adjusted"),
            hides_logs: params.get("logs") == Some("off"),
            is_whole: params.get("whole").is_some(),
            query: params.text("q"),
            asked: asked.transpose()?,
            ..Self::new(trace)
        })
    }

    /// Every parameter, in the order of the URL; empty ones are left out of links.
    pub(crate) fn parameters(&self) -> Vec<(&'static str, String)> {
        let flag = |is: bool, text: &str| if is { text.to_owned() } else { String::new() };
        let shown =
            |text: Option<&dyn ToString>| text.map_or_else(String::new, ToString::to_string);
        let list = |nodes: &[Node]| {
            let nodes: Vec<String> = nodes.iter().map(ToString::to_string).collect();
            nodes.join(",")
        };
        let zoom = self
            .zoom
            .map(|(from, to)| format!("{},{}", from / 1000, to / 1000));
        let mut all = vec![
            ("only", self.only.name().to_owned()),
            ("view", flag(self.unfolding == Unfolding::All, "all")),
            ("open", list(&self.opened)),
            ("shut", list(&self.closed)),
            ("find", self.find.clone()),
            ("zoom", zoom.unwrap_or_default()),
            ("clocks", flag(self.is_adjusted, "adjusted")),
            ("logs", flag(self.hides_logs, "off")),
            ("q", self.query.clone()),
        ];
        if let Some(asked) = &self.asked {
            all.extend(asked.parameters());
        }
        all.extend([
            (
                "from",
                shown(self.from.as_ref().map(|from| from as &dyn ToString)),
            ),
            ("whole", flag(self.is_whole, "1")),
            (
                "record",
                shown(self.record.as_ref().map(|id| id as &dyn ToString)),
            ),
            (
                "log",
                shown(self.log.as_ref().map(|id| id as &dyn ToString)),
            ),
            (
                "span",
                shown(self.span.as_ref().map(|id| id as &dyn ToString)),
            ),
        ]);
        all
    }

    fn path(&self) -> String {
        format!("/traces/{}", self.trace)
    }

    /// Relative where it can be: a page has hundreds of them.
    pub(crate) fn href(&self) -> String {
        self.with("", "")
    }

    /// With one more parameter.
    pub(crate) fn with(&self, name: &str, value: &str) -> String {
        let mut all = self.parameters();
        all.retain(|(other, _)| *other != name);
        let mut all: Vec<(&str, &str)> = all
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        all.push((name, value));
        let href = url::link("", &all);
        if href.is_empty() { self.path() } else { href }
    }

    /// A copy that shows something else, from its own place on.
    pub(crate) fn changed(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut url = Self {
            from: None,
            is_whole: false,
            ..self.clone()
        };
        change(&mut url);
        url
    }

    /// With that row opened or closed.
    pub(crate) fn turned(&self, node: Node, to_open: bool) -> Self {
        let mut url = self.clone();
        url.opened.retain(|other| *other != node);
        url.closed.retain(|other| *other != node);
        let list = if to_open {
            &mut url.opened
        } else {
            &mut url.closed
        };
        list.push(node);
        let beyond = list.len().saturating_sub(MOST_TURNED);
        list.drain(..beyond);
        url
    }

    /// The hidden fields of a form that sets `left_out` anew.
    pub(crate) fn hidden(&self, left_out: &[&str]) -> Vec<(&'static str, String)> {
        let mut all = self.parameters();
        all.retain(|(name, value)| {
            !value.is_empty() && !["from", "whole"].contains(name) && !left_out.contains(name)
        });
        all
    }
}

fn record(params: &Params, name: &'static str) -> Result<Option<RecordId>, BadParam> {
    let parse = |text: &str| {
        text.parse()
            .map_err(|_| BadParam::new(name, "expected the id of a record"))
    };
    params.get(name).map(parse).transpose()
}

fn nodes(params: &Params, name: &'static str) -> Result<Vec<Node>, BadParam> {
    let parse = |text: &String| {
        let id = text.strip_prefix('r').unwrap_or(text);
        let id = id
            .parse()
            .map_err(|_| BadParam::new(name, "expected ids of rows"))?;
        Ok(Node {
            id,
            is_run: text.starts_with('r'),
        })
    };
    let mut list = params.list(name);
    list.truncate(MOST_TURNED);
    list.iter().map(parse).collect()
}

/// `1200,5300`: microseconds after the start.
fn zoom(text: &str) -> Result<(i64, i64), BadParam> {
    let bad = || {
        BadParam::new(
            "zoom",
            "expected two numbers of microseconds, such as 1200,5300",
        )
    };
    let (from, to) = text.split_once(',').ok_or_else(bad)?;
    let read = |text: &str| text.trim().parse::<i64>().ok()?.checked_mul(1000);
    let (from, to) = read(from).zip(read(to)).ok_or_else(bad)?;
    if from < to {
        Ok((from, to))
    } else {
        Err(bad())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(query: &str) -> Result<TraceUrl, BadParam> {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap();
        TraceUrl::from_params(
            trace,
            &Params::parse(query),
            Timestamp::from_secs(1_795_327_047),
        )
    }

    #[test]
    fn the_url_says_all_of_the_state() {
        let text = "only=errors&view=all&open=1-2,r1-3&shut=1-4&find=a%20b&zoom=1200,5300\
                    &clocks=adjusted&logs=off&q=x&last=6h&from=200&whole=1&record=1-2&span=00f067aa0ba902b7";
        assert_eq!(url(text).unwrap().href(), format!("?{text}"));
        assert_eq!(
            url("").unwrap().href(),
            "/traces/4bf92f3577b34da6a3ce929d0e0e4736"
        );
        assert_eq!(url("span=none").unwrap().span, None);
    }

    #[test]
    fn what_cannot_be_is_named() {
        for (text, name) in [
            ("only=some", "only"),
            ("view=x", "view"),
            ("zoom=5", "zoom"),
            ("zoom=9,3", "zoom"),
            ("zoom=9223372036854775807,1", "zoom"),
            ("open=%3Cscript%3E", "open"),
            ("log=x", "log"),
            ("from=x", "from"),
        ] {
            assert_eq!(url(text).unwrap_err().name, name, "{text}");
        }
    }

    #[test]
    fn a_row_is_turned_and_turned_back() {
        let node = Node {
            id: "1-2".parse().unwrap(),
            is_run: true,
        };
        let opened = url("shut=r1-2,1-2").unwrap().turned(node, true);
        assert_eq!(opened.href(), "?open=r1-2&shut=1-2");
        assert_eq!(opened.turned(node, false).href(), "?shut=1-2,r1-2");
    }
}
