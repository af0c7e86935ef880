use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use watchfire_schemas::Timestamp;

use crate::config::parse_duration;

#[derive(Debug, Clone, Args)]
pub(crate) struct SendArgs {
    #[command(subcommand)]
    pub(crate) what: SendWhat,
    /// The server's address
    #[arg(
        long,
        global = true,
        value_name = "URL",
        default_value = "http://127.0.0.1:7117",
        env = "WATCHFIRE_SERVER"
    )]
    pub(crate) server: String,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum SendWhat {
    /// Log lines, one JSON object a line; exit code 1 if one breaks its contract, 2 on an error
    Logs(SendLogsArgs),
    /// A change, so that it stands on the time axis beside what it broke
    Deploy(SendDeployArgs),
}

#[derive(Debug, Clone, Args)]
pub(crate) struct SendLogsArgs {
    /// The lines, plain or compressed by gzip or zstd; - is standard input
    #[arg(default_value = "-")]
    pub(crate) file: PathBuf,
    /// The service of lines that name none
    #[arg(long, value_name = "NAME")]
    pub(crate) service: Option<String>,
    /// The most lines of one request
    #[arg(long, value_name = "LINES", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) batch: u32,
    /// How requests are compressed
    #[arg(long, value_enum, default_value_t = Compression::Zstd)]
    pub(crate) compression: Compression,
    /// Pass over the lines before this one
    #[arg(long, value_name = "LINE", default_value_t = 1)]
    pub(crate) from_line: u64,
    /// How long to try again while the server is away or busy
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = parse_duration)]
    pub(crate) patience: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstd,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct SendDeployArgs {
    /// What was changed
    #[arg(long, value_name = "NAME")]
    pub(crate) service: String,
    /// The version that came of it
    #[arg(long)]
    pub(crate) version: String,
    /// What was done, in a few words [default: the version]
    #[arg(long, value_name = "TEXT")]
    pub(crate) summary: Option<String>,
    /// When it took effect: an RFC 3339 time [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<Timestamp>,
    /// When what it brings was committed: an RFC 3339 time, once for each commit; the change lead
    /// time is made of it
    #[arg(long, value_name = "TIME")]
    pub(crate) committed_at: Vec<Timestamp>,
    /// Who or what did it
    #[arg(long, value_name = "NAME")]
    pub(crate) author: Option<String>,
    /// Where to read more
    #[arg(long, value_name = "URL")]
    pub(crate) link: Option<String>,
}
