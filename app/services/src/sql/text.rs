use std::borrow::Cow;
use std::fmt::Write as _;

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

/// The text of a statement: the same for both kinds of database, or one for each. Its values are
/// bound, never part of it.
#[derive(Debug, Clone)]
pub(crate) enum Text {
    Same(Cow<'static, str>),
    Each {
        sqlite: Cow<'static, str>,
        postgres: Cow<'static, str>,
    },
}

/// A statement that the two write differently.
pub(crate) const fn both(sqlite: &'static str, postgres: &'static str) -> Text {
    Text::Each {
        sqlite: Cow::Borrowed(sqlite),
        postgres: Cow::Borrowed(postgres),
    }
}

impl Text {
    pub(super) fn for_sqlite(self) -> SqlStr {
        let (Self::Same(text) | Self::Each { sqlite: text, .. }) = self;
        AssertSqlSafe(text).into_sql_str()
    }

    pub(super) fn for_postgres(self) -> String {
        let (Self::Same(text) | Self::Each { postgres: text, .. }) = self;
        numbered(&text)
    }
}

impl From<&'static str> for Text {
    fn from(text: &'static str) -> Self {
        Self::Same(Cow::Borrowed(text))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::Same(Cow::Owned(text))
    }
}

/// With `$N` for the values, as Postgres has them. A `?` without a number has the next one, as in
/// SQLite; one between quotes is none.
fn numbered(text: &str) -> String {
    let mut numbered = String::with_capacity(text.len() + 16);
    let (mut last, mut is_quoted) = (0_u32, false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        is_quoted ^= letter == '\'';
        if letter != '?' || is_quoted {
            numbered.push(letter);
            continue;
        }
        let mut number = 0;
        while let Some(digit) = letters.peek().and_then(|letter| letter.to_digit(10)) {
            number = 10 * number + digit;
            letters.next();
        }
        let number = if number == 0 { last + 1 } else { number };
        last = last.max(number);
        write!(numbered, "${number}").expect("a String takes all");
    }
    numbered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_numbered_as_sqlite_numbers_them() {
        let check = |text: &str, expected: &str| assert_eq!(numbered(text), expected);
        check(
            "SELECT a WHERE b = ? AND c = ?",
            "SELECT a WHERE b = $1 AND c = $2",
        );
        check("?2 > 0 OR ?1 = ?12", "$2 > 0 OR $1 = $12");
        check("?2, ?, ?1, ?", "$2, $3, $1, $4");
        check("a = 'why?' AND b = ?", "a = 'why?' AND b = $1");
        check("'it''s ?' = ?", "'it''s ?' = $1");
    }
}
