use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use watchfire_schemas::Timestamp;

use crate::database::connection::Connection;
use crate::problem::{Body, InPath, InQuery, Problem};
use crate::recruitment::access::{By, Scope};
use crate::recruitment::api::{Api, Outcome, absent, conflict, shown};
use crate::recruitment::candidate::search::twins;
use crate::recruitment::candidate::{Candidate, CandidateState, Purpose, Source};
use crate::recruitment::id::Id;
use crate::recruitment::page::Paging;
use crate::recruitment::personal::{Email, Personal, Phone};
use crate::recruitment::precondition::IfMatch;
use crate::recruitment::text::Line;
use crate::recruitment::trail::{Act, Deed, WITHHELD};
use crate::sql::{self, QueryBuilder};
use crate::statement::{Operation, Statement};

const LIST: Statement = Statement::new(Operation::Select, "candidates");
const INSERT: Statement = Statement::new(Operation::Insert, "candidates");
const UPDATE: Statement = Statement::new(Operation::Update, "candidates");
/// Not by name: a cursor stands in an address, and an address stands in logs.
const ORDERS: [&str; 3] = ["created_at", "updated_at", "retain_until"];
/// No consent lets us keep what we know for longer.
const LONGEST_RETENTION: Duration = Duration::from_hours(2 * 366 * 24);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    state: Option<CandidateState>,
    source: Option<Source>,
    sort: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// `GET /v1/candidates`
pub(crate) async fn list(
    State(api): State<Api>,
    caller: By,
    InQuery(asked): InQuery<Asked>,
) -> Result<Json<Value>, Problem> {
    let paging = Paging::read(
        &ORDERS,
        asked.sort.as_deref(),
        asked.limit,
        asked.cursor.as_deref(),
    )?;
    let mut sql = QueryBuilder::new("SELECT * FROM candidates WHERE true");
    caller.restrict(&mut sql, Scope::Candidates);
    if let Some(state) = asked.state {
        sql.push(" AND state = ").push_bind(state.as_str());
    }
    if let Some(source) = asked.source {
        sql.push(" AND source = ").push_bind(source.as_str());
    }
    paging.apply(&mut sql);
    let read = api.look(LIST, move |connection| {
        Box::pin(async move {
            sql.build_query_as::<Candidate>()
                .fetch_all(connection)
                .await
        })
    });
    let (page, next) = paging.cut(read.await?);
    let candidates: Vec<Value> = page.iter().map(|row| row.view(&caller)).collect();
    Ok(Json(json!({ "candidates": candidates, "next": next })))
}

/// `GET /v1/candidates/{id}`
pub(crate) async fn show(
    State(api): State<Api>,
    caller: By,
    InPath(id): InPath<Id>,
) -> Result<Response, Problem> {
    let asking = caller.0.clone();
    let read = api.look(LIST, move |connection| {
        Box::pin(async move { Candidate::fetch(connection, id, &asking).await })
    });
    let candidate = read.await?.ok_or_else(|| absent("candidate", id))?;
    Ok(shown(
        StatusCode::OK,
        candidate.version,
        candidate.view(&caller),
    ))
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct New {
    name: Personal<Line<120>>,
    email: Personal<Email>,
    phone: Option<Personal<Phone>>,
    source: Source,
    consent: Consent,
    retain_until: Timestamp,
    /// Whether another candidate with the same mailbox is no obstacle.
    #[serde(default)]
    allow_duplicate: bool,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Consent {
    purpose: Purpose,
    given_at: Timestamp,
}

/// `POST /v1/candidates`
pub(crate) async fn create(
    State(api): State<Api>,
    caller: By,
    Body(new): Body<New>,
) -> Result<Response, Problem> {
    let deed = api.deed(&caller);
    let may_be_twin = new.allow_duplicate;
    let candidate = new.admit(deed.at)?;
    let act = Act {
        kind: "candidate",
        verb: "created",
        object: candidate.id.clone(),
        before: Value::Null,
        after: candidate.impersonal(),
    };
    let (row, entry, by) = (candidate.clone(), act.clone(), deed.clone());
    let written = api.change(INSERT, move |connection| {
        Box::pin(async move {
            let known = twins(connection, row.email_key.as_deref().unwrap_or("")).await?;
            if !known.is_empty() && !may_be_twin {
                let detail =
                    "there is a candidate with this e-mail address: use it, or set allow_duplicate";
                return Ok(Err(conflict(detail)
                    .at("/email", detail)
                    .member("duplicates", known)));
            }
            insert(connection, row).await?;
            by.record(connection, &entry).await?;
            Ok(Ok(()))
        })
    });
    written.await?;
    api.tell(&deed, &act);
    Ok(shown(
        StatusCode::CREATED,
        candidate.version,
        candidate.view(&caller),
    ))
}

impl New {
    fn admit(self, now: Timestamp) -> Result<Candidate, Problem> {
        keeps_to_consent(self.consent, self.retain_until, now)?;
        let email = self.email.reveal();
        Ok(Candidate {
            id: Id::at(now).to_string(),
            version: 1,
            state: CandidateState::Active,
            name: Some(self.name.reveal().into()),
            email_key: Some(email.key()),
            email: Some(email.into()),
            phone: self.phone.map(|phone| phone.reveal().into()),
            source: self.source,
            consent_purpose: self.consent.purpose,
            consent_given_at: self.consent.given_at.nanos(),
            retain_until: self.retain_until.nanos(),
            created_at: now.nanos(),
            updated_at: now.nanos(),
        })
    }
}

fn keeps_to_consent(
    consent: Consent,
    retain_until: Timestamp,
    now: Timestamp,
) -> Result<(), Problem> {
    let refuse = |pointer: &str, detail: &str| {
        Err(Problem::unprocessable("the dates cannot be").at(pointer, detail))
    };
    if consent.given_at > now {
        return refuse("/consent/given_at", "consent is not given in the future");
    }
    if retain_until <= now {
        return refuse("/retain_until", "expected a time that is still to come");
    }
    if retain_until > consent.given_at + LONGEST_RETENTION {
        return refuse(
            "/retain_until",
            "expected at most two years after the consent",
        );
    }
    Ok(())
}

async fn insert(connection: &mut Connection, row: Candidate) -> Result<(), sqlx::Error> {
    sql::query(
        "INSERT INTO candidates (id, version, state, name, email, email_key, phone, source, \
         consent_purpose, consent_given_at, retain_until, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(row.id)
    .bind(row.version)
    .bind(row.state.as_str())
    .bind(row.name)
    .bind(row.email)
    .bind(row.email_key)
    .bind(row.phone)
    .bind(row.source.as_str())
    .bind(row.consent_purpose.as_str())
    .bind(row.consent_given_at)
    .bind(row.retain_until)
    .bind(row.created_at)
    .bind(row.updated_at)
    .execute(connection)
    .await?;
    Ok(())
}

/// What is to be different. What is not named stays.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Patch {
    name: Option<Personal<Line<120>>>,
    email: Option<Personal<Email>>,
    phone: Option<Personal<Phone>>,
    source: Option<Source>,
    consent: Option<Consent>,
    retain_until: Option<Timestamp>,
}

/// `PATCH /v1/candidates/{id}`
pub(crate) async fn patch(
    State(api): State<Api>,
    caller: By,
    InPath(id): InPath<Id>,
    if_match: IfMatch,
    Body(patch): Body<Patch>,
) -> Result<Response, Problem> {
    let deed = api.deed(&caller);
    let (by, asking) = (deed.clone(), caller.0.clone());
    let written = api.change(UPDATE, move |connection| {
        Box::pin(async move {
            let Some(before) = Candidate::fetch(connection, id, &asking).await? else {
                return Ok(Err(absent("candidate", id)));
            };
            if let Err(problem) = if_match.check(before.version) {
                return Ok(Err(problem));
            }
            match patch.apply(&before, by.at) {
                Ok((row, act)) => update(connection, row, act, &by).await,
                Err(problem) => Ok(Err(problem)),
            }
        })
    });
    let (candidate, act) = written.await?;
    api.tell(&deed, &act);
    Ok(shown(
        StatusCode::OK,
        candidate.version,
        candidate.view(&caller),
    ))
}

impl Patch {
    fn apply(self, before: &Candidate, now: Timestamp) -> Result<(Candidate, Act), Problem> {
        if before.state == CandidateState::Erased {
            return Err(conflict("the candidate was erased"));
        }
        let mut row = before.clone();
        if let Some(consent) = self.consent {
            row.consent_purpose = consent.purpose;
            row.consent_given_at = consent.given_at.nanos();
        }
        row.retain_until = self.retain_until.map_or(row.retain_until, Timestamp::nanos);
        if self.consent.is_some() || self.retain_until.is_some() {
            let given_at = Timestamp::from_nanos(row.consent_given_at);
            let consent = Consent {
                purpose: row.consent_purpose,
                given_at,
            };
            keeps_to_consent(consent, Timestamp::from_nanos(row.retain_until), now)?;
        }
        row.source = self.source.unwrap_or(row.source);
        if let Some(name) = self.name {
            row.name = Some(name.reveal().into());
        }
        if let Some(email) = self.email {
            let email = email.reveal();
            row.email_key = Some(email.key());
            row.email = Some(email.into());
        }
        if let Some(phone) = self.phone {
            row.phone = Some(phone.reveal().into());
        }
        row.version += 1;
        row.updated_at = now.nanos();
        let (old, new) = differences(before, &row);
        let act = Act {
            kind: "candidate",
            verb: "changed",
            object: row.id.clone(),
            before: old,
            after: new,
        };
        Ok((row, act))
    }
}

/// What changed, without what is personal.
fn differences(before: &Candidate, after: &Candidate) -> (Value, Value) {
    let (was, is) = (before.impersonal(), after.impersonal());
    let (mut old, mut new) = (Map::new(), Map::new());
    for name in ["source", "consent", "retain_until"] {
        if was[name] != is[name] {
            old.insert(name.to_owned(), was[name].clone());
            new.insert(name.to_owned(), is[name].clone());
        }
    }
    let personal = [
        ("name", before.name != after.name),
        ("email", before.email != after.email),
        ("phone", before.phone != after.phone),
    ];
    for (name, _) in personal.into_iter().filter(|(_, changed)| *changed) {
        old.insert(name.to_owned(), WITHHELD.into());
        new.insert(name.to_owned(), WITHHELD.into());
    }
    (old.into(), new.into())
}

async fn update(
    connection: &mut Connection,
    row: Candidate,
    act: Act,
    deed: &Deed,
) -> Outcome<(Candidate, Act)> {
    let written = row.clone();
    sql::query(
        "UPDATE candidates SET version = ?, name = ?, email = ?, email_key = ?, phone = ?, source = ?, \
         consent_purpose = ?, consent_given_at = ?, retain_until = ?, updated_at = ? WHERE id = ?",
    )
    .bind(written.version)
    .bind(written.name)
    .bind(written.email)
    .bind(written.email_key)
    .bind(written.phone)
    .bind(written.source.as_str())
    .bind(written.consent_purpose.as_str())
    .bind(written.consent_given_at)
    .bind(written.retain_until)
    .bind(written.updated_at)
    .bind(written.id)
    .execute(&mut *connection)
    .await?;
    deed.record(connection, &act).await?;
    Ok(Ok((row, act)))
}
