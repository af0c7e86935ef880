//! What the page shows.

use askama::Template;
use watchfire_schemas::Timestamp;

use super::comparison::{Compared, compared};
use super::groups::{Grouped, grouped};
use super::list::{TraceRow, rows};
use super::region::Region;
use super::scatter::{Picture, picture};
use super::search::{Answer, Comparison, Found};
use super::shortcuts::{Shortcuts, shortcuts};
use super::state::{Order, TracesUrl};
use crate::pages::query_bar::{Hint, Pill, Unreadable, hint, pills};
use crate::shell::Shell;
use crate::{assets, figures, url};

/// The hidden fields of a form.
type Hidden = Vec<(&'static str, String)>;

/// The form that marks a region by numbers, as it is filled now.
#[derive(Debug, Clone, Default)]
pub(crate) struct RegionForm {
    pub(crate) hidden: Hidden,
    pub(crate) slower: String,
    pub(crate) faster: String,
    pub(crate) since: String,
    pub(crate) until: String,
}

#[derive(Debug, Template)]
#[template(path = "traces.html")]
pub(crate) struct TracesPage {
    pub(crate) shell: Shell,
    pub(crate) style: &'static str,
    pub(crate) script: &'static str,
    pub(crate) query_style: &'static str,
    pub(crate) query_script: &'static str,
    pub(crate) query: String,
    pub(crate) in_search: Hidden,
    pub(crate) pills: Vec<Pill>,
    pub(crate) error: Option<Unreadable>,
    pub(crate) hints: Vec<Hint>,
    pub(crate) shortcuts: Shortcuts,
    pub(crate) summary: String,
    pub(crate) is_partial: bool,
    pub(crate) picture: Option<Picture>,
    pub(crate) form: RegionForm,
    pub(crate) region_error: Option<Unreadable>,
    pub(crate) compared: Option<Compared>,
    pub(crate) grouped: Option<Grouped>,
    pub(crate) traces: Vec<TraceRow>,
    pub(crate) list_title: &'static str,
    pub(crate) list_note: String,
    /// (label, link, is it the one)
    pub(crate) orders: Vec<(&'static str, String, bool)>,
    /// Nothing was found; whether nothing but the range was asked for, and longer ranges.
    pub(crate) is_nothing: bool,
    pub(crate) wider: Vec<(&'static str, String)>,
    pub(crate) next: Option<String>,
    pub(crate) first: Option<String>,
    pub(crate) newest: String,
    pub(crate) json: String,
    /// What was counted in part, asked with more patience; empty if all was counted.
    pub(crate) patient: String,
}

pub(crate) fn view(shell: Shell, url: &TracesUrl, now: Timestamp, found: &Found) -> TracesPage {
    let mut page = frame(shell, url);
    if let Answer::Unreadable(column, reason) = &found.answer {
        page.error = Some(Unreadable::new(&url.query, *column, reason));
        return page;
    }
    let (listed, taken) = found.listed();
    page.traces = rows(&listed, &found.outlines, now, url);
    page.hints = hints(found, url);
    page.shortcuts = shortcuts(found, url);
    let scatter = found
        .scatter
        .as_ref()
        .filter(|found| !found.cells.is_empty());
    page.picture = scatter.map(|found_spans| picture(found_spans, &found.marks, url));
    let has_spans = found.groups.as_ref().is_some_and(|groups| groups.total > 0);
    page.is_nothing =
        page.traces.is_empty() && url.cursor.is_none() && scatter.is_none() && !has_spans;
    if !page.is_nothing {
        page.grouped = Some(grouped(found.groups.as_ref(), url));
        compare(&mut page, found, url);
    }
    list_paging(&mut page, found, url, taken);
    total(&mut page, found);
    let is_late = page.is_partial
        || found.outlines.len() < listed.len()
        || page
            .grouped
            .as_ref()
            .is_some_and(|grouped| grouped.is_partial)
        || page
            .compared
            .as_ref()
            .is_some_and(|compared| compared.is_partial);
    if is_late && !found.is_patient {
        page.patient = format!("{}&wait=1", url.href());
    }
    page
}

/// The page before anything is answered.
fn frame(shell: Shell, url: &TracesUrl) -> TracesPage {
    let order = |label, order| {
        let href = format!("{}#traces", url.with_order(order).href());
        (label, href, url.order == order)
    };
    let range = url.asked.parameters();
    let mut api: Vec<(&str, &str)> = vec![("q", &url.query)];
    api.extend(range.iter().map(|(name, value)| (*name, value.as_str())));
    TracesPage {
        shell,
        style: &assets::TRACES_STYLE.href,
        script: &assets::TRACES_SCRIPT.href,
        query_style: &assets::QUERY_STYLE.href,
        query_script: &assets::QUERY_SCRIPT.href,
        query: url.query.clone(),
        in_search: url.hidden(&["q"]),
        pills: pills(url),
        error: None,
        hints: Vec::new(),
        shortcuts: Shortcuts::default(),
        summary: String::new(),
        is_partial: false,
        picture: None,
        form: form(url),
        region_error: None,
        compared: None,
        grouped: None,
        traces: Vec::new(),
        list_title: "Traces",
        list_note: String::new(),
        orders: vec![
            order("Newest", Order::Newest),
            order("Slowest", Order::Slowest),
        ],
        is_nothing: false,
        wider: ["24h", "7d"]
            .map(|last| (last, url.with_last(last)))
            .to_vec(),
        next: None,
        first: None,
        newest: url.newest(),
        json: url::link("/api/v1/traces", &api),
        patient: String::new(),
    }
}

fn form(url: &TracesUrl) -> RegionForm {
    let region = url.region.as_ref();
    let seconds = |bound: f64| {
        if bound.is_finite() && bound > 0.0 {
            super::region::duration(bound)
        } else {
            String::new()
        }
    };
    let (slower, faster) = region.and_then(Region::durations).unwrap_or((0.0, 0.0));
    let input = |at: Timestamp| at.to_string()[..19].to_owned();
    let times = region.and_then(Region::times);
    RegionForm {
        hidden: url.hidden(&["region"]),
        slower: seconds(slower),
        faster: seconds(faster),
        since: times.map_or_else(String::new, |(since, _)| input(since)),
        until: times.map_or_else(String::new, |(_, until)| input(until)),
    }
}

/// What was perhaps meant, each said once.
fn hints(found: &Found, url: &TracesUrl) -> Vec<Hint> {
    let of_scatter = found.scatter.iter().flat_map(|found| &found.hints);
    let of_groups = found.groups.iter().flat_map(|found| &found.hints);
    let of_region = found
        .comparison
        .iter()
        .flat_map(|comparison| match comparison {
            Comparison::Found(found) => found.hints.as_slice(),
            _ => &[],
        });
    let mut texts: Vec<&String> = Vec::new();
    for text in found
        .services
        .hints
        .iter()
        .chain(of_scatter)
        .chain(of_groups)
        .chain(of_region)
    {
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts.into_iter().map(|text| hint(text, url)).collect()
}

fn compare(page: &mut TracesPage, found: &Found, url: &TracesUrl) {
    let (Some(comparison), Some(region)) = (&found.comparison, &url.region) else {
        return;
    };
    page.compared = match comparison {
        Comparison::Found(found) => Some(compared(Some(found), region, url)),
        Comparison::Late => Some(compared(None, region, url)),
        Comparison::Unreadable(column, reason) => {
            page.region_error = Some(Unreadable::new(region.as_str(), *column, reason));
            None
        }
    };
}

fn list_paging(page: &mut TracesPage, found: &Found, url: &TracesUrl, taken: usize) {
    if page.compared.is_some() {
        page.list_title = "Traces of the region";
    }
    let is_later = url.cursor.is_some();
    page.first = is_later.then(|| url.with_query(&url.query).href());
    let Answer::Newest(spans) = &found.answer else {
        page.list_note = format!(
            "Traces of the {} slowest spans of the {}.",
            found.slowest().len().min(super::scatter::OUTLIERS),
            if url.region.is_some() {
                "region"
            } else {
                "search"
            }
        );
        return;
    };
    let next = if taken < spans.spans.len() {
        spans.cursor_after(taken.saturating_sub(1))
    } else {
        spans.next.clone()
    };
    page.next = next.map(|cursor| url.at_cursor(&cursor).href());
}

/// How many spans there are, as surely as it is known.
fn total(page: &mut TracesPage, found: &Found) {
    let listed = match &found.answer {
        Answer::Newest(spans) if page.region_error.is_some() || page.compared.is_none() => {
            Some((spans.total, spans.total_is_exact))
        }
        _ => None,
    };
    let groups = found.groups.as_ref();
    let counted = groups.map(|groups| (groups.total, !groups.partial));
    let known = [listed, counted].into_iter().flatten();
    let (total, is_exact) = known
        .max_by_key(|(total, is_exact)| (*is_exact, *total))
        .unwrap_or((0, false));
    let about = if is_exact { "" } else { "at least " };
    let noun = if total == 1 { "span" } else { "spans" };
    let failed = groups.filter(|groups| groups.errors > 0).map(|groups| {
        let about = if groups.partial { "at least " } else { "" };
        format!(", {about}{} failed", figures::count(groups.errors))
    });
    page.summary = format!(
        "{about}{} {noun}{}",
        figures::count(total),
        failed.unwrap_or_default()
    );
    let is_cut = |found: &Option<watchfire_logsearch::SpanScatter>| {
        found.as_ref().is_none_or(|found| found.partial)
    };
    let list_is_cut = match &found.answer {
        Answer::Newest(spans) => spans.partial,
        Answer::Slowest(inside) => inside.as_ref().is_some_and(|inside| inside.partial),
        Answer::Unreadable(..) => false,
    };
    page.is_partial = is_cut(&found.scatter) || list_is_cut;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::samples::{self, Mood};
    use crate::params::Params;
    use crate::shell::House;

    fn shown(query: &str, found: &Found) -> TracesPage {
        let url = TracesUrl::from_params(&Params::parse(query), samples::now()).unwrap();
        let house = House {
            now: samples::now(),
            is_demo: false,
            open_incidents: 0,
        };
        let shell = Shell::new(&house, "/traces", "Traces");
        view(shell, &url, samples::now(), found)
    }

    #[test]
    fn what_was_counted_in_part_is_said_and_asked_again_once() {
        let mut found = samples::spans_found(Mood::Full);
        found.is_patient = false;
        let one_unknown = shown("q=a:b&region=status:error", &found);
        assert!(!one_unknown.is_partial && one_unknown.patient.ends_with("&wait=1"));
        assert!(one_unknown.summary.ends_with(" failed"));
        assert!(!one_unknown.summary.contains("at least"));
        found.comparison = Some(Comparison::Late);
        let late = shown("q=a:b&region=status:error", &found);
        assert!(late.compared.unwrap().is_partial);
        found.is_patient = true;
        assert!(
            shown("q=a:b&region=status:error", &found)
                .patient
                .is_empty()
        );
        found.scatter = None;
        assert!(shown("", &found).is_partial);
    }

    #[test]
    fn a_query_or_a_region_that_cannot_be_read_is_marked_where_it_stands() {
        let mut found = samples::spans_found(Mood::Full);
        found.comparison = Some(Comparison::Unreadable(3, "expected a value".to_owned()));
        let page = shown("region=a:(", &found);
        assert_eq!(page.region_error.unwrap().tail, "(");
        assert!(!page.traces.is_empty() && page.compared.is_none());
        found.answer = Answer::Unreadable(3, "expected a value".to_owned());
        let page = shown("q=a:(", &found);
        assert_eq!(page.error.unwrap().head, "a:");
        assert!(page.grouped.is_none() && page.traces.is_empty());
    }

    #[test]
    fn a_page_goes_on_where_it_was_cut() {
        let mut found = samples::spans_found(Mood::Full);
        if let Answer::Newest(page) = &mut found.answer {
            page.next = Some("1e15-3".to_owned());
        }
        let page = shown("last=1h", &found);
        assert!(page.next.unwrap().contains("cursor=1e15-3&start="));
        assert!(page.first.is_none());
        let later = shown("last=1h&cursor=1e15-3", &found);
        assert!(!later.first.unwrap().contains("cursor"));
    }

    #[test]
    fn nothing_found_offers_a_longer_range() {
        let page = shown("q=a:b&last=1h", &samples::spans_found(Mood::Empty));
        assert!(page.is_nothing && page.grouped.is_none());
        assert_eq!(page.wider[0].1, "/traces?q=a:b&last=24h");
    }
}
