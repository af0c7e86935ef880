//! From OpenTelemetry's names and units to Prometheus', by the rules of OpenTelemetry's
//! compatibility specification.

/// A metric's name: its characters made valid, its unit and `_total` put behind if not there yet.
pub(super) fn metric_name(name: &str, unit: &str, monotonic: bool, gauge: bool) -> String {
    let mut words: Vec<String> = words(name);
    let unit_words = unit_words(unit, gauge);
    let total = monotonic && words.last().is_some_and(|word| word == "total");
    if total {
        words.pop();
    }
    for word in unit_words {
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

/// A label's name: every invalid character becomes `_`, a digit in front gets `key_`.
pub(super) fn label_name(key: &str) -> String {
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

    fn check(name: &str, unit: &str, (monotonic, gauge): (bool, bool), expected: &str) {
        assert_eq!(metric_name(name, unit, monotonic, gauge), expected);
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
    fn labels_are_made_valid() {
        assert_eq!(label_name("http.route"), "http_route");
        assert_eq!(label_name("1st"), "key_1st");
    }
}
