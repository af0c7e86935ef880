use std::borrow::Cow;

use super::cursor::{Cursor, Fault, LabelToken, Token, unescaped};
use super::number::{millis, number, seconds};
use super::{ExpositionError, ExpositionFormat};
use crate::{Exemplar, LabelSet, MetricKind};

/// Reads an exposition line by line, without making a copy of anything: what is not asked for is
/// not unescaped.
#[derive(Debug)]
pub struct ExpositionReader<'a> {
    rest: &'a str,
    /// The line that was read last, counted from 1.
    line: usize,
    format: ExpositionFormat,
    has_ended: bool,
    name: Token<'a>,
    labels: Vec<LabelToken<'a>>,
    exemplar_labels: Vec<LabelToken<'a>>,
}

/// What a line of an exposition says.
#[derive(Debug, Clone, PartialEq)]
pub enum ExpositionLine<'a> {
    /// What a metric is.
    Type {
        /// The metric, as it is named here.
        family: Cow<'a, str>,
        /// What it is.
        kind: MetricKind,
    },
    /// What it means.
    Help {
        /// The metric, as it is named here.
        family: Cow<'a, str>,
        /// In words.
        text: Cow<'a, str>,
    },
    /// What it is measured in.
    Unit {
        /// The metric, as it is named here.
        family: Cow<'a, str>,
        /// Its unit.
        unit: &'a str,
    },
    /// A value. Its labels are the reader's until the next line.
    Sample(SampleLine<'a>),
}

/// A sample without its labels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleLine<'a> {
    /// Name and labels as written: the same text is the same series.
    pub series: &'a str,
    /// Its value.
    pub value: f64,
    /// Its time in milliseconds, if it says one.
    pub millis: Option<i64>,
    /// The value and the time of its exemplar.
    pub exemplar: Option<(f64, Option<i64>)>,
}

impl<'a> ExpositionReader<'a> {
    /// Begins with the first line.
    pub fn new(text: &'a str, format: ExpositionFormat) -> Self {
        Self {
            rest: text,
            line: 0,
            format,
            has_ended: false,
            name: Token {
                text: "",
                has_escapes: false,
            },
            labels: Vec::new(),
            exemplar_labels: Vec::new(),
        }
    }

    /// The next line that says something; `None` after the last one.
    pub fn next_line(&mut self) -> Result<Option<ExpositionLine<'a>>, ExpositionError> {
        loop {
            if self.rest.is_empty() {
                return self.end();
            }
            let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
            self.rest = rest;
            self.line += 1;
            let told = if self.has_ended {
                Err(Cursor::new(line, self.format).fault("text after # EOF"))
            } else {
                self.read(line)
            };
            match told {
                Ok(Some(told)) => return Ok(Some(told)),
                Ok(None) => {}
                Err(fault) => return Err(self.error(line, fault)),
            }
        }
    }

    /// The labels of the last sample, its name among them, in no order.
    pub fn labels(&self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> + '_ {
        let name = (Cow::Borrowed(LabelSet::NAME), self.name.unescaped());
        let labels = self.labels.iter();
        std::iter::once(name)
            .chain(labels.map(|label| (label.name.unescaped(), label.value.unescaped())))
    }

    /// The name of the last sample.
    pub fn name(&self) -> Cow<'a, str> {
        self.name.unescaped()
    }

    /// The exemplar of the last sample; one without a time is of the time `at`, in milliseconds.
    pub fn exemplar(&self, sample: &SampleLine<'_>, at: i64) -> Option<Exemplar> {
        let (value, time) = sample.exemplar?;
        let labels = self.exemplar_labels.iter();
        let pairs = labels.map(|label| (label.name.unescaped(), label.value.unescaped()));
        let labels = LabelSet::new(pairs);
        let mut named = ["trace_id", "traceID"].into_iter();
        // What is no trace id stays a label.
        let trace = named.find_map(|name| Some((name, labels.get(name)?.parse().ok()?)));
        Some(Exemplar {
            t: time.unwrap_or(at),
            v: value,
            trace_id: trace.map(|(_, id)| id),
            labels: trace.map_or_else(|| labels.clone(), |(name, _)| labels.without(name)),
        })
    }

    /// An error about the line that was read last.
    pub(super) fn error_here(&self, reason: String) -> ExpositionError {
        ExpositionError {
            line: self.line,
            column: 1,
            reason,
        }
    }

    fn end(&self) -> Result<Option<ExpositionLine<'a>>, ExpositionError> {
        if self.format == ExpositionFormat::Text || self.has_ended {
            return Ok(None);
        }
        Err(ExpositionError {
            line: self.line + 1,
            column: 1,
            reason: "the text does not end with # EOF".to_owned(),
        })
    }

    fn error(&self, line: &str, fault: Fault) -> ExpositionError {
        let before = line.char_indices().take_while(|(at, _)| *at < fault.at);
        ExpositionError {
            line: self.line,
            column: before.count() + 1,
            reason: fault.reason,
        }
    }

    fn read(&mut self, line: &'a str) -> Result<Option<ExpositionLine<'a>>, Fault> {
        let is_text = self.format == ExpositionFormat::Text;
        let line = if is_text {
            line.strip_suffix('\r').unwrap_or(line)
        } else {
            line
        };
        let mut cursor = Cursor::new(line, self.format);
        cursor.blanks();
        match cursor.peek() {
            None if is_text => Ok(None),
            None => Err(cursor.fault("an empty line")),
            Some(b'#') => self.comment(cursor),
            Some(_) => self.sample(cursor).map(ExpositionLine::Sample).map(Some),
        }
    }

    fn comment(&mut self, mut cursor: Cursor<'a>) -> Result<Option<ExpositionLine<'a>>, Fault> {
        if self.format == ExpositionFormat::OpenMetrics && cursor.line == "# EOF" {
            self.has_ended = true;
            return Ok(None);
        }
        cursor.at += 1;
        cursor.separator();
        let keyword = cursor.word();
        let is_known = match self.format {
            ExpositionFormat::Text => matches!(keyword, "HELP" | "TYPE"),
            ExpositionFormat::OpenMetrics => matches!(keyword, "HELP" | "TYPE" | "UNIT"),
        };
        if !is_known {
            return if self.format == ExpositionFormat::Text {
                Ok(None)
            } else {
                Err(cursor.fault("a comment that is neither HELP, TYPE, UNIT nor EOF"))
            };
        }
        cursor.separator();
        let family = family(&mut cursor)?;
        cursor.separator();
        let text = cursor.rest();
        Ok(Some(match keyword {
            "TYPE" => ExpositionLine::Type {
                family,
                kind: kind(text.trim_end_matches([' ', '\t']))
                    .map_err(|reason| cursor.fault(reason))?,
            },
            "UNIT" => {
                if !text.is_empty() && !family.ends_with(&format!("_{text}")) {
                    return Err(cursor.fault(format!("the unit {text:?} does not end {family}")));
                }
                ExpositionLine::Unit { family, unit: text }
            }
            _ => ExpositionLine::Help {
                family,
                text: self.help(text),
            },
        }))
    }

    fn help(&self, text: &'a str) -> Cow<'a, str> {
        if text.contains('\\') {
            Cow::Owned(unescaped(
                text,
                self.format == ExpositionFormat::OpenMetrics,
            ))
        } else {
            Cow::Borrowed(text)
        }
    }

    fn sample(&mut self, mut cursor: Cursor<'a>) -> Result<SampleLine<'a>, Fault> {
        self.labels.clear();
        let begin = cursor.at;
        let bare = cursor.metric_name();
        let end_of_name = cursor.at;
        cursor.blanks();
        let has_labels = cursor.takes(b'{');
        let quoted = if has_labels {
            cursor.labels(&mut self.labels)?
        } else {
            cursor.at = end_of_name;
            None
        };
        let series = &cursor.line[begin..cursor.at];
        self.name = match quoted {
            Some(name) if bare.is_empty() => name,
            Some(_) => return Err(cursor.fault("a second name of the metric")),
            None => Token {
                text: bare,
                has_escapes: false,
            },
        };
        let is_apart = cursor.separator() || (has_labels && self.format == ExpositionFormat::Text);
        if self.name.text.is_empty() || !(is_apart || cursor.rest().is_empty()) {
            cursor.at = begin;
            let name = cursor.clone().word();
            return Err(cursor.fault(format!("{name:?} is no name of a metric")));
        }
        let value = value(&mut cursor)?;
        let millis = time(&mut cursor)?;
        let exemplar = self.exemplar_of(&mut cursor)?;
        Ok(SampleLine {
            series,
            value,
            millis,
            exemplar,
        })
    }

    fn exemplar_of(
        &mut self,
        cursor: &mut Cursor<'a>,
    ) -> Result<Option<(f64, Option<i64>)>, Fault> {
        self.exemplar_labels.clear();
        if cursor.rest().is_empty() {
            return Ok(None);
        }
        if self.format == ExpositionFormat::Text || !cursor.takes(b'#') {
            return Err(cursor.fault("text after the sample"));
        }
        cursor.separator();
        if !cursor.takes(b'{') {
            return Err(cursor.fault("an exemplar begins with its labels"));
        }
        if cursor.labels(&mut self.exemplar_labels)?.is_some() {
            return Err(cursor.fault("an exemplar has no name"));
        }
        cursor.separator();
        let read = (value(cursor)?, time(cursor)?);
        if cursor.rest().is_empty() {
            Ok(Some(read))
        } else {
            Err(cursor.fault("text after the exemplar"))
        }
    }
}

/// The metric that a comment is about.
fn family<'a>(cursor: &mut Cursor<'a>) -> Result<Cow<'a, str>, Fault> {
    if cursor.peek() == Some(b'"') {
        let name = cursor.quoted().filter(|name| !name.text.is_empty());
        let name = name.ok_or_else(|| cursor.fault("the name of a metric has no end"))?;
        return Ok(name.unescaped());
    }
    let begin = cursor.at;
    let name = cursor.metric_name();
    if !name.is_empty() && matches!(cursor.peek(), None | Some(b' ' | b'\t')) {
        return Ok(Cow::Borrowed(name));
    }
    cursor.at = begin;
    let name = cursor.clone().word();
    Err(cursor.fault(format!("{name:?} is no name of a metric")))
}

fn value(cursor: &mut Cursor<'_>) -> Result<f64, Fault> {
    let begin = cursor.clone();
    match cursor.word() {
        "" => Err(begin.fault("a sample without a value")),
        word => number(word).map_err(|reason| begin.fault(reason)),
    }
}

/// The time after a value, if there is one.
fn time(cursor: &mut Cursor<'_>) -> Result<Option<i64>, Fault> {
    if !cursor.separator() {
        return Ok(None);
    }
    let begin = cursor.clone();
    let is_text = cursor.format == ExpositionFormat::Text;
    let read = match cursor.peek() {
        None if is_text => return Ok(None),
        Some(b'#') if !is_text => return Ok(None),
        _ if is_text => millis(cursor.word()),
        _ => seconds(cursor.word()),
    };
    let read = read.map_err(|reason| begin.fault(reason))?;
    cursor.separator();
    Ok(Some(read))
}

fn kind(text: &str) -> Result<MetricKind, String> {
    match text {
        "counter" => Ok(MetricKind::Counter),
        "gauge" => Ok(MetricKind::Gauge),
        "info" => Ok(MetricKind::Info),
        "stateset" => Ok(MetricKind::StateSet),
        "histogram" => Ok(MetricKind::Histogram),
        "gaugehistogram" => Ok(MetricKind::GaugeHistogram),
        "summary" => Ok(MetricKind::Summary),
        "unknown" | "untyped" => Ok(MetricKind::Unknown),
        other => Err(format!("{other:?} is no type of a metric")),
    }
}
