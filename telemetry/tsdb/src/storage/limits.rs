use watchfire_schemas::LabelSet;

use super::refusal::Refusal;

/// How many labels a series may have, its name among them.
const MOST_LABELS: usize = 64;
/// How long a label's name may be, in bytes.
const LONGEST_NAME: usize = 1024;
/// How long a label's value may be, in bytes.
const LONGEST_VALUE: usize = 4096;

/// What bounds the samples that are taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) max_series: usize,
    pub(crate) max_memory: usize,
    pub(crate) out_of_order_ms: i64,
    /// Samples before are refused.
    pub(crate) earliest: i64,
    /// Samples after are refused.
    pub(crate) latest: i64,
}

impl Bounds {
    /// What stands against a time.
    pub(crate) fn objection(&self, t: i64) -> Option<Refusal> {
        if t < self.earliest {
            return Some(Refusal::TooOld);
        }
        (t > self.latest).then_some(Refusal::TooFarAhead)
    }
}

/// What stands against the labels of a new series.
pub(crate) fn check_labels(labels: &LabelSet) -> Result<(), Refusal> {
    if labels.name().is_empty() {
        return Err(Refusal::NoName);
    }
    if labels.len() > MOST_LABELS {
        return Err(Refusal::TooManyLabels);
    }
    for (name, value) in labels.iter() {
        if name.len() > LONGEST_NAME {
            return Err(Refusal::LongLabelName);
        }
        if value.len() > LONGEST_VALUE {
            return Err(Refusal::LongLabelValue);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(labels: &[(&str, String)], expected: Result<(), Refusal>) {
        let labels = labels.iter().map(|(name, value)| (*name, value.as_str()));
        assert_eq!(check_labels(&LabelSet::metric("up", labels)), expected);
    }

    #[test]
    fn labels_have_limits() {
        check(&[("job", "x".repeat(LONGEST_VALUE))], Ok(()));
        let long = "x".repeat(LONGEST_VALUE + 1);
        check(&[("job", long)], Err(Refusal::LongLabelValue));
        let name = "n".repeat(LONGEST_NAME + 1);
        check(&[(&name, "x".to_owned())], Err(Refusal::LongLabelName));
        let names: Vec<_> = (0..MOST_LABELS).map(|i| format!("l{i}")).collect();
        let labels: Vec<_> = names.iter().map(|n| (n.as_str(), "x".to_owned())).collect();
        check(&labels, Err(Refusal::TooManyLabels));
        check(&labels[1..], Ok(()));
        let nameless = LabelSet::new([("job", "x")]);
        assert_eq!(check_labels(&nameless), Err(Refusal::NoName));
    }
}
