//! `openslo/v1`: a ratio of events, counted over rolling days.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

use super::document::{Document, Place};
use super::own::{PAGE_ALERT, texts};
use super::sloth::objective;
use super::{Alerting, Indicator, Reading, Slo, SloPeriod, query};

/// The indicators that documents of a file define by a name, as far as they can be read.
pub(super) type Indicators = BTreeMap<String, SliText>;

#[derive(Debug, Clone, Deserialize)]
struct Metadata {
    name: Spanned<String>,
}

#[derive(Debug, Deserialize)]
struct SloDocument {
    metadata: Metadata,
    spec: SloText,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SloText {
    #[serde(rename = "description")]
    _description: Option<IgnoredAny>,
    service: Spanned<String>,
    indicator: Option<NamedSli>,
    indicator_ref: Option<Spanned<String>>,
    #[serde(default)]
    time_window: Vec<WindowText>,
    budgeting_method: Option<Spanned<String>>,
    #[serde(default)]
    objectives: Vec<ObjectiveText>,
    alert_policies: Option<Spanned<IgnoredAny>>,
}

#[derive(Debug, Deserialize)]
struct NamedSli {
    spec: SliText,
}

#[derive(Debug, Deserialize)]
struct SliDocument {
    metadata: Metadata,
    spec: SliText,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct SliText {
    #[serde(rename = "description")]
    _description: Option<IgnoredAny>,
    threshold_metric: Option<Spanned<IgnoredAny>>,
    ratio_metric: Option<RatioText>,
    /// How many lines are before the document that it stands in.
    #[serde(skip)]
    before: usize,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RatioText {
    counter: Option<bool>,
    good: Option<MetricText>,
    bad: Option<MetricText>,
    total: Option<MetricText>,
    raw_type: Option<Spanned<String>>,
    raw: Option<MetricText>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetricText {
    metric_source: SourceText,
}

#[derive(Debug, Clone, Deserialize)]
struct SourceText {
    #[serde(rename = "type")]
    kind: Option<Spanned<String>>,
    spec: QueryText,
}

#[derive(Debug, Clone, Deserialize)]
struct QueryText {
    #[serde(alias = "promql", alias = "expr")]
    query: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WindowText {
    duration: Spanned<String>,
    is_rolling: Option<bool>,
    calendar: Option<Spanned<IgnoredAny>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ObjectiveText {
    display_name: Option<String>,
    target: Option<Spanned<f64>>,
    target_percent: Option<Spanned<f64>>,
    op: Option<Spanned<IgnoredAny>>,
    value: Option<Spanned<IgnoredAny>>,
    indicator: Option<Spanned<IgnoredAny>>,
    indicator_ref: Option<Spanned<IgnoredAny>>,
    composite_weight: Option<Spanned<IgnoredAny>>,
    time_slice_target: Option<Spanned<IgnoredAny>>,
    time_slice_window: Option<Spanned<IgnoredAny>>,
}

/// What stands on its own for objectives to refer to. What cannot be read is told when its document
/// is.
pub(super) fn indicators(documents: &[Document<'_>]) -> Indicators {
    let slis = documents.iter().filter(|document| {
        document.head().is_ok_and(|head| {
            head.api_version.as_deref() == Some("openslo/v1") && head.kind.as_deref() == Some("SLI")
        })
    });
    slis.filter_map(|document| {
        let read = document.read::<SliDocument>().ok()?;
        let spec = SliText {
            before: document.lines_before(),
            ..read.spec
        };
        Some((read.metadata.name.value, spec))
    })
    .collect()
}

pub(super) fn read(
    reading: &mut Reading<'_>,
    document: &Document<'_>,
    kind: &str,
    indicators: &Indicators,
) {
    match kind {
        "SLO" => match document.read::<SloDocument>() {
            Ok(read) => slos(reading, document, read, indicators),
            Err((at, reason)) => reading.note(at, reason),
        },
        "SLI" => {
            if let Err((at, reason)) = document.read::<SliDocument>() {
                reading.note(at, reason);
            }
        }
        "DataSource" | "Service" => {}
        "AlertPolicy" | "AlertCondition" | "AlertNotificationTarget" => {
            reading.warn(document.start(), NO_POLICIES);
        }
        other => {
            let reason = format!("{other:?} is no kind of openslo/v1");
            reading.note(document.start(), reason);
        }
    }
}

const NO_POLICIES: &str = "alert policies are left out: they know one window only; every objective \
                           is alerted on by several windows";

fn slos(
    reading: &mut Reading<'_>,
    document: &Document<'_>,
    read: SloDocument,
    indicators: &Indicators,
) {
    let at = document.place(&read.metadata.name);
    let spec = read.spec;
    if let Some(policies) = &spec.alert_policies {
        reading.warn(document.place(policies), NO_POLICIES);
    }
    let known = reading.errors();
    if let Some(method) = spec
        .budgeting_method
        .as_ref()
        .filter(|m| m.value != "Occurrences")
    {
        let reason = format!(
            "the budgeting method {:?} is not computed here: Occurrences is",
            method.value
        );
        reading.note(document.place(method), reason);
    }
    let period = period(reading, document, &spec.time_window);
    let named = (spec.indicator, spec.indicator_ref.as_ref());
    let indicator = chosen(reading, document, named, indicators, at);
    if spec.objectives.is_empty() {
        reading.note(at, "there is no objective under `objectives`");
    }
    let several = spec.objectives.len() > 1;
    for (number, text) in spec.objectives.iter().enumerate() {
        let percent = percent(reading, document, text, at);
        let (Some(percent), Some(indicator)) = (percent, &indicator) else {
            continue;
        };
        if reading.errors() > known {
            continue;
        }
        let name = &read.metadata.name.value;
        let name = if several {
            format!("{name}-{number}")
        } else {
            name.clone()
        };
        let service = spec.service.value.clone();
        let slo = Slo {
            id: format!("{service}-{name}"),
            objective: percent,
            labels: BTreeMap::new(),
            indicator: indicator.clone(),
            period: period.unwrap_or(reading.period),
            alerting: alerting(&service, text.display_name.as_deref().unwrap_or(&name)),
            service,
            name,
            form: "openslo/v1",
            guard: None,
        };
        reading.slos.push((at.0, slo));
    }
}

/// The indicator that stands within an objective, or the one that it names.
fn chosen(
    reading: &mut Reading<'_>,
    document: &Document<'_>,
    named: (Option<NamedSli>, Option<&Spanned<String>>),
    indicators: &Indicators,
    at: Place,
) -> Option<Indicator> {
    match named {
        (Some(own), None) => {
            let text = SliText {
                before: document.lines_before(),
                ..own.spec
            };
            indicator(reading, &text, at)
        }
        (None, Some(name)) => {
            if let Some(text) = indicators.get(&name.value) {
                return indicator(reading, text, at);
            }
            let reason = format!("no SLI of the name {:?} stands in this file", name.value);
            reading.note(document.place(name), reason);
            None
        }
        _ => {
            reading.note(at, "an SLO needs one of `indicator` and `indicatorRef`");
            None
        }
    }
}

fn alerting(service: &str, name: &str) -> Alerting {
    let (page, ticket) = texts(service, name, None);
    Alerting {
        name: PAGE_ALERT.to_owned(),
        page: Some(page),
        ticket: Some(ticket),
        ..Alerting::default()
    }
}

/// None: it does not say, or says what cannot be.
fn period(
    reading: &mut Reading<'_>,
    document: &Document<'_>,
    windows: &[WindowText],
) -> Option<SloPeriod> {
    let window = windows.first()?;
    if let Some(calendar) = &window.calendar {
        reading.note(
            document.place(calendar),
            "only rolling time windows are computed here",
        );
        return None;
    }
    if window.is_rolling == Some(false) || windows.len() > 1 {
        let reason = "one rolling time window (`isRolling: true`) is computed here, no other";
        reading.note(document.place(&window.duration), reason);
        return None;
    }
    let read = crate::rules::parse_duration(&window.duration.value).and_then(SloPeriod::of);
    if read.is_none() {
        let reason = format!(
            "the time window {:?} is neither 28d nor 30d",
            window.duration.value
        );
        reading.note(document.place(&window.duration), reason);
    }
    read
}

fn percent(
    reading: &mut Reading<'_>,
    document: &Document<'_>,
    text: &ObjectiveText,
    at: Place,
) -> Option<f64> {
    let beyond = [
        &text.op,
        &text.value,
        &text.indicator,
        &text.indicator_ref,
        &text.composite_weight,
        &text.time_slice_target,
        &text.time_slice_window,
    ];
    if let Some(at) = beyond.into_iter().flatten().next() {
        let reason = "thresholds, time slices and composite objectives are not computed here: an \
                      objective has a `target` or a `targetPercent`";
        reading.note(document.place(at), reason);
        return None;
    }
    let (place, percent) = match (&text.target, &text.target_percent) {
        (Some(share), None) => (document.place(share), rounded(share.value * 100.0)),
        (None, Some(percent)) => (document.place(percent), percent.value),
        _ => {
            reading.note(at, "an objective needs one of `target` and `targetPercent`");
            return None;
        }
    };
    objective(reading, place, percent);
    Some(percent)
}

/// 0.999 times 100 is meant as 99.9.
fn rounded(percent: f64) -> f64 {
    (percent * 1e9).round() / 1e9
}

fn indicator(reading: &mut Reading<'_>, text: &SliText, at: Place) -> Option<Indicator> {
    if let Some(threshold) = &text.threshold_metric {
        let at = threshold.referenced;
        let reason = "a threshold metric is not counted in events; write it as a ratio of the time \
                      in which it held";
        reading.note(
            (text.before + at.line() as usize, at.column() as usize),
            reason,
        );
        return None;
    }
    let Some(ratio) = &text.ratio_metric else {
        reading.note(at, "the indicator needs a `ratioMetric`");
        return None;
    };
    let counter = ratio.counter.unwrap_or(false);
    let mut read = |metric: &MetricText| metric_query(reading, text.before, metric, counter);
    match (&ratio.good, &ratio.bad, &ratio.total, &ratio.raw) {
        (Some(good), None, Some(total), None) => {
            let (good, total) = (read(good)?, read(total)?);
            let ratio = format!("1 - (\n  (\n{good}\n  )\n  /\n  (\n{total}\n  )\n)");
            Some(Indicator::ErrorRatio(ratio))
        }
        (None, Some(bad), Some(total), None) => Some(Indicator::Events {
            bad: read(bad)?,
            total: read(total)?,
        }),
        (None, None, None, Some(raw)) => {
            let raw = read(raw)?;
            match ratio.raw_type.as_ref().map(|kind| kind.value.as_str()) {
                Some("failure") => Some(Indicator::ErrorRatio(raw)),
                Some("success") => Some(Indicator::ErrorRatio(format!("1 - (\n{raw}\n)"))),
                _ => {
                    reading.note(at, "`raw` needs a `rawType`: success or failure");
                    None
                }
            }
        }
        _ => {
            reading.note(
                at,
                "a `ratioMetric` needs `good` and `total`, `bad` and `total`, or `raw`",
            );
            None
        }
    }
}

/// The query of a metric with `{{.window}}` where its range stands.
fn metric_query(
    reading: &mut Reading<'_>,
    before: usize,
    metric: &MetricText,
    counter: bool,
) -> Option<String> {
    let source = &metric.metric_source;
    let place = |text: &Spanned<String>| {
        let at = text.referenced;
        (before + at.line() as usize, at.column() as usize)
    };
    if let Some(kind) = source
        .kind
        .as_ref()
        .filter(|k| !k.value.eq_ignore_ascii_case("prometheus"))
    {
        let reason = format!(
            "a metric source of type {:?} cannot be asked here: Prometheus can",
            kind.value
        );
        reading.note(place(kind), reason);
        return None;
    }
    let written = &source.spec.query;
    if !written.value.contains("{{")
        && counter
        && let Some(rates) = query::of_counters(&written.value)
    {
        return Some(rates);
    }
    match query::fault(&written.value) {
        None => Some(written.value.clone()),
        Some(reason) => {
            let more = if written.value.contains("{{") {
                ""
            } else {
                " (a sum of plain counters does without, where `counter: true` says that they are)"
            };
            reading.note(place(written), format!("{reason}{more}"));
            None
        }
    }
}
