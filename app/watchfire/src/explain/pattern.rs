//! `watchfire explain pattern FILE`.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::json;
use watchfire_logsearch::{PatternId, PatternMiner};

/// Tells of each line which pattern it follows, once all are read: the later ones say which of the
/// words of the first vary.
pub(super) fn run(path: &Path) -> anyhow::Result<()> {
    let cannot = || format!("{} cannot be read", path.display());
    let found = if path.as_os_str() == "-" {
        patterns(io::stdin().lock()).context("standard input cannot be read")?
    } else {
        let file = File::open(path).with_context(cannot)?;
        patterns(BufReader::new(file)).with_context(cannot)?
    };
    match write(&found, BufWriter::new(io::stdout().lock())) {
        // Who reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("the answer cannot be written"),
    }
}

fn write(found: &Found, mut out: impl Write) -> io::Result<()> {
    for (line, id) in &found.lines {
        let template = &found.templates[id];
        let answer = json!({"line": line, "pattern": id.to_string(), "template": template});
        writeln!(out, "{answer}")?;
    }
    out.flush()
}

struct Found {
    /// Lines that are not empty, by their number.
    lines: Vec<(usize, PatternId)>,
    templates: HashMap<PatternId, String>,
}

fn patterns(mut input: impl BufRead) -> io::Result<Found> {
    let mut miner = PatternMiner::default();
    let mut found = Found {
        lines: Vec::new(),
        templates: HashMap::new(),
    };
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        if input.read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        let line = String::from_utf8_lossy(&bytes);
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let id = match message(line) {
            Some(message) => miner.assign(&message),
            None => miner.assign(line),
        };
        // Now, in case it is forgotten before the end.
        let now = || miner.template(id).unwrap_or_default().to_owned();
        found.templates.entry(id).or_insert_with(now);
        found.lines.push((number, id));
    }
    for (id, known) in &mut found.templates {
        if let Some(template) = miner.template(*id) {
            template.clone_into(known);
        }
    }
    Ok(found)
}

/// The message of a log line; none of plain text.
fn message(line: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct LogLine {
        message: String,
    }
    if !line.starts_with('{') {
        return None;
    }
    serde_json::from_str(line)
        .ok()
        .map(|LogLine { message }| message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_lines_and_plain_lines_have_the_same_patterns() {
        let input = "\
            {\"message\":\"tile 7 sent to ann in 5 ms\",\"severity\":\"INFO\"}\n\
            \n\
            tile 12 sent to ann in 31 ms\r\n\
            {not json} 7\n\
            {\"severity\":\"INFO\"}\n";
        let found = patterns(input.as_bytes()).unwrap();
        let numbers: Vec<usize> = found.lines.iter().map(|(line, _)| *line).collect();
        assert_eq!(numbers, [1, 3, 4, 5]);
        assert_eq!(found.lines[0].1, found.lines[1].1);
        assert_eq!(
            found.templates[&found.lines[0].1],
            "tile <num> sent to ann in <duration>"
        );
        assert_eq!(found.templates[&found.lines[2].1], "{not json} <num>");
    }

    #[test]
    fn bytes_that_are_no_text_are_no_obstacle() {
        let found = patterns(&b"caf\xff 1\ncaf\xff 2\n"[..]).unwrap();
        assert_eq!(found.lines[0].1, found.lines[1].1);
    }
}
