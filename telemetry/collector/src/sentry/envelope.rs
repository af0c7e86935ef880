use serde_json::Value;

/// Why nothing of an envelope can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct EnvelopeError(pub(crate) String);

/// A header in JSON and items with headers of their own, each on a line.
#[derive(Debug)]
pub(super) struct Envelope<'b> {
    pub(super) header: Value,
    pub(super) items: Vec<Item<'b>>,
}

#[derive(Debug)]
pub(super) struct Item<'b> {
    pub(super) kind: String,
    pub(super) payload: &'b [u8],
}

/// How many items one envelope may hold.
const MOST_ITEMS: usize = 1_000;

impl<'b> Envelope<'b> {
    pub(super) fn read(body: &'b [u8]) -> Result<Self, EnvelopeError> {
        let header = header(body)?;
        let (_, mut rest) = line(body);
        let mut items = Vec::new();
        while !rest.is_empty() {
            let (head, after) = line(rest);
            if head.trim_ascii().is_empty() {
                rest = after;
                continue;
            }
            let number = items.len() + 1;
            if number > MOST_ITEMS {
                return Err(EnvelopeError(format!(
                    "the envelope has more than {MOST_ITEMS} items"
                )));
            }
            let head = object(head, &format!("the header of item {number}"))?;
            let kind = head.get("type").and_then(Value::as_str);
            let kind = kind
                .ok_or_else(|| EnvelopeError(format!("the header of item {number} has no type")))?;
            let length = head.get("length").and_then(Value::as_u64);
            let (payload, after) = match length {
                Some(length) => sized(after, length, number)?,
                None => line(after),
            };
            items.push(Item {
                kind: kind.to_owned(),
                payload,
            });
            rest = after;
        }
        Ok(Self { header, items })
    }
}

/// The header of an envelope.
pub(super) fn header(body: &[u8]) -> Result<Value, EnvelopeError> {
    object(line(body).0, "the envelope's header")
}

fn object(text: &[u8], what: &str) -> Result<Value, EnvelopeError> {
    let value: Value = serde_json::from_slice(text)
        .map_err(|error| EnvelopeError(format!("{what} is not JSON: {error}")))?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(EnvelopeError(format!("{what} is no JSON object")))
    }
}

/// Up to the line feed, and what comes after it.
fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &[]),
    }
}

fn sized(bytes: &[u8], length: u64, number: usize) -> Result<(&[u8], &[u8]), EnvelopeError> {
    let parts = usize::try_from(length)
        .ok()
        .and_then(|length| bytes.split_at_checked(length));
    let (payload, after) = parts.ok_or_else(|| {
        EnvelopeError(format!(
            "item {number} says it has {length} bytes, and {} follow",
            bytes.len()
        ))
    })?;
    match after {
        [] => Ok((payload, after)),
        [b'\n', after @ ..] | [b'\r', b'\n', after @ ..] => Ok((payload, after)),
        _ => Err(EnvelopeError(format!(
            "item {number} is longer than the {length} bytes that it says"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: Result<&[(&str, &str)], &str>) {
        let found = Envelope::read(body.as_bytes());
        let found = found.map(|envelope| {
            let items = envelope.items.into_iter();
            let text = |item: Item<'_>| {
                let payload = String::from_utf8(item.payload.to_vec()).unwrap();
                (item.kind, payload)
            };
            items.map(text).collect::<Vec<_>>()
        });
        let expected = expected.map(|items| {
            let items = items.iter();
            items
                .map(|(kind, payload)| ((*kind).to_owned(), (*payload).to_owned()))
                .collect::<Vec<_>>()
        });
        assert_eq!(
            found.map_err(|e| e.0),
            expected.map_err(str::to_owned),
            "{body:?}"
        );
    }

    #[test]
    fn items_are_as_long_as_they_say_or_end_with_their_line() {
        check("{}", Ok(&[]));
        check(
            "{}\n{\"type\":\"event\"}\n{\"a\":1}\n",
            Ok(&[("event", "{\"a\":1}")]),
        );
        check(
            "{}\n{\"type\":\"attachment\",\"length\":3}\na\nb\n\n{\"type\":\"event\"}\n{}",
            Ok(&[("attachment", "a\nb"), ("event", "{}")]),
        );
        check(
            "{}\n{\"type\":\"session\",\"length\":0}\n\n",
            Ok(&[("session", "")]),
        );
    }

    #[test]
    fn what_cannot_be_read_says_where() {
        check(
            "",
            Err("the envelope's header is not JSON: EOF while parsing a value at line 1 column 0"),
        );
        check("[]", Err("the envelope's header is no JSON object"));
        check("{}\n{}\n{}", Err("the header of item 1 has no type"));
        check(
            "{}\n{\"type\":\"event\",\"length\":99}\n{}",
            Err("item 1 says it has 99 bytes, and 2 follow"),
        );
        check(
            "{}\n{\"type\":\"event\",\"length\":1}\n{}",
            Err("item 1 is longer than the 1 bytes that it says"),
        );
    }
}
