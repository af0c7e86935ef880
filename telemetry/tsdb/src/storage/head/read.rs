//! Reading the head.

use super::Head;
use crate::matcher::Selector;
use crate::storage::label_index::SeriesId;
use crate::storage::postings::select_any;
use crate::storage::slice::Slice;

impl Head {
    /// The series that match, by their labels if they are many, save new ones.
    pub(crate) fn matching(&self, selector: &Selector) -> std::io::Result<Vec<SeriesId>> {
        let mut ids = select_any(&self.index, &selector.alternatives)?;
        self.sort(&mut ids);
        Ok(ids)
    }

    /// What some series hold that may lie in `from..=to`. A number that stands for none is passed
    /// over.
    pub(crate) fn slices(&self, ids: &[SeriesId], from: i64, to: i64, slices: &mut Vec<Slice>) {
        for &id in ids {
            let Some(series) = self.series(id) else {
                continue;
            };
            let from = if series.delta {
                Slice::reach_back(from)
            } else {
                from
            };
            let mut parts = Vec::new();
            series.parts(from, to, &mut parts);
            if !parts.is_empty() {
                slices.push(Slice {
                    labels: self.labels_of(series),
                    carried: series.delta,
                    parts,
                });
            }
        }
    }
}
