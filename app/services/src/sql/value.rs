use std::borrow::Cow;

use sqlx::Arguments as _;
use sqlx::error::BoxDynError;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;

/// A value that a statement is given. It has a type also where it is null, as Postgres asks for it.
pub(crate) enum Value<'q> {
    Bool(Option<bool>),
    Integer(Option<i64>),
    Real(Option<f64>),
    Text(Option<Cow<'q, str>>),
    Blob(Option<Cow<'q, [u8]>>),
}

/// What a statement can be given.
pub(crate) trait Bind<'q> {
    /// What stands for there being none.
    const NULL: Value<'q>;

    fn value(self) -> Value<'q>;
}

impl Value<'_> {
    pub(super) fn add_to_sqlite(self, to: &mut SqliteArguments) -> Result<(), BoxDynError> {
        match self {
            Self::Bool(value) => to.add(value),
            Self::Integer(value) => to.add(value),
            Self::Real(value) => to.add(value),
            Self::Text(Some(Cow::Owned(text))) => to.add(text),
            Self::Text(text) => to.add(text.as_deref()),
            Self::Blob(Some(Cow::Owned(bytes))) => to.add(bytes),
            Self::Blob(bytes) => to.add(bytes.as_deref()),
        }
    }

    pub(super) fn add_to_postgres(self, to: &mut PgArguments) -> Result<(), BoxDynError> {
        match self {
            Self::Bool(value) => to.add(value),
            Self::Integer(value) => to.add(value),
            Self::Real(value) => to.add(value),
            Self::Text(Some(text)) if text.contains('\0') => Err(Nul.into()),
            Self::Text(text) => to.add(text.as_deref()),
            Self::Blob(bytes) => to.add(bytes.as_deref()),
        }
    }
}

/// A text holds what no text in Postgres can.
#[derive(Debug, thiserror::Error)]
#[error("a text holds the character U+0000")]
pub(crate) struct Nul;

macro_rules! bind {
    ($($type:ty => $variant:ident, $of:ident => $value:expr;)*) => {
        $(impl<'q> Bind<'q> for $type {
            const NULL: Value<'q> = Value::$variant(None);

            fn value(self) -> Value<'q> {
                let $of = self;
                Value::$variant(Some($value))
            }
        })*
    };
}

bind! {
    bool => Bool, value => value;
    i64 => Integer, value => value;
    u32 => Integer, value => i64::from(value);
    u16 => Integer, value => i64::from(value);
    f64 => Real, value => value;
    String => Text, text => Cow::Owned(text);
    &'q String => Text, text => Cow::Borrowed(text);
    &'q str => Text, text => Cow::Borrowed(text);
    Vec<u8> => Blob, bytes => Cow::Owned(bytes);
    &'q Vec<u8> => Blob, bytes => Cow::Borrowed(bytes);
}

impl<'q, T: Bind<'q>> Bind<'q> for Option<T> {
    const NULL: Value<'q> = T::NULL;

    fn value(self) -> Value<'q> {
        self.map_or(Self::NULL, Bind::value)
    }
}

impl<'q> Bind<'q> for &'q Option<String> {
    const NULL: Value<'q> = Value::Text(None);

    fn value(self) -> Value<'q> {
        self.as_deref().value()
    }
}
