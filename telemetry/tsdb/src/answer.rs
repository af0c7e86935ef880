use watchfire_schemas::{Exemplar, HistogramSample, LabelSet, NativeHistogram, Sample, Timestamp};

/// A series at the time of an instant query.
#[derive(Debug, Clone, PartialEq)]
pub struct InstantSample {
    pub labels: LabelSet,
    /// The time, and the value unless that is a histogram (then NaN).
    pub sample: Sample,
    /// The value, if it is a native histogram.
    pub histogram: Option<NativeHistogram>,
}

/// A series over the steps of a range query; each step is in one of the lists at most.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RangeSeries {
    pub labels: LabelSet,
    /// The steps whose value is a number.
    pub samples: Vec<Sample>,
    /// The steps whose value is a native histogram.
    pub histograms: Vec<HistogramSample>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum QueryValue {
    Scalar(Sample),
    String(Timestamp, String),
    Vector(Vec<InstantSample>),
    Matrix(Vec<RangeSeries>),
}

/// What a query came to, and what its author should know of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QueryAnswer<T> {
    pub value: T,
    pub annotations: Annotations,
}

/// What Prometheus tells beside an answer, in its words, each with its place in the expression
/// (line and column). Of each kind ten at most; one more says how many were left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Annotations {
    /// Something of the answer is missing or wrong: `PromQL warning: …`.
    pub warnings: Vec<String>,
    /// Something may be other than was meant: `PromQL info: …`.
    pub infos: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ExemplarSeries {
    pub labels: LabelSet,
    pub exemplars: Vec<Exemplar>,
}

/// Why a query has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    #[error("{0}")]
    BadData(String),
    #[error("{0}")]
    Execution(String),
    #[error("query timed out")]
    Timeout,
    /// Who asked went away.
    #[error("query was canceled")]
    Canceled,
    /// As many queries run and wait as may.
    #[error("too many queries are running and waiting; try again later")]
    TooMany,
}
