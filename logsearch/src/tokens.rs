//! The one definition of a word: what is indexed, what the tail is searched in, and what a query's
//! words are cut into all come from here.

use std::cell::RefCell;

/// Longer tokens are cut: nobody searches for the whole of a base64 blob.
const MAX_TOKEN_BYTES: usize = 200;

/// Whether words are made of it.
pub(crate) fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Cuts `text` into lower-case tokens: runs of letters, digits and underscores. `request_id` is one
/// word, which a search for `request` does not mean and one for `request*` does.
pub(crate) fn tokens(text: &str) -> Vec<String> {
    let mut normal = String::new();
    normalise(text, &mut normal);
    normal.split_ascii_whitespace().map(str::to_owned).collect()
}

/// What to look for in a normal text to find these tokens next to each other; the last one may be a
/// prefix.
pub(crate) fn needle(tokens: &[String], prefix: bool) -> String {
    let mut needle = format!(" {}", tokens.join(" "));
    if !prefix {
        needle.push(' ');
    }
    needle
}

/// Whether the text has the needle's tokens; `tokens` are the same ones, apart.
pub(crate) fn holds(text: &str, tokens: &[String], needle: &str) -> bool {
    thread_local! {
        static NORMAL: RefCell<String> = const { RefCell::new(String::new()) };
    }
    // A text that does not have the letters need not be cut.
    let may_hold = |token: &String| !text.is_ascii() || has_letters(text, token);
    if text.is_empty() || !tokens.iter().all(may_hold) {
        return false;
    }
    NORMAL.with_borrow_mut(|normal| {
        normal.clear();
        normalise(text, normal);
        normal.contains(needle)
    })
}

/// Whether the token is somewhere in the text, whatever stands around it.
fn has_letters(text: &str, token: &str) -> bool {
    let (text, token) = (text.as_bytes(), token.as_bytes());
    let Some((first, rest)) = token.split_first() else {
        return true;
    };
    let Some(last) = text.len().checked_sub(rest.len()) else {
        return false;
    };
    (0..last).any(|at| {
        text[at].eq_ignore_ascii_case(first)
            && text[at + 1..at + token.len()].eq_ignore_ascii_case(rest)
    })
}

/// Writes the text's tokens as ` token token `, so that a word is found as ` word `, a phrase as
/// ` two words ` and a prefix as ` pre`: by a plain substring search that agrees with the index by
/// construction.
pub(crate) fn normalise(text: &str, out: &mut String) {
    out.reserve(text.len() + 2);
    let mut token_start = None;
    for c in text.chars() {
        if !is_of_token(c) {
            end_token(&mut token_start, out);
            continue;
        }
        let start = *token_start.get_or_insert_with(|| {
            if !out.ends_with(' ') {
                out.push(' ');
            }
            out.len()
        });
        if out.len() - start >= MAX_TOKEN_BYTES {
            continue;
        }
        if c.is_ascii() {
            out.push(c.to_ascii_lowercase());
        } else {
            out.extend(c.to_lowercase());
        }
    }
    end_token(&mut token_start, out);
}

/// Whether it is a letter of a word.
pub(crate) fn is_of_token(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// After so many bytes no letter is added to a token.
pub(crate) const fn token_cut() -> usize {
    MAX_TOKEN_BYTES
}

fn end_token(token_start: &mut Option<usize>, out: &mut String) {
    if token_start.take().is_some() {
        out.push(' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(tokens(text), expected, "{text}");
    }

    #[test]
    fn words_are_runs_of_letters_digits_and_underscores() {
        check(
            "Connection RESET by 10.0.0.1",
            &["connection", "reset", "by", "10", "0", "0", "1"],
        );
        check("sync_in_progress=1", &["sync_in_progress", "1"]);
        check("Straße ÄÖ", &["straße", "äö"]);
        check(" -- ", &[]);
        assert_eq!(tokens(&"x".repeat(500))[0].len(), MAX_TOKEN_BYTES);
    }

    #[test]
    fn a_text_holds_words_phrases_and_beginnings() {
        let check = |text: &str, asked: &str, prefix: bool, expected: bool| {
            let tokens = tokens(asked);
            let found = holds(text, &tokens, &needle(&tokens, prefix));
            assert_eq!(found, expected, "{asked} in {text}");
        };
        check("Disk full on node-7", "disk full", false, true);
        check("Disk full on node-7", "full disk", false, false);
        check("Disk full on node-7", "NODE", true, true);
        check("Disk full on node-7", "ful", false, false);
        check("Disk full on node-7", "7", false, true);
        check("ÜBER", "über", false, true);
        check("", "a", false, false);
    }
}
