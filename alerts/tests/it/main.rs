//! The crate as a whole: scripted telemetry in, incidents and notifications out.

#![expect(clippy::unwrap_used, reason = "a test ends where something is amiss")]
#![expect(
    clippy::float_cmp,
    reason = "scripted times are whole seconds, which floats hold exactly"
)]

mod acts;
mod breakdown;
mod default_rules;
mod echo;
mod failure;
mod groups;
mod heartbeat;
mod house;
mod receiver;
mod recording;
mod regrouping;
mod reliability;
mod routing;
mod script;
