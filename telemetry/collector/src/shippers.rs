//! What log shippers send: Loki's push (Promtail, Alloy, Fluent Bit, Vector) and Elasticsearch's bulk
//! (Filebeat, Fluent Bit, Vector, Logstash).
//!
//! They ship lines that were not written for us, so names that mean the same are understood, and what
//! a line does not say is taken from what is said about it.

pub(crate) mod elastic;
mod label_text;
mod line;
pub(crate) mod loki;
mod names;
