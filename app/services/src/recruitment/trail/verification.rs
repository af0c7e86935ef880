use crate::database::connection::Connection;
use crate::recruitment::trail::Entry;
use crate::recruitment::trail::LAST;
use crate::sql;

/// What a walk along the chain finds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verification {
    /// How many entries there are.
    pub(crate) entries: i64,
    /// The hash of the last that is whole; empty if there is none. Whoever keeps it elsewhere can
    /// later find a trail that was written anew as a whole.
    pub(crate) head: String,
    pub(crate) break_at: Option<Break>,
}

/// Where the chain first breaks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Break {
    pub(crate) sequence: i64,
    pub(crate) why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// The entry does not have the hash that it should have.
    Altered,
    /// An entry is not there.
    Missing,
    /// Where the caller knows a hash, the chain has another one or has ended. If the caller is right.
    Rewritten,
}

impl Why {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Altered => "altered",
            Self::Missing => "missing",
            Self::Rewritten => "rewritten",
        }
    }
}

/// An entry whose hash the caller has kept.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) sequence: i64,
    pub(crate) hash: String,
}

/// So many entries are in memory at once.
const AT_ONCE: i64 = 500;

/// Walks the whole chain.
pub(crate) async fn verify(
    connection: &mut Connection,
    known: Option<Known>,
) -> Result<Verification, sqlx::Error> {
    let last: Option<i64> = sql::query_scalar(LAST)
        .fetch_optional(&mut *connection)
        .await?;
    let mut chain = Chain {
        sequence: 0,
        head: String::new(),
        known,
        break_at: None,
    };
    loop {
        let entries: Vec<Entry> =
            sql::query_as("SELECT * FROM audit WHERE sequence > ? ORDER BY sequence LIMIT ?")
                .bind(chain.sequence)
                .bind(AT_ONCE)
                .fetch_all(&mut *connection)
                .await?;
        if entries.is_empty() || !entries.iter().all(|entry| chain.follow(entry)) {
            break;
        }
    }
    if chain.break_at.is_none() {
        chain.ends(last.unwrap_or(0));
    }
    let entries = sql::query_scalar("SELECT count(*) FROM audit")
        .fetch_one(connection)
        .await?;
    Ok(Verification {
        entries,
        head: chain.head,
        break_at: chain.break_at,
    })
}

/// The chain up to some entry.
struct Chain {
    sequence: i64,
    head: String,
    known: Option<Known>,
    break_at: Option<Break>,
}

impl Chain {
    /// Goes on to the next entry; false if the chain breaks there.
    fn follow(&mut self, entry: &Entry) -> bool {
        let expected = self.sequence + 1;
        if entry.sequence != expected {
            return self.breaks(expected, Why::Missing);
        }
        if entry.hash != entry.hash_after(&self.head) {
            return self.breaks(expected, Why::Altered);
        }
        let is_rewritten = |known: &Known| known.sequence == expected && known.hash != entry.hash;
        if self.known.as_ref().is_some_and(is_rewritten) {
            return self.breaks(expected, Why::Rewritten);
        }
        self.sequence = expected;
        self.head.clone_from(&entry.hash);
        true
    }

    /// Looks at what should have come after the last entry that is there.
    fn ends(&mut self, last: i64) {
        let known = self.known.as_ref().map_or(0, |known| known.sequence);
        if self.sequence < last {
            self.breaks(self.sequence + 1, Why::Missing);
        } else if self.sequence < known {
            self.breaks(known, Why::Rewritten);
        }
    }

    fn breaks(&mut self, sequence: i64, why: Why) -> bool {
        self.break_at = Some(Break { sequence, why });
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(count: i64) -> Vec<Entry> {
        let mut head = String::new();
        (1..=count)
            .map(|sequence| {
                let mut entry = Entry {
                    sequence,
                    at: sequence,
                    actor: "ann".to_owned(),
                    role: "recruiter".to_owned(),
                    action: "position.opened".to_owned(),
                    kind: "position".to_owned(),
                    object: "1".to_owned(),
                    trace_id: None,
                    before: "{}".to_owned(),
                    after: "{}".to_owned(),
                    hash: String::new(),
                };
                entry.hash = entry.hash_after(&head);
                head.clone_from(&entry.hash);
                entry
            })
            .collect()
    }

    fn walk(entries: &[Entry], known: Option<Known>) -> Option<(i64, Why)> {
        let mut chain = Chain {
            sequence: 0,
            head: String::new(),
            known,
            break_at: None,
        };
        if entries.iter().all(|entry| chain.follow(entry)) {
            chain.ends(5);
        }
        chain.break_at.map(|found| (found.sequence, found.why))
    }

    #[test]
    fn a_chain_that_was_touched_breaks_where_it_was() {
        assert_eq!(walk(&entries(5), None), None);
        let mut altered = entries(5);
        altered[2].actor = "bob".to_owned();
        assert_eq!(walk(&altered, None), Some((3, Why::Altered)));
        let mut again = altered;
        let head = again[1].hash.clone();
        again[2].hash = again[2].hash_after(&head);
        assert_eq!(walk(&again, None), Some((4, Why::Altered)));
        let mut cut = entries(5);
        cut.remove(1);
        assert_eq!(walk(&cut, None), Some((2, Why::Missing)));
        assert_eq!(walk(&entries(4), None), Some((5, Why::Missing)));
    }

    #[test]
    fn a_chain_that_was_written_anew_is_found_by_who_kept_a_hash() {
        let known = |hash: &str| {
            Some(Known {
                sequence: 3,
                hash: hash.to_owned(),
            })
        };
        let whole = entries(5);
        assert_eq!(walk(&whole, known(&whole[2].hash)), None);
        assert_eq!(walk(&whole, known("00")), Some((3, Why::Rewritten)));
        let beyond = Known {
            sequence: 9,
            hash: "00".to_owned(),
        };
        assert_eq!(walk(&whole, Some(beyond)), Some((9, Why::Rewritten)));
    }
}
