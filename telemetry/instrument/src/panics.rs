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
    Panic {
        stacktrace: format!(
            "panicked at {place}:\n{message}\n{}",
            Backtrace::force_capture()
        ),
        message,
    }
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
