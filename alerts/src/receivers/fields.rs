//! A mapping of the configuration, read field by field: what is not read is not known.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_saphyr::{Location, Spanned};

use super::tree::{Place, Tree};
use crate::notify::SecretSource;
use crate::rules::parse_duration;
use crate::rules::template::Template;
use crate::{RuleFinding, Weight};

/// What was found wrong so far, and where to look for files.
#[derive(Debug)]
pub(super) struct Findings<'a> {
    file: &'a str,
    base: &'a Path,
    all: Vec<RuleFinding>,
}

impl<'a> Findings<'a> {
    pub(super) const fn new(file: &'a str, base: &'a Path) -> Self {
        Self {
            file,
            base,
            all: Vec::new(),
        }
    }

    pub(super) fn note(&mut self, at: Location, reason: impl Into<String>) {
        self.all.push(RuleFinding {
            file: self.file.to_owned(),
            line: at.line() as usize,
            column: at.column() as usize,
            weight: Weight::Error,
            reason: reason.into(),
        });
    }

    /// A file that the configuration names.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.base.join(name)
    }

    /// Those found, in the order of the file.
    pub(super) fn finish(mut self) -> Vec<RuleFinding> {
        self.all
            .sort_by_key(|finding| (finding.line, finding.column));
        self.all
    }
}

/// A mapping that is being read. Each field is asked for once; [`Self::finish`] refuses the rest.
#[derive(Debug)]
pub(super) struct Fields<'t> {
    /// Where the mapping stands.
    pub at: Location,
    /// What it is called in messages.
    what: String,
    entries: &'t [(Spanned<String>, Place)],
    known: BTreeSet<&'static str>,
}

impl<'t> Fields<'t> {
    /// None, with a finding, if it is no mapping. Nothing at all is an empty one.
    pub(super) fn of(place: &'t Place, what: &str, findings: &mut Findings<'_>) -> Option<Self> {
        let entries: &[_] = match &place.value {
            Tree::Map(entries) => entries,
            Tree::Nothing => &[],
            other => {
                let reason = format!("{what} must be a mapping, not {}", other.kind());
                findings.note(place.referenced, reason);
                return None;
            }
        };
        Some(Self {
            at: place.referenced,
            what: what.to_owned(),
            entries,
            known: BTreeSet::new(),
        })
    }

    /// None also where nothing is written behind the name.
    pub(super) fn place(&mut self, name: &'static str) -> Option<&'t Place> {
        self.known.insert(name);
        let found = self.entries.iter().find(|(key, _)| key.value == name);
        let place = found.map(|(_, place)| place);
        place.filter(|place| !matches!(place.value, Tree::Nothing))
    }

    pub(super) fn text(
        &mut self,
        name: &'static str,
        findings: &mut Findings<'_>,
    ) -> Option<String> {
        let place = self.place(name)?;
        let text = place.value.scalar();
        if text.is_none() {
            let reason = format!("{name} must be a text, not {}", place.value.kind());
            findings.note(place.referenced, reason);
        }
        text
    }

    /// A text that is not empty.
    pub(super) fn some_text(
        &mut self,
        name: &'static str,
        findings: &mut Findings<'_>,
    ) -> Option<String> {
        self.text(name, findings).filter(|text| !text.is_empty())
    }

    pub(super) fn truth(
        &mut self,
        name: &'static str,
        findings: &mut Findings<'_>,
    ) -> Option<bool> {
        let place = self.place(name)?;
        if let Tree::Truth(truth) = place.value {
            return Some(truth);
        }
        let reason = format!("{name} must be true or false, not {}", place.value.kind());
        findings.note(place.referenced, reason);
        None
    }

    pub(super) fn count(
        &mut self,
        name: &'static str,
        findings: &mut Findings<'_>,
    ) -> Option<usize> {
        let place = self.place(name)?;
        let count = place.value.scalar().and_then(|text| text.parse().ok());
        if count.is_none() {
            findings.note(place.referenced, format!("{name} must be a whole number"));
        }
        count
    }

    pub(super) fn duration(
        &mut self,
        name: &'static str,
        findings: &mut Findings<'_>,
    ) -> Option<Duration> {
        let place = self.place(name)?;
        let text = place.value.scalar()?;
        let zero = (text == "0").then_some(Duration::ZERO);
        let read = zero.or_else(|| parse_duration(&text));
        if read.is_none() {
            let reason = format!("{name} must be a duration such as 10s, not {text:?}");
            findings.note(place.referenced, reason);
        }
        read
    }

    /// A mapping within this one.
    pub(super) fn within(
        &mut self,
        name: &'static str,
        findings: &mut Findings<'_>,
    ) -> Option<Self> {
        let place = self.place(name)?;
        Self::of(place, name, findings)
    }

    pub(super) fn list(&mut self, name: &'static str, findings: &mut Findings<'_>) -> &'t [Place] {
        match self.place(name) {
            Some(Place {
                value: Tree::List(list),
                ..
            }) => list,
            Some(other) => {
                let reason = format!("{name} must be a list, not {}", other.value.kind());
                findings.note(other.referenced, reason);
                &[]
            }
            None => &[],
        }
    }

    /// A template, or the one that stands in for it.
    pub(super) fn template(
        &mut self,
        name: &'static str,
        otherwise: &str,
        findings: &mut Findings<'_>,
    ) -> Template {
        let at = self.place(name).map(|place| place.referenced);
        let text = self.text(name, findings);
        template(
            text.as_deref().unwrap_or(otherwise),
            name,
            at.unwrap_or(self.at),
            findings,
        )
    }

    /// A template that may be missing.
    pub(super) fn maybe_template(
        &mut self,
        name: &'static str,
        findings: &mut Findings<'_>,
    ) -> Option<Template> {
        let at = self.place(name)?.referenced;
        let text = self.some_text(name, findings)?;
        Some(template(&text, name, at, findings))
    }

    /// A mapping of names to templates, in the order of the file.
    pub(super) fn templates(
        &mut self,
        name: &'static str,
        findings: &mut Findings<'_>,
    ) -> Vec<(String, Template)> {
        let at = self.place(name).map_or(self.at, |place| place.referenced);
        let pairs = self.pairs(name, findings);
        let read = pairs.into_iter();
        read.map(|(key, text)| (key, template(&text, name, at, findings)))
            .collect()
    }

    /// Takes what is written under a name without looking at it.
    pub(super) fn leave(&mut self, names: &[&'static str]) {
        self.known.extend(names);
    }

    /// Takes everything.
    pub(super) fn leave_all(mut self) {
        self.entries = &[];
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, name: &'static str, findings: &mut Findings<'_>) -> Vec<String> {
        let list = self.list(name, findings);
        let texts = list.iter().filter_map(|place| {
            let text = place.value.scalar();
            if text.is_none() {
                findings.note(place.referenced, format!("{name} must hold texts"));
            }
            text
        });
        texts.collect()
    }

    /// A mapping of names to texts, in the order of the file.
    pub(super) fn pairs(
        &mut self,
        name: &'static str,
        findings: &mut Findings<'_>,
    ) -> Vec<(String, String)> {
        let Some(inner) = self.within(name, findings) else {
            return Vec::new();
        };
        let mut pairs = Vec::new();
        for (key, place) in inner.entries {
            match place.value.scalar() {
                Some(value) => pairs.push((key.value.clone(), value)),
                None => findings.note(place.referenced, format!("{name} must hold texts")),
            }
        }
        pairs
    }

    /// A secret that is written out under one name, or in the file that another names; not both.
    pub(super) fn secret(
        &mut self,
        name: &'static str,
        file_name: &'static str,
        findings: &mut Findings<'_>,
    ) -> Option<SecretSource> {
        let written = self.some_text(name, findings);
        let file = self.some_text(file_name, findings);
        match (written, file) {
            (Some(_), Some(_)) => {
                let reason = format!("at most one of {name} & {file_name} must be configured");
                findings.note(self.at, reason);
                None
            }
            (Some(text), None) => Some(SecretSource::Written(text.into())),
            (None, Some(file)) => Some(SecretSource::File(findings.path(&file))),
            (None, None) => None,
        }
    }

    /// Refuses what was not asked for.
    pub(super) fn finish(self, findings: &mut Findings<'_>) {
        for (key, _) in self.entries {
            if !self.known.contains(key.value.as_str()) {
                let reason = format!("field {:?} is not known in {}", key.value, self.what);
                findings.note(key.referenced, reason);
            }
        }
    }
}

/// A template that cannot be read is a finding, and empty.
pub(super) fn template(
    text: &str,
    name: &str,
    at: Location,
    findings: &mut Findings<'_>,
) -> Template {
    Template::parse_message(text).unwrap_or_else(|error| {
        findings.note(at, format!("the template of {name} is wrong: {error}"));
        Template::empty()
    })
}
