use serde_json::Value;
use watchfire_schemas::Exception;

use super::given;
use crate::stack_text::{Runtime, ToldError, ToldFrame, stack_text};

/// The exception of an event: what was thrown last, and a stack trace with its causes.
pub(super) fn exception(event: &Value) -> Option<Exception> {
    let platform = given::text(event, "platform").unwrap_or_default();
    let runtime = Runtime::named(&platform);
    // The oldest first; so what was thrown last stands at the end.
    let mut chain: Vec<ToldError> = given::list(event, "exception")
        .map(|value| told(value, runtime))
        .collect();
    chain.reverse();
    let last = chain.first()?;
    let exception = Exception {
        kind: last.kind.clone(),
        message: last.message.clone(),
        stacktrace: stack_text(runtime, &chain),
    };
    (exception != Exception::default()).then_some(exception)
}

fn told(value: &Value, runtime: Runtime) -> ToldError {
    let kind = given::text(value, "type").unwrap_or_default();
    let module = given::text(value, "module").unwrap_or_default();
    let source = given::text_at(value, &["mechanism", "source"]);
    let stack = value.get("stacktrace").unwrap_or(&Value::Null);
    let mut frames: Vec<ToldFrame> = given::list(stack, "frames")
        .map(|one| frame(one, runtime))
        .collect();
    frames.reverse();
    ToldError {
        kind: full_name(&kind, &module, runtime),
        message: given::text(value, "value").unwrap_or_default(),
        frames,
        is_by_chance: source.is_some_and(|source| source == "__context__"),
    }
}

/// As OpenTelemetry's SDK of the language names the type.
fn full_name(kind: &str, module: &str, runtime: Runtime) -> String {
    let names_module = match runtime {
        Runtime::Python => !matches!(module, "" | "builtins" | "exceptions"),
        Runtime::Jvm => !module.is_empty(),
        _ => false,
    };
    if names_module && !kind.is_empty() {
        format!("{module}.{kind}")
    } else {
        kind.to_owned()
    }
}

fn frame(value: &Value, runtime: Runtime) -> ToldFrame {
    let whole = given::text(value, "abs_path");
    let short = given::text(value, "filename");
    // A stack trace of the JVM knows the file's name only.
    let file = match runtime {
        Runtime::Jvm => short.or(whole),
        _ => whole.or(short),
    };
    let number = |key| given::number(value, key).filter(|n| *n >= 0.0);
    let names_module = matches!(runtime, Runtime::Jvm | Runtime::Go | Runtime::DotNet);
    let module = given::text(value, "module").filter(|_| names_module);
    ToldFrame {
        function: given::text(value, "function").unwrap_or_default(),
        module: module.unwrap_or_default(),
        file: file.unwrap_or_default(),
        line: number("lineno").map(|n| n as u64),
        column: number("colno").map(|n| n as u64),
        code: given::text(value, "context_line").unwrap_or_default(),
    }
}
