//! Services of a trace: their colours, and how much of the time was theirs.

use super::layout::Layout;

/// Services beyond so many have one colour together.
const COLOURS: usize = 8;

/// What a service did in a trace.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Share {
    /// An index into the services of the outline.
    pub(crate) service: usize,
    /// `0` to `7`, `8` for all others: a class of the sheet.
    pub(crate) colour: u8,
    pub(crate) spans: usize,
    pub(crate) errors: usize,
    /// The sum of its spans' own times, in nanoseconds.
    pub(crate) own: i64,
    /// Its part of the critical path.
    pub(crate) critical: i64,
}

/// Most of the critical path first; of those with none, most time of their own.
pub(crate) fn shares(layout: &Layout) -> Vec<Share> {
    let mut shares: Vec<Share> = (0..layout.outline.services.len())
        .map(|service| Share {
            service,
            ..Share::default()
        })
        .collect();
    for (span, outline) in layout.spans().iter().enumerate() {
        if let Some(share) = shares.get_mut(outline.service as usize) {
            share.spans += 1;
            share.errors += usize::from(outline.is_error);
            share.own = share.own.saturating_add(layout.self_times[span]);
        }
    }
    for part in &layout.path.segments {
        let service = layout.spans()[part.span].service as usize;
        if let Some(share) = shares.get_mut(service) {
            share.critical += part.to - part.from;
        }
    }
    shares.retain(|share| share.spans > 0);
    shares.sort_by_key(|share| std::cmp::Reverse((share.critical, share.own)));
    for (rank, share) in shares.iter_mut().enumerate() {
        share.colour = rank.min(COLOURS) as u8;
    }
    shares
}

/// The colour of each service of the outline.
pub(crate) fn colours(shares: &[Share], services: usize) -> Vec<u8> {
    let mut colours = vec![COLOURS as u8; services];
    for share in shares {
        colours[share.service] = share.colour;
    }
    colours
}

#[cfg(test)]
mod tests {
    use super::super::sketch::spans_in;
    use super::*;
    use watchfire_logsearch::TraceOutline;

    #[test]
    fn who_held_the_answer_up_comes_first() {
        let outline = TraceOutline {
            spans: spans_in("1 0 a 0 100; 2 1 b 10 90; 3 1 c 10 80!"),
            services: ["a", "b", "c", "gone"].map(str::to_owned).to_vec(),
            ..TraceOutline::default()
        };
        let layout = Layout::of(outline, Vec::new(), false);
        let shares = shares(&layout);
        let ms = |nanos: i64| nanos / 1_000_000;
        let told: Vec<_> = shares
            .iter()
            .map(|share| {
                (
                    share.service,
                    ms(share.critical),
                    ms(share.own),
                    share.errors,
                )
            })
            .collect();
        assert_eq!(told, [(1, 80, 80, 0), (0, 20, 20, 0), (2, 0, 70, 1)]);
        assert_eq!(colours(&shares, 4), [1, 0, 2, 8]);
    }
}
