//! A line as the miner sees it: its words, with what varies by its look masked.

mod bytes;
mod names;
mod reader;

use reader::Reader;

/// Of a message no more than this is looked at.
pub(super) const MOST_BYTES: usize = 1024;
/// Nor more words than this.
pub(super) const MOST_WORDS: usize = 96;

/// A masked line and where its words are. One is used over and over, so that a line allocates
/// nothing.
#[derive(Debug, Default)]
pub(super) struct MaskedLine {
    /// The line with masks; runs of white space are one space.
    text: String,
    words: Vec<Word>,
}

/// Where a word of a masked line is. What stands between the words holds no letter and no digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) kind: WordKind,
}

/// How likely it is that other lines of the kind have another word in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WordKind {
    /// A word of a sentence: most likely part of what all lines share.
    Plain,
    /// It looks like the name of something: a part of it is masked, it is joined by more than
    /// letters, or it stands where a value does.
    Name,
    /// Nothing but a mask.
    Masked,
}

impl MaskedLine {
    /// Reads the first line of a message that is not empty. It ends with `…` if it was too long to
    /// be read to its end.
    pub(super) fn read(&mut self, message: &str) {
        self.text.clear();
        self.words.clear();
        Reader::new(message, self).read();
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn words(&self) -> &[Word] {
        &self.words
    }

    fn word(&self, word: Word) -> &str {
        &self.text[word.start..word.end]
    }

    /// Adds the word that ends the text, unless it repeats the one before: a list of values of one
    /// look is as good as one.
    fn push(&mut self, start: usize, kind: WordKind) {
        let word = Word {
            start,
            end: self.text.len(),
            kind,
        };
        if kind != WordKind::Plain
            && let Some(last) = self.words.last()
            && matches!(&self.text[last.end..start], "," | ", " | " ")
            && self.word(*last) == self.word(word)
            && self.word(word).contains('<')
        {
            self.text.truncate(last.end);
            return;
        }
        self.words.push(word);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(line: &str, expected: &str) {
        let mut masked = MaskedLine::default();
        masked.read(line);
        assert_eq!(masked.text(), expected, "{line}");
    }

    #[test]
    fn what_varies_is_named_by_its_look() {
        check("order 17 shipped", "order <num> shipped");
        check("took 31.5 ms, then 2s", "took <duration>, then <duration>");
        check("sent 1293 bytes (1.26 KB) to peer", "sent <size> to peer");
        check("lifetime <1 sec", "lifetime <duration>");
        check("dial 10.0.0.7:5432: refused", "dial <ip>: refused");
        check("from /10.0.0.7:5432", "from /<ip>");
        check("GET https://a.example/x?y=1 failed", "GET <url> failed");
        check("open /var/lib/x.db: denied", "open <path>: denied");
        check("open C:\\Users\\ann\\x.txt.", "open <path>.");
        check("stop/start and/or 1/2", "stop/start and/or <num>");
        check("mail to ann@example.com", "mail to <email>");
        check("object Foo@4b9b7a", "object Foo@<hex>");
        check("id 4bf92f35-77b3-4da6-a3ce-929d0e0e4736", "id <uuid>");
        check("commit 4bf92f3577b3 by ann", "commit <hex> by ann");
        check("at 2026-11-22T05:57:27.5Z", "at <time>");
        check("Sun Nov 22 05:57:27 2026: up", "<time>: up");
        check(
            "blk_-16086 blk_38 user_42 v2",
            "blk_<num> user_<num> v<num>",
        );
        check("weight=12.5kg", "weight=<num>kg");
        check("version 1.2.3-rc4", "version <num>.<num>.<num>-rc<num>");
        check("release 1.2.3", "release <num>");
        check("a.b.example:443 com.example.shop.Cart", "<name>");
        check(
            "db.example:443 up, host.example is not",
            "<name> up, host.example is not",
        );
        check(
            "name=\"Ann Lee\" key=\"k1\" state='open'",
            "name=\"<str>\" key=\"<str>\" state='open'",
        );
        check(
            "\"GET /a/b?c=1 HTTP/1.1\" 200",
            "\"GET <path> HTTP/<num>.<num>\" <num>",
        );
        check("it's Ann's", "it's Ann's");
        check("sizes [1, 2, 3] and [4]", "sizes [<num>] and [<num>]");
        check("x= y=1, z", "x= y=<num>, z");
    }

    #[test]
    fn what_says_it_stays() {
        check("connection reset by peer", "connection reset by peer");
        check("café déjà vu — ok", "café déjà vu — ok");
        check("node-a: deny(b)", "node-a: deny(b)");
        check("", "");
        check("...", "...");
        check("日本語 12 件", "日本語 <num> 件");
    }

    #[test]
    fn only_the_first_line_counts_and_only_so_much_of_it() {
        check("\n  \r\n boom 1\nat x\nat y", "boom <num>");
        let long = "word ".repeat(1_000_000);
        let mut masked = MaskedLine::default();
        masked.read(&long);
        assert_eq!(masked.words().len(), MOST_WORDS);
        assert!(masked.text().ends_with('…'));
        masked.read(&"é".repeat(500_000));
        assert!(masked.text().len() <= MOST_BYTES + '…'.len_utf8());
        masked.read(&" ".repeat(500_000));
        assert_eq!(masked.text(), "");
    }

    proptest! {
        #[test]
        fn any_text_can_be_read(text in any_line()) {
            let mut masked = MaskedLine::default();
            masked.read(&text);
            let mut at = 0;
            for word in masked.words() {
                prop_assert!(at <= word.start && word.start <= word.end);
                prop_assert!(masked.text().get(word.start..word.end).is_some());
                at = word.end;
            }
            prop_assert!(masked.words().len() <= MOST_WORDS);
            prop_assert!(masked.text().len() <= 8 * MOST_BYTES);
            let first = masked.text().to_owned();
            masked.read(&text);
            prop_assert_eq!(masked.text(), first);
        }
    }

    /// Texts of what the masks look for, and any others.
    fn any_line() -> impl Strategy<Value = String> {
        prop_oneof![
            "(?s).{0,200}",
            r#"[0-9a-fx:./\\@=,()<>"' TZe%+_-]{0,80}"#,
            r"(Sun|Nov|user|[a-z]{1,4}|[0-9]{1,5}|0x|é|µs|ms|KB|[ .:/=,'(\[-]){0,60}",
        ]
    }

    #[test]
    fn kinds_of_words() {
        use WordKind::{Masked, Name, Plain};
        let kinds = |line: &str| {
            let mut masked = MaskedLine::default();
            masked.read(line);
            masked
                .words()
                .iter()
                .map(|word| word.kind)
                .collect::<Vec<_>>()
        };
        assert_eq!(kinds("order 17 of a-b"), [Plain, Masked, Plain, Name]);
        assert_eq!(
            kinds("mode=fast user ann x"),
            [Plain, Name, Plain, Name, Name]
        );
        assert_eq!(kinds("ruser= tty=()"), [Plain, Masked, Plain, Masked]);
    }
}
