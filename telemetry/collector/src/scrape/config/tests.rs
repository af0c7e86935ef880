use super::*;

fn findings(text: &str) -> Vec<String> {
    let findings = ScrapeConfig::parse("p.yml", text).unwrap_err();
    findings.iter().map(ToString::to_string).collect()
}

fn job(lines: &str) -> String {
    format!("scrape_configs:\n- job_name: a\n{lines}\n")
}

fn check(lines: &str, expected: &str) {
    assert_eq!(findings(&job(lines)), [expected], "{lines}");
}

fn parsed(text: &str) -> ScrapeConfig {
    ScrapeConfig::parse("dir/p.yml", text).unwrap()
}

#[test]
fn what_is_left_out_is_as_in_prometheus() {
    assert_eq!(parsed("").jobs(), 0);
    let config = parsed(&job("  static_configs:\n  - targets: ['a:1']"));
    let job = &config.jobs[0];
    assert_eq!(
        (job.interval, job.timeout),
        (Duration::from_mins(1), Duration::from_secs(10))
    );
    assert_eq!(
        (job.scheme.as_str(), job.metrics_path.as_str()),
        ("http", "/metrics")
    );
    assert!(job.reading.honor_timestamps && !job.reading.honor_labels);
    assert!(job.request.follow_redirects && job.request.compression);
    assert_eq!(job.request.largest_body(), RequestConfig::LARGEST_BODY);
    let formats: Vec<&str> = job.request.accept.split(',').collect();
    assert_eq!(
        formats,
        [
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5",
            "application/openmetrics-text;version=0.0.1;q=0.4",
            "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3",
            "text/plain;version=0.0.4;q=0.2",
            "*/*;q=0.1"
        ]
    );
}

#[test]
fn a_job_wins_over_what_is_said_of_all() {
    let text = "
global:
  scrape_interval: 5s
  scrape_timeout: 4s
  sample_limit: 10
  body_size_limit: 1MB
  external_labels: {zone: 1}
scrape_configs:
- job_name: a
- job_name: b
  scrape_interval: 3s
  sample_limit: 0
  body_size_limit: 2MB
- job_name: c
  scrape_interval: 1m
  scrape_timeout: 30s
  scrape_protocols: [PrometheusText0.0.4]
  basic_auth: {username: u, password_file: secret}
  tls_config: {ca_file: /ca.pem}
  file_sd_configs: [{files: ['t_*.json']}]
";
    let config = parsed(text);
    assert_eq!(config.external_labels, LabelSet::new([("zone", "1")]));
    let times = config
        .jobs
        .iter()
        .map(|job| (job.interval.as_secs(), job.timeout.as_secs()));
    assert_eq!(times.collect::<Vec<_>>(), [(5, 4), (3, 3), (60, 30)]);
    let limits = config
        .jobs
        .iter()
        .map(|job| (job.reading.sample_limit, job.request.largest_body() >> 20));
    assert_eq!(limits.collect::<Vec<_>>(), [(10, 1), (0, 2), (10, 1)]);
    let last = &config.jobs[2];
    assert_eq!(
        last.request.accept,
        "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
    );
    let password = Hidden::File("dir/secret".into());
    let username = "u".to_owned();
    assert_eq!(
        last.request.credentials,
        Credentials::Basic { username, password }
    );
    assert_eq!(last.request.tls.ca, Some(Hidden::File("/ca.pem".into())));
    assert_eq!(last.files[0].patterns, [PathBuf::from("dir/t_*.json")]);
}

#[test]
fn a_key_that_is_not_ours_is_named() {
    check(
        "  consul_sd_configs: []",
        "p.yml:3:3: Prometheus knows `consul_sd_configs`, Watchfire does not: targets come from static_configs and file_sd_configs",
    );
    check(
        "  proxy_url: x",
        "p.yml:3:3: Prometheus knows `proxy_url`, Watchfire does not",
    );
    let told = findings("rule_files: []\n");
    assert_eq!(
        told,
        [
            "p.yml:1:1: Prometheus knows `rule_files`, Watchfire does not: give rule files by --rules"
        ]
    );
    let told = findings(&job("  job: x"));
    assert!(
        told[0].starts_with("p.yml:3:3: neither Prometheus nor Watchfire knows `job` here; "),
        "{told:?}"
    );
}

#[test]
fn all_faults_are_told_with_their_places() {
    let text = "
global: {scrape_interval: 0s}
scrape_configs:
- job_name: ''
  scheme: gopher
- job_name: b
  scrape_timeout: soon
  static_configs:
  - targets: ['http://a:1/metrics']
- job_name: b
  scrape_interval: 5s
  scrape_timeout: 6s
  relabel_configs:
  - action: melt
  - regex: '('
  - action: hashmod
    target_label: x
";
    assert_eq!(
        findings(text),
        [
            "p.yml:4:13: a job needs a name",
            "p.yml:2:27: must be longer than nothing",
            "p.yml:5:11: \"gopher\" is neither http nor https",
            "p.yml:2:27: must be longer than nothing",
            "p.yml:7:19: \"soon\" is no duration such as 15s or 1m30s",
            "p.yml:9:15: \"http://a:1/metrics\" is no host and port; the path goes to metrics_path, the scheme to scheme",
            "p.yml:10:13: the job \"b\" comes twice",
            "p.yml:12:19: a scrape may not take longer than the time to the next one",
            "p.yml:14:13: \"melt\" is no action of relabelling",
            "p.yml:15:12: \"(\" is no regular expression: error: unclosed group",
            "p.yml:16:5: hashmod: modulus must be greater than 0",
        ]
    );
}

#[test]
fn what_excludes_each_other_is_told() {
    check(
        "  authorization: {credentials: a, credentials_file: b}",
        "p.yml:3:18: credentials and credentials_file exclude each other",
    );
    check(
        "  tls_config: {cert_file: a}",
        "p.yml:3:15: a certificate of ours needs both cert and key",
    );
    check(
        "  fallback_scrape_protocol: PrometheusProto",
        "p.yml:3:29: Prometheus knows `PrometheusProto`, Watchfire does not: text is scraped",
    );
    check(
        "  file_sd_configs: [{files: ['a.txt']}]",
        "p.yml:3:30: \"a.txt\" ends with none of .json, .yml, .yaml",
    );
}

#[test]
fn a_secret_is_not_told() {
    let config = parsed(&job("  basic_auth: {username: u, password: hidden}"));
    assert!(!format!("{config:?}").contains("hidden"));
}

#[test]
fn limits_of_labels_are_told() {
    let labels = LabelSet::metric("m", [("name", "value")]);
    let limits = |count, name_length, value_length| LabelLimits {
        count,
        name_length,
        value_length,
    };
    assert_eq!(LabelLimits::default().check(&labels), Ok(()));
    assert_eq!(limits(2, 8, 5).check(&labels), Ok(()));
    assert!(
        limits(1, 0, 0)
            .check(&labels)
            .unwrap_err()
            .starts_with("label_limit exceeded: m has 2")
    );
    assert!(
        limits(0, 7, 0)
            .check(&labels)
            .unwrap_err()
            .starts_with("label_name_length_limit exceeded")
    );
    assert!(
        limits(0, 0, 4)
            .check(&labels)
            .unwrap_err()
            .starts_with("label_value_length_limit exceeded")
    );
}
