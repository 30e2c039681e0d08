//! Lets lapin read every message: what AMQP says is UTF-8 becomes that.
//!
//! AMQP's short strings are UTF-8, RabbitMQ lets others through, and lapin ends a connection on which one comes. A queue
//! can be relieved of such a message; a stream cannot, and would end there for ever. So what is read of a stream passes
//! here, a frame at a time: in a property, a header's name, an exchange's name and a routing key, each byte that is none of
//! UTF-8 becomes a question mark.

use super::depth::fixed_size;

const FRAME_HEAD: usize = 7;
const FRAME_END: usize = 1;
const METHOD_FRAME: u8 = 1;
const HEADER_FRAME: u8 = 2;
const HEARTBEAT_FRAME: u8 = 8;
/// `basic.deliver`, as class and method.
const DELIVER: [u8; 4] = [0, 60, 0, 60];
/// The properties of a content header, in the order of their flags, from the highest.
const PROPERTIES: [Property; 14] = [
    Property::Short,    // content type
    Property::Short,    // content encoding
    Property::Table,    // headers
    Property::Fixed(1), // delivery mode
    Property::Fixed(1), // priority
    Property::Short,    // correlation id
    Property::Short,    // reply to
    Property::Short,    // expiration
    Property::Short,    // message id
    Property::Fixed(8), // timestamp
    Property::Short,    // type
    Property::Short,    // user id
    Property::Short,    // application id
    Property::Short,    // cluster id
];

#[derive(Clone, Copy)]
enum Property {
    Short,
    Table,
    Fixed(usize),
}

/// What one connection receives, held back until a frame is whole.
#[derive(Debug, Default)]
pub(super) struct Legible {
    held: Vec<u8>,
    /// What comes are no frames, as where a server says that it speaks another protocol: it stays as it is.
    foreign: bool,
    /// How much of it is of whole frames, and how much of that was given.
    whole: usize,
    given: usize,
}

impl Legible {
    /// Takes the next bytes, in pieces of any size.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        self.held.drain(..self.given);
        self.whole -= self.given;
        self.given = 0;
        self.held.extend_from_slice(bytes);
        while !self.foreign
            && let Some(&kind) = self.held.get(self.whole)
        {
            if !(METHOD_FRAME..=HEARTBEAT_FRAME).contains(&kind) {
                self.foreign = true;
                break;
            }
            let Some(frame) = first_frame(&mut self.held[self.whole..]) else { break };
            let length = frame.len();
            mend_frame(frame);
            self.whole += length;
        }
        if self.foreign {
            self.whole = self.held.len();
        }
    }

    /// Gives bytes of whole frames, as many as there is room for; 0 where there are none.
    pub(super) fn give(&mut self, buffer: &mut [u8]) -> usize {
        let length = buffer.len().min(self.whole - self.given);
        buffer[..length].copy_from_slice(&self.held[self.given..self.given + length]);
        self.given += length;
        length
    }
}

/// The first frame, if it is whole.
fn first_frame(bytes: &mut [u8]) -> Option<&mut [u8]> {
    let [_, _, _, size @ ..] = *bytes.first_chunk::<FRAME_HEAD>()?;
    let size = usize::try_from(u32::from_be_bytes(size)).unwrap_or(usize::MAX);
    bytes.get_mut(..size.saturating_add(FRAME_HEAD + FRAME_END))
}

/// Lengths that do not add up are lapin's to refuse.
fn mend_frame(frame: &mut [u8]) {
    let Some(kind) = frame.first().copied() else { return };
    let end = frame.len().saturating_sub(FRAME_END);
    let Some(payload) = frame.get_mut(FRAME_HEAD..end) else { return };
    let mut rest = Rest(payload);
    let _ = match kind {
        METHOD_FRAME => rest.deliver(),
        HEADER_FRAME => rest.content_header(),
        _ => None,
    };
}

/// What of a frame is still to be looked at. `None` where it ends too soon.
struct Rest<'a>(&'a mut [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize) -> Option<&'a mut [u8]> {
        let (taken, rest) = std::mem::take(&mut self.0).split_at_mut_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn length(&mut self) -> Option<usize> {
        let length = self.take(4)?.first_chunk().copied()?;
        usize::try_from(u32::from_be_bytes(length)).ok()
    }

    /// The consumer's tag, the delivery's tag, whether it comes again, the exchange and the routing key.
    fn deliver(&mut self) -> Option<()> {
        if *self.take(DELIVER.len())? != DELIVER {
            return None;
        }
        self.short()?;
        self.take(9)?;
        self.short()?;
        self.short()
    }

    fn content_header(&mut self) -> Option<()> {
        self.take(12)?;
        let flags = u16::from_be_bytes(self.take(2)?.first_chunk().copied()?);
        for (index, property) in PROPERTIES.into_iter().enumerate() {
            if flags & 1 << (15 - index) == 0 {
                continue;
            }
            match property {
                Property::Short => self.short()?,
                Property::Table => self.table()?,
                Property::Fixed(size) => self.take(size).map(drop)?,
            }
        }
        Some(())
    }

    fn short(&mut self) -> Option<()> {
        let length = self.byte()?;
        mend(self.take(length.into())?);
        Some(())
    }

    /// As deep as [`super::depth::Depth`] has left it.
    fn table(&mut self) -> Option<()> {
        let length = self.length()?;
        let mut entries = Rest(self.take(length)?);
        while !entries.0.is_empty() {
            entries.short()?;
            entries.value()?;
        }
        Some(())
    }

    fn list(&mut self) -> Option<()> {
        let length = self.length()?;
        let mut values = Rest(self.take(length)?);
        while !values.0.is_empty() {
            values.value()?;
        }
        Some(())
    }

    fn value(&mut self) -> Option<()> {
        match self.byte()? {
            b'F' => self.table(),
            b'A' => self.list(),
            b'S' | b'x' => {
                let length = self.length()?;
                self.take(length).map(drop)
            }
            kind => self.take(usize::try_from(fixed_size(kind)?).ok()?).map(drop),
        }
    }
}

fn mend(mut text: &mut [u8]) {
    while let Err(error) = std::str::from_utf8(text) {
        let from = error.valid_up_to();
        let until = error.error_len().map_or(text.len(), |length| from + length);
        text[from..until].fill(b'?');
        text = &mut text[until..];
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn short(bytes: &[u8]) -> Vec<u8> {
        [&[u8::try_from(bytes.len()).expect("it fits")], bytes].concat()
    }

    fn long(bytes: &[u8]) -> Vec<u8> {
        [&u32::try_from(bytes.len()).expect("it fits").to_be_bytes(), bytes].concat()
    }

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        [&[kind, 0, 1][..], &long(payload), &[0xce]].concat()
    }

    /// A delivery with every property, each text of which is this one.
    fn delivery(text: &[u8]) -> Vec<u8> {
        let (text, fixed) = (short(text), b"S\0\0\0\x02\xff\xff");
        let inner = long(&[&text[..], fixed].concat());
        let list = long(&[&b"F"[..], &inner, b"t\x01"].concat());
        let headers = long(&[&text[..], b"F", &inner, &text, b"A", &list, &text, b"V"].concat());
        let deliver = [&DELIVER[..], &text, &[0; 9], &text, &text].concat();
        let properties = PROPERTIES.map(|property| match property {
            Property::Short => text.clone(),
            Property::Table => headers.clone(),
            Property::Fixed(size) => vec![0xff; size],
        });
        let header = [&[0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0xff, 0xfc][..], &properties.concat()].concat();
        [frame(METHOD_FRAME, &deliver), frame(HEADER_FRAME, &header), frame(3, b"\xff\xff")].concat()
    }

    fn through(bytes: &[u8], piece: usize) -> Vec<u8> {
        let (mut legible, mut out, mut buffer) = (Legible::default(), Vec::new(), [0; 5]);
        for bytes in bytes.chunks(piece) {
            legible.take(bytes);
            while let given @ 1.. = legible.give(&mut buffer) {
                out.extend_from_slice(&buffer[..given]);
            }
        }
        out
    }

    #[test]
    fn what_is_not_utf_8_becomes_question_marks_and_all_else_stays() {
        for piece in [1, 3, 64, 10_000] {
            assert_eq!(through(&delivery(b"a\xffb\xc3"), piece), delivery(b"a?b?"));
            assert_eq!(through(&delivery("aéb".as_bytes()), piece), delivery("aéb".as_bytes()));
            assert_eq!(through(b"AMQP\0\0\x09\x01", piece), b"AMQP\0\0\x09\x01");
        }
    }

    proptest! {
        #[test]
        fn frames_of_any_content_pass_in_any_pieces(
            kind in 1u8..9,
            payload in prop::collection::vec(any::<u8>(), 0..300),
            piece in 1usize..20,
        ) {
            let bytes = [frame(kind, &payload), delivery(b"\xff")].concat();
            let passed = through(&bytes, piece);
            prop_assert_eq!(passed.len(), bytes.len());
            prop_assert!(passed.ends_with(&delivery(b"?")));
        }
    }
}
