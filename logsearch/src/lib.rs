//! Event store for logs and spans: query language, tail, splits, search.
