//! Names of labels that an address cannot hold as they are.

/// What such a name begins with.
const MARK: &str = "U__";

/// The name that an escaped one means: `__` is an underscore, `_1f525_` the character of that
/// number. A name without the mark, or with an escape that is none, means itself.
pub(super) fn unescaped(name: &str) -> String {
    let rest = name.strip_prefix(MARK);
    rest.and_then(read).unwrap_or_else(|| name.to_owned())
}

fn read(mut rest: &str) -> Option<String> {
    let mut meant = String::new();
    while let Some(at) = rest.find('_') {
        meant.push_str(&rest[..at]);
        let (number, after) = rest[at + 1..].split_once('_')?;
        meant.push(match number {
            "" => '_',
            number if number.len() <= 6 => char::from_u32(u32::from_str_radix(number, 16).ok()?)?,
            _ => return None,
        });
        rest = after;
    }
    meant.push_str(rest);
    Some(meant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_read_where_there_are_any() {
        let cases = [
            ("job", "job"),
            ("U__http_2e_status", "http.status"),
            ("U__a__b", "a_b"),
            ("U___1f525_", "🔥"),
            ("U__a_zz_", "U__a_zz_"),
            ("U__open_2e", "U__open_2e"),
        ];
        for (written, meant) in cases {
            assert_eq!(unescaped(written), meant, "{written}");
        }
    }
}
