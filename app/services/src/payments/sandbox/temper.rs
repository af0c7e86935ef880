use std::time::Duration;

use sha2::{Digest, Sha256};

/// What the sandbox does with one operation. It is the same each time that the seed and the key are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Temper {
    /// 0 to 999 each: one drop of chance for every trait.
    drops: [u16; 5],
}

/// Longer than anybody waits for an answer.
pub(super) const LOST: Duration = Duration::from_secs(5);

/// The shares of operations in thousandths. Real providers are milder; it is here to be met often.
const DECLINED: u16 = 20;
const REFUSED_AT_FIRST: u16 = 10;
const ANSWER_LOST: u16 = 5;
const SLOW: u16 = 10;
const TOLD: u16 = 100;
const TOLD_TWICE: u16 = 50;

impl Temper {
    pub(super) fn of(seed: u64, key: &str) -> Self {
        let hash = Sha256::new().chain_update(seed.to_le_bytes());
        let hash = hash.chain_update(key).finalize();
        let drop = |n: usize| u16::from_le_bytes([hash[2 * n], hash[2 * n + 1]]) % 1000;
        Self {
            drops: [drop(0), drop(1), drop(2), drop(3), drop(4)],
        }
    }

    pub(super) fn declines(self) -> bool {
        self.drops[0] < DECLINED
    }

    /// Whether it fails the first time, before it does anything.
    pub(super) fn refuses_at_first(self) -> bool {
        self.drops[1] < REFUSED_AT_FIRST
    }

    /// Whether it does its work and the answer comes too late.
    pub(super) fn loses_its_answer(self) -> bool {
        self.drops[2] < ANSWER_LOST
    }

    /// 5 to 30 ms, and now and then a second.
    pub(super) fn delay(self) -> Duration {
        let milliseconds = 5 + u64::from(self.drops[3]) / 40;
        if self.drops[3] < SLOW {
            Duration::from_secs(1)
        } else {
            Duration::from_millis(milliseconds)
        }
    }

    /// How often it tells of the end by itself. What it could not answer it always tells.
    pub(super) fn notifications(self) -> u32 {
        let chance = self.drops[4];
        if chance < TOLD_TWICE {
            2
        } else {
            u32::from(chance < TOLD || self.loses_its_answer())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_same_for_a_key_and_differs_between_keys() {
        assert_eq!(Temper::of(1, "pay_1"), Temper::of(1, "pay_1"));
        assert_ne!(Temper::of(1, "pay_1"), Temper::of(2, "pay_1"));
        let tempers: Vec<Temper> = (0..10_000).map(|n| Temper::of(7, &n.to_string())).collect();
        let count = |trait_of: fn(Temper) -> bool| {
            tempers.iter().filter(|&&temper| trait_of(temper)).count()
        };
        assert!((100..300).contains(&count(Temper::declines)));
        assert!((50..200).contains(&count(Temper::refuses_at_first)));
        assert!((20..100).contains(&count(Temper::loses_its_answer)));
        assert!(
            tempers
                .iter()
                .filter(|temper| temper.loses_its_answer())
                .all(|temper| temper.notifications() > 0)
        );
    }
}
