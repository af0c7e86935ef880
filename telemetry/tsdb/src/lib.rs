//! Time series: chunks, index, PromQL, exposition.
