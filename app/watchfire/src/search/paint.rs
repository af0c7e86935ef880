use std::io::IsTerminal as _;

/// Colours, or none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint {
    is_on: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Colour {
    Dim,
    Plain,
    Blue,
    Yellow,
    Red,
    Alarm,
}

impl Paint {
    /// Colours only where somebody looks, and wants them (<https://no-color.org>).
    pub(super) fn for_stdout(unwanted: bool) -> Self {
        let says_no = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            is_on: !unwanted && !says_no && !is_dumb && std::io::stdout().is_terminal(),
        }
    }

    #[cfg(test)]
    pub(super) const fn new(is_on: bool) -> Self {
        Self { is_on }
    }

    pub(super) fn paint(self, colour: Colour, text: &str) -> String {
        let code = match colour {
            _ if !self.is_on => return text.to_owned(),
            Colour::Plain => return text.to_owned(),
            Colour::Dim => "2",
            Colour::Blue => "34",
            Colour::Yellow => "33",
            Colour::Red => "31",
            Colour::Alarm => "1;31",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

impl Colour {
    pub(super) fn of_severity(severity: &str) -> Self {
        match severity {
            "TRACE" | "DEBUG" => Self::Dim,
            "WARN" => Self::Yellow,
            "ERROR" => Self::Red,
            "FATAL" => Self::Alarm,
            _ => Self::Plain,
        }
    }
}
