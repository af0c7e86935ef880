//! The rows that one page has: a whole trace is laid out, a window of it is written.

/// Rows of a page, and of each part that the script asks for while somebody scrolls.
pub(crate) const SIZE: usize = 60;

/// Rows `from..to` of `total`. Windows begin at multiples of [`SIZE`], so that each row is in
/// exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) total: usize,
}

impl Window {
    /// The one that has row `wanted`, or the last row if there are fewer.
    pub(crate) fn with(wanted: usize, total: usize) -> Self {
        let from = wanted.min(total.saturating_sub(1)) / SIZE * SIZE;
        Self {
            from,
            to: (from + SIZE).min(total),
            total,
        }
    }

    pub(crate) const fn before(self) -> Option<usize> {
        if self.from == 0 {
            None
        } else {
            Some(self.from - SIZE)
        }
    }

    pub(crate) const fn after(self) -> Option<usize> {
        if self.to < self.total {
            Some(self.to)
        } else {
            None
        }
    }

    pub(crate) const fn last(self) -> usize {
        self.total.saturating_sub(1) / SIZE * SIZE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wanted: usize, total: usize, expected: (usize, usize)) {
        let window = Window::with(wanted, total);
        assert_eq!((window.from, window.to), expected, "{wanted} of {total}");
    }

    #[test]
    fn each_row_is_in_exactly_one_window() {
        check(0, 0, (0, 0));
        check(0, 7, (0, 7));
        check(SIZE - 1, 150, (0, SIZE));
        check(SIZE, 150, (SIZE, 2 * SIZE));
        check(usize::MAX, 150, (2 * SIZE, 150));
        check(5, SIZE, (0, SIZE));
    }

    #[test]
    fn windows_follow_each_other() {
        let mut window = Window::with(0, 150);
        assert_eq!(window.before(), None);
        let mut seen = window.to;
        while let Some(next) = window.after() {
            window = Window::with(next, 150);
            assert_eq!(window.from, seen);
            seen = window.to;
        }
        assert_eq!((seen, window.last()), (150, 2 * SIZE));
        assert_eq!(window.before(), Some(SIZE));
    }
}
