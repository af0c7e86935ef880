//! Which exceptions are "the same": the fingerprint, version 1.
//!
//! The group is named by the service, the type and the frames of the application's own code; if
//! there are none, by all frames; if there is no stack, by the type and the message without what
//! varies in it. Lines, addresses, ids and build hashes never count. Of a chain of exceptions the
//! one that all began with counts, with the calls that led to it: a failure stays the same one when
//! something wraps it. An emitter may name the group itself.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use watchfire_schemas::{Attributes, Exception, ExceptionHashes};

use crate::message_template::message_template;
use crate::stack::{Stack, StackFrame, without_cycles};

/// Begins every hash, so that another version can never meet this one.
const VERSION: &str = "watchfire:v1";
/// What an emitter's own fingerprint says where it wants ours within it.
const DEFAULT: &str = "{{ default }}";

/// What an exception's group was named by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupedBy {
    /// What the emitter says.
    Client,
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
    /// The type that counted: that of the exception with which all began.
    pub root_type: String,
    /// The innermost frame of the application's own code, else the innermost one; may be empty.
    pub culprit: String,
    /// The calls that led to the exception with which all began, innermost first.
    pub frames: Vec<StackFrame>,
    /// The types of the chain, the one thrown last first, as far as the text says them.
    pub chain: Vec<String>,
    /// By what it may join others. The message is hashed only where there are no frames: see
    /// [`message_hash`]; the pattern is found elsewhere.
    pub hashes: ExceptionHashes,
}

impl Fingerprint {
    /// Whether a frame counted for the group's name.
    pub fn counts(&self, frame: &StackFrame) -> bool {
        match self.grouped_by {
            GroupedBy::AppFrames => frame.in_app,
            GroupedBy::AllFrames => true,
            GroupedBy::Client | GroupedBy::Message => false,
        }
    }
}

/// The group of an exception of `service`. `client` is what its emitter says, if anything.
pub fn fingerprint(service: &str, exception: &Exception, client: Option<&str>) -> Fingerprint {
    of_stack(
        service,
        exception,
        client,
        &Stack::parse(&exception.stacktrace),
    )
}

pub(crate) fn of_stack(
    service: &str,
    exception: &Exception,
    client: Option<&str>,
    stack: &Stack,
) -> Fingerprint {
    let root = stack.root();
    let kind = match root.kind {
        Some(kind) if root.is_wrapped => kind,
        _ => exception.kind.clone(),
    };
    let frames = root.frames;
    let of_frames = |part: &str, counted: Vec<&StackFrame>| {
        let mut hash = Parts::of(service, counted_type(&kind));
        hash.add(part);
        for frame in counted {
            hash.add(&frame.module);
            hash.add(&frame.function);
        }
        hash.hex()
    };
    // With the library frames between them gone, a recursion may show again.
    let own = without_cycles(frames.iter().filter(|frame| frame.in_app));
    let app = (!own.is_empty()).then(|| of_frames("frames", own));
    let system = (!frames.is_empty()).then(|| of_frames("system", frames.iter().collect()));
    let message = frames.is_empty().then(|| message_hash(service, exception));
    let (grouped_by, group) = match (&app, &message) {
        (Some(app), _) => (GroupedBy::AppFrames, app.clone()),
        (None, Some(message)) => (GroupedBy::Message, message.clone()),
        (None, None) => (
            GroupedBy::AllFrames,
            of_frames("frames", frames.iter().collect()),
        ),
    };
    let client = client.map(|said| client_hash(service, said, &group));
    let innermost = frames.iter().find(|frame| frame.in_app == app.is_some());
    Fingerprint {
        grouped_by: if client.is_some() {
            GroupedBy::Client
        } else {
            grouped_by
        },
        group: client.clone().unwrap_or(group),
        culprit: innermost.map(StackFrame::name).unwrap_or_default(),
        chain: stack.chain.kinds().map(str::to_owned).collect(),
        root_type: kind,
        frames,
        hashes: ExceptionHashes {
            client,
            app,
            system,
            message,
            pattern: None,
        },
    }
}

/// What the emitter says of the group in the attribute `exception.fingerprint`: a text, or several.
pub fn client_fingerprint(attributes: &Attributes) -> Option<String> {
    let said = match attributes.get("exception.fingerprint")? {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let parts = parts.iter().map(|part| match part {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            parts.collect::<Vec<_>>().join("\n")
        }
        _ => return None,
    };
    let is_own = said.trim().is_empty() || said.trim() == DEFAULT;
    (!is_own).then_some(said)
}

fn client_hash(service: &str, said: &str, group: &str) -> String {
    let mut hash = Parts::new(VERSION);
    hash.add(service);
    hash.add("client");
    hash.add(&said.replace(DEFAULT, group).replace("{{default}}", group));
    hash.hex()
}

/// The hash of an exception's type and message, without what varies in it.
pub fn message_hash(service: &str, exception: &Exception) -> String {
    let mut hash = Parts::of(service, simple_name(&exception.kind));
    hash.add("message");
    hash.add(&message_template(&exception.message));
    hash.hex()
}

/// The type that counts beside frames: those that only wrap another error, as Go's do, are one.
fn counted_type(kind: &str) -> &str {
    const WRAPPERS: [&str; 7] = [
        "*errors.errorString",
        "*errors.fundamental",
        "*errors.withStack",
        "*errors.withMessage",
        "*errors.joinError",
        "*fmt.wrapError",
        "*fmt.wrapErrors",
    ];
    if WRAPPERS.contains(&kind) {
        return "error";
    }
    simple_name(kind)
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

    /// Of an exception of a service.
    fn of(service: &str, kind: &str) -> Self {
        let mut parts = Self::new(VERSION);
        parts.add(service);
        parts.add(kind);
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
        fingerprint("shop", &exception(kind, message, stacktrace), None).group
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
            fingerprint("other", &exception("ValueError", "order 17", BASE), None).group,
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
        let print = fingerprint("shop", &exception("ValueError", "", BASE), None);
        assert_eq!(
            (print.culprit.as_str(), print.grouped_by),
            ("capture.charge", GroupedBy::AppFrames)
        );
        assert_eq!(
            fingerprint("shop", &exception("E", "m", ""), None).culprit,
            ""
        );
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
    fn a_wrapper_leaves_the_group_as_it_was() {
        let bare = group("ValueError", "order 17", BASE);
        let wrapped = BASE.replace(
            "  File \"/app/v1/main.py\", line 5, in run\n    go()\n  File",
            "  File \"/app/v1/main.py\", line 7, in run\n    go()\n  File",
        ) + "\nThe above exception was the direct cause of the following exception:\n\nTraceback (most recent call last):\n  File \"/app/v1/main.py\", line 9, in run\n    raise Failed() from error\nshop.Failed: order 17\n";
        assert_eq!(group("shop.Failed", "order 17", &wrapped), bare);
        let go = "main.site\n\t/app/main.go:12\nmain.main\n\t/app/main.go:20\n";
        assert_eq!(
            group("*errors.fundamental", "x", go),
            group("*errors.withStack", "y: x", go)
        );
    }

    #[test]
    fn another_view_of_what_is_a_library_leaves_one_hash() {
        let whole = |text: &str| {
            let print = fingerprint("shop", &exception("ValueError", "", text), None);
            (print.hashes.app, print.hashes.system)
        };
        let (app, system) = whole(BASE);
        let moved = BASE.replace("/app/v1/", "/usr/lib/python3/dist-packages/");
        assert!(app.is_some());
        assert_eq!(whole(&moved), (None, system));
    }

    #[test]
    fn an_emitter_may_name_the_group() {
        let said = |value: Value| {
            let attributes = [("exception.fingerprint".to_owned(), value)];
            client_fingerprint(&attributes.into_iter().collect())
        };
        let of = |said: Option<&str>, kind: &str| {
            fingerprint("shop", &exception(kind, "order 17", BASE), said).group
        };
        let own = of(None, "ValueError");
        assert_eq!(said("{{ default }}".into()), None);
        assert_eq!(said(17.into()), None);
        let named = said(serde_json::json!(["database", 7])).unwrap();
        assert_eq!(of(Some(&named), "ValueError"), of(Some(&named), "KeyError"));
        let within = said(serde_json::json!(["{{ default }}", "eu"])).unwrap();
        assert_ne!(
            of(Some(&within), "ValueError"),
            of(Some(&within), "KeyError")
        );
        assert_ne!(of(Some(&within), "ValueError"), own);
        let print = fingerprint("shop", &exception("E", "", BASE), Some("database"));
        assert_eq!(print.grouped_by, GroupedBy::Client);
        assert!(print.hashes.app.is_some());
    }

    #[test]
    fn version_one_stays_as_it_is() {
        // Groups have a state of their own: a change of this value would begin all of them anew.
        assert_eq!(group("ValueError", "order 17", BASE), "81fc483f9265264b");
    }
}
