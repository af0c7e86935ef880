use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use watchfire_schemas::Timestamp;

use crate::config::parse_duration;

#[derive(Debug, Clone, Args)]
pub(crate) struct BacktestArgs {
    /// Rule files in Prometheus' format
    #[arg(required = true, value_name = "RULES")]
    pub(crate) rules: Vec<PathBuf>,
    /// How far back to look, such as 6h, 7d or 30d
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "30d")]
    pub(crate) since: Duration,
    /// Where to end: an RFC 3339 time [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) end: Option<Timestamp>,
    /// How often rules are evaluated, where this is longer than what their group says
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "15s")]
    pub(crate) step: Duration,
    /// Print the outcome as one document of JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// The server's address
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:7117",
        env = "WATCHFIRE_SERVER"
    )]
    pub(crate) server: String,
}
