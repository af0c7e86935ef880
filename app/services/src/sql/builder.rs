use crate::sql::value::Value;
use crate::sql::{Bind, Query, QueryAs, Text};

/// A statement whose text depends on what is asked for.
pub(crate) struct QueryBuilder<'q> {
    text: String,
    values: Vec<Value<'q>>,
}

impl<'q> QueryBuilder<'q> {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            values: Vec::new(),
        }
    }

    /// Goes on with a text of ours, which holds nothing that somebody asked for.
    pub(crate) fn push(&mut self, text: impl AsRef<str>) -> &mut Self {
        self.text.push_str(text.as_ref());
        self
    }

    pub(crate) fn push_bind(&mut self, value: impl Bind<'q>) -> &mut Self {
        self.text.push('?');
        self.values.push(value.value());
        self
    }

    pub(crate) fn build(self) -> Query<'q> {
        Query {
            text: Text::from(self.text),
            values: self.values,
        }
    }

    pub(crate) fn build_query_as<O>(self) -> QueryAs<'q, O> {
        self.build().read_as()
    }
}
