//! `[hooks]` of the configuration file: by what calls from outside prove themselves.

use std::path::PathBuf;

use serde::Deserialize;
use watchfire_alerts::HookSecrets;

use super::ConfigError;
use super::secret::{Written, maybe_secret, secrets};

/// Several secrets of `PagerDuty` may be in use while one takes over from another.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HooksEntry {
    #[serde(default)]
    pagerduty_secrets: Vec<Written>,
    #[serde(default)]
    pagerduty_secret_files: Vec<PathBuf>,
    slack_signing_secret: Option<Written>,
    slack_signing_secret_file: Option<PathBuf>,
}

/// Those of the file, and those that the environment names.
pub(super) fn hook_secrets(
    entry: HooksEntry,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<HookSecrets, ConfigError> {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    let mut pagerduty = secrets(entry.pagerduty_secrets, entry.pagerduty_secret_files)?;
    if let Some(several) = set("PAGERDUTY_WEBHOOK_SECRET") {
        let each = several.split(',').map(str::trim);
        pagerduty.extend(each.filter(|one| !one.is_empty()).map(Into::into));
    }
    let option = "hooks.slack_signing_secret";
    let (written, file) = (entry.slack_signing_secret, entry.slack_signing_secret_file);
    let slack = maybe_secret(option, "[hooks]", written, file)?;
    let slack = slack.or_else(|| set("SLACK_SIGNING_SECRET").map(|text| text.as_str().into()));
    Ok(HookSecrets { pagerduty, slack })
}
