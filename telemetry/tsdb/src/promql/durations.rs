//! Durations that are computed, as in `[2m * 15]` and `offset (1h + 30m)`: the parser knows only
//! plain ones, so they are replaced in the text before it reads it.

use std::borrow::Cow;

use promql_parser::util::parse_duration;

/// How deep parentheses of a duration may nest.
const MOST_DEPTH: usize = 32;

/// The same expression with plain durations, or what is wrong with one.
pub(crate) fn with_plain_durations(text: &str) -> Result<Cow<'_, str>, String> {
    let mut plain = String::new();
    let mut copied = 0;
    let mut places = Places { text, at: 0 };
    while let Some((start, end, place)) = places.next() {
        let inside = &text[start..end];
        let replaced = match place {
            Place::Range => range(inside)?,
            Place::Offset => Some(signed(evaluate(inside)?)),
        };
        if let Some(replaced) = replaced {
            plain.push_str(&text[copied..start]);
            plain.push_str(&replaced);
            copied = end;
        }
    }
    if copied == 0 {
        return Ok(Cow::Borrowed(text));
    }
    plain.push_str(&text[copied..]);
    Ok(Cow::Owned(plain))
}

/// What stands in brackets: a range, or the range and the step of a subquery. Nothing if all of it
/// is plain.
fn range(inside: &str) -> Result<Option<String>, String> {
    let is_plain = |part: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_';
        part.trim().chars().all(plain)
    };
    let parts: Vec<&str> = inside.split(':').collect();
    if parts.iter().all(|part| is_plain(part)) {
        return Ok(None);
    }
    let replaced: Result<Vec<String>, String> = parts
        .iter()
        .map(|part| {
            if is_plain(part) {
                return Ok((*part).to_owned());
            }
            let millis = (evaluate(part)? * 1000.0).round();
            if millis <= 0.0 {
                return Err("duration must be greater than 0".to_owned());
            }
            Ok(format!("{millis}ms"))
        })
        .collect();
    Ok(Some(replaced?.join(":")))
}

fn signed(seconds: f64) -> String {
    let millis = (seconds * 1000.0).round();
    let sign = if millis < 0.0 { "-" } else { "" };
    format!("{sign}{}ms", millis.abs())
}

#[derive(Debug, Clone, Copy)]
enum Place {
    /// Within brackets.
    Range,
    /// After `offset`, in parentheses, with a sign before them.
    Offset,
}

/// Where durations stand in an expression, strings and comments left out.
struct Places<'t> {
    text: &'t str,
    at: usize,
}

impl Places<'_> {
    fn next(&mut self) -> Option<(usize, usize, Place)> {
        while let Some(next) = self.text[self.at..].chars().next() {
            let start = self.at;
            match next {
                '"' | '\'' | '`' => self.skip_string(next),
                '#' => self.skip_to(|c| c == '\n'),
                '[' => {
                    self.skip_to(|c| c == ']');
                    return Some((start + 1, self.at, Place::Range));
                }
                c if c.is_alphabetic() || c == '_' => {
                    self.skip_to(|c| !(c.is_alphanumeric() || c == '_' || c == ':'));
                    if self.text[start..self.at].eq_ignore_ascii_case("offset")
                        && let Some(found) = self.offset()
                    {
                        return Some(found);
                    }
                }
                c => self.at += c.len_utf8(),
            }
        }
        None
    }

    /// A sign and parentheses that follow here.
    fn offset(&mut self) -> Option<(usize, usize, Place)> {
        let rest = self.text[self.at..].trim_start();
        let start = self.text.len() - rest.len();
        let unsigned = rest.trim_start_matches(['+', '-']).trim_start();
        if !unsigned.starts_with('(') {
            return None;
        }
        let mut depth = 0_usize;
        for (at, c) in unsigned.char_indices() {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                self.at = self.text.len() - unsigned.len() + at + 1;
                return Some((start, self.at, Place::Offset));
            }
        }
        None
    }

    fn skip_string(&mut self, quote: char) {
        let mut escaped = false;
        let rest = self.text[self.at..].char_indices().skip(1);
        for (at, c) in rest {
            if c == quote && !escaped {
                self.at += at + 1;
                return;
            }
            escaped = c == '\\' && !escaped && quote != '`';
        }
        self.at = self.text.len();
    }

    fn skip_to(&mut self, is_end: impl Fn(char) -> bool) {
        let rest = &self.text[self.at..];
        self.at += rest.find(is_end).unwrap_or(rest.len());
    }
}

/// The seconds that an expression of durations comes to.
fn evaluate(text: &str) -> Result<f64, String> {
    let mut terms = Terms {
        rest: text,
        depth: 0,
    };
    let value = terms.sum()?;
    if !terms.rest.trim().is_empty() {
        return Err(format!("unexpected {:?} in duration", terms.rest.trim()));
    }
    if value.is_finite() && value.abs() < 1e12 {
        return Ok(value);
    }
    Err("duration out of range".to_owned())
}

struct Terms<'t> {
    rest: &'t str,
    depth: usize,
}

impl Terms<'_> {
    fn sum(&mut self) -> Result<f64, String> {
        let mut value = self.product()?;
        loop {
            value = match self.take(&['+', '-']) {
                Some('+') => value + self.product()?,
                Some(_) => value - self.product()?,
                None => return Ok(value),
            };
        }
    }

    fn product(&mut self) -> Result<f64, String> {
        let mut value = self.signed()?;
        loop {
            let operator = self.take(&['*', '/', '%']);
            let Some(operator) = operator else {
                return Ok(value);
            };
            let by = self.signed()?;
            value = match operator {
                '*' => value * by,
                _ if by == 0.0 => return Err("division by zero in duration".to_owned()),
                '/' => value / by,
                _ => value % by,
            };
        }
    }

    /// A sign is of the whole power after it.
    fn signed(&mut self) -> Result<f64, String> {
        match self.take(&['+', '-']) {
            Some('-') => Ok(-self.deeper(Self::signed)?),
            Some(_) => self.deeper(Self::signed),
            None => self.power(),
        }
    }

    fn power(&mut self) -> Result<f64, String> {
        let base = self.single()?;
        match self.take(&['^']) {
            Some(_) => Ok(base.powf(self.deeper(Self::signed)?)),
            None => Ok(base),
        }
    }

    fn single(&mut self) -> Result<f64, String> {
        if self.take(&['(']).is_some() {
            let value = self.deeper(Self::sum)?;
            return match self.take(&[')']) {
                Some(_) => Ok(value),
                None => Err("unclosed parenthesis in duration".to_owned()),
            };
        }
        let rest = self.rest.trim_start();
        let is_inside = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_';
        let end = rest.find(|c| !is_inside(c)).unwrap_or(rest.len());
        let (literal, after) = rest.split_at(end);
        self.rest = after;
        if let Ok(seconds) = literal.parse::<f64>() {
            return Ok(seconds);
        }
        let is_zero =
            literal.starts_with('0') && !literal.contains(|c: char| ('1'..='9').contains(&c));
        if is_zero && literal.ends_with(['s', 'm', 'h', 'd', 'w', 'y']) {
            // Which the parser does not take for a duration.
            return Ok(0.0);
        }
        match parse_duration(literal) {
            Ok(duration) => Ok(duration.as_secs_f64()),
            Err(_) => Err(format!("not a valid duration string: {literal:?}")),
        }
    }

    fn deeper(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<f64, String>,
    ) -> Result<f64, String> {
        if self.depth >= MOST_DEPTH {
            return Err("duration is nested too deeply".to_owned());
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn take(&mut self, of: &[char]) -> Option<char> {
        let rest = self.rest.trim_start();
        let next = rest.chars().next().filter(|c| of.contains(c))?;
        self.rest = &rest[next.len_utf8()..];
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(with_plain_durations(text).unwrap(), expected);
    }

    #[test]
    fn computed_durations_become_plain() {
        check("rate(a[5m])", "rate(a[5m])");
        check("rate(a[2m * 15])", "rate(a[1800000ms])");
        check(
            "a[1h/2:(5s + 5s)] offset 5m",
            "a[1800000ms:10000ms] offset 5m",
        );
        check("a offset (100 + 2) * 2", "a offset 102000ms * 2");
        check("a offset -(2 ^ 2)", "a offset -4000ms");
        check("a offset (-2 ^ 2)", "a offset -4000ms");
        check("a[30m+0s]", "a[1800000ms]");
        check("a[-5m+35m] # [1+1]", "a[1800000ms] # [1+1]");
        check(
            "a{b=\"[1+1]\"}[30m1s-30m1s % 1m]",
            "a{b=\"[1+1]\"}[1800000ms]",
        );
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "a[1m -]",
            "a[1m-1m]",
            "a[5m-10m]",
            "a[1m/0]",
            "a[(1m+1]",
            "a offset (x+1)",
        ] {
            assert!(with_plain_durations(text).is_err(), "{text}");
        }
        let deep = format!("a[{}1{}]", "(".repeat(500), ")".repeat(500));
        assert!(with_plain_durations(&deep).is_err());
    }
}
