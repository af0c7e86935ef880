//! Silences: who says, for how long, and with what reason, that alerts are not to be notified.

pub(crate) mod store;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use watchfire_schemas::{LabelSet, Timestamp};

use super::matcher::{MatchOp, Matcher, Matchers};
use crate::{Alerts, StoreError};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SilenceMatcher {
    pub name: String,
    pub value: String,
    pub is_regex: bool,
    pub is_equal: bool,
}

/// In the order in which they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SilenceState {
    Active,
    Pending,
    Expired,
}

impl SilenceState {
    pub(crate) const ALL: [Self; 3] = [Self::Active, Self::Pending, Self::Expired];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Expired => "expired",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Silence {
    pub id: String,
    /// An alert is silenced if it fits all of them.
    pub matchers: Vec<SilenceMatcher>,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
    pub updated_at: Timestamp,
    pub created_by: String,
    pub comment: String,
    pub annotations: BTreeMap<String, String>,
    pub state: SilenceState,
}

/// What a silence is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSilence {
    /// One that is to be changed.
    pub id: Option<String>,
    pub matchers: Vec<SilenceMatcher>,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
    pub created_by: String,
    pub comment: String,
    pub annotations: BTreeMap<String, String>,
}

#[derive(Debug, thiserror::Error)]
pub enum SilenceError {
    #[error("silence not found")]
    NotFound,
    #[error("{0}")]
    Refused(String),
    #[error("the database could not be written")]
    Store(#[source] StoreError),
}

impl From<sqlx::Error> for SilenceError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(StoreError(error))
    }
}

/// A silence as it is kept, its matchers read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KeptSilence {
    pub id: String,
    pub matchers: Matchers,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
    pub updated_at: Timestamp,
    pub created_by: String,
    pub comment: String,
    pub annotations: BTreeMap<String, String>,
}

impl KeptSilence {
    pub(crate) fn state(&self, now: Timestamp) -> SilenceState {
        if now < self.starts_at {
            SilenceState::Pending
        } else if now > self.ends_at {
            SilenceState::Expired
        } else {
            SilenceState::Active
        }
    }

    pub(crate) fn silences(&self, labels: &LabelSet, now: Timestamp) -> bool {
        self.state(now) == SilenceState::Active && self.matchers.matches(labels)
    }

    pub(crate) fn shown(&self, now: Timestamp) -> Silence {
        let matchers = self.matchers.iter().map(|matcher| SilenceMatcher {
            name: matcher.name.clone(),
            value: matcher.value.clone(),
            is_regex: matcher.op.is_regex(),
            is_equal: matcher.op.is_equal(),
        });
        Silence {
            id: self.id.clone(),
            matchers: matchers.collect(),
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            updated_at: self.updated_at,
            created_by: self.created_by.clone(),
            comment: self.comment.clone(),
            annotations: self.annotations.clone(),
            state: self.state(now),
        }
    }

    /// It is over from now on; one that had not begun never was.
    fn expired(&self, now: Timestamp) -> Self {
        let starts_at = self.starts_at.min(now);
        Self {
            starts_at,
            ends_at: now,
            updated_at: now,
            ..self.clone()
        }
    }

    /// Whether it may become the other and stay the same silence: its past stands.
    fn may_become(&self, other: &Self, now: Timestamp) -> bool {
        let seconds = |at: Timestamp| at.nanos().div_euclid(1_000_000_000);
        self.matchers == other.matchers
            && match self.state(now) {
                SilenceState::Active => {
                    seconds(self.starts_at) == seconds(other.starts_at) && other.ends_at >= now
                }
                SilenceState::Pending => other.starts_at >= now,
                SilenceState::Expired => false,
            }
    }
}

impl NewSilence {
    fn kept(self, now: Timestamp) -> Result<KeptSilence, String> {
        if self.starts_at >= self.ends_at {
            return Err("start time must be before end time".to_owned());
        }
        if self.ends_at < now {
            return Err("end time can't be in the past".to_owned());
        }
        if self.matchers.is_empty() {
            return Err("at least one matcher required".to_owned());
        }
        let mut matchers = Vec::with_capacity(self.matchers.len());
        for (index, matcher) in self.matchers.iter().enumerate() {
            let invalid = |reason: String| format!("invalid label matcher {index}: {reason}");
            if matcher.name.is_empty() {
                return Err(invalid("invalid label name \"\"".to_owned()));
            }
            let op = MatchOp::new(matcher.is_regex, matcher.is_equal);
            matchers.push(Matcher::new(&matcher.name, op, &matcher.value).map_err(invalid)?);
        }
        if matchers.iter().all(|matcher| matcher.matches_value("")) {
            return Err("at least one matcher must not match the empty string".to_owned());
        }
        Ok(KeptSilence {
            id: self.id.unwrap_or_default(),
            matchers: Matchers::in_order_given(matchers),
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            updated_at: now,
            created_by: self.created_by,
            comment: self.comment,
            annotations: self.annotations,
        })
    }
}

impl Alerts {
    /// Those that are active, the first to end first; then those to come; then those that are
    /// over, the last first. Those that are long over are forgotten.
    pub fn silences(&self) -> Vec<Silence> {
        let now = self.clock.now();
        let all = self.routing.silences();
        let mut shown: Vec<Silence> = all.iter().map(|silence| silence.shown(now)).collect();
        shown.sort_by_key(|silence| {
            let key = match silence.state {
                SilenceState::Active => silence.ends_at.nanos(),
                SilenceState::Pending => silence.starts_at.nanos(),
                SilenceState::Expired => -silence.ends_at.nanos(),
            };
            (silence.state, key)
        });
        shown
    }

    pub fn silence(&self, id: &str) -> Option<Silence> {
        let all = self.routing.silences();
        let found = all.iter().find(|silence| silence.id == id)?;
        Some(found.shown(self.clock.now()))
    }

    /// Makes a silence or changes one, and gives its id. Where the past of the one to be changed
    /// would become another, it ends and a new one takes its place.
    pub async fn put_silence(&self, new: NewSilence) -> Result<String, SilenceError> {
        let _one_at_a_time = self.routing.writing.lock().await;
        let now = self.clock.now();
        let known_id = new.id.clone().filter(|id| !id.is_empty());
        let mut silence = new.kept(now).map_err(SilenceError::Refused)?;
        let mut written = Vec::new();
        let mut keeps_id = false;
        if let Some(id) = known_id {
            let all = self.routing.silences();
            let known = all.iter().find(|known| known.id == id);
            let known = known.ok_or(SilenceError::NotFound)?;
            keeps_id = known.may_become(&silence, now);
            if !keeps_id && known.state(now) != SilenceState::Expired {
                written.push(known.expired(now));
            }
        }
        if !keeps_id {
            silence.id = new_id();
            silence.starts_at = silence.starts_at.max(now);
        }
        let id = silence.id.clone();
        written.push(silence);
        self.write_silences(written).await?;
        tracing::info!(silence = %id, "silence {id} written");
        Ok(id)
    }

    /// Ends a silence.
    pub async fn expire_silence(&self, id: &str) -> Result<(), SilenceError> {
        let _one_at_a_time = self.routing.writing.lock().await;
        let now = self.clock.now();
        let all = self.routing.silences();
        let known = all.iter().find(|known| known.id == id);
        let known = known.ok_or(SilenceError::NotFound)?;
        if known.state(now) == SilenceState::Expired {
            return Err(SilenceError::Refused(format!(
                "silence {id} already expired"
            )));
        }
        self.write_silences(vec![known.expired(now)]).await?;
        tracing::info!(silence = %id, "silence {id} expired");
        Ok(())
    }

    async fn write_silences(&self, written: Vec<KeptSilence>) -> Result<(), sqlx::Error> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        for silence in &written {
            store::save(&mut tx, silence).await?;
        }
        tx.commit().await?;
        self.routing.take_silences(written);
        self.routing.wake.notify_one();
        Ok(())
    }
}

/// Of version 4, as Alertmanager's.
fn new_id() -> String {
    let random = uuid::Builder::from_random_bytes(rand::random());
    random.into_uuid().to_string()
}

#[cfg(test)]
mod tests;
