//! The chart: lines or cells over the range, with what happened meanwhile.

use std::collections::BTreeMap;
use std::time::Duration;

use watchfire_schemas::{Exemplar, SpanId, Timestamp, TraceId};

use super::answers::{Answered, Found, Value};
use super::heat;
use super::lines::Lines;
use super::quantity::unit_of;
use super::state::{ExploreUrl, Shape};
use super::syntax::tokens;
use crate::charts::{Cells, Lane, Look, Scale, Steps, Svg, TimePlot, TraceDot, Unit, extent};
use crate::figures;
use crate::pages::incidents::is_open;
use crate::pages::marks;
use crate::{chain, query_text};

const HEIGHT: u32 = 300;
/// Exemplars are drawn for so many stretches of the range, of each those with the greatest values.
/// Incidents and changes drawn at most, the newest: more would be one stroke.
const MOST_MARKS: usize = 50;
const STRETCHES: i64 = 30;
const DOTS_OF_A_STRETCH: usize = 2;

/// What the values of all queries count, if they agree.
pub(super) fn unit(found: &Found) -> Unit {
    let said = |family: &str| {
        let meta = found.said.iter().find(|meta| meta.family == family)?;
        (!meta.unit.is_empty()).then(|| meta.unit.clone())
    };
    let mut units = found
        .answers
        .iter()
        .filter(|answered| answered.value.is_ok())
        .map(|answered| unit_of(&answered.expr, said));
    let first = units.next().unwrap_or_default();
    if units.all(|unit| unit == first) {
        first
    } else {
        Unit::Number
    }
}

pub(super) fn graph(found: &Found, lines: &Lines, url: &ExploreUrl, steps: Steps) -> Svg {
    let unit = unit(found);
    let shown: Vec<Lane> = lines.shown().map(|line| line.lane.clone()).collect();
    let ghosts: Vec<Lane> = lines
        .shown()
        .filter_map(|line| line.ghost.clone())
        .collect();
    let dots = dots(found, url, shows_observations(found));
    let scale = scale(&shown, &ghosts, &dots, url, unit);
    let mut plot = TimePlot::scaled(steps.range(url.asked.range.end), HEIGHT, scale, unit);
    happened(&mut plot, found, url);
    if url.shape != Shape::Stacked {
        plot.lanes(steps, &ghosts, Look::Lines);
    }
    let look = if url.shape == Shape::Stacked {
        Look::Stacked
    } else {
        Look::Lines
    };
    plot.lanes(steps, &shown, look);
    plot.dots(&dots);
    plot.told_at(&format!("{}&as=json", url.permalink()));
    plot.finish(&format!("{} lines over the range", shown.len()))
}

fn scale(
    shown: &[Lane],
    ghosts: &[Lane],
    dots: &[TraceDot],
    url: &ExploreUrl,
    unit: Unit,
) -> Scale {
    if url.shape == Shape::Stacked {
        let steps = shown
            .iter()
            .map(|lane| lane.values.len())
            .max()
            .unwrap_or(0);
        let sum = |step: usize| -> f64 {
            let values = shown.iter().filter_map(|lane| lane.values.get(step));
            values.filter(|value| value.is_finite()).sum()
        };
        return Scale::from_zero((0..steps).map(sum).fold(0.0, f64::max), unit);
    }
    let all = || shown.iter().chain(ghosts);
    let (low, high) = extent(all());
    if url.shape == Shape::Logarithmic {
        let above = all().flat_map(Lane::finite).filter(|value| *value > 0.0);
        return Scale::logarithmic(above.fold(f64::INFINITY, f64::min), high, unit);
    }
    // Observations stand on the axis as well.
    let observed = dots.iter().filter_map(|dot| dot.value).reduce(f64::max);
    match observed {
        Some(observed) => Scale::from_zero(high.max(observed), unit),
        None => Scale::fitting(low, high, unit),
    }
}

/// Whether the axis is that of the observations: of a rate it is not.
fn shows_observations(found: &Found) -> bool {
    found.answers.iter().all(|answered| {
        let all = tokens(&answered.expr);
        all.first()
            .is_some_and(|first| first.text == "histogram_quantile")
    })
}

/// Incidents as strokes along the head, deploys and other changes as flags at the foot.
fn happened(plot: &mut TimePlot, found: &Found, url: &ExploreUrl) {
    for incident in found.incidents.iter().take(MOST_MARKS) {
        let end = incident.recovered_at.or(incident.resolved_at);
        let end = end.unwrap_or(url.asked.range.end);
        let state = if is_open(incident) { "open" } else { "over" };
        let title = format!(
            "{}\n{state}, since {} UTC",
            incident.title,
            figures::date_time(incident.onset.at)
        );
        let href = chain::incident(&url.asked, &incident.id);
        plot.lasting(incident.onset.at, end, &title, &href);
    }
    for change in found.changes.iter().take(MOST_MARKS) {
        marks::flag(plot, change);
    }
}

fn dots(found: &Found, url: &ExploreUrl, has_place: bool) -> Vec<TraceDot> {
    let exemplars = found.exemplars.iter().flat_map(|series| &series.exemplars);
    let mut traced: Vec<_> = exemplars
        .filter_map(|exemplar| Some((exemplar, trace_of(exemplar)?)))
        .filter(|(exemplar, _)| {
            let at = Timestamp::from_millis(exemplar.t);
            at >= url.asked.range.start && at <= url.asked.range.end
        })
        .collect();
    traced.sort_by(|a, b| b.0.v.total_cmp(&a.0.v));
    traced.dedup_by(|a, b| a.1 == b.1);
    // Of each stretch of time a few: the greatest of all may have come at once.
    let stretch = (url.asked.length().as_millis() as i64 / STRETCHES).max(1);
    let mut drawn: BTreeMap<i64, usize> = BTreeMap::new();
    traced.retain(|(exemplar, _)| {
        let drawn = drawn.entry(exemplar.t / stretch).or_default();
        *drawn += 1;
        *drawn <= DOTS_OF_A_STRETCH
    });
    let dot = |(exemplar, trace): (&Exemplar, TraceId)| TraceDot {
        at: Timestamp::from_millis(exemplar.t),
        value: has_place.then_some(exemplar.v),
        title: format!(
            "{} observed at {}\nopen trace {}",
            figures::short(exemplar.v),
            figures::clock(Timestamp::from_millis(exemplar.t)),
            figures::cut(&trace.to_string(), 8).0
        ),
        href: chain::trace(&url.asked, &trace, span_of(exemplar).as_ref()),
    };
    traced.into_iter().map(dot).collect()
}

/// Where it was observed, by its field or, as others send it, by its label.
pub(crate) fn trace_of(exemplar: &Exemplar) -> Option<TraceId> {
    let in_label = || exemplar.labels.get("trace_id")?.parse().ok();
    exemplar.trace_id.or_else(in_label)
}

pub(crate) fn span_of(exemplar: &Exemplar) -> Option<SpanId> {
    exemplar.labels.get("span_id")?.parse().ok()
}

/// The heat map of the first query, if it has buckets.
pub(super) fn heat_map(found: &Found, url: &ExploreUrl, steps: Steps) -> Option<Svg> {
    let answered = found.answers.first()?;
    let Ok(Value::Lines(answer)) = &answered.value else {
        return None;
    };
    let cells = heat::cells(&answer.value, steps)?;
    Some(heat_chart(found, answered, &cells, url, steps))
}

fn heat_chart(
    found: &Found,
    answered: &Answered,
    cells: &Cells,
    url: &ExploreUrl,
    steps: Steps,
) -> Svg {
    let unit = bucket_unit(&answered.expr);
    let bounds: Vec<String> = cells
        .bounds
        .iter()
        .map(|bound| bound_text(*bound, unit))
        .collect();
    let range = steps.range(url.asked.range.end);
    let mut plot = TimePlot::scaled(range, HEIGHT, Scale::rows(&bounds), unit);
    happened(&mut plot, found, url);
    let query = spans(&answered.expr);
    // What a step shows was observed in the window before it.
    let window = window(&answered.expr).unwrap_or_else(|| url.step());
    plot.heat(steps, cells, |step| {
        chain::observed(&query, steps.at(step) - window, steps.at(step))
    });
    let mut dots = dots(found, url, true);
    dots.retain_mut(|dot| {
        dot.value = dot.value.and_then(|value| cells.height_of(value));
        dot.value.is_some()
    });
    plot.dots(&dots);
    plot.finish("Observations by size over the range")
}

/// The unit of what was observed.
pub(crate) fn bucket_unit(expr: &str) -> Unit {
    let all = tokens(expr);
    let metrics = super::quantity::metrics(&all);
    metrics.first().map_or(Unit::Number, |name| {
        unit_of(super::quantity::family(name), |_| None)
    })
}

pub(crate) fn bound_text(bound: f64, unit: Unit) -> String {
    match bound {
        f64::INFINITY => "∞".to_owned(),
        f64::NEG_INFINITY => "−∞".to_owned(),
        bound => unit.write(bound),
    }
}

/// The query for the spans that an expression is about, as far as its labels tell.
fn spans(expr: &str) -> String {
    const LABELS: [(&[&str], &str); 4] = [
        (&["service", "service_name", "job"], "service"),
        (&["operation", "span_name"], "name"),
        (&["kind", "span_kind"], "kind"),
        (&["status", "status_code"], "status"),
    ];
    let all = tokens(expr);
    let clause = |(labels, field): &(&[&str], &str)| {
        let named = all
            .windows(3)
            .find(|three| labels.contains(&three[0].text) && three[1].text == "=")?;
        let value = named[2].text.trim_matches(['"', '\'', '`']);
        let plain = ["SPAN_KIND_", "STATUS_CODE_"]
            .iter()
            .find_map(|prefix| value.strip_prefix(prefix));
        let value = plain.map_or_else(|| value.to_owned(), str::to_lowercase);
        Some(query_text::term(field, &value))
    };
    let clauses: Vec<String> = LABELS.iter().filter_map(clause).collect();
    clauses.join(" ")
}

/// The first window of an expression, `[5m]`.
fn window(expr: &str) -> Option<Duration> {
    let (_, rest) = expr.split_once('[')?;
    let (window, _) = rest.split_once([']', ':'])?;
    crate::range::span(window.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_leads_to_the_spans_that_its_expression_names() {
        let expr = "sum by (le) (increase(x_bucket{service=\"a b\",kind=\"SPAN_KIND_SERVER\",operation=\"GET /\"}[90s]))";
        assert_eq!(spans(expr), "service:\"a b\" name:\"GET /\" kind:server");
        assert_eq!(window(expr), Some(Duration::from_secs(90)));
        assert_eq!(spans("rate(x[5m])"), "");
        assert_eq!(window("up"), None);
    }
}
