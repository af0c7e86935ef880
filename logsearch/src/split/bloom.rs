use watchfire_schemas::TraceId;

/// Bits for each id: one look-up in about a hundred finds an id that is not there.
const BITS_PER_ID: usize = 10;
const PROBES: u32 = 6;
/// All probes of one id fall into one cache line.
const BLOCK_BYTES: usize = 64;

/// Writes a filter over trace ids: whether a split may hold a trace.
pub(super) fn write(ids: &[TraceId]) -> Vec<u8> {
    let blocks = (ids.len() * BITS_PER_ID).div_ceil(BLOCK_BYTES * 8);
    let mut bits = vec![0; blocks * BLOCK_BYTES];
    for id in ids {
        let (block, probes) = place(*id, blocks);
        for bit in probes {
            bits[block + bit / 8] |= 1 << (bit % 8);
        }
    }
    bits
}

/// Whether one of the ids may be this one; never false for one that is.
pub(super) fn may_contain(bits: &[u8], id: TraceId) -> bool {
    let blocks = bits.len() / BLOCK_BYTES;
    if blocks == 0 {
        return false;
    }
    let (block, mut probes) = place(id, blocks);
    probes.all(|bit| bits[block + bit / 8] & 1 << (bit % 8) != 0)
}

/// The first byte of the id's block, and its bits there.
fn place(id: TraceId, blocks: usize) -> (usize, impl Iterator<Item = usize>) {
    let number = u128::from_be_bytes(id.bytes());
    let high = mixed((number >> 64) as u64 ^ mixed(number as u64));
    let low = mixed(high ^ number as u64);
    // The high 64 bits of the product: a fair share of the blocks without a division.
    let block = ((u128::from(high) * blocks as u128) >> 64) as usize;
    let probes = (0..PROBES).map(move |probe| (low >> (probe * 9)) as usize % (BLOCK_BYTES * 8));
    (block * BLOCK_BYTES, probes)
}

/// Spreads a number over all 64 bits: ids of a test or of a sloppy client differ in few.
fn mixed(mut n: u64) -> u64 {
    n = (n ^ n >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    n = (n ^ n >> 29).wrapping_mul(0xd6e8_feb8_6659_fd93);
    n ^ n >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u128) -> TraceId {
        TraceId::from_bytes(n.to_be_bytes()).unwrap()
    }

    #[test]
    fn no_id_is_missed_and_few_are_found_that_are_not_there() {
        let ids: Vec<_> = (1..=10_000).map(id).collect();
        let bits = write(&ids);
        assert!(ids.iter().all(|id| may_contain(&bits, *id)));
        let wrong = (1..=10_000)
            .filter(|n| may_contain(&bits, id(n << 70)))
            .count();
        assert!(wrong < 300, "{wrong} of 10000");
        assert!(!may_contain(&write(&[]), id(1)));
    }
}
