use std::time::Duration;

use clap::Args;
use watchfire_schemas::Timestamp;

use crate::config::parse_duration;

#[derive(Debug, Clone, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of its own, none excludes another"
)]
pub(crate) struct SearchArgs {
    /// What to find, in the query language; nothing finds everything
    #[arg(default_value = "", hide_default_value = true)]
    pub(crate) query: String,
    /// How far back to look, such as 15m, 6h or 7d [default: 1h]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, conflicts_with_all = ["start", "end"])]
    pub(crate) since: Option<Duration>,
    /// Where to begin: an RFC 3339 time
    #[arg(long, value_name = "TIME")]
    pub(crate) start: Option<Timestamp>,
    /// Where to end: an RFC 3339 time [default: now]
    #[arg(long, value_name = "TIME", requires = "start")]
    pub(crate) end: Option<Timestamp>,
    /// The most records to print; 0 for all
    #[arg(long, short = 'n', value_name = "N", default_value_t = 100)]
    pub(crate) limit: u64,
    /// Print each record as a line of JSON, with its id
    #[arg(long)]
    pub(crate) json: bool,
    /// Go on printing records as they come
    #[arg(long, short, conflicts_with = "end")]
    pub(crate) follow: bool,
    /// Print times in UTC rather than in the time zone of this machine
    #[arg(long)]
    pub(crate) utc: bool,
    /// Print without colours; NO_COLOR does the same
    #[arg(long)]
    pub(crate) no_color: bool,
    /// The server's address
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:7117",
        env = "WATCHFIRE_SERVER"
    )]
    pub(crate) server: String,
}
