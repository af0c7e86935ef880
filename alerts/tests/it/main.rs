//! The crate as a whole: scripted telemetry in, incidents and notifications out.

mod acts;
mod default_rules;
mod failure;
mod groups;
mod house;
mod receiver;
mod script;
