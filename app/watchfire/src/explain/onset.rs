//! `watchfire explain onset`: each line a series, each answered by a line, in order.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::thread;

use anyhow::Context as _;
use watchfire_alerts::onset::{SeriesInput, estimate};

use super::say;

/// How many lines are held in memory at once.
const AT_ONCE: usize = 256;

/// A line and its number.
type Numbered = (usize, String);

pub(super) fn run(path: &Path) -> anyhow::Result<()> {
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let mut waiting: Vec<Numbered> = Vec::with_capacity(AT_ONCE);
    for (index, line) in BufReader::new(file).lines().enumerate() {
        let line = line.with_context(|| format!("{} cannot be read", path.display()))?;
        if !line.trim().is_empty() {
            waiting.push((index + 1, line));
        }
        if waiting.len() == AT_ONCE {
            answer(path, &waiting)?;
            waiting.clear();
        }
    }
    answer(path, &waiting)
}

/// Answers some lines, on as many threads as there are processors.
fn answer(path: &Path, lines: &[Numbered]) -> anyhow::Result<()> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let share = lines.len().div_ceil(threads).max(1);
    let answers: Vec<anyhow::Result<String>> = thread::scope(|scope| {
        let judge = |part: &[Numbered]| part.iter().map(|(_, line)| answered(line)).collect();
        let parts = lines.chunks(share);
        let parts: Vec<_> = parts
            .map(|part| scope.spawn(move || -> Vec<anyhow::Result<String>> { judge(part) }))
            .collect();
        let joined = parts
            .into_iter()
            .map(|part| part.join().expect("judging a series does not panic"));
        joined.flatten().collect()
    });
    for ((number, _), answer) in lines.iter().zip(answers) {
        say(&answer.with_context(|| format!("{}:{number}", path.display()))?);
    }
    Ok(())
}

fn answered(line: &str) -> anyhow::Result<String> {
    let series: SeriesInput = serde_json::from_str(line)
        .context("expected {\"id\",\"start\",\"bin_seconds\",\"counts\"}")?;
    Ok(serde_json::to_string(&estimate(&series)?)?)
}
