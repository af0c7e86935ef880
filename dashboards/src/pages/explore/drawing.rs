//! The chart: lines or cells over the range, with what happened meanwhile.

use std::collections::BTreeMap;

use watchfire_schemas::Timestamp;

use super::answers::{Answered, Found, Value};
use super::heat;
use super::lines::Lines;
use super::quantity::unit_of;
use super::state::{ExploreUrl, Shape};
use super::syntax::tokens;
use crate::charts::{Cells, Lane, Look, Scale, Steps, Svg, TimePlot, TraceDot, Unit, extent};
use crate::figures;
use crate::pages::incidents::is_open;
use crate::{query_text, url as links};

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
        let href = format!("/incidents/{}", links::encode(&incident.id));
        plot.lasting(incident.onset.at, end, &title, &href);
    }
    for change in found.changes.iter().take(MOST_MARKS) {
        let title = format!(
            "{} of {} at {}\n{}",
            change.kind.as_str(),
            change.service,
            figures::clock(change.at),
            change.summary
        );
        plot.flag(change.at, "change", &title);
    }
}

fn dots(found: &Found, url: &ExploreUrl, has_place: bool) -> Vec<TraceDot> {
    let exemplars = found.exemplars.iter().flat_map(|series| &series.exemplars);
    let mut traced: Vec<_> = exemplars
        .filter_map(|exemplar| {
            let in_label = || exemplar.labels.get("trace_id").map(str::to_owned);
            let trace = exemplar
                .trace_id
                .map(|id| id.to_string())
                .or_else(in_label)?;
            Some((exemplar, trace))
        })
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
    let dot = |(exemplar, trace): (&watchfire_schemas::Exemplar, String)| TraceDot {
        at: Timestamp::from_millis(exemplar.t),
        value: has_place.then_some(exemplar.v),
        title: format!(
            "{} observed at {}\nopen trace {}",
            figures::short(exemplar.v),
            figures::clock(Timestamp::from_millis(exemplar.t)),
            figures::cut(&trace, 8).0
        ),
        href: format!("/traces/{}", links::encode(&trace)),
    };
    traced.into_iter().map(dot).collect()
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
    let query = services(&answered.expr);
    plot.heat(steps, cells, |step| {
        let (start, end) = (steps.at(step), steps.at(step + 1));
        links::link(
            "/traces",
            &[
                ("q", &query),
                ("start", &start.to_string()),
                ("end", &end.to_string()),
            ],
        )
    });
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

/// The query for spans of the services that an expression names.
fn services(expr: &str) -> String {
    let all = tokens(expr);
    let named = all.windows(3).find(|three| {
        ["service", "service_name", "job"].contains(&three[0].text) && three[1].text == "="
    });
    named.map_or_else(String::new, |three| {
        query_text::term("service.name", three[2].text.trim_matches(['"', '\'', '`']))
    })
}
