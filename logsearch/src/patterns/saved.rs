//! The patterns in a file, so that a restart knows them again.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::id::PatternId;
use super::masked_line::WordKind;
use super::miner::{Miner, Pattern};
use super::template::{SlotKind, Template};

/// Counts up with every change after which an older binary would misread the file.
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Saved {
    format: u32,
    /// The one that was not used for longest comes first.
    patterns: Vec<SavedPattern>,
}

#[derive(Serialize, Deserialize)]
struct SavedPattern {
    id: String,
    template: String,
    /// Where each word of the template begins and ends.
    words: Vec<(usize, usize)>,
    /// A letter a word: plain, name, masked, anything.
    kinds: String,
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    #[error("the file cannot be read")]
    Io(#[from] io::Error),
    #[error("the file is damaged: {0}")]
    Damaged(String),
    #[error("format {found} is not the one that this binary reads, {FORMAT}")]
    Format { found: u32 },
}

/// What [`write`] wants to write, taken from the miner while it is locked.
#[derive(Debug)]
pub(super) struct Image(Vec<u8>);

impl Image {
    pub(super) fn of(miner: &Miner) -> Self {
        let patterns = miner.by_last_use().into_iter().map(to_saved).collect();
        let saved = Saved {
            format: FORMAT,
            patterns,
        };
        Self(serde_json::to_vec(&saved).expect("texts and numbers are JSON"))
    }
}

/// Replaces the file as a whole, durably: a reader finds the old one or the new one.
pub(super) fn write(path: &Path, image: &Image) -> io::Result<()> {
    let temporary = path.with_extension("json.tmp");
    let mut file = BufWriter::new(File::create(&temporary)?);
    file.write_all(&image.0)?;
    file.into_inner()
        .map_err(io::IntoInnerError::into_error)?
        .sync_all()?;
    fs::rename(&temporary, path)?;
    match path.parent() {
        Some(dir) => File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}

/// Puts what a file holds into a miner; nothing if there is no file. On an error the miner holds
/// none of it.
pub(super) fn load(path: &Path, miner: &mut Miner) -> Result<(), LoadError> {
    let json = match fs::read(path) {
        Ok(json) => json,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let damaged = |reason: &dyn std::fmt::Display| LoadError::Damaged(reason.to_string());
    let format: FormatOnly = serde_json::from_slice(&json).map_err(|error| damaged(&error))?;
    if format.format != FORMAT {
        return Err(LoadError::Format {
            found: format.format,
        });
    }
    let saved: Saved = serde_json::from_slice(&json).map_err(|error| damaged(&error))?;
    let patterns: Option<Vec<_>> = saved.patterns.into_iter().map(from_saved).collect();
    let patterns = patterns.ok_or_else(|| damaged(&"a pattern is none"))?;
    for (id, template) in patterns {
        miner.restore(id, template);
    }
    Ok(())
}

#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

fn to_saved(pattern: &Pattern) -> SavedPattern {
    let letter = |kind: SlotKind| match kind {
        SlotKind::Is(WordKind::Plain) => 'p',
        SlotKind::Is(WordKind::Name) => 'n',
        SlotKind::Is(WordKind::Masked) => 'm',
        SlotKind::Anything => 'a',
    };
    let slots = pattern.template.slots().iter();
    SavedPattern {
        id: pattern.id.to_string(),
        template: pattern.template.text().to_owned(),
        words: pattern.template.words().to_vec(),
        kinds: slots.map(|slot| letter(slot.kind)).collect(),
    }
}

fn from_saved(saved: SavedPattern) -> Option<(PatternId, Template)> {
    let kind = |letter| {
        Some(match letter {
            'p' => SlotKind::Is(WordKind::Plain),
            'n' => SlotKind::Is(WordKind::Name),
            'm' => SlotKind::Is(WordKind::Masked),
            'a' => SlotKind::Anything,
            _ => return None,
        })
    };
    let kinds: Vec<SlotKind> = saved.kinds.chars().map(kind).collect::<Option<_>>()?;
    let template = Template::from_parts(saved.template, saved.words, &kinds)?;
    Some((saved.id.parse().ok()?, template))
}

#[cfg(test)]
mod tests {
    use super::super::masked_line::MaskedLine;
    use super::super::miner::hash_of;
    use super::*;

    fn assign(miner: &mut Miner, line: &str) -> PatternId {
        let mut masked = MaskedLine::default();
        masked.read(line);
        miner.assign(hash_of(&masked), line)
    }

    #[test]
    fn patterns_survive_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("patterns.json");
        let lines = [
            "session opened for user ann",
            "session opened for user bob",
            "took 5 ms",
            "née café 日本 3",
            "",
        ];
        let mut miner = Miner::default();
        let ids = lines.map(|line| assign(&mut miner, line));
        write(&path, &Image::of(&miner)).unwrap();
        let mut again = Miner::default();
        load(&path, &mut again).unwrap();
        assert_eq!(again.len(), miner.len());
        for id in ids {
            assert_eq!(again.template(id), miner.template(id));
        }
        assert_eq!(assign(&mut again, "session opened for user eve"), ids[0]);
        assert_eq!(lines.map(|line| assign(&mut again, line)), ids);
    }

    #[test]
    fn what_is_no_such_file_is_refused_in_words() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("patterns.json");
        let check = |json: &str, expected: &str| {
            fs::write(&path, json).unwrap();
            let mut miner = Miner::default();
            let error = load(&path, &mut miner).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{json}: {error}");
            assert_eq!(miner.len(), 0);
        };
        check("", "the file is damaged: EOF");
        check(
            r#"{"format":7}"#,
            "format 7 is not the one that this binary reads, 1",
        );
        check(
            r#"{"format":1,"patterns":[{"id":"x","template":"a","words":[[0,1]],"kinds":"p"}]}"#,
            "the file is damaged: a pattern is none",
        );
        check(
            r#"{"format":1,"patterns":[{"id":"0123456789ab","template":"a","words":[[0,9]],"kinds":"p"}]}"#,
            "the file is damaged: a pattern is none",
        );
        assert!(load(&dir.path().join("none"), &mut Miner::default()).is_ok());
    }
}
