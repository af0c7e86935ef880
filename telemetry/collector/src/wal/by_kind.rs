use watchfire_schemas::BatchSeq;

use super::Kind;

/// A batch for each kind: the last one of a segment, or the last one that is not needed any more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ByKind([BatchSeq; Kind::ALL.len()]);

impl ByKind {
    /// The same for all kinds.
    pub(crate) fn all(batch: BatchSeq) -> Self {
        Self([batch; Kind::ALL.len()])
    }

    pub(crate) fn of(&self, kind: Kind) -> BatchSeq {
        self.0[kind as usize - 1]
    }

    pub(crate) fn set(&mut self, kind: Kind, batch: BatchSeq) {
        self.0[kind as usize - 1] = batch;
    }

    /// Whether of no kind there is a batch after those of `passed`.
    pub(crate) fn is_within(&self, passed: &Self) -> bool {
        Kind::ALL
            .into_iter()
            .all(|kind| self.of(kind) <= passed.of(kind))
    }

    /// For each kind the earlier one.
    #[must_use]
    pub(crate) fn min(mut self, other: Self) -> Self {
        for kind in Kind::ALL {
            self.set(kind, self.of(kind).min(other.of(kind)));
        }
        self
    }

    /// The earliest of all kinds.
    pub(crate) fn earliest(&self) -> BatchSeq {
        self.0.into_iter().min().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_that_never_came_holds_nothing_up() {
        let mut segment = ByKind::default();
        segment.set(Kind::Logs, BatchSeq(7));
        let mut passed = ByKind::default();
        assert!(!segment.is_within(&passed));
        passed.set(Kind::Logs, BatchSeq(7));
        assert!(segment.is_within(&passed));
        assert_eq!(passed.earliest(), BatchSeq(0));
        assert_eq!(
            passed.min(ByKind::all(BatchSeq(3))).of(Kind::Logs),
            BatchSeq(3)
        );
    }
}
