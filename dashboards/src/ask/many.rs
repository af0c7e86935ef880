//! Several expressions at once.

use std::time::Duration;

use futures_util::future::join_all;
use watchfire_schemas::TimeRange;
use watchfire_tsdb::RangeSeries;

use crate::Console;
use crate::shell::Shell;

/// All of them over one range, in their order. What could not be answered is nothing, and said on
/// the page once.
pub(crate) async fn many(
    console: &Console,
    shell: &mut Shell,
    what: &str,
    exprs: Vec<String>,
    range: TimeRange,
    step: Duration,
) -> Vec<Vec<RangeSeries>> {
    let asked = exprs
        .into_iter()
        .map(|expr| super::range(console, expr, range, step));
    let mut failed = None;
    let answers = join_all(asked)
        .await
        .into_iter()
        .map(|answer| match answer {
            Ok(answer) => answer.value,
            Err(error) => {
                failed = Some(error);
                Vec::new()
            }
        });
    let answers = answers.collect();
    if let Some(error) = failed {
        shell.take::<(), _>(&format!("{what}: not all of it"), Err(error));
    }
    answers
}
