use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use watchfire_schemas::Timestamp;

use crate::messages::channel::Channel;
use crate::messages::interval::{Interval, Share};

/// Variants of a message, of which each recipient always gets the same, and what they are to bring.
/// It is never changed: other weights would move recipients from one variant to another.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Experiment {
    pub(crate) name: String,
    pub(crate) channel: Channel,
    pub(crate) outcome: Measured,
    /// The first is the control, which the others are compared with.
    pub(crate) variants: Vec<Variant>,
    pub(crate) created_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variant {
    pub(crate) name: String,
    /// The name of a template, whose newest version is taken.
    pub(crate) template: String,
    /// Its part of the recipients, in proportion to the sum of all.
    pub(crate) weight: u32,
}

/// What counts as a success, as the receipts tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Measured {
    Delivered,
    Opened,
    Clicked,
}

/// What one variant brought. The unit is the recipient: who got it several times counts once.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct VariantResult {
    pub(crate) variant: String,
    pub(crate) recipients: u64,
    pub(crate) successes: u64,
    pub(crate) rate: Option<f64>,
    /// Wilson's score interval at 95 %.
    pub(crate) interval: Option<Interval>,
    /// Against the control.
    pub(crate) difference: Option<Difference>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Difference {
    pub(crate) rate: f64,
    /// Newcombe's hybrid score interval at 95 %.
    pub(crate) interval: Interval,
}

impl Measured {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Opened => "opened",
            Self::Clicked => "clicked",
        }
    }
}

impl Experiment {
    /// The variant that this recipient gets, now and ever.
    pub(crate) fn assign(&self, recipient: &str) -> &Variant {
        let mut hash = Sha256::new();
        hash.update(self.name.as_bytes());
        hash.update([0]);
        hash.update(recipient.as_bytes());
        let hash = hash.finalize();
        let drawn = hash[..8]
            .iter()
            .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        let total: u64 = self
            .variants
            .iter()
            .map(|variant| u64::from(variant.weight))
            .sum();
        let place = (u128::from(drawn) * u128::from(total)) >> 64;
        let mut end = 0;
        let found = self.variants.iter().find(|variant| {
            end += u128::from(variant.weight);
            place < end
        });
        found.expect("the place is below the sum of all weights")
    }

    /// What each variant brought, out of `counted`: in the order of the variants, how many
    /// recipients were sent to and how many of them were a success.
    pub(crate) fn results(&self, counted: &[Share]) -> Vec<VariantResult> {
        let control = counted.first().copied();
        let of_variant = |(n, (variant, share)): (usize, (&Variant, &Share))| VariantResult {
            variant: variant.name.clone(),
            recipients: share.of,
            successes: share.successes,
            rate: share.rate(),
            interval: share.wilson(),
            difference: control
                .filter(|_| n > 0)
                .and_then(|control| share.above(control))
                .map(|(rate, interval)| Difference { rate, interval }),
        };
        let variants = self.variants.iter().zip(counted);
        variants.enumerate().map(of_variant).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn experiment(weights: &[u32]) -> Experiment {
        let variant = |(n, weight): (usize, &u32)| Variant {
            name: format!("v{n}"),
            template: "t".to_owned(),
            weight: *weight,
        };
        Experiment {
            name: "subject-line".to_owned(),
            channel: Channel::Email,
            outcome: Measured::Opened,
            variants: weights.iter().enumerate().map(variant).collect(),
            created_at: Timestamp::MIN,
        }
    }

    #[test]
    fn recipients_are_shared_out_by_weight_and_stay_where_they_are() {
        let experiment = experiment(&[3, 1, 0]);
        let mut counts = [0_u32; 3];
        for n in 0..8_000 {
            let recipient = format!("user{n}@example.com");
            let variant = experiment.assign(&recipient);
            assert_eq!(variant, experiment.assign(&recipient));
            counts[variant.name[1..].parse::<usize>().unwrap()] += 1;
        }
        // Within five standard deviations.
        assert!((5_806..=6_194).contains(&counts[0]), "{counts:?}");
        assert_eq!(counts[2], 0);
    }

    #[test]
    fn variants_are_compared_with_the_first() {
        let share = |successes, of| Share { successes, of };
        let results = experiment(&[1, 1, 1]).results(&[share(48, 80), share(56, 70), share(0, 0)]);
        assert!(results[0].difference.is_none());
        let difference = results[1].difference.as_ref().unwrap();
        assert!((difference.rate - 0.2).abs() < 1e-12);
        assert!((difference.interval.low - 0.0524).abs() < 1e-4);
        assert!(results[2].rate.is_none() && results[2].difference.is_none());
    }
}
