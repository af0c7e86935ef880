//! What PromQL does with native histograms: pure arithmetic on [`NativeHistogram`], without series
//! or steps.
//!
//! [`NativeHistogram`]: watchfire_schemas::NativeHistogram

mod arithmetic;
mod buckets;
mod equality;
mod fraction;
mod layout;
mod moments;
mod quantile;
mod reset;
mod text;
mod zero;

pub(crate) use arithmetic::{Mismatch, add, compact, divide, reduce, scale, subtract};
pub(crate) use equality::equal;
pub(crate) use fraction::fraction;
pub(crate) use moments::{average, variance};
pub(crate) use quantile::quantile;
pub(crate) use reset::is_reset;
pub(crate) use text::text;

#[cfg(test)]
mod properties;
