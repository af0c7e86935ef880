use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_saphyr::Spanned;

/// One YAML document of a file.
pub(super) struct Document<'a> {
    text: &'a str,
    /// How many lines of the file are before it.
    before: usize,
}

/// A place in a file: line and column, from 1.
pub(super) type Place = (usize, usize);

/// What says which form a document has.
#[derive(Debug, Deserialize)]
pub(super) struct Head {
    pub version: Option<String>,
    #[serde(rename = "apiVersion")]
    pub api_version: Option<String>,
    pub kind: Option<String>,
}

/// The documents of a file that hold anything.
pub(super) fn documents(text: &str) -> Vec<Document<'_>> {
    let mut documents = Vec::new();
    let (mut start, mut first_line) = (0, 0);
    let (mut at, mut line) = (0, 0);
    for one in text.split_inclusive('\n') {
        let bare = one.trim_end();
        line += 1;
        if bare == "---" || bare == "..." {
            documents.push((start..at, first_line));
            (start, first_line) = (at + one.len(), line);
        }
        at += one.len();
    }
    documents.push((start..at, first_line));
    let documents = documents.into_iter().map(|(range, before)| Document {
        text: &text[range],
        before,
    });
    documents.filter(Document::says_something).collect()
}

impl Document<'_> {
    fn says_something(&self) -> bool {
        let mut lines = self.text.lines().map(str::trim);
        lines.any(|line| !line.is_empty() && !line.starts_with('#'))
    }

    /// Where its first words stand.
    pub(super) fn start(&self) -> Place {
        let mut lines = self.text.lines().map(str::trim);
        let first = lines.position(|line| !line.is_empty() && !line.starts_with('#'));
        (self.before + first.unwrap_or_default() + 1, 1)
    }

    pub(super) const fn lines_before(&self) -> usize {
        self.before
    }

    pub(super) fn head(&self) -> Result<Head, (Place, String)> {
        self.read()
    }

    /// Reads it as what it is said to be.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, (Place, String)> {
        serde_saphyr::from_str(self.text).map_err(|error| {
            let (line, column) = error
                .location()
                .map_or((1, 1), |at| (at.line() as usize, at.column() as usize));
            let reason = error.without_snippet().to_string();
            let reason = reason.lines().next().unwrap_or_default().to_owned();
            ((self.before + line, column), reason)
        })
    }

    /// Where a value stands in the file.
    pub(super) fn place<T>(&self, value: &Spanned<T>) -> Place {
        let at = value.referenced;
        (self.before + at.line() as usize, at.column() as usize)
    }
}
