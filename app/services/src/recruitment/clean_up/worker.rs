use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::failure::{Failure, Via, frame};
use crate::recruitment::api::Api;
use crate::recruitment::clean_up::round::plan;
use crate::recruitment::clean_up::{Extent, Policy, Removals};
use crate::recruitment::instruments::InState;
use crate::sql;
use crate::statement::{Operation, Statement};

/// How often a round is made.
const EVERY: Duration = Duration::from_mins(1);
/// Every so many rounds, and in the first, the files on disk are gone through.
const THOROUGH_EVERY: u32 = 60;
const MEASURE: Statement = Statement::new(Operation::Count, "files");

/// A round at once, and one every minute until `stop`.
pub(crate) async fn run(api: Api, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut rounds = 0_u32;
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let extent = match rounds % THOROUGH_EVERY {
            0 => Extent::RowsAndFiles,
            _ => Extent::Rows,
        };
        rounds = rounds.wrapping_add(1);
        let span = tracing::info_span!("clean-up", "otel.status_code" = tracing::field::Empty);
        let round = async {
            if let Err(failure) = round(&api, Policy::USUAL, extent).await {
                tracing::Span::current().record("otel.status_code", "ERROR");
                failure.report(format_args!("a round of the clean-up failed"));
            }
        };
        round.instrument(span).await;
    }
}

/// Takes away what the policy gives up.
pub(super) async fn round(api: &Api, policy: Policy, extent: Extent) -> Result<Removals, Failure> {
    let begun = Instant::now();
    let plan = plan(api, policy, extent).await.via(frame!("round"))?;
    let removals = plan.carry_out(api, policy).await.via(frame!("round"))?;
    measure(api).await.via(frame!("round"))?;
    api.instruments
        .clean_up_seconds
        .observe(begun.elapsed().as_secs_f64());
    api.instruments
        .last_clean_up
        .set(api.clock.now().as_secs_f64());
    if !removals.is_empty() {
        let files = removals.unreferenced_files + removals.unknown_files + removals.abandoned_files;
        tracing::info!(
            "recruitment.candidates" = removals.candidates,
            "recruitment.documents" = removals.documents,
            "recruitment.files" = files,
            "recruitment.bytes" = removals.bytes,
            "clean-up erased {} candidates, let go of {} documents, removed {files} files of {} bytes",
            removals.candidates,
            removals.documents,
            removals.bytes
        );
    }
    Ok(removals)
}

/// Sets the gauges to what the database holds.
async fn measure(api: &Api) -> Result<(), Failure> {
    let counting = api.database.read(MEASURE, |connection| {
        Box::pin(async move {
            let (files, bytes): (i64, i64) =
                sql::query_as("SELECT count(*), CAST(coalesce(sum(size), 0) AS BIGINT) FROM files")
                    .fetch_one(&mut *connection)
                    .await?;
            let states: Vec<(String, i64)> =
                sql::query_as("SELECT state, count(*) FROM applications GROUP BY state")
                    .fetch_all(connection)
                    .await?;
            Ok((files, bytes, states))
        })
    });
    let (files, bytes, states) = counting.await.via(frame!("measure"))?;
    api.instruments.stored_files.set(files);
    api.instruments.stored_bytes.set(bytes);
    for (state, count) in states {
        api.instruments
            .applications
            .get_or_create(&InState { state })
            .set(count);
    }
    Ok(())
}
