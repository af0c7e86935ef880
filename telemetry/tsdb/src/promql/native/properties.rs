use proptest::prelude::*;
use watchfire_schemas::{CounterReset, HistogramBuckets, NativeHistogram};

use super::layout::{exponential_bound, packed};
use super::{add, equal, is_reset, quantile, reduce, subtract};

prop_compose! {
    fn buckets()(counts in prop::collection::btree_map(-20_i32..20, 1_u32..50, 0..8)) -> HistogramBuckets {
        packed(counts.into_iter().map(|(index, count)| (index, f64::from(count))))
    }
}

prop_compose! {
    fn histogram()(
        schema in -2_i8..4,
        positive in buckets(),
        negative in buckets(),
        zero_power in -6_i32..2,
        zero_count in 0_u32..20,
    ) -> NativeHistogram {
        let zero_threshold = f64::from(zero_power).exp2();
        let beyond_zero = |buckets: &HistogramBuckets| {
            let beyond = |index: &i32| exponential_bound(index - 1, schema) >= zero_threshold;
            packed(buckets.iter().filter(|(index, _)| beyond(index)))
        };
        let (positive, negative) = (beyond_zero(&positive), beyond_zero(&negative));
        let inside = positive.counts.iter().chain(&negative.counts);
        let zero_count = f64::from(zero_count);
        NativeHistogram {
            schema,
            reset: CounterReset::Unknown,
            zero_threshold,
            zero_count,
            count: inside.sum::<f64>() + zero_count,
            sum: 1.5,
            positive,
            negative,
            custom_bounds: Vec::new(),
        }
    }
}

fn observations(histogram: &NativeHistogram) -> f64 {
    let sides = [&histogram.positive, &histogram.negative];
    let inside = sides.into_iter().flat_map(|side| &side.counts);
    inside.sum::<f64>() + histogram.zero_count
}

proptest! {
    #[test]
    fn a_sum_does_not_depend_on_the_order(a in histogram(), b in histogram()) {
        let (mut ab, mut ba) = (a.clone(), b.clone());
        add(&mut ab, &b).unwrap();
        add(&mut ba, &a).unwrap();
        super::compact(&mut ab);
        super::compact(&mut ba);
        prop_assert!(equal(&ab, &ba), "{ab:?} {ba:?}");
    }

    #[test]
    fn a_sum_loses_no_observation(a in histogram(), b in histogram()) {
        let mut sum = a.clone();
        add(&mut sum, &b).unwrap();
        let lost = observations(&a) + observations(&b) - observations(&sum);
        prop_assert!(lost.abs() < 1e-9, "{lost}");
    }

    #[test]
    fn what_is_added_can_be_taken_away(a in histogram(), b in histogram()) {
        let mut b = b;
        (b.schema, b.zero_threshold) = (a.schema, 2.0_f64.powi(-70));
        let mut a = a;
        a.zero_threshold = b.zero_threshold;
        let mut back = a.clone();
        add(&mut back, &b).unwrap();
        subtract(&mut back, &b).unwrap();
        super::compact(&mut back);
        prop_assert!(equal(&back, &a), "{back:?} {a:?}");
    }

    #[test]
    fn growth_is_no_reset_and_its_reverse_is_one(mut a in histogram(), mut b in histogram()) {
        prop_assume!(b.count > 0.0);
        (a.zero_threshold, b.zero_threshold) = (2.0_f64.powi(-70), 2.0_f64.powi(-70));
        let mut grown = a.clone();
        add(&mut grown, &b).unwrap();
        prop_assert!(!is_reset(&grown, &a));
        prop_assert!(is_reset(&a, &grown));
    }

    #[test]
    fn a_coarser_histogram_has_the_same_observations(mut a in histogram()) {
        let before = observations(&a);
        reduce(&mut a, -3);
        prop_assert!((observations(&a) - before).abs() < 1e-9);
    }

    #[test]
    fn quantiles_grow(a in histogram(), q in 0.0..1.0, more in 0.0..1.0) {
        prop_assume!(a.count > 0.0);
        let (low, high): (f64, f64) = if q < more { (q, more) } else { (more, q) };
        let (low, high) = (quantile(low, &a).0, quantile(high, &a).0);
        prop_assert!(low <= high + 1e-9 * high.abs(), "{low} {high}");
    }
}
