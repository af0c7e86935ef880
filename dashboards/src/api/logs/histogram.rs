use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};
use watchfire_schemas::SeverityRange;

use super::super::Problem;
use crate::api::events::Events;
use crate::ask::DEADLINE;
use crate::params::{BadParam, Params};
use crate::range::Asked;

/// `GET /api/v1/logs/histogram?q=&start=&end=&step=`: counts over time by severity. Of a query with
/// a pipe it counts the records that stand before it.
pub(super) async fn answer(
    State(logs): State<Events>,
    params: Params,
) -> Result<Json<Value>, Problem> {
    let asked = Asked::from_params(&params, logs.clock.now(), "24h")?;
    let step = step(&params, &asked)?;
    let bars = logs
        .events
        .log_histogram(params.text("q"), asked.range, step, DEADLINE)
        .await?;
    let partial = bars.partial;
    let bars = bars.bars.iter().map(|bar| {
        let counts: Map<String, Value> = SeverityRange::ALL
            .iter()
            .zip(bar.counts)
            .map(|(severity, count)| (severity.as_str().to_owned(), count.into()))
            .collect();
        json!({ "start": bar.start, "counts": counts })
    });
    Ok(Json(json!({
        "step_seconds": step.as_secs_f64(),
        "bars": bars.collect::<Vec<_>>(),
        "partial": partial,
    })))
}

/// `step` in seconds, never so short that there would be more than 2,000 steps.
fn step(params: &Params, asked: &Asked) -> Result<Duration, BadParam> {
    let Some(text) = params.get("step") else {
        return Ok(asked.step(90));
    };
    let seconds: f64 = text
        .trim_end_matches('s')
        .parse()
        .map_err(|_| BadParam::new("step", "expected seconds"))?;
    let is_usable = seconds.is_finite() && seconds > 0.0 && seconds < 1e9;
    if !is_usable {
        return Err(BadParam::new(
            "step",
            "expected a number of seconds above zero",
        ));
    }
    Ok(Duration::from_secs_f64(seconds).max(asked.length() / 2000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::samples;

    #[test]
    fn steps_are_bounded() {
        let now = samples::now();
        let asked = Asked::from_params(&Params::parse("last=24h"), now, "1h").unwrap();
        let step = |query: &str| step(&Params::parse(query), &asked);
        assert_eq!(step("step=60"), Ok(Duration::from_mins(1)));
        assert_eq!(step("step=0.001"), Ok(Duration::from_millis(43_200)));
        assert_eq!(step("step=-1").unwrap_err().name, "step");
        assert_eq!(step("step=NaN").unwrap_err().name, "step");
    }
}
