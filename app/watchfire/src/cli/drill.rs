use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Clone, Args)]
pub(crate) struct DrillArgs {
    /// Name the faults, and do nothing
    #[arg(long)]
    pub(crate) list: bool,
    /// Only the faults whose name holds this; may be given several times
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Makes traffic and faults repeatable
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// How often each fault is replayed, each time with other traffic
    #[arg(long, value_name = "TIMES", default_value_t = 1)]
    pub(crate) repeat: u64,
    /// Days of traffic without a fault, to count false pages
    #[arg(long, value_name = "DAYS", default_value_t = 0.5)]
    pub(crate) quiet_days: f64,
    /// Rules to try in place of those that ship; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Vec<PathBuf>,
    /// Print the outcome as one document of JSON
    #[arg(long)]
    pub(crate) json: bool,
}
