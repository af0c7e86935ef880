use std::fmt;
use std::str::FromStr;

use http::StatusCode;

/// Which statuses are right: `2xx,304`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expectation(Vec<(u16, u16)>);

impl Expectation {
    pub(crate) fn holds(&self, status: StatusCode) -> bool {
        let status = status.as_u16();
        self.0
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&status))
    }
}

impl Default for Expectation {
    fn default() -> Self {
        Self(vec![(200, 399)])
    }
}

impl FromStr for Expectation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let one = |text: &str| {
            let text = text.trim();
            let range = match text.strip_suffix("xx") {
                Some(class) => class
                    .parse::<u16>()
                    .map(|class| (class * 100, class * 100 + 99)),
                None => text.parse().map(|status| (status, status)),
            };
            range
                .ok()
                .filter(|(first, _)| text.len() == 3 && (100..600).contains(first))
                .ok_or_else(|| format!("{text:?} is no status; write for example 2xx,304"))
        };
        text.split(',').map(one).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = self.0.iter().map(|(first, last)| {
            if first == last {
                first.to_string()
            } else {
                (first / 100..=last / 100)
                    .map(|class| format!("{class}xx"))
                    .collect::<Vec<_>>()
                    .join(",")
            }
        });
        f.write_str(&texts.collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_read_as_written() {
        let check = |text: &str, right: &[u16], wrong: &[u16]| {
            let expectation: Expectation = text.parse().unwrap();
            let holds = |status: &u16| expectation.holds(StatusCode::from_u16(*status).unwrap());
            assert!(right.iter().all(holds), "{text}");
            assert!(!wrong.iter().any(holds), "{text}");
            assert_eq!(expectation.to_string(), text.replace(' ', ""));
        };
        check("2xx,304", &[200, 204, 299, 304], &[199, 300, 303, 500]);
        check("404", &[404], &[400, 405]);
        check("2xx, 3xx", &[200, 399], &[400]);
        let default = Expectation::default();
        assert!(default.holds(StatusCode::NOT_MODIFIED) && !default.holds(StatusCode::NOT_FOUND));
        assert_eq!(default.to_string(), "2xx,3xx");
        for wrong in [
            "", "2x", "20", "99", "600", "9xx", "xxx", "200,", "2000", "0xx",
        ] {
            assert!(wrong.parse::<Expectation>().is_err(), "{wrong}");
        }
    }
}
