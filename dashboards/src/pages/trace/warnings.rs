//! What is not as it should be with a trace, said at its head.

use watchfire_schemas::SpanId;

use super::layout::Layout;
use super::skew::Difference;
use super::state::TraceUrl;
use super::times::seconds;
use super::tree::Astray;
use crate::figures;

/// Things of one kind that are named one by one.
const NAMED: usize = 3;
/// A silence longer than this share of the trace hides all else in a few pixels.
const SILENCE: f64 = 0.6;

/// A sentence, and what can be done about it: (words, link).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Warning {
    pub(crate) text: String,
    pub(crate) act: Option<(&'static str, String)>,
}

impl Warning {
    fn plain(text: String) -> Self {
        Self { text, act: None }
    }
}

/// All of them, the one that changes most what is seen first.
pub(crate) fn warnings(layout: &Layout, url: &TraceUrl, most_logs: usize) -> Vec<Warning> {
    let mut all = Vec::new();
    let outline = &layout.outline;
    let shown = outline.spans.len() as u64;
    if outline.total > shown {
        all.push(Warning::plain(format!(
            "The trace has {} spans; its first {} are shown.",
            figures::count(outline.total),
            figures::count(shown)
        )));
    }
    if outline.partial {
        all.push(Warning::plain(
            "The search for its spans was cut short: some are missing here.".to_owned(),
        ));
    }
    if outline.spans.is_empty() {
        all.push(Warning::plain(
            "No span of this trace has arrived, or they were not sampled. These are its logs."
                .to_owned(),
        ));
    }
    all.extend(missing(layout, url));
    all.extend(astray(layout));
    all.extend(clocks(layout, url));
    all.extend(silence(layout, url));
    if layout.records.len() >= most_logs {
        all.push(Warning::plain(format!(
            "The trace has many log records; its newest {} are shown.",
            figures::count(most_logs as u64)
        )));
    }
    all
}

fn missing(layout: &Layout, url: &TraceUrl) -> Option<Warning> {
    let missing = layout.tree.missing_parents();
    if missing.is_empty() {
        return None;
    }
    let children: usize = missing.iter().map(|(_, count)| count).sum();
    let named: Vec<String> = missing
        .iter()
        .take(NAMED)
        .map(|(id, count)| format!("{id} (of {})", figures::count(*count as u64)))
        .collect();
    let more = missing.len().saturating_sub(NAMED);
    let others = if more > 0 {
        format!(" and {} more", figures::count(more as u64))
    } else {
        String::new()
    };
    let is_lost =
        |span: &usize| matches!(layout.tree.astray[*span], Some(Astray::MissingParent(_)));
    let first = layout.tree.roots.iter().copied().find(is_lost);
    let (verb, stand) = if children == 1 {
        ("names", "It stands")
    } else {
        ("name", "They stand")
    };
    Some(Warning {
        text: format!(
            "{} {verb} a parent that has not arrived: {}{others}. Lost, sampled out, or still on its way. \
             {stand} at the root.",
            spans(children),
            named.join(", ")
        ),
        act: first.map(|span| {
            let id = layout.spans()[span].span_id;
            ("Show the first", choose(url, id))
        }),
    })
}

fn choose(url: &TraceUrl, span: SpanId) -> String {
    let chosen = url.changed(|url| {
        (url.span, url.record, url.log) = (Some(span), None, None);
    });
    chosen.href()
}

fn astray(layout: &Layout) -> Vec<Warning> {
    let rings = layout
        .tree
        .astray
        .iter()
        .filter(|astray| **astray == Some(Astray::Ring))
        .count();
    let twins = layout
        .tree
        .is_twin
        .iter()
        .filter(|is_twin| **is_twin)
        .count();
    let mut all = Vec::new();
    if rings > 0 {
        all.push(Warning::plain(format!(
            "{} {} its own ancestor by the parents that were sent; each ring is cut at its earliest span.",
            spans(rings),
            if rings == 1 { "is" } else { "are each" }
        )));
    }
    if twins > 0 {
        all.push(Warning::plain(format!(
            "{} share their id with another span: sent twice, or both sides of a call under one id. \
             All are shown.",
            spans(twins)
        )));
    }
    all
}

fn clocks(layout: &Layout, url: &TraceUrl) -> Option<Warning> {
    let differences = &layout.clocks.differences;
    if differences.is_empty() {
        return None;
    }
    let service = |index: u32| {
        layout
            .outline
            .services
            .get(index as usize)
            .map_or("", String::as_str)
    };
    let told = |difference: &Difference| {
        let by = figures::duration(seconds(difference.behind.saturating_abs()));
        let (remote, caller) = (service(difference.remote), service(difference.caller));
        let side = if difference.behind > 0 {
            "behind"
        } else {
            "ahead"
        };
        let unsteady = if difference.is_steady {
            ""
        } else {
            ", and not always the same"
        };
        format!(
            "clocks of {remote} and {caller} differ by about {by} ({remote} is {side}{unsteady})"
        )
    };
    let named: Vec<String> = differences.iter().take(NAMED).map(told).collect();
    let more = differences.len().saturating_sub(NAMED);
    let others = if more > 0 {
        format!("; and {more} more")
    } else {
        String::new()
    };
    let turned = url.changed(|url| {
        url.is_adjusted = !url.is_adjusted;
        url.zoom = None;
    });
    let (shown, act) = if url.is_adjusted {
        ("Shown as if they agreed.", "Show the times as sent")
    } else {
        ("Shown as sent.", "Adjust")
    };
    let mut text = format!("{}{others}. {shown}", named.join("; "));
    text.replace_range(..1, "C");
    Some(Warning {
        text,
        act: Some((act, turned.href())),
    })
}

fn silence(layout: &Layout, url: &TraceUrl) -> Option<Warning> {
    if url.zoom.is_some() {
        return None;
    }
    let (from, to) = layout.times.longest_gap(SILENCE)?;
    let before = layout
        .times
        .start
        .iter()
        .filter(|start| **start < to)
        .count();
    let after = layout.spans().len() - before;
    // The side with more spans is what there is to see.
    let (zoom, others) = if before >= after {
        ((0, from), after)
    } else {
        ((to, layout.times.length), before)
    };
    let zoom = (zoom.0 / 1000 * 1000, (zoom.1 / 1000 + 1) * 1000);
    let zoomed = url.changed(|url| url.zoom = Some(zoom));
    Some(Warning {
        text: format!(
            "For {} of its {} no span ran; {} on the far side of that.",
            figures::duration(seconds(to - from)),
            figures::duration(seconds(layout.times.length)),
            if others == 1 {
                "one is".to_owned()
            } else {
                format!("{} are", figures::count(others as u64))
            },
        ),
        act: Some(("Zoom to the others", zoomed.href())),
    })
}

fn spans(count: usize) -> String {
    match count {
        1 => "One span".to_owned(),
        count => format!("{} spans", figures::count(count as u64)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sketch::spans_in;
    use super::*;
    use watchfire_logsearch::TraceOutline;
    use watchfire_schemas::SpanKind;

    fn told(text: &str) -> Vec<String> {
        let mut spans = spans_in(text);
        if text.contains('b') {
            spans[0].kind = SpanKind::Client;
            spans[1].kind = SpanKind::Server;
        }
        let outline = TraceOutline {
            total: spans.len() as u64,
            spans,
            services: vec!["content".to_owned(), "search".to_owned()],
            ..TraceOutline::default()
        };
        let layout = Layout::of(outline, Vec::new(), false);
        let url = TraceUrl::new("4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap());
        let all = warnings(&layout, &url, 10).into_iter();
        all.map(|warning| warning.text).collect()
    }

    #[test]
    fn a_sound_trace_is_not_talked_about() {
        assert!(told("1 0 a 0 100; 2 1 a 10 90").is_empty());
    }

    #[test]
    fn each_fault_is_named() {
        assert_eq!(
            told("1 0 a 0 100; 2 9 a 10 90"),
            [
                "One span names a parent that has not arrived: 0000000000000009 (of 1). Lost, sampled out, or still on its way. It stands at the root."
            ]
        );
        assert_eq!(
            told("1 0 a 0 100; 2 1 b 130 210"),
            [
                "Clocks of search and content differ by about 120 ms (search is ahead). Shown as sent."
            ]
        );
        let several =
            told("1 2 a 0 100; 2 1 a 0 90; 3 3 a 5 6; 4 0 a 9000 9001; 4 0 a 9000 9001").join(" ");
        for words in [
            "2 spans are each its own",
            "2 spans share their id",
            "For 8.9 s of its 9 s",
        ] {
            assert!(several.contains(words), "{several}");
        }
    }
}
