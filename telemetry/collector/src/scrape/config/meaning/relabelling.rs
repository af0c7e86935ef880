use serde_saphyr::Spanned;

use super::Reader;
use crate::scrape::config::text::RelabelText;
use crate::scrape::relabel::{AnchoredRegex, RelabelAction, RelabelRule};

impl Reader<'_> {
    pub(super) fn relabelling(&mut self, texts: &[Spanned<RelabelText>]) -> Vec<RelabelRule> {
        texts.iter().filter_map(|text| self.rule(text)).collect()
    }

    fn rule(&mut self, place: &Spanned<RelabelText>) -> Option<RelabelRule> {
        let text = &place.value;
        let name = text
            .action
            .as_ref()
            .map_or("replace", |action| &action.value);
        let Some(action) = RelabelAction::named(name) else {
            let reason = format!("{name:?} is no action of relabelling");
            match &text.action {
                Some(written) => self.at(written, reason),
                None => self.at(place, reason),
            }
            return None;
        };
        let written = text.regex.as_ref().map_or("(.*)", |regex| &regex.value);
        let regex = match (AnchoredRegex::new(written), &text.regex) {
            (Ok(regex), _) => regex,
            (Err(reason), Some(at)) => {
                self.at(at, reason);
                return None;
            }
            (Err(reason), None) => {
                self.at(place, reason);
                return None;
            }
        };
        let rule = RelabelRule {
            source_labels: text.source_labels.clone(),
            separator: text.separator.clone().unwrap_or_else(|| ";".to_owned()),
            regex,
            target_label: text
                .target_label
                .as_ref()
                .map(|label| label.value.clone())
                .unwrap_or_default(),
            replacement: text.replacement.clone().unwrap_or_else(|| "$1".to_owned()),
            modulus: text.modulus.unwrap_or(0),
            action,
        };
        if let Some(reason) = missing(&rule, text) {
            self.at(place, format!("{name}: {reason}"));
            return None;
        }
        Some(rule)
    }
}

/// What an action needs or cannot have.
fn missing(rule: &RelabelRule, text: &RelabelText) -> Option<&'static str> {
    use RelabelAction as Action;
    let needs_target = matches!(
        rule.action,
        Action::Replace
            | Action::HashMod
            | Action::Lowercase
            | Action::Uppercase
            | Action::KeepEqual
            | Action::DropEqual
    );
    if needs_target && rule.target_label.is_empty() {
        return Some("target_label is missing");
    }
    match rule.action {
        Action::HashMod if rule.modulus == 0 => Some("modulus must be greater than 0"),
        Action::KeepEqual | Action::DropEqual
            if text.regex.is_some() || text.replacement.is_some() || text.separator.is_some() =>
        {
            Some("only source_labels and target_label have a meaning here")
        }
        Action::LabelDrop | Action::LabelKeep
            if !rule.source_labels.is_empty()
                || text.target_label.is_some()
                || text.replacement.is_some()
                || text.separator.is_some() =>
        {
            Some("only regex has a meaning here")
        }
        _ => None,
    }
}
