//! Sloth's forms: `version: prometheus/v1`, and the resource `PrometheusServiceLevel` of Kubernetes.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

use super::document::{Document, Place};
use super::{AlertTexts, Alerting, Indicator, Reading, Slo, query};

type Labels = BTreeMap<String, String>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlainText {
    #[serde(rename = "version")]
    _version: IgnoredAny,
    service: Spanned<String>,
    #[serde(default)]
    labels: Labels,
    slo_plugins: Option<Spanned<IgnoredAny>>,
    #[serde(default)]
    slos: Vec<SloText>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ResourceText {
    #[serde(rename = "apiVersion")]
    _api_version: IgnoredAny,
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    #[serde(rename = "metadata")]
    _metadata: Option<IgnoredAny>,
    #[serde(rename = "status")]
    _status: Option<IgnoredAny>,
    spec: SpecText,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SpecText {
    service: Spanned<String>,
    #[serde(default)]
    labels: Labels,
    #[serde(rename = "sloPlugins")]
    slo_plugins: Option<Spanned<IgnoredAny>>,
    #[serde(default)]
    slos: Vec<SloText>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SloText {
    name: Spanned<String>,
    #[serde(rename = "description")]
    _description: Option<String>,
    objective: Spanned<f64>,
    #[serde(default)]
    labels: Labels,
    plugins: Option<Spanned<IgnoredAny>>,
    sli: SliText,
    alerting: Option<AlertingText>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SliText {
    raw: Option<RawText>,
    events: Option<EventsText>,
    plugin: Option<Spanned<IgnoredAny>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawText {
    #[serde(alias = "errorRatioQuery")]
    error_ratio_query: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventsText {
    #[serde(alias = "errorQuery")]
    error_query: Spanned<String>,
    #[serde(alias = "totalQuery")]
    total_query: Spanned<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct AlertingText {
    #[serde(default)]
    name: String,
    #[serde(default)]
    labels: Labels,
    #[serde(default)]
    annotations: Labels,
    #[serde(default, alias = "pageAlert")]
    page_alert: AlertText,
    #[serde(default, alias = "ticketAlert")]
    ticket_alert: AlertText,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct AlertText {
    #[serde(default)]
    disable: bool,
    #[serde(default)]
    labels: Labels,
    #[serde(default)]
    annotations: Labels,
}

pub(super) fn read_plain(reading: &mut Reading<'_>, document: &Document<'_>) {
    match document.read::<PlainText>() {
        Err((at, reason)) => reading.note(at, reason),
        Ok(text) => {
            let spec = SpecText {
                service: text.service,
                labels: text.labels,
                slo_plugins: text.slo_plugins,
                slos: text.slos,
            };
            read_spec(reading, document, spec, "prometheus/v1");
        }
    }
}

pub(super) fn read_resource(reading: &mut Reading<'_>, document: &Document<'_>) {
    match document.read::<ResourceText>() {
        Err((at, reason)) => reading.note(at, reason),
        Ok(text) => read_spec(reading, document, text.spec, "sloth.slok.dev/v1"),
    }
}

fn read_spec(
    reading: &mut Reading<'_>,
    document: &Document<'_>,
    spec: SpecText,
    form: &'static str,
) {
    if spec.service.value.is_empty() {
        reading.note(document.place(&spec.service), "an SLO needs a service");
    }
    if let Some(plugins) = &spec.slo_plugins {
        reading.note(document.place(plugins), NO_PLUGINS);
    }
    if spec.slos.is_empty() {
        reading.note(
            document.place(&spec.service),
            "there is no SLO under `slos`",
        );
    }
    for text in spec.slos {
        let place = document.place(&text.name);
        let mut labels = spec.labels.clone();
        labels.extend(text.labels.clone());
        if let Some(slo) = slo(reading, document, text, &spec.service.value) {
            let slo = Slo {
                labels,
                form,
                ..slo
            };
            reading.slos.push((place.0, slo));
        }
    }
}

const NO_PLUGINS: &str =
    "plugins are programs of Sloth's that are not run here; write the queries out";

/// None if something about it is wrong.
fn slo(
    reading: &mut Reading<'_>,
    document: &Document<'_>,
    text: SloText,
    service: &str,
) -> Option<Slo> {
    let at = document.place(&text.name);
    let known = reading.findings.len();
    if text.name.value.is_empty() {
        reading.note(at, "an SLO needs a name");
    }
    objective(
        reading,
        document.place(&text.objective),
        text.objective.value,
    );
    if let Some(plugins) = &text.plugins {
        reading.note(document.place(plugins), NO_PLUGINS);
    }
    let indicator = indicator(reading, document, at, text.sli);
    let alerting = alerting(reading, at, text.alerting.unwrap_or_default());
    if reading.findings.len() > known {
        return None;
    }
    let name = text.name.value;
    Some(Slo {
        id: format!("{service}-{name}"),
        service: service.to_owned(),
        name,
        objective: text.objective.value,
        labels: Labels::new(),
        indicator: indicator?,
        period: reading.period,
        alerting,
        form: "",
        guard: None,
    })
}

/// Notes an objective that is none.
pub(super) fn objective(reading: &mut Reading<'_>, at: Place, percent: f64) {
    if !(percent > 0.0 && percent <= 100.0) {
        let reason = format!("the objective {percent} is not above 0 and up to 100 percent");
        reading.note(at, reason);
    }
}

fn indicator(
    reading: &mut Reading<'_>,
    document: &Document<'_>,
    at: Place,
    text: SliText,
) -> Option<Indicator> {
    let mut checked = |text: Spanned<String>| {
        if let Some(reason) = query::fault(&text.value) {
            reading.note(document.place(&text), reason);
        }
        text.value
    };
    match (text.events, text.raw, text.plugin) {
        (Some(events), None, None) => Some(Indicator::Events {
            bad: checked(events.error_query),
            total: checked(events.total_query),
        }),
        (None, Some(raw), None) => Some(Indicator::ErrorRatio(checked(raw.error_ratio_query))),
        (None, None, Some(plugin)) => {
            reading.note(document.place(&plugin), NO_PLUGINS);
            None
        }
        _ => {
            reading.note(at, "an SLO needs one `sli`: `events` or `raw`");
            None
        }
    }
}

fn alerting(reading: &mut Reading<'_>, at: Place, text: AlertingText) -> Alerting {
    let wanted = |alert: AlertText| {
        (!alert.disable).then_some(AlertTexts {
            labels: alert.labels,
            annotations: alert.annotations,
        })
    };
    let (page, ticket) = (wanted(text.page_alert), wanted(text.ticket_alert));
    if text.name.is_empty() && (page.is_some() || ticket.is_some()) {
        reading.note(
            at,
            "its alerts need a name: `alerting.name`, or `disable: true` under `page_alert` and \
             `ticket_alert`",
        );
    }
    Alerting {
        name: text.name,
        labels: text.labels,
        annotations: text.annotations,
        page,
        ticket,
    }
}
