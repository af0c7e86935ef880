use std::time::Duration;

use clap::{Args, Subcommand};

use crate::config::parse_duration;

/// What each kind of fault does:
///
///   errors           a share of the requests fails with an exception
///   latency          a share of the requests becomes slow
///   dependency-down  the service's database, the provider that it calls, or the cache that
///                    the gateway shares, cannot be reached
///   slow-leak        every request leaves memory and an open file behind, and waits longer
///   bad-deploy       a change that throws on a share of its input; a roll-back ends it
///   poison-message   one message fails its consumer until it is set aside as a dead letter
///   schema-break     a share of the log lines no longer keeps the contract
///   clock-skew       the clock by which the service dates its telemetry is off
#[derive(Debug, Clone, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct FaultArgs {
    #[command(subcommand)]
    pub(crate) what: FaultWhat,
    /// The gateway, or a service that runs by itself; only reachable on its own machine
    #[arg(
        long,
        global = true,
        value_name = "URL",
        default_value = "http://127.0.0.1:7118",
        env = "WATCHFIRE_GATEWAY_URL"
    )]
    pub(crate) gateway: String,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum FaultWhat {
    /// The faults that are on, and what can be broken
    List,
    /// Begin a fault; the one that its service had before ends
    Begin(FaultBeginArgs),
    /// End the fault of one service, or all
    End {
        /// Whose [default: everybody's]
        #[arg(long, value_name = "NAME")]
        service: Option<String>,
    },
}

#[derive(Debug, Clone, Args)]
pub(crate) struct FaultBeginArgs {
    /// Whom it hits
    #[arg(long, value_name = "NAME")]
    pub(crate) service: String,
    /// What it does
    #[arg(long)]
    pub(crate) kind: String,
    /// The share of requests, lines or inputs that it hits, above 0 and up to 1
    #[arg(long, default_value_t = 1.0)]
    pub(crate) share: f64,
    /// When it ends by itself, such as 90s or 2m [default: not at all]
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) lasts: Option<Duration>,
    /// latency: how much longer a request takes [default: 1150ms]; slow-leak: for every second that it lasted [default: 25ms]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) delay: Option<Duration>,
    /// slow-leak: how many MiB leak in a second [default: 2]
    #[arg(long, value_name = "MIB")]
    pub(crate) leak: Option<u64>,
    /// clock-skew: how many seconds the clock is ahead, below zero behind [default: 20]
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub(crate) offset: Option<i64>,
}
