use std::io;

use tantivy::columnar::StrColumn;

use super::Split;
use crate::fields::Dataset;

/// The column of a keyword field. Each value has a number, from 0 on.
pub(crate) struct KeywordColumn(StrColumn);

impl<D: Dataset> Split<D> {
    /// The column of a keyword field; none if no record of the split has a value in it.
    pub(crate) fn keyword(&self, field: usize) -> io::Result<Option<KeywordColumn>> {
        let columns = self.opened()?.reader.fast_fields();
        let column = columns
            .str(D::fields()[field].name)
            .map_err(io::Error::other)?;
        Ok(column.map(KeywordColumn))
    }
}

impl KeywordColumn {
    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.0.num_terms()
    }

    /// The number of a document's first value.
    pub(crate) fn of(&self, document: u32) -> Option<usize> {
        self.0.ords().first(document).map(|number| number as usize)
    }

    /// The value of a number.
    pub(crate) fn value(&self, number: usize) -> io::Result<String> {
        let mut value = String::new();
        self.0.ord_to_str(number as u64, &mut value)?;
        Ok(value)
    }
}
