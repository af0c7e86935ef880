use super::WriteError;

/// A place in a protobuf message. Places are counted from the start of the whole body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wire<'b> {
    body: &'b [u8],
    at: usize,
    end: usize,
}

/// A field's value as the wire has it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value {
    Varint(u64),
    Fixed64(u64),
    Fixed32,
    /// From here to there.
    Bytes(usize, usize),
    /// A group, which nothing that is read here is.
    Group,
}

/// How deep groups that are passed over may be nested.
const MOST_GROUPS: usize = 100;

impl<'b> Wire<'b> {
    pub(super) fn new(body: &'b [u8]) -> Self {
        Self::within(body, (0, body.len()))
    }

    pub(super) fn within(body: &'b [u8], (at, end): (usize, usize)) -> Self {
        Self { body, at, end }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// How many bytes are left.
    pub(super) fn len(&self) -> usize {
        self.end - self.at
    }

    pub(super) fn malformed(&self, what: &'static str) -> WriteError {
        WriteError::Malformed { at: self.at, what }
    }

    /// Passes over a field of less than 128 bytes whose key is this one byte; gives back whether
    /// there was one. Nearly all labels are.
    #[inline]
    pub(super) fn pass_short(&mut self, key: u8) -> bool {
        let Some(&[first, length, ..]) = self.body[..self.end].get(self.at..) else {
            return false;
        };
        let after = self.at + 2 + usize::from(length);
        let is_short = first == key && length < 0x80 && after <= self.end;
        if is_short {
            self.at = after;
        }
        is_short
    }

    /// The next field's number and value; `None` at the end.
    #[inline]
    pub(super) fn field(&mut self) -> Result<Option<(u32, Value)>, WriteError> {
        if self.at >= self.end {
            return Ok(None);
        }
        let (number, kind) = self.key()?;
        let value = match kind {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(self.fixed64()?),
            2 => {
                let length = self.varint()?;
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                let (start, end) = (self.at, self.at.saturating_add(length));
                if end > self.end {
                    return Err(self.malformed("a field is longer than its message"));
                }
                self.at = end;
                Value::Bytes(start, end)
            }
            3 => {
                self.pass_group(number)?;
                Value::Group
            }
            5 => {
                self.skip(4)?;
                Value::Fixed32
            }
            _ => return Err(self.malformed("a field has no wire type")),
        };
        Ok(Some((number, value)))
    }

    fn key(&mut self) -> Result<(u32, u8), WriteError> {
        let key = self.varint()?;
        let key =
            u32::try_from(key).map_err(|_| self.malformed("a field's number is too large"))?;
        if key >> 3 == 0 {
            return Err(self.malformed("a field has the number 0"));
        }
        Ok((key >> 3, (key & 7) as u8))
    }

    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64, WriteError> {
        let bytes = &self.body[self.at..self.end];
        let mut number = 0;
        for (place, byte) in bytes.iter().take(10).enumerate() {
            number |= u64::from(byte & 0x7f) << (7 * place);
            if *byte < 0x80 {
                if place == 9 && *byte > 1 {
                    break;
                }
                self.at += place + 1;
                return Ok(number);
            }
        }
        Err(self.malformed("a number does not end"))
    }

    pub(super) fn fixed64(&mut self) -> Result<u64, WriteError> {
        let start = self.at;
        self.skip(8)?;
        let bytes: [u8; 8] = self.body[start..start + 8]
            .try_into()
            .expect("as long as was asked for");
        Ok(u64::from_le_bytes(bytes))
    }

    fn skip(&mut self, count: usize) -> Result<(), WriteError> {
        if self.end - self.at < count {
            return Err(self.malformed("the message ends within a field"));
        }
        self.at += count;
        Ok(())
    }

    fn pass_group(&mut self, number: u32) -> Result<(), WriteError> {
        let mut open = vec![number];
        while let Some(&inner) = open.last() {
            if self.at >= self.end {
                return Err(self.malformed("a group does not end"));
            }
            match self.key()? {
                (number, 3) if open.len() < MOST_GROUPS => open.push(number),
                (number, 4) if number == inner => drop(open.pop()),
                (_, 0) => drop(self.varint()?),
                (_, 1) => self.skip(8)?,
                (_, 2) => {
                    let length = self.varint()?;
                    self.skip(usize::try_from(length).unwrap_or(usize::MAX))?;
                }
                (_, 5) => self.skip(4)?,
                _ => return Err(self.malformed("a group is not well formed")),
            }
        }
        Ok(())
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.end
    }
}

impl Value {
    /// A number, or what is wrong with it.
    pub(super) fn number(self, wire: &Wire<'_>) -> Result<u64, WriteError> {
        match self {
            Self::Varint(number) => Ok(number),
            _ => Err(wire.malformed("a field should be a varint")),
        }
    }

    pub(super) fn double(self, wire: &Wire<'_>) -> Result<f64, WriteError> {
        match self {
            Self::Fixed64(bits) => Ok(f64::from_bits(bits)),
            _ => Err(wire.malformed("a field should be a double")),
        }
    }

    pub(super) fn bytes(self, wire: &Wire<'_>) -> Result<(usize, usize), WriteError> {
        match self {
            Self::Bytes(start, end) => Ok((start, end)),
            _ => Err(wire.malformed("a field should be a message or a text")),
        }
    }

    /// The message that a field is.
    pub(super) fn message<'b>(self, wire: &Wire<'b>) -> Result<Wire<'b>, WriteError> {
        Ok(Wire::within(wire.body, self.bytes(wire)?))
    }

    /// Numbers, packed or one alone.
    pub(super) fn numbers(
        self,
        wire: &Wire<'_>,
        mut take: impl FnMut(u64),
    ) -> Result<(), WriteError> {
        if let Self::Varint(number) = self {
            take(number);
            return Ok(());
        }
        let mut packed = self.message(wire)?;
        while !packed.is_at_end() {
            take(packed.varint()?);
        }
        Ok(())
    }

    /// Floats, packed or one alone.
    pub(super) fn doubles(
        self,
        wire: &Wire<'_>,
        mut take: impl FnMut(f64),
    ) -> Result<(), WriteError> {
        if let Self::Fixed64(bits) = self {
            take(f64::from_bits(bits));
            return Ok(());
        }
        let mut packed = self.message(wire)?;
        while !packed.is_at_end() {
            take(f64::from_bits(packed.fixed64()?));
        }
        Ok(())
    }
}

/// A number of which small negative ones are short.
pub(super) const fn zigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}
