use std::time::Duration;

use watchfire_schemas::Timestamp;

use crate::feed::data_set::{BEGAN, DataSet};
use crate::feed::record::{Place, Record};
use crate::feed::{Entries, articles, atlas, authors, books, lodgings, points, tours};

/// All feeds.
#[derive(Debug)]
pub(crate) struct Source {
    sets: Vec<DataSet>,
}

impl Source {
    pub(crate) fn new() -> Self {
        let places = atlas::places(BEGAN);
        let points = points::points(&places, BEGAN);
        let authors = authors::authors(&places, BEGAN);
        let sets = [
            ("lodgings", 12, true, lodgings::lodgings(&places, BEGAN)),
            ("tours", 20, true, tours::tours(&places, &points, BEGAN)),
            (
                "articles",
                25,
                true,
                articles::articles(&places, &points, &authors, BEGAN),
            ),
            ("books", 30, true, books::books(&places, &authors, BEGAN)),
            ("authors", 40, false, authors),
            ("points-of-interest", 10, true, points),
            (
                "places",
                10,
                false,
                places.iter().map(Place::record).collect(),
            ),
        ];
        let sets = sets.into_iter().map(|(name, every, has_seasons, records)| {
            DataSet::new(name, Duration::from_secs(every), has_seasons, records)
        });
        Self {
            sets: sets.collect(),
        }
    }

    /// The first `limit` entries of a feed after a cursor; none if there is no such feed.
    pub(crate) fn entries(
        &self,
        feed: &str,
        after: u64,
        limit: usize,
        now: Timestamp,
    ) -> Option<Entries> {
        Some(self.set(feed)?.entries(after, limit, now))
    }

    /// The records of a feed that there are at `now`, as they were when the source began.
    pub(crate) fn present(&self, feed: &str, now: Timestamp) -> impl Iterator<Item = &Record> {
        let set = self.set(feed).into_iter();
        set.flat_map(move |set| set.present(now))
    }

    /// The ids of all places but the few that are above countries, which hardly anybody looks up.
    pub(crate) fn places(&self) -> impl Iterator<Item = &str> {
        let places = self.lasting("places");
        let is_asked = |place: &&Record| !matches!(place.text("kind"), "world" | "continent");
        places.filter(is_asked).map(|place| place.id.as_str())
    }

    /// The ids of the points of interest that are there at any time.
    pub(crate) fn points(&self) -> impl Iterator<Item = &str> {
        let points = self.lasting("points-of-interest");
        points.map(|point| point.id.as_str())
    }

    fn lasting(&self, feed: &str) -> impl Iterator<Item = &Record> {
        self.set(feed).into_iter().flat_map(DataSet::lasting)
    }

    fn set(&self, feed: &str) -> Option<&DataSet> {
        self.sets.iter().find(|set| set.name == feed)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn what_a_record_names_is_there_and_every_id_is_its_own() {
        let source = Source::new();
        let ids = |feed: &str| -> BTreeSet<&str> {
            let all = source.present(feed, BEGAN).map(|record| &*record.id);
            all.collect()
        };
        let (places, points) = (ids("places"), ids("points-of-interest"));
        let authors = ids("authors");
        for (feed, least) in [
            ("lodgings", 600),
            ("tours", 300),
            ("articles", 400),
            ("books", 150),
            ("authors", 40),
        ] {
            let records: Vec<&Record> = source.present(feed, BEGAN).collect();
            assert!(records.len() >= least, "{feed}: {}", records.len());
            assert_eq!(ids(feed).len(), records.len(), "{feed}");
            for record in records {
                let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
                assert!(record.id.chars().all(is_plain), "{}", record.id);
                for (name, known) in [("place", &places), ("author", &authors)] {
                    let named = record.fields.get(name).and_then(Value::as_str);
                    assert!(
                        named.is_none_or(|id| known.contains(id)),
                        "{feed} {}: {named:?}",
                        record.id
                    );
                }
                let named = ["stops", "points"].into_iter();
                let named = named.filter_map(|list| record.fields.get(list)?.as_array());
                for point in named.flatten() {
                    assert!(points.contains(point.as_str().unwrap()), "{point}");
                }
            }
        }
    }

    #[test]
    fn the_source_is_the_same_each_time() {
        let all = || Source::new().entries("articles", 0, 500, BEGAN + Duration::from_mins(9));
        assert_eq!(all(), all());
        assert_eq!(Source::new().entries("boats", 0, 1, BEGAN), None);
    }
}
