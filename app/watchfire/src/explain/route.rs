//! `watchfire explain route`: which receivers an alert would reach.

use anyhow::Context as _;
use serde_json::json;
use watchfire_alerts::{AlertmanagerConfig, labels_of};

use crate::cli::RouteArgs;
use crate::config::read_alertmanager;

pub(super) fn run(args: &RouteArgs) -> anyhow::Result<String> {
    let labels = labels_of(&args.labels).map_err(anyhow::Error::msg)?;
    let file = read_alertmanager(args.config.clone())?;
    let name = file.path.display().to_string();
    let config = AlertmanagerConfig::read(&name, &file.text)
        .map_err(|findings| anyhow::Error::msg(findings[0].to_string()))
        .context("the file changed while it was read")?;
    Ok(json!({"receivers": config.receivers_of(&labels)}).to_string())
}
