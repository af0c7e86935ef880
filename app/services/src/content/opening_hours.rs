use std::num::ParseIntError;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::failure::Kind;

/// When a point of interest opens and closes, in minutes of its day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpeningHours {
    opens: u16,
    closes: u16,
}

/// Why a text says no opening hours.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OpeningHoursError {
    #[error("opening hours {text:?} are not of the form 09:00-17:30")]
    Shape { text: String },
    #[error("opening hours {text:?} hold no number where one belongs")]
    Number {
        text: String,
        #[source]
        source: ParseIntError,
    },
    #[error("opening hours {text:?} are outside the day")]
    Range { text: String },
}

impl Kind for OpeningHoursError {
    fn kind(&self) -> &'static str {
        match self {
            Self::Shape { .. } => "OpeningHoursError::Shape",
            Self::Number { .. } => "OpeningHoursError::Number",
            Self::Range { .. } => "OpeningHoursError::Range",
        }
    }
}

impl OpeningHours {
    pub(crate) fn parse(text: &str) -> Result<Self, OpeningHoursError> {
        let own = || text.to_owned();
        let (opens, closes) = text
            .split_once('-')
            .ok_or_else(|| OpeningHoursError::Shape { text: own() })?;
        let minutes = |side: &str| {
            let (hours, minutes) = side.split_once(':').unwrap_or((side, "0"));
            let number = |digits: &str| {
                digits
                    .parse::<u16>()
                    .map_err(|source| OpeningHoursError::Number {
                        text: own(),
                        source,
                    })
            };
            let (hours, minutes) = (number(hours)?, number(minutes)?);
            if hours > 24 || minutes > 59 || (hours == 24 && minutes > 0) {
                return Err(OpeningHoursError::Range { text: own() });
            }
            Ok(hours * 60 + minutes)
        };
        Ok(Self {
            opens: minutes(opens)?,
            closes: minutes(closes)?,
        })
    }
}

impl Serialize for OpeningHours {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let clock = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        let mut object = serializer.serialize_struct("OpeningHours", 2)?;
        object.serialize_field("opens", &clock(self.opens))?;
        object.serialize_field("closes", &clock(self.closes))?;
        object.end()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: Result<(u16, u16), &str>) {
        let parsed = OpeningHours::parse(text);
        let parsed = parsed.map(|hours| (hours.opens, hours.closes));
        assert_eq!(
            parsed.as_ref().map_err(Kind::kind),
            expected.as_ref().map_err(|kind| *kind)
        );
    }

    #[test]
    fn opening_hours_are_read_or_refused_with_the_reason() {
        check("09:00-17:30", Ok((540, 1050)));
        check("00:00-24:00", Ok((0, 1440)));
        check("09:00", Err("OpeningHoursError::Shape"));
        check("09h00-17h30", Err("OpeningHoursError::Number"));
        check("09:00-25:00", Err("OpeningHoursError::Range"));
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in "[-0-9:h ]{0,14}") {
            if let Ok(hours) = OpeningHours::parse(&text) {
                prop_assert!(hours.opens <= 1440 && hours.closes <= 1440);
            }
        }
    }
}
