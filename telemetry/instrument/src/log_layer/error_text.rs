use std::error::Error;
use std::fmt::{self, Write as _};

use crate::panics;

/// The longest text kept of one value.
const LONGEST: usize = 64 << 10;

/// How many causes of an error are told.
const DEEPEST: usize = 16;

/// The best name of an error's type that a `dyn Error` gives away: what its `Debug` begins with.
pub(super) fn kind(error: &(dyn Error + 'static)) -> String {
    if let Some(error) = error.downcast_ref::<std::io::Error>() {
        return format!("std::io::Error::{:?}", error.kind());
    }
    let text = debug_text(&error);
    leading_name(&text).unwrap_or("Error").to_owned()
}

/// `Timeout` of `Timeout { after: 5s }` and of `Timeout(5)`, but nothing of `Timeout after 5 s`.
pub(super) fn leading_name(text: &str) -> Option<&str> {
    let end = text
        .find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':')
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let ends_like_a_name = rest.is_empty() || rest.starts_with('(') || rest.starts_with(" {");
    (ends_like_a_name && name.starts_with(|c: char| c.is_ascii_uppercase())).then_some(name)
}

/// What an error says, and its causes after it. A cause that the text before has already told is left out.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = guarded(|out| write!(out, "{error}"));
    let mut source = error.source();
    for _ in 0..DEEPEST {
        let Some(cause) = source else { break };
        let told = guarded(|out| write!(out, "{cause}"));
        if !text.ends_with(&told) {
            text.push_str(": ");
            text.push_str(&told);
        }
        source = cause.source();
    }
    text
}

pub(super) fn debug_text(value: &dyn fmt::Debug) -> String {
    guarded(|out| write!(out, "{value:?}"))
}

/// A value of the service's whose `Debug` or `Display` fails or panics must not take the service
/// with it.
fn guarded(show: impl FnOnce(&mut String) -> fmt::Result) -> String {
    let mut text = String::new();
    match panics::catching(|| show(&mut text)) {
        Ok(Ok(())) => {}
        Ok(Err(_)) => text.push_str("(cannot be shown)"),
        Err(panic) => {
            text.push_str("(panicked when shown: ");
            text.push_str(&panic.message);
            text.push(')');
        }
    }
    text
}

pub(super) fn shortened(mut text: String) -> String {
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Capture {
        #[error("capture of {order} failed")]
        Refused {
            order: u32,
            #[source]
            source: std::io::Error,
        },
    }

    #[test]
    fn an_error_gives_its_type_and_its_causes() {
        let source = std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer");
        assert_eq!(kind(&source), "std::io::Error::TimedOut");
        let error = Capture::Refused { order: 7, source };
        assert_eq!(kind(&error), "Refused");
        assert_eq!(chain(&error), "capture of 7 failed: no answer");
    }

    #[test]
    fn a_value_that_cannot_be_shown_harms_nobody() {
        struct Broken;
        impl fmt::Debug for Broken {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                Err(fmt::Error)
            }
        }
        struct Explosive;
        impl fmt::Debug for Explosive {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("half")?;
                panic!("boom")
            }
        }
        panics::hook();
        assert_eq!(debug_text(&Broken), "(cannot be shown)");
        assert_eq!(debug_text(&Explosive), "half(panicked when shown: boom)");
    }

    #[test]
    fn a_name_is_told_from_a_sentence() {
        let check = |text, expected| assert_eq!(leading_name(text), expected, "{text}");
        check("Timeout", Some("Timeout"));
        check("Timeout(5)", Some("Timeout"));
        check("Database { code: 5 }", Some("Database"));
        check("Timeout after 5 s", None);
        check("\"text\"", None);
        check("", None);
    }
}
