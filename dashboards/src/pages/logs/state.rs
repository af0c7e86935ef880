//! What the page shows, as its URL says it: the one place that reads and writes it.

use watchfire_schemas::{RecordId, TimeRange, Timestamp};

use crate::pages::query_bar::QueryUrl;
use crate::params::{BadParam, Params};
use crate::query_text;
use crate::range::Asked;

/// Columns beside the message, and fields whose values the side bar shows, at most.
const MOST_COLUMNS: usize = 6;
const MOST_FIELDS: usize = 6;

/// Which of its faces the page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Face {
    /// Records, newest first, or what a pipe makes of them.
    #[default]
    Records,
    /// Templates of the messages, with their counts.
    Patterns,
    /// Records as they come.
    Live,
}

impl Face {
    pub(crate) const ALL: [Self; 3] = [Self::Records, Self::Patterns, Self::Live];

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Records => "Records",
            Self::Patterns => "Patterns",
            Self::Live => "Live",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Records => "",
            Self::Patterns => "patterns",
            Self::Live => "live",
        }
    }

    fn named(name: Option<&str>) -> Result<Self, BadParam> {
        match name {
            None | Some("records") => Ok(Self::Records),
            Some("patterns") => Ok(Self::Patterns),
            Some("live") => Ok(Self::Live),
            Some(_) => Err(BadParam::new("view", "expected records, patterns or live")),
        }
    }
}

/// The state of the page. A link is a copy with one thing changed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LogsUrl {
    pub(crate) query: String,
    /// Clauses that were taken out of the query for now.
    pub(crate) off: Vec<String>,
    /// Fields shown beside the message.
    pub(crate) columns: Vec<String>,
    /// Fields whose values the side bar shows besides those that it always shows.
    pub(crate) fields: Vec<String>,
    pub(crate) face: Face,
    /// How patterns are ordered, if not by count.
    pub(crate) order: String,
    /// Times are shown in the reader's own zone (which only a script can know).
    pub(crate) is_local: bool,
    pub(crate) asked: Asked,
    /// The record that is unfolded.
    pub(crate) open: Option<RecordId>,
    pub(crate) cursor: Option<String>,
}

impl LogsUrl {
    pub(crate) fn new(query: &str, asked: Asked) -> Self {
        Self {
            query: query.to_owned(),
            off: Vec::new(),
            columns: Vec::new(),
            fields: Vec::new(),
            face: Face::Records,
            order: String::new(),
            is_local: false,
            asked,
            open: None,
            cursor: None,
        }
    }

    pub(crate) fn from_params(params: &Params, now: Timestamp) -> Result<Self, BadParam> {
        let off = query_text::clauses(params.get("off").unwrap_or_default())
            .ok_or_else(|| BadParam::new("off", "expected clauses of a query"))?;
        let mut columns = params.list("cols");
        columns.extend(params.list("col"));
        let mut url = Self {
            off,
            columns: Vec::new(),
            fields: params.list("field"),
            face: Face::named(params.get("view"))?,
            order: params.text("order"),
            is_local: params.get("tz") == Some("local"),
            open: record_id(params, "open")?,
            cursor: params.get("cursor").map(str::to_owned),
            ..Self::new(&params.text("q"), Asked::from_params(params, now, "1h")?)
        };
        url.fields.truncate(MOST_FIELDS);
        for column in columns {
            url.add_column(column);
        }
        Ok(url)
    }

    fn add_column(&mut self, column: String) {
        if self.columns.len() < MOST_COLUMNS && !self.columns.contains(&column) {
            self.columns.push(column);
        }
    }

    /// Every parameter but the range, in the order of the URL; empty ones are left out of links.
    fn parameters(&self) -> Vec<(&'static str, String)> {
        let open = self.open.map(|id| id.to_string());
        vec![
            ("q", self.query.clone()),
            ("off", self.off.join(" ")),
            ("cols", self.columns.join(",")),
            ("field", self.fields.join(",")),
            ("view", self.face.name().to_owned()),
            ("order", self.order.clone()),
            ("tz", if self.is_local { "local" } else { "" }.to_owned()),
            ("cursor", self.cursor.clone().unwrap_or_default()),
            ("open", open.unwrap_or_default()),
        ]
    }

    /// What a form or a range picker must carry on besides `left_out` and the place in the list.
    pub(crate) fn kept(&self, left_out: &[&str]) -> Vec<(&'static str, String)> {
        let mut kept = self.parameters();
        kept.retain(|(name, value)| {
            !value.is_empty() && !["cursor", "open"].contains(name) && !left_out.contains(name)
        });
        kept
    }

    /// The same with the range, for the hidden fields of a form.
    pub(crate) fn hidden(&self, left_out: &[&str]) -> Vec<(&'static str, String)> {
        let range = self.asked.parameters().into_iter();
        let mut hidden = self.kept(left_out);
        hidden.extend(range.filter(|(_, value)| !value.is_empty()));
        hidden
    }

    pub(crate) fn href(&self) -> String {
        let parameters = self.parameters();
        let pairs: Vec<(&str, &str)> = parameters
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        self.asked.link("/logs", &pairs)
    }

    /// The first page of the list, nothing unfolded, with something changed.
    fn changed(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut url = Self {
            open: None,
            cursor: None,
            ..self.clone()
        };
        change(&mut url);
        url
    }

    pub(crate) fn with_query(&self, query: &str) -> Self {
        self.changed(|url| query.clone_into(&mut url.query))
    }

    /// Narrowed by a clause.
    pub(crate) fn narrowed(&self, clause: &str) -> Self {
        self.with_query(&query_text::with(&self.query, clause))
    }

    pub(crate) fn with_range(&self, range: TimeRange) -> Self {
        self.changed(|url| url.asked = Asked::absolute(range))
    }

    pub(crate) fn with_face(&self, face: Face) -> Self {
        self.changed(|url| {
            url.face = face;
            url.order.clear();
        })
    }

    pub(crate) fn with_order(&self, order: &str) -> Self {
        self.changed(|url| order.clone_into(&mut url.order))
    }

    pub(crate) fn in_zone(&self, is_local: bool) -> Self {
        self.changed(|url| url.is_local = is_local)
    }

    /// With the column added, or taken away if it is there.
    pub(crate) fn with_column_turned(&self, column: &str) -> Self {
        self.changed(|url| {
            if url.columns.iter().any(|other| other == column) {
                url.columns.retain(|other| other != column);
            } else {
                url.add_column(column.to_owned());
            }
        })
    }

    /// With a field's values shown in the side bar, or no longer.
    pub(crate) fn with_field_turned(&self, field: &str) -> Self {
        self.changed(|url| {
            if url.fields.iter().any(|other| other == field) {
                url.fields.retain(|other| other != field);
            } else {
                url.fields.insert(0, field.to_owned());
                url.fields.truncate(MOST_FIELDS);
            }
        })
    }

    /// The page that follows. Its range is absolute: paging stays in the moment where it began.
    pub(crate) fn at_cursor(&self, cursor: &str) -> Self {
        self.changed(|url| {
            url.cursor = Some(cursor.to_owned());
            url.asked = Asked::absolute(url.asked.range);
        })
    }

    /// This very page with a record unfolded, and that record in view. The range becomes absolute:
    /// in one that moves on, the record may soon be on another page.
    pub(crate) fn unfolding(&self, id: RecordId) -> String {
        let url = Self {
            open: Some(id),
            asked: Asked::absolute(self.asked.range),
            ..self.clone()
        };
        format!("{}#r-{id}", url.href())
    }

    /// This very page with nothing unfolded.
    pub(crate) fn folded(&self) -> String {
        let url = Self {
            open: None,
            ..self.clone()
        };
        url.href()
    }

    pub(crate) fn has_column(&self, column: &str) -> bool {
        self.columns.iter().any(|other| other == column)
    }
}

impl QueryUrl for LogsUrl {
    fn query(&self) -> &str {
        &self.query
    }

    fn off(&self) -> &[String] {
        &self.off
    }

    fn asking(&self, query: &str, off: Vec<String>) -> String {
        self.changed(|url| {
            query.clone_into(&mut url.query);
            url.off = off;
        })
        .href()
    }
}

/// A record's id in a parameter.
pub(super) fn record_id(params: &Params, name: &'static str) -> Result<Option<RecordId>, BadParam> {
    let read = |id: &str| {
        id.parse()
            .map_err(|_| BadParam::new(name, "expected a record's id such as 1a2b-3"))
    };
    params.get(name).map(read).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(query: &str) -> Result<LogsUrl, BadParam> {
        let now = "2026-11-22T06:00:00Z".parse().unwrap();
        LogsUrl::from_params(&Params::parse(query), now)
    }

    #[test]
    fn a_url_is_read_and_written_as_it_was() {
        for query in [
            "last=1h",
            "q=a&off=b:c%20-d&cols=http.route,x&field=y&view=patterns&order=change&tz=local&last=6h",
            "q=a&cursor=1e15-3&open=1a2b-3&start=2026-11-22T05:00:00Z&end=2026-11-22T05:10:00Z",
        ] {
            let written = url(query).unwrap().href();
            assert_eq!(
                url(&written[6..]).unwrap(),
                url(query).unwrap(),
                "{written}"
            );
        }
        assert_eq!(url("view=x").unwrap_err().name, "view");
        assert_eq!(url("open=x").unwrap_err().name, "open");
        assert_eq!(url("off=(").unwrap_err().name, "off");
    }

    #[test]
    fn a_change_goes_back_to_the_first_page() {
        let here = url("q=a&cursor=1e15-3&open=1a2b-3&last=1h&col=x").unwrap();
        assert_eq!(
            here.narrowed("b:c").href(),
            "/logs?q=a%20b:c&cols=x&last=1h"
        );
        assert_eq!(here.with_column_turned("x").href(), "/logs?q=a&last=1h");
        assert_eq!(here.with_field_turned("f").fields, ["f"]);
        assert!(here.folded().contains("cursor=1e15-3"));
        let id = "9-1".parse().unwrap();
        let unfolding = here.unfolding(id);
        assert!(unfolding.contains("&open=9-1&start=2026-11-22T05:00:00Z&end="));
        assert!(unfolding.ends_with("#r-9-1"));
    }

    #[test]
    fn paging_stays_in_its_moment() {
        let later = url("last=1h").unwrap().at_cursor("5-1");
        assert_eq!(later.asked.last, None);
        assert!(later.href().contains("start=2026-11-22T05:00:00Z"));
    }
}
