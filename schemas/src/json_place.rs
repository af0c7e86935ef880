//! Where in a JSON text a value stands, so that a finding can name line and column.

use std::ops::Range;

/// The bytes of the value that a JSON pointer leads to. Flat and nested forms find each other:
/// `/http.route` in `{"http":{"route":5}}`, `/http/route` in `{"http.route":5}`. `None` if the text
/// has no such value.
pub fn locate(text: &str, pointer: &str) -> Option<Range<usize>> {
    let tokens = pointer.split('/').skip(1);
    let tokens: Vec<String> = tokens
        .map(|token| token.replace("~1", "/").replace("~0", "~"))
        .collect();
    let mut reader = Reader {
        bytes: text.as_bytes(),
        at: 0,
    };
    reader.find(&tokens)
}

/// Line and column of a byte, both from 1; columns count characters.
pub fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let at = (0..=at.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or_default();
    let before = &text[..at];
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |feed| feed + 1);
    (line, before[start..].chars().count() + 1)
}

/// Walks over JSON that is known to be sound, or gives up where it is not. It never goes deeper
/// than the pointer is long: what lies beside the way is skipped by counting brackets.
struct Reader<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl Reader<'_> {
    fn find(&mut self, tokens: &[String]) -> Option<Range<usize>> {
        self.blanks();
        let Some((token, rest)) = tokens.split_first() else {
            let start = self.at;
            self.skip_value()?;
            return Some(start..self.at);
        };
        match self.peek()? {
            b'{' => self.find_member(token, rest),
            b'[' => self.find_element(token.parse().ok()?, rest),
            _ => None,
        }
    }

    /// The last member of the name counts, as it does for who reads the text.
    fn find_member(&mut self, token: &str, rest: &[String]) -> Option<Range<usize>> {
        self.at += 1;
        let (mut found, mut is_exact) = (None, false);
        loop {
            self.blanks();
            if self.peek()? == b'}' {
                self.at += 1;
                return found;
            }
            let key = self.key()?;
            self.blanks();
            self.at += 1;
            self.blanks();
            let start = self.at;
            if key == token {
                let exact = self.find(rest);
                is_exact |= exact.is_some();
                found = exact.or(found);
            } else if let Some(deeper) = other_form(&key, token, rest).filter(|_| !is_exact) {
                found = self.find(&deeper).or(found);
            }
            self.at = start;
            self.skip_value()?;
            self.comma();
        }
    }

    fn find_element(&mut self, index: usize, rest: &[String]) -> Option<Range<usize>> {
        self.at += 1;
        for _ in 0..index {
            self.blanks();
            if self.peek()? == b']' {
                return None;
            }
            self.skip_value()?;
            self.comma();
        }
        self.blanks();
        (self.peek()? != b']').then(|| self.find(rest)).flatten()
    }

    fn key(&mut self) -> Option<String> {
        let start = self.at;
        self.skip_text()?;
        serde_json::from_slice(&self.bytes[start..self.at]).ok()
    }

    fn skip_value(&mut self) -> Option<()> {
        self.blanks();
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => self.skip_text()?,
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                b',' | b':' | b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
                _ => self.skip_word(),
            }
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn skip_text(&mut self) -> Option<()> {
        if self.peek()? != b'"' {
            return None;
        }
        self.at += 1;
        loop {
            match self.peek()? {
                b'\\' => self.at += 2,
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                _ => self.at += 1,
            }
        }
    }

    fn skip_word(&mut self) {
        let ends = |byte: &u8| b",:{}[]\" \t\r\n".contains(byte);
        let rest = &self.bytes[self.at..];
        self.at += rest.iter().position(ends).unwrap_or(rest.len());
    }

    fn comma(&mut self) {
        self.blanks();
        if self.peek() == Some(b',') {
            self.at += 1;
        }
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }
}

/// What is left of a pointer after a key that is a part of its first token, or more than that.
fn other_form(key: &str, token: &str, rest: &[String]) -> Option<Vec<String>> {
    let after = |longer: &str, shorter: &str| {
        let after = longer.strip_prefix(shorter)?.strip_prefix('.')?;
        Some(after.to_owned())
    };
    if let Some(inner) = after(token, key) {
        return Some(std::iter::once(inner).chain(rest.iter().cloned()).collect());
    }
    let (mut inner, mut rest) = (after(key, token)?, rest);
    loop {
        let (next, later) = rest.split_first()?;
        if inner == *next {
            return Some(later.to_vec());
        }
        (inner, rest) = (after(&inner, next)?, later);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, pointer: &str, expected: Option<&str>) {
        let found = locate(text, pointer).map(|range| &text[range]);
        assert_eq!(found, expected, "{pointer} in {text}");
    }

    #[test]
    fn a_pointer_leads_to_its_value() {
        let text = r#" {"a": {"b": [1, "x,]\"", {"c": null}]}, "d/e": true, "a.f": 2.5} "#;
        check(text, "", Some(text.trim()));
        check(text, "/a/b/0", Some("1"));
        check(text, "/a/b/1", Some(r#""x,]\"""#));
        check(text, "/a/b/2/c", Some("null"));
        check(text, "/a/b/3", None);
        check(text, "/d~1e", Some("true"));
        check(text, "/a.f", Some("2.5"));
        check(text, "/a.b/0", Some("1"));
        check(text, "/nowhere", None);
        let flat = r#"{"a.b.c":[1],"a.b":2}"#;
        check(flat, "/a/b/c/0", Some("1"));
        check(flat, "/a/b", Some("2"));
        check(flat, "/a.b/c", Some("[1]"));
        check(flat, "/a/c", None);
        check(r#"{"a":1,"a":2}"#, "/a", Some("2"));
        check(r#"{"a.b":1,"a":{"b":2}}"#, "/a.b", Some("1"));
    }

    #[test]
    fn a_broken_text_does_no_harm() {
        for text in [
            "", "{", "{\"a\"", "[1,", "{\"a\":]", "\"", "{\"a\\", "{1:2}",
        ] {
            for pointer in ["/a", "/0/0", "/a/b"] {
                assert_eq!(locate(text, pointer), None, "{text}");
            }
        }
        let deep = "[".repeat(100_000);
        assert_eq!(locate(&deep, "/1"), None);
    }

    #[test]
    fn lines_and_columns_count_from_one() {
        assert_eq!(line_and_column("ab\ncé d", 0), (1, 1));
        assert_eq!(line_and_column("ab\ncé d", 7), (2, 4));
        assert_eq!(line_and_column("ab", 99), (1, 3));
    }
}
