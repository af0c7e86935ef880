//! Texts in header fields.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// RFC 2047 allows 75 characters for an encoded word.
const MOST_BYTES: usize = 45;
const MOST_TEXT: usize = 2_000;

/// One line of printable ASCII, with what is neither in encoded words, folded.
pub(super) fn encoded(text: &str) -> String {
    let line = one_line(text);
    let is_plain = line.len() <= 900 && line.is_ascii() && !line.contains("=?");
    if is_plain {
        return line;
    }
    let mut words = Vec::new();
    let mut word = String::new();
    for c in line.chars() {
        if word.len() + c.len_utf8() > MOST_BYTES {
            words.push(std::mem::take(&mut word));
        }
        word.push(c);
    }
    words.push(word);
    let words = words
        .iter()
        .map(|word| format!("=?utf-8?B?{}?=", STANDARD.encode(word)));
    words.collect::<Vec<_>>().join("\r\n ")
}

/// Printable ASCII without blanks and angle brackets, for an id.
pub(super) fn plain(text: &str) -> String {
    let is_plain = |c: &char| c.is_ascii_graphic() && !matches!(c, '<' | '>');
    text.chars().filter(is_plain).collect()
}

/// Without line ends and other control characters, at most so long.
pub(super) fn one_line(text: &str) -> String {
    let blank = |c: char| if c.is_control() { ' ' } else { c };
    let line: String = text.trim().chars().take(MOST_TEXT).map(blank).collect();
    line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(encoded(text), expected);
    }

    #[test]
    fn what_is_not_ascii_is_encoded() {
        check("plain", "plain");
        check("two\nlines\r\n", "two lines");
        check("größer", "=?utf-8?B?Z3LDtsOfZXI=?=");
        check(
            "=?utf-8?B?Zm9yZ2Vk?=",
            "=?utf-8?B?PT91dGYtOD9CP1ptOXlaMlZrPz0=?=",
        );
        let long = encoded(&"ä".repeat(100));
        assert!(long.split("\r\n ").all(|word| word.len() <= 75), "{long}");
    }
}
