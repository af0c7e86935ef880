//! Patterns: which lines say the same with other numbers, names and addresses.

mod types;

pub use types::{PatternChange, PatternList, PatternSearch, PatternSummary};
