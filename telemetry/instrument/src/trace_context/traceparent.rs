use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId};

/// Level 2 of the standard: the trace id is random. It goes on as it came.
const RANDOM: TraceFlags = TraceFlags::new(0b10);

/// The caller said that its trace id is random. It lies in the context beside the span, since the
/// SDK forgets the flag where a span is not sampled.
#[derive(Debug, Clone, Copy)]
pub(super) struct IsRandom;

/// The flags that are known; what later versions add is not ours to hand on.
fn known_flags() -> TraceFlags {
    TraceFlags::SAMPLED | RANDOM
}

pub(super) fn is_random(flags: TraceFlags) -> bool {
    flags & RANDOM == RANDOM
}

/// The caller's ids and flags, of `version-traceid-spanid-flags`. A version above 0 may go on after
/// a hyphen; `ff` is none.
pub(super) fn parse(text: &str) -> Option<(TraceId, SpanId, TraceFlags)> {
    let (head, rest) = text.split_at_checked(55)?;
    let mut parts = head.split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let version = hex_byte(version)?;
    let ends_well = if version == 0 {
        rest.is_empty()
    } else {
        rest.is_empty() || rest.starts_with('-')
    };
    let is_hex = |part: &str, length| part.len() == length && part.bytes().all(is_digit);
    if version == 0xff || !ends_well || !is_hex(trace, 32) || !is_hex(span, 16) {
        return None;
    }
    let trace = TraceId::from_hex(trace)
        .ok()
        .filter(|id| *id != TraceId::INVALID)?;
    let span = SpanId::from_hex(span)
        .ok()
        .filter(|id| *id != SpanId::INVALID)?;
    Some((
        trace,
        span,
        TraceFlags::new(hex_byte(flags)?) & known_flags(),
    ))
}

/// The header's value, in version 0.
pub(super) fn write(span: &SpanContext, random: Option<&IsRandom>) -> String {
    let mut flags = span.trace_flags() & known_flags();
    if random.is_some() {
        flags = flags | RANDOM;
    }
    let flags = flags.to_u8();
    format!("00-{}-{}-{flags:02x}", span.trace_id(), span.span_id())
}

/// Two lower-case hexadecimal digits.
fn hex_byte(text: &str) -> Option<u8> {
    let digits = text.len() == 2 && text.bytes().all(is_digit);
    digits.then(|| u8::from_str_radix(text, 16).ok())?
}

fn is_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    fn check(text: &str, flags: Option<u8>) {
        let found = parse(text);
        assert_eq!(
            found.map(|(.., flags)| flags.to_u8()),
            flags,
            "parsing {text}"
        );
        if let Some((trace, span, _)) = found {
            assert_eq!(
                (trace.to_string().as_str(), span.to_string().as_str()),
                (TRACE, SPAN)
            );
        }
    }

    #[test]
    fn a_parent_is_read_by_the_letter_of_the_standard() {
        check(&format!("00-{TRACE}-{SPAN}-01"), Some(1));
        check(&format!("00-{TRACE}-{SPAN}-00"), Some(0));
        check(&format!("01-{TRACE}-{SPAN}-01"), Some(1));
        check(&format!("cc-{TRACE}-{SPAN}-01-what-comes-later"), Some(1));
        check(&format!("00-{TRACE}-{SPAN}-01-more"), None);
        check(&format!("00-{TRACE}-{SPAN}-01."), None);
        check(&format!("cc-{TRACE}-{SPAN}-01.more"), None);
        check(&format!("ff-{TRACE}-{SPAN}-01"), None);
        check(&format!("0-{TRACE}-{SPAN}-01"), None);
        check(&format!("000-{TRACE}-{SPAN}-01"), None);
        check(&format!(".0-{TRACE}-{SPAN}-01"), None);
        check(&format!("00-{}-{SPAN}-01", TRACE.to_uppercase()), None);
        check(&format!("00-{}-{SPAN}-01", "0".repeat(32)), None);
        check(&format!("00-{TRACE}-{}-01", "0".repeat(16)), None);
        check(&format!("00-{TRACE}0-{SPAN}-01"), None);
        check(&format!("00-{TRACE}-{}-01", &SPAN[1..]), None);
        check(&format!("00-{TRACE}-{SPAN}-0g"), None);
        check(&format!("00-{TRACE}-{SPAN}-1"), None);
        check(&format!("00-{TRACE}-{SPAN}-001"), None);
        check(&format!("00-{TRACE}{SPAN}-01-"), None);
        check("00-é", None);
        check("", None);
    }

    #[test]
    fn only_flags_that_are_known_go_on() {
        check(&format!("00-{TRACE}-{SPAN}-02"), Some(2));
        check(&format!("00-{TRACE}-{SPAN}-03"), Some(3));
        check(&format!("00-{TRACE}-{SPAN}-ff"), Some(3));
        check(&format!("cc-{TRACE}-{SPAN}-f4"), Some(0));
    }
}
