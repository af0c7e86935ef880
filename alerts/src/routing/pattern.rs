//! Regular expressions as Go's RE2 reads them, which always fit the whole text.

use std::iter::Peekable;
use std::str::Chars;

use regex::Regex;

/// An expression that must fit a whole value.
#[derive(Debug, Clone)]
pub(crate) struct Pattern(Regex);

impl Pattern {
    /// The error says what is wrong, on one line.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let translated = translated(text);
        // Alone first: `a)(b` must not become right by being put between parentheses.
        let checked = Regex::new(&translated);
        let read = checked.and_then(|_| Regex::new(&format!("^(?:{translated})$")));
        read.map(Self)
            .map_err(|error| format!("{text:?} is not a regular expression: {}", reason(&error)))
    }

    pub(crate) fn matches(&self, value: &str) -> bool {
        self.0.is_match(value)
    }
}

/// The last line of what the library says is its verdict; those before draw a picture.
fn reason(error: &regex::Error) -> String {
    let told = error.to_string();
    let last = told.lines().last().unwrap_or_default().trim();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

/// What Go writes otherwise: classes such as `\d` are ASCII's alone, `\Q…\E` quotes, and within
/// brackets nothing but `[:name:]` is special that a plain class does not know.
fn translated(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    let mut in_class = false;
    while let Some(c) = rest.next() {
        match c {
            '\\' => escape(&mut rest, &mut out),
            '[' if !in_class => {
                in_class = true;
                out.push('[');
                class_start(&mut rest, &mut out);
            }
            '[' if rest.peek() == Some(&':') => named_class(&mut rest, &mut out),
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            '[' | '&' | '~' if in_class => {
                out.push('\\');
                out.push(c);
            }
            other => out.push(other),
        }
    }
    out
}

/// After `[`: a caret negates, and a bracket that closes at once stands for itself.
fn class_start(rest: &mut Peekable<Chars<'_>>, out: &mut String) {
    if rest.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    if rest.next_if_eq(&']').is_some() {
        out.push_str("\\]");
    }
}

/// `[:alpha:]`, of which the first bracket was read.
fn named_class(rest: &mut Peekable<Chars<'_>>, out: &mut String) {
    let ahead: String = rest.clone().collect();
    match ahead.find(":]") {
        Some(end) => {
            out.push('[');
            let length = ahead[..end + 2].chars().count();
            out.extend(rest.by_ref().take(length));
        }
        None => out.push_str("\\["),
    }
}

fn escape(rest: &mut Peekable<Chars<'_>>, out: &mut String) {
    let Some(c) = rest.next() else {
        out.push('\\');
        return;
    };
    let class = match c {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        's' => "[\\t\\n\\f\\r ]",
        'S' => "[^\\t\\n\\f\\r ]",
        'b' => "(?-u:\\b)",
        'Q' => {
            quoted(rest, out);
            return;
        }
        other => {
            out.push('\\');
            out.push(other);
            return;
        }
    };
    out.push_str(class);
}

/// What stands between `\Q` and `\E`, or the end.
fn quoted(rest: &mut Peekable<Chars<'_>>, out: &mut String) {
    let mut text = String::new();
    while let Some(c) = rest.next() {
        if c == '\\' && rest.next_if_eq(&'E').is_some() {
            break;
        }
        text.push(c);
    }
    out.push_str(&regex::escape(&text));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, fits: &[&str], others: &[&str]) {
        let read = Pattern::parse(pattern).unwrap_or_else(|error| panic!("{error}"));
        for text in fits {
            assert!(read.matches(text), "{pattern} fits {text}");
        }
        for text in others {
            assert!(!read.matches(text), "{pattern} does not fit {text}");
        }
    }

    #[test]
    fn expressions_mean_what_they_mean_to_go() {
        check("a|b", &["a", "b"], &["ab", "xa", ""]);
        check(".*", &["", "a b"], &["a\nb"]);
        check(r"\d+", &["42"], &["٣", "4a"]);
        check(r"[\w-]+", &["a-b_1"], &["ä", "a b"]);
        check(r"[^\s]", &["a"], &[" "]);
        check(r"[[]", &["["], &["]"]);
        check("[]a]+", &["]a"], &["b"]);
        check("[[:alpha:]_]+", &["ab_"], &["a1"]);
        check(r"[a&&b]+", &["a&b"], &["c"]);
        check(r"\Qa.b\E+", &["a.b", "a.bb"], &["axb"]);
        check("(?i)prod.*", &["PROD-1"], &["dev"]);
        check(r"\bweb\b", &["web"], &["webs"]);
    }

    #[test]
    fn what_is_none_is_refused() {
        for wrong in ["(", "a)(b", "[", "*", "a{2,1}", "(?<=a)b"] {
            let error = Pattern::parse(wrong).unwrap_err();
            assert!(error.contains("is not a regular expression"), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
