use std::fmt;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// The file cannot be used.
    Error,
    /// It can, but hardly as it was meant.
    Warning,
}

/// What is wrong in a rule file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFinding {
    pub file: String,
    pub line: usize,
    pub column: usize,
    pub weight: Weight,
    pub reason: String,
}

impl fmt::Display for RuleFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.weight {
            Weight::Error => "",
            Weight::Warning => "warning: ",
        };
        let Self {
            file,
            line,
            column,
            reason,
            ..
        } = self;
        write!(f, "{file}:{line}:{column}: {word}{reason}")
    }
}

impl std::error::Error for RuleFinding {}
