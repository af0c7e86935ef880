//! HMAC, RFC 2104, over the two hashes that other people's protocols ask for.

use md5::Md5;
use sha2::{Digest, Sha256};

const BLOCK: usize = 64;

/// Over the parts, one after the other.
pub(crate) fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let block = block_of(key, |key| Sha256::digest(key).to_vec());
    let mut inner = Sha256::new();
    inner.update(block.map(|byte| byte ^ 0x36));
    for part in parts {
        inner.update(part);
    }
    let mut outer = Sha256::new();
    outer.update(block.map(|byte| byte ^ 0x5c));
    outer.update(inner.finalize());
    outer.finalize().into()
}

/// Only for CRAM-MD5.
pub(super) fn hmac_md5(key: &[u8], message: &[u8]) -> [u8; 16] {
    use md5::Digest as _;
    let block = block_of(key, |key| Md5::digest(key).to_vec());
    let mut inner = Md5::new();
    inner.update(block.map(|byte| byte ^ 0x36));
    inner.update(message);
    let mut outer = Md5::new();
    outer.update(block.map(|byte| byte ^ 0x5c));
    outer.update(inner.finalize());
    outer.finalize().into()
}

fn block_of(key: &[u8], hash: impl Fn(&[u8]) -> Vec<u8>) -> [u8; BLOCK] {
    let mut block = [0_u8; BLOCK];
    let hashed;
    let key = if key.len() > BLOCK {
        hashed = hash(key);
        hashed.as_slice()
    } else {
        key
    };
    block[..key.len()].copy_from_slice(key);
    block
}

/// Lower-case hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a String takes every write");
        hex
    })
}

/// Whether two are the same, in a time that does not tell where they differ.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    let differ = a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a ^ b));
    a.len() == b.len() && std::hint::black_box(differ) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_sha256(key: &[u8], parts: &[&[u8]], expected: &str) {
        assert_eq!(hex(&hmac_sha256(key, parts)), expected);
    }

    /// Cases 1, 2 and 6 of RFC 4231.
    #[test]
    fn the_code_is_that_of_the_rfc() {
        check_sha256(
            &[0x0b; 20],
            &[b"Hi There"],
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        );
        check_sha256(
            b"Jefe",
            &[b"what do ya want ", b"for nothing?"],
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        );
        check_sha256(
            &[0xaa; 131],
            &[b"Test Using Larger Than Block-Size Key - Hash Key First"],
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        );
    }

    /// The example of RFC 2195.
    #[test]
    fn cram_md5_is_answered_as_in_the_rfc() {
        let code = hmac_md5(
            b"tanstaaftanstaaf",
            b"<1896.697170952@postoffice.reston.mci.net>",
        );
        assert_eq!(hex(&code), "b913a602c7eda7a495b4e6e7334d3890");
    }

    #[test]
    fn equality_is_of_all_bytes() {
        assert!(same(b"abc", b"abc") && same(b"", b""));
        assert!(!same(b"abc", b"abd") && !same(b"abc", b"ab") && !same(b"", b"a"));
    }
}
