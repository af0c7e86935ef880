use super::Direction;
use super::detector::Excursion;
use super::signal::Signal;

/// Log-likelihood by which quiet bins must tell for the usual rate, where they can.
const CLEARLY: f64 = 3.0;

/// The first bin of the first `quiet` bins that are as usual after the alarm. `None` while there
/// is none.
pub(super) fn first_quiet(
    input: &Signal,
    expected: &[f64],
    dispersion: f64,
    excursion: &Excursion,
    quiet: usize,
) -> Option<usize> {
    let windows = Windows::new(input, expected, dispersion, excursion, quiet)?;
    windows.quiet_from(excursion.alarm + 1)
}

/// The same, of the quiet that lasts until now: what failed again after it is not over.
pub(super) fn lasting_quiet(
    input: &Signal,
    expected: &[f64],
    dispersion: f64,
    excursion: &Excursion,
    quiet: usize,
) -> Option<usize> {
    let windows = Windows::new(input, expected, dispersion, excursion, quiet)?;
    let from = excursion.alarm + 1;
    let bad = (from..=windows.last)
        .rev()
        .find(|bin| !windows.is_usual(*bin));
    windows.quiet_from(bad.map_or(from, |bin| bin + 1))
}

/// Windows of as many bins as must be quiet.
struct Windows<'a> {
    input: &'a Signal,
    expected: &'a [f64],
    dispersion: f64,
    excursion: &'a Excursion,
    quiet: usize,
    /// Where the last one starts.
    last: usize,
    ratio: f64,
}

impl<'a> Windows<'a> {
    fn new(
        input: &'a Signal,
        expected: &'a [f64],
        dispersion: f64,
        excursion: &'a Excursion,
        quiet: usize,
    ) -> Option<Self> {
        let last = input.counts.len().checked_sub(quiet)?;
        Some(Self {
            input,
            expected,
            dispersion,
            excursion,
            quiet,
            last,
            ratio: elevation(input, expected, excursion, excursion.alarm + 1),
        })
    }

    fn quiet_from(&self, from: usize) -> Option<usize> {
        let starts_usual = |bin: usize| {
            // A window must not begin with the end of the failure.
            self.as_usual(bin, self.quiet.min(3)) && self.as_usual(bin, 1)
        };
        let window = (from..=self.last).find(|bin| self.is_usual(*bin) && starts_usual(*bin))?;
        let scope = (window, self.quiet);
        Some(backdated(
            self.input,
            self.expected,
            self.excursion,
            scope,
            self.ratio,
        ))
    }

    /// Whether the window that starts at `bin` is as usual as a whole.
    fn is_usual(&self, bin: usize) -> bool {
        let window = bin..bin + self.quiet;
        let (seen, usual) = (&self.input.counts[window.clone()], &self.expected[window]);
        self.as_usual(bin, self.quiet) && tells_for_usual(seen, usual, self.ratio)
    }

    fn as_usual(&self, bin: usize, bins: usize) -> bool {
        let (seen, usual) = (
            &self.input.counts[bin..bin + bins],
            &self.expected[bin..bin + bins],
        );
        as_usual(self.input.direction, seen, usual, self.dispersion)
    }
}

/// How many times the usual the failure was, until bin `end`.
fn elevation(input: &Signal, expected: &[f64], excursion: &Excursion, end: usize) -> f64 {
    let seen: f64 = input.counts[excursion.since..end].iter().sum();
    let usual: f64 = expected[excursion.since..end].iter().sum();
    (seen / usual).clamp(1e-3, 1e9)
}

/// Whether the window is clearly likelier under the usual rate than under the failure's.
fn tells_for_usual(seen: &[f64], usual: &[f64], ratio: f64) -> bool {
    let usual = (ratio - 1.0) * usual.iter().sum::<f64>();
    let against = seen.iter().sum::<f64>() * ratio.ln() - usual;
    against <= -usual.abs().min(CLEARLY / 0.9) * 0.9
}

fn as_usual(direction: Direction, seen: &[f64], usual: &[f64], dispersion: f64) -> bool {
    let seen: f64 = seen.iter().sum();
    let usual: f64 = usual.iter().sum();
    let margin = 3.0 * (usual * dispersion).sqrt();
    match direction {
        Direction::Up => seen <= usual + margin + 1.0,
        Direction::Down => seen >= usual - margin && (usual < 1.0 || seen > 0.0),
    }
}

/// The failure's end may lie before the window that proved it, if the alarm came late, or some
/// bins into it: the bin after which the counts tell for "as usual" all the way.
fn backdated(
    input: &Signal,
    expected: &[f64],
    excursion: &Excursion,
    (window, quiet): (usize, usize),
    ratio: f64,
) -> usize {
    let mut best = (window, f64::NEG_INFINITY);
    let mut sum = 0.0;
    let bins = input.counts.iter().zip(expected).enumerate();
    for (bin, (count, expected)) in bins.take(window + quiet).skip(excursion.since) {
        sum += count * ratio.ln() - (ratio - 1.0) * expected;
        if sum >= best.1 {
            best = (bin + 1, sum);
        }
    }
    best.0
}
