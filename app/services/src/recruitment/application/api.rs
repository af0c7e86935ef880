use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::database::connection::Connection;
use crate::problem::{Body, InPath, InQuery, Problem};
use crate::recruitment::access::{By, Caller, Scope};
use crate::recruitment::api::{Api, Outcome, absent, conflict, shown};
use crate::recruitment::application::{Application, ApplicationState, Salary};
use crate::recruitment::candidate::{Candidate, CandidateState};
use crate::recruitment::id::Id;
use crate::recruitment::page::Paging;
use crate::recruitment::position::{Position, PositionState};
use crate::recruitment::text::Slug;
use crate::recruitment::trail::{Act, Deed};
use crate::sql::{self, QueryBuilder};
use crate::statement::{Operation, Statement};

const LIST: Statement = Statement::new(Operation::Select, "applications");
const INSERT: Statement = Statement::new(Operation::Insert, "applications");
const ORDERS: [&str; 3] = ["created_at", "updated_at", "stage_since"];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    candidate: Option<Id>,
    position: Option<Id>,
    state: Option<ApplicationState>,
    stage: Option<Slug>,
    sort: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// `GET /v1/applications`
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
    let mut sql = QueryBuilder::new("SELECT * FROM applications WHERE true");
    caller.restrict(&mut sql, Scope::Applications("id"));
    if let Some(candidate) = asked.candidate {
        sql.push(" AND candidate = ")
            .push_bind(candidate.to_string());
    }
    if let Some(position) = asked.position {
        sql.push(" AND position = ").push_bind(position.to_string());
    }
    if let Some(state) = asked.state {
        sql.push(" AND state = ").push_bind(state.as_str());
    }
    if let Some(stage) = asked.stage {
        sql.push(" AND stage = ").push_bind(String::from(stage));
    }
    paging.apply(&mut sql);
    let read = api.look(LIST, move |connection| {
        Box::pin(async move {
            sql.build_query_as::<Application>()
                .fetch_all(connection)
                .await
        })
    });
    let (page, next) = paging.cut(read.await?);
    let applications: Vec<Value> = page.iter().map(|row| row.view(&caller)).collect();
    Ok(Json(json!({ "applications": applications, "next": next })))
}

/// `GET /v1/applications/{id}`
pub(crate) async fn show(
    State(api): State<Api>,
    caller: By,
    InPath(id): InPath<Id>,
) -> Result<Response, Problem> {
    let asking = caller.0.clone();
    let read = api.look(LIST, move |connection| {
        Box::pin(async move { Application::fetch(connection, id, &asking).await })
    });
    let application = read.await?.ok_or_else(|| absent("application", id))?;
    Ok(shown(
        StatusCode::OK,
        application.version,
        application.view(&caller),
    ))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct New {
    candidate: Id,
    position: Id,
    salary_expectation: Option<Salary>,
}

/// `POST /v1/applications`
pub(crate) async fn create(
    State(api): State<Api>,
    caller: By,
    Body(new): Body<New>,
) -> Result<Response, Problem> {
    let deed = api.deed(&caller);
    let (by, asking) = (deed.clone(), caller.0.clone());
    let written = api.change(INSERT, move |connection| {
        Box::pin(async move { enter(connection, new, &asking, &by).await })
    });
    let (application, act) = written.await?;
    api.tell(&deed, &act);
    Ok(shown(
        StatusCode::CREATED,
        application.version,
        application.view(&caller),
    ))
}

async fn enter(
    connection: &mut Connection,
    new: New,
    caller: &Caller,
    deed: &Deed,
) -> Outcome<(Application, Act)> {
    let unknown = |pointer: &str, detail: &str| {
        Ok(Err(Problem::unprocessable(
            "the application refers to what is not there",
        )
        .at(pointer, detail)))
    };
    let Some(candidate) = Candidate::fetch(connection, new.candidate, caller).await? else {
        return unknown("/candidate", "there is no such candidate");
    };
    let Some(position) = Position::fetch(connection, new.position, caller).await? else {
        return unknown("/position", "there is no such position");
    };
    if candidate.state == CandidateState::Erased {
        return Ok(Err(
            conflict("the candidate was erased").at("/candidate", "erased")
        ));
    }
    if position.state != PositionState::Open {
        let state = position.state.as_str();
        let detail = format!("the position is {state}, and open ones only can be applied for");
        return Ok(Err(conflict(detail).at("/position", state)));
    }
    let under_way: Option<String> = sql::query_scalar(
        "SELECT id FROM applications WHERE candidate = ? AND position = ? AND state = 'active'",
    )
    .bind(&candidate.id)
    .bind(&position.id)
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(other) = under_way {
        let detail = format!("the candidate's application {other} for this position is under way");
        return Ok(Err(conflict(detail).member("application", other)));
    }
    let salary = new.salary_expectation.map(Salary::columns);
    let now = deed.at.nanos();
    let application = Application {
        id: Id::at(deed.at).to_string(),
        version: 1,
        candidate: candidate.id,
        position: position.id,
        state: ApplicationState::Active,
        stage: position.stages.first().as_str().to_owned(),
        stage_since: now,
        reason: None,
        note: None,
        salary_amount: salary.as_ref().map(|(amount, _)| *amount),
        salary_currency: salary.map(|(_, currency)| currency),
        decided_at: None,
        created_at: now,
        updated_at: now,
    };
    insert(connection, &application).await?;
    let act = Act {
        kind: "application",
        verb: "created",
        object: application.id.clone(),
        before: Value::Null,
        after: application.impersonal(),
    };
    deed.record(connection, &act).await?;
    Ok(Ok((application, act)))
}

async fn insert(connection: &mut Connection, row: &Application) -> Result<(), sqlx::Error> {
    sql::query(
        "INSERT INTO applications (id, version, candidate, position, state, stage, stage_since, \
         salary_amount, salary_currency, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&row.id)
    .bind(row.version)
    .bind(&row.candidate)
    .bind(&row.position)
    .bind(row.state.as_str())
    .bind(&row.stage)
    .bind(row.stage_since)
    .bind(row.salary_amount)
    .bind(&row.salary_currency)
    .bind(row.created_at)
    .bind(row.updated_at)
    .execute(connection)
    .await?;
    Ok(())
}
