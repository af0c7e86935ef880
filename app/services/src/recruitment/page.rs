use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::problem::Problem;
use crate::sql::QueryBuilder;

/// How many a page holds when it is not said.
const USUAL: u32 = 20;
/// The one column that holds a text; the others that lists are ordered by hold times.
const TEXT: &str = "title";
/// The most that a page holds.
pub(crate) const MOST: u32 = 100;

/// Which page of a list, in what order. The order is by one column, then by id.
#[derive(Debug, PartialEq)]
pub(crate) struct Paging {
    column: &'static str,
    descending: bool,
    limit: u32,
    after: Option<(Key, String)>,
}

/// What a list is ordered by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Key {
    Number(i64),
    Text(String),
}

/// A row of a list, which knows its place in each order that the list has.
pub(crate) trait Placed {
    fn key(&self, column: &str) -> Key;
    fn id(&self) -> &str;
}

/// The place after which a page begins. Clients see it as an opaque text.
#[derive(Serialize, Deserialize)]
struct Cursor {
    sort: String,
    key: Key,
    id: String,
}

impl Paging {
    /// Reads the parameters `sort`, `limit` and `cursor`. The first of `columns` is the order when
    /// none is asked for, newest or last first; a leading `-` turns an order round.
    pub(crate) fn read(
        columns: &[&'static str],
        sort: Option<&str>,
        limit: Option<u32>,
        cursor: Option<&str>,
    ) -> Result<Self, Problem> {
        let default = format!("-{}", columns[0]);
        let sort = sort.unwrap_or(&default);
        let name = sort.strip_prefix('-').unwrap_or(sort);
        let column = columns
            .iter()
            .find(|column| **column == name)
            .ok_or_else(|| {
                let known = columns.join(", ");
                wrong(&format!(
                    "sort: expected one of {known}, with - in front for the last first"
                ))
            })?;
        let limit = limit.unwrap_or(USUAL);
        if !(1..=MOST).contains(&limit) {
            return Err(wrong(&format!("limit: expected 1 to {MOST}")));
        }
        let after = cursor.map(|text| Self::place(text, sort)).transpose()?;
        Ok(Self {
            column,
            descending: sort.starts_with('-'),
            limit,
            after,
        })
    }

    fn place(text: &str, sort: &str) -> Result<(Key, String), Problem> {
        let cursor = BASE64_URL_SAFE_NO_PAD.decode(text).ok();
        let cursor = cursor.and_then(|bytes| serde_json::from_slice::<Cursor>(&bytes).ok());
        let cursor =
            cursor.ok_or_else(|| wrong("cursor: expected what another page told as next"))?;
        let is_of_text = sort.strip_prefix('-').unwrap_or(sort) == TEXT;
        if cursor.sort == sort && matches!(cursor.key, Key::Text(_)) == is_of_text {
            Ok((cursor.key, cursor.id))
        } else {
            Err(wrong("cursor: it belongs to a list in another order"))
        }
    }

    /// Adds what makes a query bring this page, and one row more that shows whether another follows.
    pub(crate) fn apply(&self, sql: &mut QueryBuilder<'_>) {
        let (compare, direction) = if self.descending {
            (" < (", " DESC")
        } else {
            (" > (", " ASC")
        };
        if let Some((key, id)) = &self.after {
            sql.push(" AND (")
                .push(self.column)
                .push(", id)")
                .push(compare);
            match key {
                Key::Number(number) => sql.push_bind(*number),
                Key::Text(text) => sql.push_bind(text.clone()),
            };
            sql.push(", ").push_bind(id.clone()).push(")");
        }
        sql.push(" ORDER BY ")
            .push(self.column)
            .push(direction)
            .push(", id")
            .push(direction);
        sql.push(" LIMIT ").push_bind(i64::from(self.limit) + 1);
    }

    /// The page among the rows that the query brought, and the cursor of the page after it.
    pub(crate) fn cut<T: Placed>(&self, mut rows: Vec<T>) -> (Vec<T>, Option<String>) {
        let limit = self.limit as usize;
        if rows.len() <= limit {
            return (rows, None);
        }
        rows.truncate(limit);
        let next = rows.last().map(|last| {
            let sign = if self.descending { "-" } else { "" };
            let cursor = Cursor {
                sort: format!("{sign}{}", self.column),
                key: last.key(self.column),
                id: last.id().to_owned(),
            };
            let cursor = serde_json::to_vec(&cursor).expect("a cursor is plain JSON");
            BASE64_URL_SAFE_NO_PAD.encode(cursor)
        });
        (rows, next)
    }
}

fn wrong(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Row(i64, String);

    impl Placed for Row {
        fn key(&self, _: &str) -> Key {
            Key::Number(self.0)
        }
        fn id(&self) -> &str {
            &self.1
        }
    }

    const COLUMNS: [&str; 2] = ["created_at", "title"];

    #[test]
    fn a_page_tells_where_the_next_begins() {
        let paging = Paging::read(&COLUMNS, None, Some(2), None).unwrap();
        let rows = |n: i64| (0..n).map(|n| Row(n, n.to_string())).collect();
        assert_eq!(paging.cut::<Row>(rows(2)).1, None);
        let (page, next) = paging.cut::<Row>(rows(3));
        assert_eq!(page.len(), 2);
        let following = Paging::read(&COLUMNS, None, None, next.as_deref()).unwrap();
        assert_eq!(following.after, Some((Key::Number(1), "1".to_owned())));
        let turned = Paging::read(&COLUMNS, Some("created_at"), None, next.as_deref());
        assert_eq!(turned.unwrap_err().status(), StatusCode::BAD_REQUEST);
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for (sort, limit, cursor) in [
            (Some("salary"), None, None),
            (None, Some(0), None),
            (None, Some(101), None),
            (None, None, Some("!")),
            (None, None, Some("bnVsbA")),
            // What is forged compares no title with a number: {"sort":"title","key":1,"id":"1"}.
            (
                Some("title"),
                None,
                Some("eyJzb3J0IjoidGl0bGUiLCJrZXkiOjEsImlkIjoiMSJ9"),
            ),
        ] {
            let refused = Paging::read(&COLUMNS, sort, limit, cursor).unwrap_err();
            assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
        }
    }
}
