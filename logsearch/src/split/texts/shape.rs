//! What texts have in common, apart from what varies in them: `user u48551 paid 12.50` has the
//! shape `user u# paid #.#` and three numbers. Shapes are few, and numbers take few bits.

/// A number of up to [`MOST_DIGITS`] digits.
pub(super) const NUMBER: u8 = 1;
/// A word of hexadecimal digits, digits and letters among them; the next byte tells how many.
pub(super) const HEX: u8 = 2;
/// Any other word with digits in it.
pub(super) const WORD: u8 = 3;
/// Thirty-two hexadecimal digits in five groups.
pub(super) const UUID: u8 = 4;
/// The next byte stands for itself.
pub(super) const ESCAPE: u8 = 5;

/// Hexadecimal digits are told as this plus how many.
pub(super) const HEX_LEN: u8 = 0x40;
/// A number and how many digits it is written with share 64 bits.
const MOST_DIGITS: usize = 17;
const DIGITS_SHIFT: u32 = 58;
const HEX_DIGITS: std::ops::RangeInclusive<usize> = 5..=16;
/// Longer words stay part of the shape; so no word with a number in it is ever cut.
const LONGEST_WORD: usize = 64;
/// What varies beyond this stays part of the shape.
const MOST_SLOTS: usize = 64;
/// The groups of a UUID, in digits.
pub(super) const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
const UUID_LEN: usize = 36;

/// One value of a slot: a number with its digits, a hexadecimal number, the number of a word.
/// A UUID takes two slots.
pub(super) const fn number_of(value: u64) -> (u64, u32) {
    (
        value & ((1 << DIGITS_SHIFT) - 1),
        (value >> DIGITS_SHIFT) as u32,
    )
}

pub(super) const fn of_number(number: u64, digits: u32) -> u64 {
    (digits as u64) << DIGITS_SHIFT | number
}

/// The number that digits write, if they are not too many.
pub(super) fn parse_number(digits: &[u8]) -> Option<u64> {
    let fits = !digits.is_empty() && digits.len() <= MOST_DIGITS;
    let all = digits.iter().all(u8::is_ascii_digit);
    (fits && all).then(|| of_number(decimal(digits), digits.len() as u32))
}

fn decimal(digits: &[u8]) -> u64 {
    digits
        .iter()
        .fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
}

/// The number that lower-case hexadecimal digits write.
pub(super) fn parse_hex(digits: &[u8]) -> Option<u64> {
    let digit = |byte: &u8| match byte {
        b'0'..=b'9' => Some(u64::from(byte - b'0')),
        b'a'..=b'f' => Some(u64::from(byte - b'a') + 10),
        _ => None,
    };
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    digits
        .iter()
        .try_fold(0, |number, byte| Some(number << 4 | digit(byte)?))
}

/// Writes the shape of a text, and what varies; `word` numbers words.
pub(super) fn shape(
    text: &str,
    shape: &mut Vec<u8>,
    values: &mut Vec<u64>,
    word: &mut dyn FnMut(&[u8]) -> u64,
) {
    let bytes = text.as_bytes();
    let first = values.len();
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if !is_of_word(byte) {
            if byte <= ESCAPE {
                shape.push(ESCAPE);
            }
            shape.push(byte);
            at += 1;
            continue;
        }
        let run = Run::at(&bytes[at..]);
        let has_room = values.len() - first < MOST_SLOTS;
        let may_be_uuid = has_room && run.len == GROUPS[0] && run.is_hex;
        if may_be_uuid && put_uuid(&bytes[at..], shape, values) {
            at += UUID_LEN;
            continue;
        }
        if run.digits == 0 || !has_room {
            shape.extend_from_slice(&bytes[at..at + run.len]);
            at += run.len;
            continue;
        }
        put_word(&bytes[at..at + run.len], &run, shape, values, word);
        at += run.len;
    }
}

/// A run of letters, digits and underscores.
struct Run {
    len: usize,
    digits: usize,
    /// How many runs of digits are in it, and where the last one is.
    runs: usize,
    last: (usize, usize),
    is_hex: bool,
    is_ascii: bool,
}

impl Run {
    fn at(bytes: &[u8]) -> Self {
        let mut run = Self {
            len: 0,
            digits: 0,
            runs: 0,
            last: (0, 0),
            is_hex: true,
            is_ascii: true,
        };
        for (index, byte) in bytes.iter().enumerate() {
            if !is_of_word(*byte) {
                break;
            }
            run.len = index + 1;
            if byte.is_ascii_digit() {
                if run.digits == 0 || run.last.1 != index {
                    run.runs += 1;
                    run.last.0 = index;
                }
                run.last.1 = index + 1;
                run.digits += 1;
            } else {
                run.is_hex &= matches!(byte, b'a'..=b'f');
                run.is_ascii &= byte.is_ascii();
            }
        }
        run
    }
}

/// Bytes of other scripts count as letters: what they are part of is told as it is.
const fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

fn put_word(
    bytes: &[u8],
    run: &Run,
    shape: &mut Vec<u8>,
    values: &mut Vec<u64>,
    word: &mut dyn FnMut(&[u8]) -> u64,
) {
    let (start, end) = run.last;
    let is_long = !run.is_ascii || run.len > LONGEST_WORD;
    if is_long {
        shape.extend_from_slice(bytes);
    } else if run.is_hex && run.digits < run.len && HEX_DIGITS.contains(&run.len) {
        shape.extend_from_slice(&[HEX, HEX_LEN + run.len as u8]);
        values.push(parse_hex(bytes).unwrap_or_default());
    } else if run.runs == 1 && run.digits <= MOST_DIGITS {
        shape.extend_from_slice(&bytes[..start]);
        shape.push(NUMBER);
        shape.extend_from_slice(&bytes[end..]);
        let number = decimal(&bytes[start..end]);
        values.push(of_number(number, run.digits as u32));
    } else {
        shape.push(WORD);
        values.push(word(bytes));
    }
}

fn put_uuid(bytes: &[u8], shape: &mut Vec<u8>, values: &mut Vec<u64>) -> bool {
    let Some(id) = bytes.get(..UUID_LEN) else {
        return false;
    };
    let ends_there = bytes.get(UUID_LEN).is_none_or(|byte| !is_of_word(*byte));
    let (mut number, mut dashes) = (0_u128, 0);
    for (index, byte) in id.iter().enumerate() {
        let digit = match byte {
            b'-' if matches!(index, 8 | 13 | 18 | 23) => {
                dashes += 1;
                continue;
            }
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return false,
        };
        number = number << 4 | u128::from(digit);
    }
    if !ends_there || dashes != 4 {
        return false;
    }
    shape.push(UUID);
    values.push((number >> 64) as u64);
    values.push(number as u64);
    true
}

/// Writes the text of a shape with these values.
pub(super) fn render(
    shape: &[u8],
    values: &[u64],
    word: &dyn Fn(u64) -> Option<Vec<u8>>,
    out: &mut Vec<u8>,
) {
    let mut values = values.iter().copied();
    let mut bytes = shape.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            NUMBER => {
                let (number, digits) = number_of(values.next().unwrap_or_default());
                put_padded(out, number, digits as usize);
            }
            HEX => {
                let len = usize::from(bytes.next().unwrap_or(HEX_LEN) - HEX_LEN);
                put_hex(out, values.next().unwrap_or_default(), len);
            }
            WORD => out.extend(word(values.next().unwrap_or_default()).unwrap_or_default()),
            UUID => {
                let high = values.next().unwrap_or_default();
                let low = values.next().unwrap_or_default();
                put_hex(out, high >> 32, 8);
                out.push(b'-');
                put_hex(out, high >> 16 & 0xffff, 4);
                out.push(b'-');
                put_hex(out, high & 0xffff, 4);
                out.push(b'-');
                put_hex(out, low >> 48, 4);
                out.push(b'-');
                put_hex(out, low & 0xffff_ffff_ffff, 12);
            }
            ESCAPE => out.extend(bytes.next()),
            _ => out.push(byte),
        }
    }
}

fn put_hex(out: &mut Vec<u8>, number: u64, digits: usize) {
    for index in (0..digits.min(16)).rev() {
        let digit = (number >> (4 * index)) as u8 & 15;
        out.push(if digit < 10 {
            b'0' + digit
        } else {
            b'a' + digit - 10
        });
    }
}

pub(super) fn put_padded(out: &mut Vec<u8>, mut number: u64, digits: usize) {
    let start = out.len();
    while number > 0 || out.len() - start < digits {
        out.push(b'0' + (number % 10) as u8);
        number /= 10;
    }
    out[start..].reverse();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let (mut found, mut values, mut words) = (Vec::new(), Vec::new(), Vec::new());
        shape(text, &mut found, &mut values, &mut |word| {
            words.push(word.to_vec());
            words.len() as u64 - 1
        });
        let shown: String = String::from_utf8(found.clone()).unwrap();
        let shown = shown
            .replace('\u{1}', "#")
            .replace('\u{2}', "%")
            .replace('\u{3}', "$")
            .replace('\u{4}', "&");
        assert_eq!(shown, expected);
        let mut again = Vec::new();
        render(
            &found,
            &values,
            &|word| words.get(word as usize).cloned(),
            &mut again,
        );
        assert_eq!(String::from_utf8(again).unwrap(), text);
    }

    #[test]
    fn what_varies_is_apart_and_comes_back() {
        check("user u00551 paid 12.50 in 6ms", "user u# paid #.# in #ms");
        check("at 00:05:09,012 0 007", "at #:#:#,# # #");
        check("rev f65415f2 of f6 and added1x", "rev %H of f# and added#x");
        check(
            "id=8cf6242d-8781-4e53-81a2-1b40fb08ec76, deadbeef-aaaa-bbbb-cccc-dddddddddddd",
            "id=&, &",
        );
        check("8cf6242d-8781-4e53-81a2-1b40fb08ec76x", "%H-#-$-$-$");
        check("-1608999687919862906 a1b2 1m30s x", "-$ $ $ x");
        check(
            "größe5 5é 5→6 \u{1}5\u{5}",
            "größe5 5é 5→6 \u{5}##\u{5}\u{5}",
        );
        check("", "");
        let many = "1 ".repeat(100);
        let (mut found, mut values) = (Vec::new(), Vec::new());
        shape(&many, &mut found, &mut values, &mut |_| 0);
        assert_eq!(values.len(), 64);
    }

    #[test]
    fn numbers_are_read() {
        assert_eq!(parse_number(b"007").map(number_of), Some((7, 3)));
        assert_eq!(
            parse_number(b"12345678901234567").map(number_of),
            Some((12_345_678_901_234_567, 17))
        );
        assert_eq!(parse_number(b"123456789012345678"), None);
        assert_eq!(parse_number(b"1a"), None);
        assert_eq!(parse_hex(b"ff"), Some(255));
        assert_eq!(parse_hex(b"fg"), None);
    }
}
