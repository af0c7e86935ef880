//! Whether a word of a query is a word in which something varies, and for which values it is.

use super::entries::Slot;
use super::shape::{GROUPS, HEX, HEX_LEN, NUMBER, UUID, number_of, parse_hex, parse_number};

/// What a value has to be for a word to be the one that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Check {
    Is(u64),
    /// The number is written with these digits first.
    Starts {
        number: u64,
        digits: u32,
    },
    /// These bits of it.
    Bits {
        shift: u32,
        mask: u64,
        value: u64,
    },
    /// One of these words, in order.
    Word(Vec<u64>),
}

/// How a word of a query meets a word of a shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meeting {
    Never,
    Always,
    /// If all of these hold; each is of a slot, counted from the first of the word.
    If(Vec<(usize, Check)>),
}

impl Check {
    pub(super) fn holds(&self, value: u64) -> bool {
        match self {
            Self::Is(wanted) => value == *wanted,
            Self::Starts { number, digits } => {
                let (found, found_digits) = number_of(value);
                let Some(more) = found_digits.checked_sub(*digits) else {
                    return false;
                };
                // A value that is no number, of another slot, can seem to have any digits.
                let power = 10_u64.checked_pow(more);
                power.is_some_and(|power| found / power == *number)
            }
            Self::Bits {
                shift,
                mask,
                value: wanted,
            } => value >> shift & mask == *wanted,
            Self::Word(words) => words.binary_search(&value).is_ok(),
        }
    }

    /// Whether it holds for the only value that the slot has.
    pub(super) fn is_decided(&self, slot: &Slot) -> Option<bool> {
        slot.constant().map(|value| self.holds(value))
    }
}

/// Compares a word of a query, or the beginning of one, with a word of a shape. `words` finds the
/// numbers of the words that are varied ones, in order.
pub(super) fn meet(
    asked: &str,
    is_start: bool,
    term: &str,
    words: &mut dyn FnMut(&str, bool) -> Vec<u64>,
) -> Meeting {
    let Some(at) = term.bytes().position(|byte| byte < super::shape::ESCAPE) else {
        let is = asked == term || is_start && term.starts_with(asked);
        return if is { Meeting::Always } else { Meeting::Never };
    };
    let (before, rest) = term.split_at(at);
    let Some(asked) = asked.strip_prefix(before) else {
        let is = is_start && before.starts_with(asked);
        return if is { Meeting::Always } else { Meeting::Never };
    };
    if asked.is_empty() {
        return if is_start {
            Meeting::Always
        } else {
            Meeting::Never
        };
    }
    let mark = rest.as_bytes()[0];
    match mark {
        NUMBER => number(asked, is_start, &rest[1..]),
        HEX => {
            let len = usize::from(rest.as_bytes().get(1).copied().unwrap_or(HEX_LEN) - HEX_LEN);
            hex(asked, is_start, len, 0, len)
        }
        UUID => {
            let group = usize::from(rest.as_bytes().get(1).copied().unwrap_or(b'0') - b'0');
            let bits = |groups: &[usize]| groups.iter().sum::<usize>();
            let (slot, after) = match group {
                0..=2 => (0, bits(&GROUPS[group + 1..3])),
                _ => (1, bits(&GROUPS[(group + 1).min(GROUPS.len())..])),
            };
            let len = GROUPS.get(group).copied().unwrap_or_default();
            match hex(asked, is_start, len, after, 16) {
                Meeting::If(checks) => {
                    Meeting::If(checks.into_iter().map(|(_, check)| (slot, check)).collect())
                }
                other => other,
            }
        }
        _ => match words(asked, is_start) {
            found if found.is_empty() => Meeting::Never,
            found => Meeting::If(vec![(0, Check::Word(found))]),
        },
    }
}

/// A number, and letters after it.
fn number(asked: &str, is_start: bool, after: &str) -> Meeting {
    let digits = asked.bytes().take_while(u8::is_ascii_digit).count();
    let (number, letters) = asked.split_at(digits);
    let Some(value) = parse_number(number.as_bytes()) else {
        return Meeting::Never;
    };
    if letters == after && !(is_start && letters.is_empty())
        || is_start && !letters.is_empty() && after.starts_with(letters)
    {
        return Meeting::If(vec![(0, Check::Is(value))]);
    }
    if is_start && letters.is_empty() {
        let (number, digits) = number_of(value);
        return Meeting::If(vec![(0, Check::Starts { number, digits })]);
    }
    Meeting::Never
}

/// `len` digits, with `after` more digits behind them in a value of `all` digits.
fn hex(asked: &str, is_start: bool, len: usize, after: usize, all: usize) -> Meeting {
    let is_long_enough = asked.len() == len || is_start && asked.len() < len;
    let Some(value) = parse_hex(asked.as_bytes()).filter(|_| is_long_enough) else {
        return Meeting::Never;
    };
    let check = if asked.len() == all {
        Check::Is(value)
    } else {
        Check::Bits {
            shift: 4 * (after + len - asked.len()) as u32,
            mask: u64::MAX >> (64 - 4 * asked.len().clamp(1, 16)),
            value,
        }
    };
    Meeting::If(vec![(0, check)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::texts::shape::of_number;

    fn holds(asked: &str, is_start: bool, term: &str, value: u64) -> Option<bool> {
        match meet(asked, is_start, term, &mut |_, _| vec![7]) {
            Meeting::Never => None,
            Meeting::Always => Some(true),
            Meeting::If(checks) => Some(checks.iter().all(|(_, check)| check.holds(value))),
        }
    }

    #[test]
    fn words_meet() {
        assert_eq!(holds("disk", false, "disk", 0), Some(true));
        assert_eq!(holds("di", false, "disk", 0), None);
        assert_eq!(holds("di", true, "disk", 0), Some(true));
        let number = |text: &str| of_number(text.parse().unwrap(), text.len() as u32);
        let check = |asked, is_start, term, value, expected| {
            assert_eq!(
                holds(asked, is_start, term, number(value)),
                expected,
                "{asked} {value}"
            );
        };
        check("u485", false, "u\u{1}", "485", Some(true));
        check("u485", false, "u\u{1}", "0485", Some(false));
        check("u", true, "u\u{1}", "1", Some(true));
        check("u", false, "u\u{1}", "1", None);
        check("4", true, "\u{1}ms", "485", Some(true));
        check("048", true, "\u{1}ms", "0485", Some(true));
        check("48", true, "\u{1}ms", "0485", Some(false));
        check("485", true, "\u{1}", "48", Some(false));
        check("485m", true, "\u{1}ms", "485", Some(true));
        check("485", false, "\u{1}ms", "485", None);
        check("485ms", false, "\u{1}ms", "485", Some(true));
        check("5", true, "\u{1}", "5", Some(true));
    }

    #[test]
    fn hexadecimal_words_meet() {
        assert_eq!(holds("f4613", false, "\u{2}E", 0xf4613), Some(true));
        assert_eq!(holds("f46", true, "\u{2}E", 0xf4613), Some(true));
        assert_eq!(holds("e46", true, "\u{2}E", 0xf4613), Some(false));
        assert_eq!(holds("f46", false, "\u{2}E", 0xf4613), None);
        let (high, low) = (0x8cf6_242d_8781_4e53, 0x81a2_1b40_fb08_ec76);
        assert_eq!(holds("8cf6242d", false, "\u{4}0", high), Some(true));
        assert_eq!(holds("8781", false, "\u{4}1", high), Some(true));
        assert_eq!(holds("4e5", true, "\u{4}2", high), Some(true));
        assert_eq!(holds("81a2", false, "\u{4}3", low), Some(true));
        assert_eq!(holds("1b40fb08ec76", false, "\u{4}4", low), Some(true));
        assert_eq!(holds("1b40fb08ec77", false, "\u{4}4", low), Some(false));
        assert_eq!(holds("x9k2", false, "\u{3}", 7), Some(true));
    }
}
