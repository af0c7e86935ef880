//! A map taken apart into steps from one layer to the next: an edge over several columns gets a
//! bend in each layer that it crosses, so that it is given room there and runs behind no box.

use super::columns::Columns;

/// What stands in a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    Box(usize),
    /// Where the edge of this number passes.
    Bend(usize),
    /// Where its words stand.
    Label(usize),
}

/// The map, step by step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tracks {
    pub(super) stops: Vec<Stop>,
    /// The stops of each layer, in their order from the head down.
    pub(super) layers: Vec<Vec<usize>>,
    /// Of each stop, those it leads to in the layers before and after.
    pub(super) before: Vec<Vec<usize>>,
    pub(super) after: Vec<Vec<usize>>,
    /// Of each edge its stops from left to right; empty for a call of oneself.
    pub(super) chains: Vec<Vec<usize>>,
}

impl Tracks {
    /// With `labelled` a layer for words lies between each two columns.
    pub(super) fn new(
        boxes: &[usize],
        columns: &Columns,
        edges: &[(usize, usize)],
        labelled: bool,
    ) -> Self {
        let stride = if labelled { 2 } else { 1 };
        let layer_of = |at: usize| columns.of[at] * stride;
        let most = boxes.iter().map(|at| layer_of(*at)).max().unwrap_or(0);
        let mut tracks = Self {
            stops: Vec::new(),
            layers: vec![Vec::new(); most + 1],
            before: Vec::new(),
            after: Vec::new(),
            chains: Vec::with_capacity(edges.len()),
        };
        let mut stop_of = vec![usize::MAX; columns.of.len()];
        for at in boxes {
            stop_of[*at] = tracks.put(Stop::Box(*at), layer_of(*at));
        }
        for (edge, (client, server)) in edges.iter().enumerate() {
            let mut chain = Vec::new();
            if client != server {
                let (left, right) = if columns.turned[edge] {
                    (*server, *client)
                } else {
                    (*client, *server)
                };
                chain.push(stop_of[left]);
                for layer in layer_of(left) + 1..layer_of(right) {
                    let is_label = labelled && layer == layer_of(left) + 1;
                    let stop = if is_label {
                        Stop::Label(edge)
                    } else {
                        Stop::Bend(edge)
                    };
                    chain.push(tracks.put(stop, layer));
                }
                chain.push(stop_of[right]);
            }
            for step in chain.windows(2) {
                tracks.after[step[0]].push(step[1]);
                tracks.before[step[1]].push(step[0]);
            }
            tracks.chains.push(chain);
        }
        tracks
    }

    fn put(&mut self, stop: Stop, layer: usize) -> usize {
        self.stops.push(stop);
        self.before.push(Vec::new());
        self.after.push(Vec::new());
        self.layers[layer].push(self.stops.len() - 1);
        self.stops.len() - 1
    }

    /// Puts the stops of each layer in an order in which few edges cross: each by the middle of its
    /// neighbours, to and fro. Of what was tried the best is kept.
    pub(super) fn untangle(&mut self) {
        const ROUNDS: usize = 10;
        let mut best = (self.crossings(), self.layers.clone());
        for _ in 0..ROUNDS {
            for layer in 1..self.layers.len() {
                self.sort(layer, layer - 1, Side::Before);
            }
            for layer in (0..self.layers.len().saturating_sub(1)).rev() {
                self.sort(layer, layer + 1, Side::After);
            }
            let crossings = self.crossings();
            if crossings < best.0 {
                best = (crossings, self.layers.clone());
            }
        }
        self.layers = best.1;
    }

    fn sort(&mut self, layer: usize, fixed: usize, side: Side) {
        let mut place = vec![0.0; self.stops.len()];
        for (at, stop) in self.layers[fixed].iter().enumerate() {
            place[*stop] = at as f64;
        }
        let neighbours = match side {
            Side::Before => &self.before,
            Side::After => &self.after,
        };
        // Who has no neighbour there stays about where it is.
        let share = self.layers[fixed].len() as f64 / self.layers[layer].len().max(1) as f64;
        let mut keyed: Vec<(f64, usize)> = Vec::with_capacity(self.layers[layer].len());
        for (at, stop) in self.layers[layer].iter().enumerate() {
            let of = &neighbours[*stop];
            let middle = if of.is_empty() {
                at as f64 * share
            } else {
                of.iter().map(|other| place[*other]).sum::<f64>() / of.len() as f64
            };
            keyed.push((middle, *stop));
        }
        keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.layers[layer] = keyed.into_iter().map(|(_, stop)| stop).collect();
    }

    /// How often edges cross between layers.
    pub(super) fn crossings(&self) -> usize {
        let mut place = vec![0; self.stops.len()];
        for layer in &self.layers {
            for (at, stop) in layer.iter().enumerate() {
                place[*stop] = at;
            }
        }
        self.layers
            .windows(2)
            .map(|pair| {
                let mut steps: Vec<(usize, usize)> = Vec::new();
                for stop in &pair[0] {
                    steps.extend(
                        self.after[*stop]
                            .iter()
                            .map(|to| (place[*stop], place[*to])),
                    );
                }
                steps.sort_unstable();
                inversions(steps.iter().map(|(_, to)| *to), pair[1].len())
            })
            .sum()
    }
}

#[derive(Debug, Clone, Copy)]
enum Side {
    Before,
    After,
}

/// Pairs that stand in the wrong order, by a tree of counts.
fn inversions(places: impl Iterator<Item = usize>, size: usize) -> usize {
    let mut tree = vec![0_usize; size + 1];
    let mut found = 0;
    for (seen, place) in places.enumerate() {
        let mut not_after = 0;
        let mut at = place + 1;
        while at > 0 {
            not_after += tree[at];
            at &= at - 1;
        }
        found += seen - not_after;
        let mut at = place + 1;
        while at <= size {
            tree[at] += 1;
            at += at & at.wrapping_neg();
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::columns::columns;
    use super::*;

    #[test]
    fn crossings_are_counted_and_undone() {
        assert_eq!(inversions([2, 1, 0, 1].into_iter(), 3), 4);
        // Two pairs that cross by the order of their names.
        let edges = [(0, 3), (1, 2)];
        let columns = columns(4, &edges);
        let mut tracks = Tracks::new(&[0, 1, 2, 3], &columns, &edges, false);
        assert_eq!(tracks.crossings(), 1);
        tracks.untangle();
        assert_eq!(tracks.crossings(), 0);
    }

    #[test]
    fn a_long_edge_has_a_place_in_each_layer_and_one_for_its_words() {
        let edges = [(0, 1), (1, 2), (0, 2)];
        let columns = columns(3, &edges);
        let tracks = Tracks::new(&[0, 1, 2], &columns, &edges, true);
        assert_eq!(tracks.layers.len(), 5);
        let kinds: Vec<Stop> = tracks.chains[2]
            .iter()
            .map(|at| tracks.stops[*at])
            .collect();
        assert_eq!(
            kinds,
            [
                Stop::Box(0),
                Stop::Label(2),
                Stop::Bend(2),
                Stop::Bend(2),
                Stop::Box(2)
            ]
        );
    }
}
