//! JSON whose texts are templates.

use serde_json::{Map, Value};

use crate::receivers::teller::Teller;
use crate::rules::template::Template;

#[derive(Debug, Clone)]
pub(crate) enum Payload {
    Text(Template),
    /// A number, a boolean, nothing.
    Plain(Value),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

impl Payload {
    /// A text that is JSON itself is put in as what it stands for, as Alertmanager does.
    pub(in crate::receivers) fn filled(&self, teller: &Teller<'_>) -> Value {
        match self {
            Self::Text(template) => {
                let text = teller.text(template);
                match serde_json::from_str(&text) {
                    Ok(value @ (Value::Object(_) | Value::Array(_))) => value,
                    _ => Value::String(text),
                }
            }
            Self::Plain(value) => value.clone(),
            Self::List(all) => all.iter().map(|it| it.filled(teller)).collect(),
            Self::Map(all) => {
                let filled = all
                    .iter()
                    .map(|(name, it)| (name.clone(), it.filled(teller)));
                Value::Object(filled.collect::<Map<_, _>>())
            }
        }
    }
}
