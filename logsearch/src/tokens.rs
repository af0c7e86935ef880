//! The one definition of a word: what is indexed, what the tail is searched in, and what a query's
//! words are cut into all come from here.

/// Longer tokens are cut: nobody searches for the whole of a base64 blob.
const MAX_TOKEN_BYTES: usize = 200;

/// Cuts `text` into lower-case tokens: runs of letters, digits and underscores. `request_id` is one
/// word, which a search for `request` does not mean and one for `request*` does.
pub(crate) fn tokens(text: &str) -> Vec<String> {
    let mut normal = String::new();
    normalise(text, &mut normal);
    normal.split_ascii_whitespace().map(str::to_owned).collect()
}

/// The texts of one record, cut into tokens. Each section reads ` token token `, so that a word is
/// found as ` word `, a phrase as ` two words ` and a prefix as ` pre`: by a plain substring search
/// that agrees with the index by construction. Sections are parted by line feeds, which no token
/// holds, so that no phrase runs across.
#[derive(Debug, Clone, Default)]
pub(crate) struct Words {
    text: String,
    ends: Vec<u32>,
}

impl Words {
    /// Adds the next section.
    pub(crate) fn push(&mut self, text: &str) {
        normalise(text, &mut self.text);
        self.ends.push(self.text.len() as u32);
        self.text.push('\n');
    }

    /// The tokens of one section, each followed by a space, the first preceded by one.
    pub(crate) fn section(&self, index: usize) -> &str {
        let start = match index {
            0 => 0,
            _ => self.ends[index - 1] as usize + 1,
        };
        &self.text[start..self.ends[index] as usize]
    }

    /// All sections.
    pub(crate) fn all(&self) -> &str {
        &self.text
    }

    /// Bytes held in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * 4
    }
}

/// What to look for in [`Words`] to find these tokens next to each other; the last one may be a
/// prefix.
pub(crate) fn needle(tokens: &[String], prefix: bool) -> String {
    let mut needle = format!(" {}", tokens.join(" "));
    if !prefix {
        needle.push(' ');
    }
    needle
}

fn normalise(text: &str, out: &mut String) {
    out.reserve(text.len() + 2);
    let mut token_start = None;
    for c in text.chars() {
        if !(c.is_alphanumeric() || c == '_') {
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
    fn sections_stay_apart() {
        let mut words = Words::default();
        for text in ["Disk full", "", "on node-7"] {
            words.push(text);
        }
        assert_eq!(words.section(0), " disk full ");
        assert_eq!(words.section(1), "");
        assert_eq!(words.section(2), " on node 7 ");
        assert!(words.all().contains(&needle(&tokens("disk full"), false)));
        assert!(!words.all().contains(&needle(&tokens("full on"), false)));
        assert!(words.all().contains(&needle(&tokens("node"), true)));
        assert!(!words.section(0).contains(&needle(&tokens("ful"), false)));
    }
}
