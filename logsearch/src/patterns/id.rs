use std::fmt;
use std::str::FromStr;

/// Names a pattern: made of the first line of it that was seen, so that the same line gives the
/// same id everywhere, and kept for good however its template widens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PatternId(u64);

/// So many bits are enough for millions of patterns, and short to write.
const BITS: u32 = 48;

impl PatternId {
    /// The pattern of all lines that came when no new pattern could be made.
    pub const OTHER: Self = Self(0);

    /// The id of a masked line. Must never change: ids are stored with records.
    pub(super) fn of(masked: &str) -> Self {
        // FNV-1a, and a last step that spreads its high bits.
        let hash = masked
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        let spread = (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        Self((spread >> (64 - BITS)).max(1))
    }

    /// The id to take if this one is taken.
    pub(super) fn next(self) -> Self {
        Self(((self.0 + 1) & ((1 << BITS) - 1)).max(1))
    }
}

impl fmt::Display for PatternId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012x}", self.0)
    }
}

/// The text is not a [`PatternId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 12 hexadecimal digits")]
pub struct NoPatternId;

impl FromStr for PatternId {
    type Err = NoPatternId;

    fn from_str(text: &str) -> Result<Self, NoPatternId> {
        let is_one = text.len() == 12
            && text
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !is_one {
            return Err(NoPatternId);
        }
        u64::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| NoPatternId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_what_they_always_were() {
        let check = |line: &str, expected: &str| {
            let id = PatternId::of(line);
            assert_eq!(id.to_string(), expected, "{line}");
            assert_eq!(expected.parse(), Ok(id));
        };
        check("", "fdbdf6acb278");
        check("order <num> shipped", "509d2e148c0d");
    }

    #[test]
    fn other_texts_are_no_ids() {
        for text in [
            "",
            "p1",
            "0123456789ab0",
            "0123456789AB",
            "+12345678901",
            "01234567890é",
        ] {
            assert_eq!(text.parse::<PatternId>(), Err(NoPatternId), "{text}");
        }
    }
}
