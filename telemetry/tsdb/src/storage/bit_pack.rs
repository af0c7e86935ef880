//! Numbers of one width, bit after bit.

/// How many bits the largest of some numbers needs, given all of them or-ed together.
pub(crate) fn width_of(all: u64) -> u32 {
    64 - all.leading_zeros()
}

/// Appends the low `width` bits of each number, the lowest bit first; the last byte is filled up
/// with zeros.
pub(crate) fn pack(numbers: &[u64], width: u32, bytes: &mut Vec<u8>) {
    if width == 0 {
        return;
    }
    bytes.reserve(packed_len(numbers.len(), width));
    let mut rest: u128 = 0;
    let mut bits = 0;
    for &number in numbers {
        rest |= u128::from(number) << bits;
        bits += width;
        while bits >= 8 {
            bytes.push(rest as u8);
            rest >>= 8;
            bits -= 8;
        }
    }
    if bits > 0 {
        bytes.push(rest as u8);
    }
}

/// How many bytes so many numbers take.
pub(crate) fn packed_len(count: usize, width: u32) -> usize {
    (count * width as usize).div_ceil(8)
}

/// Takes numbers of [`pack`] off the front, one with each call of the iterator; `None` if there are
/// fewer bytes than that.
pub(crate) fn unpack<'a>(
    bytes: &mut &'a [u8],
    count: usize,
    width: u32,
) -> Option<impl Iterator<Item = u64> + use<'a>> {
    if width > 64 {
        return None;
    }
    let (packed, rest) = bytes.split_at_checked(packed_len(count, width))?;
    *bytes = rest;
    let mask = u64::MAX.checked_shr(64 - width).unwrap_or(0);
    let mut bit = 0;
    Some((0..count).map(move |_| {
        let (at, shift) = (bit / 8, bit % 8);
        bit += width as usize;
        let mut number = word(packed, at) >> shift;
        if shift as u32 + width > 64 {
            number |= u64::from(packed[at + 8]) << (64 - shift);
        }
        number & mask
    }))
}

/// Eight bytes from `at`, with zeros after the end.
fn word(bytes: &[u8], at: usize) -> u64 {
    let rest = &bytes[at.min(bytes.len())..];
    if let Some(eight) = rest.first_chunk::<8>() {
        return u64::from_le_bytes(*eight);
    }
    let mut eight = [0; 8];
    eight[..rest.len()].copy_from_slice(rest);
    u64::from_le_bytes(eight)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_come_back(numbers in prop::collection::vec(any::<u64>(), 0..70), width in 0_u32..=64) {
            let mask = u64::MAX.checked_shr(64 - width).unwrap_or(0);
            let numbers: Vec<u64> = numbers.iter().map(|number| number & mask).collect();
            let mut bytes = Vec::new();
            pack(&numbers, width, &mut bytes);
            bytes.push(7);
            let mut rest = &bytes[..];
            let back: Vec<u64> = unpack(&mut rest, numbers.len(), width).unwrap().collect();
            prop_assert_eq!(back, numbers);
            prop_assert_eq!(rest, &[7]);
        }
    }

    #[test]
    fn too_few_bytes_are_none() {
        assert!(unpack(&mut &[1_u8, 2][..], 3, 8).is_none());
        assert!(unpack(&mut &[1_u8][..], 1, 65).is_none());
    }
}
