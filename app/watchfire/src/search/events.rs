/// Server-sent events out of the bytes of a stream.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// What came of a line that has not ended.
    line: Vec<u8>,
    event: String,
    data: String,
}

/// One event.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) data: String,
}

impl Events {
    /// More of one event is no event of ours.
    const MOST: usize = 64 << 20;

    /// The events that these bytes complete; an error if one grows beyond all bounds.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, String> {
        let mut complete = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.line.len() + self.data.len() + piece.len() > Self::MOST {
                return Err(format!("an event is larger than {} bytes", Self::MOST));
            }
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                let line = String::from_utf8_lossy(&line);
                complete.extend(self.take_line(line.trim_end_matches(['\r', '\n'])));
            }
        }
        Ok(complete)
    }

    fn take_line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            let name = std::mem::take(&mut self.event);
            let data = std::mem::take(&mut self.data);
            return (!data.is_empty() || !name.is_empty()).then_some(Event { name, data });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event),
            "data" => {
                if !self.data.is_empty() {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            // A comment, or what we have no use for.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_complete_at_an_empty_line() {
        let text = ": hello\n\nevent: records\r\ndata: {\"a\":1,\ndata:  \"é\":2}\n\nid: 5\n\nevent: heartbeat\ndata\n\ndata: cut";
        let expected = [("records", "{\"a\":1,\n \"é\":2}"), ("heartbeat", "")];
        for size in [1, 2, 7, text.len()] {
            let mut events = Events::default();
            let chunks = text.as_bytes().chunks(size);
            let found: Vec<Event> = chunks
                .flat_map(|chunk| events.push(chunk).unwrap())
                .collect();
            let found: Vec<_> = found
                .iter()
                .map(|event| (event.name.as_str(), event.data.as_str()))
                .collect();
            assert_eq!(found, expected, "in chunks of {size}");
        }
    }
}
