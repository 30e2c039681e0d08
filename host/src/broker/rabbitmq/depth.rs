//! Keeps headers from being too deep for lapin.
//!
//! lapin reads lists and tables by recursion and takes 17 KB of stack for each that lies in another. A header frame of
//! 128 KiB, RabbitMQ's default, has room for 26,000 of them: 440 MB of stack, of which its thread has 2 MiB. It would end
//! the process, and the message would come again to the next one. So what RabbitMQ sends passes here first, without
//! recursion and without waiting for a whole frame: the type of a list or table that lies too deep is overwritten with that
//! of a byte array, which has the same form.

/// How deep lists and tables may lie in each other: beyond what the host reads of them.
pub(super) const DEPTH: usize = 32;

const FRAME_HEAD: usize = 7;
/// Class, weight, size of the body and flags, of which the last says which properties follow.
const CONTENT_HEAD: usize = 14;
const HEADER_FRAME: u8 = 2;

/// What the next bytes are.
#[derive(Debug, Clone, Copy)]
enum Next {
    FrameHead,
    ContentHead,
    /// The length of a property before the headers; so many of them are left.
    Property(u32),
    Name,
    Type,
    /// The length of a value of this type.
    Length(u8),
}

impl Next {
    fn size(self) -> usize {
        match self {
            Self::FrameHead => FRAME_HEAD,
            Self::ContentHead => CONTENT_HEAD,
            Self::Length(_) => 4,
            Self::Property(_) | Self::Name | Self::Type => 1,
        }
    }
}

/// A list or table whose end is yet to come.
#[derive(Debug, Clone, Copy)]
struct Open {
    end: u64,
    is_table: bool,
}

/// Follows what one connection receives.
#[derive(Debug)]
pub(super) struct Depth {
    /// How many bytes have passed.
    position: u64,
    /// Where the frame's payload ends.
    end: u64,
    skip: u64,
    next: Next,
    collected: [u8; CONTENT_HEAD],
    filled: usize,
    open: Vec<Open>,
}

impl Default for Depth {
    fn default() -> Self {
        let (position, end, skip, filled) = (0, 0, 0, 0);
        Self { position, end, skip, next: Next::FrameHead, collected: [0; CONTENT_HEAD], filled, open: Vec::new() }
    }
}

impl Depth {
    /// Lets bytes pass, in pieces of any size.
    pub(super) fn limit(&mut self, bytes: &mut [u8]) {
        let mut at = 0;
        while at < bytes.len() {
            if self.skip > 0 {
                let skipped = bytes.len().saturating_sub(at).min(usize::try_from(self.skip).unwrap_or(usize::MAX));
                at += skipped;
                self.pass(skipped as u64);
                self.skip -= skipped as u64;
                continue;
            }
            self.collected[self.filled] = bytes[at];
            self.filled += 1;
            self.pass(1);
            if self.filled == self.next.size() {
                self.filled = 0;
                self.read(&mut bytes[at]);
            }
            at += 1;
        }
    }

    fn pass(&mut self, bytes: u64) {
        self.position += bytes;
    }

    /// Understands what was collected, whose last byte is given.
    fn read(&mut self, last: &mut u8) {
        match self.next {
            Next::FrameHead => {
                let [kind, _, _, size @ ..] = self.collected.first_chunk::<FRAME_HEAD>().copied().unwrap_or_default();
                self.end = self.position + u64::from(u32::from_be_bytes(size));
                match kind {
                    HEADER_FRAME => self.go_on(Next::ContentHead),
                    _ => self.leave_frame(),
                }
            }
            Next::ContentHead => {
                let flags = u16::from_be_bytes([self.collected[CONTENT_HEAD - 2], self.collected[CONTENT_HEAD - 1]]);
                // Content type and content encoding come before the headers.
                match (flags >> 14, flags & 1 << 13 != 0) {
                    (_, false) => self.leave_frame(),
                    (0, true) => self.go_on(Next::Length(b'F')),
                    (before, true) => self.go_on(Next::Property(before.count_ones())),
                }
            }
            Next::Property(left) => {
                self.skip = u64::from(*last);
                self.go_on(if left > 1 { Next::Property(left - 1) } else { Next::Length(b'F') });
            }
            Next::Name => {
                self.skip = u64::from(*last);
                self.go_on(Next::Type);
            }
            Next::Type => match *last {
                kind @ (b'A' | b'F') => {
                    if self.open.len() >= DEPTH {
                        *last = b'x';
                    }
                    self.go_on(Next::Length(if *last == b'x' { b'x' } else { kind }));
                }
                kind @ (b'S' | b'x') => self.go_on(Next::Length(kind)),
                kind => match fixed_size(kind) {
                    Some(size) => {
                        self.skip = size;
                        self.after_value();
                    }
                    None => self.leave_frame(),
                },
            },
            Next::Length(kind) => {
                let size = u64::from(u32::from_be_bytes(self.collected.first_chunk().copied().unwrap_or_default()));
                match kind {
                    b'A' | b'F' => self.open.push(Open { end: self.position + size, is_table: kind == b'F' }),
                    _ => self.skip = size,
                }
                self.after_value();
            }
        }
    }

    /// To the next value of the innermost list or table that has one.
    fn after_value(&mut self) {
        let position = self.position + self.skip;
        while self.open.pop_if(|open| open.end <= position).is_some() {}
        match self.open.last() {
            Some(Open { is_table: true, .. }) => self.go_on(Next::Name),
            Some(_) => self.go_on(Next::Type),
            None => self.leave_frame(),
        }
    }

    fn go_on(&mut self, next: Next) {
        self.next = next;
        // Lengths that do not add up are lapin's to refuse.
        if self.position + self.skip + next.size() as u64 > self.end {
            self.leave_frame();
        }
    }

    fn leave_frame(&mut self) {
        // One more byte, which ends it.
        self.skip = (self.end + 1).saturating_sub(self.position);
        self.open.clear();
        self.next = Next::FrameHead;
    }
}

/// What a value takes, in bytes, as RabbitMQ and lapin take the types; `None` where its length is written, or for what is
/// no type.
pub(super) fn fixed_size(kind: u8) -> Option<u64> {
    match kind {
        b'V' => Some(0),
        b't' | b'b' | b'B' => Some(1),
        b's' | b'U' | b'u' => Some(2),
        b'I' | b'i' | b'f' => Some(4),
        b'D' => Some(5),
        b'L' | b'l' | b'd' | b'T' => Some(8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn long(bytes: &[u8]) -> Vec<u8> {
        [&u32::try_from(bytes.len()).expect("it fits").to_be_bytes(), bytes].concat()
    }

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        [&[kind, 0, 1][..], &long(payload), &[0xce]].concat()
    }

    /// A header frame with a content type, a header of every type, this value and a message id.
    fn with_header(value: &[u8]) -> Vec<u8> {
        let scalars = [
            b"V".to_vec(),
            b"t1".to_vec(),
            b"s12".to_vec(),
            b"I1234".to_vec(),
            b"D12345".to_vec(),
            b"T12345678".to_vec(),
            [b"S", &long(b"AFAF")[..]].concat(),
            [b"x", &long(b"FAFA")[..]].concat(),
        ];
        let entries = scalars.iter().map(Vec::as_slice).chain([value]).map(|value| [b"\x02FA", value].concat());
        let flags: u16 = 1 << 15 | 1 << 13 | 1 << 7;
        let properties = [&b"\x04json"[..], &long(&entries.collect::<Vec<_>>().concat()), b"\x02id"].concat();
        frame(HEADER_FRAME, &[&[0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2][..], &flags.to_be_bytes(), &properties].concat())
    }

    /// Lists and tables in turn, so many in each other.
    fn nested(depth: usize) -> Vec<u8> {
        (0..depth).fold(b"V".to_vec(), |inner, level| match level % 2 {
            0 => [b"A", &long(&inner)[..]].concat(),
            _ => [b"F", &long(&[b"\x01k", &inner[..]].concat())[..]].concat(),
        })
    }

    fn limited(bytes: &[u8], piece: usize) -> Vec<u8> {
        let (mut depth, mut bytes) = (Depth::default(), bytes.to_vec());
        bytes.chunks_mut(piece).for_each(|piece| depth.limit(piece));
        bytes
    }

    #[test]
    fn i6_what_lies_too_deep_becomes_bytes_and_all_else_stays_as_it_is() {
        // The headers themselves are a table.
        let (shallow, deep) = (with_header(&nested(DEPTH - 1)), with_header(&nested(DEPTH)));
        let others = [frame(1, b"\0\x0a\0\x0aAFAF"), frame(3, &nested(100)), frame(8, b"")].concat();
        for piece in [1, 2, 3, 7, 100, 10_000] {
            let untouched = [&others[..], &shallow, &others].concat();
            assert_eq!(limited(&untouched, piece), untouched);
            let bytes = [&deep[..], &others, &deep].concat();
            let differing: Vec<_> =
                limited(&bytes, piece).into_iter().zip(&bytes).filter(|(after, before)| after != *before).collect();
            assert_eq!(differing, [(b'x', &b'A'), (b'x', &b'A')], "in pieces of {piece}");
        }
    }

    proptest! {
        #[test]
        fn bytes_of_any_kind_pass_in_any_pieces(bytes in prop::collection::vec(any::<u8>(), 0..300), piece in 1usize..20) {
            let frame = frame(HEADER_FRAME, &bytes);
            prop_assert_eq!(limited(&frame, piece), limited(&frame, frame.len()));
            // Whatever it holds, the next frame is seen as one.
            let after = limited(&[frame, with_header(&nested(DEPTH))].concat(), piece);
            prop_assert_eq!(after.iter().rev().take(with_header(&nested(DEPTH)).len()).filter(|byte| **byte == b'x').count(), 2);
        }
    }
}
