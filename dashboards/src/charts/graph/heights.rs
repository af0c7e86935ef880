//! Heights within layers: each stop as near to its neighbours as the room between them allows.

use super::tracks::{Stop, Tracks};

/// What a stop needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) of_box: f64,
    pub(super) of_label: f64,
    /// Between two boxes.
    pub(super) gap: f64,
}

/// What an edge needs that passes.
const BEND: f64 = 4.0;

impl Room {
    fn height(&self, stop: Stop) -> f64 {
        match stop {
            Stop::Box(_) => self.of_box,
            Stop::Label(_) => self.of_label,
            Stop::Bend(_) => BEND,
        }
    }

    /// The least distance of the middles of two that stand one below the other.
    fn apart(&self, upper: Stop, lower: Stop) -> f64 {
        let is_box = |stop| matches!(stop, Stop::Box(_));
        let gap = match (is_box(upper), is_box(lower)) {
            (true, true) => self.gap,
            (false, false) => BEND,
            _ => self.gap / 2.0,
        };
        f64::midpoint(self.height(upper), self.height(lower)) + gap
    }
}

/// The middle of each stop, the highest box beginning at zero.
pub(super) fn heights(tracks: &Tracks, room: Room) -> Vec<f64> {
    const ROUNDS: usize = 12;
    let mut at = vec![0.0; tracks.stops.len()];
    for layer in &tracks.layers {
        let mut next = 0.0;
        for (place, stop) in layer.iter().enumerate() {
            if place > 0 {
                next += room.apart(tracks.stops[layer[place - 1]], tracks.stops[*stop]);
            }
            at[*stop] = next;
        }
    }
    for round in 0..ROUNDS {
        let is_last = round + 1 == ROUNDS;
        for layer in 0..tracks.layers.len() {
            pull(tracks, room, layer, &mut at, |stop| {
                let after = if is_last {
                    &tracks.after[stop][..]
                } else {
                    &[]
                };
                (&tracks.before[stop][..], after)
            });
        }
        for layer in (0..tracks.layers.len()).rev() {
            pull(tracks, room, layer, &mut at, |stop| {
                let before = if is_last {
                    &tracks.before[stop][..]
                } else {
                    &[]
                };
                (before, &tracks.after[stop][..])
            });
        }
    }
    let top = |stop: usize| at[stop] - room.height(tracks.stops[stop]) / 2.0;
    let least = (0..at.len()).map(top).fold(f64::INFINITY, f64::min);
    at.iter().map(|middle| middle - least).collect()
}

/// Moves the stops of a layer towards the middle of the neighbours that `of` names.
fn pull<'a>(
    tracks: &Tracks,
    room: Room,
    layer: usize,
    at: &mut [f64],
    of: impl Fn(usize) -> (&'a [usize], &'a [usize]),
) {
    let stops = &tracks.layers[layer];
    let mut offset = 0.0;
    let mut offsets = Vec::with_capacity(stops.len());
    let mut wanted = Vec::with_capacity(stops.len());
    for (place, stop) in stops.iter().enumerate() {
        if place > 0 {
            offset += room.apart(tracks.stops[stops[place - 1]], tracks.stops[*stop]);
        }
        offsets.push(offset);
        let (one, other) = of(*stop);
        let count = one.len() + other.len();
        let middle = if count == 0 {
            at[*stop]
        } else {
            one.iter().chain(other).map(|near| at[*near]).sum::<f64>() / count as f64
        };
        // An edge that passes is worth a straight line; a box that nothing pulls may be moved.
        let weight = match (tracks.stops[*stop], count) {
            (_, 0) => 0.1,
            (Stop::Box(_), count) => count as f64,
            _ => 2.0,
        };
        wanted.push((middle - offset, weight));
    }
    for ((stop, middle), offset) in stops.iter().zip(ascending(&wanted)).zip(offsets) {
        at[*stop] = middle + offset;
    }
}

/// The values that ascend and differ least from the wanted ones, by weight: neighbours that want to
/// pass each other are pooled.
fn ascending(wanted: &[(f64, f64)]) -> Vec<f64> {
    let mut pools: Vec<(f64, f64, usize)> = Vec::with_capacity(wanted.len());
    for (value, weight) in wanted {
        let mut pool = (*value, *weight, 1);
        while let Some(last) = pools.last().copied().filter(|last| last.0 > pool.0) {
            let weight = last.1 + pool.1;
            let mean = (last.0 * last.1 + pool.0 * pool.1) / weight;
            pool = (mean, weight, last.2 + pool.2);
            pools.pop();
        }
        pools.push(pool);
    }
    let spread = pools
        .iter()
        .flat_map(|(value, _, count)| std::iter::repeat_n(*value, *count));
    spread.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_would_pass_another_meets_it_halfway() {
        let near = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9);
        assert!(near(&ascending(&[(1.0, 1.0), (2.0, 1.0)]), &[1.0, 2.0]));
        assert!(near(
            &ascending(&[(4.0, 1.0), (1.0, 3.0), (9.0, 1.0)]),
            &[1.75, 1.75, 9.0]
        ));
        assert!(ascending(&[]).is_empty());
    }
}
