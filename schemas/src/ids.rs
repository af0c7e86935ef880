use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Why a text is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Another length, or a character that is no hexadecimal digit.
    #[error("expected {0} hexadecimal digits")]
    NotHex(usize),
    /// W3C Trace Context forbids an id of zeros.
    #[error("an id of zeros means that there is none")]
    Zero,
    /// Not the id of a stored record.
    #[error("expected a record id such as 1a2b-3")]
    NotRecordId,
}

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// From its bytes; `None` if all are zero.
            pub fn from_bytes(bytes: [u8; $bytes]) -> Option<Self> {
                (bytes != [0; $bytes]).then_some(Self(bytes))
            }

            /// From a slice of the right length that is not all zeros.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().and_then(Self::from_bytes)
            }

            /// Its bytes, as they go over the wire.
            pub const fn bytes(self) -> [u8; $bytes] {
                self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let mut bytes = [0; $bytes];
                if text.len() != 2 * $bytes {
                    return Err(IdError::NotHex(2 * $bytes));
                }
                for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
                    let digit = |c: u8| char::from(c).to_digit(16).ok_or(IdError::NotHex(2 * $bytes));
                    *byte = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
                }
                Self::from_bytes(bytes).ok_or(IdError::Zero)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                let mut text = [0; 2 * $bytes];
                for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
                    pair[0] = DIGITS[usize::from(byte >> 4)];
                    pair[1] = DIGITS[usize::from(byte & 15)];
                }
                f.write_str(std::str::from_utf8(&text).expect("hexadecimal digits are ASCII"))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    };
}

hex_id!(
    /// Names one trace (W3C Trace Context). Never zero.
    TraceId,
    16
);
hex_id!(
    /// Names one span within a trace. Never zero.
    SpanId,
    8
);

/// The number of one batch in the write-ahead log. It only grows, by one for each batch, from 1.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct BatchSeq(pub u64);

impl BatchSeq {
    /// Before the first batch.
    pub const ZERO: Self = Self(0);

    /// The batch after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for BatchSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The place of a record in the write-ahead log: its batch and its index there. It never changes,
/// survives a restart and orders records by arrival, so it serves as id, tie-breaker and cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(u64);

impl RecordId {
    /// How many records a batch may hold.
    pub const MAX_BATCH: usize = 1 << Self::INDEX_BITS;
    const INDEX_BITS: u32 = 20;

    /// The record at `index` of `batch`.
    ///
    /// # Panics
    /// If `index` is not below [`Self::MAX_BATCH`].
    pub fn new(batch: BatchSeq, index: usize) -> Self {
        assert!(
            index < Self::MAX_BATCH,
            "a batch is split before it grows this large"
        );
        Self(batch.0 << Self::INDEX_BITS | index as u64)
    }

    /// The batch it came in.
    pub const fn batch(self) -> BatchSeq {
        BatchSeq(self.0 >> Self::INDEX_BITS)
    }

    /// Its index in the batch.
    pub const fn index(self) -> usize {
        (self.0 & ((1 << Self::INDEX_BITS) - 1)) as usize
    }

    /// As one number, for a column.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// From the number that [`Self::as_u64`] gave.
    pub const fn from_u64(number: u64) -> Self {
        Self(number)
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}", self.batch().0, self.index())
    }
}

impl FromStr for RecordId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let (batch, index) = text.split_once('-').ok_or(IdError::NotRecordId)?;
        let number = |digits| u64::from_str_radix(digits, 16).map_err(|_| IdError::NotRecordId);
        let (batch, index) = (number(batch)?, number(index)?);
        if index >= Self::MAX_BATCH as u64 || batch >> (64 - Self::INDEX_BITS) != 0 {
            return Err(IdError::NotRecordId);
        }
        Ok(Self::new(BatchSeq(batch), index as usize))
    }
}

impl Serialize for RecordId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RecordId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_survive_their_text() {
        let trace: TraceId = "4BF92f3577b34da6a3ce929d0e0e4736".parse().unwrap();
        assert_eq!(trace.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!("00".repeat(16).parse::<TraceId>(), Err(IdError::Zero));
        assert_eq!("4bf9".parse::<SpanId>(), Err(IdError::NotHex(16)));
        assert_eq!("é".repeat(8).parse::<SpanId>(), Err(IdError::NotHex(16)));

        let record = RecordId::new(BatchSeq(77), 5);
        assert_eq!(record.to_string().parse(), Ok(record));
        assert_eq!((record.batch(), record.index()), (BatchSeq(77), 5));
        assert_eq!("4d-fffff1".parse::<RecordId>(), Err(IdError::NotRecordId));
    }
}
