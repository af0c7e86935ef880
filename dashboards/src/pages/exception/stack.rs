//! The calls of a stack as they are shown: the application's own open, the others folded.

/// Calls next to each other that are all of the application or all of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) in_app: bool,
    pub(crate) calls: Vec<String>,
}

/// Without calls of the application nothing is folded.
pub(super) fn runs(calls: &[(String, bool)]) -> Vec<Run> {
    let has_own = calls.iter().any(|(_, in_app)| *in_app);
    let mut runs: Vec<Run> = Vec::new();
    for (name, in_app) in calls {
        let in_app = *in_app || !has_own;
        match runs.last_mut() {
            Some(run) if run.in_app == in_app => run.calls.push(name.clone()),
            _ => runs.push(Run {
                in_app,
                calls: vec![name.clone()],
            }),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_folded() {
        let calls = |own: [bool; 4]| {
            let named = own.into_iter().enumerate();
            named
                .map(|(at, own)| (format!("f{at}"), own))
                .collect::<Vec<_>>()
        };
        let lengths = |own| -> Vec<(bool, usize)> {
            let runs = runs(&calls(own));
            runs.iter()
                .map(|run| (run.in_app, run.calls.len()))
                .collect()
        };
        assert_eq!(
            lengths([false, false, true, false]),
            [(false, 2), (true, 1), (false, 1)]
        );
        assert_eq!(lengths([false; 4]), [(true, 4)]);
    }
}
