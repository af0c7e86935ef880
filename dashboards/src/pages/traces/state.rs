//! What the page shows, as its URL says it: the one place that reads and writes it.

use watchfire_schemas::{TimeRange, Timestamp};

use super::region::Region;
use crate::pages::query_bar::QueryUrl;
use crate::params::{BadParam, Params};
use crate::query_text;
use crate::range::{self, Asked};

/// What spans are grouped by if nobody says it: the operation.
const OPERATION: [&str; 2] = ["service", "name"];
/// Fields to group by, at most.
const MOST_FIELDS: usize = 4;

/// By which column groups are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Sort {
    Name,
    #[default]
    Spans,
    Failed,
    P50,
    P95,
    P99,
    Max,
    Time,
}

impl Sort {
    pub(crate) const ALL: [Self; 8] = [
        Self::Name,
        Self::Spans,
        Self::Failed,
        Self::P50,
        Self::P95,
        Self::P99,
        Self::Max,
        Self::Time,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Spans => "",
            Self::Failed => "failed",
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Max => "max",
            Self::Time => "time",
        }
    }

    fn named(name: Option<&str>) -> Result<Self, BadParam> {
        let name = name.filter(|name| *name != "spans").unwrap_or_default();
        let found = Self::ALL.into_iter().find(|sort| sort.name() == name);
        found.ok_or_else(|| {
            let names = "expected name, spans, failed, p50, p95, p99, max or time";
            BadParam::new("sort", names)
        })
    }
}

/// In which order traces are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Order {
    #[default]
    Newest,
    /// Those of the slowest spans, as many as the scatter tells one by one.
    Slowest,
}

impl Order {
    const fn name(self) -> &'static str {
        match self {
            Self::Newest => "",
            Self::Slowest => "slowest",
        }
    }

    fn named(name: Option<&str>) -> Result<Self, BadParam> {
        match name {
            None | Some("newest") => Ok(Self::Newest),
            Some("slowest") => Ok(Self::Slowest),
            Some(_) => Err(BadParam::new("order", "expected newest or slowest")),
        }
    }
}

/// The state of the page. A link is a copy with one thing changed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TracesUrl {
    pub(crate) query: String,
    /// Clauses that were taken out of the query for now.
    pub(crate) off: Vec<String>,
    /// What is held against the rest.
    pub(crate) region: Option<Region>,
    /// Fields whose values make groups.
    pub(crate) group: Vec<String>,
    pub(crate) sort: Sort,
    /// Every group is shown, not the first ones only.
    pub(crate) shows_all: bool,
    pub(crate) order: Order,
    pub(crate) asked: Asked,
    pub(crate) cursor: Option<String>,
}

impl TracesUrl {
    pub(crate) fn new(query: &str, asked: Asked) -> Self {
        Self {
            query: query.to_owned(),
            off: Vec::new(),
            region: None,
            group: OPERATION.map(str::to_owned).to_vec(),
            sort: Sort::default(),
            shows_all: false,
            order: Order::default(),
            asked,
            cursor: None,
        }
    }

    pub(crate) fn from_params(params: &Params, now: Timestamp) -> Result<Self, BadParam> {
        let off = query_text::clauses(params.get("off").unwrap_or_default())
            .ok_or_else(|| BadParam::new("off", "expected clauses of a query"))?;
        let mut url = Self {
            off,
            region: Region::from_params(params)?,
            sort: Sort::named(params.get("sort"))?,
            shows_all: params.get("groups") == Some("all"),
            order: Order::named(params.get("order"))?,
            cursor: params.get("cursor").map(str::to_owned),
            ..Self::new(&params.text("q"), Asked::from_params(params, now, "1h")?)
        };
        let group = params.list("group");
        if !group.is_empty() {
            url.group = group;
            url.group.truncate(MOST_FIELDS);
        }
        Ok(url)
    }

    /// Every parameter but the range, in the order of the URL; empty ones are left out of links.
    fn parameters(&self) -> Vec<(&'static str, String)> {
        let region = self.region.as_ref().map(Region::as_str);
        let group = if self.is_by_operation() {
            String::new()
        } else {
            self.group.join(",")
        };
        vec![
            ("q", self.query.clone()),
            ("off", self.off.join(" ")),
            ("region", region.unwrap_or_default().to_owned()),
            ("group", group),
            ("sort", self.sort.name().to_owned()),
            ("groups", if self.shows_all { "all" } else { "" }.to_owned()),
            ("order", self.order.name().to_owned()),
            ("cursor", self.cursor.clone().unwrap_or_default()),
        ]
    }

    /// What a form or a range picker must carry on besides `left_out` and the place in the list.
    pub(crate) fn kept(&self, left_out: &[&str]) -> Vec<(&'static str, String)> {
        let mut kept = self.parameters();
        kept.retain(|(name, value)| {
            !value.is_empty() && *name != "cursor" && !left_out.contains(name)
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
        self.asked.link("/traces", &pairs)
    }

    /// The first page of the list, with something changed.
    fn changed(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut url = Self {
            cursor: None,
            ..self.clone()
        };
        change(&mut url);
        url
    }

    pub(crate) fn is_by_operation(&self) -> bool {
        self.group == OPERATION
    }

    pub(crate) fn with_query(&self, query: &str) -> Self {
        self.changed(|url| query.clone_into(&mut url.query))
    }

    /// Narrowed by a clause.
    pub(crate) fn narrowed(&self, clause: &str) -> Self {
        self.with_query(&query_text::with(&self.query, clause))
    }

    /// The last so much.
    pub(crate) fn with_last(&self, last: &str) -> String {
        let kept = self.kept(&[]);
        let pairs = kept.iter().map(|(name, value)| (*name, value.as_str()));
        let all: Vec<(&str, &str)> = pairs.chain([("last", last)]).collect();
        crate::url::link("/traces", &all)
    }

    /// What is newest now: of a range that stands still, a moving one as long. A region that is
    /// bounded in time would be left behind.
    pub(crate) fn newest(&self) -> String {
        let url = self.changed(|url| {
            url.order = Order::Newest;
            url.region = url.region.take().filter(|region| region.times().is_none());
        });
        match &self.asked.last {
            Some(_) => url.href(),
            None => url.with_last(range::quick_over(self.asked.length())),
        }
    }

    pub(crate) fn with_region(&self, region: Option<Region>) -> Self {
        self.changed(|url| url.region = region)
    }

    /// Only what is inside the region, which then is no region any more.
    pub(crate) fn inside(&self, region: &Region) -> Self {
        let clauses = region.clauses_beside_time();
        let query = clauses.iter().fold(self.query.clone(), |query, clause| {
            query_text::with(&query, clause)
        });
        self.changed(|url| {
            url.query = query;
            url.region = None;
            if let Some((start, end)) = region.times().filter(|(start, end)| start < end) {
                url.asked = Asked::absolute(TimeRange { start, end });
            }
        })
    }

    pub(crate) fn with_group(&self, fields: &[&str]) -> Self {
        self.changed(|url| {
            url.group = fields.iter().map(|field| (*field).to_owned()).collect();
            url.shows_all = false;
        })
    }

    pub(crate) fn with_sort(&self, sort: Sort) -> Self {
        self.changed(|url| url.sort = sort)
    }

    pub(crate) fn with_all_groups(&self, shows_all: bool) -> Self {
        self.changed(|url| url.shows_all = shows_all)
    }

    pub(crate) fn with_order(&self, order: Order) -> Self {
        self.changed(|url| url.order = order)
    }

    /// The page that follows. Its range is absolute: paging stays in the moment where it began.
    pub(crate) fn at_cursor(&self, cursor: &str) -> Self {
        self.changed(|url| {
            url.cursor = Some(cursor.to_owned());
            url.asked = Asked::absolute(url.asked.range);
        })
    }
}

impl QueryUrl for TracesUrl {
    fn query(&self) -> &str {
        &self.query
    }

    fn off(&self) -> &[String] {
        &self.off
    }

    fn asking(&self, query: &str, off: Vec<String>) -> String {
        let url = self.changed(|url| {
            query.clone_into(&mut url.query);
            url.off = off;
        });
        url.href()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(query: &str) -> Result<TracesUrl, BadParam> {
        let now = "2026-11-22T06:00:00Z".parse().unwrap();
        TracesUrl::from_params(&Params::parse(query), now)
    }

    #[test]
    fn a_url_is_read_and_written_as_it_was() {
        for query in [
            "last=1h",
            "q=a&off=b:c%20-d&region=status:error&group=host.name,kind&sort=p99&groups=all&order=slowest&last=6h",
            "q=a&cursor=1e15-3&start=2026-11-22T05:00:00Z&end=2026-11-22T05:10:00Z",
        ] {
            let written = url(query).unwrap().href();
            assert_eq!(
                url(&written[8..]).unwrap(),
                url(query).unwrap(),
                "{written}"
            );
        }
        assert_eq!(
            url("group=service,name&sort=spans").unwrap().href(),
            "/traces?last=1h"
        );
        assert_eq!(url("sort=x").unwrap_err().name, "sort");
        assert_eq!(url("order=x").unwrap_err().name, "order");
        assert_eq!(url("off=(").unwrap_err().name, "off");
    }

    #[test]
    fn what_is_inside_a_region_becomes_the_query_and_its_time_the_range() {
        let here = url("q=a&cursor=5&region=duration:%5B1s%20TO%202s%7D%20timestamp:%5B2026-11-22T05:10:00Z%20TO%202026-11-22T05:20:00Z%7D").unwrap();
        let inside = here.inside(here.region.as_ref().unwrap());
        assert_eq!(inside.query, "a duration:[1s TO 2s}");
        assert_eq!(inside.asked.length().as_secs(), 600);
        assert!(inside.region.is_none() && inside.cursor.is_none());
    }

    #[test]
    fn the_newest_are_those_of_a_range_that_moves() {
        let fixed = "q=a&order=slowest&region=timestamp:%3E5&start=2026-11-22T05:00:00Z&end=2026-11-22T05:10:00Z";
        let here = url(fixed).unwrap();
        assert_eq!(here.newest(), "/traces?q=a&region=timestamp:%3E5&last=15m");
        let timed =
            url("region=timestamp:%5B2026-11-22T05:00:00Z%20TO%202026-11-22T05:10:00Z%7D&last=6h");
        assert_eq!(timed.unwrap().newest(), "/traces?last=6h");
    }

    #[test]
    fn paging_stays_in_its_moment() {
        let later = url("last=1h&region=a:b").unwrap().at_cursor("5-1");
        assert_eq!(later.asked.last, None);
        assert!(
            later
                .href()
                .contains("cursor=5-1&start=2026-11-22T05:00:00Z")
        );
        assert!(later.kept(&[]).iter().all(|(name, _)| *name != "cursor"));
    }
}
