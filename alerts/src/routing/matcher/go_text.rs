//! Texts in double quotes, as Go writes and reads them.

use std::fmt::Write as _;

/// As `%q` writes it.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x0b' => out.push_str("\\v"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => escaped(&mut out, 'x', 2, c),
            c if is_printable(c) => out.push(c),
            c if (c as u32) < 0x1_0000 => escaped(&mut out, 'u', 4, c),
            c => escaped(&mut out, 'U', 8, c),
        }
    }
    out.push('"');
    out
}

fn escaped(out: &mut String, letter: char, width: usize, c: char) {
    let written = write!(out, "\\{letter}{:0width$x}", c as u32);
    written.expect("a string takes everything");
}

/// Of spaces Go prints only the plain one.
fn is_printable(c: char) -> bool {
    c == ' ' || !(c.is_whitespace() || c.is_control())
}

/// What stands between the quotes, read. None if Go would refuse it.
pub(super) fn unquoted(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut bytes: Vec<u8> = Vec::with_capacity(inner.len());
    let mut rest = inner.chars();
    while let Some(c) = rest.next() {
        match c {
            '\n' | '"' => return None,
            '\\' => escape(&mut rest, &mut bytes)?,
            c => bytes.extend(c.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    String::from_utf8(bytes).ok()
}

fn escape(rest: &mut std::str::Chars<'_>, bytes: &mut Vec<u8>) -> Option<()> {
    let letter = rest.next()?;
    let plain = match letter {
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0c,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 0x0b,
        '\\' => b'\\',
        '"' => b'"',
        'x' => u8::try_from(digits(rest, 2, 16, 0)?).ok()?,
        '0'..='7' => u8::try_from(digits(rest, 2, 8, letter.to_digit(8)?)?).ok()?,
        'u' | 'U' => {
            let width = if letter == 'u' { 4 } else { 8 };
            let c = char::from_u32(digits(rest, width, 16, 0)?)?;
            bytes.extend(c.encode_utf8(&mut [0; 4]).bytes());
            return Some(());
        }
        _ => return None,
    };
    bytes.push(plain);
    Some(())
}

fn digits(rest: &mut std::str::Chars<'_>, count: usize, base: u32, first: u32) -> Option<u32> {
    (0..count).try_fold(first, |number, _| {
        number
            .checked_mul(base)?
            .checked_add(rest.next()?.to_digit(base)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, written: &str) {
        assert_eq!(quoted(text), written);
        assert_eq!(unquoted(written).as_deref(), Some(text), "{written}");
    }

    #[test]
    fn texts_are_written_and_read() {
        check("a b", "\"a b\"");
        check("a\"\\\n\t", r#""a\"\\\n\t""#);
        check("größe🙂", "\"größe🙂\"");
        check("\u{1}\u{7f}\u{a0}", r#""\x01\x7f\u00a0""#);
        assert_eq!(unquoted(r#""\101""#).as_deref(), Some("A"));
        for wrong in ["\"", "a", r#""\q""#, r#""\xzz""#, "\"a\nb\"", r#""\xff""#] {
            assert_eq!(unquoted(wrong), None, "{wrong}");
        }
    }
}
