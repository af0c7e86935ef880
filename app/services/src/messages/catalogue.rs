use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serde::Serialize;
use watchfire_schemas::Timestamp;

use crate::messages::channel::Channel;
use crate::messages::experiment::Experiment;
use crate::messages::wording::{Fault, Parsed, Wording};

/// The templates and experiments, which every message asks for. The database has the same.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    /// Written when a template or an experiment is made, read for every message.
    entries: RwLock<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    /// By name, then by version.
    templates: BTreeMap<String, BTreeMap<i64, Arc<TemplateVersion>>>,
    experiments: BTreeMap<String, Arc<Experiment>>,
}

/// One version of a template, which is never changed.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TemplateVersion {
    pub(crate) name: String,
    pub(crate) version: i64,
    pub(crate) channel: Channel,
    /// The one that is taken when a message asks for a locale that is not there.
    pub(crate) default_locale: String,
    pub(crate) locales: BTreeMap<String, Wording>,
    /// What a message has to fill in, by locale.
    pub(crate) variables: BTreeMap<String, Vec<String>>,
    pub(crate) created_at: Timestamp,
    #[serde(skip)]
    parsed: BTreeMap<String, Parsed>,
}

/// What a version is made of.
#[derive(Debug, Clone)]
pub(crate) struct TemplateSource {
    pub(crate) name: String,
    pub(crate) channel: Channel,
    pub(crate) default_locale: String,
    pub(crate) locales: BTreeMap<String, Wording>,
}

impl TemplateVersion {
    /// Reads all wordings. The fault's pointer is that of a whole template.
    pub(crate) fn new(
        source: TemplateSource,
        version: i64,
        created_at: Timestamp,
    ) -> Result<Self, Fault> {
        let mut parsed = BTreeMap::new();
        for (locale, wording) in &source.locales {
            let parent = format!("/locales/{locale}");
            let read = wording.check(source.channel).and_then(|()| wording.parse());
            parsed.insert(
                locale.clone(),
                read.map_err(|fault| fault.beneath(&parent))?,
            );
        }
        if !parsed.contains_key(&source.default_locale) {
            return Err(Fault::new(
                "/default_locale",
                "there is no wording in this locale",
            ));
        }
        let variables = parsed
            .iter()
            .map(|(locale, parsed)| (locale.clone(), parsed.variables()));
        Ok(Self {
            variables: variables.collect(),
            name: source.name,
            version,
            channel: source.channel,
            default_locale: source.default_locale,
            locales: source.locales,
            created_at,
            parsed,
        })
    }

    /// The same under another number.
    #[must_use]
    pub(crate) fn numbered(self, version: i64) -> Self {
        Self { version, ..self }
    }

    /// The wording for `asked`: `de-CH`, else `de`, else the default. With the locale it is in.
    pub(crate) fn wording(&self, asked: Option<&str>) -> (&str, &Parsed) {
        let asked = asked.unwrap_or(&self.default_locale);
        let language = asked.split('-').next().unwrap_or(asked);
        let candidates = [asked, language, &self.default_locale];
        let found = candidates
            .into_iter()
            .find_map(|locale| self.parsed.get_key_value(locale));
        let (locale, parsed) = found.expect("there is always a wording in the default locale");
        (locale, parsed)
    }
}

impl Catalogue {
    /// A version of a template: the newest unless one is named.
    pub(crate) fn template(
        &self,
        name: &str,
        version: Option<i64>,
    ) -> Option<Arc<TemplateVersion>> {
        let entries = self.read();
        let versions = entries.templates.get(name)?;
        let found = match version {
            Some(version) => versions.get(&version),
            None => versions.values().next_back(),
        };
        found.cloned()
    }

    /// All versions of a template, the oldest first.
    pub(crate) fn versions(&self, name: &str) -> Vec<Arc<TemplateVersion>> {
        let entries = self.read();
        let versions = entries.templates.get(name);
        versions.map_or_else(Vec::new, |versions| versions.values().cloned().collect())
    }

    /// The newest version of each template, by name.
    pub(crate) fn templates(&self) -> Vec<Arc<TemplateVersion>> {
        let entries = self.read();
        let newest = entries
            .templates
            .values()
            .filter_map(|versions| versions.values().next_back());
        newest.cloned().collect()
    }

    pub(crate) fn experiment(&self, name: &str) -> Option<Arc<Experiment>> {
        self.read().experiments.get(name).cloned()
    }

    pub(crate) fn experiments(&self) -> Vec<Arc<Experiment>> {
        self.read().experiments.values().cloned().collect()
    }

    pub(crate) fn add_template(&self, template: Arc<TemplateVersion>) {
        let mut entries = self.write();
        let versions = entries.templates.entry(template.name.clone()).or_default();
        versions.insert(template.version, template);
    }

    pub(crate) fn add_experiment(&self, experiment: Arc<Experiment>) {
        let mut entries = self.write();
        entries
            .experiments
            .insert(experiment.name.clone(), experiment);
    }

    fn read(&self) -> RwLockReadGuard<'_, Entries> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Entries> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::messages::template::Variables;

    fn version(version: i64) -> Result<TemplateVersion, Fault> {
        let source = TemplateSource {
            name: "greeting".to_owned(),
            channel: Channel::Sms,
            default_locale: "en".to_owned(),
            locales: serde_json::from_value(json!({
                "en": { "text": format!("Hello {version}") }, "de": { "text": "Hallo" }
            }))
            .unwrap(),
        };
        TemplateVersion::new(source, version, Timestamp::MIN)
    }

    #[test]
    fn the_nearest_locale_is_taken() {
        let version = version(1).unwrap();
        for (asked, expected) in [(Some("de-CH"), "de"), (Some("fr"), "en"), (None, "en")] {
            assert_eq!(version.wording(asked).0, expected);
        }
    }

    #[test]
    fn the_newest_version_is_taken_unless_one_is_named() {
        let catalogue = Catalogue::default();
        for n in [2, 1] {
            catalogue.add_template(Arc::new(version(n).unwrap()));
        }
        let text = |version| {
            let template = catalogue.template("greeting", version)?;
            template
                .wording(None)
                .1
                .render(&Variables::new())
                .ok()?
                .text
        };
        assert_eq!(text(None).as_deref(), Some("Hello 2"));
        assert_eq!(text(Some(1)).as_deref(), Some("Hello 1"));
        assert_eq!(text(Some(3)), None);
    }

    #[test]
    fn a_fault_says_where_it_is() {
        let source = TemplateSource {
            name: "t".to_owned(),
            channel: Channel::Sms,
            default_locale: "en".to_owned(),
            locales: serde_json::from_value(json!({ "en": { "text": "{{" } })).unwrap(),
        };
        let fault = TemplateVersion::new(source, 1, Timestamp::MIN).unwrap_err();
        assert_eq!(fault.pointer, "/locales/en/text");
    }
}
