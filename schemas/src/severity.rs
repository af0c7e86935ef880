use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The severity number of OpenTelemetry: 1 (TRACE) to 24 (FATAL4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeverityNumber(u8);

/// A text that names no severity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected one of TRACE, DEBUG, INFO, WARN, ERROR, FATAL")]
pub struct SeverityError;

/// The six named ranges of severity numbers, as a log line writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum SeverityRange {
    /// 1 to 4.
    Trace,
    /// 5 to 8.
    Debug,
    /// 9 to 12.
    Info,
    /// 13 to 16.
    Warn,
    /// 17 to 20.
    Error,
    /// 21 to 24.
    Fatal,
}

impl SeverityNumber {
    /// TRACE.
    pub const TRACE: Self = Self(1);
    /// DEBUG.
    pub const DEBUG: Self = Self(5);
    /// INFO.
    pub const INFO: Self = Self(9);
    /// WARN.
    pub const WARN: Self = Self(13);
    /// ERROR.
    pub const ERROR: Self = Self(17);
    /// FATAL.
    pub const FATAL: Self = Self(21);

    /// From OpenTelemetry's number; `None` if it is not within 1 to 24.
    pub fn new(number: i64) -> Option<Self> {
        (1..=24).contains(&number).then_some(Self(number as u8))
    }

    /// OpenTelemetry's number.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The named range that it falls in.
    pub const fn range(self) -> SeverityRange {
        match self.0 {
            0..=4 => SeverityRange::Trace,
            5..=8 => SeverityRange::Debug,
            9..=12 => SeverityRange::Info,
            13..=16 => SeverityRange::Warn,
            17..=20 => SeverityRange::Error,
            _ => SeverityRange::Fatal,
        }
    }

    /// The name of its range: `ERROR`.
    pub const fn as_str(self) -> &'static str {
        self.range().as_str()
    }
}

impl SeverityRange {
    /// All of them, mildest first.
    pub const ALL: [Self; 6] = [
        Self::Trace,
        Self::Debug,
        Self::Info,
        Self::Warn,
        Self::Error,
        Self::Fatal,
    ];

    /// Its name, as a log line writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }

    /// The lowest number of the range.
    pub const fn number(self) -> SeverityNumber {
        SeverityNumber(self as u8 * 4 + 1)
    }
}

impl FromStr for SeverityRange {
    type Err = SeverityError;

    /// Exactly the names of the contract, in upper case.
    fn from_str(text: &str) -> Result<Self, SeverityError> {
        Self::ALL
            .into_iter()
            .find(|range| range.as_str() == text)
            .ok_or(SeverityError)
    }
}

impl fmt::Display for SeverityRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The severity of an alert or incident: exactly PagerDuty's four.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertSeverity {
    /// Worth knowing.
    Info,
    /// Worth a look in working hours.
    Warning,
    /// Users notice.
    Error,
    /// Users cannot do what they came for.
    Critical,
}

impl AlertSeverity {
    /// Its name, as PagerDuty spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for AlertSeverity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for AlertSeverity {
    type Err = SeverityError;

    /// PagerDuty's names, and the `page`, `ticket` and `none` that rule files often carry.
    fn from_str(text: &str) -> Result<Self, SeverityError> {
        match text.to_ascii_lowercase().as_str() {
            "critical" | "page" => Ok(Self::Critical),
            "error" => Ok(Self::Error),
            "warning" | "ticket" => Ok(Self::Warning),
            "info" | "none" => Ok(Self::Info),
            _ => Err(SeverityError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_fall_in_their_ranges() {
        for range in SeverityRange::ALL {
            assert_eq!(range.number().range(), range);
            assert_eq!(range.as_str().parse(), Ok(range));
        }
        assert_eq!(
            SeverityNumber::new(24).map(SeverityNumber::range),
            Some(SeverityRange::Fatal)
        );
        assert_eq!(SeverityNumber::new(0), None);
        assert_eq!("error".parse::<SeverityRange>(), Err(SeverityError));
    }
}
