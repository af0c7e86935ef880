//! Positions: what people apply for. Draft, then open to applications, then closed.

pub(crate) mod api;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::FromRow;
use watchfire_schemas::Timestamp;

use crate::database::connection::Connection;
use crate::recruitment::access::{Caller, Scope};
use crate::recruitment::id::Id;
use crate::recruitment::page::{Key, Placed};
use crate::recruitment::text::Slug;
use crate::sql::QueryBuilder;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "kebab-case")]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
pub(crate) enum PositionState {
    Draft,
    Open,
    Closed,
}

/// How many people are sought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
pub(crate) struct Headcount(i64);

/// The stages that an application goes through, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Slug>")]
pub(crate) struct Stages(Vec<Slug>);

/// A row of the table.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Position {
    pub(crate) id: String,
    pub(crate) version: i64,
    pub(crate) title: String,
    pub(crate) department: String,
    pub(crate) location: String,
    pub(crate) description: String,
    pub(crate) state: PositionState,
    pub(crate) headcount: i64,
    pub(crate) hired: i64,
    #[sqlx(try_from = "String")]
    pub(crate) stages: Stages,
    pub(crate) manager: String,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

impl TryFrom<i64> for Headcount {
    type Error = &'static str;

    fn try_from(count: i64) -> Result<Self, Self::Error> {
        let fits = (1..=1_000).contains(&count);
        fits.then_some(Self(count)).ok_or("expected 1 to 1000")
    }
}

impl Headcount {
    pub(crate) fn count(self) -> i64 {
        self.0
    }
}

impl Stages {
    const MOST: usize = 12;

    pub(crate) fn first(&self) -> &Slug {
        &self.0[0]
    }

    pub(crate) fn names(&self) -> &[Slug] {
        &self.0
    }

    /// A JSON array.
    pub(crate) fn stored(&self) -> String {
        serde_json::to_string(self).expect("names are plain")
    }
}

impl TryFrom<Vec<Slug>> for Stages {
    type Error = String;

    fn try_from(names: Vec<Slug>) -> Result<Self, String> {
        let is_repeated = (1..names.len()).any(|n| names[..n].contains(&names[n]));
        if (1..=Self::MOST).contains(&names.len()) && !is_repeated {
            Ok(Self(names))
        } else {
            Err(format!(
                "expected 1 to {} stages, no two of one name",
                Self::MOST
            ))
        }
    }
}

/// As they are stored: a JSON array.
impl TryFrom<String> for Stages {
    type Error = serde_json::Error;

    fn try_from(stored: String) -> Result<Self, serde_json::Error> {
        serde_json::from_str(&stored)
    }
}

impl PositionState {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

impl Position {
    pub(crate) async fn fetch(
        connection: &mut Connection,
        id: Id,
        caller: &Caller,
    ) -> Result<Option<Self>, sqlx::Error> {
        let mut sql = QueryBuilder::new("SELECT * FROM positions WHERE id = ");
        sql.push_bind(id.to_string());
        caller.restrict(&mut sql, Scope::Positions);
        sql.build_query_as().fetch_optional(connection).await
    }

    pub(crate) fn view(&self) -> Value {
        json!({
            "id": self.id,
            "title": self.title,
            "department": self.department,
            "location": self.location,
            "description": self.description,
            "state": self.state,
            "headcount": self.headcount,
            "hired": self.hired,
            "stages": self.stages,
            "manager": self.manager,
            "created_at": Timestamp::from_nanos(self.created_at),
            "updated_at": Timestamp::from_nanos(self.updated_at),
        })
    }
}

impl Placed for Position {
    fn key(&self, column: &str) -> Key {
        match column {
            "title" => Key::Text(self.title.clone()),
            "updated_at" => Key::Number(self.updated_at),
            _ => Key::Number(self.created_at),
        }
    }

    fn id(&self) -> &str {
        &self.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_some_and_each_is_there_once() {
        let check = |json: &str, expected: bool| {
            assert_eq!(
                serde_json::from_str::<Stages>(json).is_ok(),
                expected,
                "{json}"
            );
        };
        check(r#"["screening", "interview", "offer"]"#, true);
        check("[]", false);
        check(r#"["screening", "screening"]"#, false);
        check(r#"["Screening!"]"#, false);
        assert!(serde_json::from_str::<Headcount>("0").is_err());
    }
}
