use http::{HeaderName, HeaderValue};

/// `name=value,name=value`, values percent-encoded, as W3C Baggage writes them.
pub(super) fn header_list(text: &str) -> Option<Vec<(HeaderName, HeaderValue)>> {
    let pairs = text
        .split(',')
        .map(str::trim)
        .filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=')?;
            let mut value = HeaderValue::from_bytes(&percent_decoded(value.trim())).ok()?;
            value.set_sensitive(true);
            Some((name.trim().parse().ok()?, value))
        })
        .collect()
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = bytes[at..]
            .strip_prefix(b"%")
            .and_then(|rest| rest.get(..2));
        let digits = escape.and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            out.push(byte);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&[(&str, &str)]>) {
        let list = header_list(text);
        let read = list.as_ref().map(|list| {
            let pair = |(name, value): &(HeaderName, HeaderValue)| {
                (
                    name.to_string(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            };
            list.iter().map(pair).collect::<Vec<_>>()
        });
        let expected = expected.map(|pairs| {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            pairs.iter().map(owned).collect::<Vec<_>>()
        });
        assert_eq!(read, expected, "{text}");
    }

    #[test]
    fn a_list_of_headers_is_read() {
        check("", Some(&[]));
        check("a=1, B = 2,", Some(&[("a", "1"), ("b", "2")]));
        check(
            "authorization=Bearer%20x%3D%3d",
            Some(&[("authorization", "Bearer x==")]),
        );
        check(
            "a=100%, b=%zz, c=%4",
            Some(&[("a", "100%"), ("b", "%zz"), ("c", "%4")]),
        );
        check("a", None);
        check("a b=1", None);
        check("a=%0a", None);
    }
}
