use std::fmt;

/// Why a scrape failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScrapeFailure {
    pub(crate) reason: FailureReason,
    /// In words.
    pub(crate) text: String,
}

/// A closed set, since it becomes a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum FailureReason {
    /// A secret, a certificate or a key cannot be read.
    Credentials,
    /// No connection, or it broke off.
    Unreachable,
    /// No whole answer in time.
    Timeout,
    /// The answer's status is not 200.
    Status,
    /// The body is larger than may be.
    BodySize,
    /// The body is no exposition.
    Malformed,
    /// More samples than may be.
    SampleLimit,
    /// A label, or their number, is larger than may be.
    LabelLimit,
    /// The job has more targets than may be.
    TargetLimit,
}

impl FailureReason {
    pub(crate) const ALL: [Self; 9] = [
        Self::Credentials,
        Self::Unreachable,
        Self::Timeout,
        Self::Status,
        Self::BodySize,
        Self::Malformed,
        Self::SampleLimit,
        Self::LabelLimit,
        Self::TargetLimit,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Status => "status",
            Self::BodySize => "body_size",
            Self::Malformed => "malformed",
            Self::SampleLimit => "sample_limit",
            Self::LabelLimit => "label_limit",
            Self::TargetLimit => "target_limit",
        }
    }

    pub(crate) fn because(self, text: impl Into<String>) -> ScrapeFailure {
        ScrapeFailure {
            reason: self,
            text: text.into(),
        }
    }
}

impl fmt::Display for ScrapeFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
