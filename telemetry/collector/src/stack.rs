//! Stack traces as text, read into frames: one small reader for each language.

mod dotnet;
mod go;
mod java;
mod javascript;
mod python;
mod ruby;
mod rust;

use serde::Serialize;

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

/// A stack trace: the deepest cause first, within each the innermost frame first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Stack {
    pub(crate) frames: Vec<StackFrame>,
    /// The types of the exceptions that led to the last one.
    pub(crate) causes: Vec<String>,
}

impl Stack {
    /// Deeper frames than this say where the program began, not where it broke.
    const MOST_FRAMES: usize = 50;
    /// What is read of a text; the crash end of every language is within it.
    const MOST_LINES: usize = 2_000;

    /// Reads a stack trace of any language known here; no frames if it is of none. The language is
    /// the one in whose form most lines are.
    pub(crate) fn parse(text: &str) -> Self {
        let lines: Vec<&str> = text.lines().take(Self::MOST_LINES).collect();
        let readers: [fn(&[&str]) -> Self; 7] = [
            python::read,
            java::read,
            javascript::read,
            go::read,
            rust::read,
            ruby::read,
            dotnet::read,
        ];
        let mut best = Self::default();
        for read in readers {
            let stack = read(&lines);
            if stack.frames.len() > best.frames.len() {
                best = stack;
            }
        }
        best.tidied()
    }

    /// Without repeats: a recursion counts once, however deep it went.
    fn tidied(mut self) -> Self {
        self.frames.dedup();
        self.frames.truncate(Self::MOST_FRAMES);
        self
    }

    /// The stack of several exceptions, the deepest cause first.
    fn of_sections(sections: impl IntoIterator<Item = Section>) -> Self {
        let mut stack = Self::default();
        for section in sections {
            stack.frames.extend(section.frames);
            stack.causes.extend(section.cause);
        }
        stack
    }
}

/// The frames of one exception of a chain, innermost first.
#[derive(Debug, Default)]
struct Section {
    frames: Vec<StackFrame>,
    /// Its type, if it is not the last of the chain.
    cause: Option<String>,
}

/// A path's last component, without a query.
fn base_name(path: &str) -> &str {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    path.rsplit(['/', '\\']).next().unwrap_or_default()
}

/// Whether `text` could name a type: `java.io.IOException`, `ValueError`, `app::Error`.
fn is_type_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '$' | ':'))
}

/// The type at the start of `Type: message`.
fn leading_type(line: &str) -> Option<String> {
    let name = line.split(": ").next().unwrap_or_default();
    let name = name.trim_end_matches(':').trim();
    is_type_name(name).then(|| name.to_owned())
}

#[cfg(test)]
fn check(text: &str, expected: &[(&str, bool)]) {
    let stack = Stack::parse(text);
    let found: Vec<(String, bool)> = stack.frames.iter().map(|f| (f.name(), f.in_app)).collect();
    let expected: Vec<(String, bool)> = expected
        .iter()
        .map(|(n, a)| ((*n).to_owned(), *a))
        .collect();
    assert_eq!(found, expected, "{text}");
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
        ] {
            assert!(
                Stack::parse(text).frames.iter().all(|f| !f.in_app),
                "{text}"
            );
        }
    }

    #[test]
    fn a_recursion_counts_once() {
        let deep = "\tat app.Tree.walk(Tree.java:9)\n".repeat(500);
        check(
            &format!("java.lang.StackOverflowError\n{deep}"),
            &[("app.Tree.walk", true)],
        );
    }
}
