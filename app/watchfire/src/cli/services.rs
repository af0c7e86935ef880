use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use watchfire_services::{NoPostgresUrl, PostgresUrl, ServiceName, UpstreamUrl};

/// All services run in this process unless --only names some. Each has a SQLite file of its own in
/// --data-dir, or a schema of its own in the Postgres that --database names. It traces its requests
/// and exports its telemetry as OTEL_EXPORTER_OTLP_ENDPOINT says.
///
/// A gateway that runs without the services behind it is told by --upstream where they are. What
/// several processes share must be given to each: the secret payments.provider, for one, by the
/// variable WATCHFIRE_PAYMENTS_PROVIDER or in a file that WATCHFIRE_PAYMENTS_PROVIDER_FILE names.
/// Without --only, secrets that are not given are drawn at random for this run.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServicesArgs {
    /// Start these alone: content, messages, reminders, recruitment, payments, gateway
    #[arg(long, value_name = "NAME", value_delimiter = ',', num_args = 1..)]
    pub(crate) only: Vec<ServiceName>,
    /// Where the services keep their SQLite files, and what else they keep as files
    #[arg(
        long,
        value_name = "DIR",
        default_value = "./data/services",
        env = "WATCHFIRE_DATA_DIR"
    )]
    pub(crate) data_dir: PathBuf,
    /// A Postgres instead of SQLite files: postgres://USER@HOST:PORT/NAME. One with a password is better given by the variable WATCHFIRE_SERVICES_DATABASE, or in a file that WATCHFIRE_SERVICES_DATABASE_FILE names
    #[arg(long, value_name = "URL")]
    pub(crate) database: Option<DatabaseArg>,
    /// The gateway's address
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:7118",
        env = "WATCHFIRE_GATEWAY"
    )]
    pub(crate) gateway: SocketAddr,
    /// Where a service behind the gateway listens, with its name if there are several [default: a free port of loopback]
    #[arg(long, value_name = "[NAME=]ADDRESS")]
    pub(crate) listen: Vec<Listen>,
    /// Where a service answers that another process runs: payments=http://127.0.0.1:7121
    #[arg(long, value_name = "NAME=URL")]
    pub(crate) upstream: Vec<UpstreamArg>,
    /// A Redis in which gateways share what they may show again: redis://host:port/db, rediss://
    /// over TLS; one with a password better by WATCHFIRE_GATEWAY_CACHE or WATCHFIRE_GATEWAY_CACHE_FILE
    #[arg(long, value_name = "URL")]
    pub(crate) cache: Option<CacheArg>,
    /// Where the services say they run: deployment.environment.name [default: not said]
    #[arg(long, value_name = "NAME", env = "WATCHFIRE_ENVIRONMENT")]
    pub(crate) environment: Option<String>,
    /// A running Watchfire that is told of what the services bring out
    #[arg(long, value_name = "URL", env = "WATCHFIRE_SERVER")]
    pub(crate) server: Option<String>,
    /// Requests per second that the built-in traffic generator makes
    #[arg(long, value_name = "RATE", default_value_t = 0.0)]
    pub(crate) traffic: f64,
    /// Makes the traffic repeatable
    #[arg(long, default_value_t = 7117)]
    pub(crate) seed: u64,
    /// Print one JSON line with the bound addresses on stdout
    #[arg(long)]
    pub(crate) print_addresses: bool,
}

/// An address that may hold a password. It is read where an error does not repeat it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct CacheArg(pub(crate) String);

impl FromStr for CacheArg {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for CacheArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The URL of a database as it was written. It may hold a password, so it is not told, and read only
/// where an error does not repeat it.
#[derive(Clone)]
pub(crate) struct DatabaseArg(String);

impl DatabaseArg {
    pub(crate) fn read(&self) -> Result<PostgresUrl, NoPostgresUrl> {
        self.0.parse()
    }
}

impl From<String> for DatabaseArg {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for DatabaseArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// An address, and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listen {
    pub(crate) service: Option<ServiceName>,
    pub(crate) address: SocketAddr,
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, address) = match text.split_once('=') {
            Some((name, address)) => (Some(name), address),
            None => (None, text),
        };
        let service = name.map(str::parse).transpose();
        let address = address.parse();
        Ok(Self {
            service: service.map_err(|error: watchfire_services::UnknownService| error.to_string())?,
            address: address.map_err(|_| {
                format!("{text:?} is no address; write for example 127.0.0.1:7121 or payments=127.0.0.1:7121")
            })?,
        })
    }
}

/// A service, and where it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UpstreamArg {
    pub(crate) service: ServiceName,
    pub(crate) url: UpstreamUrl,
}

impl FromStr for UpstreamArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not of the form NAME=URL");
        let (name, url) = text.split_once('=').ok_or_else(wrong)?;
        let service = name.parse::<ServiceName>();
        let url = url.parse::<UpstreamUrl>();
        Ok(Self {
            service: service.map_err(|error| error.to_string())?,
            url: url.map_err(|error| error.to_string())?,
        })
    }
}
