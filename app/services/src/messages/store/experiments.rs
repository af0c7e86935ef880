use futures_util::future::BoxFuture;
use watchfire_schemas::Timestamp;

use super::templates::decode;
use crate::database::connection::Connection;
use crate::failure::{Failure, Via, frame};
use crate::messages::channel::Channel;
use crate::messages::experiment::{Experiment, Measured};
use crate::messages::interval::Share;
use crate::messages::store::Store;
use crate::sql::{self, Row};
use crate::statement::{Operation, Statement};

/// Whether an experiment is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Founded {
    New,
    /// There is one of this name.
    Exists,
}

const INSERT: Statement = Statement::new(Operation::Insert, "experiments");
const COUNT: Statement = Statement::new(Operation::Count, "messages");

impl Store {
    pub(crate) async fn add_experiment(&self, experiment: &Experiment) -> Result<Founded, Failure> {
        let experiment = experiment.clone();
        let variants = serde_json::json!(experiment.variants).to_string();
        let writing = self.journal.write(INSERT, move |connection: &mut Connection| -> BoxFuture<'_, _> {
            Box::pin(async move {
                let sql = "INSERT INTO experiments (name, channel, outcome, variants, created_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
                let query = sql::query(sql)
                    .bind(&experiment.name)
                    .bind(experiment.channel.as_str())
                    .bind(experiment.outcome.as_str())
                    .bind(variants)
                    .bind(experiment.created_at.nanos());
                let done = query.execute(connection).await?;
                Ok(if done.rows_affected() > 0 { Founded::New } else { Founded::Exists })
            })
        });
        writing.await.via(frame!("Store::add_experiment"))
    }

    /// For each variant in order: to how many recipients something was sent, and how many of them
    /// were a success.
    pub(crate) async fn counts(&self, experiment: &Experiment) -> Result<Vec<Share>, Failure> {
        let name = experiment.name.clone();
        let variants: Vec<String> = experiment
            .variants
            .iter()
            .map(|variant| variant.name.clone())
            .collect();
        let sql = match experiment.outcome {
            Measured::Delivered => {
                "SELECT count(DISTINCT recipient), count(DISTINCT CASE WHEN delivered_at IS NOT NULL THEN recipient END) FROM messages WHERE experiment = ? AND variant = ? AND sent_at IS NOT NULL"
            }
            Measured::Opened => {
                "SELECT count(DISTINCT recipient), count(DISTINCT CASE WHEN opened_at IS NOT NULL THEN recipient END) FROM messages WHERE experiment = ? AND variant = ? AND sent_at IS NOT NULL"
            }
            Measured::Clicked => {
                "SELECT count(DISTINCT recipient), count(DISTINCT CASE WHEN clicked_at IS NOT NULL THEN recipient END) FROM messages WHERE experiment = ? AND variant = ? AND sent_at IS NOT NULL"
            }
        };
        let reading = self.database.read(COUNT, move |connection| {
            Box::pin(async move {
                let mut counts = Vec::new();
                for variant in &variants {
                    let query = sql::query(sql).bind(&name).bind(variant);
                    let row = query.fetch_one(&mut *connection).await?;
                    let count = |column| row.try_get::<i64, _>(column).map(|count| count as u64);
                    counts.push(Share {
                        of: count(0)?,
                        successes: count(1)?,
                    });
                }
                Ok(counts)
            })
        });
        reading.await.via(frame!("Store::counts"))
    }
}

pub(super) fn read(row: &Row) -> Result<Experiment, sqlx::Error> {
    let channel: String = row.try_get(1)?;
    let outcome: String = row.try_get(2)?;
    Ok(Experiment {
        name: row.try_get(0)?,
        channel: Channel::parse(&channel).ok_or_else(|| decode(format!("no channel {channel}")))?,
        outcome: serde_json::from_value(outcome.into()).map_err(decode)?,
        variants: serde_json::from_str(row.try_get(3)?).map_err(decode)?,
        created_at: Timestamp::from_nanos(row.try_get(4)?),
    })
}
