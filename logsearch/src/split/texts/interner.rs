use std::hash::Hasher as _;

use rustc_hash::FxHasher;

/// Different byte strings, numbered as they come.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    hashes: Vec<u32>,
    /// Numbers plus one, by hash; zero is free. A power of two long.
    table: Vec<u32>,
}

impl Interner {
    /// The string's number, and whether it is new.
    pub(crate) fn intern(&mut self, text: &[u8]) -> (u32, bool) {
        if self.ends.len() * 2 >= self.table.len() {
            self.grow();
        }
        let hash = hash(text);
        let mask = self.table.len() - 1;
        let mut at = hash as usize & mask;
        while let Some(number) = self.table[at].checked_sub(1) {
            if self.hashes[number as usize] == hash && self.get(number) == text {
                return (number, false);
            }
            at = (at + 1) & mask;
        }
        self.table[at] = self.ends.len() as u32 + 1;
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len() as u32);
        self.hashes.push(hash);
        (self.ends.len() as u32 - 1, true)
    }

    pub(crate) fn get(&self, number: u32) -> &[u8] {
        let start = match number {
            0 => 0,
            _ => self.ends[number as usize - 1] as usize,
        };
        &self.bytes[start..self.ends[number as usize] as usize]
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.ends.len() as u32).map(|number| self.get(number))
    }

    fn grow(&mut self) {
        let size = (self.table.len() * 2).max(64);
        self.table.clear();
        self.table.resize(size, 0);
        for (number, hash) in self.hashes.iter().enumerate() {
            let mut at = *hash as usize & (size - 1);
            while self.table[at] != 0 {
                at = (at + 1) & (size - 1);
            }
            self.table[at] = number as u32 + 1;
        }
    }
}

fn hash(text: &[u8]) -> u32 {
    let mut hasher = FxHasher::default();
    hasher.write(text);
    let hash = hasher.finish();
    (hash >> 32) as u32 ^ hash as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_strings_have_one_number() {
        let mut interner = Interner::default();
        for n in 0..1_000_u32 {
            assert_eq!(interner.intern(n.to_string().as_bytes()), (n, true));
        }
        for n in (0..1_000_u32).rev() {
            assert_eq!(interner.intern(n.to_string().as_bytes()), (n, false));
            assert_eq!(interner.get(n), n.to_string().as_bytes());
        }
        assert_eq!((interner.len(), interner.iter().count()), (1_000, 1_000));
    }
}
