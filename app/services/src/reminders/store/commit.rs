use std::collections::{HashMap, HashSet};

use serde_json::value::RawValue;
use watchfire_schemas::Timestamp;

use crate::database::connection::Connection;
use crate::failure::{Failure, Via, frame};
use crate::reminders::change::Sending;
use crate::reminders::ledger::{ChangeResult, KnownResult, Ledger, Standing};
use crate::reminders::name::Name;
use crate::reminders::record::Key;
use crate::reminders::store::{Store, name, number, record, signed, undecodable};
use crate::sql::{self, Text, both};
use crate::statement::{Operation, Statement};

const COMMIT: Statement = Statement::new(Operation::Upsert, "records");

/// What one transaction did.
#[derive(Debug)]
pub(crate) struct Committed {
    /// Of each sending, in their order.
    pub(crate) results: Vec<Vec<ChangeResult>>,
    /// The persons whose records changed, and their new versions.
    pub(crate) reached: Vec<(Name, u64)>,
}

impl Store {
    /// Takes all sendings in one transaction. The number of statements does not grow with them.
    pub(crate) async fn commit(
        &self,
        sendings: Vec<Sending>,
        now: Timestamp,
    ) -> Result<Committed, Failure> {
        let writing = self.database.write(COMMIT, move |connection| {
            Box::pin(async move {
                let mut ledger = known(&mut *connection, &sendings).await?;
                let sendings = sendings.iter();
                let results = sendings.map(|sending| ledger.take(sending, now)).collect();
                write(connection, &ledger, now).await?;
                let changed: HashSet<&Name> =
                    ledger.changed.iter().map(|(person, _)| person).collect();
                let reached = changed
                    .into_iter()
                    .map(|person| (person.clone(), ledger.people[person].version))
                    .collect();
                Ok(Committed { results, reached })
            })
        });
        writing.await.via(frame!("Store::commit"))
    }
}

/// All that the sendings touch, as it is now.
async fn known(connection: &mut Connection, sendings: &[Sending]) -> Result<Ledger, sqlx::Error> {
    let (mut keys, mut sent) = (HashSet::new(), Vec::new());
    for sending in sendings {
        let person = sending.person.as_str();
        for change in &sending.changes {
            for key in std::iter::once(&change.key).chain(&change.reminder) {
                keys.insert((person, key.kind.as_str(), &*key.id));
            }
            sent.push((person, sending.device.as_str(), change.id.as_str()));
        }
    }
    let people: HashSet<&str> = sendings.iter().map(|one| one.person.as_str()).collect();
    let keys: Vec<_> = keys.into_iter().collect();
    let people: Vec<_> = people.into_iter().collect();
    let mut ledger = Ledger::default();

    let rows = sql::query(KNOWN_RECORDS);
    for row in rows.bind(json(&keys)).fetch_all(&mut *connection).await? {
        let record = record(&row)?;
        let at = (name(&row, 7)?, record.key.clone());
        ledger.records.insert(at, record);
    }
    let rows = sql::query(KNOWN_PEOPLE);
    for row in rows.bind(json(&people)).fetch_all(&mut *connection).await? {
        let (version, live) = (number(&row, 1)?, number(&row, 2)?);
        let standing = Standing { version, live };
        ledger.people.insert(name(&row, 0)?, standing);
    }
    let rows = sql::query(KNOWN_RESULTS);
    for row in rows.bind(json(&sent)).fetch_all(&mut *connection).await? {
        let result = RawValue::from_string(row.try_get(4)?);
        let known = KnownResult {
            fingerprint: row.try_get(3)?,
            result: result.map_err(|error| undecodable("result", error))?,
        };
        let sent = (name(&row, 0)?, name(&row, 1)?, name(&row, 2)?);
        ledger.results.insert(sent, known);
    }
    Ok(ledger)
}

/// Writes what the ledger changed.
async fn write(
    connection: &mut Connection,
    ledger: &Ledger,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let now = now.nanos();
    let records: Vec<_> = ledger
        .changed
        .iter()
        .map(|at| record_row(ledger, at))
        .collect();
    let changed: HashMap<&Name, Standing> = ledger
        .changed
        .iter()
        .map(|(person, _)| (person, ledger.people[person]))
        .collect();
    let people: Vec<_> = changed
        .into_iter()
        .map(|(person, at)| (person, signed(at.version), signed(at.live)))
        .collect();
    let results: Vec<_> = ledger
        .new_results
        .iter()
        .map(|sent| {
            let known = &ledger.results[sent];
            let (person, device, change) = sent;
            let result = known.result.get();
            (person, device, change, &known.fingerprint, result, now)
        })
        .collect();
    let superseded: Vec<_> = ledger
        .superseded
        .iter()
        .map(|old| {
            let record = &old.record;
            let document = record.document.as_ref().map(|raw| raw.get());
            let (kind, id) = (record.key.kind.as_str(), &*record.key.id);
            let (version, at) = (signed(record.version), record.changed_at.nanos());
            let whose = (&old.person, kind, id);
            (whose, version, at, &record.device, document, (now, &old.by))
        })
        .collect();
    // An empty list costs a statement and writes nothing.
    for (statement, rows) in [
        (RECORDS, json(&records)),
        (PEOPLE, json(&people)),
        (RESULTS, json(&results)),
        (SUPERSEDED, json(&superseded)),
    ] {
        if rows != "[]" {
            sql::query(statement)
                .bind(rows)
                .execute(&mut *connection)
                .await?;
        }
    }
    Ok(())
}

// What a batch brings is bound as one JSON array, of which each element is a row.

const KNOWN_RECORDS: Text = both(
    "SELECT records.kind, records.id, version, deleted, changed_at, device, document, person \
     FROM json_each(?) AS asked CROSS JOIN records ON person = asked.value ->> 0 \
     AND records.kind = asked.value ->> 1 AND records.id = asked.value ->> 2",
    "SELECT records.kind, records.id, version, deleted, changed_at, device, document, person \
     FROM jsonb_array_elements(?::jsonb) AS asked (value) JOIN records \
     ON person = asked.value ->> 0 \
     AND records.kind = asked.value ->> 1 AND records.id = asked.value ->> 2",
);
const KNOWN_PEOPLE: Text = both(
    "SELECT person, version, live FROM json_each(?) AS asked \
     CROSS JOIN people ON person = asked.value",
    "SELECT person, version, live FROM jsonb_array_elements_text(?::jsonb) AS asked (value) \
     JOIN people ON person = asked.value",
);
const KNOWN_RESULTS: Text = both(
    "SELECT person, device, change_id, fingerprint, result FROM json_each(?) AS asked \
     CROSS JOIN results ON person = asked.value ->> 0 AND device = asked.value ->> 1 \
     AND change_id = asked.value ->> 2",
    "SELECT person, device, change_id, fingerprint, result \
     FROM jsonb_array_elements(?::jsonb) AS asked (value) JOIN results \
     ON person = asked.value ->> 0 AND device = asked.value ->> 1 \
     AND change_id = asked.value ->> 2",
);
const RECORDS: Text = both(
    "INSERT INTO records \
     (person, kind, id, version, deleted, changed_at, device, document) \
     SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, \
     value ->> 6, value ->> 7 FROM json_each(?) WHERE true \
     ON CONFLICT (person, kind, id) DO UPDATE SET version = excluded.version, \
     deleted = excluded.deleted, changed_at = excluded.changed_at, device = excluded.device, \
     document = excluded.document",
    "INSERT INTO records \
     (person, kind, id, version, deleted, changed_at, device, document) \
     SELECT value ->> 0, value ->> 1, value ->> 2, (value ->> 3)::bigint, value ->> 4 = '1', \
     (value ->> 5)::bigint, value ->> 6, value ->> 7 FROM jsonb_array_elements(?::jsonb) \
     ON CONFLICT (person, kind, id) DO UPDATE SET version = excluded.version, \
     deleted = excluded.deleted, changed_at = excluded.changed_at, device = excluded.device, \
     document = excluded.document",
);
const PEOPLE: Text = both(
    "INSERT INTO people (person, version, live) \
     SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?) WHERE true \
     ON CONFLICT (person) DO UPDATE SET version = excluded.version, live = excluded.live",
    "INSERT INTO people (person, version, live) \
     SELECT value ->> 0, (value ->> 1)::bigint, (value ->> 2)::bigint \
     FROM jsonb_array_elements(?::jsonb) \
     ON CONFLICT (person) DO UPDATE SET version = excluded.version, live = excluded.live",
);
const RESULTS: Text = both(
    "INSERT INTO results \
     (person, device, change_id, fingerprint, result, at) \
     SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 \
     FROM json_each(?)",
    "INSERT INTO results \
     (person, device, change_id, fingerprint, result, at) \
     SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, \
     (value ->> 5)::bigint FROM jsonb_array_elements(?::jsonb)",
);
const SUPERSEDED: Text = both(
    "INSERT INTO superseded \
     (person, kind, id, version, changed_at, device, document, superseded_at, superseded_by) \
     SELECT value ->> '$[0][0]', value ->> '$[0][1]', value ->> '$[0][2]', value ->> 1, \
     value ->> 2, value ->> 3, value ->> 4, value ->> '$[5][0]', value ->> '$[5][1]' \
     FROM json_each(?)",
    "INSERT INTO superseded \
     (person, kind, id, version, changed_at, device, document, superseded_at, superseded_by) \
     SELECT value -> 0 ->> 0, value -> 0 ->> 1, value -> 0 ->> 2, (value ->> 1)::bigint, \
     (value ->> 2)::bigint, value ->> 3, value ->> 4, (value -> 5 ->> 0)::bigint, \
     value -> 5 ->> 1 FROM jsonb_array_elements(?::jsonb)",
);

type RecordRow<'a> = (
    &'a Name,
    &'static str,
    &'a str,
    i64,
    u8,
    i64,
    &'a Name,
    Option<&'a str>,
);

fn record_row<'a>(ledger: &'a Ledger, at: &'a (Name, Key)) -> RecordRow<'a> {
    let record = &ledger.records[at];
    (
        &at.0,
        record.key.kind.as_str(),
        &record.key.id,
        signed(record.version),
        u8::from(record.deleted),
        record.changed_at.nanos(),
        &record.device,
        record.document.as_ref().map(|raw| raw.get()),
    )
}

fn json(rows: &impl serde::Serialize) -> String {
    serde_json::to_string(rows).expect("rows are plain")
}
