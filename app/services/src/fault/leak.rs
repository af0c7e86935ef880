use std::fs::File;

/// Memory and open files that nobody gives back before the fault ends.
#[derive(Debug, Default)]
pub(super) struct Leak {
    memory: Vec<Vec<u8>>,
    files: Vec<File>,
}

/// What a leak takes at most: enough to be seen in any chart, too little to end the process.
const MOST_MIB: usize = 256;
const MIB: usize = 1 << 20;

impl Leak {
    /// Takes so many MiB, and as many open files. It never takes less than before.
    pub(super) fn grow_to(&mut self, mib: usize) {
        let mib = mib.min(MOST_MIB);
        while self.memory.len() < mib {
            // Ones, for a page of zeros takes no memory until it is written.
            self.memory.push(vec![1; MIB]);
            // Whoever has no handles left has leaked enough of them.
            self.files.extend(File::open("/proc/self/stat"));
        }
    }

    pub(super) fn mib(&self) -> usize {
        self.memory.len()
    }

    pub(super) fn files(&self) -> usize {
        self.files.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_up_to_a_bound_and_never_shrinks() {
        let mut leak = Leak::default();
        leak.grow_to(3);
        leak.grow_to(1);
        assert_eq!((leak.mib(), leak.files()), (3, 3));
        leak.grow_to(10_000);
        assert_eq!(leak.mib(), MOST_MIB);
    }
}
