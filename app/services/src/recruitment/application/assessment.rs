use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::FromRow;
use watchfire_schemas::Timestamp;

use crate::database::connection::Connection;
use crate::problem::{Body, InPath, Problem};
use crate::recruitment::access::{By, Caller};
use crate::recruitment::api::{Api, Outcome, absent, conflict};
use crate::recruitment::application::{Application, ApplicationState};
use crate::recruitment::id::Id;
use crate::recruitment::role::Action;
use crate::recruitment::text::Prose;
use crate::recruitment::trail::{Act, Deed};
use crate::sql::{self, QueryBuilder};
use crate::statement::{Operation, Statement};

const LIST: Statement = Statement::new(Operation::Select, "assessments");
const INSERT: Statement = Statement::new(Operation::Insert, "assessments");
/// So many assessments an application may have.
const MOST: i64 = 200;

/// What one interviewer thinks of one application. It has no `Debug`, as it tells of a person.
#[derive(FromRow)]
struct Assessment {
    id: String,
    application: String,
    author: String,
    stage: String,
    score: Option<i64>,
    note: Option<String>,
    created_at: i64,
}

/// 1, strong no, to 5, strong yes.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "i64")]
pub(crate) struct Score(i64);

impl TryFrom<i64> for Score {
    type Error = &'static str;

    fn try_from(score: i64) -> Result<Self, Self::Error> {
        let fits = (1..=5).contains(&score);
        fits.then_some(Self(score)).ok_or("expected 1 to 5")
    }
}

/// `GET /v1/applications/{id}/assessments`: those that the caller wrote, or all, if they may.
pub(crate) async fn list(
    State(api): State<Api>,
    caller: By,
    InPath(id): InPath<Id>,
) -> Result<Json<Value>, Problem> {
    let read = api.look(LIST, move |connection| {
        Box::pin(async move {
            if Application::fetch(connection, id, &caller).await?.is_none() {
                return Ok(None);
            }
            let mut sql = QueryBuilder::new("SELECT * FROM assessments WHERE application = ");
            sql.push_bind(id.to_string());
            if !caller.may(Action::ReadEveryAssessment) {
                sql.push(" AND author = ")
                    .push_bind(caller.subject.as_str().to_owned());
            }
            sql.push(" ORDER BY created_at, id");
            let found: Vec<Assessment> = sql.build_query_as().fetch_all(connection).await?;
            Ok(Some(found))
        })
    });
    let found = read.await?.ok_or_else(|| absent("application", id))?;
    let found: Vec<Value> = found.iter().map(Assessment::view).collect();
    Ok(Json(json!({ "assessments": found })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct New {
    score: Option<Score>,
    note: Option<Prose<8000>>,
}

/// `POST /v1/applications/{id}/assessments`
pub(crate) async fn create(
    State(api): State<Api>,
    caller: By,
    InPath(id): InPath<Id>,
    Body(new): Body<New>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let note = new
        .note
        .map(String::from)
        .filter(|note| !note.trim().is_empty());
    if new.score.is_none() && note.is_none() {
        let detail = "expected a score, a note or both";
        return Err(Problem::unprocessable(detail).at("", detail));
    }
    let deed = api.deed(&caller);
    let (by, asking) = (deed.clone(), caller.0.clone());
    let score = new.score.map(|score| score.0);
    let written = api.change(INSERT, move |connection| {
        Box::pin(async move { enter(connection, id, &asking, &by, (score, note)).await })
    });
    let (assessment, act) = written.await?;
    api.tell(&deed, &act);
    Ok((StatusCode::CREATED, Json(assessment.view())))
}

async fn enter(
    connection: &mut Connection,
    id: Id,
    caller: &Caller,
    deed: &Deed,
    (score, note): (Option<i64>, Option<String>),
) -> Outcome<(Assessment, Act)> {
    let Some(application) = Application::fetch(connection, id, caller).await? else {
        return Ok(Err(absent("application", id)));
    };
    if application.state != ApplicationState::Active {
        let state = application.state.as_str();
        return Ok(Err(conflict(format!("the application is {state}"))));
    }
    let there: i64 = sql::query_scalar("SELECT count(*) FROM assessments WHERE application = ?")
        .bind(&application.id)
        .fetch_one(&mut *connection)
        .await?;
    if there >= MOST {
        return Ok(Err(conflict(format!(
            "an application may have {MOST} assessments"
        ))));
    }
    let assessment = Assessment {
        id: Id::at(deed.at).to_string(),
        application: application.id,
        author: deed.actor.clone(),
        stage: application.stage,
        score,
        note,
        created_at: deed.at.nanos(),
    };
    sql::query(
        "INSERT INTO assessments (id, application, author, stage, score, note, created_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&assessment.id)
    .bind(&assessment.application)
    .bind(&assessment.author)
    .bind(&assessment.stage)
    .bind(assessment.score)
    .bind(&assessment.note)
    .bind(assessment.created_at)
    .execute(&mut *connection)
    .await?;
    let act = Act {
        kind: "assessment",
        verb: "created",
        object: assessment.id.clone(),
        before: Value::Null,
        after: json!({
            "application": assessment.application,
            "stage": assessment.stage,
            "has_score": score.is_some(),
            "has_note": assessment.note.is_some(),
        }),
    };
    deed.record(connection, &act).await?;
    Ok(Ok((assessment, act)))
}

impl Assessment {
    fn view(&self) -> Value {
        json!({
            "id": self.id,
            "application": self.application,
            "author": self.author,
            "stage": self.stage,
            "score": self.score,
            "note": self.note,
            "created_at": Timestamp::from_nanos(self.created_at),
        })
    }
}
