use super::{Chain, Link, Section, StackFrame, leading_type, stable_file};

/// `traceback.format_exc()`: newest call last, the cause before what it caused.
pub(super) fn read(lines: &[&str]) -> Chain {
    let mut reading = Reading::default();
    for line in lines {
        reading.take(line);
    }
    let mut sections = reading.sections;
    for section in &mut sections {
        section.frames.reverse();
    }
    sections.reverse();
    Chain { sections }
}

/// The tracebacks so far, oldest first.
#[derive(Default)]
struct Reading {
    sections: Vec<Section>,
    /// Where the next one goes: those of a group come before the group, which they led to.
    next: usize,
    /// Of a group's exceptions the first one is read.
    skips: bool,
}

impl Reading {
    fn take(&mut self, line: &str) {
        let trimmed = line.trim_start();
        let (margin, text) = match trimmed.strip_prefix("| ") {
            Some(text) => (true, text),
            None => match trimmed.strip_prefix("+ ") {
                Some(text) => (true, text),
                None => (trimmed.starts_with(['+', '|']), line),
            },
        };
        if trimmed.starts_with("+-+--") {
            // The group is complete; what it holds led to it.
            if !self.sections.is_empty() && !self.skips {
                self.sections.drain(..self.next.saturating_sub(1));
                self.next = 0;
            }
        } else if trimmed.starts_with("+--") {
            self.skips = true;
        } else if !margin && self.skips && !trimmed.is_empty() {
            (self.skips, self.next) = (false, self.sections.len());
        }
        if !self.skips {
            self.take_text(text);
        }
    }

    fn take_text(&mut self, line: &str) {
        if line.contains("Traceback (most recent call last):") {
            self.sections.insert(self.next, Section::default());
            self.next += 1;
        } else if let Some(frame) = frame(line) {
            if self.next == 0 {
                self.sections.insert(0, Section::default());
                self.next = 1;
            }
            // A comprehension was a call of its own up to Python 3.11.
            if !frame.function.ends_with("comp") || !line.ends_with('>') {
                self.sections[self.next - 1].frames.push(frame);
            }
        } else if let Some(section) = self.next.checked_sub(1).map(|at| &mut self.sections[at]) {
            if line.starts_with("During handling of the above") {
                section.link = Link::Handled;
            } else if !line.starts_with(' ') && section.kind.is_none() && !section.frames.is_empty()
            {
                section.kind = leading_type(line);
            }
        }
    }
}

/// `  File "/app/capture.py", line 12, in charge`
fn frame(line: &str) -> Option<StackFrame> {
    let rest = line.trim_start().strip_prefix("File \"")?;
    let (path, rest) = rest.split_once("\", line ")?;
    let function = rest
        .split_once(", in ")
        .map_or("", |(_, function)| function.trim());
    let in_app = !LIBRARIES.iter().any(|part| path.contains(part));
    let module = if path.contains("ipykernel_") || path.contains("<ipython-input") {
        "notebook"
    } else {
        stable_file(path, ".py")
    };
    let function = function.rsplit('.').next().unwrap_or_default();
    let function = function.trim_matches(['<', '>']);
    Some(StackFrame::new(
        module.trim_matches(['<', '>']),
        function,
        in_app,
    ))
}

/// Where code is that the application did not write.
const LIBRARIES: [&str; 8] = [
    "site-packages",
    "dist-packages",
    "/lib/python",
    "/lib64/python",
    "\\lib\\",
    "\\Lib\\",
    "<frozen",
    "<string>",
];

#[cfg(test)]
mod tests {
    use super::super::{Stack, check, check_same};

    const CHAINED: &str = r#"Traceback (most recent call last):
  File "/app/payments/gateway.py", line 31, in send
    return self._post(url)
           ^^^^^^^^^^^^^^^
  File "/usr/lib/python3.12/site-packages/httpx/_client.py", line 903, in post
    raise TimeoutError("timed out")
TimeoutError: timed out

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/app/payments/main.py", line 5, in run
    charge(order)
  File "/app/payments/gateway.py", line 34, in send
    raise CaptureError(order) from error
payments.errors.CaptureError: order 17 failed
"#;

    #[test]
    fn a_cause_goes_on_where_it_was_caught() {
        check(
            CHAINED,
            &[
                ("_client.post", false),
                ("gateway.send", true),
                ("main.run", true),
            ],
        );
        let root = Stack::parse(CHAINED).root();
        assert_eq!(
            (root.kind.as_deref(), root.is_wrapped),
            (Some("TimeoutError"), true)
        );
        let kinds: Vec<String> = Stack::parse(CHAINED)
            .chain
            .kinds()
            .map(str::to_owned)
            .collect();
        assert_eq!(kinds, ["payments.errors.CaptureError", "TimeoutError"]);
    }

    #[test]
    fn a_wrapper_changes_nothing_of_where_it_broke() {
        let bare = "Traceback (most recent call last):\n  File \"/srv/main.py\", line 4, in <module>\n    run()\n  File \"/srv/main.py\", line 9, in run\n    [pay(o) for o in orders]\n  File \"/srv/main.py\", line 9, in <listcomp>\n    pay(o)\n  File \"/srv/pay.py\", line 2, in pay\n    raise ValueError(o)\nValueError: 7\n";
        let wrapped = "Traceback (most recent call last):\n  File \"/srv/main.py\", line 19, in run\n    pay(o)\n  File \"/srv/pay.py\", line 3, in pay\n    raise ValueError(o)\nValueError: 8\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"/srv/main.py\", line 14, in <module>\n    run()\n  File \"/srv/main.py\", line 21, in run\n    raise Wrapped()\nWrapped\n";
        check_same(bare, wrapped);
        // The handler ran into something else.
        let handler = wrapped.replace("    raise Wrapped()\nWrapped\n", "    undo()\n  File \"/srv/undo.py\", line 3, in undo\n    raise KeyError(1)\nKeyError: 1\n");
        assert_eq!(Stack::parse(&handler).root().frames[0].name(), "undo.undo");
    }

    #[test]
    fn of_a_group_the_first_exception_counts() {
        let text = "  + Exception Group Traceback (most recent call last):\n  |   File \"/app/a.py\", line 3, in <module>\n  |     run()\n  |   File \"/app/a.py\", line 9, in run\n  |     raise ExceptionGroup(\"many\", found)\n  | ExceptionGroup: many (2 sub-exceptions)\n  +-+---------------- 1 ----------------\n    | Traceback (most recent call last):\n    |   File \"/app/a.py\", line 7, in run\n    |     one()\n    |   File \"/app/b.py\", line 2, in one\n    |     raise ValueError(1)\n    | ValueError: 1\n    +---------------- 2 ----------------\n    | Traceback (most recent call last):\n    |   File \"/app/c.py\", line 2, in two\n    | TypeError: 2\n    +------------------------------------\n";
        check(
            text,
            &[("b.one", true), ("a.run", true), ("a.module", true)],
        );
        assert_eq!(
            Stack::parse(text).root().kind.as_deref(),
            Some("ValueError")
        );
    }

    #[test]
    fn what_is_made_for_one_run_has_no_name() {
        check(
            "  File \"/tmp/tmp9x8y7z6w.py\", line 3, in go\n  File \"/tmp/ipykernel_12/345.py\", line 1, in <module>\n",
            &[("notebook.module", true), ("temporary.go", true)],
        );
    }
}
