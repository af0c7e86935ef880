//! Messages of DNS (RFC 1035), as far as a probe needs them: one question, and its answers as text.

use std::net::{Ipv4Addr, Ipv6Addr};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordType(u16);

const TYPES: [(&str, u16); 10] = [
    ("A", 1),
    ("NS", 2),
    ("CNAME", 5),
    ("SOA", 6),
    ("PTR", 12),
    ("MX", 15),
    ("TXT", 16),
    ("AAAA", 28),
    ("SRV", 33),
    ("CAA", 257),
];

impl RecordType {
    pub(crate) fn named(name: &str) -> Option<Self> {
        let known = TYPES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        known.map(|(_, code)| Self(*code))
    }
}

/// What a server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    /// 0 if all is well.
    pub(crate) code: u8,
    /// There is more than a datagram holds.
    pub(crate) is_cut: bool,
    /// Of the type that was asked for.
    pub(crate) answers: Vec<String>,
    /// Of any type.
    pub(crate) records: usize,
}

impl Reply {
    /// The code in words.
    pub(crate) fn code_name(&self) -> String {
        match self.code {
            0 => "NOERROR".to_owned(),
            1 => "FORMERR".to_owned(),
            2 => "SERVFAIL".to_owned(),
            3 => "NXDOMAIN".to_owned(),
            4 => "NOTIMP".to_owned(),
            5 => "REFUSED".to_owned(),
            other => format!("code {other}"),
        }
    }
}

/// A question as it goes over the wire. The name was checked when it was configured.
pub(crate) fn question(id: u16, name: &str, record: RecordType) -> Vec<u8> {
    const RECURSION_DESIRED: u16 = 0x0100;
    let header = [id, RECURSION_DESIRED, 1, 0, 0, 0];
    let mut message: Vec<u8> = header.into_iter().flat_map(u16::to_be_bytes).collect();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        message.push(label.len() as u8);
        message.extend(label.as_bytes());
    }
    message.push(0);
    message.extend(record.0.to_be_bytes());
    message.extend(1_u16.to_be_bytes());
    message
}

/// Reads what came for the question with this id; `None` if it is no answer to it.
pub(crate) fn reply(message: &[u8], id: u16, record: RecordType) -> Option<Reply> {
    const IS_REPLY: u16 = 0x8000;
    const IS_CUT: u16 = 0x0200;
    let mut reader = Reader { message, at: 0 };
    let (found, flags) = (reader.u16()?, reader.u16()?);
    if found != id || flags & IS_REPLY == 0 {
        return None;
    }
    let questions = reader.u16()?;
    let records = reader.u16()?;
    reader.skip(4)?;
    for _ in 0..questions {
        reader.name()?;
        reader.skip(4)?;
    }
    let mut answers = Vec::new();
    for _ in 0..records {
        reader.name()?;
        let kind = reader.u16()?;
        reader.skip(6)?;
        let length = usize::from(reader.u16()?);
        let end = reader
            .at
            .checked_add(length)
            .filter(|end| *end <= message.len())?;
        if kind == record.0 {
            answers.push(reader.data(kind, end)?);
        }
        reader.at = end;
    }
    Some(Reply {
        code: (flags & 0xf) as u8,
        is_cut: flags & IS_CUT != 0,
        answers,
        records: usize::from(records),
    })
}

struct Reader<'m> {
    message: &'m [u8],
    at: usize,
}

impl<'m> Reader<'m> {
    fn take(&mut self, count: usize) -> Option<&'m [u8]> {
        let bytes = self.message.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(bytes)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.take(count).map(drop)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)
            .map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from(self.u16()?) << 16 | u32::from(self.u16()?))
    }

    /// A name, following pointers: each must lead further back, so there is an end.
    fn name(&mut self) -> Option<String> {
        let mut name = String::new();
        let (mut at, mut after, mut earliest) = (self.at, None, self.at);
        loop {
            let length = usize::from(*self.message.get(at)?);
            if length & 0xc0 == 0xc0 {
                let low = usize::from(*self.message.get(at + 1)?);
                after.get_or_insert(at + 2);
                at = (length & 0x3f) << 8 | low;
                if at >= earliest {
                    return None;
                }
                earliest = at;
                continue;
            }
            at += 1;
            if length == 0 {
                break;
            }
            let label = self.message.get(at..at + length)?;
            name.push_str(&String::from_utf8_lossy(label));
            name.push('.');
            at += length;
        }
        self.at = after.unwrap_or(at);
        Some(name)
    }

    /// A record's data as zone files write it.
    fn data(&mut self, kind: u16, end: usize) -> Option<String> {
        let name = TYPES
            .iter()
            .find(|(_, code)| *code == kind)
            .map_or("", |(name, _)| name);
        Some(match name {
            "A" => Ipv4Addr::from(<[u8; 4]>::try_from(self.take(4)?).ok()?).to_string(),
            "AAAA" => Ipv6Addr::from(<[u8; 16]>::try_from(self.take(16)?).ok()?).to_string(),
            "NS" | "CNAME" | "PTR" => self.name()?,
            "MX" => format!("{} {}", self.u16()?, self.name()?),
            "SRV" => format!(
                "{} {} {} {}",
                self.u16()?,
                self.u16()?,
                self.u16()?,
                self.name()?
            ),
            "SOA" => format!("{} {} {}", self.name()?, self.name()?, self.u32()?),
            "CAA" => {
                let flags = self.u8()?;
                let length = usize::from(self.u8()?);
                let tag = String::from_utf8_lossy(self.take(length)?).into_owned();
                let value = self.take(end.checked_sub(self.at)?)?;
                format!("{flags} {tag} {}", String::from_utf8_lossy(value))
            }
            _ => {
                let mut text = String::new();
                while self.at < end {
                    let length = usize::from(self.u8()?);
                    text.push_str(&String::from_utf8_lossy(self.take(length)?));
                }
                text
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An answer with one record, whose name points to the question's.
    fn answer(record: &str, data: &[u8]) -> Vec<u8> {
        let record = RecordType::named(record).unwrap();
        let mut message = question(7, "x.example", record);
        message[2] = 0x81;
        message[7] = 1;
        message.extend([0xc0, 12]);
        message.extend(record.0.to_be_bytes());
        message.extend([0, 1, 0, 0, 0, 60]);
        message.extend((data.len() as u16).to_be_bytes());
        message.extend(data);
        message
    }

    fn check(record: &str, data: &[u8], expected: &str) {
        let read = reply(&answer(record, data), 7, RecordType::named(record).unwrap()).unwrap();
        assert_eq!((read.code, read.answers), (0, vec![expected.to_owned()]));
    }

    #[test]
    fn records_are_told_as_zone_files_write_them() {
        check("a", &[192, 0, 2, 1], "192.0.2.1");
        check(
            "AAAA",
            &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
            "2001:db8::1",
        );
        check("CNAME", b"\x03www\xc0\x0c", "www.x.example.");
        check("MX", b"\x00\x0a\x04mail\xc0\x0c", "10 mail.x.example.");
        check("TXT", b"\x03abc\x02de", "abcde");
        check(
            "SRV",
            b"\x00\x01\x00\x02\x00\x50\xc0\x0c",
            "1 2 80 x.example.",
        );
        check(
            "SOA",
            b"\xc0\x0c\x01h\xc0\x0c\x00\x00\x00\x05",
            "x.example. h.x.example. 5",
        );
        check("CAA", b"\x00\x05issueca.example", "0 issue ca.example");
    }

    #[test]
    fn what_is_no_answer_is_passed_over() {
        let a = RecordType::named("A").unwrap();
        let sound = answer("A", &[192, 0, 2, 1]);
        assert_eq!(reply(&sound, 8, a), None);
        assert_eq!(reply(&question(7, "x.example", a), 7, a), None);
        let mut refused = sound.clone();
        (refused[2], refused[3]) = (0x83, 0x83);
        let read = reply(&refused, 7, a).unwrap();
        assert_eq!((read.code_name().as_str(), read.is_cut), ("NXDOMAIN", true));
        // A pointer to itself.
        let mut endless = sound;
        let at = question(7, "x.example", a).len();
        endless[at + 1] = at as u8;
        assert_eq!(reply(&endless, 7, a), None);
    }

    proptest! {
        #[test]
        fn no_message_makes_it_panic(mut message in prop::collection::vec(any::<u8>(), 12..200)) {
            (message[0], message[1], message[2]) = (0, 7, 0x80);
            (message[4], message[6]) = (0, 0);
            for (name, _) in TYPES {
                drop(reply(&message, 7, RecordType::named(name).unwrap()));
            }
        }
    }
}
