use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use watchfire_schemas::Timestamp;

use crate::database::connection::Connection;
use crate::problem::{Body, InPath, Problem};
use crate::recruitment::access::{By, Caller};
use crate::recruitment::api::{Api, Outcome, absent, conflict, shown};
use crate::recruitment::application::progress::{Progress, Step};
use crate::recruitment::application::{Application, ApplicationState};
use crate::recruitment::id::Id;
use crate::recruitment::position::Position;
use crate::recruitment::precondition::IfMatch;
use crate::recruitment::text::{Prose, Slug};
use crate::recruitment::trail::{Act, Deed};
use crate::sql;
use crate::statement::{Operation, Statement};

const STEP: Statement = Statement::new(Operation::Update, "applications");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Move {
    to: Slug,
}

/// Why an application is rejected.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reason {
    Qualification,
    Experience,
    Salary,
    Availability,
    PositionFilled,
    PositionCancelled,
    Other,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rejection {
    reason: Reason,
    note: Option<Prose<2000>>,
}

/// What a step brings, apart from the step itself.
#[derive(Debug)]
enum Taken {
    Moved(Slug),
    Rejected(Reason, Option<String>),
    Withdrawn,
    Hired,
}

/// `POST /v1/applications/{id}/moves`
pub(crate) async fn advance(
    State(api): State<Api>,
    caller: By,
    InPath(id): InPath<Id>,
    if_match: IfMatch,
    Body(body): Body<Move>,
) -> Result<Response, Problem> {
    take(&api, &caller, id, if_match, Taken::Moved(body.to)).await
}

/// `POST /v1/applications/{id}/rejection`
pub(crate) async fn reject(
    State(api): State<Api>,
    caller: By,
    InPath(id): InPath<Id>,
    if_match: IfMatch,
    Body(body): Body<Rejection>,
) -> Result<Response, Problem> {
    let note = body.note.map(String::from).filter(|note| !note.is_empty());
    take(
        &api,
        &caller,
        id,
        if_match,
        Taken::Rejected(body.reason, note),
    )
    .await
}

/// `POST /v1/applications/{id}/withdrawal`
pub(crate) async fn withdraw(
    State(api): State<Api>,
    caller: By,
    InPath(id): InPath<Id>,
    if_match: IfMatch,
) -> Result<Response, Problem> {
    take(&api, &caller, id, if_match, Taken::Withdrawn).await
}

/// `POST /v1/applications/{id}/hire`
pub(crate) async fn hire(
    State(api): State<Api>,
    caller: By,
    InPath(id): InPath<Id>,
    if_match: IfMatch,
) -> Result<Response, Problem> {
    take(&api, &caller, id, if_match, Taken::Hired).await
}

/// What a step left behind.
struct Trace {
    application: Application,
    acts: Vec<Act>,
    /// How long it had been where it was, if it left.
    stayed: f64,
}

async fn take(
    api: &Api,
    caller: &By,
    id: Id,
    if_match: IfMatch,
    taken: Taken,
) -> Result<Response, Problem> {
    let deed = api.deed(caller);
    let (by, asking) = (deed.clone(), caller.0.clone());
    let written = api.change(STEP, move |connection| {
        Box::pin(async move { write(connection, (id, if_match), &asking, &by, taken).await })
    });
    let Trace {
        application,
        acts,
        stayed,
    } = written.await?;
    for act in &acts {
        api.tell(&deed, act);
    }
    api.instruments.left_stage(stayed);
    Ok(shown(
        StatusCode::OK,
        application.version,
        application.view(caller),
    ))
}

async fn write(
    connection: &mut Connection,
    (id, if_match): (Id, IfMatch),
    caller: &Caller,
    deed: &Deed,
    taken: Taken,
) -> Outcome<Trace> {
    let Some(before) = Application::fetch(connection, id, caller).await? else {
        return Ok(Err(absent("application", id)));
    };
    let position: Position = sql::query_as("SELECT * FROM positions WHERE id = ?")
        .bind(&before.position)
        .fetch_one(&mut *connection)
        .await?;
    let legal = if_match
        .check(before.version)
        .and_then(|()| is_legal(&before, &position, &taken));
    if let Err(problem) = legal {
        return Ok(Err(problem));
    }
    let mut acts = Vec::new();
    if matches!(taken, Taken::Hired) {
        acts.push(fill(connection, &position, deed.at).await?);
    }
    let stayed = deed
        .at
        .seconds_since(Timestamp::from_nanos(before.stage_since));
    let (application, verb) = taken.apply(before.clone(), deed.at);
    acts.insert(0, told(&before, &application, verb));
    update(connection, &application).await?;
    for act in &acts {
        deed.record(connection, act).await?;
    }
    Ok(Ok(Trace {
        application,
        acts,
        stayed,
    }))
}

fn is_legal(application: &Application, position: &Position, taken: &Taken) -> Result<(), Problem> {
    let progress = Progress {
        state: application.state,
        stage: &application.stage,
        stages: position.stages.names(),
        position: position.state,
        vacancies: position.headcount - position.hired,
    };
    let step = taken.step();
    if progress.allows(step) {
        return Ok(());
    }
    let legal: Vec<String> = progress.legal().into_iter().map(Step::name).collect();
    let here = match application.state {
        ApplicationState::Active => format!("in the stage {}", application.stage),
        state => state.as_str().to_owned(),
    };
    let only = if legal.is_empty() {
        "nothing".to_owned()
    } else {
        legal.join(", ")
    };
    let (name, place) = (step.name(), position.state.as_str());
    let detail = format!(
        "{name} is not possible: the application is {here}, its position {place} with {} to hire; possible: {only}",
        progress.vacancies
    );
    Err(conflict(detail).member("legal", legal))
}

impl Taken {
    fn step(&self) -> Step<'_> {
        match self {
            Self::Moved(stage) => Step::To(stage.as_str()),
            Self::Rejected(..) => Step::Reject,
            Self::Withdrawn => Step::Withdraw,
            Self::Hired => Step::Hire,
        }
    }

    fn apply(self, mut application: Application, at: Timestamp) -> (Application, &'static str) {
        let now = at.nanos();
        application.version += 1;
        application.updated_at = now;
        let (state, verb) = match self {
            Self::Moved(stage) => {
                application.stage = stage.into();
                application.stage_since = now;
                return (application, "moved");
            }
            Self::Rejected(reason, note) => {
                application.reason = Some(reason.as_str().to_owned());
                application.note = note;
                (ApplicationState::Rejected, "rejected")
            }
            Self::Withdrawn => (ApplicationState::Withdrawn, "withdrawn"),
            Self::Hired => (ApplicationState::Hired, "hired"),
        };
        application.state = state;
        application.decided_at = Some(now);
        (application, verb)
    }
}

impl Reason {
    fn as_str(self) -> &'static str {
        match self {
            Self::Qualification => "qualification",
            Self::Experience => "experience",
            Self::Salary => "salary",
            Self::Availability => "availability",
            Self::PositionFilled => "position-filled",
            Self::PositionCancelled => "position-cancelled",
            Self::Other => "other",
        }
    }
}

fn told(before: &Application, after: &Application, verb: &'static str) -> Act {
    let members = |row: &Application| -> Value {
        json!({ "state": row.state, "stage": row.stage, "reason": row.reason })
    };
    Act {
        kind: "application",
        verb,
        object: after.id.clone(),
        before: members(before),
        after: members(after),
    }
}

async fn fill(
    connection: &mut Connection,
    position: &Position,
    at: Timestamp,
) -> Result<Act, sqlx::Error> {
    sql::query("UPDATE positions SET hired = hired + 1, version = version + 1, updated_at = ? WHERE id = ?")
        .bind(at.nanos())
        .bind(&position.id)
        .execute(connection)
        .await?;
    Ok(Act {
        kind: "position",
        verb: "filled",
        object: position.id.clone(),
        before: json!({ "hired": position.hired }),
        after: json!({ "hired": position.hired + 1 }),
    })
}

async fn update(connection: &mut Connection, row: &Application) -> Result<(), sqlx::Error> {
    sql::query(
        "UPDATE applications SET version = ?, state = ?, stage = ?, stage_since = ?, reason = ?, \
         note = ?, decided_at = ?, updated_at = ? WHERE id = ?",
    )
    .bind(row.version)
    .bind(row.state.as_str())
    .bind(&row.stage)
    .bind(row.stage_since)
    .bind(&row.reason)
    .bind(&row.note)
    .bind(row.decided_at)
    .bind(row.updated_at)
    .bind(&row.id)
    .execute(connection)
    .await?;
    Ok(())
}
