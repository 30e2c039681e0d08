//! AMQP 0.9.1 as far as a proxy has to know it: where frames begin and end, and which of them matter for a delivery.

use std::collections::HashMap;

use bytes::{Buf, Bytes, BytesMut};

/// What a connection begins with: `AMQP` and a version.
const GREETING: usize = 8;
/// A frame's type, channel and size; and the byte at its end.
const HEAD: usize = 7;
const END: u8 = 0xCE;

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;

const PUBLISH: (u16, u16) = (60, 40);
const DELIVER: (u16, u16) = (60, 60);
const ACK: (u16, u16) = (60, 80);
/// The number of `basic.nack`, which has the same fields as `basic.ack` in the same places.
const NACK: u8 = 120;

/// Which way a frame goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    ToBroker,
    ToHost,
}

/// A frame that matters for a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// The host publishes: the frame that begins a message.
    Publish,
    /// The last frame of a message that the host publishes.
    Published,
    /// The broker confirms a message, or several.
    Confirm,
    /// The broker delivers: the frame that begins a message.
    Deliver,
    /// The host acknowledges a message, or several.
    Acknowledge,
}

/// One whole frame, as it came.
#[derive(Debug, Clone)]
pub struct Frame {
    pub bytes: Bytes,
    pub channel: u16,
    pub step: Option<Step>,
}

impl Frame {
    /// A confirm made the opposite.
    pub fn refused(self) -> Bytes {
        let mut bytes = BytesMut::from(&self.bytes[..]);
        bytes[HEAD + 3] = NACK;
        bytes.freeze()
    }
}

/// Cuts one direction of a connection into frames.
#[derive(Debug)]
pub struct Frames {
    direction: Direction,
    greeted: bool,
    /// How many bytes of body are still to come, by channel. `None` until the content's header says.
    content: HashMap<u16, Option<u64>>,
}

impl Frames {
    pub fn new(direction: Direction) -> Self {
        // Only the host greets.
        Self { direction, greeted: direction == Direction::ToHost, content: HashMap::new() }
    }

    /// Takes the next frame from what was read, once all of it is there.
    pub fn next(&mut self, read: &mut BytesMut) -> Option<Frame> {
        if !self.greeted {
            if read.len() < GREETING {
                return None;
            }
            self.greeted = true;
            return Some(Frame { bytes: read.split_to(GREETING).freeze(), channel: 0, step: None });
        }
        let mut head = read.get(..HEAD)?;
        let (kind, channel, size) = (head.get_u8(), head.get_u16(), head.get_u32());
        let whole = HEAD + usize::try_from(size).ok()? + 1;
        if read.len() < whole {
            return None;
        }
        let bytes = read.split_to(whole).freeze();
        let step = self.step(kind, channel, &bytes[HEAD..whole - 1]);
        Some(Frame { bytes, channel, step })
    }

    fn step(&mut self, kind: u8, channel: u16, payload: &[u8]) -> Option<Step> {
        match (kind, self.direction) {
            (METHOD, direction) => {
                let mut payload = payload;
                let method = (payload.len() >= 4).then(|| (payload.get_u16(), payload.get_u16()))?;
                match (method, direction) {
                    (PUBLISH, Direction::ToBroker) => {
                        self.content.insert(channel, None);
                        Some(Step::Publish)
                    }
                    (ACK, Direction::ToBroker) => Some(Step::Acknowledge),
                    (ACK, Direction::ToHost) => Some(Step::Confirm),
                    (DELIVER, Direction::ToHost) => Some(Step::Deliver),
                    _ => None,
                }
            }
            (HEADER, Direction::ToBroker) => {
                // Class, weight, and then the size of the body.
                let size = payload.get(4..12).map(|mut size| size.get_u64())?;
                self.rest(channel, size)
            }
            (BODY, Direction::ToBroker) => {
                let left = self.content.get(&channel).copied().flatten()?;
                self.rest(channel, left.saturating_sub(payload.len() as u64))
            }
            _ => None,
        }
    }

    fn rest(&mut self, channel: u16, left: u64) -> Option<Step> {
        if left > 0 {
            self.content.insert(channel, Some(left));
            return None;
        }
        self.content.remove(&channel).map(|_| Step::Published)
    }
}

/// Frames that make the broker end a channel: an acknowledgement of what was never delivered.
pub fn impossible_acknowledgement(channel: u16) -> Bytes {
    let mut payload = vec![0, 60, 0, 80];
    payload.extend(u64::MAX.wrapping_shr(1).to_be_bytes());
    payload.push(0);
    frame(METHOD, channel, &payload)
}

/// The same for a channel that only publishes: a message to an exchange that does not exist.
pub fn impossible_publish(channel: u16) -> Bytes {
    let exchange = b"chaos.no.such.exchange";
    let mut method = vec![0, 60, 0, 40, 0, 0, u8::try_from(exchange.len()).expect("a short name")];
    method.extend(exchange);
    method.extend([0, 0]);
    // Class, weight, size of the body, and no properties.
    let header = [&[0, 60, 0, 0][..], &[0; 8], &[0, 0]].concat();
    [frame(METHOD, channel, &method), frame(HEADER, channel, &header)].concat().into()
}

fn frame(kind: u8, channel: u16, payload: &[u8]) -> Bytes {
    let size = u32::try_from(payload.len()).expect("a short frame");
    [&[kind][..], &channel.to_be_bytes(), &size.to_be_bytes(), payload, &[END]].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn method(channel: u16, class: u16, method: u16) -> Bytes {
        frame(METHOD, channel, &[class.to_be_bytes(), method.to_be_bytes()].concat())
    }

    fn header(channel: u16, size: u64) -> Bytes {
        frame(HEADER, channel, &[&[0, 60, 0, 0][..], &size.to_be_bytes(), &[0, 0]].concat())
    }

    fn steps(direction: Direction, bytes: &[u8]) -> Vec<Option<Step>> {
        let (mut frames, mut read, mut steps) = (Frames::new(direction), BytesMut::new(), Vec::new());
        // Byte by byte, as the network may bring them.
        for byte in bytes {
            read.extend_from_slice(&[*byte]);
            while let Some(frame) = frames.next(&mut read) {
                steps.push(frame.step);
            }
        }
        assert!(read.is_empty());
        steps
    }

    #[test]
    fn a_publish_is_known_by_its_first_frame_and_its_last() {
        let bytes = [
            Bytes::from_static(b"AMQP\0\0\x09\x01"),
            method(1, 60, 40),
            method(2, 60, 40),
            header(1, 5),
            frame(BODY, 1, b"abc"),
            header(2, 0),
            frame(BODY, 1, b"de"),
            method(1, 60, 80),
        ]
        .concat();
        let (begin, end, ack) = (Some(Step::Publish), Some(Step::Published), Some(Step::Acknowledge));
        assert_eq!(steps(Direction::ToBroker, &bytes), [None, begin, begin, None, None, end, end, ack]);
    }

    #[test]
    fn the_broker_s_acknowledgement_is_a_confirm() {
        let bytes = [method(1, 60, 80), method(1, 60, 60), header(1, 1), frame(BODY, 1, b"a")].concat();
        assert_eq!(steps(Direction::ToHost, &bytes), [Some(Step::Confirm), Some(Step::Deliver), None, None]);
    }

    #[test]
    fn a_confirm_becomes_a_refusal_with_the_same_fields() {
        let confirm = frame(METHOD, 3, &[0, 60, 0, 80, 0, 0, 0, 0, 0, 0, 0, 9, 1]);
        let refused = Frame { bytes: confirm, channel: 3, step: Some(Step::Confirm) }.refused();
        assert_eq!(refused, frame(METHOD, 3, &[0, 60, 0, 120, 0, 0, 0, 0, 0, 0, 0, 9, 1]));
    }
}
