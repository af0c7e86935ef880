//! What a caller sends along with its context, to be handed on as it came.

use http::{HeaderMap, HeaderName, HeaderValue};

pub(super) const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
pub(super) const BAGGAGE: HeaderName = HeaderName::from_static("baggage");

/// How many members a `tracestate` may have.
const MOST_MEMBERS: usize = 32;
/// How long a key or a value may be.
const LONGEST: usize = 256;
/// The largest `baggage` that every hop must hand on; a larger one is dropped.
const MOST_BAGGAGE: usize = 8192;

/// The `tracestate` of a caller whose trace goes on, valid and otherwise as it came. It lies in the
/// context beside the span, since the SDK's own type takes fewer keys than the standard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct VendorState(HeaderValue);

impl VendorState {
    /// Several headers are one list. None where a member is not valid: a list is kept whole or not.
    pub(super) fn read(headers: &HeaderMap) -> Option<Self> {
        let mut members: Vec<&str> = Vec::new();
        for value in headers.get_all(TRACESTATE) {
            // Only ASCII is valid.
            let list = value.to_str().ok()?;
            let all = list
                .split(',')
                .map(|member| member.trim_matches([' ', '\t']));
            members.extend(all.filter(|member| !member.is_empty()));
        }
        let is_valid =
            (1..=MOST_MEMBERS).contains(&members.len()) && members.iter().all(|m| is_member(m));
        is_valid.then(|| HeaderValue::from_str(&members.join(",")).ok().map(Self))?
    }

    pub(super) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    pub(super) fn write(&self, headers: &mut HeaderMap) {
        headers.insert(TRACESTATE, self.0.clone());
    }
}

/// The caller's `baggage`, which is the application's and never read by us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Baggage(HeaderValue);

impl Baggage {
    pub(super) fn read(headers: &HeaderMap) -> Option<Self> {
        let mut lists = headers.get_all(BAGGAGE).iter();
        let first = lists.next()?;
        let mut whole = first.as_bytes().to_vec();
        for list in lists {
            whole.push(b',');
            whole.extend_from_slice(list.as_bytes());
        }
        let fits = !whole.is_empty() && whole.len() <= MOST_BAGGAGE;
        fits.then(|| HeaderValue::from_bytes(&whole).ok().map(Self))?
    }

    pub(super) fn write(&self, headers: &mut HeaderMap) {
        headers.insert(BAGGAGE, self.0.clone());
    }
}

fn is_member(member: &str) -> bool {
    member
        .split_once('=')
        .is_some_and(|(key, value)| is_key(key) && is_value(value))
}

/// As level 2 has it, which takes all keys of level 1.
fn is_key(key: &str) -> bool {
    let is_first = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let is_later = |b: u8| is_first(b) || matches!(b, b'_' | b'-' | b'*' | b'/' | b'@');
    key.len() <= LONGEST && key.bytes().next().is_some_and(is_first) && key.bytes().all(is_later)
}

/// Printable, without `,` and `=`, and not blank at its end.
fn is_value(value: &str) -> bool {
    let is_allowed = |b: u8| matches!(b, 0x20..=0x7e) && b != b',' && b != b'=';
    (1..=LONGEST).contains(&value.len()) && value.bytes().all(is_allowed) && !value.ends_with(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lists: &[&str], expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        for list in lists {
            headers.append(TRACESTATE, HeaderValue::from_str(list).unwrap());
        }
        let state = VendorState::read(&headers);
        assert_eq!(
            state.as_ref().map(VendorState::as_str),
            expected,
            "{lists:?}"
        );
    }

    #[test]
    fn lists_are_joined_and_blanks_around_members_go() {
        check(&["foo=1"], Some("foo=1"));
        check(
            &["foo=1,bar=2", "rojo=1", "baz=3"],
            Some("foo=1,bar=2,rojo=1,baz=3"),
        );
        check(
            &["foo=1 \t , \t bar=2, \t baz=3"],
            Some("foo=1,bar=2,baz=3"),
        );
        check(&["", "foo=1", ""], Some("foo=1"));
        check(&["foo=1,,bar=2"], Some("foo=1,bar=2"));
        check(&[], None);
        check(&[""], None);
        check(&["foo=1,foo=2"], Some("foo=1,foo=2"));
    }

    #[test]
    fn keys_and_values_are_those_of_the_standard() {
        let key = "abcxyz0129_-*/";
        let value: String = (' '..='~').filter(|c| !matches!(c, ',' | '=')).collect();
        let all = format!("{key}@a-z0-9_-*/={value}");
        check(&[&all], Some(&all));
        for kept in ["foo@=1,bar=2", "foo@@bar=1", "foo@bar@baz=1", "0a=1"] {
            check(&[kept], Some(kept));
        }
        for dropped in [
            "foo =1",
            "FOO=1",
            "foo.bar=1",
            "@foo=1,bar=2",
            "foo=bar=baz",
            "foo=,bar=3",
            "foo",
            "=1",
            "foo=a\tb",
        ] {
            check(&[dropped], None);
        }
        check(&["foo=é"], None);
    }

    #[test]
    fn members_and_lengths_are_bounded() {
        let key = "z".repeat(256);
        let longest = format!("{key}=1");
        check(&["foo=1", &longest], Some(&format!("foo=1,{longest}")));
        check(&["foo=1", &format!("{key}z=1")], None);
        check(&[&format!("foo={}", "v".repeat(257))], None);
        let list = |members: usize| {
            let all: Vec<String> = (0..members).map(|n| format!("bar{n}={n}")).collect();
            all.join(",")
        };
        check(&[&list(32)], Some(&list(32)));
        check(&[&list(33)], None);
    }

    #[test]
    fn baggage_goes_on_as_it_came_up_to_a_bound() {
        let mut headers = HeaderMap::new();
        assert_eq!(Baggage::read(&headers), None);
        headers.append(BAGGAGE, HeaderValue::from_static("tier=gold;ttl=1"));
        headers.append(BAGGAGE, HeaderValue::from_static("user=%C3%A9"));
        let mut out = HeaderMap::new();
        Baggage::read(&headers).unwrap().write(&mut out);
        assert_eq!(out[BAGGAGE], "tier=gold;ttl=1,user=%C3%A9");
        let large = "a=".to_owned() + &"x".repeat(MOST_BAGGAGE);
        headers.insert(BAGGAGE, HeaderValue::from_str(&large).unwrap());
        assert_eq!(Baggage::read(&headers), None);
    }
}
