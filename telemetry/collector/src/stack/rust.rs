use super::{Chain, StackFrame, is_number};

/// `std::backtrace::Backtrace` and the panic handler's own: innermost first.
pub(super) fn read(lines: &[&str]) -> Chain {
    let mut frames = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(function) = function_of(line) else {
            continue;
        };
        let file = lines
            .get(at + 1)
            .and_then(|next| next.trim_start().strip_prefix("at "));
        frames.push(frame(function, file.unwrap_or_default()));
    }
    Chain::single(frames)
}

/// `  12: app::capture::charge` or `  12:   0x55d0 - app::capture::charge`
fn function_of(line: &str) -> Option<&str> {
    let (number, rest) = line.trim_start().split_once(": ")?;
    if !is_number(number) {
        return None;
    }
    let rest = rest.trim();
    let function = match rest.strip_prefix("0x") {
        Some(addressed) => addressed.split_once(" - ")?.1,
        None => rest,
    };
    let named = function.contains("::") || RUNTIME.contains(&function);
    // A cause in words may be numbered too.
    let is_words = function.contains(' ') && !function.starts_with('<') && !function.contains('<');
    (named && !is_words).then_some(function)
}

fn frame(function: &str, file: &str) -> StackFrame {
    let path = stable_path(function);
    let (module, name) = path.rsplit_once("::").unwrap_or(("", &path));
    let first = path.split("::").next().unwrap_or_default();
    let library = [
        "/rustc/",
        ".cargo/registry",
        ".cargo/git",
        "/library/std/",
        "/library/core/",
    ];
    let in_app = !LIBRARIES.contains(&first)
        && !RUNTIME.contains(&path.as_str())
        && !library.iter().any(|part| file.contains(part));
    StackFrame::new(module, name, in_app)
}

/// Without generics, closures and the hash: `<app::A<T> as app::B>::c::{{closure}}::h0123456789abcdef` is `app::A::c`.
fn stable_path(function: &str) -> String {
    let mut plain = String::new();
    let mut depth = 0_usize;
    let mut of_trait = false;
    let own = function
        .strip_prefix('<')
        .map_or((function, false), |rest| (rest, true));
    let mut open_self = own.1;
    let mut before = ' ';
    for c in own.0.chars() {
        match c {
            // `[0123abcd]` is the hash of a crate.
            '<' | '[' => depth += 1,
            '>' if before == '-' => {}
            '>' | ']' if depth > 0 => depth -= 1,
            '>' if open_self => (open_self, of_trait) = (false, false),
            ' ' if open_self && depth == 0 => of_trait = true,
            _ if depth == 0 && !of_trait => plain.push(c),
            _ => {}
        }
        before = c;
    }
    let is_hash = |part: &str| {
        part.len() == 17
            && part.starts_with('h')
            && part[1..].bytes().all(|b| b.is_ascii_hexdigit())
    };
    let parts = plain
        .split("::")
        .filter(|part| !part.is_empty() && !part.starts_with('{') && !is_hash(part));
    parts.collect::<Vec<_>>().join("::")
}

const LIBRARIES: &[&str] = &[
    "std",
    "__rustc",
    "core",
    "alloc",
    "tokio",
    "tokio_util",
    "futures_util",
    "futures_core",
    "hyper",
    "hyper_util",
    "axum",
    "axum_core",
    "tower",
    "tower_http",
    "tonic",
    "tracing",
    "tracing_core",
    "tracing_subscriber",
    "backtrace",
    "test",
    "rayon",
    "rayon_core",
    "anyhow",
    "eyre",
    "color_eyre",
    "actix_rt",
    "actix_web",
    "serde",
    "serde_json",
    "reqwest",
    "sqlx",
    "sqlx_core",
    "diesel",
    "rustls",
    "tokio_rustls",
    "async_std",
    "smol",
    "log",
    "env_logger",
    "opentelemetry",
    "opentelemetry_sdk",
    "sentry",
    "sentry_core",
    "warp",
    "rocket",
    "crossbeam_utils",
    "parking_lot",
    "once_cell",
    "clap",
    "clap_builder",
    "regex",
    "chrono",
];
/// Symbols of the runtime without a path.
const RUNTIME: &[&str] = &[
    "rust_begin_unwind",
    "rust_panic",
    "main",
    "_start",
    "start_thread",
    "clone",
    "clone3",
    "__libc_start_main",
    "__libc_start_call_main",
    "__rust_try",
    "__rust_begin_short_backtrace",
];

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::stable_path;

    #[test]
    fn paths_lose_generics_closures_and_hashes() {
        for (function, expected) in [
            ("app::pay::charge::h0123456789abcdef", "app::pay::charge"),
            ("app::pay::charge::{{closure}}", "app::pay::charge"),
            ("<app::A<T> as app::B<U>>::c::{closure#0}", "app::A::c"),
            ("app::map<fn(u8) -> u8>::go", "app::map::go"),
            ("app[a1b2c3d4e5f60718]::pay::charge", "app::pay::charge"),
            (
                "<core::pin::Pin<P> as core::future::Future>::poll",
                "core::pin::Pin::poll",
            ),
        ] {
            assert_eq!(stable_path(function), expected);
        }
    }

    #[test]
    fn a_backtrace_is_read_with_its_places() {
        check(
            "   0: rust_begin_unwind\n             at /rustc/9fc6b431/library/std/src/panicking.rs:652:5\n   \
             1: core::panicking::panic_fmt\n   \
             1: order shop::17 failed\n   2: shop::capture::charge::{{closure}}\n             at ./src/capture.rs:31:9\n   \
             3:     0x55d0a1 - tokio::runtime::task::poll::h0123456789abcdef\n  \
             10: main\n",
            &[
                ("rust_begin_unwind", false),
                ("core::panicking.panic_fmt", false),
                ("shop::capture.charge", true),
                ("tokio::runtime::task.poll", false),
                ("main", false),
            ],
        );
    }

    #[test]
    fn places_alone_are_not_taken_for_another_language() {
        check(
            "stack backtrace:\n   0: shop::store::Store::count\n             at app/src/store.rs:142:62\n   1: shop::answer::list\n             at app/src/answer.rs:31:59\n",
            &[
                ("shop::store::Store.count", true),
                ("shop::answer.list", true),
            ],
        );
    }
}
