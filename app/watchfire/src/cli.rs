//! What can be said on the command line.

#![expect(
    clippy::doc_markdown,
    reason = "these comments are the help text, which is no Markdown"
)]

mod backtest;
mod drill;
mod export;
mod fault;
mod load;
mod replay;
mod search;
mod send;
mod services;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Deserialize;

pub(crate) use backtest::BacktestArgs;
pub(crate) use drill::DrillArgs;
pub(crate) use export::{ExportArgs, ExportWhat};
pub(crate) use fault::{FaultArgs, FaultBeginArgs, FaultWhat};
pub(crate) use load::{LoadArgs, Profile, SendingArgs};
pub(crate) use replay::{ReplayArgs, Speed};
pub(crate) use search::SearchArgs;
pub(crate) use send::{Compression, SendArgs, SendDeployArgs, SendLogsArgs, SendWhat};
pub(crate) use services::ServicesArgs;

use crate::config::{ConfigError, Written};

/// Receives telemetry, finds failures, pages people, and measures how long each went unseen.
#[derive(Debug, Parser)]
#[command(
    name = "watchfire",
    version,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Everything in one process: services, traffic, faults, collector, console
    Demo(DemoArgs),
    /// The stack alone, for production
    Serve(ServeArgs),
    /// The application services by themselves; telemetry goes where OTEL_EXPORTER_OTLP_ENDPOINT says
    Services(ServicesArgs),
    /// Send requests on schedule, whatever the server does; exit code 1 if what is expected does not hold
    Load(LoadArgs),
    /// Break a service of a running gateway, or mend it; exit code 1 on an error
    Fault(FaultArgs),
    /// Send requests again that the log index has records of, to another target; exit code 1 if one
    /// is answered otherwise and --fail-on-difference is given
    Replay(ReplayArgs),
    /// Search the logs of a running server; exit code 0 if something was found, 1 if not, 2 on an error
    Search(SearchArgs),
    /// Write an incident of a running server down, for a post-mortem
    Export(ExportArgs),
    /// Send log lines or a change to a running server
    Send(SendArgs),
    /// Validate configuration, rules or schemas; exit code 1 on a finding
    Check(CheckArgs),
    /// Run unit tests of rules, in promtool's format; exit code 1 if one fails
    Test(TestArgs),
    /// Show how a decision is made, on the code that the server runs
    Explain(ExplainArgs),
    /// Replay faults of known onset in simulated time, and tell how soon they page
    Drill(DrillArgs),
    /// What rules would have paged over the stored telemetry of a running server, and when
    Backtest(BacktestArgs),
}

/// Every option is also a variable `WATCHFIRE_…` and a key of the configuration file, dashes as
/// underscores. A flag wins over a variable, a variable over the file.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ServeArgs {
    /// Configuration file
    #[arg(long, value_name = "FILE", env = "WATCHFIRE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Where everything is kept [default: ./data]
    #[arg(long, value_name = "DIR", env = "WATCHFIRE_DATA_DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Console, API and /metrics [default: 127.0.0.1:7117]
    #[arg(long, value_name = "ADDRESS", env = "WATCHFIRE_LISTEN")]
    pub(crate) listen: Option<SocketAddr>,
    /// OTLP over gRPC [default: 127.0.0.1:4317]
    #[arg(long, value_name = "ADDRESS", env = "WATCHFIRE_OTLP_GRPC")]
    pub(crate) otlp_grpc: Option<SocketAddr>,
    /// OTLP over HTTP [default: 127.0.0.1:4318]
    #[arg(long, value_name = "ADDRESS", env = "WATCHFIRE_OTLP_HTTP")]
    pub(crate) otlp_http: Option<SocketAddr>,
    /// Listen beyond loopback although there is no login
    #[arg(long, env = "WATCHFIRE_ALLOW_ANONYMOUS", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub(crate) allow_anonymous: Option<bool>,
    /// A host name that this console is reached by; may be given several times
    #[arg(
        long,
        value_name = "NAME",
        env = "WATCHFIRE_ALLOWED_HOST",
        value_delimiter = ','
    )]
    pub(crate) allowed_host: Vec<String>,
    /// The console's address as people reach it, for links in notifications [default: the address that is listened on]
    #[arg(long, value_name = "URL", env = "WATCHFIRE_EXTERNAL_URL")]
    pub(crate) external_url: Option<String>,
    /// Memory for records that are not yet in a split [default: 1GiB]
    #[arg(long, value_name = "SIZE", env = "WATCHFIRE_MEMORY_BUDGET")]
    pub(crate) memory_budget: Option<String>,
    /// What of it requests may take until they are acknowledged [default: 64MiB]
    #[arg(long, value_name = "SIZE", env = "WATCHFIRE_INTAKE_BUDGET")]
    pub(crate) intake_budget: Option<String>,
    /// The largest request body, decompressed [default: 16MiB]
    #[arg(long, value_name = "SIZE", env = "WATCHFIRE_MAX_BODY")]
    pub(crate) max_body: Option<String>,
    /// How far ahead of the clock here a record's own time may be [default: 1h]
    #[arg(long, value_name = "DURATION", env = "WATCHFIRE_MAX_AHEAD")]
    pub(crate) max_ahead: Option<String>,
    /// An attribute of OTLP resources that each of their series gets as a label; may be given several times
    #[arg(
        long,
        value_name = "KEY",
        env = "WATCHFIRE_OTLP_PROMOTE",
        value_delimiter = ','
    )]
    pub(crate) otlp_promote: Vec<String>,
    /// What becomes of OTLP's names [default: escaped]
    #[arg(long, value_name = "FORM", env = "WATCHFIRE_OTLP_NAMES")]
    pub(crate) otlp_names: Option<OtlpNames>,
    /// Whether series say by otel_scope_name and otel_scope_version which library made them [default: true]
    #[arg(long, value_name = "BOOL", env = "WATCHFIRE_OTLP_SCOPE_LABELS")]
    pub(crate) otlp_scope_labels: Option<bool>,
    /// How long logs are kept [default: 14d]
    #[arg(long, value_name = "DURATION", env = "WATCHFIRE_LOG_RETENTION")]
    pub(crate) log_retention: Option<String>,
    /// How long spans are kept [default: 7d]
    #[arg(long, value_name = "DURATION", env = "WATCHFIRE_SPAN_RETENTION")]
    pub(crate) span_retention: Option<String>,
    /// How long metrics are kept [default: 90d]
    #[arg(long, value_name = "DURATION", env = "WATCHFIRE_METRIC_RETENTION")]
    pub(crate) metric_retention: Option<String>,
    /// What the series that are being written may take in memory; new ones are refused beyond [default: three eighths of --memory-budget]
    #[arg(long, value_name = "SIZE", env = "WATCHFIRE_METRICS_MEMORY")]
    pub(crate) metrics_memory: Option<String>,
    /// Bytes that blocks of metrics may take; the oldest go first [default: no limit but those of the disk]
    #[arg(long, value_name = "SIZE", env = "WATCHFIRE_METRICS_DISK_LIMIT")]
    pub(crate) metrics_disk_limit: Option<String>,
    /// How far a sample may be behind the newest of its series [default: 30m]
    #[arg(long, value_name = "DURATION", env = "WATCHFIRE_METRICS_OUT_OF_ORDER")]
    pub(crate) metrics_out_of_order: Option<String>,
    /// Bytes that all files together may take; the oldest records go first [default: no limit but --disk-share]
    #[arg(long, value_name = "SIZE", env = "WATCHFIRE_DISK_LIMIT")]
    pub(crate) disk_limit: Option<String>,
    /// The part of the disk's room, as others leave it, that may be used [default: 80%]
    #[arg(long, value_name = "PERCENT", env = "WATCHFIRE_DISK_SHARE")]
    pub(crate) disk_share: Option<String>,
    /// A rule file in Prometheus' format, beside the default pack; may be given several times
    #[arg(
        long,
        value_name = "FILE",
        env = "WATCHFIRE_RULES",
        value_delimiter = ','
    )]
    pub(crate) rules: Vec<PathBuf>,
    /// A file of service level objectives in Sloth's or OpenSLO's form; may be given several times
    #[arg(
        long,
        value_name = "FILE",
        env = "WATCHFIRE_SLO",
        value_delimiter = ','
    )]
    pub(crate) slo: Vec<PathBuf>,
    /// The time over which the error budgets of objectives are counted that do not say: 28d or 30d [default: 30d]
    #[arg(long, value_name = "DURATION", env = "WATCHFIRE_SLO_PERIOD")]
    pub(crate) slo_period: Option<String>,
    /// An Alertmanager that is told of all alerts, as by a Prometheus; may be given several times
    #[arg(
        long,
        value_name = "URL",
        env = "WATCHFIRE_ALERTMANAGER",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub(crate) alertmanager: Vec<Written>,
    /// An address outside that is told every minute that rules are evaluated, and raises the alarm when it is not
    #[arg(
        long,
        value_name = "URL",
        env = "WATCHFIRE_HEARTBEAT_URL",
        hide_env_values = true
    )]
    pub(crate) heartbeat_url: Option<Written>,
    /// Whether the default rules are evaluated [default: true]
    #[arg(long, value_name = "BOOL", env = "WATCHFIRE_DEFAULT_RULES")]
    pub(crate) default_rules: Option<bool>,
    /// A schema that log records are held to, or a folder of them; may be given several times
    #[arg(
        long,
        value_name = "PATH",
        env = "WATCHFIRE_SCHEMAS",
        value_delimiter = ','
    )]
    pub(crate) schemas: Vec<PathBuf>,
    /// What is to be scraped: scrape_configs in Prometheus' format
    #[arg(long, value_name = "FILE", env = "WATCHFIRE_SCRAPE_CONFIG")]
    pub(crate) scrape_config: Option<PathBuf>,
    /// Whether figures of this machine and of this process are kept: on or off [default: on]
    #[arg(long, value_name = "ON|OFF", env = "WATCHFIRE_HOST_METRICS")]
    pub(crate) host_metrics: Option<String>,
    /// How often rules are evaluated where their group does not say [default: 15s]
    #[arg(long, value_name = "DURATION", env = "WATCHFIRE_EVALUATION_INTERVAL")]
    pub(crate) evaluation_interval: Option<String>,
    /// How long an incident gathers alerts before it pages [default: 5s]
    #[arg(long, value_name = "DURATION", env = "WATCHFIRE_GROUP_WAIT")]
    pub(crate) group_wait: Option<String>,
    /// Where groups of alerts are routed, in Alertmanager's format
    #[arg(long, value_name = "FILE", env = "WATCHFIRE_ALERTMANAGER_CONFIG")]
    pub(crate) alertmanager_config: Option<PathBuf>,
    /// How long a failure must be quiet to count as recovered [default: 5m; in the demo 60s]
    #[arg(long, value_name = "DURATION", env = "WATCHFIRE_QUIET")]
    pub(crate) quiet: Option<String>,
    /// Print one JSON line with the bound addresses on stdout
    #[arg(long)]
    pub(crate) print_addresses: bool,
}

/// The names of the series that OTLP's metrics become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OtlpNames {
    /// http_server_requests_total: with _ for every other character, with unit and _total
    Escaped,
    /// http_server_requests
    EscapedWithoutSuffixes,
    /// http.server.requests_total
    Utf8,
    /// http.server.requests
    Untranslated,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct DemoArgs {
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
    /// The application gateway [default: 127.0.0.1:7118]
    #[arg(long, value_name = "ADDRESS", env = "WATCHFIRE_GATEWAY")]
    pub(crate) gateway: Option<SocketAddr>,
    /// No faults but those that are begun by hand, with watchfire fault
    #[arg(long)]
    pub(crate) no_schedule: bool,
    /// Makes the traffic and the order of faults repeatable
    #[arg(long, default_value_t = 7117, env = "WATCHFIRE_SEED")]
    pub(crate) seed: u64,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct CheckArgs {
    #[command(subcommand)]
    pub(crate) what: CheckWhat,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum CheckWhat {
    /// A configuration file
    Config {
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Rule files in Prometheus' format
    Rules {
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Service level objectives in Sloth's or OpenSLO's form
    Slo {
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// How alerts are routed, in Alertmanager's format
    Alertmanager {
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// What is to be scraped, in Prometheus' format
    Scrape {
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// JSON Schema files or folders of them, and sample log lines that should keep them
    Schemas {
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Lines of JSON to hold to the schemas; may be given several times
        #[arg(long, value_name = "FILE")]
        logs: Vec<PathBuf>,
    },
}

#[derive(Debug, Clone, Args)]
pub(crate) struct TestArgs {
    #[command(subcommand)]
    pub(crate) what: TestWhat,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum TestWhat {
    /// Files of tests: input series, and the alerts and samples that should come of them
    Rules(TestRulesArgs),
}

#[derive(Debug, Clone, Args)]
pub(crate) struct TestRulesArgs {
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Run only the tests whose name this expression finds; may be given several times
    #[arg(long, value_name = "REGEX")]
    pub(crate) run: Vec<String>,
    /// Write the outcome as JUnit's XML
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct RouteArgs {
    /// The alert's labels: name=value each, or all as one {name="value",…}
    #[arg(required = true)]
    pub(crate) labels: Vec<String>,
    /// The routes, in Alertmanager's format
    #[arg(long, value_name = "FILE", env = "WATCHFIRE_ALERTMANAGER_CONFIG")]
    pub(crate) config: PathBuf,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ExplainArgs {
    #[command(subcommand)]
    pub(crate) what: ExplainWhat,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum ExplainWhat {
    /// When each series began to fail: NDJSON of {"id","start","bin_seconds","counts","traffic"?}
    Onset { file: PathBuf },
    /// Which group each exception belongs to: log lines with exception.*
    Fingerprint { file: PathBuf },
    /// Which pattern each line follows: log lines with a message, or lines of plain text; - for
    /// standard input
    Pattern { file: PathBuf },
    /// The rules that a file of service level objectives becomes, as a rule file
    Slo {
        file: PathBuf,
        /// The time over which error budgets are counted where the file does not say: 28d or 30d
        #[arg(long, value_name = "DURATION", default_value = "30d")]
        period: String,
    },
    /// Which receivers an alert would reach
    Route(RouteArgs),
    /// Which index or column answers each clause of a query over logs, or over spans
    Query {
        query: String,
        /// Read it as a query over spans
        #[arg(long)]
        spans: bool,
        /// As one line of JSON
        #[arg(long)]
        json: bool,
    },
}

/// Tells an error with its causes; wrong usage exits with 64 (EX_USAGE), anything else with 1.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    #[expect(
        clippy::print_stderr,
        reason = "the last word of a command that failed"
    )]
    {
        eprintln!("watchfire: {}", causes.join(": "));
    }
    if error.is::<ConfigError>() {
        ExitCode::from(64)
    } else {
        ExitCode::FAILURE
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
