//! What the numbers of a chart count, and how they are written.

use crate::figures;

/// The unit of an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Unit {
    #[default]
    Number,
    PerSecond,
    Seconds,
    Bytes,
    BytesPerSecond,
    /// Of one.
    Ratio,
    /// Written behind the number as it is.
    Named(&'static str),
}

impl Unit {
    /// A value as it stands on an axis or in a legend.
    pub(crate) fn write(self, value: f64) -> String {
        if !value.is_finite() {
            return "–".to_owned();
        }
        match self {
            Self::Number => figures::short(value),
            Self::PerSecond => format!("{}/s", figures::short(value)),
            Self::Seconds => figures::duration(value),
            Self::Bytes => bytes(value),
            Self::BytesPerSecond => format!("{}/s", bytes(value)),
            Self::Ratio if value < 0.0 => format!("−{}", figures::percent(-value)),
            Self::Ratio => figures::percent(value),
            Self::Named(name) => format!("{}{name}", figures::short(value)),
        }
    }

    /// As the script of the console reads it: a kind, or after `=` what to put behind the number.
    pub(crate) fn for_script(self) -> String {
        match self {
            Self::Number => "number".to_owned(),
            Self::PerSecond => "=/s".to_owned(),
            Self::Seconds => "seconds".to_owned(),
            Self::Bytes => "bytes".to_owned(),
            Self::BytesPerSecond => "bytes/s".to_owned(),
            Self::Ratio => "ratio".to_owned(),
            Self::Named(name) => format!("={name}"),
        }
    }

    /// What round numbers are multiples of at this size.
    pub(super) fn base(self, size: f64) -> f64 {
        match self {
            Self::Bytes | Self::BytesPerSecond => {
                let mut base = 1.0;
                while size >= base * 1024.0 {
                    base *= 1024.0;
                }
                base
            }
            Self::Seconds if size >= 3600.0 => 3600.0,
            Self::Seconds if size >= 60.0 => 60.0,
            _ => 1.0,
        }
    }
}

fn bytes(value: f64) -> String {
    let sign = if value < 0.0 { "−" } else { "" };
    match value.abs() {
        size if size < 1.0 && size > 0.0 => format!("{sign}{} B", figures::short(size)),
        size => format!("{sign}{}", figures::bytes(size.round() as u64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_carry_their_unit() {
        let cases = [
            (Unit::Number, 12_345.0, "12.3k"),
            (Unit::PerSecond, 3.5, "3.5/s"),
            (Unit::Seconds, 0.25, "250 ms"),
            (Unit::Bytes, 1536.0, "1.5 KiB"),
            (Unit::Bytes, -2048.0, "−2.0 KiB"),
            (Unit::BytesPerSecond, 10.0, "10 B/s"),
            (Unit::Ratio, 0.034, "3.4 %"),
            (Unit::Ratio, -0.5, "−50 %"),
            (Unit::Named(" ms"), 4.0, "4 ms"),
            (Unit::Seconds, f64::NAN, "–"),
        ];
        for (unit, value, expected) in cases {
            assert_eq!(unit.write(value), expected, "{unit:?}");
        }
    }
}
