//! The events that a plugin wants announced because time has come: its words, checked.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

use super::since_v0_1::timekeeper;
use crate::message::Timestamp;
use crate::name::EventName;
use crate::schedule::{Missed, Schedule, Zone};

/// How many events a timetable may have.
const MOST: usize = 100;

/// An event that is announced because time has come.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimedEvent {
    pub event: EventName,
    pub schedule: Schedule,
    pub missed: Missed,
}

/// Turns the guest's words into schedules, or lists everything that is wrong with them.
pub(super) fn parse(
    announces: &BTreeSet<EventName>,
    answer: Vec<timekeeper::TimedEvent>,
) -> Result<Vec<TimedEvent>, Vec<String>> {
    if answer.len() > MOST {
        return Err(vec![format!("it has {} events; at most {MOST} are allowed", answer.len())]);
    }
    let (mut timed, mut problems, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for entry in answer {
        let name = entry.event.clone();
        match event(announces, entry) {
            Ok(event) if !seen.insert(event.event.clone()) => problems.push(format!("{name:?} is listed twice")),
            Ok(event) => timed.push(event),
            Err(problem) => problems.push(format!("{name:?}: {problem}")),
        }
    }
    if problems.is_empty() { Ok(timed) } else { Err(problems) }
}

fn event(announces: &BTreeSet<EventName>, entry: timekeeper::TimedEvent) -> Result<TimedEvent, String> {
    let timekeeper::TimedEvent { event, schedule, zone, missed } = entry;
    let known = announces.iter().find(|announced| announced.as_str() == event);
    let event = known.ok_or("`announces` does not list it")?.clone();
    let zone: Zone = match zone {
        Some(zone) => zone.parse().map_err(|error| format!("{error}"))?,
        None => Zone::UTC,
    };
    let schedule = match schedule {
        timekeeper::Schedule::Cron(expression) => Schedule::cron(&expression, zone),
        timekeeper::Schedule::Every(timekeeper::Interval { length, offset }) => {
            Schedule::every(Duration::from_millis(length), Duration::from_millis(offset), zone)
        }
        timekeeper::Schedule::At(millis) => Ok(Schedule::moment(Timestamp::from_millis(millis), zone)),
    };
    let missed = match missed {
        timekeeper::Missed::Skip => Missed::Skip,
        timekeeper::Missed::Once => Missed::Once,
        timekeeper::Missed::All => Missed::All,
    };
    Ok(TimedEvent { event, schedule: schedule.map_err(|error| error.to_string())?, missed })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timed(event: &str, schedule: timekeeper::Schedule) -> timekeeper::TimedEvent {
        timekeeper::TimedEvent { event: event.into(), schedule, zone: None, missed: timekeeper::Missed::Skip }
    }

    fn cron(event: &str, expression: &str) -> timekeeper::TimedEvent {
        timed(event, timekeeper::Schedule::Cron(expression.into()))
    }

    fn every(event: &str, length: u64, offset: u64) -> timekeeper::TimedEvent {
        timed(event, timekeeper::Schedule::Every(timekeeper::Interval { length, offset }))
    }

    fn parse(answer: Vec<timekeeper::TimedEvent>) -> Result<Vec<TimedEvent>, Vec<String>> {
        let announces = ["report.due", "cache.expired"].map(|event| event.parse().expect("legal"));
        super::parse(&announces.into(), answer)
    }

    #[test]
    fn a_timetable_becomes_schedules() {
        let zoned = timekeeper::TimedEvent { zone: Some("Europe/Berlin".into()), ..cron("report.due", "30 8 * * *") };
        let read = parse(vec![zoned, every("cache.expired", 90_000, 0)]).expect("legal");
        assert_eq!(read[0].schedule.zone().name(), "Europe/Berlin");
        let next = read[1].schedule.next_after(Timestamp::from_millis(0)).expect("there is one");
        assert_eq!((next.millis(), read[1].missed), (90_000, Missed::Skip));
        let once = parse(vec![timed("report.due", timekeeper::Schedule::At(5))]).expect("legal");
        assert_eq!(once[0].schedule.next_after(Timestamp::from_millis(0)), Some(Timestamp::from_millis(5)));
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let elsewhere = timekeeper::TimedEvent { zone: Some("Mars/Base".into()), ..cron("report.due", "* * * * *") };
        let wrong = vec![
            cron("report.due", "whenever"),
            cron("report.lost", "* * * * *"),
            every("cache.expired", 0, 0),
            every("cache.expired", 1000, 1000),
            elsewhere,
        ];
        let problems = parse(wrong).expect_err("it must be refused");
        assert_eq!(problems.len(), 5, "{problems:?}");
        assert!(problems[1].contains("`announces`"), "{problems:?}");
        let twice = parse(vec![cron("report.due", "* * * * *"), every("report.due", 1000, 0)]);
        assert!(twice.expect_err("twice")[0].contains("twice"));
    }

    #[test]
    fn i8_a_timetable_is_bounded() {
        let problems = parse(vec![cron("report.due", "* * * * *"); 101]).expect_err("too many");
        assert!(problems[0].contains("at most 100"));
    }
}
