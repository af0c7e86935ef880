use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;

use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;

/// Two hashes of 64 bits whose seeds nobody outside of this process knows, so that nobody can write
/// labels that are taken for others.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    halves: [SeedableRandomState; 2],
}

static OF_PROCESS: LazyLock<Keys> = LazyLock::new(|| {
    let seed = || RandomState::new().build_hasher().finish();
    let half = || SeedableRandomState::with_seed(seed(), SharedSeed::global_random());
    Keys {
        halves: [half(), half()],
    }
});

impl Keys {
    pub(super) fn of_process() -> &'static Self {
        &OF_PROCESS
    }

    /// The key of labels as 1.0 writes them.
    pub(super) fn of_bytes(&self, bytes: &[u8]) -> u128 {
        self.of(|hasher| {
            hasher.write_u8(1);
            hasher.write(bytes);
        })
    }

    /// The key of a text.
    pub(super) fn of_symbol(&self, text: &[u8]) -> u128 {
        self.of(|hasher| {
            hasher.write_u8(2);
            hasher.write(text);
        })
    }

    /// The key of labels whose texts have these keys.
    pub(super) fn of_keys(&self, keys: &(impl Iterator<Item = u128> + Clone)) -> u128 {
        self.of(|hasher| {
            hasher.write_u8(3);
            keys.clone().for_each(|key| hasher.write_u128(key));
        })
    }

    fn of(&self, write: impl Fn(&mut foldhash::quality::FoldHasher<'static>)) -> u128 {
        let [low, high] = &self.halves;
        let half = |state: &SeedableRandomState| {
            let mut hasher = state.build_hasher();
            write(&mut hasher);
            u128::from(hasher.finish())
        };
        half(low) | half(high) << 64
    }
}
