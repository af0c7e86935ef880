//! How a service or a call fares against its own usual: what always takes two seconds is not slow,
//! and what always fails a little is not news.

use std::time::Duration;

use crate::ask::{Compared, Standing};
use crate::charts::{Fare, Figure};
use crate::figures;

/// Shares of failures that count, if they are also about twice as many as usual.
const FAILING: f64 = 0.05;
const TROUBLED: f64 = 0.01;
/// Failures that must have been seen: one of three is no share.
const LEAST_FAILING: f64 = 4.0;
const LEAST_TROUBLED: f64 = 2.0;
/// How many times as slow as usual, and at least by so many seconds.
const VERY_SLOW: f64 = 4.0;
const SLOW: f64 = 2.0;
const LEAST_SLOWER: f64 = 0.005;
/// Answers that must have been seen to call them slow.
const LEAST_ANSWERS: f64 = 10.0;

/// What is known of one, judged.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Judged {
    pub(crate) compared: Compared,
    pub(crate) errors: Fare,
    pub(crate) latency: Fare,
}

impl Judged {
    pub(super) fn new(compared: Compared, lately: Duration) -> Self {
        let Some(now) = compared.now else {
            return Self {
                compared,
                errors: Fare::Idle,
                latency: Fare::Idle,
            };
        };
        Self {
            compared,
            errors: errors(now, compared.usual, lately.as_secs_f64()),
            latency: latency(now, compared.usual, lately.as_secs_f64()),
        }
    }

    pub(super) fn worst(&self) -> Fare {
        self.errors.max(self.latency)
    }

    pub(super) fn rate(&self) -> f64 {
        self.compared.now.map_or(0.0, |now| now.per_second)
    }

    /// How many times the usual p95 it is.
    fn slower(&self) -> Option<f64> {
        let (now, usual) = (self.compared.now?.p95, self.compared.usual?.p95);
        let ratio = now / usual;
        ratio.is_finite().then_some(ratio)
    }

    /// `12/s`, `3.2 %`, `120 ms ×2.4`.
    pub(super) fn figures(&self) -> Vec<Figure> {
        let figure = |text: String, fare| Figure { text, fare };
        let Some(now) = self.compared.now else {
            return vec![figure("quiet lately".to_owned(), Fare::Idle)];
        };
        let mut all = vec![
            figure(format!("{}/s", figures::short(now.per_second)), Fare::Usual),
            figure(figures::percent(now.failed), self.errors),
        ];
        if now.p95.is_finite() {
            let times = match self.slower() {
                Some(slower) if self.latency > Fare::Usual => {
                    format!(" ×{}", figures::short(slower))
                }
                _ => String::new(),
            };
            let text = format!("{}{times}", figures::duration(now.p95));
            all.push(figure(text, self.latency));
        }
        all
    }

    /// `12/s · 3.2 % · 120 ms`, for an edge.
    pub(super) fn label(&self) -> String {
        let Some(now) = self.compared.now else {
            return "quiet".to_owned();
        };
        let mut parts = vec![format!("{}/s", figures::short(now.per_second))];
        if now.failed > 0.0 {
            parts.push(figures::percent(now.failed));
        }
        if now.p95.is_finite() {
            parts.push(figures::duration(now.p95));
        }
        parts.join(" · ")
    }

    /// The same with what is usual.
    pub(super) fn words(&self) -> String {
        let Some(now) = self.compared.now else {
            return "quiet lately".to_owned();
        };
        let usual = self.compared.usual;
        let usually = |text: Option<String>| {
            text.map_or_else(String::new, |text| format!(" (usually {text})"))
        };
        let mut parts = vec![
            format!("{}/s", figures::short(now.per_second)),
            format!(
                "{} failed{}",
                figures::percent(now.failed),
                usually(usual.map(|usual| figures::percent(usual.failed)))
            ),
        ];
        if now.p95.is_finite() {
            let before = usual.filter(|usual| usual.p95.is_finite());
            parts.push(format!(
                "p95 {}{}",
                figures::duration(now.p95),
                usually(before.map(|usual| figures::duration(usual.p95)))
            ));
        }
        parts.join(", ")
    }

    /// In one word.
    pub(super) fn state(&self) -> &'static str {
        match (self.errors, self.latency) {
            (Fare::Idle, _) => "idle",
            (Fare::Failing, _) => "failing",
            (_, Fare::Failing) => "very slow",
            (Fare::Troubled, _) => "troubled",
            (_, Fare::Troubled) => "slow",
            _ => "as usual",
        }
    }
}

fn errors(now: Standing, usual: Option<Standing>, seconds: f64) -> Fare {
    let failures = now.failed * now.per_second * seconds;
    let is_news = now.failed >= usual.map_or(0.0, |usual| usual.failed) * 2.0;
    if !is_news || failures < LEAST_TROUBLED || now.failed < TROUBLED {
        Fare::Usual
    } else if now.failed >= FAILING && failures >= LEAST_FAILING {
        Fare::Failing
    } else {
        Fare::Troubled
    }
}

fn latency(now: Standing, usual: Option<Standing>, seconds: f64) -> Fare {
    let Some(usual) = usual else {
        return Fare::Usual;
    };
    let ratio = now.p95 / usual.p95;
    let is_known = ratio.is_finite() && now.per_second * seconds >= LEAST_ANSWERS;
    if !is_known || now.p95 - usual.p95 < LEAST_SLOWER || ratio < SLOW {
        Fare::Usual
    } else if ratio >= VERY_SLOW {
        Fare::Failing
    } else {
        Fare::Troubled
    }
}

/// Several taken together: a database by all its callers.
pub(super) fn together(parts: impl Iterator<Item = Compared>) -> Compared {
    parts.fold(Compared::default(), |all, one| Compared {
        now: sum(all.now, one.now),
        usual: sum(all.usual, one.usual),
    })
}

/// The slowest counts: quantiles cannot be added.
fn sum(a: Option<Standing>, b: Option<Standing>) -> Option<Standing> {
    let (Some(a), Some(b)) = (a, b) else {
        return a.or(b);
    };
    let per_second = a.per_second + b.per_second;
    let failed = (a.failed * a.per_second + b.failed * b.per_second) / per_second.max(1e-12);
    Some(Standing {
        per_second,
        failed,
        p95: a.p95.max(b.p95),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(per_second: f64, failed: f64, p95: f64) -> Standing {
        Standing {
            per_second,
            failed,
            p95,
        }
    }

    fn judged(now: Standing, usual: Option<Standing>) -> Judged {
        let compared = Compared {
            now: Some(now),
            usual,
        };
        Judged::new(compared, Duration::from_mins(5))
    }

    #[test]
    fn what_is_usual_is_no_trouble() {
        let flaky = standing(10.0, 0.06, 2.0);
        assert_eq!(judged(flaky, Some(flaky)).worst(), Fare::Usual);
        let calm = standing(10.0, 0.0, 0.05);
        assert_eq!(
            judged(standing(10.0, 0.06, 0.05), Some(calm)).errors,
            Fare::Failing
        );
        assert_eq!(
            judged(standing(10.0, 0.02, 0.05), Some(calm)).errors,
            Fare::Troubled
        );
        assert_eq!(
            judged(standing(10.0, 0.0, 0.12), Some(calm)).state(),
            "slow"
        );
        assert_eq!(
            judged(standing(10.0, 0.0, 0.3), Some(calm)).state(),
            "very slow"
        );
        // Two milliseconds for one are twice as slow, and nothing.
        let quick = Some(standing(10.0, 0.0, 0.001));
        assert_eq!(
            judged(standing(10.0, 0.0, 0.002), quick).worst(),
            Fare::Usual
        );
    }

    #[test]
    fn a_single_failure_is_no_share() {
        assert_eq!(judged(standing(0.01, 0.33, 0.1), None).errors, Fare::Usual);
        assert_eq!(
            judged(standing(0.02, 0.5, 0.1), None).errors,
            Fare::Troubled
        );
        assert_eq!(
            Judged::new(Compared::default(), Duration::from_mins(5)).state(),
            "idle"
        );
    }

    #[test]
    fn figures_say_what_is_out_of_the_usual() {
        let one = judged(standing(12.0, 0.31, 0.2), Some(standing(12.0, 0.001, 0.05)));
        let told: Vec<String> = one
            .figures()
            .into_iter()
            .map(|figure| figure.text)
            .collect();
        assert_eq!(told, ["12/s", "31 %", "200 ms ×4"]);
        assert_eq!(
            one.words(),
            "12/s, 31 % failed (usually 0.10 %), p95 200 ms (usually 50 ms)"
        );
        assert_eq!(one.label(), "12/s · 31 % · 200 ms");
    }

    #[test]
    fn a_database_is_all_its_callers() {
        let one = |standing| Compared {
            now: Some(standing),
            usual: None,
        };
        let all = [standing(9.0, 0.0, f64::NAN), standing(1.0, 0.5, 0.2)];
        let now = together(all.into_iter().map(one)).now.unwrap();
        assert!((now.failed - 0.05).abs() < 1e-9 && (now.p95 - 0.2).abs() < 1e-9);
    }
}
