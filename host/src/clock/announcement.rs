//! A tick as a message.

use serde::Serialize;
use uuid::Uuid;

use super::timekeeper::Tick;
use crate::broker::{Destination, Outgoing};
use crate::message::{Message, MessageId, Subject, Tid, Timestamp};
use crate::name::EventName;
use crate::schedule::Schedule;

/// Who announces timekeeping events.
pub const SOURCE: &str = "leveret";
/// The name space of their ids (a random UUID, fixed for ever).
const TICKS: Uuid = Uuid::from_u128(0x5d1f_0c9e_83b7_4a26_9e40_c6d8_1b72_f935);

/// What an announcement says.
#[derive(Debug, Serialize)]
struct Payload<'a> {
    /// The moment that it is about, in RFC 3339, as the clocks of the zone show it.
    tick: String,
    /// The same, in milliseconds since 1970 UTC.
    tick_ms: Timestamp,
    zone: &'a str,
    /// The time between ticks as ISO 8601 writes it, the cron expression, or `once`.
    period: String,
    /// How many ticks since the one announced before were not announced, because no host could in time.
    missed: u64,
    /// Whether somebody announced it by hand.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    by_hand: bool,
}

/// The announcement of a tick: always the same message for the same event and tick, so that of two hosts that both make
/// it, one is dropped as a duplicate.
pub fn of_tick(event: &EventName, schedule: &Schedule, tick: Tick) -> Outgoing {
    let text =
        |what: &str| Uuid::new_v5(&TICKS, format!("{what}/{event}/{}", tick.time.millis()).as_bytes()).to_string();
    let fresh = message(event, schedule, tick, false);
    let id = MessageId::from_wire(&text("id")).unwrap_or_else(|| fresh.id.clone());
    let tid = Tid::from_wire(&text("tid")).unwrap_or_else(|| fresh.tid.clone());
    outgoing(event, Message { id, tid, ..fresh })
}

/// An announcement by hand, of the present moment, under an id of its own.
pub fn by_hand(event: &EventName, schedule: &Schedule, now: Timestamp) -> Outgoing {
    outgoing(event, message(event, schedule, Tick { time: now, missed: 0 }, true))
}

fn message(event: &EventName, schedule: &Schedule, Tick { time, missed }: Tick, by_hand: bool) -> Message {
    let payload = Payload {
        tick: schedule.shown(time),
        tick_ms: time,
        zone: schedule.zone().name(),
        period: schedule.period_text(),
        missed,
        by_hand,
    };
    let body = serde_json::to_vec(&payload).expect("texts and numbers are JSON");
    Message { source: Some(SOURCE.into()), time, ..Message::new(Subject::Event(event.clone()), body) }
}

fn outgoing(event: &EventName, message: Message) -> Outgoing {
    Outgoing { destination: Destination::Event(event.clone()), message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::{Period, Zone};

    fn one_day() -> (EventName, Schedule) {
        let event: EventName = "time.one-day.passed".parse().expect("legal");
        let period = Period::read(&event).expect("of time").expect("readable");
        (event, Schedule::period(period, "Europe/Berlin".parse().expect("a zone")))
    }

    #[test]
    fn an_announcement_says_which_tick_it_is() {
        let (event, schedule) = one_day();
        let tick = Tick { time: Timestamp::from_millis(1_774_738_800_000), missed: 2 };
        let Outgoing { destination, message } = of_tick(&event, &schedule, tick);
        assert_eq!(destination, Destination::Event(event));
        assert_eq!((message.time, message.source.as_deref()), (tick.time, Some("leveret")));
        let body = std::str::from_utf8(&message.body).expect("text");
        assert_eq!(
            body,
            r#"{"tick":"2026-03-29T00:00:00+01:00","tick_ms":1774738800000,"zone":"Europe/Berlin","period":"P1D","missed":2}"#
        );
    }

    #[test]
    fn a_tick_has_one_id_and_one_tid_whoever_announces_it() {
        let (event, schedule) = one_day();
        let ids = |event: &EventName, schedule: &Schedule, millis: u64, missed: u64| {
            let tick = Tick { time: Timestamp::from_millis(millis), missed };
            let message = of_tick(event, schedule, tick).message;
            (message.id, message.tid)
        };
        let other: EventName = "time.1-day.passed".parse().expect("legal");
        let utc = Schedule::at("2030-01-01T00:00:00Z", Zone::UTC).expect("legal");
        let one = ids(&event, &schedule, 86_400_000, 0);
        assert_eq!(one, ids(&event, &utc, 86_400_000, 7));
        assert_ne!(one.0.as_str(), one.1.as_str());
        assert_ne!(one, ids(&event, &schedule, 86_400_001, 0));
        assert_ne!(one, ids(&other, &schedule, 86_400_000, 0));
    }

    #[test]
    fn what_is_announced_by_hand_is_a_message_of_its_own() {
        let (event, schedule) = one_day();
        let now = Timestamp::from_millis(86_400_000);
        let [one, other] = [(); 2].map(|()| by_hand(&event, &schedule, now).message);
        assert_ne!(one.id, other.id);
        let body = std::str::from_utf8(&one.body).expect("text");
        assert!(body.ends_with(r#""missed":0,"by_hand":true}"#), "{body}");
    }
}
