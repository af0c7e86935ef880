use std::hash::{DefaultHasher, Hash, Hasher};

use crate::failure::Kind;

/// Which map tile shows a place. New in the versions that carry it; the table of tiles is built
/// with the release, and a release whose table was cut short fails for the places beyond its end.
#[derive(Debug, Clone)]
pub(crate) struct TileIndex {
    names: Vec<String>,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("tile {tile} is beyond the index of {len} tiles")]
pub(crate) struct TileOutOfRange {
    tile: usize,
    len: usize,
}

impl Kind for TileOutOfRange {
    fn kind(&self) -> &'static str {
        "TileOutOfRange"
    }
}

impl TileIndex {
    /// How many tiles the world is cut into.
    const TILES: usize = 1024;

    /// An index that lacks a share of its tiles.
    pub(crate) fn lacking(share: f64) -> Self {
        let len = ((1.0 - share) * Self::TILES as f64).round() as usize;
        let names = (0..len).map(|tile| format!("{}/{}", tile / 32, tile % 32));
        Self {
            names: names.collect(),
        }
    }

    /// The tile of the place with this id: the same at every call.
    pub(crate) fn tile(&self, id: &str) -> Result<&str, TileOutOfRange> {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        let tile = (hasher.finish() % Self::TILES as u64) as usize;
        self.names
            .get(tile)
            .map(String::as_str)
            .ok_or(TileOutOfRange {
                tile,
                len: self.names.len(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_fails_for_its_share_of_places_and_always_the_same() {
        let index = TileIndex::lacking(0.25);
        let failing = |index: &TileIndex| -> Vec<usize> {
            (0..4_000)
                .filter(|n| index.tile(&format!("place-{n}")).is_err())
                .collect()
        };
        let failed = failing(&index);
        assert!((850..1_150).contains(&failed.len()), "{}", failed.len());
        assert_eq!(failed, failing(&index));
        assert!(failing(&TileIndex::lacking(0.0)).is_empty());
    }
}
