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
    let (head, rest) = text.as_bytes().split_at_checked(55)?;
    if [head[2], head[35], head[52]] != *b"---" {
        return None;
    }
    let [version] = from_hex(&head[..2])?;
    let ends_well = rest.is_empty() || (version > 0 && rest[0] == b'-');
    if version == 0xff || !ends_well {
        return None;
    }
    let trace = TraceId::from_bytes(from_hex(&head[3..35])?);
    let span = SpanId::from_bytes(from_hex(&head[36..52])?);
    let [flags] = from_hex(&head[53..])?;
    let is_valid = trace != TraceId::INVALID && span != SpanId::INVALID;
    is_valid.then(|| (trace, span, TraceFlags::new(flags) & known_flags()))
}

/// The header's value, in version 0.
pub(super) fn write(span: &SpanContext, random: Option<&IsRandom>) -> [u8; 55] {
    let mut flags = span.trace_flags() & known_flags();
    if random.is_some() {
        flags = flags | RANDOM;
    }
    let mut text = *b"00-................................-................-..";
    write_hex(&span.trace_id().to_bytes(), &mut text[3..35]);
    write_hex(&span.span_id().to_bytes(), &mut text[36..52]);
    write_hex(&[flags.to_u8()], &mut text[53..]);
    text
}

/// Two lower-case digits of each byte.
pub(super) fn write_hex(bytes: &[u8], digits: &mut [u8]) {
    for (byte, pair) in bytes.iter().zip(digits.chunks_exact_mut(2)) {
        pair[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
        pair[1] = b"0123456789abcdef"[usize::from(byte & 0x0f)];
    }
}

/// The bytes of as many pairs of lower-case digits.
fn from_hex<const BYTES: usize>(digits: &[u8]) -> Option<[u8; BYTES]> {
    let mut bytes = [0; BYTES];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
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
