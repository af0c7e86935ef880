use std::time::Duration;

/// What a probe found out, also if it is cut short.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    values: Vec<Finding>,
}

/// A series' name, at most one label of its own, and its value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Finding {
    pub(crate) name: &'static str,
    pub(crate) label: Option<(&'static str, &'static str)>,
    pub(crate) value: f64,
}

impl Findings {
    pub(crate) fn put(&mut self, name: &'static str, value: f64) {
        self.put_labelled(name, None, value);
    }

    pub(crate) fn flag(&mut self, name: &'static str, holds: bool) {
        self.put(name, f64::from(u8::from(holds)));
    }

    /// Adds to the time that a phase took: redirects go through all of them again.
    pub(crate) fn phase(&mut self, name: &'static str, phase: &'static str, took: Duration) {
        let label = Some(("phase", phase));
        let known = self
            .values
            .iter_mut()
            .find(|one| one.name == name && one.label == label);
        match known {
            Some(known) => known.value += took.as_secs_f64(),
            None => self.put_labelled(name, label, took.as_secs_f64()),
        }
    }

    fn put_labelled(
        &mut self,
        name: &'static str,
        label: Option<(&'static str, &'static str)>,
        value: f64,
    ) {
        let is_same = |one: &Finding| one.name == name && one.label == label;
        self.values.retain(|one| !is_same(one));
        self.values.push(Finding { name, label, value });
    }

    pub(crate) fn into_values(self) -> Vec<Finding> {
        self.values
    }

    #[cfg(test)]
    pub(crate) fn value(&self, name: &str) -> Option<f64> {
        self.values
            .iter()
            .find(|one| one.name == name)
            .map(|one| one.value)
    }

    #[cfg(test)]
    pub(crate) fn phases(&self) -> Vec<&'static str> {
        let labels = self.values.iter().filter_map(|one| one.label);
        labels.map(|(_, phase)| phase).collect()
    }
}
