//! Applications: a candidate for a position, on the way through its stages.

pub(crate) mod api;
pub(crate) mod assessment;
pub(crate) mod interviewer;
pub(crate) mod progress;
pub(crate) mod step;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::FromRow;
use watchfire_schemas::Timestamp;

use crate::database::connection::Connection;
use crate::recruitment::access::{Caller, Scope};
use crate::recruitment::id::Id;
use crate::recruitment::page::{Key, Placed};
use crate::recruitment::role::Action;
use crate::sql::QueryBuilder;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "kebab-case")]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
pub(crate) enum ApplicationState {
    Active,
    Rejected,
    Withdrawn,
    Hired,
}

/// What somebody hopes to earn in a year.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Salary {
    amount: u32,
    currency: Currency,
}

/// Three letters, as ISO 4217 has them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String")]
struct Currency(String);

/// A row of the table. It has no `Debug`, as it tells of a person.
#[derive(Clone, FromRow)]
pub(crate) struct Application {
    pub(crate) id: String,
    pub(crate) version: i64,
    pub(crate) candidate: String,
    pub(crate) position: String,
    pub(crate) state: ApplicationState,
    pub(crate) stage: String,
    pub(crate) stage_since: i64,
    /// Why it was rejected, or by what it ended.
    pub(crate) reason: Option<String>,
    /// What was written about the rejection.
    pub(crate) note: Option<String>,
    pub(crate) salary_amount: Option<i64>,
    pub(crate) salary_currency: Option<String>,
    pub(crate) decided_at: Option<i64>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

impl Salary {
    pub(crate) fn columns(self) -> (i64, String) {
        (i64::from(self.amount), self.currency.0)
    }
}

impl TryFrom<String> for Currency {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let fits = text.len() == 3 && text.bytes().all(|letter| letter.is_ascii_uppercase());
        if fits {
            Ok(Self(text))
        } else {
            Err("expected three capital letters such as EUR")
        }
    }
}

impl ApplicationState {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Hired => "hired",
        }
    }
}

impl Application {
    pub(crate) async fn fetch(
        connection: &mut Connection,
        id: Id,
        caller: &Caller,
    ) -> Result<Option<Self>, sqlx::Error> {
        let mut sql = QueryBuilder::new("SELECT * FROM applications WHERE id = ");
        sql.push_bind(id.to_string());
        caller.restrict(&mut sql, Scope::Applications("id"));
        sql.build_query_as().fetch_optional(connection).await
    }

    /// What this caller sees of it.
    pub(crate) fn view(&self, caller: &Caller) -> Value {
        let mut view = self.impersonal();
        if caller.may(Action::ReadSalary)
            && let (Some(amount), Some(currency)) = (self.salary_amount, &self.salary_currency)
        {
            view["salary_expectation"] = json!({ "amount": amount, "currency": currency });
        }
        if caller.may(Action::ReadEveryAssessment)
            && let Some(note) = &self.note
        {
            view["note"] = note.as_str().into();
        }
        view
    }

    /// What goes into the trail of it.
    pub(crate) fn impersonal(&self) -> Value {
        json!({
            "id": self.id,
            "candidate": self.candidate,
            "position": self.position,
            "state": self.state,
            "stage": self.stage,
            "stage_since": Timestamp::from_nanos(self.stage_since),
            "reason": self.reason,
            "decided_at": self.decided_at.map(Timestamp::from_nanos),
            "created_at": Timestamp::from_nanos(self.created_at),
            "updated_at": Timestamp::from_nanos(self.updated_at),
        })
    }
}

impl Placed for Application {
    fn key(&self, column: &str) -> Key {
        Key::Number(match column {
            "updated_at" => self.updated_at,
            "stage_since" => self.stage_since,
            _ => self.created_at,
        })
    }

    fn id(&self) -> &str {
        &self.id
    }
}
