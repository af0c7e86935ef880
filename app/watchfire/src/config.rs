//! What was written (flags, variables, file) and what is meant. All of it is validated in the
//! conversion, before a port is bound or a file is touched.

mod destinations;
mod file;
mod gathering;
mod hooks;
mod quantity;
mod secret;
mod slo;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use watchfire_alerts::{
    AlertmanagerFile, DestinationConfig, HookSecrets, RuleFinding, Secret, check_alertmanager,
};
use watchfire_collector::{
    CounterRule, MetricNames, OtlpMetrics, ProbeConfig, ScrapeConfig, ScrapeFinding,
};
use watchfire_schemas::SchemaDefinition;

use file::CounterEntry;
pub(crate) use file::FileConfig;
pub(crate) use gathering::read_scrape_config;
use gathering::{on_or_off, read_probes, scraped};
use hooks::hook_secrets;
pub(crate) use quantity::parse_duration;
use quantity::{parse_percent, parse_size};
pub(crate) use secret::Written;
use slo::SloEntry;
pub(crate) use slo::{read_slos, slo_period};

use crate::cli::{OtlpNames, ServeArgs};
use crate::disk_share::DiskShare;
use crate::rule_files::RuleFiles;
use crate::schema_files::{self, SchemaEntry, SchemaFinding};

/// What a run of the stack is meant to do.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) data_dir: PathBuf,
    pub(crate) listen: SocketAddr,
    pub(crate) otlp_grpc: SocketAddr,
    pub(crate) otlp_http: SocketAddr,
    pub(crate) allowed_hosts: Vec<String>,
    /// None: made of the address that is bound.
    pub(crate) external_url: Option<String>,
    pub(crate) memory_budget: usize,
    pub(crate) intake_budget: usize,
    pub(crate) max_body: usize,
    pub(crate) max_ahead: Duration,
    pub(crate) otlp_metrics: OtlpMetrics,
    pub(crate) counters: Vec<CounterRule>,
    pub(crate) log_retention: Duration,
    pub(crate) span_retention: Duration,
    pub(crate) metric_retention: Duration,
    /// None: a part of the memory budget.
    pub(crate) metrics_memory: Option<usize>,
    pub(crate) metrics_disk_limit: usize,
    pub(crate) metrics_out_of_order: Duration,
    pub(crate) disk: DiskShare,
    pub(crate) rule_files: RuleFiles,
    /// What they hold: (name, text).
    pub(crate) rules: Vec<(String, String)>,
    /// What records are held to besides the contract of a log line.
    pub(crate) schemas: Vec<SchemaDefinition>,
    pub(crate) destinations: Vec<DestinationConfig>,
    pub(crate) alertmanagers: Vec<Secret>,
    pub(crate) heartbeat: Option<Secret>,
    /// How groups of alerts are routed.
    pub(crate) alertmanager: Option<AlertmanagerFile>,
    pub(crate) hooks: HookSecrets,
    /// What is scraped, and the file that says so.
    pub(crate) scrape: Option<(PathBuf, ScrapeConfig)>,
    pub(crate) probes: Vec<ProbeConfig>,
    /// Whether figures of this machine and process are kept.
    pub(crate) host_metrics: bool,
    pub(crate) evaluation_interval: Duration,
    pub(crate) group_wait: Duration,
    pub(crate) quiet: Duration,
    pub(crate) print_addresses: bool,
}

/// What is wrong with what was written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("{path} cannot be read")]
    Unreadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{path}:{line}:{column}: {reason}")]
    Syntax {
        path: PathBuf,
        line: usize,
        column: usize,
        reason: String,
    },
    #[error("{option}: {reason}")]
    Option {
        option: &'static str,
        reason: String,
    },
    /// At least one finding.
    #[error("{}", lines(.0))]
    Rules(Vec<RuleFinding>),
    /// At least one finding.
    #[error("{}", lines(.0))]
    Schemas(Vec<SchemaFinding>),
    /// At least one finding.
    #[error("{}", lines(.0))]
    Scrape(Vec<ScrapeFinding>),
}

fn lines(findings: &[impl ToString]) -> String {
    let texts: Vec<String> = findings.iter().map(ToString::to_string).collect();
    texts.join("\n")
}

/// What differs between `serve` and `demo` where nobody says otherwise.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Defaults {
    pub(crate) quiet: Duration,
}

impl Defaults {
    pub(crate) const SERVE: Self = Self {
        quiet: Duration::from_mins(5),
    };
    pub(crate) const DEMO: Self = Self {
        quiet: Duration::from_mins(1),
    };
}

impl Settings {
    /// Reads the file that the flags name, and turns all that was written into what is meant.
    pub(crate) fn from_args(args: &ServeArgs, defaults: Defaults) -> Result<Self, ConfigError> {
        let file = match &args.config {
            Some(path) => FileConfig::read(path)?,
            None => FileConfig::default(),
        };
        Self::new(args, file, defaults, &|name| std::env::var(name).ok())
    }

    fn new(
        args: &ServeArgs,
        file: FileConfig,
        defaults: Defaults,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let (schema_entries, probes) = (file.schema.clone(), file.probe.clone());
        let slo_entries = file.slo.clone();
        let counters = counters(&file.counter)?;
        let hooks = hook_secrets(file.hooks.clone(), variable)?;
        let fallback = file.fallback.clone();
        let (args, destinations) = file.below(args.clone());
        let days = |days: u64| Duration::from_hours(24 * days);
        let seconds = Duration::from_secs;
        let open = args.allow_anonymous.unwrap_or(false);
        let rule_files = rule_files(&args, slo_entries)?;
        let evaluation = args.evaluation_interval;
        Ok(Self {
            data_dir: args.data_dir.unwrap_or_else(|| "data".into()),
            listen: address("listen", args.listen, 7117, open)?,
            otlp_grpc: address("otlp-grpc", args.otlp_grpc, 4317, open)?,
            otlp_http: address("otlp-http", args.otlp_http, 4318, open)?,
            allowed_hosts: args.allowed_host,
            external_url: external_url(args.external_url)?,
            memory_budget: size("memory-budget", args.memory_budget, 1 << 30)?,
            intake_budget: size("intake-budget", args.intake_budget, 64 << 20)?,
            max_body: size("max-body", args.max_body, 16 << 20)?,
            max_ahead: duration("max-ahead", args.max_ahead, seconds(3600))?,
            otlp_metrics: OtlpMetrics {
                promote: args.otlp_promote,
                names: metric_names(args.otlp_names.unwrap_or(OtlpNames::Escaped)),
                scope_labels: args.otlp_scope_labels.unwrap_or(true),
            },
            counters,
            log_retention: duration("log-retention", args.log_retention, days(14))?,
            span_retention: duration("span-retention", args.span_retention, days(7))?,
            metric_retention: duration("metric-retention", args.metric_retention, days(90))?,
            metrics_memory: args
                .metrics_memory
                .map(|text| size("metrics-memory", Some(text), 0))
                .transpose()?,
            metrics_disk_limit: size("metrics-disk-limit", args.metrics_disk_limit, usize::MAX)?,
            metrics_out_of_order: duration(
                "metrics-out-of-order",
                args.metrics_out_of_order,
                seconds(1800),
            )?,
            disk: disk_share(args.disk_limit, args.disk_share)?,
            rules: rule_files.read()?,
            rule_files,
            schemas: read_schemas(&args.schemas, &schema_entries)?,
            host_metrics: on_or_off("host-metrics", args.host_metrics.as_deref())?,
            probes: read_probes(probes)?,
            scrape: args.scrape_config.map(scraped).transpose()?,
            alertmanagers: outside("alertmanager", args.alertmanager)?,
            heartbeat: outside("heartbeat-url", args.heartbeat_url)?.pop(),
            alertmanager: args
                .alertmanager_config
                .map(read_alertmanager)
                .transpose()?,
            destinations: destinations::destinations(destinations, fallback.as_deref(), variable)?,
            hooks,
            evaluation_interval: duration("evaluation-interval", evaluation, seconds(15))?,
            group_wait: duration("group-wait", args.group_wait, seconds(5))?,
            quiet: duration("quiet", args.quiet, defaults.quiet)?,
            print_addresses: args.print_addresses,
        })
    }
}

fn rule_files(args: &ServeArgs, objectives: Vec<SloEntry>) -> Result<RuleFiles, ConfigError> {
    let slo_period = slo_period(args.slo_period.clone())?;
    let (slo_files, own_slos) = slo::parted(objectives, slo_period)?;
    Ok(RuleFiles {
        patterns: args.rules.clone(),
        slo_files: if args.slo.is_empty() {
            slo_files
        } else {
            args.slo.clone()
        },
        own_slos,
        slo_period,
        with_default: args.default_rules.unwrap_or(true),
    })
}

/// Reads a file in Alertmanager's format, and checks it.
pub(crate) fn read_alertmanager(path: PathBuf) -> Result<AlertmanagerFile, ConfigError> {
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(source) => return Err(ConfigError::Unreadable { path, source }),
    };
    let file = AlertmanagerFile { path, text };
    let findings = check_alertmanager(&file);
    if findings.is_empty() {
        Ok(file)
    } else {
        Err(ConfigError::Rules(findings))
    }
}

fn counters(entries: &[CounterEntry]) -> Result<Vec<CounterRule>, ConfigError> {
    let mut rules: Vec<CounterRule> = Vec::new();
    for CounterEntry { name, query, by } in entries {
        let wrong = |reason: String| ConfigError::Option {
            option: "counter",
            reason: format!("{name}: {reason}"),
        };
        let rule = CounterRule::new(name, query, by).map_err(|error| wrong(error.to_string()))?;
        if rules.iter().any(|other| other.name() == name) {
            return Err(wrong("two counters have this name".to_owned()));
        }
        rules.push(rule);
    }
    Ok(rules)
}

const fn metric_names(names: OtlpNames) -> MetricNames {
    match names {
        OtlpNames::Escaped => MetricNames::Escaped,
        OtlpNames::EscapedWithoutSuffixes => MetricNames::EscapedWithoutSuffixes,
        OtlpNames::Utf8 => MetricNames::Utf8,
        OtlpNames::Untranslated => MetricNames::Untranslated,
    }
}

/// An address to listen on; one that others reach only if that was allowed in so many words.
fn address(
    option: &'static str,
    written: Option<SocketAddr>,
    port: u16,
    open: bool,
) -> Result<SocketAddr, ConfigError> {
    let address = written.unwrap_or(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    if address.ip().is_loopback() || open {
        return Ok(address);
    }
    let reason = format!(
        "{address} is reachable from other machines and there is no login yet; \
         say --allow-anonymous if everybody who can reach it may read and act"
    );
    Err(ConfigError::Option { option, reason })
}

fn size(
    option: &'static str,
    written: Option<String>,
    default: usize,
) -> Result<usize, ConfigError> {
    let wrong = |reason| ConfigError::Option { option, reason };
    written.map_or(Ok(default), |text| parse_size(&text).map_err(wrong))
}

fn disk_share(limit: Option<String>, share: Option<String>) -> Result<DiskShare, ConfigError> {
    let wrong = |option| move |reason| ConfigError::Option { option, reason };
    let limit = limit.map(|text| parse_size(&text).map_err(wrong("disk-limit")));
    let percent = share.map_or(Ok(80), |text| {
        parse_percent(&text).map_err(wrong("disk-share"))
    })?;
    Ok(DiskShare {
        limit: limit.transpose()?.map(|bytes| bytes as u64),
        percent,
    })
}

fn duration(
    option: &'static str,
    written: Option<String>,
    default: Duration,
) -> Result<Duration, ConfigError> {
    let wrong = |reason| ConfigError::Option { option, reason };
    written.map_or(Ok(default), |text| parse_duration(&text).map_err(wrong))
}

fn external_url(url: Option<String>) -> Result<Option<String>, ConfigError> {
    let Some(url) = url else { return Ok(None) };
    if !url.starts_with("http://") && !url.starts_with("https://") {
        let reason = format!("{url:?} does not begin with http:// or https://");
        return Err(ConfigError::Option {
            option: "external-url",
            reason,
        });
    }
    Ok(Some(url.trim_end_matches('/').to_owned()))
}

/// Addresses that may hold a secret: what is wrong with one is told without it.
fn outside(
    option: &'static str,
    urls: impl IntoIterator<Item = Written>,
) -> Result<Vec<Secret>, ConfigError> {
    let checked = urls.into_iter().map(|Written(url)| {
        if url.starts_with("http://") || url.starts_with("https://") {
            return Ok(Secret::from(url.trim()));
        }
        let reason = "an address does not begin with http:// or https://".to_owned();
        Err(ConfigError::Option { option, reason })
    });
    checked.collect()
}

fn read_schemas(
    files: &[PathBuf],
    entries: &[SchemaEntry],
) -> Result<Vec<SchemaDefinition>, ConfigError> {
    let set = schema_files::load(files, entries).map_err(ConfigError::Schemas)?;
    Ok(set.definitions().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(file: &str, args: ServeArgs) -> Result<Settings, ConfigError> {
        let file = FileConfig::parse(file, "watchfire.toml".as_ref())?;
        let args = ServeArgs {
            default_rules: Some(false),
            ..args
        };
        Settings::new(&args, file, Defaults::SERVE, &|_| None)
    }

    fn fault(file: &str) -> String {
        settings(file, ServeArgs::default())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let file = "data_dir = '/var/lib/watchfire'\nquiet = '90s'\nmemory_budget = '512MiB'";
        let flags = ServeArgs {
            quiet: Some("2m".to_owned()),
            ..ServeArgs::default()
        };
        let settings = settings(file, flags).unwrap();
        assert_eq!(settings.quiet, Duration::from_mins(2));
        assert_eq!(settings.data_dir, PathBuf::from("/var/lib/watchfire"));
        assert_eq!(settings.memory_budget, 512 << 20);
        assert_eq!(settings.listen, "127.0.0.1:7117".parse().unwrap());
    }

    #[test]
    fn counters_are_checked_before_anything_is_opened() {
        let entry =
            "[[counter]]\nname = 'refused_total'\nquery = 'payment refused'\nby = ['http.route']\n";
        assert_eq!(
            settings(entry, ServeArgs::default())
                .unwrap()
                .counters
                .len(),
            1
        );
        assert!(fault(&entry.repeat(2)).contains("two counters"));
        let broken = "[[counter]]\nname = 'a_total'\nquery = 'service:('";
        let fault = fault(broken);
        assert!(
            fault.starts_with("counter: a_total: query: column "),
            "{fault}"
        );
    }

    #[test]
    fn names_of_otlp_are_chosen_by_word() {
        let file = "otlp_names = 'utf8'\notlp_promote = ['service.version']";
        let rules = settings(file, ServeArgs::default()).unwrap().otlp_metrics;
        assert_eq!(rules.names, MetricNames::Utf8);
        assert_eq!(rules.promote, ["service.version"]);
        assert!(rules.scope_labels);
        assert!(fault("otlp_names = 'short'").contains("untranslated"));
    }

    #[test]
    fn our_share_of_the_disk_is_a_part_and_can_be_limited() {
        let disk = |file| settings(file, ServeArgs::default()).unwrap().disk;
        let share = |limit, percent| DiskShare { limit, percent };
        assert_eq!(disk(""), share(None, 80));
        assert_eq!(
            disk("disk_limit = '2GB'\ndisk_share = '50%'"),
            share(Some(2_000_000_000), 50)
        );
        assert!(fault("disk_share = '180%'").starts_with("disk-share: "));
        assert!(fault("disk_limit = 'all'").starts_with("disk-limit: "));
    }

    #[test]
    fn other_machines_are_let_in_only_by_a_word() {
        assert!(fault("listen = '0.0.0.0:7117'").contains("--allow-anonymous"));
        assert!(
            settings(
                "listen = '0.0.0.0:7117'\nallow_anonymous = true",
                ServeArgs::default()
            )
            .is_ok()
        );
    }

    #[test]
    fn a_fault_is_named_with_its_place() {
        assert!(
            fault("\nlisten = 5").starts_with("watchfire.toml:2:10: "),
            "{}",
            fault("\nlisten = 5")
        );
        assert!(fault("no_such_key = 1").contains("no_such_key"));
        assert!(fault("quiet = 'soon'").starts_with("quiet: "));
        assert!(fault("max_body = '-1'").starts_with("max-body: "));
        assert_eq!(
            fault("host_metrics = 'some'"),
            "host-metrics: \"some\" is neither on nor off"
        );
        assert!(fault("external_url = 'example.com'").contains("http://"));
    }

    #[test]
    fn a_secret_in_the_file_is_not_told() {
        let file = "
            [[destination]]
            kind = 'pagerduty'
            name = 'a'
            routing_key = 'hidden1hidden1hidden1hidden1hidde'
            [[destination]]
            kind = 'slack'
            name = 'b'
            url = 'https://hooks.example/hidden2'
            [[destination]]
            kind = 'webhook'
            name = 'c'
            url = 'https://hooks.example/hidden3'
            secret = 'hidden4'";
        let parsed = FileConfig::parse(file, "watchfire.toml".as_ref()).unwrap();
        let told = format!("{parsed:?} {:?}", settings(file, ServeArgs::default()));
        assert!(!told.contains("hidden"), "{told}");
    }

    #[test]
    fn rules_are_read_before_anything_runs_on_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bad.yml");
        let text = "groups:\n- name: a\n  rules:\n  - alert: Down\n    expr: up ==\n";
        std::fs::write(&path, text).unwrap();
        let args = ServeArgs {
            rules: vec![path],
            ..ServeArgs::default()
        };
        let error = settings("", args).unwrap_err().to_string();
        assert!(error.contains("bad.yml:5:"), "{error}");
    }

    #[test]
    fn objectives_stand_in_files_or_in_the_configuration() {
        let own = "[[slo]]\nservice = 'shop'\nobjective = 99.5\n";
        let found = settings(own, ServeArgs::default()).unwrap();
        assert_eq!(found.rules[0].0, "objectives");
        assert!(found.rules[0].1.contains("shop-availability"));
        assert!(fault(&format!("{own}objektive = 5")).contains("objektive"));
        assert!(fault(&format!("{own}latency = '260ms'")).contains("not up to 0.26s"));
        assert!(fault(&format!("{own}{own}")).contains("two objectives"));
        assert!(fault("slo_period = '7d'").starts_with("slo-period: "));
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("slo.yml");
        std::fs::write(&path, "version: prometheus/v1\nservice: ''\n").unwrap();
        let told = fault(&format!("slo = [{path:?}]"));
        assert!(
            told.contains("slo.yml:2:10: an SLO needs a service"),
            "{told}"
        );
    }

    #[test]
    fn addresses_outside_are_not_told() {
        let file =
            "alertmanager = ['http://a:hidden1@h:9093']\nheartbeat_url = 'https://h/hidden2'";
        let parsed = FileConfig::parse(file, "watchfire.toml".as_ref()).unwrap();
        let found = settings(file, ServeArgs::default()).unwrap();
        assert_eq!(found.alertmanagers.len(), 1);
        let told = format!("{parsed:?} {found:?}");
        assert!(!told.contains("hidden"), "{told}");
        let told = fault("heartbeat_url = 'hidden'");
        assert!(
            told.starts_with("heartbeat-url: ") && !told.contains("hidden"),
            "{told}"
        );
    }

    #[test]
    fn schemas_are_read_before_anything_runs_on_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("order.json");
        let entry = |more: &str| format!("[[schema]]\nfile = {path:?}\n{more}");
        std::fs::write(&path, "{\"type\": \"object\"}").unwrap();
        let found = settings(&entry("service = 'shop'"), ServeArgs::default()).unwrap();
        assert_eq!(found.schemas[0].service.as_deref(), Some("shop"));
        assert!(fault(&entry("servce = 'shop'")).contains("servce"));
        std::fs::write(&path, "{\n\"type\": \"objekt\"}").unwrap();
        let told = fault(&entry(""));
        assert!(told.contains("order.json:2:9: "), "{told}");
    }

    #[test]
    fn probes_are_read_before_anything_is_tried() {
        let probe =
            |more: &str| format!("[[probe]]\nkind = 'tcp'\nname = 'a'\ntarget = 'x:1'\n{more}");
        let found = settings(&probe(""), ServeArgs::default()).unwrap();
        assert_eq!(found.probes[0].name, "a");
        assert_eq!(
            fault(&format!("{0}{0}", probe(""))),
            "probe: \"a\" comes twice"
        );
        assert!(fault(&probe("every = 'often'")).starts_with("probe: \"a\": every: "));
        let told = fault(&probe("port = 5"));
        assert!(told.contains("port"), "{told}");
    }

    #[test]
    fn what_is_scraped_is_read_before_anything_runs_on_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("prometheus.yml");
        let file = format!("scrape_config = {path:?}");
        std::fs::write(&path, "scrape_configs:\n- job_name: a\n").unwrap();
        let (_, found) = settings(&file, ServeArgs::default())
            .unwrap()
            .scrape
            .unwrap();
        assert_eq!(found.jobs(), 1);
        std::fs::write(&path, "scrape_configs:\n- job_name: a\n  oauth2: {}\n").unwrap();
        let told = fault(&file);
        assert!(
            told.contains("prometheus.yml:3:3: Prometheus knows `oauth2`"),
            "{told}"
        );
    }

    #[test]
    fn an_unreadable_file_is_named() {
        let args = ServeArgs {
            config: Some("no/such/file.toml".into()),
            ..ServeArgs::default()
        };
        let error = Settings::from_args(&args, Defaults::SERVE).unwrap_err();
        assert_eq!(error.to_string(), "no/such/file.toml cannot be read");
    }
}
