use http::StatusCode;

use crate::problem::Problem;

/// What is wrong with a body, each with its place in it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Wrongs(Vec<(String, String)>);

impl Wrongs {
    pub(crate) fn add(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        self.0.push((pointer.into(), detail.into()));
    }

    /// The value of an outcome, or its error written down at `pointer`.
    pub(crate) fn take<T, E: ToString>(
        &mut self,
        pointer: String,
        outcome: Result<T, E>,
    ) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(error) => {
                self.add(pointer, error.to_string());
                None
            }
        }
    }

    /// The refusal of the whole body, if there is anything wrong.
    pub(crate) fn refusal(self, detail: &str) -> Option<Problem> {
        if self.0.is_empty() {
            return None;
        }
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail);
        let told = self.0.into_iter().take(Self::MAX_TOLD);
        Some(told.fold(problem, |problem, (pointer, detail)| {
            problem.at(&pointer, detail)
        }))
    }

    /// More says the same again.
    const MAX_TOLD: usize = 20;

    #[cfg(test)]
    pub(crate) fn pointers(&self) -> Vec<&str> {
        self.0.iter().map(|(pointer, _)| pointer.as_str()).collect()
    }
}
