use super::StackFrame;

/// The exceptions of a text: the one that was thrown last first, each followed by what it came of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Chain {
    pub(super) sections: Vec<Section>,
}

/// One exception of a chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Section {
    /// Innermost first.
    pub(super) frames: Vec<StackFrame>,
    /// Its type, where the text says it.
    pub(super) kind: Option<String>,
    /// What it is to the section before it.
    pub(super) link: Link,
    /// How many of the outermost frames were left out as they are those of the section before it.
    pub(super) elided: usize,
}

/// What an exception is to the one thrown after it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Link {
    /// The program says that it is the cause.
    #[default]
    Cause,
    /// It was being handled when the other was thrown.
    Handled,
}

/// The exception that all began with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Root {
    /// Its type, where the text says it; that of the exception thrown last is known elsewhere.
    pub(crate) kind: Option<String>,
    /// Whether it is not the exception that was thrown last.
    pub(crate) is_wrapped: bool,
    /// From where it was thrown to where the program began, as if nothing had wrapped it.
    pub(crate) frames: Vec<StackFrame>,
}

impl Chain {
    /// A text of a single exception.
    pub(super) fn single(frames: Vec<StackFrame>) -> Self {
        Self {
            sections: vec![Section {
                frames,
                ..Section::default()
            }],
        }
    }

    pub(super) fn frames(&self) -> usize {
        self.sections
            .iter()
            .map(|section| section.frames.len())
            .sum()
    }

    /// The types of all, the one thrown last first.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = &str> {
        self.sections
            .iter()
            .filter_map(|section| section.kind.as_deref())
    }

    /// A failure is the same one whether or not something wraps it on its way up. So what counts is
    /// the first exception, with its own calls and, beyond where it was caught, those of the next.
    ///
    /// What was merely being handled is a cause only if the other was thrown where it was caught:
    /// otherwise the handler ran into a failure of its own.
    pub(super) fn root(&self) -> Root {
        let mut root = Root::default();
        let mut sections = self.sections.iter();
        if let Some(thrown) = sections.next() {
            root.frames.clone_from(&thrown.frames);
            root.kind.clone_from(&thrown.kind);
        }
        for cause in sections {
            if cause.frames.is_empty() && cause.elided == 0 {
                continue;
            }
            let is_cause = root.frames.is_empty()
                || cause.link == Link::Cause
                || root
                    .frames
                    .first()
                    .is_some_and(|thrown| cause.frames.contains(thrown));
            if !is_cause {
                break;
            }
            root = Root {
                kind: cause.kind.clone().or(root.kind),
                is_wrapped: true,
                frames: cause.within(&root.frames),
            };
        }
        root
    }
}

impl Section {
    /// All calls that led to it, where its own end at the one that caught it.
    fn within(&self, outer: &[StackFrame]) -> Vec<StackFrame> {
        let caught = self
            .frames
            .last()
            .and_then(|last| outer.iter().position(|frame| frame == last));
        let beyond = match (self.elided, caught) {
            (0, None) => outer.len(),
            (0, Some(caught)) => caught + 1,
            (elided, _) => outer.len().saturating_sub(elided),
        };
        let beyond = &outer[beyond..];
        self.frames.iter().chain(beyond).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(frames: &[&str], link: Link, elided: usize) -> Section {
        let frame = |name: &&str| StackFrame::new("m", *name, true);
        Section {
            frames: frames.iter().map(frame).collect(),
            kind: Some(frames.join(".")),
            link,
            elided,
        }
    }

    fn root(sections: &[Section]) -> String {
        let chain = Chain {
            sections: sections.to_vec(),
        };
        let names = chain.root().frames.into_iter().map(|f| f.function);
        names.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_cause_goes_on_where_it_was_caught() {
        let wrapper = section(&["charge", "main"], Link::Cause, 0);
        let cause = section(&["send", "charge"], Link::Cause, 0);
        assert_eq!(root(&[wrapper.clone(), cause]), "send charge main");
        let whole = section(&["send", "charge", "main"], Link::Cause, 0);
        assert_eq!(root(&[wrapper.clone(), whole]), "send charge main");
        let elided = section(&["send", "charge"], Link::Cause, 1);
        assert_eq!(root(&[wrapper.clone(), elided]), "send charge main");
        let elsewhere = section(&["send", "worker"], Link::Cause, 0);
        assert_eq!(root(&[wrapper, elsewhere]), "send worker");
    }

    #[test]
    fn a_failure_of_the_handler_is_its_own() {
        let handled = section(&["look_up", "charge"], Link::Handled, 0);
        let wrapping = section(&["charge", "main"], Link::Cause, 0);
        assert_eq!(root(&[wrapping, handled.clone()]), "look_up charge main");
        let failing = section(&["insert", "charge", "main"], Link::Cause, 0);
        assert_eq!(root(&[failing, handled]), "insert charge main");
    }
}
