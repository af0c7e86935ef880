//! Keys that Prometheus knows and Watchfire does not read, so that a message can say so.

/// What is said instead of a key, if there is something to say.
pub(super) fn advice(key: &str) -> Option<&'static str> {
    Some(match key {
        "rule_files" => "give rule files by --rules",
        "evaluation_interval" => "give it by --evaluation-interval",
        "alerting" => "destinations are [[destination]] of watchfire.toml",
        "remote_write"
        | "remote_read"
        | "storage"
        | "tracing"
        | "runtime"
        | "otlp"
        | "scrape_config_files"
        | "query_log_file"
        | "rule_query_offset"
        | "scrape_failure_log_file" => "only what is scraped is read from this file",
        "server_name"
        | "min_version"
        | "max_version"
        | "oauth2"
        | "proxy_url"
        | "no_proxy"
        | "proxy_from_environment"
        | "proxy_connect_header"
        | "http_headers"
        | "enable_http2"
        | "native_histogram_bucket_limit"
        | "native_histogram_min_bucket_factor"
        | "convert_classic_histograms_to_nhcb"
        | "metric_name_validation_scheme"
        | "metric_name_escaping_scheme"
        | "scrape_native_histograms"
        | "extra_scrape_metrics"
        | "bearer_token"
        | "bearer_token_file" => "",
        _ if key.ends_with("_sd_configs") => "targets come from static_configs and file_sd_configs",
        _ => return None,
    })
}

/// The message about a key that is not ours.
pub(super) fn unknown(key: &str, expected: &str) -> String {
    match advice(key) {
        Some("") => format!("Prometheus knows `{key}`, Watchfire does not"),
        Some(advice) => format!("Prometheus knows `{key}`, Watchfire does not: {advice}"),
        None => format!("neither Prometheus nor Watchfire knows `{key}` here; {expected}"),
    }
}
