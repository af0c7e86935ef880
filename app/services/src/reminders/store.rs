mod commit;
mod purge;

use std::collections::HashMap;

use serde_json::value::RawValue;
use watchfire_schemas::Timestamp;

use crate::database::connection::Connection;
use crate::database::{Database, Migrations, migrations};
use crate::failure::{Failure, Via, frame};
use crate::reminders::name::Name;
use crate::reminders::record::{Key, Record, RecordKind};
use crate::sql::{self, Query, Row, Text, both};
use crate::statement::{Operation, Statement};

pub(crate) use purge::Purged;

pub(crate) static MIGRATIONS: Migrations =
    migrations!("migrations/reminders", "migrations/postgres/reminders");

const CHANGES: Statement = Statement::new(Operation::Select, "records");
const SUPERSEDED: Statement = Statement::new(Operation::Select, "superseded");
const PEOPLE: Statement = Statement::new(Operation::Select, "people");
const EPOCH: Statement = Statement::new(Operation::Select, "epochs");

/// Those of the marks with the given ids that a person has.
const MARKS: Text = both(
    "SELECT kind, records.id, version, deleted, changed_at, device, document \
     FROM json_each(?) AS asked CROSS JOIN records ON person = ? \
     AND kind = 'mark' AND records.id = asked.value WHERE NOT deleted",
    "SELECT kind, records.id, version, deleted, changed_at, device, document \
     FROM jsonb_array_elements_text(?::jsonb) AS asked (value) JOIN records ON person = ? \
     AND kind = 'mark' AND records.id = asked.value WHERE NOT deleted",
);

/// The records of the persons of one pool.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    database: Database,
}

/// A record as it was before a change that did not know of it.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Overwritten {
    #[serde(flatten)]
    pub(crate) record: Record,
    pub(crate) superseded_at: Timestamp,
    pub(crate) superseded_by: Name,
}

impl Store {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }

    pub(crate) async fn epoch(&self) -> Result<String, Failure> {
        let read = self.database.read(EPOCH, |connection| {
            Box::pin(async move {
                let query = sql::query_scalar("SELECT epoch FROM epochs");
                query.fetch_one(connection).await
            })
        });
        read.await.via(frame!("Store::epoch"))
    }

    /// The version of every person.
    pub(crate) async fn versions(&self) -> Result<HashMap<Name, u64>, Failure> {
        let read = self.database.read(PEOPLE, |connection| {
            Box::pin(async move {
                let mut versions = HashMap::new();
                let rows = sql::query("SELECT person, version FROM people");
                let reading = rows.fetch_each(connection, |row| {
                    versions.insert(name(row, 0)?, number(row, 1)?);
                    Ok(())
                });
                reading.await?;
                Ok(versions)
            })
        });
        read.await.via(frame!("Store::versions"))
    }

    /// The version of one person; 0 if nothing was ever sent.
    pub(crate) async fn version(&self, person: &Name) -> Result<u64, Failure> {
        let person = person.clone();
        let read = self.database.read(PEOPLE, |connection| {
            Box::pin(async move {
                let query = sql::query("SELECT version FROM people WHERE person = ?");
                let row = query
                    .bind(person.as_str())
                    .fetch_optional(connection)
                    .await?;
                row.map_or(Ok(0), |row| number(&row, 0))
            })
        });
        read.await.via(frame!("Store::version"))
    }

    /// The person's records that changed after `since`, the oldest change first, at most `limit`.
    /// Who holds nothing begins without `since`, and is not told of what was deleted before. Who
    /// begins at 0 is: what a device sent itself it may hold before it has fetched anything.
    pub(crate) async fn changes(
        &self,
        person: &Name,
        since: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Record>, Failure> {
        let person = person.clone();
        let read = self.database.read(CHANGES, move |connection| {
            Box::pin(async move {
                let query = sql::query(
                    "SELECT kind, id, version, deleted, changed_at, device, document FROM records \
                     WHERE person = ?1 AND version > ?2 AND (?3 OR NOT deleted) \
                     ORDER BY version LIMIT ?4",
                );
                let query = query.bind(person.as_str());
                let query = query.bind(signed(since.unwrap_or(0))).bind(since.is_some());
                rows(query.bind(signed(limit as u64)), connection).await
            })
        });
        read.await.via(frame!("Store::changes"))
    }

    /// One record, also if it is deleted.
    pub(crate) async fn record(&self, person: &Name, key: Key) -> Result<Option<Record>, Failure> {
        let person = person.clone();
        let read = self.database.read(CHANGES, move |connection| {
            Box::pin(async move {
                let query = sql::query(
                    "SELECT kind, id, version, deleted, changed_at, device, document FROM records \
                     WHERE person = ? AND kind = ? AND id = ?",
                );
                let query = query.bind(person.as_str()).bind(key.kind.as_str());
                let row = query.bind(&*key.id).fetch_optional(connection).await?;
                row.as_ref().map(record).transpose()
            })
        });
        read.await.via(frame!("Store::record"))
    }

    /// All of the person's reminders that are not deleted.
    pub(crate) async fn reminders(
        &self,
        person: &Name,
        limit: usize,
    ) -> Result<Vec<Record>, Failure> {
        let person = person.clone();
        let read = self.database.read(CHANGES, move |connection| {
            Box::pin(async move {
                let query = sql::query(
                    "SELECT kind, id, version, deleted, changed_at, device, document FROM records \
                     WHERE person = ? AND kind = 'reminder' AND NOT deleted ORDER BY id LIMIT ?",
                );
                let query = query.bind(person.as_str()).bind(signed(limit as u64));
                rows(query, connection).await
            })
        });
        read.await.via(frame!("Store::reminders"))
    }

    /// Those of the marks with these ids that are there.
    pub(crate) async fn marks(
        &self,
        person: &Name,
        ids: &[Box<str>],
    ) -> Result<Vec<Record>, Failure> {
        let person = person.clone();
        let ids = serde_json::to_string(ids).expect("ids are plain");
        let read = self.database.read(CHANGES, move |connection| {
            Box::pin(async move {
                let query = sql::query(MARKS);
                rows(query.bind(ids).bind(person.as_str()), connection).await
            })
        });
        read.await.via(frame!("Store::marks"))
    }

    /// What was written over of one reminder, the newest first.
    pub(crate) async fn superseded(
        &self,
        person: &Name,
        reminder: &Name,
        limit: usize,
    ) -> Result<Vec<Overwritten>, Failure> {
        let (person, reminder) = (person.clone(), reminder.clone());
        let read = self.database.read(SUPERSEDED, move |connection| {
            Box::pin(async move {
                let query = sql::query(
                    "SELECT kind, id, version, false AS deleted, changed_at, device, document, \
                     superseded_at, superseded_by FROM superseded \
                     WHERE person = ? AND kind = 'reminder' AND id = ? \
                     ORDER BY version DESC LIMIT ?",
                );
                let query = query.bind(person.as_str()).bind(reminder.as_str());
                let query = query.bind(signed(limit as u64));
                let rows = query.fetch_all(connection).await?;
                rows.iter().map(overwritten).collect()
            })
        });
        read.await.via(frame!("Store::superseded"))
    }
}

async fn rows(query: Query<'_>, connection: &mut Connection) -> Result<Vec<Record>, sqlx::Error> {
    let rows = query.fetch_all(connection).await?;
    rows.iter().map(record).collect()
}

/// The columns of a record, in the order in which every query here asks for them.
fn record(row: &Row) -> Result<Record, sqlx::Error> {
    let kind = RecordKind::parse(row.try_get(0)?);
    let kind = kind.ok_or_else(|| undecodable("kind", "is unknown"))?;
    let document: Option<String> = row.try_get(6)?;
    let document = document.map(RawValue::from_string).transpose();
    Ok(Record {
        key: Key {
            kind,
            id: row.try_get::<&str, _>(1)?.into(),
        },
        version: number(row, 2)?,
        deleted: row.try_get(3)?,
        changed_at: Timestamp::from_nanos(row.try_get(4)?),
        device: name(row, 5)?,
        document: document.map_err(|error| undecodable("document", error))?,
    })
}

fn overwritten(row: &Row) -> Result<Overwritten, sqlx::Error> {
    Ok(Overwritten {
        record: record(row)?,
        superseded_at: Timestamp::from_nanos(row.try_get(7)?),
        superseded_by: name(row, 8)?,
    })
}

fn name(row: &Row, column: usize) -> Result<Name, sqlx::Error> {
    let text: String = row.try_get(column)?;
    Name::try_from(text).map_err(|error| undecodable("name", error))
}

fn number(row: &Row, column: usize) -> Result<u64, sqlx::Error> {
    let number: i64 = row.try_get(column)?;
    u64::try_from(number).map_err(|error| undecodable("version", error))
}

/// As SQLite has it. No version comes that far.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn undecodable(
    column: &str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> sqlx::Error {
    sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: source.into(),
    }
}
