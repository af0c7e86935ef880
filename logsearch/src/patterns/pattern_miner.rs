use super::id::PatternId;
use super::masked_line::MaskedLine;
use super::miner::{Miner, hash_of};

/// Finds the patterns of lines as the store does at intake, for one thread and without a store.
#[derive(Debug, Default)]
pub struct PatternMiner {
    miner: Miner,
    line: MaskedLine,
}

impl PatternMiner {
    /// The pattern of a message. Only its first line counts.
    pub fn assign(&mut self, message: &str) -> PatternId {
        self.line.read(message);
        self.miner.assign(hash_of(&self.line), message)
    }

    /// What the lines of a pattern share, as far as they have come; none if it was forgotten, for
    /// there were too many others.
    pub fn template(&self, id: PatternId) -> Option<&str> {
        match id {
            PatternId::OTHER => Some("<*>"),
            _ => self.miner.template(id),
        }
    }

    /// About how many bytes it takes in memory.
    pub fn bytes(&self) -> usize {
        self.miner.bytes()
    }
}
