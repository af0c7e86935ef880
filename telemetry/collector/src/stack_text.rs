//! Stack traces that come as a list of frames, written as the language that threw would print them.
//!
//! So there is one form of a stack trace here, which people know and which is parsed in one place.

use std::fmt::Write;

/// The frames of one trace that are written; those nearest to the throw.
const MOST_FRAMES: usize = 200;
/// How many exceptions of a chain are written.
const MOST_CAUSES: usize = 20;

/// Who prints the trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runtime {
    Python,
    Jvm,
    JavaScript,
    Go,
    Ruby,
    Php,
    DotNet,
    /// Rust, C and what else is compiled.
    Native,
}

/// One frame. What is not known is empty or `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ToldFrame {
    pub(crate) function: String,
    pub(crate) module: String,
    pub(crate) file: String,
    pub(crate) line: Option<u64>,
    pub(crate) column: Option<u64>,
    /// The line of code.
    pub(crate) code: String,
}

/// One exception of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ToldError {
    /// Its type, as the language names it in full.
    pub(crate) kind: String,
    pub(crate) message: String,
    /// The innermost first.
    pub(crate) frames: Vec<ToldFrame>,
    /// It was thrown while the next one of the chain was handled, not because of it.
    pub(crate) is_by_chance: bool,
}

impl Runtime {
    /// By the names that clients give to platforms and languages.
    pub(crate) fn named(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let is = |known: &[&str]| known.iter().any(|known| name.starts_with(known));
        match () {
            () if is(&["python"]) => Self::Python,
            () if is(&["javascript", "node", "typescript", "bun", "deno"]) => Self::JavaScript,
            () if is(&["java", "kotlin", "scala", "groovy", "clojure", "android"]) => Self::Jvm,
            () if is(&["go"]) => Self::Go,
            () if is(&["ruby", "jruby"]) => Self::Ruby,
            () if is(&["php"]) => Self::Php,
            () if is(&["csharp", "dotnet", ".net", "c#", "fsharp"]) => Self::DotNet,
            () => Self::Native,
        }
    }
}

/// The text of a chain: first what was thrown last, then what it was thrown because of. Empty if no
/// exception has frames.
pub(crate) fn stack_text(runtime: Runtime, chain: &[ToldError]) -> String {
    if chain.iter().all(|error| error.frames.is_empty()) {
        return String::new();
    }
    let chain = &chain[..chain.len().min(MOST_CAUSES)];
    let mut out = String::new();
    match runtime {
        Runtime::Python => python(&mut out, chain),
        Runtime::DotNet => dotnet(&mut out, chain),
        Runtime::Go => go(&mut out, chain),
        Runtime::Jvm => each(&mut out, chain, "Caused by: ", jvm),
        Runtime::JavaScript => each(&mut out, chain, "[cause]: ", javascript),
        Runtime::Ruby => each(&mut out, chain, "", ruby),
        Runtime::Php => each(&mut out, chain, "\nNext ", php),
        Runtime::Native => each(&mut out, chain, "Caused by: ", native),
    }
    out.truncate(out.trim_end().len());
    out
}

fn each(out: &mut String, chain: &[ToldError], link: &str, write: fn(&mut String, &ToldError)) {
    for (index, error) in chain.iter().enumerate() {
        if index > 0 {
            out.push_str(link);
        }
        write(out, error);
    }
}

/// Writing into a `String` does not fail.
macro_rules! put {
    ($out:expr, $($what:tt)*) => {
        write!($out, $($what)*).expect("a String takes what is written")
    };
}

/// The oldest exception first, of each the outermost frame first.
fn python(out: &mut String, chain: &[ToldError]) {
    for (index, error) in chain.iter().enumerate().rev() {
        out.push_str("Traceback (most recent call last):\n");
        for frame in kept(error).rev() {
            let (file, line) = (or_unknown(&frame.file), frame.line.unwrap_or(0));
            put!(
                out,
                "  File \"{file}\", line {line}, in {}\n",
                or_unknown(&frame.function)
            );
            if !frame.code.trim().is_empty() {
                put!(out, "    {}\n", frame.code.trim());
            }
        }
        out.push_str(&headline(error));
        out.push('\n');
        if let Some(next) = index.checked_sub(1) {
            out.push_str(if chain[next].is_by_chance {
                "\nDuring handling of the above exception, another exception occurred:\n\n"
            } else {
                "\nThe above exception was the direct cause of the following exception:\n\n"
            });
        }
    }
}

fn jvm(out: &mut String, error: &ToldError) {
    put!(out, "{}\n", headline(error));
    for frame in kept(error) {
        let place = match frame.line {
            Some(line) => format!("{}:{line}", or_unknown(&frame.file)),
            None if frame.file.is_empty() => "Unknown Source".to_owned(),
            None => frame.file.clone(),
        };
        put!(out, "\tat {}({place})\n", name(frame, "."));
    }
}

fn javascript(out: &mut String, error: &ToldError) {
    put!(out, "{}\n", headline(error));
    for frame in kept(error) {
        // A place there always has both numbers.
        let (line, column) = (frame.line.unwrap_or(1), frame.column.unwrap_or(1));
        let place = format!("{}:{line}:{column}", or_unknown(&frame.file));
        // Clients have a word for functions without a name, the runtime has none.
        if matches!(&*frame.function, "" | "?" | "<anonymous>") {
            put!(out, "    at {place}\n");
        } else {
            put!(out, "    at {} ({place})\n", frame.function);
        }
    }
}

/// One stack, as a goroutine has one: of the error that is nearest to the origin and has frames.
fn go(out: &mut String, chain: &[ToldError]) {
    for (index, error) in chain.iter().enumerate() {
        let start = if index == 0 {
            "panic: "
        } else {
            "\tcaused by: "
        };
        put!(out, "{start}{}\n", headline(error));
    }
    out.push_str("\ngoroutine 1 [running]:\n");
    let origin = chain.iter().rfind(|error| !error.frames.is_empty());
    for frame in origin.into_iter().flat_map(kept) {
        let line = frame.line.unwrap_or(0);
        let (name, file) = (name(frame, "."), or_unknown(&frame.file));
        put!(out, "{name}(...)\n\t{file}:{line}\n");
    }
}

fn ruby(out: &mut String, error: &ToldError) {
    for (index, frame) in kept(error).enumerate() {
        let (file, line) = (or_unknown(&frame.file), frame.line.unwrap_or(0));
        let start = if index == 0 { "" } else { "\tfrom " };
        put!(
            out,
            "{start}{file}:{line}:in '{}'",
            or_unknown(&frame.function)
        );
        if index == 0 {
            put!(out, ": {} ({})", error.message, error.kind);
        }
        out.push('\n');
    }
}

fn php(out: &mut String, error: &ToldError) {
    let innermost = error.frames.first().cloned().unwrap_or_default();
    let (file, line) = (or_unknown(&innermost.file), innermost.line.unwrap_or(0));
    put!(out, "{} in {file}:{line}\nStack trace:\n", headline(error));
    let mut count = 0;
    for (index, frame) in kept(error).enumerate() {
        let (file, line) = (or_unknown(&frame.file), frame.line.unwrap_or(0));
        put!(
            out,
            "#{index} {file}({line}): {}()\n",
            or_unknown(&frame.function)
        );
        count = index + 1;
    }
    put!(out, "#{count} {{main}}\n");
}

/// The causes stand within, before the frames of what they caused.
fn dotnet(out: &mut String, chain: &[ToldError]) {
    for (index, error) in chain.iter().enumerate() {
        out.push_str(if index == 0 { "" } else { "\n ---> " });
        out.push_str(&headline(error));
    }
    out.push('\n');
    for (index, error) in chain.iter().enumerate().rev() {
        for frame in kept(error) {
            put!(out, "   at {}()", name(frame, "."));
            if !frame.file.is_empty() {
                put!(out, " in {}:line {}", frame.file, frame.line.unwrap_or(0));
            }
            out.push('\n');
        }
        if index > 0 {
            out.push_str("   --- End of inner exception stack trace ---\n");
        }
    }
}

fn native(out: &mut String, error: &ToldError) {
    put!(out, "{}\nstack backtrace:\n", headline(error));
    for (index, frame) in kept(error).enumerate() {
        put!(out, "{index:4}: {}\n", name(frame, "::"));
        if !frame.file.is_empty() {
            put!(out, "             at {}\n", place(frame));
        }
    }
}

fn kept(error: &ToldError) -> impl DoubleEndedIterator<Item = &ToldFrame> {
    error.frames[..error.frames.len().min(MOST_FRAMES)].iter()
}

fn headline(error: &ToldError) -> String {
    match (error.kind.is_empty(), error.message.is_empty()) {
        (false, false) => format!("{}: {}", error.kind, error.message),
        (false, true) => error.kind.clone(),
        (true, _) => error.message.clone(),
    }
}

fn name(frame: &ToldFrame, joint: &str) -> String {
    let function = or_unknown(&frame.function);
    if frame.module.is_empty() {
        function.to_owned()
    } else {
        format!("{}{joint}{function}", frame.module)
    }
}

fn place(frame: &ToldFrame) -> String {
    let mut place = or_unknown(&frame.file).to_owned();
    for number in [frame.line, frame.column].into_iter().flatten() {
        put!(place, ":{number}");
    }
    place
}

fn or_unknown(text: &str) -> &str {
    if text.is_empty() { "<unknown>" } else { text }
}

#[cfg(test)]
mod tests;
