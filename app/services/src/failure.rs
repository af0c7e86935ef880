use std::error::Error;
use std::fmt;

/// One step of the path that a failure took through our own code.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) function: &'static str,
    pub(crate) file: &'static str,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// The frame of the place where it is written. Such frames cost nothing, survive a stripped binary
/// and, unlike a captured backtrace, tell nothing of the runtime's own stack.
macro_rules! frame {
    ($function:literal) => {
        $crate::failure::Frame {
            function: concat!(module_path!(), "::", $function),
            file: file!(),
            line: line!(),
            column: column!(),
        }
    };
}
pub(crate) use frame;

/// An error whose kind has a name in the telemetry: `exception.type`.
pub(crate) trait Kind: Error + Send + Sync + 'static {
    fn kind(&self) -> &'static str;
}

/// An error on its way to where it is handled, with the frames it came through, innermost first.
#[derive(Debug)]
pub(crate) struct Failure(Box<Inner>);

#[derive(Debug)]
struct Inner {
    error: Box<dyn Kind>,
    frames: Vec<Frame>,
}

impl Failure {
    pub(crate) fn new(error: impl Kind, origin: Frame) -> Self {
        Self(Box::new(Inner {
            error: Box::new(error),
            frames: vec![origin],
        }))
    }

    /// Whether the error is an `E`.
    pub(crate) fn is<E: Kind>(&self) -> bool {
        let error: &dyn Error = &*self.0.error;
        error.is::<E>()
    }

    pub(crate) fn kind(&self) -> &'static str {
        self.0.error.kind()
    }

    /// The error and its causes in one line.
    pub(crate) fn message(&self) -> String {
        let causes = causes(&*self.0.error).map(ToString::to_string);
        let parts: Vec<String> = [self.0.error.to_string()]
            .into_iter()
            .chain(causes)
            .collect();
        parts.join(": ")
    }

    /// The error, its causes and its frames in the form of a Rust backtrace.
    pub(crate) fn stacktrace(&self) -> String {
        let mut lines = vec![format!("{}: {}", self.kind(), self.0.error)];
        lines.extend(causes(&*self.0.error).map(|cause| format!("Caused by: {cause}")));
        lines.push("stack backtrace:".to_owned());
        for (n, frame) in self.0.frames.iter().enumerate() {
            lines.push(format!("{n:4}: {}", frame.function));
            lines.push(format!("             at {frame}"));
        }
        lines.join("\n")
    }

    /// Writes it down as an ERROR record with `exception.*`. To be called once, where it is handled.
    pub(crate) fn report(&self, what: fmt::Arguments<'_>) {
        tracing::error!(
            "exception.type" = self.kind(),
            "exception.message" = self.message(),
            "exception.stacktrace" = self.stacktrace(),
            "{what}"
        );
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Adds frames on the way up.
pub(crate) trait Via {
    fn via(self, frame: Frame) -> Self;
}

impl<T> Via for Result<T, Failure> {
    fn via(self, frame: Frame) -> Self {
        self.map_err(|mut failure| {
            failure.0.frames.push(frame);
            failure
        })
    }
}

fn causes<'a>(error: &'a (dyn Kind + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the hour cannot be read")]
    struct Unreadable(#[source] std::num::ParseIntError);

    impl Kind for Unreadable {
        fn kind(&self) -> &'static str {
            "Unreadable"
        }
    }

    fn inner() -> Result<u8, Failure> {
        "9h".parse()
            .map_err(|error| Failure::new(Unreadable(error), frame!("inner")))
    }

    #[test]
    fn a_failure_tells_its_causes_and_its_way() {
        let failure = inner().via(frame!("outer")).unwrap_err();
        assert_eq!(
            failure.message(),
            "the hour cannot be read: invalid digit found in string"
        );
        let trace = failure.stacktrace();
        let lines: Vec<&str> = trace.lines().collect();
        assert_eq!(lines[0], "Unreadable: the hour cannot be read");
        assert_eq!(lines[1], "Caused by: invalid digit found in string");
        assert!(lines[3].ends_with("0: watchfire_services::failure::tests::inner"));
        assert!(lines[4].contains("at app/services/src/failure.rs:"));
        assert!(lines[5].ends_with("1: watchfire_services::failure::tests::outer"));
    }
}
