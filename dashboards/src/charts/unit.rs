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

    /// The labels of ticks `step` apart, all in the unit that fits the greatest, as fine as it takes
    /// to tell them apart.
    pub(super) fn ticks(self, values: &[f64], step: f64) -> Vec<String> {
        let most = values
            .iter()
            .fold(0.0_f64, |most, value| most.max(value.abs()));
        let Some((factor, name)) = self.scaled(most) else {
            return values.iter().map(|value| self.write(*value)).collect();
        };
        // 0.25 takes two places, 0.2 one.
        let places = (0..9).find(|places| {
            let shifted = step * factor * 10_f64.powi(*places);
            (shifted - shifted.round()).abs() < 1e-6 * shifted.abs() && shifted.round() >= 1.0
        });
        let places = places.unwrap_or(2) as usize;
        let text = |value: &f64| match value * factor {
            0.0 => format!("0{}", if name.starts_with('/') { "" } else { name }),
            value => format!("{value:.places$}{name}"),
        };
        values.iter().map(text).collect()
    }

    /// By what numbers of this size are multiplied, and what is written behind them.
    fn scaled(self, most: f64) -> Option<(f64, &'static str)> {
        const BYTES: [&str; 5] = [" B", " KiB", " MiB", " GiB", " TiB"];
        const BYTES_PER_SECOND: [&str; 5] = [" B/s", " KiB/s", " MiB/s", " GiB/s", " TiB/s"];
        let power = (most.max(1.0).log2() / 10.0).floor().clamp(0.0, 4.0);
        let bytes = |names: [&'static str; 5]| (1024_f64.powf(-power), names[power as usize]);
        Some(match self {
            Self::Number | Self::PerSecond | Self::Named(_)
                if !(1e-4..10_000.0).contains(&most) =>
            {
                return None;
            }
            Self::Number => (1.0, ""),
            Self::PerSecond => (1.0, "/s"),
            Self::Named(name) => (1.0, name),
            Self::Ratio => (100.0, " %"),
            Self::Bytes => bytes(BYTES),
            Self::BytesPerSecond => bytes(BYTES_PER_SECOND),
            Self::Seconds if most >= 120.0 => return None,
            Self::Seconds if most >= 1.0 => (1.0, " s"),
            Self::Seconds if most >= 1e-3 => (1e3, " ms"),
            Self::Seconds => (1e6, " µs"),
        })
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
    fn ticks_can_be_told_apart() {
        let check = |unit: Unit, values: &[f64], step, expected: &[&str]| {
            assert_eq!(unit.ticks(values, step), expected);
        };
        check(
            Unit::Seconds,
            &[0.0049, 0.00495, 0.005],
            0.000_05,
            &["4.90 ms", "4.95 ms", "5.00 ms"],
        );
        check(
            Unit::Seconds,
            &[0.0, 0.5, 1.0],
            0.5,
            &["0 s", "0.5 s", "1.0 s"],
        );
        check(
            Unit::Ratio,
            &[0.0, 0.025, 0.05],
            0.025,
            &["0 %", "2.5 %", "5.0 %"],
        );
        check(
            Unit::PerSecond,
            &[0.0, 10.0, 20.0],
            10.0,
            &["0", "10/s", "20/s"],
        );
        check(
            Unit::Bytes,
            &[0.0, 1_048_576.0, 2_097_152.0],
            1_048_576.0,
            &["0 MiB", "1 MiB", "2 MiB"],
        );
        check(
            Unit::Number,
            &[20_000.0, 40_000.0],
            20_000.0,
            &["20k", "40k"],
        );
    }

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
