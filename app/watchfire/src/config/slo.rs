//! Service level objectives: files of them, and those that stand in the configuration itself.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use watchfire_alerts::{OwnSlo, SloPeriod, compile_own_slos, compile_slos};

use super::{ConfigError, parse_duration};

/// One of `slo`: the path of a file, or an objective.
#[derive(Debug, Clone)]
pub(super) enum SloEntry {
    File(PathBuf),
    Own(OwnEntry),
}

/// One `[[slo]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OwnEntry {
    service: String,
    name: Option<String>,
    /// In percent.
    objective: f64,
    operation: Option<String>,
    /// The time within which a request counts as good.
    latency: Option<String>,
    period: Option<String>,
    #[serde(default)]
    min_events: u32,
}

impl<'de> Deserialize<'de> for SloEntry {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = SloEntry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the path of a file or an objective")
            }

            fn visit_str<E>(self, path: &str) -> Result<SloEntry, E> {
                Ok(SloEntry::File(path.into()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SloEntry, A::Error> {
                OwnEntry::deserialize(MapAccessDeserializer::new(map)).map(SloEntry::Own)
            }
        }

        from.deserialize_any(Either)
    }
}

/// The files of `slo`, and the objectives, each as it is meant.
pub(super) fn parted(
    entries: Vec<SloEntry>,
    period: SloPeriod,
) -> Result<(Vec<PathBuf>, Vec<OwnSlo>), ConfigError> {
    let (mut files, mut own) = (Vec::new(), Vec::new());
    for entry in entries {
        match entry {
            SloEntry::File(path) => files.push(path),
            SloEntry::Own(entry) => own.push(meant(entry, period)?),
        }
    }
    compile_own_slos(&own).map_err(|error| wrong("slo", error.to_string()))?;
    Ok((files, own))
}

fn meant(entry: OwnEntry, period: SloPeriod) -> Result<OwnSlo, ConfigError> {
    let named = |reason| wrong("slo", format!("{}: {reason}", entry.service));
    let latency = entry.latency.as_deref().map(parse_duration);
    let period = match entry.period {
        Some(text) => slo_period(Some(text))?,
        None => period,
    };
    Ok(OwnSlo {
        latency: latency.transpose().map_err(named)?,
        service: entry.service,
        name: entry.name,
        objective: entry.objective,
        operation: entry.operation,
        period,
        min_events: entry.min_events,
    })
}

/// 30 days where nobody says otherwise.
pub(crate) fn slo_period(written: Option<String>) -> Result<SloPeriod, ConfigError> {
    let Some(text) = written else {
        return Ok(SloPeriod::default());
    };
    let read = parse_duration(&text).map_err(|reason| wrong("slo-period", reason))?;
    SloPeriod::of(read)
        .ok_or_else(|| wrong("slo-period", format!("{text:?} is neither 28d nor 30d")))
}

/// The rules that a file of objectives becomes, as (name, text).
pub(crate) fn read_slos(path: &Path, period: SloPeriod) -> Result<(String, String), ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let name = path.display().to_string();
    let compiled = compile_slos(&name, &text, period).map_err(ConfigError::Rules)?;
    Ok((name, compiled.rules))
}

fn wrong(option: &'static str, reason: String) -> ConfigError {
    ConfigError::Option { option, reason }
}
