use std::io::{self, Read};

use http::HeaderMap;
use http::header::CONTENT_ENCODING;

use super::body::BodyError;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
    Zstd,
    Brotli,
    /// With zlib's header, as HTTP means it.
    Deflate,
}

impl Encoding {
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, BodyError> {
        let said = headers
            .get(CONTENT_ENCODING)
            .map_or("", |value| value.to_str().unwrap_or("?"));
        match said.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "zstd" => Ok(Self::Zstd),
            "br" => Ok(Self::Brotli),
            "deflate" => Ok(Self::Deflate),
            other => Err(BodyError::UnknownEncoding(other.to_owned())),
        }
    }

    /// The body as it was before it was compressed, if that is at most `limit` bytes. A body that
    /// breaks off is malformed, never shorter.
    pub(super) fn inflate(self, body: Vec<u8>, limit: usize) -> Result<Vec<u8>, BodyError> {
        /// The window that a zstd frame may ask for: 16 MiB, more than level 19 uses.
        const WINDOW_LOG: u32 = 24;
        match self {
            Self::Identity => Ok(body),
            Self::Gzip => bounded(flate2::read::MultiGzDecoder::new(&body[..]), limit, "gzip"),
            Self::Brotli => bounded(
                brotli_decompressor::Decompressor::new(&body[..], 4096),
                limit,
                "brotli",
            ),
            Self::Deflate => bounded(flate2::read::ZlibDecoder::new(&body[..]), limit, "zlib"),
            Self::Zstd => {
                let decoder =
                    zstd::stream::read::Decoder::with_buffer(&body[..]).and_then(|mut decoder| {
                        decoder.window_log_max(WINDOW_LOG)?;
                        Ok(decoder)
                    });
                bounded(
                    decoder.map_err(|error| malformed("zstd", &error))?,
                    limit,
                    "zstd",
                )
            }
        }
    }
}

fn bounded(decoder: impl Read, limit: usize, name: &str) -> Result<Vec<u8>, BodyError> {
    let mut plain = Vec::new();
    let read = decoder.take(limit as u64 + 1).read_to_end(&mut plain);
    if plain.len() > limit {
        return Err(BodyError::TooLarge { limit });
    }
    read.map_err(|error| malformed(name, &error))?;
    Ok(plain)
}

fn malformed(name: &str, error: &io::Error) -> BodyError {
    BodyError::Malformed(format!("the body is not {name}: {error}"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    const BROTLI_WATCHFIRES: [u8; 25] = [
        27, 15, 39, 248, 141, 84, 181, 191, 2, 145, 203, 50, 179, 180, 26, 228, 181, 82, 64, 10, 3,
        123, 0, 116, 0,
    ];

    fn zlib(plain: &[u8]) -> Vec<u8> {
        let compression = flate2::Compression::default();
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), compression);
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn brotli_is_undone_and_bounded() {
        // `watchfire ` a thousand times, by the reference encoder.
        let body = BROTLI_WATCHFIRES;
        let plain = b"watchfire ".repeat(1_000);
        assert_eq!(Encoding::Brotli.inflate(body.to_vec(), 10_000), Ok(plain));
        assert_eq!(
            Encoding::Brotli.inflate(body.to_vec(), 9_999),
            Err(BodyError::TooLarge { limit: 9_999 })
        );
        let cut = Encoding::Brotli.inflate(body[..body.len() - 2].to_vec(), 10_000);
        assert!(matches!(cut, Err(BodyError::Malformed(_))), "{cut:?}");
    }

    #[test]
    fn compressions_are_undone_and_bounded() {
        let plain = b"watchfire ".repeat(1_000);
        for (encoding, body) in [
            (Encoding::Gzip, gzip(&plain)),
            (Encoding::Zstd, zstd::encode_all(&plain[..], 3).unwrap()),
            (Encoding::Deflate, zlib(&plain)),
        ] {
            assert_eq!(encoding.inflate(body.clone(), 10_000), Ok(plain.clone()));
            assert_eq!(
                encoding.inflate(body.clone(), 9_999),
                Err(BodyError::TooLarge { limit: 9_999 })
            );
            for cut in [1, 5, body.len() / 2] {
                let cut = encoding.inflate(body[..body.len() - cut].to_vec(), 10_000);
                assert!(
                    matches!(cut, Err(BodyError::Malformed(_))),
                    "{encoding:?} {cut:?}"
                );
            }
            assert!(matches!(
                encoding.inflate(plain.clone(), 10_000),
                Err(BodyError::Malformed(_))
            ));
        }
    }

    #[test]
    fn a_bomb_is_left_where_the_limit_is() {
        // 200 MiB in as many members.
        let bomb = gzip(&vec![0; 1 << 20]).repeat(200);
        assert!(bomb.len() < 1 << 20);
        assert_eq!(
            Encoding::Gzip.inflate(bomb, 1 << 20),
            Err(BodyError::TooLarge { limit: 1 << 20 })
        );
    }
}
