use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::database::connection::Connection;
use crate::failure::{Failure, Via, frame};
use crate::messages::store::Store;
use crate::sql;
use crate::statement::{Operation, Statement};

const MESSAGES: Statement = Statement::new(Operation::Update, "messages");
/// How long a message that is tried again is worth it, if its own time is over.
const WORTH: Duration = Duration::from_hours(1);

impl Store {
    /// Takes a message out of its queue; whether it was there.
    pub(crate) async fn cancel(&self, id: &str) -> Result<bool, Failure> {
        let id = id.to_owned();
        let canceling = self.journal.write(
            MESSAGES,
            move |connection: &mut Connection| -> BoxFuture<'_, _> {
                Box::pin(async move {
                    let sql =
                        "UPDATE messages SET state = 'canceled' WHERE id = ? AND state = 'queued'";
                    let done = sql::query(sql).bind(id).execute(connection).await?;
                    Ok(done.rows_affected() > 0)
                })
            },
        );
        canceling.await.via(frame!("Store::cancel"))
    }

    /// Puts a message back that was given up; whether it was.
    pub(crate) async fn retry(&self, id: &str) -> Result<bool, Failure> {
        let (id, now) = (id.to_owned(), self.clock.now());
        let retrying = self.journal.write(MESSAGES, move |connection: &mut Connection| -> BoxFuture<'_, _> {
            Box::pin(async move {
                let sql = "UPDATE messages SET state = 'queued', attempts = 0, due_at = ?1, expires_at = CASE WHEN expires_at > ?2 THEN expires_at ELSE ?2 END, bound_to = NULL, avoided = NULL WHERE id = ?3 AND state IN ('failed', 'expired')";
                let query = sql::query(sql).bind(now.nanos()).bind((now + WORTH).nanos()).bind(id);
                Ok(query.execute(connection).await?.rows_affected() > 0)
            })
        });
        retrying.await.via(frame!("Store::retry"))
    }
}
