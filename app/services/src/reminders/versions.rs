use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::reminders::name::Name;

/// The version of each person's records, in memory: who asks whether anything is new is answered
/// without the database. The only writer of the database publishes here what it has committed.
///
/// All persons are held, about 100 bytes each; one who is not here has never sent anything.
#[derive(Debug)]
pub(crate) struct Versions {
    /// By the person's hash, so that a writer holds up few readers.
    shards: Vec<RwLock<HashMap<Name, Known>>>,
    hasher: RandomState,
}

/// What is known of one person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    At(u64),
    /// A commit failed, and may have come through all the same: the database must be asked.
    InDoubt,
}

const SHARDS: usize = 64;

impl Versions {
    pub(crate) fn new(all: HashMap<Name, u64>) -> Self {
        let shards = std::iter::repeat_with(RwLock::default).take(SHARDS);
        let versions = Self {
            shards: shards.collect(),
            hasher: RandomState::new(),
        };
        for (person, version) in all {
            versions.publish(person, version);
        }
        versions
    }

    pub(crate) fn of(&self, person: &Name) -> Known {
        let known = self.read(person).get(person).copied();
        known.unwrap_or(Known::At(0))
    }

    /// What was committed. For the writer alone.
    pub(crate) fn publish(&self, person: Name, version: u64) {
        self.write(&person).insert(person, Known::At(version));
    }

    /// Nothing is known of this person until the database is asked.
    pub(crate) fn doubt(&self, person: Name) {
        self.write(&person).insert(person, Known::InDoubt);
    }

    /// What the database said. It counts only where there is still doubt: else it may be old.
    pub(crate) fn settle(&self, person: &Name, version: u64) {
        if let Some(known @ Known::InDoubt) = self.write(person).get_mut(person) {
            *known = Known::At(version);
        }
    }

    fn shard(&self, person: &Name) -> &RwLock<HashMap<Name, Known>> {
        let hash = self.hasher.hash_one(person) as usize;
        &self.shards[hash % SHARDS]
    }

    fn read(&self, person: &Name) -> RwLockReadGuard<'_, HashMap<Name, Known>> {
        let shard = self.shard(person).read();
        shard.unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, person: &Name) -> RwLockWriteGuard<'_, HashMap<Name, Known>> {
        let shard = self.shard(person).write();
        shard.unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubt_is_settled_once_and_never_over_a_commit() {
        let anna = Name::try_from("anna".to_owned()).unwrap();
        let versions = Versions::new(HashMap::from([(anna.clone(), 3)]));
        assert_eq!(versions.of(&anna), Known::At(3));
        versions.settle(&anna, 2);
        assert_eq!(versions.of(&anna), Known::At(3));
        versions.doubt(anna.clone());
        assert_eq!(versions.of(&anna), Known::InDoubt);
        versions.settle(&anna, 4);
        assert_eq!(versions.of(&anna), Known::At(4));
        versions.doubt(anna.clone());
        versions.publish(anna.clone(), 6);
        versions.settle(&anna, 5);
        assert_eq!(versions.of(&anna), Known::At(6));
        let ben = Name::try_from("ben".to_owned()).unwrap();
        assert_eq!(versions.of(&ben), Known::At(0));
    }
}
