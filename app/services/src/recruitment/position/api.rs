use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::database::connection::Connection;
use crate::problem::{Body, InPath, InQuery, Problem};
use crate::recruitment::access::{By, Scope};
use crate::recruitment::api::{Api, Outcome, absent, conflict, shown};
use crate::recruitment::id::Id;
use crate::recruitment::page::Paging;
use crate::recruitment::position::{Headcount, Position, PositionState, Stages};
use crate::recruitment::precondition::IfMatch;
use crate::recruitment::text::{Line, Prose, Slug};
use crate::recruitment::trail::{Act, Deed};
use crate::sql::{self, QueryBuilder};
use crate::statement::{Operation, Statement};

const LIST: Statement = Statement::new(Operation::Select, "positions");
const INSERT: Statement = Statement::new(Operation::Insert, "positions");
const UPDATE: Statement = Statement::new(Operation::Update, "positions");
const ORDERS: [&str; 3] = ["created_at", "updated_at", "title"];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    state: Option<PositionState>,
    department: Option<Slug>,
    /// What the title holds.
    title: Option<Line<120>>,
    sort: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// `GET /v1/positions`
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
    let mut sql = QueryBuilder::new("SELECT * FROM positions WHERE true");
    caller.restrict(&mut sql, Scope::Positions);
    if let Some(state) = asked.state {
        sql.push(" AND state = ").push_bind(state.as_str());
    }
    if let Some(department) = asked.department {
        sql.push(" AND department = ")
            .push_bind(String::from(department));
    }
    if let Some(title) = asked.title {
        sql.push(" AND instr(lower(title), ")
            .push_bind(String::from(title).to_ascii_lowercase())
            .push(") > 0");
    }
    paging.apply(&mut sql);
    let read = api.look(LIST, move |connection| {
        Box::pin(async move { sql.build_query_as::<Position>().fetch_all(connection).await })
    });
    let (page, next) = paging.cut(read.await?);
    let positions: Vec<Value> = page.iter().map(Position::view).collect();
    Ok(Json(json!({ "positions": positions, "next": next })))
}

/// `GET /v1/positions/{id}`
pub(crate) async fn show(
    State(api): State<Api>,
    caller: By,
    InPath(id): InPath<Id>,
) -> Result<Response, Problem> {
    let read = api.look(LIST, move |connection| {
        Box::pin(async move { Position::fetch(connection, id, &caller).await })
    });
    let position = read.await?.ok_or_else(|| absent("position", id))?;
    Ok(shown(StatusCode::OK, position.version, position.view()))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct New {
    title: Line<120>,
    department: Slug,
    location: Line<120>,
    description: Option<Prose<8000>>,
    headcount: Headcount,
    stages: Stages,
    manager: Slug,
}

/// `POST /v1/positions`
pub(crate) async fn create(
    State(api): State<Api>,
    caller: By,
    Body(new): Body<New>,
) -> Result<Response, Problem> {
    let deed = api.deed(&caller);
    let now = deed.at.nanos();
    let position = Position {
        id: Id::at(deed.at).to_string(),
        version: 1,
        title: new.title.into(),
        department: new.department.into(),
        location: new.location.into(),
        description: new.description.map(String::from).unwrap_or_default(),
        state: PositionState::Draft,
        headcount: new.headcount.count(),
        hired: 0,
        stages: new.stages,
        manager: new.manager.into(),
        created_at: now,
        updated_at: now,
    };
    let act = Act {
        kind: "position",
        verb: "created",
        object: position.id.clone(),
        before: Value::Null,
        after: position.view(),
    };
    let (row, entry, by) = (position.clone(), act.clone(), deed.clone());
    let written = api.change(INSERT, move |connection| {
        Box::pin(async move {
            insert(connection, row).await?;
            by.record(connection, &entry).await?;
            Ok(Ok(()))
        })
    });
    written.await?;
    api.tell(&deed, &act);
    Ok(shown(
        StatusCode::CREATED,
        position.version,
        position.view(),
    ))
}

async fn insert(connection: &mut Connection, row: Position) -> Result<(), sqlx::Error> {
    sql::query(
        "INSERT INTO positions (id, version, title, department, location, description, state, \
         headcount, hired, stages, manager, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(row.id)
    .bind(row.version)
    .bind(row.title)
    .bind(row.department)
    .bind(row.location)
    .bind(row.description)
    .bind(row.state.as_str())
    .bind(row.headcount)
    .bind(row.hired)
    .bind(row.stages.stored())
    .bind(row.manager)
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
    title: Option<Line<120>>,
    department: Option<Slug>,
    location: Option<Line<120>>,
    description: Option<Prose<8000>>,
    headcount: Option<Headcount>,
    stages: Option<Stages>,
    manager: Option<Slug>,
}

/// `PATCH /v1/positions/{id}`
pub(crate) async fn patch(
    State(api): State<Api>,
    caller: By,
    InPath(id): InPath<Id>,
    if_match: IfMatch,
    Body(patch): Body<Patch>,
) -> Result<Response, Problem> {
    if caller.grant != crate::recruitment::role::Grant::Every && patch.manager.is_some() {
        let detail = "only who may change every position may give one to another manager";
        return Err(Problem::new(StatusCode::FORBIDDEN, detail));
    }
    alter(&api, &caller, (id, if_match), "changed", move |position| {
        patch.apply(position)
    })
    .await
}

/// `POST /v1/positions/{id}/opening`
pub(crate) async fn open(
    State(api): State<Api>,
    caller: By,
    InPath(id): InPath<Id>,
    if_match: IfMatch,
) -> Result<Response, Problem> {
    let turn = |position: &mut Position| turn(position, PositionState::Draft, PositionState::Open);
    alter(&api, &caller, (id, if_match), "opened", turn).await
}

/// `POST /v1/positions/{id}/closing`
pub(crate) async fn close(
    State(api): State<Api>,
    caller: By,
    InPath(id): InPath<Id>,
    if_match: IfMatch,
) -> Result<Response, Problem> {
    let turn = |position: &mut Position| turn(position, PositionState::Open, PositionState::Closed);
    alter(&api, &caller, (id, if_match), "closed", turn).await
}

fn turn(position: &mut Position, from: PositionState, to: PositionState) -> Result<(), Problem> {
    if position.state == from {
        position.state = to;
        return Ok(());
    }
    let legal = match position.state {
        PositionState::Draft => vec!["opening"],
        PositionState::Open => vec!["closing"],
        PositionState::Closed => vec![],
    };
    let state = position.state.as_str();
    Err(conflict(format!("the position is {state}")).member("legal", legal))
}

impl Patch {
    fn apply(self, position: &mut Position) -> Result<(), Problem> {
        if let Some(stages) = self.stages {
            if position.state != PositionState::Draft && position.stages != stages {
                let detail = "stages can be changed in a draft only: applications are in them";
                return Err(conflict(detail).at("/stages", detail));
            }
            position.stages = stages;
        }
        if let Some(headcount) = self.headcount {
            if headcount.count() < position.hired {
                let detail = format!("{} are hired already", position.hired);
                return Err(conflict(detail.clone()).at("/headcount", detail));
            }
            position.headcount = headcount.count();
        }
        let replace = |place: &mut String, new: Option<String>| {
            if let Some(new) = new {
                *place = new;
            }
        };
        replace(&mut position.title, self.title.map(Into::into));
        replace(&mut position.department, self.department.map(Into::into));
        replace(&mut position.location, self.location.map(Into::into));
        replace(&mut position.description, self.description.map(Into::into));
        replace(&mut position.manager, self.manager.map(Into::into));
        Ok(())
    }
}

/// Changes one position that is at a version the caller has seen.
async fn alter(
    api: &Api,
    caller: &By,
    (id, if_match): (Id, IfMatch),
    verb: &'static str,
    how: impl FnOnce(&mut Position) -> Result<(), Problem> + Send + 'static,
) -> Result<Response, Problem> {
    let deed = api.deed(caller);
    let (by, asking) = (deed.clone(), caller.clone());
    let written = api.change(UPDATE, move |connection| {
        Box::pin(async move {
            let Some(before) = Position::fetch(connection, id, &asking).await? else {
                return Ok(Err(absent("position", id)));
            };
            let mut after = before.clone();
            if let Err(problem) = if_match
                .check(before.version)
                .and_then(|()| how(&mut after))
            {
                return Ok(Err(problem));
            }
            after.version += 1;
            after.updated_at = by.at.nanos();
            update(connection, after, &before, (by, verb)).await
        })
    });
    let (position, act) = written.await?;
    api.tell(&deed, &act);
    Ok(shown(StatusCode::OK, position.version, position.view()))
}

async fn update(
    connection: &mut Connection,
    row: Position,
    before: &Position,
    (deed, verb): (Deed, &'static str),
) -> Outcome<(Position, Act)> {
    let (old, new) = differences(&before.view(), &row.view());
    let act = Act {
        kind: "position",
        verb,
        object: row.id.clone(),
        before: old,
        after: new,
    };
    let written = row.clone();
    sql::query(
        "UPDATE positions SET version = ?, title = ?, department = ?, location = ?, description = ?, \
         state = ?, headcount = ?, stages = ?, manager = ?, updated_at = ? WHERE id = ?",
    )
    .bind(written.version)
    .bind(written.title)
    .bind(written.department)
    .bind(written.location)
    .bind(written.description)
    .bind(written.state.as_str())
    .bind(written.headcount)
    .bind(written.stages.stored())
    .bind(written.manager)
    .bind(written.updated_at)
    .bind(written.id)
    .execute(&mut *connection)
    .await?;
    deed.record(connection, &act).await?;
    Ok(Ok((row, act)))
}

/// The members in which two objects differ.
fn differences(before: &Value, after: &Value) -> (Value, Value) {
    let (mut old, mut new) = (Map::new(), Map::new());
    for (name, value) in after.as_object().into_iter().flatten() {
        if before[name] != *value && name != "updated_at" {
            old.insert(name.clone(), before[name].clone());
            new.insert(name.clone(), value.clone());
        }
    }
    (old.into(), new.into())
}
