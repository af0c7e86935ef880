use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use serde_json::json;

use super::comparison::Comparison;
use super::recording::{LeftOut, Recording};
use crate::cli::ReplayArgs;
use crate::load::{Summary, millis, shortened, text};
use crate::send::grouped;

/// Lines of a table that people still read.
const LINES: usize = 30;

/// What came of a replay.
#[derive(Debug, Serialize)]
pub(super) struct Outcome<'a> {
    pub(super) speed: String,
    pub(super) left_out: &'a BTreeMap<LeftOut, u64>,
    pub(super) comparison: Comparison,
    pub(super) summary: Summary,
}

/// What would be sent.
pub(super) fn list(recording: &Recording, args: &ReplayArgs) -> String {
    let mut out = String::new();
    for request in &recording.requests {
        let status = request.status.as_u16();
        let seconds = request.took.as_secs_f64();
        let written = if args.json {
            let line = json!({
                "arrived": request.arrived, "method": request.method.as_str(),
                "uri": request.uri.to_string(), "route": request.route,
                "status": status, "seconds": seconds,
            });
            writeln!(out, "{line}")
        } else {
            let (method, took) = (request.method.as_str(), millis(Some(seconds * 1e3)));
            let arrived = request.arrived.to_string();
            writeln!(
                out,
                "{arrived:<30}  {method:<6} {status} {took:>9} ms  {}",
                request.uri
            )
        };
        written.expect("a string takes what is written");
    }
    out
}

impl Outcome<'_> {
    pub(super) fn json(&self) -> String {
        let json = serde_json::to_string_pretty(self);
        json.expect("plain data can be written") + "\n"
    }

    pub(super) fn text(&self, title: &str) -> String {
        let mut out = text(title, &self.summary);
        let written = self
            .write_differences(&mut out)
            .and_then(|()| self.write_routes(&mut out));
        written.expect("a string takes what is written");
        out
    }

    fn write_differences(&self, out: &mut String) -> std::fmt::Result {
        let Comparison {
            compared,
            same,
            differences,
            ..
        } = &self.comparison;
        let (same, compared) = (grouped(*same), grouped(*compared));
        writeln!(
            out,
            "\n  {same} of {compared} requests were answered as recorded"
        )?;
        if differences.is_empty() {
            return Ok(());
        }
        writeln!(
            out,
            "\n  {:<48}{:>9} {:>24}{:>9}  for example",
            "different", "recorded", "now", "requests"
        )?;
        for one in differences.iter().take(LINES) {
            let route = shortened(&format!("{} {}", one.method, one.route), 47);
            writeln!(
                out,
                "  {route:<48}{:>9} {:>24}{:>9}  {}",
                one.recorded,
                one.now,
                grouped(one.count),
                shortened(&one.example, 60)
            )?;
        }
        rest(out, differences.len())
    }

    fn write_routes(&self, out: &mut String) -> std::fmt::Result {
        writeln!(
            out,
            "\n  {:<48}{:>9}{:>13}{:>13}{:>11}{:>11}",
            "times in ms", "requests", "recorded p50", "recorded p99", "now p50", "now p99"
        )?;
        for route in self.comparison.routes.iter().take(LINES) {
            let name = shortened(&format!("{} {}", route.method, route.route), 47);
            writeln!(
                out,
                "  {name:<48}{:>9}{:>13}{:>13}{:>11}{:>11}",
                grouped(route.recorded_ms.count),
                millis(route.recorded_ms.p50),
                millis(route.recorded_ms.p99),
                millis(route.now_ms.p50),
                millis(route.now_ms.p99)
            )?;
        }
        rest(out, self.comparison.routes.len())
    }
}

fn rest(out: &mut String, all: usize) -> std::fmt::Result {
    if all > LINES {
        writeln!(out, "  and {} more; --json has all", all - LINES)?;
    }
    Ok(())
}
