//! One chart of the page, with what happened meanwhile, and the way to look closer.

use crate::charts::{Lane, Look, Scale, Steps, Svg, TimePlot, Unit, extent};
use crate::figures;
use crate::pages::explore;
use crate::range::Asked;

use super::Happened;

const HEIGHT: u32 = 120;

#[derive(Debug)]
pub(crate) struct Panel {
    pub(crate) title: &'static str,
    /// The newest values, or what the lines are.
    pub(crate) note: String,
    pub(crate) chart: Svg,
    /// Its expression on the page for expressions.
    pub(crate) href: String,
}

/// What a chart is drawn from.
#[derive(Debug)]
pub(super) struct Drawn<'a> {
    pub(super) title: &'static str,
    pub(super) lanes: Vec<Lane>,
    /// The same earlier.
    pub(super) ghosts: Vec<Lane>,
    pub(super) unit: Unit,
    pub(super) expr: &'a str,
}

pub(super) fn panel(drawn: Drawn<'_>, asked: &Asked, steps: Steps, happened: &Happened) -> Panel {
    let Drawn {
        title,
        lanes,
        ghosts,
        unit,
        expr,
    } = drawn;
    let (_, high) = extent(lanes.iter().chain(&ghosts));
    let range = steps.range(asked.range.end);
    let mut plot = TimePlot::scaled(range, HEIGHT, Scale::from_zero(high, unit), unit);
    mark(&mut plot, happened, asked);
    plot.lanes(steps, &ghosts, Look::Lines);
    plot.lanes(steps, &lanes, Look::Lines);
    plot.told(steps, &[lanes.as_slice(), ghosts.as_slice()].concat());
    Panel {
        title,
        note: note(&lanes, unit),
        chart: plot.finish(&format!("{title} over the range")),
        href: explore::link(expr, asked),
    }
}

/// Incidents as strokes along the head, changes as flags at the foot.
pub(super) fn mark(plot: &mut TimePlot, happened: &Happened, asked: &Asked) {
    for incident in &happened.incidents {
        let end = incident
            .recovered_at
            .or(incident.resolved_at)
            .unwrap_or(asked.range.end);
        let href = crate::chain::incident(asked, &incident.id);
        plot.lasting(incident.onset.at, end, &incident.title, &href);
    }
    for change in &happened.changes {
        let title = format!(
            "{} at {}: {}",
            change.kind.as_str(),
            figures::clock(change.at),
            change.summary
        );
        plot.flag(change.at, "change", &title);
    }
}

fn note(lanes: &[Lane], unit: Unit) -> String {
    let last = |lane: &Lane| {
        let last = lane
            .figures()
            .map_or_else(|| "–".to_owned(), |f| unit.write(f.last));
        if lanes.len() > 1 {
            format!("{} {last}", lane.name)
        } else {
            last
        }
    };
    if lanes.len() > 3 {
        return format!("{} lines", lanes.len());
    }
    lanes.iter().map(last).collect::<Vec<_>>().join(", ")
}
