//! Candidates: people, with their consent and the day until which it lets us keep what we know.

pub(crate) mod api;
pub(crate) mod erasure;
pub(crate) mod search;

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
pub(crate) enum CandidateState {
    Active,
    /// Nothing personal is left.
    Erased,
}

/// How we came to know them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "kebab-case")]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
pub(crate) enum Source {
    CareersPage,
    JobBoard,
    Referral,
    Agency,
    Event,
    Other,
}

/// What they consented to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "kebab-case")]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
pub(crate) enum Purpose {
    /// The positions that they apply for.
    Application,
    /// Also those that come later.
    TalentPool,
}

/// A row of the table. It has no `Debug`, as it tells of a person.
#[derive(Clone, FromRow)]
pub(crate) struct Candidate {
    pub(crate) id: String,
    pub(crate) version: i64,
    pub(crate) state: CandidateState,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) email_key: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) source: Source,
    pub(crate) consent_purpose: Purpose,
    pub(crate) consent_given_at: i64,
    pub(crate) retain_until: i64,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

impl CandidateState {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Erased => "erased",
        }
    }
}

impl Source {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::CareersPage => "careers-page",
            Self::JobBoard => "job-board",
            Self::Referral => "referral",
            Self::Agency => "agency",
            Self::Event => "event",
            Self::Other => "other",
        }
    }
}

impl Purpose {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::TalentPool => "talent-pool",
        }
    }
}

impl Candidate {
    pub(crate) async fn fetch(
        connection: &mut Connection,
        id: Id,
        caller: &Caller,
    ) -> Result<Option<Self>, sqlx::Error> {
        let mut sql = QueryBuilder::new("SELECT * FROM candidates WHERE id = ");
        sql.push_bind(id.to_string());
        caller.restrict(&mut sql, Scope::Candidates);
        sql.build_query_as().fetch_optional(connection).await
    }

    /// What this caller sees of them.
    pub(crate) fn view(&self, caller: &Caller) -> Value {
        let mut view = self.impersonal();
        if let Some(name) = &self.name {
            view["name"] = name.as_str().into();
        }
        if caller.may(Action::ReadContact) {
            if let Some(email) = &self.email {
                view["email"] = email.as_str().into();
            }
            if let Some(phone) = &self.phone {
                view["phone"] = phone.as_str().into();
            }
        }
        view
    }

    /// What is known of them and tells not who they are.
    pub(crate) fn impersonal(&self) -> Value {
        json!({
            "id": self.id,
            "state": self.state,
            "source": self.source,
            "consent": {
                "purpose": self.consent_purpose,
                "given_at": Timestamp::from_nanos(self.consent_given_at),
            },
            "retain_until": Timestamp::from_nanos(self.retain_until),
            "created_at": Timestamp::from_nanos(self.created_at),
            "updated_at": Timestamp::from_nanos(self.updated_at),
        })
    }
}

impl Placed for Candidate {
    fn key(&self, column: &str) -> Key {
        Key::Number(match column {
            "updated_at" => self.updated_at,
            "retain_until" => self.retain_until,
            _ => self.created_at,
        })
    }

    fn id(&self) -> &str {
        &self.id
    }
}
