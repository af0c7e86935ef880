//! Secrets of the configuration file, written out or named by a file that holds them.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use watchfire_alerts::Secret;

use super::ConfigError;

/// A secret that was written out. Like the [`Secret`] made of it, it is not told.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Written(pub(super) String);

impl From<&str> for Written {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The one that was written, or that is in the file; none if there is neither.
pub(super) fn maybe_secret(
    option: &'static str,
    whose: &str,
    written: Option<Written>,
    file: Option<PathBuf>,
) -> Result<Option<Secret>, ConfigError> {
    let text = match (written, file) {
        (None, None) => return Ok(None),
        (Some(Written(text)), None) => text,
        (None, Some(path)) => std::fs::read_to_string(&path)
            .map_err(|source| ConfigError::Unreadable { path, source })?,
        (Some(_), Some(_)) => return Err(one_of_both(option, whose)),
    };
    Ok(Some(text.trim().into()))
}

/// One that must be there.
pub(super) fn secret(
    option: &'static str,
    whose: &str,
    written: Option<Written>,
    file: Option<PathBuf>,
) -> Result<Secret, ConfigError> {
    let found = maybe_secret(option, whose, written, file)?;
    found.ok_or_else(|| one_of_both(option, whose))
}

/// Those that were written, and those in files.
pub(super) fn secrets(
    written: Vec<Written>,
    files: Vec<PathBuf>,
) -> Result<Vec<Secret>, ConfigError> {
    let mut secrets: Vec<Secret> = written
        .into_iter()
        .map(|Written(text)| text.trim().into())
        .collect();
    for path in files {
        let text = std::fs::read_to_string(&path)
            .map_err(|source| ConfigError::Unreadable { path, source })?;
        secrets.push(text.trim().into());
    }
    Ok(secrets)
}

fn one_of_both(option: &'static str, whose: &str) -> ConfigError {
    let reason = format!("{whose} needs it written out or named by a file, one of both");
    ConfigError::Option { option, reason }
}
