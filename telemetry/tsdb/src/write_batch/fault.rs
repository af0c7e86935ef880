/// Why a request cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// It is no protobuf of this form.
    #[error("byte {at}: {what}")]
    Malformed {
        /// Where in the decompressed body.
        at: usize,
        /// What is wrong there.
        what: &'static str,
    },
    /// The table of symbols does not begin with the empty text.
    #[error("the first symbol is not the empty text")]
    FirstSymbol,
    /// Its parts would take much more memory than its bytes: nobody writes so who means samples.
    #[error("its parts would take {limit} bytes and more once read")]
    TooHeavy {
        /// What they may take.
        limit: usize,
    },
    /// Places in it have 32 bits.
    #[error("the body is larger than 4 GiB")]
    TooLarge,
}

/// What will never be taken, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Which series, counted from 0.
    pub series: usize,
    /// Why.
    pub reason: FaultReason,
}

/// Why a part of a request is not taken. A closed set: it becomes a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum FaultReason {
    /// Of 2.0: an odd number of references, or one that no symbol stands for.
    #[error("a label refers to no symbol")]
    SymbolReference,
    /// A label's name or value is not text.
    #[error("a label is not UTF-8")]
    LabelNotUtf8,
    /// Not in the order of their names.
    #[error("labels are not sorted by name")]
    LabelOrder,
    /// The same name twice.
    #[error("a label is there twice")]
    DuplicateLabel,
    /// A label without a name, or without a value.
    #[error("a label has an empty name or value")]
    EmptyLabel,
    /// There is no metric's name.
    #[error("there is no label __name__")]
    NoMetricName,
    /// The parts of a native histogram contradict each other.
    #[error("the parts of a native histogram contradict each other")]
    BadHistogram,
    /// An exemplar whose labels cannot be read, or are longer than an exemplar's may be.
    #[error("an exemplar's labels cannot be read or are longer than 128 characters")]
    BadExemplar,
    /// What is said of a metric is not text.
    #[error("metadata are not UTF-8 or refer to no symbol")]
    BadMetadata,
}

impl FaultReason {
    /// All there are.
    pub const ALL: [Self; 9] = [
        Self::SymbolReference,
        Self::LabelNotUtf8,
        Self::LabelOrder,
        Self::DuplicateLabel,
        Self::EmptyLabel,
        Self::NoMetricName,
        Self::BadHistogram,
        Self::BadExemplar,
        Self::BadMetadata,
    ];

    /// As a metric's label says it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SymbolReference => "symbol_reference",
            Self::LabelNotUtf8 => "label_not_utf8",
            Self::LabelOrder => "label_order",
            Self::DuplicateLabel => "duplicate_label",
            Self::EmptyLabel => "empty_label",
            Self::NoMetricName => "no_metric_name",
            Self::BadHistogram => "bad_histogram",
            Self::BadExemplar => "bad_exemplar",
            Self::BadMetadata => "bad_metadata",
        }
    }
}

/// What a store says against a part of a batch before it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// Which of the batch's series.
    pub series: usize,
    /// What of it.
    pub place: Place,
    /// Why, as a metric's label says it.
    pub reason: &'static str,
    /// Why, in words.
    pub words: String,
}

/// A part of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// All of it.
    All,
    /// One of its samples, counted from 0.
    Sample(usize),
    /// One of its histograms, counted from 0.
    Histogram(usize),
}
