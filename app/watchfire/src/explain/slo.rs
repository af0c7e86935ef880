use std::path::Path;

use crate::config::{ConfigError, read_slos, slo_period};

/// The rule file that a file of objectives becomes.
pub(super) fn rules_of(file: &Path, period: &str) -> Result<String, ConfigError> {
    let period = slo_period(Some(period.to_owned()))?;
    let (_, rules) = read_slos(file, period)?;
    Ok(rules.trim_end().to_owned())
}
