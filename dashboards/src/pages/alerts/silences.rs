//! `/alerts/silences`: what nobody is told of for a while, and making a silence.

use std::collections::BTreeMap;
use std::time::Duration;

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use serde::Deserialize;
use watchfire_alerts::{
    AlertInstance, NewSilence, Silence, SilenceError, SilenceState, silence_matchers,
    written_matchers,
};
use watchfire_schemas::{LabelSet, Timestamp};

use super::chips;
use crate::figures::When;
use crate::pages::posted::{back, remembered_name, required};
use crate::pages::{Fault, Page, render};
use crate::params::{BadParam, Params};
use crate::shell::{House, Shell};
use crate::{Console, url};

/// How long a silence may be made to last by one choice: what is shown, and seconds.
const LENGTHS: [(&str, u64); 7] = [
    ("30 minutes", 1800),
    ("1 hour", 3600),
    ("2 hours", 7200),
    ("4 hours", 14_400),
    ("8 hours", 28_800),
    ("1 day", 86_400),
    ("7 days", 604_800),
];
/// That of a form that nobody has filled in yet.
const USUAL: u64 = 7200;
/// How many that are over are listed.
const MOST_EXPIRED: usize = 20;

#[derive(Debug, Template)]
#[template(path = "silences.html")]
pub(crate) struct SilencesPage {
    pub(crate) shell: Shell,
    pub(crate) who: String,
    pub(crate) matchers: String,
    pub(crate) why: String,
    /// Choices of how long, and whether it is the one.
    pub(crate) lengths: Vec<(&'static str, u64, bool)>,
    /// What is wrong with the matchers.
    pub(crate) fault: Option<String>,
    /// The alerts that they fit, once somebody has written matchers.
    pub(crate) preview: Option<Vec<PreviewRow>>,
    pub(crate) silences: Vec<SilenceRow>,
}

#[derive(Debug)]
pub(crate) struct PreviewRow {
    pub(crate) state: &'static str,
    pub(crate) rule: String,
    pub(crate) labels: Vec<(String, String)>,
}

#[derive(Debug)]
pub(crate) struct SilenceRow {
    pub(crate) id: String,
    pub(crate) state: &'static str,
    pub(crate) matchers: String,
    pub(crate) comment: String,
    pub(crate) created_by: String,
    pub(crate) starts: When,
    pub(crate) ends: When,
    /// How many alerts it fits now.
    pub(crate) fits: usize,
    pub(crate) is_over: bool,
    /// The form, filled in with it.
    pub(crate) again: String,
}

/// What was asked for.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) silences: Vec<Silence>,
    pub(crate) active: Vec<AlertInstance>,
    /// Those that the matchers fit, or what is wrong with them.
    pub(crate) preview: Option<Result<Vec<AlertInstance>, String>>,
}

/// The page with its form filled in for these labels.
pub(crate) fn form_for(labels: &LabelSet) -> String {
    let matchers: Vec<_> = labels
        .iter()
        .map(|(name, value)| watchfire_alerts::SilenceMatcher {
            name: name.to_owned(),
            value: value.to_owned(),
            is_regex: false,
            is_equal: true,
        })
        .collect();
    let written = written_matchers(&matchers);
    url::link("/alerts/silences", &[("matchers", &written)])
}

pub(crate) async fn page(
    State(console): State<Console>,
    headers: HeaderMap,
    params: Params,
) -> Page {
    let house = House::ask(&console).await;
    let shell = Shell::new(&house, "/alerts/silences", "Silences");
    let matchers = params.text("matchers");
    let preview = (!matchers.trim().is_empty()).then(|| console.alerts.alerts_matching(&matchers));
    let found = Found {
        silences: console.alerts.silences(),
        active: console.alerts.active_alerts(),
        preview,
    };
    let mut page = view(shell, house.now, &matchers, &found);
    page.who = remembered_name(&headers);
    page.why = params.text("why");
    if let Some(seconds) = params.get("seconds").and_then(|text| text.parse().ok()) {
        page.lengths = lengths(seconds);
    }
    render(&page)
}

pub(crate) fn view(shell: Shell, now: Timestamp, matchers: &str, found: &Found) -> SilencesPage {
    let over = |silence: &&Silence| silence.state == SilenceState::Expired;
    let (expired, standing): (Vec<_>, Vec<_>) = found.silences.iter().partition(over);
    let shown = standing
        .into_iter()
        .chain(expired.into_iter().take(MOST_EXPIRED));
    let (fault, preview) = match &found.preview {
        None => (None, None),
        Some(Err(reason)) => (Some(reason.clone()), None),
        Some(Ok(alerts)) => (None, Some(alerts.iter().map(preview_row).collect())),
    };
    SilencesPage {
        shell,
        who: String::new(),
        matchers: matchers.to_owned(),
        why: String::new(),
        lengths: lengths(USUAL),
        fault,
        preview,
        silences: shown
            .map(|silence| row(silence, &found.active, now))
            .collect(),
    }
}

fn lengths(chosen: u64) -> Vec<(&'static str, u64, bool)> {
    let all = LENGTHS.into_iter();
    all.map(|(text, seconds)| (text, seconds, seconds == chosen))
        .collect()
}

fn preview_row(alert: &AlertInstance) -> PreviewRow {
    PreviewRow {
        state: super::state_name(alert.state),
        rule: alert.rule.clone(),
        labels: chips(&alert.labels, &[]),
    }
}

fn row(silence: &Silence, active: &[AlertInstance], now: Timestamp) -> SilenceRow {
    let matchers = written_matchers(&silence.matchers);
    let length = silence
        .ends_at
        .since(silence.starts_at)
        .as_secs()
        .to_string();
    let fits = active.iter().filter(|alert| fits(silence, &alert.labels));
    SilenceRow {
        id: silence.id.clone(),
        state: silence.state.as_str(),
        comment: silence.comment.clone(),
        created_by: silence.created_by.clone(),
        starts: When::dated(silence.starts_at),
        ends: if silence.ends_at > now {
            When::dated(silence.ends_at)
        } else {
            When::ago(silence.ends_at, now)
        },
        fits: fits.count(),
        is_over: silence.state == SilenceState::Expired,
        again: url::link(
            "/alerts/silences",
            &[
                ("matchers", matchers.as_str()),
                ("why", &silence.comment),
                ("seconds", &length),
            ],
        ),
        matchers,
    }
}

/// Whether plain matchers fit; those that need a regular expression are judged by the form's preview.
fn fits(silence: &Silence, labels: &LabelSet) -> bool {
    silence.matchers.iter().all(|matcher| {
        let value = labels.get(&matcher.name).unwrap_or_default();
        matcher.is_regex || (value == matcher.value) == matcher.is_equal
    })
}

/// The fields of the form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    who: String,
    why: String,
    matchers: String,
    seconds: String,
}

/// `POST /alerts/silences`.
pub(crate) async fn create(
    State(console): State<Console>,
    Form(fields): Form<Fields>,
) -> Result<Response, Fault> {
    let who = required("who", &fields.who, 120)?;
    let why = required("why", &fields.why, 1000)?;
    let text = required("matchers", &fields.matchers, 4000)?;
    let matchers = silence_matchers(text).map_err(|reason| BadParam::new("matchers", reason))?;
    let known = |seconds: &u64| LENGTHS.iter().any(|(_, length)| length == seconds);
    let seconds = fields.seconds.parse().ok().filter(known);
    let seconds =
        seconds.ok_or_else(|| BadParam::new("seconds", "is none of the lengths offered"))?;
    let now = console.clock.now();
    let silence = NewSilence {
        id: None,
        matchers,
        starts_at: now,
        ends_at: now + Duration::from_secs(seconds),
        created_by: who.to_owned(),
        comment: why.to_owned(),
        annotations: BTreeMap::new(),
    };
    console.alerts.put_silence(silence).await.map_err(fault)?;
    Ok(back("/alerts/silences", who))
}

/// `POST /alerts/silences/{id}/expire`.
pub(crate) async fn expire(
    State(console): State<Console>,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Response, Fault> {
    console.alerts.expire_silence(&id).await.map_err(fault)?;
    Ok(back("/alerts/silences", fields.who.trim()))
}

fn fault(error: SilenceError) -> Fault {
    match error {
        SilenceError::NotFound => Fault::NotFound("silence of that id".to_owned()),
        SilenceError::Refused(reason) => Fault::Refused(reason),
        SilenceError::Store(error) => Fault::Database(error),
    }
}
