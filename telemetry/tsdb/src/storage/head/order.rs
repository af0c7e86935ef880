//! The order of series by their labels.

use std::sync::Arc;

use super::Head;
use crate::storage::label_index::SeriesId;

/// Fewer series are sorted by their labels in no time.
const FEW: usize = 256;

/// For each series its place among all, as it was when it was last found out. It stays right as
/// series come and go, since numbers are not given twice; new series have no place.
#[derive(Debug, Default)]
pub(super) struct Order {
    numbering: u64,
    places: Vec<u32>,
}

impl Head {
    /// Brings series into the order of their labels, save new ones, which come last.
    pub(super) fn sort(&self, ids: &mut [SeriesId]) {
        if ids.len() < FEW {
            return;
        }
        let order = self.order();
        ids.sort_unstable_by_key(|&id| order.places.get(id as usize).copied().unwrap_or(u32::MAX));
    }

    /// Finds it out anew if a tenth of the series is new.
    fn order(&self) -> Arc<Order> {
        let mut order = self.order.lock().expect("no holder of this lock panics");
        let known = order.places.len();
        let is_usable = order.numbering == self.numbering
            && self.series.len().saturating_sub(known) <= self.series.len() / 10;
        if !is_usable {
            *order = Arc::new(self.find_order());
        }
        Arc::clone(&order)
    }

    fn find_order(&self) -> Order {
        let ranks = self.index.symbols.ranks();
        let mut ids: Vec<SeriesId> = (0..self.series.len() as SeriesId).collect();
        let labels = |id: SeriesId| {
            let series = self.series(id).map(|series| &*series.labels);
            let labels = series.unwrap_or_default().iter();
            labels.map(|&(name, value)| (ranks[name as usize], ranks[value as usize]))
        };
        ids.sort_unstable_by(|&a, &b| labels(a).cmp(labels(b)));
        let mut places = vec![0; ids.len()];
        for (place, id) in ids.into_iter().enumerate() {
            places[id as usize] = place as u32;
        }
        Order {
            numbering: self.numbering,
            places,
        }
    }
}
