use tantivy::query::{ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, SegmentReader, TERMINATED};

/// Every document that the inner query does not mean.
///
/// The engine's own exclusion seeks backwards in an excluded phrase (0.27: `Exclude` calls
/// `seek_danger` with a target before the current document), which is outside the contract of a
/// document set; this one only ever goes forward.
#[derive(Debug)]
pub(super) struct Complement(pub(super) Box<dyn Query>);

struct ComplementWeight(Box<dyn Weight>);

struct ComplementDocs {
    excluded: Box<dyn Scorer>,
    doc: DocId,
    max_doc: DocId,
}

impl Clone for Complement {
    fn clone(&self) -> Self {
        Self(self.0.box_clone())
    }
}

impl Query for Complement {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(ComplementWeight(self.0.weight(scoring)?)))
    }
}

impl Weight for ComplementWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let mut docs = ComplementDocs {
            excluded: self.0.scorer(reader, boost)?,
            doc: 0,
            max_doc: reader.max_doc(),
        };
        docs.settle(0);
        Ok(Box::new(ConstScorer::new(docs, boost)))
    }

    fn explain(&self, _reader: &SegmentReader, _doc: DocId) -> tantivy::Result<Explanation> {
        Ok(Explanation::new("Complement", 1.0))
    }
}

impl ComplementDocs {
    /// Goes to the first document from `candidate` on that is not excluded.
    fn settle(&mut self, candidate: DocId) -> DocId {
        self.doc = candidate;
        while self.doc < self.max_doc {
            if self.excluded.doc() < self.doc {
                self.excluded.seek(self.doc);
            }
            if self.excluded.doc() != self.doc {
                return self.doc;
            }
            self.doc += 1;
        }
        self.doc = TERMINATED;
        TERMINATED
    }
}

impl DocSet for ComplementDocs {
    fn advance(&mut self) -> DocId {
        self.settle(self.doc.saturating_add(1))
    }

    fn seek(&mut self, target: DocId) -> DocId {
        self.settle(target.max(self.doc))
    }

    fn doc(&self) -> DocId {
        self.doc
    }

    fn size_hint(&self) -> u32 {
        self.max_doc.saturating_sub(self.excluded.size_hint())
    }
}
