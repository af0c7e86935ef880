//! From OpenTelemetry's names and units to Prometheus', by the rules of OpenTelemetry's
//! compatibility specification.

use opentelemetry_proto::tonic::metrics::v1::Metric;

/// How the names of OTLP's metrics and attributes become those of series and labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MetricNames {
    /// With `_` in place of what only quoted names may hold, with unit and `_total`: the default, as
    /// Prometheus has it.
    #[default]
    Escaped,
    /// The same without unit and `_total`.
    EscapedWithoutSuffixes,
    /// With dots and all, but with unit and `_total`.
    Utf8,
    /// As they are.
    Untranslated,
}

impl MetricNames {
    const fn escapes(self) -> bool {
        matches!(self, Self::Escaped | Self::EscapedWithoutSuffixes)
    }

    const fn adds_suffixes(self) -> bool {
        matches!(self, Self::Escaped | Self::Utf8)
    }
}

/// A metric's name: its characters made valid, its unit and `_total` put behind if not there yet.
pub(super) fn metric_name(
    metric: &Metric,
    monotonic: bool,
    gauge: bool,
    names: MetricNames,
) -> String {
    let monotonic = monotonic && names.adds_suffixes();
    let units = if names.adds_suffixes() {
        unit_words(&metric.unit, gauge)
    } else {
        Vec::new()
    };
    if names.escapes() {
        escaped(&metric.name, units, monotonic)
    } else {
        suffixed(&metric.name, &units.join("_"), monotonic)
    }
}

fn escaped(name: &str, units: Vec<String>, monotonic: bool) -> String {
    let mut words: Vec<String> = words(name);
    let total = monotonic && words.last().is_some_and(|word| word == "total");
    if total {
        words.pop();
    }
    for word in units {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    if monotonic {
        words.push("total".to_owned());
    }
    let joined = words.join("_");
    if joined.starts_with(|c: char| c.is_ascii_digit()) {
        return format!("_{joined}");
    }
    joined
}

fn suffixed(name: &str, unit: &str, monotonic: bool) -> String {
    let mut name = match name.strip_suffix("_total") {
        Some(base) if monotonic => base.to_owned(),
        _ => name.to_owned(),
    };
    if !unit.is_empty() && !name.ends_with(unit) {
        name.push('_');
        name.push_str(unit);
    }
    if monotonic {
        name.push_str("_total");
    }
    name
}

/// A unit in full, as metadata tell it.
pub(super) fn unit_name(unit: &str) -> String {
    unit_words(unit, false).join("_")
}

/// A label's name. Escaped, every character that only a quoted name may hold becomes `_`, and what
/// begins with a digit or a single `_` gets `key` in front.
pub(crate) fn label_name(key: &str, names: MetricNames) -> String {
    if !names.escapes() {
        return key.to_owned();
    }
    let valid: String = key
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' {
                c
            } else {
                '_'
            }
        })
        .collect();
    if valid.starts_with(|c: char| c.is_ascii_digit()) {
        return format!("key_{valid}");
    }
    if valid.starts_with('_') && !valid.starts_with("__") {
        return format!("key{valid}");
    }
    valid
}

/// The parts between what no metric's name may hold.
fn words(name: &str) -> Vec<String> {
    name.split(|c: char| !c.is_ascii_alphanumeric() && c != ':')
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// `By/s` is `bytes`, `per`, `second`. What stands in braces is a remark.
fn unit_words(unit: &str, gauge: bool) -> Vec<String> {
    let unit = unit.trim();
    if unit == "1" {
        return if gauge {
            vec!["ratio".to_owned()]
        } else {
            Vec::new()
        };
    }
    let (main, per) = unit.split_once('/').unwrap_or((unit, ""));
    let mut all = Vec::new();
    if !main.contains('{') {
        all.extend(words(long_unit(main)));
    }
    if !per.is_empty() && !per.contains('{') {
        all.push("per".to_owned());
        all.extend(words(long_per(per)));
    }
    all
}

fn long_unit(unit: &str) -> &str {
    match unit {
        "d" => "days",
        "h" => "hours",
        "min" => "minutes",
        "s" => "seconds",
        "ms" => "milliseconds",
        "us" => "microseconds",
        "ns" => "nanoseconds",
        "By" => "bytes",
        "KiBy" => "kibibytes",
        "MiBy" => "mebibytes",
        "GiBy" => "gibibytes",
        "TiBy" => "tibibytes",
        "KBy" | "kBy" => "kilobytes",
        "MBy" => "megabytes",
        "GBy" => "gigabytes",
        "TBy" => "terabytes",
        "m" => "meters",
        "V" => "volts",
        "A" => "amperes",
        "J" => "joules",
        "W" => "watts",
        "g" => "grams",
        "Cel" => "celsius",
        "Hz" => "hertz",
        "%" => "percent",
        other => other,
    }
}

fn long_per(unit: &str) -> &str {
    match unit {
        "s" => "second",
        "min" | "m" => "minute",
        "h" => "hour",
        "d" => "day",
        "w" => "week",
        "mo" => "month",
        "y" => "year",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(
        name: &str,
        unit: &str,
        (monotonic, gauge): (bool, bool),
        names: MetricNames,
    ) -> String {
        let metric = Metric {
            name: name.to_owned(),
            unit: unit.to_owned(),
            ..Metric::default()
        };
        metric_name(&metric, monotonic, gauge, names)
    }

    fn check(name: &str, unit: &str, form: (bool, bool), expected: &str) {
        assert_eq!(named(name, unit, form, MetricNames::Escaped), expected);
    }

    #[test]
    fn names_follow_the_compatibility_rules() {
        const COUNTER: (bool, bool) = (true, false);
        const GAUGE: (bool, bool) = (false, true);
        const HISTOGRAM: (bool, bool) = (false, false);
        check(
            "http.server.request.duration",
            "s",
            HISTOGRAM,
            "http_server_request_duration_seconds",
        );
        check(
            "http.server.requests",
            "{request}",
            COUNTER,
            "http_server_requests_total",
        );
        check("requests_total", "1", COUNTER, "requests_total");
        check("disk.io", "By", COUNTER, "disk_io_bytes_total");
        check("disk_bytes_total", "By", COUNTER, "disk_bytes_total");
        check("cpu.utilization", "1", GAUGE, "cpu_utilization_ratio");
        check("net.rate", "By/s", GAUGE, "net_rate_bytes_per_second");
        check("queue..depth!", "", GAUGE, "queue_depth");
        check("4xx", "", COUNTER, "_4xx_total");
        check("job:rate", "", GAUGE, "job:rate");
    }

    #[test]
    fn names_may_stay_as_they_are() {
        use MetricNames::{EscapedWithoutSuffixes, Untranslated, Utf8};
        for (names, expected) in [
            (Utf8, "disk.io_bytes_total"),
            (Untranslated, "disk.io"),
            (EscapedWithoutSuffixes, "disk_io"),
        ] {
            assert_eq!(named("disk.io", "By", (true, false), names), expected);
        }
        assert_eq!(
            named("a_total", "s", (true, false), Utf8),
            "a_seconds_total"
        );
        assert_eq!(named("a_seconds", "s", (false, true), Utf8), "a_seconds");
    }

    #[test]
    fn labels_are_made_valid() {
        for (key, expected) in [
            ("http.route", "http_route"),
            ("1st", "key_1st"),
            ("_own", "key_own"),
            ("__ours", "__ours"),
        ] {
            assert_eq!(label_name(key, MetricNames::Escaped), expected);
        }
        assert_eq!(label_name("http.route", MetricNames::Utf8), "http.route");
    }
}
