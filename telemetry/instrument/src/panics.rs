use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::panic::{self, PanicHookInfo};
use std::sync::Once;

/// A panic, as it is told in a record.
#[derive(Debug, Clone)]
pub(crate) struct Panic {
    pub(crate) message: String,
    pub(crate) stacktrace: String,
}

thread_local! {
    /// How many [`catching`] calls are running on this thread.
    static CATCHING: Cell<u32> = const { Cell::new(0) };
    /// The panic that the innermost of them will tell of.
    static CAUGHT: RefCell<Option<Panic>> = const { RefCell::new(None) };
}

/// Hooks panics, once for the process. One that [`catching`] will tell of is kept for it; any
/// other becomes an exception record of the subscriber in force, then goes to the hook before.
pub(crate) fn hook() {
    static HOOKED: Once = Once::new();
    HOOKED.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let told = describe(info);
            if CATCHING.with(Cell::get) > 0 {
                CAUGHT.with(|caught| *caught.borrow_mut() = Some(told));
                return;
            }
            tell(&told);
            previous(info);
        }));
    });
}

/// Runs `work`; a panic in it is returned with its stack trace, if [`hook`] was called before.
pub(crate) fn catching<T>(work: impl FnOnce() -> T) -> Result<T, Panic> {
    CATCHING.with(|depth| depth.set(depth.get() + 1));
    let result = panic::catch_unwind(panic::AssertUnwindSafe(work));
    CATCHING.with(|depth| depth.set(depth.get() - 1));
    result.map_err(|payload| {
        let caught = CAUGHT.with(|caught| caught.borrow_mut().take());
        caught.unwrap_or_else(|| Panic {
            message: message_of(&*payload),
            stacktrace: String::new(),
        })
    })
}

fn describe(info: &PanicHookInfo<'_>) -> Panic {
    let message = message_of(info.payload());
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let backtrace = Backtrace::force_capture().to_string();
    Panic {
        stacktrace: format!(
            "panicked at {place}:\n{message}\n{}",
            below_the_hook(&backtrace)
        ),
        message,
    }
}

/// The frames of the code that panicked: those above it are the runtime's and our own.
fn below_the_hook(backtrace: &str) -> &str {
    const MACHINERY: [&str; 3] = ["core::panicking::", "std::panicking::", "rust_begin_unwind"];
    let is_frame = |line: &str| {
        let number = line.trim_start().split(':').next().unwrap_or_default();
        !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
    };
    let mut at = 0;
    let mut start = 0;
    let mut is_machinery = false;
    for line in backtrace.split_inclusive('\n') {
        if is_frame(line) {
            if is_machinery {
                start = at;
            }
            is_machinery = MACHINERY.iter().any(|name| line.contains(name));
        }
        at += line.len();
        // The panic's own frames are the innermost; one further out is a catcher.
        if start > 0 && !is_machinery {
            break;
        }
    }
    &backtrace[start..]
}

fn message_of(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a text").to_owned()
}

/// A panic of the main thread ends the process.
fn tell(told: &Panic) {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("unnamed");
    let severity = if name == "main" { "FATAL" } else { "ERROR" };
    tracing::error!(
        severity,
        "exception.type" = "panic",
        "exception.message" = told.message,
        "exception.stacktrace" = told.stacktrace,
        thread.name = name,
        "thread {name} panicked: {}",
        told.message
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caught_panic_is_told_from_where_it_began() {
        hook();
        let panic = catching(|| -> u8 { panic!("the {} is empty", "shelf") }).unwrap_err();
        assert_eq!(panic.message, "the shelf is empty");
        let mut lines = panic.stacktrace.lines();
        assert!(
            lines
                .next()
                .is_some_and(|place| place.contains("panics.rs"))
        );
        assert_eq!(lines.next(), Some("the shelf is empty"));
        let innermost = lines.next().unwrap_or_default();
        assert!(
            innermost.contains("a_caught_panic_is_told"),
            "{}",
            panic.stacktrace
        );
    }

    #[test]
    fn the_frames_of_the_panic_itself_are_left_out() {
        let backtrace = "   0: hook\n             at a.rs:1\n   1: __rustc::rust_begin_unwind\n   2: core::panicking::panic_fmt\n   3: shop::capture\n             at b.rs:7\n   4: std::panicking::catch_unwind\n   5: main\n";
        assert!(below_the_hook(backtrace).starts_with("   3: shop::capture\n"));
        assert_eq!(below_the_hook("   0: main\n"), "   0: main\n");
        assert_eq!(below_the_hook("disabled"), "disabled");
    }
}
