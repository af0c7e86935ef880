use std::fmt::Write as _;

use watchfire_schemas::NativeHistogram;

use super::layout::bounds;
use crate::number::general;

/// A histogram as Prometheus writes it, for `count_values`:
/// `{count:3, sum:4.5, [-0.001,0.001]:1, (0.5,1]:2}`.
pub(crate) fn text(histogram: &NativeHistogram) -> String {
    let mut text = format!(
        "{{count:{}, sum:{}",
        general(histogram.count),
        general(histogram.sum)
    );
    let negative: Vec<_> = histogram.negative.iter().collect();
    for &(index, count) in negative.iter().rev().filter(|(_, count)| *count != 0.0) {
        let (near, far) = bounds(histogram, index);
        push(&mut text, ['[', ')'], -far, -near, count);
    }
    if histogram.zero_count != 0.0 {
        let zero = histogram.zero_threshold;
        push(&mut text, ['[', ']'], -zero, zero, histogram.zero_count);
    }
    for (index, count) in histogram.positive.iter().filter(|(_, c)| *c != 0.0) {
        let (lower, upper) = bounds(histogram, index);
        let open = if lower == f64::NEG_INFINITY { '[' } else { '(' };
        push(&mut text, [open, ']'], lower, upper, count);
    }
    text.push('}');
    text
}

fn push(text: &mut String, brackets: [char; 2], lower: f64, upper: f64, count: f64) {
    let [open, close] = brackets;
    let (lower, upper, count) = (general(lower), general(upper), general(count));
    write!(text, ", {open}{lower},{upper}{close}:{count}").expect("a string takes all");
}
