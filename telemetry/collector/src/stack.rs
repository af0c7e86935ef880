//! Stack traces as text, read into frames: one small reader for each language.

mod chain;
mod dotnet;
mod go;
mod java;
mod javascript;
mod php;
mod python;
mod ruby;
mod rust;

use serde::Serialize;

pub(crate) use chain::Root;
use chain::{Chain, Link, Section};

/// One call of a stack, without what changes from build to build: no line, no address, no id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct StackFrame {
    /// The file, class or package that holds the function, without its folders.
    pub module: String,
    /// The function, without arguments, generics and numbers of closures; may be empty.
    pub function: String,
    /// Whether it is the application's own code rather than a library's or the runtime's.
    pub in_app: bool,
}

impl StackFrame {
    fn new(module: impl Into<String>, function: impl Into<String>, in_app: bool) -> Self {
        Self {
            module: module.into(),
            function: function.into(),
            in_app,
        }
    }

    /// As a title shows it: `capture.charge`.
    pub fn name(&self) -> String {
        match (self.module.as_str(), self.function.as_str()) {
            ("", function) => function.to_owned(),
            (module, "") => module.to_owned(),
            (module, function) => format!("{module}.{function}"),
        }
    }
}

/// Reads lines as those of one language.
type Reader = fn(&[&str]) -> Chain;

/// A stack trace: its exceptions, the one that was thrown last first, then what caused it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Stack {
    pub(crate) chain: Chain,
}

impl Stack {
    /// Deeper frames than this say where the program began, not where it broke.
    const MOST_FRAMES: usize = 50;
    /// What is read of a text at its beginning, and as much at its end: the crash end of every
    /// language is at one of the two.
    const MOST_LINES: usize = 1_000;
    /// What is read of a line: no call is longer, and a line without an end costs nothing.
    const MOST_BYTES: usize = 4_096;

    /// Reads a stack trace of any language known here; no frames if it is of none. The language is
    /// the one in whose form most lines are.
    pub(crate) fn parse(text: &str) -> Self {
        if text.is_empty() {
            return Self::default();
        }
        let lines = crash_ends(text);
        let marks = Marks::of(&lines);
        let readers: [(bool, Reader); 8] = [
            (marks.python, python::read),
            (marks.at, java::read),
            (marks.at || marks.sign, javascript::read),
            (marks.tab, go::read),
            (marks.number, rust::read),
            (marks.within, ruby::read),
            (marks.indent, dotnet::read),
            (marks.hash, php::read),
        ];
        let mut best = Chain::default();
        let mut most = 0;
        for (_, read) in readers.into_iter().filter(|(may, _)| *may) {
            let chain = read(&lines);
            let frames = chain.frames();
            if frames > most {
                (best, most) = (chain, frames);
            }
        }
        Self { chain: best }
    }

    /// The exception that all began with, and the calls that led to it: innermost first, a recursion
    /// once, at most as many as say where it broke.
    pub(crate) fn root(&self) -> Root {
        let mut root = self.chain.root();
        root.frames = without_cycles(root.frames);
        root.frames.truncate(Self::MOST_FRAMES);
        root
    }
}

/// Without repeats: a recursion counts once, however deep it went, also one of up to four functions
/// that call each other.
pub(crate) fn without_cycles<T: PartialEq>(frames: impl IntoIterator<Item = T>) -> Vec<T> {
    const LONGEST: usize = 4;
    let mut kept: Vec<T> = Vec::new();
    for frame in frames {
        kept.push(frame);
        let end = kept.len();
        let repeated = (1..=LONGEST.min(end / 2))
            .find(|length| kept[end - length..] == kept[end - 2 * length..end - length]);
        if let Some(length) = repeated {
            kept.truncate(end - length);
        }
    }
    kept
}

/// What stands in some line, so that only readers are asked that may find something.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one for each form of a line")]
struct Marks {
    /// `File "`, perhaps within a margin.
    python: bool,
    /// `at `
    at: bool,
    /// `@`
    sign: bool,
    /// A tab at the beginning.
    tab: bool,
    /// A number at the beginning.
    number: bool,
    /// `:in `
    within: bool,
    /// Three spaces at the beginning.
    indent: bool,
    /// `#` at the beginning.
    hash: bool,
}

impl Marks {
    fn of(lines: &[&str]) -> Self {
        let mut marks = Self::default();
        for line in lines {
            let text = line.trim_start();
            match text.bytes().next() {
                Some(b'F' | b'|' | b'+') => marks.python = true,
                Some(b'a') => marks.at |= text.starts_with("at "),
                Some(b'0'..=b'9') => marks.number = true,
                Some(b'#') => marks.hash = true,
                _ => {}
            }
            marks.tab |= line.starts_with('\t');
            marks.indent |= line.starts_with("   ");
            marks.sign |= line.contains('@');
            marks.within |= line.contains(":in ");
        }
        // Safari names no function of code that has none: such a line is only a place.
        marks.sign |= lines.iter().any(|line| line.starts_with("http"));
        marks
    }
}

/// The lines of both ends of a text, cut where they are longer than any call.
fn crash_ends(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().take(Stack::MOST_LINES).collect();
    let read = lines.last().map_or(0, |last| {
        last.as_ptr() as usize + last.len() - text.as_ptr() as usize
    });
    let mut rest: Vec<&str> = text[read..].lines().rev().take(Stack::MOST_LINES).collect();
    rest.reverse();
    lines.extend(rest);
    for line in &mut lines {
        *line = &line[..line.floor_char_boundary(Stack::MOST_BYTES)];
    }
    lines
}

/// A path's last component, without a query.
fn base_name(path: &str) -> &str {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    path.rsplit(['/', '\\']).next().unwrap_or_default()
}

/// A file's name without its folders; of a file that was made for this run alone, only that it was.
fn stable_file<'a>(path: &'a str, extension: &str) -> &'a str {
    const TEMPORARY: [&str; 4] = ["/tmp/", "/var/folders/", "\\Temp\\", "\\tmp\\"];
    let name = base_name(path);
    let stem = name.strip_suffix(extension).unwrap_or(name);
    let is_made = stem.starts_with("tmp") && stem.len() >= 9 || has_digits(stem, 5);
    if is_made && TEMPORARY.iter().any(|part| path.contains(part)) {
        return "<temporary>";
    }
    stem
}

/// Whether so many digits follow each other.
fn has_digits(text: &str, many: usize) -> bool {
    let mut run = 0;
    text.bytes().any(|byte| {
        run = if byte.is_ascii_digit() { run + 1 } else { 0 };
        run >= many
    })
}

/// Whether `text` is a number as lines and columns are.
fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether `text` could name a type: `java.io.IOException`, `ValueError`, `app::Error`.
fn is_type_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '\\'))
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '$' | ':' | '\\'))
}

/// The type at the start of `Type: message`.
fn leading_type(line: &str) -> Option<String> {
    let name = line.split(": ").next().unwrap_or_default();
    let name = name.trim_end_matches(':').trim();
    is_type_name(name).then(|| name.to_owned())
}

/// All frames of a text, those of the root, and its type: what a reader is tested by.
#[cfg(test)]
fn check(text: &str, expected: &[(&str, bool)]) {
    let root = Stack::parse(text).root();
    let found: Vec<(String, bool)> = root.frames.iter().map(|f| (f.name(), f.in_app)).collect();
    let expected: Vec<(String, bool)> = expected
        .iter()
        .map(|(n, a)| ((*n).to_owned(), *a))
        .collect();
    assert_eq!(found, expected, "{text}");
}

/// Two texts of one failure, which differ in what says nothing of where it broke.
#[cfg(test)]
fn check_same(one: &str, other: &str) {
    let app = |text: &str| {
        let root = Stack::parse(text).root();
        let mut names: Vec<_> = root
            .frames
            .iter()
            .filter(|f| f.in_app)
            .map(StackFrame::name)
            .collect();
        names.dedup();
        assert!(!names.is_empty(), "{text}");
        names
    };
    assert_eq!(app(one), app(other), "{one}\n{other}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_stack_trace_has_no_frames() {
        for text in [
            "",
            "connection refused",
            "at the end of the day (finally)",
            "1: one\n2: two",
            "#1 of 3 (see below): ok",
            "mail ann@example.com:25:1 or not",
        ] {
            let root = Stack::parse(text).root();
            assert!(root.frames.iter().all(|f| !f.in_app), "{text}");
        }
    }

    #[test]
    fn a_recursion_counts_once() {
        let deep = "\tat app.Tree.walk(Tree.java:9)\n".repeat(500);
        check(
            &format!("java.lang.StackOverflowError\n{deep}"),
            &[("app.Tree.walk", true)],
        );
        assert_eq!(without_cycles("aabcabcabcd".chars()), ['a', 'b', 'c', 'd']);
        assert_eq!(without_cycles("xfgfgfgy".chars()), ['x', 'f', 'g', 'y']);
    }

    #[test]
    fn both_ends_of_a_long_text_are_read() {
        let frames = (0..100_000).map(|n| format!("  File \"/app/m.py\", line {n}, in f{n}"));
        let deep = frames.collect::<Vec<_>>().join("\n");
        let text = format!("Traceback (most recent call last):\n{deep}\nValueError: x\n");
        let root = Stack::parse(&text).root();
        assert_eq!(root.frames.len(), Stack::MOST_FRAMES);
        assert_eq!(root.frames[0].name(), "m.f99999");
        let endless = format!("   at {}", "é(".repeat(500_000));
        assert!(Stack::parse(&endless).root().frames.is_empty());
    }

    #[test]
    fn no_text_brings_a_reader_down() {
        for text in [
            "\u{1f525}",
            "at (",
            "@",
            ":in '",
            "#0 ",
            "0: ",
            "\tat .(.java)",
            "  File \"\", line , in ",
            "(::1:2)",
            "#0 /a(1): <>::\u{0}()",
            "   at <.>(){}",
            "x/<@:1:1",
        ] {
            Stack::parse(text).root();
            Stack::parse(&text.repeat(5_000)).root();
            Stack::parse(&format!("{text}\n").repeat(5_000)).root();
        }
    }
}
