/// What a `Range` header asks of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// All of it: there is no header, or one that we need not understand.
    Whole,
    /// From the first byte to the last, both within the content.
    Part { first: u64, last: u64 },
    /// Nothing that there is.
    Beyond,
}

/// Reads a header about a content of `size` bytes. Of several ranges in one none is answered alone,
/// so that the whole is.
pub(crate) fn read(header: Option<&str>, size: u64) -> Asked {
    let Some(spec) = header.and_then(|header| header.trim().strip_prefix("bytes=")) else {
        return Asked::Whole;
    };
    let Some((first, last)) = spec.split_once('-').filter(|_| !spec.contains(',')) else {
        return Asked::Whole;
    };
    match (End::read(first), End::read(last)) {
        (End::At(first), End::At(last)) if last < first => Asked::Whole,
        (End::At(first), End::At(_) | End::Open) if first >= size => Asked::Beyond,
        (End::At(first), End::At(last)) => Asked::Part {
            first,
            last: last.min(size - 1),
        },
        (End::At(first), End::Open) => Asked::Part {
            first,
            last: size - 1,
        },
        (End::Open, End::At(suffix)) if suffix.min(size) == 0 => Asked::Beyond,
        (End::Open, End::At(suffix)) => Asked::Part {
            first: size - suffix.min(size),
            last: size - 1,
        },
        _ => Asked::Whole,
    }
}

/// One side of the hyphen.
#[derive(Debug, Clone, Copy)]
enum End {
    At(u64),
    Open,
    Unreadable,
}

impl End {
    fn read(text: &str) -> Self {
        let text = text.trim();
        if text.is_empty() {
            Self::Open
        } else if text.bytes().all(|c| c.is_ascii_digit()) {
            // What is larger than any content is beyond it all the same.
            Self::At(text.parse().unwrap_or(u64::MAX))
        } else {
            Self::Unreadable
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, expected: Asked) {
        assert_eq!(read(Some(header), 10), expected, "{header}");
    }

    fn part(first: u64, last: u64) -> Asked {
        Asked::Part { first, last }
    }

    #[test]
    fn a_range_is_within_the_content_or_beyond_it() {
        check("bytes=0-0", part(0, 0));
        check("bytes=2-5", part(2, 5));
        check("bytes=7-", part(7, 9));
        check("bytes=7-99", part(7, 9));
        check("bytes=-3", part(7, 9));
        check("bytes=-99", part(0, 9));
        check("bytes=10-", Asked::Beyond);
        check("bytes=99999999999999999999999-", Asked::Beyond);
        check("bytes=-0", Asked::Beyond);
    }

    #[test]
    fn what_is_not_understood_is_answered_whole() {
        for header in [
            "lines=1-2",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=5-2",
            "bytes=0-1,3-4",
            "bytes=+1-2",
        ] {
            check(header, Asked::Whole);
        }
        assert_eq!(read(None, 10), Asked::Whole);
    }
}
