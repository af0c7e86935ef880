//! Functions and aggregations of PromQL, each with its signature and what it gives, for completion.

/// (name, signature, what it gives). `v` is an instant vector, `r` a range such as `x[5m]`, `s` a
/// number.
pub(crate) const WORDS: [(&str, &str, &str); 94] = [
    ("sum", "by (l) (v)", "sum over series"),
    ("avg", "by (l) (v)", "mean over series"),
    ("min", "by (l) (v)", "least of series"),
    ("max", "by (l) (v)", "greatest of series"),
    ("count", "by (l) (v)", "how many series"),
    ("group", "by (l) (v)", "1 for each group"),
    ("stddev", "by (l) (v)", "standard deviation over series"),
    ("stdvar", "by (l) (v)", "variance over series"),
    ("topk", "(s, v)", "the s greatest series"),
    ("bottomk", "(s, v)", "the s least series"),
    ("limitk", "(s, v)", "any s series"),
    ("limit_ratio", "(s, v)", "about this share of series"),
    ("quantile", "(s, v)", "quantile over series"),
    ("count_values", "(\"l\", v)", "series by value"),
    ("rate", "(r)", "growth of a counter per second"),
    ("irate", "(r)", "growth per second of the last two samples"),
    ("increase", "(r)", "growth of a counter over the range"),
    ("delta", "(r)", "change of a gauge over the range"),
    ("idelta", "(r)", "change between the last two samples"),
    ("deriv", "(r)", "slope of a gauge per second, by regression"),
    (
        "predict_linear",
        "(r, s)",
        "value in s seconds, by regression",
    ),
    (
        "double_exponential_smoothing",
        "(r, s, s)",
        "smoothed value with trend",
    ),
    ("changes", "(r)", "how often the value changed"),
    ("resets", "(r)", "how often a counter began anew"),
    ("avg_over_time", "(r)", "mean over the range"),
    ("min_over_time", "(r)", "least over the range"),
    ("max_over_time", "(r)", "greatest over the range"),
    ("sum_over_time", "(r)", "sum over the range"),
    ("count_over_time", "(r)", "how many samples in the range"),
    ("quantile_over_time", "(s, r)", "quantile over the range"),
    (
        "stddev_over_time",
        "(r)",
        "standard deviation over the range",
    ),
    ("stdvar_over_time", "(r)", "variance over the range"),
    (
        "mad_over_time",
        "(r)",
        "median absolute deviation over the range",
    ),
    ("last_over_time", "(r)", "newest sample in the range"),
    ("present_over_time", "(r)", "1 where there is any sample"),
    ("absent_over_time", "(r)", "1 if there is no sample"),
    ("absent", "(v)", "1 if there is no series"),
    (
        "histogram_quantile",
        "(s, v)",
        "quantile of buckets or native histograms",
    ),
    ("histogram_avg", "(v)", "mean of native histograms"),
    (
        "histogram_count",
        "(v)",
        "observations of native histograms",
    ),
    ("histogram_sum", "(v)", "sum of native histograms"),
    (
        "histogram_fraction",
        "(s, s, v)",
        "share between two bounds",
    ),
    (
        "histogram_stddev",
        "(v)",
        "standard deviation of native histograms",
    ),
    ("histogram_stdvar", "(v)", "variance of native histograms"),
    (
        "label_replace",
        "(v, \"to\", \"text\", \"from\", \"regex\")",
        "a label made from another",
    ),
    (
        "label_join",
        "(v, \"to\", \"sep\", \"from\", …)",
        "labels joined to one",
    ),
    ("info", "(v, {…})", "with the labels of info series"),
    ("sort", "(v)", "by value, least first"),
    ("sort_desc", "(v)", "by value, greatest first"),
    ("sort_by_label", "(v, \"l\", …)", "by labels"),
    (
        "sort_by_label_desc",
        "(v, \"l\", …)",
        "by labels, last first",
    ),
    ("abs", "(v)", "without its sign"),
    ("ceil", "(v)", "rounded up"),
    ("floor", "(v)", "rounded down"),
    ("round", "(v, s)", "rounded to a multiple of s"),
    ("clamp", "(v, s, s)", "held between two numbers"),
    ("clamp_min", "(v, s)", "at least s"),
    ("clamp_max", "(v, s)", "at most s"),
    ("exp", "(v)", "e to the power"),
    ("ln", "(v)", "natural logarithm"),
    ("log2", "(v)", "logarithm to base 2"),
    ("log10", "(v)", "logarithm to base 10"),
    ("sqrt", "(v)", "square root"),
    ("sgn", "(v)", "sign: -1, 0 or 1"),
    ("sin", "(v)", "sine"),
    ("cos", "(v)", "cosine"),
    ("tan", "(v)", "tangent"),
    ("asin", "(v)", "inverse of sine"),
    ("acos", "(v)", "inverse of cosine"),
    ("atan", "(v)", "inverse of tangent"),
    ("sinh", "(v)", "hyperbolic sine"),
    ("cosh", "(v)", "hyperbolic cosine"),
    ("tanh", "(v)", "hyperbolic tangent"),
    ("asinh", "(v)", "inverse of hyperbolic sine"),
    ("acosh", "(v)", "inverse of hyperbolic cosine"),
    ("atanh", "(v)", "inverse of hyperbolic tangent"),
    ("deg", "(v)", "radians as degrees"),
    ("rad", "(v)", "degrees as radians"),
    ("pi", "()", "3.14159…"),
    ("time", "()", "seconds since 1970"),
    ("timestamp", "(v)", "when each sample was taken"),
    ("minute", "(v)", "minute of the hour, UTC"),
    ("hour", "(v)", "hour of the day, UTC"),
    ("day_of_week", "(v)", "0 is Sunday, UTC"),
    ("day_of_month", "(v)", "1 to 31, UTC"),
    ("day_of_year", "(v)", "1 to 366, UTC"),
    ("days_in_month", "(v)", "28 to 31, UTC"),
    ("month", "(v)", "1 to 12, UTC"),
    ("year", "(v)", "the year, UTC"),
    ("scalar", "(v)", "the only series as a number"),
    ("vector", "(s)", "a number as a series"),
    ("by", "(l, …)", "keep these labels"),
    ("without", "(l, …)", "drop these labels"),
    ("offset", "5m", "so much earlier"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use watchfire_tsdb::check_expression;

    /// An expression in which the word is used as its signature says.
    fn used(name: &str, signature: &str) -> String {
        match name {
            "by" | "without" => return format!("sum {name} (l) (up)"),
            "offset" => return "up offset 5m".to_owned(),
            _ => {}
        }
        if let Some(call) = signature.strip_prefix("by (l) (v)") {
            return format!("{name} by (l) (up){call}");
        }
        let arguments = signature
            .trim_matches(['(', ')'])
            .split(", ")
            .filter(|a| !a.is_empty());
        let arguments = arguments.map(|argument| match argument {
            "v" => "up",
            "r" => "up[5m]",
            "s" => "0.5",
            "{…}" => "{a=\"b\"}",
            "…" => "\"more\"",
            text => text,
        });
        format!("{name}({})", arguments.collect::<Vec<_>>().join(", "))
    }

    #[test]
    fn each_word_is_one_of_the_language() {
        let unknown: Vec<String> = WORDS
            .iter()
            .map(|(name, signature, _)| used(name, signature))
            .filter(|expr| check_expression(expr).is_err())
            .collect();
        // What the parser does not know yet.
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}
