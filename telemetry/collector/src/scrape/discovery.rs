use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Deserialize;

use super::config::{FileDiscovery, StaticGroup};

/// Says of a target which file it stands in.
const FILE_LABEL: &str = "__meta_filepath";

/// The files that targets stand in, as they were read last.
#[derive(Debug, Default)]
pub(crate) struct DiscoveredFiles {
    files: BTreeMap<PathBuf, KnownFile>,
}

#[derive(Debug)]
struct KnownFile {
    stamp: Stamp,
    groups: Vec<StaticGroup>,
}

/// Tells whether a file has changed.
type Stamp = (Option<SystemTime>, u64);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupText {
    #[serde(default)]
    targets: Vec<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

impl DiscoveredFiles {
    /// Looks at all files again. A file that cannot be read keeps the targets that it had, one that
    /// is gone has none. Blocks.
    pub(crate) fn refresh(&mut self, discoveries: &[FileDiscovery]) {
        let patterns = discoveries.iter().flat_map(|one| &one.patterns);
        let mut found: Vec<PathBuf> = patterns.flat_map(|pattern| matching(pattern)).collect();
        found.sort();
        found.dedup();
        self.files
            .retain(|path, _| found.binary_search(path).is_ok());
        for path in found {
            let stamp = stamp(&path);
            if self
                .files
                .get(&path)
                .is_some_and(|known| known.stamp == stamp)
            {
                continue;
            }
            let groups = read(&path).unwrap_or_else(|reason| {
                tracing::warn!(path = %path.display(), reason, "a file of targets cannot be used; those it had are kept");
                let known = self.files.remove(&path);
                known.map(|known| known.groups).unwrap_or_default()
            });
            self.files.insert(path, KnownFile { stamp, groups });
        }
    }

    pub(crate) fn groups(&self) -> impl Iterator<Item = &StaticGroup> {
        self.files.values().flat_map(|known| &known.groups)
    }
}

fn stamp(path: &Path) -> Stamp {
    fs::metadata(path).map_or((None, 0), |about| (about.modified().ok(), about.len()))
}

fn read(path: &Path) -> Result<Vec<StaticGroup>, String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let is_json = path
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    let groups: Option<Vec<GroupText>> = if is_json {
        serde_json::from_str(&text).map_err(|error| error.to_string())?
    } else {
        serde_saphyr::from_str(&text).map_err(|error| error.without_snippet().to_string())?
    };
    let file = path.display().to_string();
    let group = |group: GroupText| StaticGroup {
        targets: group.targets,
        labels: group
            .labels
            .into_iter()
            .chain([(FILE_LABEL.to_owned(), file.clone())])
            .collect(),
    };
    Ok(groups.unwrap_or_default().into_iter().map(group).collect())
}

/// The files that a path stands for whose last part may hold `*`.
fn matching(pattern: &Path) -> Vec<PathBuf> {
    let name = pattern.file_name().and_then(|name| name.to_str());
    let Some(name) = name.filter(|name| name.contains('*')) else {
        return pattern
            .is_file()
            .then(|| pattern.to_owned())
            .into_iter()
            .collect();
    };
    let dir = pattern.parent().filter(|dir| !dir.as_os_str().is_empty());
    let Ok(entries) = fs::read_dir(dir.unwrap_or(Path::new("."))) else {
        return Vec::new();
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names
        .filter(|found| fits(name, found))
        .map(|found| pattern.with_file_name(found))
        .filter(|path| path.is_file())
        .collect()
}

/// Whether a name fits a pattern in which `*` is any text. A name that begins with a dot is hidden
/// from a pattern that does not.
fn fits(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(files: &DiscoveredFiles) -> Vec<String> {
        let groups = files.groups().map(|group| {
            let labels = group.labels.iter().filter(|(name, _)| name != FILE_LABEL);
            let labels: Vec<String> = labels
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            format!("{}/{}", group.targets.join(","), labels.join(","))
        });
        groups.collect()
    }

    #[test]
    fn files_are_read_again_when_they_change() {
        let dir = tempfile::tempdir().unwrap();
        let discovery = [FileDiscovery {
            patterns: vec![dir.path().join("t_*.json"), dir.path().join("one.yml")],
        }];
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        write(
            "t_a.json",
            r#"[{"targets": ["a:1", "b:1"], "labels": {"env": "x"}}]"#,
        );
        write(
            "one.yml",
            "- targets: [c:1]\n  labels: {port: 0123}\n- targets: ['d:1']\n",
        );
        write("other.json", r#"[{"targets": ["no:1"]}]"#);
        let mut files = DiscoveredFiles::default();
        files.refresh(&discovery);
        assert_eq!(told(&files), ["c:1/port=0123", "d:1/", "a:1,b:1/env=x"]);
        let of_file = files.groups().next().unwrap().labels.last().unwrap();
        assert!(of_file.1.ends_with("one.yml"), "{of_file:?}");

        // What cannot be read keeps what it had; what is gone has nothing.
        write("t_a.json", "[{");
        fs::remove_file(dir.path().join("one.yml")).unwrap();
        files.refresh(&discovery);
        assert_eq!(told(&files), ["a:1,b:1/env=x"]);
        write("t_a.json", r#"[{"targets": ["e:1"]}]"#);
        files.refresh(&discovery);
        assert_eq!(told(&files), ["e:1/"]);
        write("t_a.json", "null");
        files.refresh(&discovery);
        assert!(told(&files).is_empty());
    }

    #[test]
    fn a_star_is_any_text() {
        for (pattern, name, expected) in [
            ("*.json", "a.json", true),
            ("*.json", ".a.json", false),
            ("t_*_x.yml", "t_1_x_x.yml", true),
            ("t_*_x.yml", "t_x.yml", false),
            ("a*b*c", "aXbYbc", true),
            ("a*b*c", "acb", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }
}
