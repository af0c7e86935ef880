//! Which exceptions are "the same": the fingerprint, version 1.
//!
//! The group is named by the service, the type (with the types of its causes) and the frames of
//! the application's own code; if there are none, by all frames; if there is no stack, by the type
//! and the message without what varies in it. Lines, addresses, ids and build hashes never count.

use serde::Serialize;
use sha2::{Digest, Sha256};
use watchfire_schemas::Exception;

use crate::message_template::message_template;
use crate::stack::{Stack, StackFrame};

/// What an exception's group was named by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupedBy {
    /// The frames of the application's own code.
    AppFrames,
    /// All frames, as none is the application's own.
    AllFrames,
    /// The message, as there is no stack.
    Message,
}

/// An exception's group, and how it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fingerprint {
    /// 16 hexadecimal digits.
    pub group: String,
    /// What it was named by.
    pub grouped_by: GroupedBy,
    /// The innermost frame of the application's own code, else the innermost one; may be empty.
    pub culprit: String,
    /// All frames, the deepest cause first, within each the innermost first.
    pub frames: Vec<StackFrame>,
}

/// The group of an exception of `service`.
pub fn fingerprint(service: &str, exception: &Exception) -> Fingerprint {
    let stack = Stack::parse(&exception.stacktrace);
    let has_app_frames = stack.frames.iter().any(|frame| frame.in_app);
    let grouped_by = match (stack.frames.is_empty(), has_app_frames) {
        (true, _) => GroupedBy::Message,
        (_, true) => GroupedBy::AppFrames,
        (_, false) => GroupedBy::AllFrames,
    };
    let mut hash = Parts::new("watchfire:v1");
    hash.add(service);
    hash.add(simple_name(&exception.kind));
    if grouped_by == GroupedBy::Message {
        hash.add("message");
        hash.add(&message_template(&exception.message));
    } else {
        hash.add("frames");
        stack.causes.iter().for_each(|cause| hash.add(cause));
        let counted = stack
            .frames
            .iter()
            .filter(|frame| frame.in_app || !has_app_frames);
        let mut before = None;
        for frame in counted {
            // With the library frames between them gone, a recursion may show again.
            if before.replace(frame) != Some(frame) {
                hash.add(&frame.module);
                hash.add(&frame.function);
            }
        }
    }
    let innermost = stack
        .frames
        .iter()
        .find(|frame| frame.in_app == has_app_frames);
    Fingerprint {
        group: hash.hex(),
        grouped_by,
        culprit: innermost.map(StackFrame::name).unwrap_or_default(),
        frames: stack.frames,
    }
}

/// A type without its module: Python's SDK names the module in a span event and leaves it out in a
/// log record, and both tell of one exception.
pub(crate) fn simple_name(kind: &str) -> &str {
    let generic = kind.find('<').unwrap_or(kind.len());
    let start = kind[..generic]
        .rfind(['.', ':', '\\'])
        .map_or(0, |at| at + 1);
    &kind[start..]
}

/// A hash of a list of texts, in which no two lists meet by accident of their borders.
pub(crate) struct Parts(Sha256);

impl Parts {
    pub(crate) fn new(domain: &str) -> Self {
        let mut parts = Self(Sha256::new());
        parts.add(domain);
        parts
    }

    pub(crate) fn add(&mut self, part: &str) {
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part.as_bytes());
    }

    pub(crate) fn number(self) -> u64 {
        let digest = self.0.finalize();
        u64::from_be_bytes(digest[..8].try_into().expect("a digest has 32 bytes"))
    }

    fn hex(self) -> String {
        format!("{:016x}", self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exception(kind: &str, message: &str, stacktrace: &str) -> Exception {
        Exception {
            kind: kind.to_owned(),
            message: message.to_owned(),
            stacktrace: stacktrace.to_owned(),
        }
    }

    fn group(kind: &str, message: &str, stacktrace: &str) -> String {
        fingerprint("shop", &exception(kind, message, stacktrace)).group
    }

    const BASE: &str = "Traceback (most recent call last):\n  File \"/app/v1/main.py\", line 5, in run\n    go()\n  File \"/app/v1/capture.py\", line 12, in charge\n    send()\nValueError: order 17\n";

    #[test]
    fn what_varies_between_occurrences_does_not_split_a_group() {
        let base = group("ValueError", "order 17", BASE);
        let moved = BASE
            .replace("line 12", "line 99")
            .replace("/app/v1", "/srv/releases/7/app");
        assert_eq!(group("ValueError", "order 4711", &moved), base);
        let framework = BASE.replace(
            "  File \"/app/v1/capture.py\"",
            "  File \"/usr/lib/python3/site-packages/lib.py\", line 3, in call\n    f()\n  File \"/app/v1/capture.py\"",
        );
        assert_eq!(group("ValueError", "order 17", &framework), base);
    }

    #[test]
    fn what_tells_bugs_apart_splits_groups() {
        let base = group("ValueError", "order 17", BASE);
        assert_ne!(group("KeyError", "order 17", BASE), base);
        assert_ne!(
            group("ValueError", "order 17", &BASE.replace("charge", "refund")),
            base
        );
        assert_ne!(
            fingerprint("other", &exception("ValueError", "order 17", BASE)).group,
            base
        );
        assert_ne!(
            group("E", "no such table", ""),
            group("E", "disk is full", "")
        );
    }

    #[test]
    fn without_a_stack_the_message_counts_without_its_ids() {
        assert_eq!(
            group(
                "Timeout",
                "order 17 of user a1b2c3d4-0000-4000-8000-000000000000 after 31.5ms",
                ""
            ),
            group(
                "Timeout",
                "order 99 of user ffffffff-0000-4000-8000-000000000001 after 7ms",
                ""
            )
        );
    }

    #[test]
    fn the_culprit_is_the_innermost_app_frame() {
        let print = fingerprint("shop", &exception("ValueError", "", BASE));
        assert_eq!(
            (print.culprit.as_str(), print.grouped_by),
            ("capture.charge", GroupedBy::AppFrames)
        );
        assert_eq!(fingerprint("shop", &exception("E", "m", "")).culprit, "");
    }

    #[test]
    fn the_module_of_a_type_does_not_count() {
        let check = |kind, simple| assert_eq!(simple_name(kind), simple);
        check("ValueError", "ValueError");
        check("__main__.BookingRefused", "BookingRefused");
        check("shop::pay::Refused<io::Error>", "Refused<io::Error>");
        check("App\\Pay\\Refused", "Refused");
        check("odd.", "");
        check("", "");
    }

    #[test]
    fn version_one_stays_as_it_is() {
        // Groups have a state of their own: a change of this value would begin all of them anew.
        assert_eq!(group("ValueError", "order 17", BASE), "81fc483f9265264b");
    }
}
