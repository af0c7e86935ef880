use std::fmt::Write as _;
use std::time::Duration;

use super::summary::{Latency, One, Summary};
use crate::send::grouped;

/// The outcome as people read it.
pub(crate) fn text(title: &str, summary: &Summary) -> String {
    let mut out = format!("{title}\n\n");
    let written = write_figures(&mut out, summary)
        .and_then(|()| write_latencies(&mut out, summary))
        .and_then(|()| write_parts(&mut out, summary))
        .and_then(|()| write_ones(&mut out, "slowest", &summary.slowest))
        .and_then(|()| write_ones(&mut out, "unexpected", &summary.unexpected))
        .and_then(|()| write_notes(&mut out, summary));
    written.expect("a string takes what is written");
    out
}

fn write_figures(out: &mut String, summary: &Summary) -> std::fmt::Result {
    let requests = &summary.requests;
    let mut row = |name: &str, text: String| writeln!(out, "  {name:<12} {text}");
    let cut = match requests.cut {
        0 => String::new(),
        cut => format!(", {} cut off by the end", grouped(cut)),
    };
    row(
        "requests",
        format!(
            "{} due, {} sent, {} answered, {} failed{cut}",
            grouped(requests.due),
            grouped(requests.sent),
            grouped(requests.answered),
            grouped(requests.failed)
        ),
    )?;
    let rate = &summary.rate;
    row(
        "rate",
        format!(
            "{}/s asked, {}/s answered over {:.1} s",
            decimal(rate.asked),
            decimal(rate.answered),
            rate.seconds
        ),
    )?;
    let statuses = summary.statuses.iter();
    let statuses = statuses.map(|(status, count)| format!("{status}: {}", grouped(*count)));
    row("statuses", list(statuses))?;
    if !summary.failures.is_empty() {
        let failures = summary.failures.iter();
        let failures = failures.map(|(failure, count)| format!("{failure}: {}", grouped(*count)));
        row("failures", list(failures))?;
    }
    row(
        "unexpected",
        format!(
            "{} ({:.3} %)",
            grouped(requests.unexpected),
            requests.unexpected_share * 100.0
        ),
    )?;
    let (sent, received) = (size(summary.bytes.sent), size(summary.bytes.received));
    row("bytes", format!("{sent} sent, {received} received"))?;
    let connections = &summary.connections;
    row(
        "connections",
        format!(
            "{} opened; {} requests waited more than 1 ms for one",
            grouped(connections.opened),
            grouped(connections.waited_for)
        ),
    )?;
    if let Some(cpu) = &summary.cpu {
        row(
            "own CPU",
            format!(
                "{:.2} s, {:.1} µs a request, {:.0} % of a core",
                cpu.seconds,
                cpu.micros_per_request,
                cpu.share_of_core * 100.0
            ),
        )?;
    }
    Ok(())
}

fn write_latencies(out: &mut String, summary: &Summary) -> std::fmt::Result {
    let head = ["p50", "p90", "p99", "p99.9", "max", "mean"];
    write!(out, "\n  {:<36}", "latency in ms")?;
    head.iter().try_for_each(|name| write!(out, "{name:>11}"))?;
    writeln!(out)?;
    let latencies = &summary.latency_ms;
    let rows = [
        ("from when it was due (corrected)", &latencies.corrected),
        ("from its sending (service time)", &latencies.service),
        ("waited for a connection", &latencies.waited_for_connection),
        ("late by this generator", &latencies.generator_late),
        ("to open a connection", &latencies.connecting),
    ];
    for (name, latency) in rows {
        write!(out, "  {name:<36}")?;
        write_cells(out, latency)?;
    }
    Ok(())
}

pub(crate) fn write_cells(out: &mut String, latency: &Latency) -> std::fmt::Result {
    let cells = [
        latency.p50,
        latency.p90,
        latency.p99,
        latency.p999,
        latency.max,
        latency.mean,
    ];
    for cell in cells {
        write!(out, "{:>11}", millis(cell))?;
    }
    writeln!(out)
}

fn write_parts(out: &mut String, summary: &Summary) -> std::fmt::Result {
    let line = |out: &mut String, name: &str, ended, unexpected, p50, p99| {
        let (ended, unexpected) = (grouped(ended), grouped(unexpected));
        let (p50, p99) = (millis(p50), millis(p99));
        writeln!(
            out,
            "  {name:<36}{ended:>11}{unexpected:>12}{p50:>11}{p99:>11}"
        )
    };
    let head = |out: &mut String, name: &str| {
        writeln!(
            out,
            "\n  {name:<36}{:>11}{:>12}{:>11}{:>11}",
            "requests", "unexpected", "p50", "p99"
        )
    };
    head(out, "due from")?;
    for slice in summary.slices.iter().filter(|slice| slice.ended > 0) {
        let name = format!("{:.1} s", slice.from_seconds);
        line(
            out,
            &name,
            slice.ended,
            slice.unexpected,
            slice.p50,
            slice.p99,
        )?;
    }
    if summary.targets.len() > 1 {
        head(out, "target")?;
        for target in &summary.targets {
            let latency = &target.corrected_ms;
            let name = shortened(&target.name, 35);
            line(
                out,
                &name,
                target.ended,
                target.unexpected,
                latency.p50,
                latency.p99,
            )?;
        }
    }
    Ok(())
}

fn write_ones(out: &mut String, name: &str, ones: &[One]) -> std::fmt::Result {
    if ones.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n  {name}")?;
    for one in ones {
        let trace = one.trace_id.as_ref();
        let trace = trace.map_or_else(String::new, |trace| format!("  trace {trace}"));
        writeln!(
            out,
            "    {} ms  {}  due at {:.3} s  {}{trace}",
            millis(Some(one.corrected_ms)),
            one.outcome,
            one.at_seconds,
            shortened(&one.target, 60)
        )?;
    }
    Ok(())
}

fn write_notes(out: &mut String, summary: &Summary) -> std::fmt::Result {
    let mut notes = Vec::new();
    if summary.generator_bound {
        notes.push(
            "the generator could not keep its schedule: its own lateness is in these figures; \
             ask for less, or give it more --threads or a machine of its own"
                .to_owned(),
        );
    }
    let waited = summary.connections.waited_for;
    if waited * 20 > summary.requests.sent {
        notes.push(format!(
            "{} requests waited for a free connection: answers are slower than requests come, or \
             --connections is low",
            grouped(waited)
        ));
    }
    if summary.stopped_early {
        notes.push("ended early".to_owned());
    }
    for verdict in &summary.expectations {
        if !verdict.holds {
            let (expected, found) = (&verdict.expectation, &verdict.found);
            notes.push(format!("not as expected: {expected}; found {found}"));
        }
    }
    if !notes.is_empty() {
        writeln!(out)?;
    }
    notes.iter().try_for_each(|note| writeln!(out, "  {note}"))
}

fn list(texts: impl Iterator<Item = String>) -> String {
    let texts: Vec<_> = texts.collect();
    if texts.is_empty() {
        return "none".to_owned();
    }
    texts.join(", ")
}

/// With a digit after the point where that tells something.
fn decimal(number: f64) -> String {
    if number < 1_000.0 {
        format!("{number:.1}")
    } else {
        grouped(number.round() as u64)
    }
}

pub(crate) fn millis(millis: Option<f64>) -> String {
    match millis {
        None => "-".to_owned(),
        Some(millis) if millis < 1.0 => format!("{millis:.3}"),
        Some(millis) if millis < 100.0 => format!("{millis:.2}"),
        Some(millis) => grouped(millis.round() as u64),
    }
}

/// `4.23 ms`, `12 s`, `1h30m`.
pub(crate) fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{} ms", millis(Some(time.as_micros() as f64 / 1e3))),
        1..60 if time.subsec_millis() > 0 => format!("{:.1} s", time.as_secs_f64()),
        1..60 => format!("{seconds} s"),
        60..3_600 if seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{} B", grouped(bytes)),
        10_000..10_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{} MB", decimal(bytes as f64 / 1e6)),
    }
}

pub(crate) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most - 1).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        let check = |micros: u64, expected: &str| {
            assert_eq!(time(Duration::from_micros(micros)), expected);
        };
        check(230, "0.230 ms");
        check(4_230, "4.23 ms");
        check(250_000, "250 ms");
        check(1_500_000, "1.5 s");
        check(30_000_000, "30 s");
        check(120_000_000, "2 min");
        check(90_000_000, "1 min 30 s");
        check(5_400_000_000, "1 h 30 min");
        assert_eq!(
            (size(512), size(15_360)),
            ("512 B".to_owned(), "15.4 kB".to_owned())
        );
        assert_eq!(size(1_500_000_000), "1,500 MB");
        assert_eq!(shortened("größer", 4), "grö…");
    }
}
