//! What Watchfire is to fetch itself.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use watchfire_collector::{ProbeConfig, ProbeEntry, ScrapeConfig};

use super::ConfigError;

pub(super) fn scraped(path: PathBuf) -> Result<(PathBuf, ScrapeConfig), ConfigError> {
    let config = read_scrape_config(&path)?;
    Ok((path, config))
}

/// What a file in Prometheus' format says is to be scraped.
pub(crate) fn read_scrape_config(path: &Path) -> Result<ScrapeConfig, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    ScrapeConfig::parse(&path.display().to_string(), &text).map_err(ConfigError::Scrape)
}

/// Each under a name of its own.
pub(super) fn read_probes(entries: Vec<ProbeEntry>) -> Result<Vec<ProbeConfig>, ConfigError> {
    let option = "probe";
    let wrong = |reason| ConfigError::Option { option, reason };
    let mut names = BTreeSet::new();
    let probe = |entry: ProbeEntry| {
        if !names.insert(entry.name().to_owned()) {
            return Err(wrong(format!("{:?} comes twice", entry.name())));
        }
        entry.meaning().map_err(wrong)
    };
    entries.into_iter().map(probe).collect()
}

/// On where nobody says otherwise.
pub(super) fn on_or_off(option: &'static str, written: Option<&str>) -> Result<bool, ConfigError> {
    match written {
        None | Some("on" | "true") => Ok(true),
        Some("off" | "false") => Ok(false),
        Some(other) => {
            let reason = format!("{other:?} is neither on nor off");
            Err(ConfigError::Option { option, reason })
        }
    }
}
