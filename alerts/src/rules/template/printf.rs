//! `printf` as Go has it: what does not fit is told within the text.

use super::format::{go_exponent, not_finite, shortest, significant};
use super::value::Value;

/// The widest a value is made.
const MOST_WIDTH: usize = 1000;

pub(super) fn printf(format: &str, arguments: &[Value]) -> String {
    let mut arguments = arguments.iter();
    let mut text = String::new();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        let spec = Spec::read(&mut chars);
        let written = match (chars.next(), &mut arguments) {
            (None, _) => "%!(NOVERB)".to_owned(),
            (Some('%'), _) => "%".to_owned(),
            (Some(verb), arguments) => match arguments.next() {
                Some(value) => spec.of(verb, value),
                None => format!("%!{verb}(MISSING)"),
            },
        };
        text.push_str(&written);
    }
    let extra: Vec<String> = arguments
        .map(|value| format!("{}={value}", value.kind()))
        .collect();
    if !extra.is_empty() {
        let extra = format!("%!(EXTRA {})", extra.join(", "));
        text.push_str(&extra);
    }
    text
}

/// What stands between the percent sign and the verb.
#[derive(Debug, Default)]
struct Spec {
    flags: String,
    width: usize,
    precision: Option<usize>,
}

impl Spec {
    fn read(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Self {
        let mut spec = Self::default();
        while let Some(flag) = chars.next_if(|c| matches!(c, '-' | '+' | ' ' | '0' | '#')) {
            spec.flags.push(flag);
        }
        spec.width = digits(chars).unwrap_or(0);
        if chars.next_if_eq(&'.').is_some() {
            spec.precision = Some(digits(chars).unwrap_or(0));
        }
        spec
    }

    fn has(&self, flag: char) -> bool {
        self.flags.contains(flag)
    }

    fn of(&self, verb: char, value: &Value) -> String {
        match self.written(verb, value) {
            Some(written) => self.padded(verb, &written),
            None => format!("%!{verb}({}={value})", value.kind()),
        }
    }

    /// None if the verb does not fit the value.
    fn written(&self, verb: char, value: &Value) -> Option<String> {
        match value {
            Value::Number(number) => self.number(verb, *number),
            Value::Int(int) => self.int(verb, *int),
            Value::Text(text) => self.text(verb, text),
            Value::Truth(truth) => matches!(verb, 't' | 'v').then(|| truth.to_string()),
            Value::Moment(_) | Value::Span(_) => self.text(verb, &value.to_string()),
            other => matches!(verb, 'v' | 's').then(|| other.to_string()),
        }
    }

    fn number(&self, verb: char, number: f64) -> Option<String> {
        let plain = match (verb, self.precision) {
            ('v' | 'e' | 'E' | 'f' | 'F' | 'g' | 'G', _) if !number.is_finite() => {
                not_finite(number)?.to_owned()
            }
            ('v' | 'g' | 'G', None) => shortest(number),
            ('v' | 'g' | 'G', Some(precision)) => significant(number, precision),
            ('f' | 'F', precision) => format!("{number:.*}", precision.unwrap_or(6)),
            ('e' | 'E', precision) => go_exponent(&format!("{number:.*e}", precision.unwrap_or(6))),
            _ => return None,
        };
        let plain = if verb.is_uppercase() {
            plain.to_uppercase()
        } else {
            plain
        };
        Some(self.signed(plain))
    }

    fn int(&self, verb: char, int: i64) -> Option<String> {
        let magnitude = int.unsigned_abs();
        let digits = match verb {
            'd' | 'v' => magnitude.to_string(),
            'x' => format!("{}{magnitude:x}", if self.has('#') { "0x" } else { "" }),
            'X' => format!("{}{magnitude:X}", if self.has('#') { "0X" } else { "" }),
            'o' => format!("{magnitude:o}"),
            'b' => format!("{magnitude:b}"),
            'c' => return char::from_u32(u32::try_from(int).ok()?).map(String::from),
            'q' => {
                return char::from_u32(u32::try_from(int).ok()?).map(|c| format!("'{c}'"));
            }
            'U' => return Some(format!("U+{magnitude:04X}")),
            _ => return None,
        };
        let sign = if int < 0 { "-" } else { "" };
        Some(self.signed(format!("{sign}{digits}")))
    }

    fn text(&self, verb: char, text: &str) -> Option<String> {
        let cut: String = match self.precision {
            Some(most) => text.chars().take(most).collect(),
            None => text.to_owned(),
        };
        Some(match verb {
            's' | 'v' => cut,
            'q' => format!("{cut:?}"),
            'x' => hexadecimal(&cut),
            'X' => hexadecimal(&cut).to_uppercase(),
            _ => return None,
        })
    }

    fn signed(&self, plain: String) -> String {
        match (plain.starts_with(['-', '+']), self.has('+'), self.has(' ')) {
            (false, true, _) => format!("+{plain}"),
            (false, false, true) => format!(" {plain}"),
            _ => plain,
        }
    }

    fn padded(&self, verb: char, text: &str) -> String {
        let missing = self.width.saturating_sub(text.chars().count());
        if missing == 0 {
            return text.to_owned();
        }
        let is_number = !matches!(verb, 's' | 'q' | 'c' | 't')
            && text
                .trim_start_matches(['+', '-'])
                .starts_with(|c: char| c.is_ascii_digit());
        if self.has('-') {
            return format!("{text}{}", " ".repeat(missing));
        }
        if !self.has('0') {
            return format!("{}{text}", " ".repeat(missing));
        }
        let zeros = "0".repeat(missing);
        match text.split_at_checked(1) {
            Some((sign @ ("-" | "+" | " "), digits)) if is_number => {
                format!("{sign}{zeros}{digits}")
            }
            _ if is_number || matches!(verb, 's' | 'v') => format!("{zeros}{text}"),
            _ => format!("{}{text}", " ".repeat(missing)),
        }
    }
}

fn digits(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<usize> {
    let mut number = None;
    while let Some(digit) = chars.next_if(char::is_ascii_digit) {
        let digit = digit.to_digit(10).unwrap_or(0) as usize;
        number = Some((number.unwrap_or(0) * 10 + digit).min(MOST_WIDTH));
    }
    number
}

fn hexadecimal(text: &str) -> String {
    let digits = text.bytes().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}
