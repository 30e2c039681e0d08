use crate::export::{milliseconds, timed};
use std::time::{Duration, SystemTime};

/// An event that the host announces because time has come: one of those that the function under `timetable` in
/// [`plugin!`](crate::plugin) gives, at most 100, each event once.
///
/// ```
/// use leveret_plugin::prelude::*;
/// use std::time::Duration;
///
/// fn timetable() -> Vec<TimedEvent> {
///     vec![
///         TimedEvent::cron("report.due", "30 8 * * MON-FRI").zone("Europe/Berlin").missed(Missed::Skip),
///         TimedEvent::every("cache.grown-old", Duration::from_secs(90 * 60)),
///     ]
/// }
/// ```
///
/// Each event stands under `announces` too. The host refuses a plugin whose schedule is none. What is announced is JSON: the
/// `tick`, the `period`, and how many ticks were `missed` before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimedEvent {
    event: String,
    schedule: Schedule,
    zone: Option<String>,
    missed: Missed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Schedule {
    Cron(String),
    Every { length: Duration, offset: Duration },
    At(SystemTime),
}

/// What becomes of ticks that came while no host ran the plugin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Missed {
    /// They are not announced; the next one says how many they were.
    Skip,
    /// The newest of them is announced for all.
    #[default]
    Once,
    /// Each of them is announced, the newest 10,000 at the most.
    All,
}

impl TimedEvent {
    /// Whenever a cron expression fits: five fields such as `30 8 * * MON-FRI`, or six, the first of which are seconds.
    pub fn cron(event: impl Into<String>, expression: impl Into<String>) -> TimedEvent {
        TimedEvent::new(event, Schedule::Cron(expression.into()))
    }

    /// Each time that an interval has passed: whole seconds, from one second to 100 years.
    pub fn every(event: impl Into<String>, length: Duration) -> TimedEvent {
        TimedEvent::new(event, Schedule::Every { length, offset: Duration::ZERO })
    }

    /// Once, at a moment. One before 1970 counts as 1970.
    pub fn at(event: impl Into<String>, moment: SystemTime) -> TimedEvent {
        TimedEvent::new(event, Schedule::At(moment))
    }

    fn new(event: impl Into<String>, schedule: Schedule) -> TimedEvent {
        TimedEvent { event: event.into(), schedule, zone: None, missed: Missed::Once }
    }

    /// Lets the intervals of [`every`](TimedEvent::every) begin so long after the full hour, day and so on. Nothing for others.
    pub fn offset(mut self, by: Duration) -> TimedEvent {
        if let Schedule::Every { offset, .. } = &mut self.schedule {
            *offset = by;
        }
        self
    }

    /// Goes by the clocks of a time zone, such as `Europe/Berlin`, instead of UTC.
    pub fn zone(self, zone: impl Into<String>) -> TimedEvent {
        TimedEvent { zone: Some(zone.into()), ..self }
    }

    /// Says what becomes of ticks that came while no host ran the plugin; unless it does, the newest is announced.
    pub fn missed(self, missed: Missed) -> TimedEvent {
        TimedEvent { missed, ..self }
    }
}

impl From<TimedEvent> for timed::TimedEvent {
    fn from(event: TimedEvent) -> Self {
        let TimedEvent { event, schedule, zone, missed } = event;
        let schedule = match schedule {
            Schedule::Cron(expression) => timed::Schedule::Cron(expression),
            Schedule::Every { length, offset } => {
                timed::Schedule::Every(timed::Interval { length: milliseconds(length), offset: milliseconds(offset) })
            }
            Schedule::At(moment) => {
                let since = moment.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                timed::Schedule::At(milliseconds(since))
            }
        };
        let missed = match missed {
            Missed::Skip => timed::Missed::Skip,
            Missed::Once => timed::Missed::Once,
            Missed::All => timed::Missed::All,
        };
        Self { event, schedule, zone, missed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_reaches_the_host() {
        let every = TimedEvent::every("cache.grown-old", Duration::from_secs(90)).offset(Duration::from_secs(7));
        let given = timed::TimedEvent::from(every.zone("Europe/Berlin").missed(Missed::All));
        assert_eq!((given.event.as_str(), given.zone.as_deref()), ("cache.grown-old", Some("Europe/Berlin")));
        assert!(matches!(given.missed, timed::Missed::All));
        let timed::Schedule::Every(interval) = given.schedule else { panic!("{:?}", given.schedule) };
        assert_eq!((interval.length, interval.offset), (90_000, 7_000));

        let at = timed::TimedEvent::from(TimedEvent::at("year.ended", SystemTime::UNIX_EPOCH + Duration::from_secs(5)));
        assert!(matches!((at.schedule, at.missed), (timed::Schedule::At(5_000), timed::Missed::Once)));
    }
}
