//! Which parts of a message the query found. Only for the eye: what matches is decided by the
//! store; here a word counts as found if the query asks for it anywhere but in a negation.

use crate::query_text;

/// A part of a text, and whether the query asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) text: String,
    pub(crate) is_match: bool,
}

/// Words that a query asks for next to each other; the last may be the beginning of one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Needle {
    words: Vec<String>,
    is_prefix: bool,
}

/// All that a query asks of texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Needles(Vec<Needle>);

/// Fields whose values are words of the text.
const TEXTS: [&str; 4] = ["message", "body", "exception.message", "exception.type"];
/// More than this nobody can tell apart.
const MOST: usize = 32;

impl Needles {
    pub(crate) fn of(query: &str) -> Self {
        let (filter, _) = query_text::split_pipe(query);
        let mut needles = Vec::new();
        collect(filter, &mut needles);
        needles.truncate(MOST);
        Self(needles)
    }

    /// Those that are one word, as the script marks them in what comes live; `*` ends a beginning.
    pub(crate) fn single_words(&self) -> String {
        let single = self.0.iter().filter(|needle| needle.words.len() == 1);
        let words = single.map(|needle| {
            let star = if needle.is_prefix { "*" } else { "" };
            format!("{}{star}", needle.words[0])
        });
        words.collect::<Vec<_>>().join(" ")
    }

    /// The text in pieces.
    pub(crate) fn cut(&self, text: &str) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut done = 0;
        for (start, end) in self.found(text) {
            if start > done {
                pieces.push(piece(&text[done..start], false));
            }
            pieces.push(piece(&text[start..end], true));
            done = end;
        }
        if done < text.len() || pieces.is_empty() {
            pieces.push(piece(&text[done..], false));
        }
        pieces
    }

    /// Places of what was found, in order, none within another.
    fn found(&self, text: &str) -> Vec<(usize, usize)> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let words = words(text);
        let mut found = Vec::new();
        let mut at = 0;
        while at < words.len() {
            let lengths = self
                .0
                .iter()
                .filter_map(|needle| needle.length_at(&words[at..]));
            let longest = lengths.max_by_key(|(count, _)| *count);
            let Some((count, last_bytes)) = longest else {
                at += 1;
                continue;
            };
            let last = &words[at + count - 1];
            found.push((words[at].start, last.start + last_bytes));
            at += count;
        }
        found
    }
}

impl Needle {
    /// How many words it takes here, and how many bytes of the last.
    fn length_at(&self, words: &[Word]) -> Option<(usize, usize)> {
        let here = words.get(..self.words.len())?;
        let last = self.words.len().checked_sub(1)?;
        let fits = here
            .iter()
            .zip(&self.words)
            .enumerate()
            .all(|(at, (word, wanted))| {
                word.text == *wanted
                    || (at == last && self.is_prefix && word.text.starts_with(wanted))
            });
        fits.then(|| (self.words.len(), here[last].end - here[last].start))
    }
}

fn piece(text: &str, is_match: bool) -> Piece {
    Piece {
        text: text.to_owned(),
        is_match,
    }
}

struct Word {
    start: usize,
    end: usize,
    /// In lower case.
    text: String,
}

/// Runs of letters, digits and underscores, as the index knows them.
fn words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut is_within = false;
    for (at, c) in text.char_indices() {
        if !(c.is_alphanumeric() || c == '_') {
            is_within = false;
            continue;
        }
        if !is_within {
            words.push(Word {
                start: at,
                end: at,
                text: String::new(),
            });
        }
        is_within = true;
        if let Some(word) = words.last_mut() {
            word.end = at + c.len_utf8();
            word.text.extend(c.to_lowercase());
        }
    }
    words
}

/// Walks over the clauses; what a minus or a `not` stands before is left out.
fn collect(filter: &str, needles: &mut Vec<Needle>) {
    let mut rest = filter;
    let mut is_negated = false;
    while let Some(c) = rest.chars().next() {
        if c.is_whitespace() || c == ')' {
            rest = &rest[c.len_utf8()..];
            continue;
        }
        if c == '-' {
            is_negated = true;
            rest = &rest[1..];
            continue;
        }
        let (clause, after) = clause(rest);
        rest = after;
        let is_operator = ["and", "or"]
            .iter()
            .any(|word| clause.eq_ignore_ascii_case(word));
        if clause.eq_ignore_ascii_case("not") {
            is_negated = true;
            continue;
        }
        if !is_operator && !std::mem::take(&mut is_negated) {
            ask_of(clause, needles);
        }
    }
}

/// The first clause of a text, brackets and quotes kept together, and what comes after.
fn clause(text: &str) -> (&str, &str) {
    let (mut depth, mut in_quotes, mut is_escaped) = (0_usize, false, false);
    for (at, c) in text.char_indices() {
        match c {
            '"' if !is_escaped => in_quotes = !in_quotes,
            '(' | '[' | '{' if !in_quotes => depth += 1,
            ')' | ']' | '}' if !in_quotes && depth == 0 => return text.split_at(at.max(1)),
            ')' | ']' | '}' if !in_quotes => depth -= 1,
            c if c.is_whitespace() && !in_quotes && depth == 0 => return text.split_at(at),
            _ => {}
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    (text, "")
}

fn ask_of(clause: &str, needles: &mut Vec<Needle>) {
    if let Some(group) = clause.strip_prefix('(') {
        collect(group.strip_suffix(')').unwrap_or(group), needles);
        return;
    }
    if clause.starts_with('"') {
        push(clause.trim_matches('"'), false, needles);
        return;
    }
    let (field, value) = clause.split_once(':').unwrap_or(("message", clause));
    if !TEXTS.contains(&field.trim_start_matches('@')) {
        return;
    }
    match value {
        value if value.starts_with('(') || value.starts_with('"') => ask_of(value, needles),
        value if value.starts_with(['<', '>', '[', '{']) => {}
        value => {
            let stem = value.strip_suffix('*');
            push(stem.unwrap_or(value), stem.is_some(), needles);
        }
    }
}

fn push(text: &str, is_prefix: bool, needles: &mut Vec<Needle>) {
    let words: Vec<String> = words(text).into_iter().map(|word| word.text).collect();
    if !words.is_empty() {
        needles.push(Needle { words, is_prefix });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found, in brackets.
    fn check(query: &str, text: &str, expected: &str) {
        let pieces = Needles::of(query).cut(text);
        let shown = pieces.iter().map(|piece| {
            if piece.is_match {
                format!("[{}]", piece.text)
            } else {
                piece.text.clone()
            }
        });
        assert_eq!(shown.collect::<String>(), expected, "{query}");
    }

    #[test]
    fn words_phrases_and_beginnings_are_found() {
        let text = "Disk full: cannot write page_1 to disk";
        check("", text, text);
        check("disk", text, "[Disk] full: cannot write page_1 to [disk]");
        check(
            "\"disk full\"",
            text,
            "[Disk full]: cannot write page_1 to disk",
        );
        check("pag*", text, "Disk full: cannot write [page_1] to disk");
        check("page", text, text);
        check(
            "message:(write or full)",
            text,
            "Disk [full]: cannot [write] page_1 to disk",
        );
        check(
            "(write and (full))",
            text,
            "Disk [full]: cannot [write] page_1 to disk",
        );
        check("severity:disk | top full", text, text);
    }

    #[test]
    fn words_are_told_to_the_script() {
        let words = Needles::of("Disk \"a b\" pag* \"c\" x:d").single_words();
        assert_eq!(words, "disk pag* c");
    }

    #[test]
    fn what_is_not_asked_for_is_not_found() {
        let text = "a b c";
        check("a -b not c", text, "[a] b c");
        check("-(b or c) a", text, "[a] b c");
        check("a) \"b", text, "[a] [b] c");
        check("ä", "Ä é", "[Ä] é");
    }

    #[test]
    fn no_input_makes_it_hang_or_panic() {
        for query in [
            "(", ")", "((((", "-", "\\", "\"", "a:(", "é)(", ":", "[", "- - -", "}{",
        ] {
            Needles::of(query).cut("é (a) \"b\"");
        }
    }
}
