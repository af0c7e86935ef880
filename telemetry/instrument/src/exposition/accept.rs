use http::{HeaderMap, header};

/// Whether the request's `Accept` likes OpenMetrics 1.0.0 at least as much as plain text.
pub(super) fn wants_openmetrics(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT).iter();
    let ranges: Vec<Range> = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(Range::parse)
        .collect();
    let openmetrics = ranges.iter().filter(|range| range.is_openmetrics());
    let plain = ranges.iter().filter(|range| range.is_classic());
    let best = |weights: &mut dyn Iterator<Item = f32>| weights.fold(0.0, f32::max);
    let openmetrics = best(&mut openmetrics.map(|range| range.weight));
    openmetrics > 0.0 && openmetrics >= best(&mut plain.map(|range| range.weight))
}

/// One media range of an `Accept` header.
struct Range {
    media_type: String,
    version: Option<String>,
    weight: f32,
}

impl Range {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let mut range = Self {
            media_type: parts.next()?.to_ascii_lowercase(),
            version: None,
            weight: 1.0,
        };
        for part in parts {
            match part.split_once('=') {
                Some(("version", version)) => {
                    range.version = Some(version.trim_matches('"').to_owned());
                }
                Some(("q", weight)) => range.weight = weight.parse().ok()?,
                _ => {}
            }
        }
        Some(range)
    }

    fn is_openmetrics(&self) -> bool {
        self.media_type == "application/openmetrics-text"
            && self.version.as_deref().unwrap_or("1.0.0") == "1.0.0"
    }

    fn is_classic(&self) -> bool {
        self.media_type == "text/plain"
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn check(accept: &'static str, expected: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        assert_eq!(wants_openmetrics(&headers), expected, "{accept}");
    }

    #[test]
    fn the_form_is_the_one_asked_for() {
        check("", false);
        check("*/*", false);
        check("text/plain;version=0.0.4", false);
        check("application/openmetrics-text; version=1.0.0", true);
        check("application/openmetrics-text", true);
        check("application/openmetrics-text;version=0.0.1", false);
        check(
            "application/openmetrics-text;version=1.0.0;q=0.4,text/plain;version=0.0.4;q=0.6",
            false,
        );
        check("application/openmetrics-text;version=1.0.0;q=0,*/*", false);
        // What Prometheus 2.42 and 3 send.
        check(
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            true,
        );
        check(
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=1.0.0;q=0.4,*/*;q=0.2",
            true,
        );
    }
}
