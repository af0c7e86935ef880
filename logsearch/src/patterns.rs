//! Patterns: which lines say the same with other numbers, names and addresses.
//!
//! A line is masked, so that what varies by its look is named instead ([`masks`],
//! [`masked_line`]); what is left is compared with the templates of patterns that are known
//! ([`template`], [`miner`]). In the spirit of Drain: online, one line at a time, one fixed
//! configuration.

mod id;
mod masked_line;
mod masks;
mod metrics;
mod miner;
mod pattern_miner;
mod recent;
mod saved;
mod summary;
mod table;
mod tally;
mod template;
mod types;

pub use id::{NoPatternId, PatternId};
pub use pattern_miner::PatternMiner;
pub use types::{PatternChange, PatternList, PatternSearch, PatternSummary};

pub(crate) use summary::patterns;
pub(crate) use table::PatternTable;
