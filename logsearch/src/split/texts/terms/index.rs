//! The terms of many entries: an index of the engine, in which each entry is a document.

use std::fmt;
use std::fs::File;
use std::io;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tantivy::directory::MmapDirectory;
use tantivy::postings::TermInfo;
use tantivy::query::{EnableScoring, PhrasePrefixQuery, PhraseQuery, Query};
use tantivy::schema::{Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::store::Compressor;
use tantivy::tokenizer::{PreTokenizedString, Token};
use tantivy::{
    Index, IndexSettings, InvertedIndexReader, SegmentReader, SingleSegmentIndexWriter, TERMINATED,
    TantivyDocument, TantivyError,
};

use super::{Judged, Matched, Term, is_varying};
use crate::split::file::{SplitFile, SplitWriterFile, damaged};

/// What the writer may use; it takes less for less.
const WRITER_BYTES: usize = 32 << 20;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::split) struct IndexMeta {
    /// Its folder, beside the split's file.
    folder: String,
}

/// Writes the entries, which come in order.
pub(super) struct IndexBuilder {
    writer: SingleSegmentIndexWriter,
    fields: Fields,
    folder: String,
}

/// The open index.
pub(in crate::split) struct TermIndex {
    reader: SegmentReader,
    schema: Schema,
    fields: Fields,
    /// The terms in which something varies; they are few.
    varying: Vec<String>,
}

#[derive(Debug, Clone, Copy)]
struct Fields {
    /// Words, with their positions.
    whole: Field,
    /// Words in which something varies.
    varying: Field,
}

impl IndexBuilder {
    pub(super) fn new(file: &SplitWriterFile) -> io::Result<Self> {
        let folder = file.free_name("terms");
        let path = file.beside(&folder);
        std::fs::create_dir(&path)?;
        let directory = MmapDirectory::open(&path).map_err(io::Error::other)?;
        let (schema, fields) = schema();
        let settings = IndexSettings {
            docstore_compression: Compressor::None,
            docstore_compress_dedicated_thread: false,
            ..IndexSettings::default()
        };
        let writer = Index::builder()
            .schema(schema)
            .settings(settings)
            .single_segment_index_writer(directory, WRITER_BYTES)
            .map_err(told)?;
        Ok(Self {
            writer,
            fields,
            folder,
        })
    }

    pub(super) fn add(&mut self, terms: Vec<Term>) -> io::Result<()> {
        let (mut whole, mut varying) = (Vec::new(), Vec::new());
        for (position, term) in terms.into_iter().enumerate() {
            let of = if is_varying(&term.text) {
                &mut varying
            } else {
                &mut whole
            };
            of.push(Token {
                position,
                text: term.text,
                ..Token::default()
            });
        }
        let mut document = TantivyDocument::default();
        let Fields {
            whole: whole_field,
            varying: varying_field,
        } = self.fields;
        for (field, tokens) in [(whole_field, whole), (varying_field, varying)] {
            let text = String::new();
            document.add_pre_tokenized_text(field, PreTokenizedString { text, tokens });
        }
        self.writer.add_document(document).map_err(told)
    }

    /// Makes it durable and counts its bytes as the file's.
    pub(super) fn finish(self, file: &mut SplitWriterFile) -> io::Result<IndexMeta> {
        self.writer.finalize().map_err(told)?;
        let path = file.beside(&self.folder);
        for found in std::fs::read_dir(&path)? {
            file.count_beside(found?.metadata()?.len());
        }
        File::open(&path)?.sync_all()?;
        Ok(IndexMeta {
            folder: self.folder,
        })
    }
}

impl TermIndex {
    pub(super) fn open(meta: &IndexMeta, file: &SplitFile, entries: u32) -> io::Result<Self> {
        let index = Index::open_in_dir(file.beside(&meta.folder)).map_err(told)?;
        let segments = index.searchable_segments().map_err(told)?;
        let [segment] = segments.as_slice() else {
            return Err(damaged("its terms are not of one segment"));
        };
        let reader = SegmentReader::open(segment).map_err(told)?;
        if reader.max_doc() != entries {
            return Err(damaged("its terms are of other entries"));
        }
        let (schema, fields) = schema();
        let mut varying = Vec::new();
        let terms = reader.inverted_index(fields.varying).map_err(told)?;
        let mut stream = terms.terms().stream()?;
        while stream.advance() {
            varying.push(String::from_utf8_lossy(stream.key()).into_owned());
        }
        Ok(Self {
            reader,
            schema,
            fields,
            varying,
        })
    }

    /// See [`super::Terms::find`].
    pub(super) fn find(
        &self,
        token: &str,
        is_start: bool,
        judge: &mut dyn FnMut(&str) -> Judged,
    ) -> io::Result<Matched> {
        let mut matched = Matched::default();
        let whole = self.terms_of(self.fields.whole)?;
        let infos = if is_start {
            starting(&whole, token)?
        } else {
            whole.terms().get(token)?.into_iter().collect()
        };
        for info in &infos {
            let postings = whole.read_postings_from_terminfo(info, IndexRecordOption::Basic)?;
            put_documents(postings, &mut matched.fixed);
        }
        let varying = self.terms_of(self.fields.varying)?;
        for term in &self.varying {
            let Some(found) = matched.of(judge(term)) else {
                continue;
            };
            if let Some(info) = varying.terms().get(term)? {
                let postings =
                    varying.read_postings_from_terminfo(&info, IndexRecordOption::Basic)?;
                put_documents(postings, found);
            }
        }
        Ok(matched)
    }

    fn terms_of(&self, field: Field) -> io::Result<Arc<InvertedIndexReader>> {
        self.reader.inverted_index(field).map_err(told)
    }

    /// The entries, in order, in which these words, in none of which anything varies, follow each
    /// other; the last may be the beginning of one.
    pub(super) fn phrase(&self, tokens: &[String], prefix: bool) -> io::Result<Vec<u32>> {
        let terms = tokens
            .iter()
            .map(|token| tantivy::Term::from_field_text(self.fields.whole, token));
        let query: Box<dyn Query> = if prefix {
            let mut query = PhrasePrefixQuery::new(terms.collect());
            let whole = self.terms_of(self.fields.whole)?;
            let starts = starting(&whole, tokens.last().map_or("", String::as_str))?;
            // It makes room for as many as it may find.
            query.set_max_expansions(starts.len() as u32 + 1);
            Box::new(query)
        } else {
            Box::new(PhraseQuery::new(terms.collect()))
        };
        let weight = query
            .weight(EnableScoring::disabled_from_schema(&self.schema))
            .map_err(told)?;
        let mut found = Vec::new();
        put_documents(weight.scorer(&self.reader, 1.0).map_err(told)?, &mut found);
        Ok(found)
    }
}

impl fmt::Debug for TermIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TermIndex")
            .field("entries", &self.reader.max_doc())
            .finish_non_exhaustive()
    }
}

fn schema() -> (Schema, Fields) {
    let indexed = |option| {
        let indexing = TextFieldIndexing::default()
            .set_index_option(option)
            .set_fieldnorms(false)
            .set_tokenizer("raw");
        TextOptions::default().set_indexing_options(indexing)
    };
    let mut schema = Schema::builder();
    let fields = Fields {
        whole: schema.add_text_field("whole", indexed(IndexRecordOption::WithFreqsAndPositions)),
        varying: schema.add_text_field("varying", indexed(IndexRecordOption::Basic)),
    };
    (schema.build(), fields)
}

/// The words that begin so.
fn starting(terms: &InvertedIndexReader, start: &str) -> io::Result<Vec<TermInfo>> {
    let mut infos = Vec::new();
    let mut stream = terms.terms().range().ge(start).into_stream()?;
    while stream.advance() && stream.key().starts_with(start.as_bytes()) {
        infos.push(stream.value().clone());
    }
    Ok(infos)
}

fn put_documents(mut documents: impl tantivy::DocSet, found: &mut Vec<u32>) {
    while documents.doc() != TERMINATED {
        found.push(documents.doc());
        documents.advance();
    }
}

fn told(error: TantivyError) -> io::Error {
    io::Error::other(error)
}
