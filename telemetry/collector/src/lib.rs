//! Receivers, decoding, validation, enrichment, write-ahead log, back-pressure.
