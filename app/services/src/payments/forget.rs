use std::time::Duration;

use tokio_util::sync::CancellationToken;
use watchfire_schemas::Timestamp;

use crate::failure::{Failure, Via, frame};
use crate::payments::idempotency;
use crate::payments::writer::Writer;
use crate::sql;
use crate::statement::{Operation, Statement};

const FORGET: Statement = Statement::new(Operation::Delete, "idempotency_keys");
/// An event that comes again does so within the hours of its retries; a person may redrive it later.
const INBOX_KEPT: Duration = Duration::from_hours(30 * 24);
/// So many rows of a table go in one transaction, which commands wait for.
pub(crate) const AT_ONCE: u64 = 1000;

/// Forgets all that has expired, part after part, so that what comes in a day goes in a day however
/// much it is.
pub(crate) async fn forget(
    writer: &Writer,
    now: Timestamp,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    while !stop.is_cancelled() {
        let forgetting = writer.commit(FORGET, move |connection| {
            Box::pin(async move {
                let keys = idempotency::forget(&mut *connection, now).await?;
                let taken = sql::query(
                    "DELETE FROM inbox WHERE (consumer, event) IN \
                     (SELECT consumer, event FROM inbox WHERE taken_at < ? LIMIT 1000)",
                );
                let taken = taken.bind((now - INBOX_KEPT).nanos());
                Ok(keys.max(taken.execute(connection).await?.rows_affected()))
            })
        });
        if forgetting.await.via(frame!("forget"))? < AT_ONCE {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use prometheus_client::registry::Registry;
    use tokio::task::JoinSet;

    use super::*;
    use crate::database::{Durability, scratch};
    use crate::fault::Faults;
    use crate::payments::MIGRATIONS;
    use crate::payments::instruments::CommitInstruments;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    #[tokio::test]
    async fn all_that_has_expired_goes_however_much_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let faults = Arc::new(Faults::none(1));
        let path = folder.path();
        let opened = scratch::open(path, "payments", &MIGRATIONS, Durability::Process, faults);
        let database = opened.await.unwrap();
        let instruments = CommitInstruments::register(&mut Registry::default());
        let opened = database.clone();
        let (writer, committer) = Writer::new(opened, instruments, Arc::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(committer.run());

        let mut connection = database.writer().await.unwrap();
        let taken = |n: i64| (NOW - INBOX_KEPT).nanos() - 1 + n / 2_500;
        for n in 0..2_510 {
            let insert = "INSERT INTO inbox (consumer, event, taken_at) VALUES ('ledger', ?, ?)";
            let insert = sql::query(insert).bind(n.to_string()).bind(taken(n));
            insert.execute(&mut connection).await.unwrap();
        }
        drop(connection);
        forget(&writer, NOW, &CancellationToken::new())
            .await
            .unwrap();
        let mut connection = database.writer().await.unwrap();
        let left: i64 = sql::query_scalar("SELECT count(*) FROM inbox")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(left, 10);
    }
}
