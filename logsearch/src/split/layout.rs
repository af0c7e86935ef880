use tantivy::Index;
use tantivy::IndexSettings;
use tantivy::schema::{
    BytesOptions, Field, IndexRecordOption, JsonObjectOptions, NumericOptions, Schema,
    SchemaBuilder, TextFieldIndexing, TextOptions,
};
use tantivy::store::{Compressor, ZstdCompressor};
use tantivy::tokenizer::{TextAnalyzer, TokenizerManager, WhitespaceTokenizer};

use crate::fields::{Dataset, Kind, NumberStore};

/// The columns that every dataset has.
pub(super) const TIME: &str = "time";
pub(super) const RECORD_ID: &str = "record_id";
pub(super) const ATTRIBUTES: &str = "attributes";
/// Cuts where [`crate::tokens`] has put spaces.
const WORDS: &str = "words";
/// Larger blocks compress better and cost a page of neighbouring records no more.
const DOCSTORE_BLOCK: usize = 128 << 10;
/// A source is packed once and read for weeks.
const DOCSTORE_LEVEL: i32 = 6;

/// Where the index keeps the fields of a dataset. The order of columns is that of the field table,
/// so a change to a table is a change of the format.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) schema: Schema,
    /// One for each field of the table.
    pub(super) places: Vec<Place>,
    pub(super) time: Field,
    pub(super) record_id: Field,
    pub(super) attributes: Field,
    /// The names of the texts that are not empty.
    pub(super) present: Field,
    pub(super) source: Field,
}

/// Where one field is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    Keyword(Field),
    Text(Field),
    Number(Field),
    /// Two halves of 64 bits.
    TraceColumns(Field, Field),
    TraceTerms(Field),
    /// In a column that every dataset has.
    Shared,
}

impl Layout {
    pub(super) fn of<D: Dataset>() -> Self {
        let mut builder = Schema::builder();
        let places = D::fields()
            .iter()
            .map(|field| place(&mut builder, field.name, &field.kind))
            .collect();
        let raw = || {
            TextFieldIndexing::default()
                .set_tokenizer("raw")
                .set_fieldnorms(false)
        };
        let json = JsonObjectOptions::default()
            .set_indexing_options(raw().set_index_option(IndexRecordOption::Basic))
            .set_fast("raw")
            .set_expand_dots_enabled();
        let present = TextOptions::default()
            .set_indexing_options(raw().set_index_option(IndexRecordOption::Basic));
        Self {
            places,
            time: builder.add_i64_field(TIME, NumericOptions::default().set_fast()),
            record_id: builder.add_u64_field(RECORD_ID, NumericOptions::default().set_fast()),
            attributes: builder.add_json_field(ATTRIBUTES, json),
            present: builder.add_text_field("present", present),
            source: builder.add_bytes_field("source", BytesOptions::default().set_stored()),
            schema: builder.build(),
        }
    }

    /// How an index of this layout is written.
    pub(super) fn index_builder(&self) -> tantivy::IndexBuilder {
        let tokenizers = TokenizerManager::default();
        tokenizers.register(WORDS, TextAnalyzer::from(WhitespaceTokenizer::default()));
        let settings = IndexSettings {
            docstore_compression: Compressor::Zstd(ZstdCompressor {
                compression_level: Some(DOCSTORE_LEVEL),
            }),
            docstore_blocksize: DOCSTORE_BLOCK,
            docstore_compress_dedicated_thread: false,
            ..IndexSettings::default()
        };
        Index::builder()
            .schema(self.schema.clone())
            .settings(settings)
            .tokenizers(tokenizers)
    }
}

fn place<R>(builder: &mut SchemaBuilder, name: &str, kind: &Kind<R>) -> Place {
    let indexed = |tokenizer, option| {
        TextOptions::default().set_indexing_options(
            TextFieldIndexing::default()
                .set_tokenizer(tokenizer)
                .set_fieldnorms(false)
                .set_index_option(option),
        )
    };
    let column = NumericOptions::default().set_fast();
    match kind {
        Kind::Keyword { .. } => {
            let options = indexed("raw", IndexRecordOption::Basic).set_fast("raw");
            Place::Keyword(builder.add_text_field(name, options))
        }
        Kind::Text { .. } => {
            let options = indexed(WORDS, IndexRecordOption::WithFreqsAndPositions);
            Place::Text(builder.add_text_field(name, options))
        }
        Kind::Number { store, .. } => match store {
            NumberStore::Time | NumberStore::Id => Place::Shared,
            NumberStore::Column => Place::Number(builder.add_i64_field(name, column)),
            NumberStore::Terms { .. } => {
                Place::Number(builder.add_i64_field(name, column.set_indexed()))
            }
        },
        Kind::Trace { as_terms: true, .. } => {
            Place::TraceTerms(builder.add_bytes_field(name, BytesOptions::default().set_indexed()))
        }
        Kind::Trace {
            as_terms: false, ..
        } => Place::TraceColumns(
            builder.add_u64_field(&format!("{name}.high"), column.clone()),
            builder.add_u64_field(&format!("{name}.low"), column),
        ),
    }
}
