use super::Direction;
use super::cells::{Cell, Shape};
use super::likelihood::gain;

/// Steps of Fisher scoring; the counts leave little to gain after them.
const STEPS: usize = 4;
/// How wide the logarithm of a height is spread before anything is seen.
const PRIOR_WIDTH: f64 = 5.0;

/// The height at which a change of some shape explains the cells best.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fit {
    /// Rate of the change over the usual rate, less 1.
    pub height: f64,
    /// Log-likelihood over "nothing changed".
    pub gained: f64,
    /// The same, all heights taken together, each by how likely it is.
    pub marginal: f64,
}

/// How counts scatter about their mean.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scatter {
    pub overdispersion: f64,
    pub wave: f64,
}

/// Fits the height of a change of the shape given. `parts` is room to work in.
pub(super) fn fit(
    cells: &[Cell],
    shape: Shape,
    direction: Direction,
    scatter: Scatter,
    parts: &mut Vec<f64>,
) -> Option<Fit> {
    let first = cells.partition_point(|cell| cell.to <= shape.at);
    let cells = &cells[first..];
    parts.clear();
    parts.extend(cells.iter().map(|cell| shape.part(cell.from, cell.to)));
    let (mut excess, mut weight) = (0.0, 0.0);
    for (cell, part) in cells.iter().zip(&*parts) {
        excess += cell.seen - cell.usual;
        weight += cell.usual * part;
    }
    if weight <= 0.0 {
        return None;
    }
    let mut height = bounded(direction, excess / weight);
    let mut information = 0.0;
    for _ in 0..STEPS {
        let slope;
        (slope, information) = curve(cells, parts, height, scatter.overdispersion);
        let next = bounded(direction, next(height, slope / information));
        let done = (next - height).abs() <= 0.02 * height.abs();
        height = next;
        if done {
            break;
        }
    }
    let pairs = cells.iter().zip(&*parts);
    let gained: f64 = pairs
        .map(|(cell, part)| {
            let alpha = scatter.overdispersion * cell.alpha;
            gain(cell.seen, cell.usual, 1.0 + height * part, alpha)
        })
        .sum();
    let gained = gained / scatter.wave;
    let on_log_scale = match direction {
        Direction::Up => (1.0 + height).powi(2),
        Direction::Down => 1.0,
    };
    let curvature = (information / scatter.wave * on_log_scale).max(1e-9);
    let volume = (std::f64::consts::TAU / curvature).sqrt() / PRIOR_WIDTH;
    Some(Fit {
        height,
        gained,
        marginal: gained + volume.min(1.0).ln(),
    })
}

/// Slope of the log-likelihood by the height, and the information about it.
fn curve(cells: &[Cell], parts: &[f64], height: f64, overdispersion: f64) -> (f64, f64) {
    let (mut slope, mut information) = (0.0, 1e-12);
    for (cell, part) in cells.iter().zip(parts) {
        let by_height = cell.usual * part;
        let mean = cell.usual + by_height * height;
        let scaled = by_height / (mean * (1.0 + overdispersion * cell.alpha * mean));
        slope += scaled * (cell.seen - mean);
        information += scaled * by_height;
    }
    (slope, information)
}

/// A step may not go further than to five times or a fifth of a height.
fn next(height: f64, step: f64) -> f64 {
    let next = height + step;
    let (low, high) = (height.abs() / 5.0, height.abs() * 5.0);
    if height > 0.0 {
        next.clamp(low, high)
    } else {
        next.clamp(-high, -low)
    }
}

fn bounded(direction: Direction, height: f64) -> f64 {
    match direction {
        Direction::Up => height.clamp(0.05, 1e9),
        Direction::Down => height.clamp(-0.999, -0.05),
    }
}
