/// A format that is taken: one that people hand in, and that its first bytes tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Pdf,
    Png,
    Jpeg,
    Docx,
    Odt,
    Rtf,
}

const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const ODT: &str = "application/vnd.oasis.opendocument.text";

impl Format {
    /// So many bytes from the beginning are enough to tell.
    pub(crate) const HEAD: usize = 128;
    pub(crate) const ALL: [Self; 6] = [
        Self::Pdf,
        Self::Png,
        Self::Jpeg,
        Self::Docx,
        Self::Odt,
        Self::Rtf,
    ];

    /// The format of a content that begins so.
    pub(crate) fn of(head: &[u8]) -> Option<Self> {
        match head {
            [b'%', b'P', b'D', b'F', b'-', ..] => Some(Self::Pdf),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'{', b'\\', b'r', b't', b'f', ..] => Some(Self::Rtf),
            [b'P', b'K', 3, 4, ..] => Self::of_archive(head),
            _ => None,
        }
    }

    /// A ZIP archive tells by its first member: its name is at 30, its length at 26.
    fn of_archive(head: &[u8]) -> Option<Self> {
        let (low, high) = (*head.get(26)?, *head.get(27)?);
        let name = head.get(30..)?;
        let name_len = usize::from(u16::from_le_bytes([low, high]));
        let (member, content) = name.split_at_checked(name_len).unwrap_or((name, &[]));
        if member == b"mimetype" && content.starts_with(ODT.as_bytes()) {
            return Some(Self::Odt);
        }
        let of_word = [
            &b"[Content_Types].xml"[..],
            b"_rels/",
            b"word/",
            b"docProps/",
        ];
        of_word
            .iter()
            .any(|begin| member.starts_with(begin))
            .then_some(Self::Docx)
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Docx => DOCX,
            Self::Odt => ODT,
            Self::Rtf => "application/rtf",
        }
    }

    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Docx => "docx",
            Self::Odt => "odt",
            Self::Rtf => "rtf",
        }
    }

    /// The format with this `Content-Type`, whatever its parameters.
    pub(crate) fn named(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let mut all = Self::ALL.into_iter();
        all.find(|format| format.content_type().eq_ignore_ascii_case(essence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(head: &[u8], expected: Option<Format>) {
        assert_eq!(Format::of(head), expected, "{head:?}");
    }

    fn archive(member: &str, content: &str) -> Vec<u8> {
        let mut head = b"PK\x03\x04".to_vec();
        head.resize(26, 0);
        head.extend([member.len() as u8, 0, 0, 0]);
        head.extend(member.as_bytes());
        head.extend(content.as_bytes());
        head
    }

    #[test]
    fn a_format_is_told_by_its_first_bytes() {
        check(b"%PDF-1.7\n", Some(Format::Pdf));
        check(b"\x89PNG\r\n\x1a\n\0", Some(Format::Png));
        check(b"\xff\xd8\xff\xe0", Some(Format::Jpeg));
        check(b"{\\rtf1", Some(Format::Rtf));
        check(&archive("[Content_Types].xml", ""), Some(Format::Docx));
        check(&archive("mimetype", ODT), Some(Format::Odt));
        check(&archive("mimetype", "application/zip"), None);
        check(&archive("evil.exe", ""), None);
        let mut cut_off = archive("mimetype", "");
        cut_off[26] = 200;
        check(&cut_off, None);
        check(b"PK\x03\x04", None);
        check(b"MZ\x90", None);
        check(b"<html>", None);
        check(b"", None);
    }

    #[test]
    fn a_format_is_found_by_its_name() {
        assert_eq!(
            Format::named("Application/PDF; version=1"),
            Some(Format::Pdf)
        );
        assert_eq!(Format::named("text/html"), None);
    }
}
