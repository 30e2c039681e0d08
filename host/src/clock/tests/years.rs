//! The machine alone, told any time.

use proptest::prelude::*;

use crate::clock::timekeeper::{Anew, Record, Tick, Timekeeper};
use crate::message::Timestamp;
use crate::schedule::{Missed, Period, Schedule, Zone};

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// 2026-01-01T00:00Z, and ten years later. Leap days of 2028 and 2032 are in between.
const BEGIN: u64 = 1_767_225_600_000;
const END: u64 = 2_082_758_400_000;
const ZONES: [&str; 6] =
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Phoenix"];

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn schedule(event: &str, zone: &str) -> Schedule {
    let zone: Zone = zone.parse().expect("a zone");
    match event.strip_prefix("cron ") {
        Some(expression) => Schedule::cron(expression, zone).expect("legal"),
        None => {
            let event = format!("time.{event}.passed").parse().expect("legal");
            Schedule::period(Period::read(&event).expect("of time").expect("readable"), zone)
        }
    }
}

/// A timekeeper with what it announced, and its record as it is kept durably.
struct Simulated {
    schedule: Schedule,
    policy: Missed,
    keeper: Timekeeper,
    kept: Record,
    announced: Vec<Tick>,
}

impl Simulated {
    fn begin(schedule: Schedule, policy: Missed, now: u64) -> Self {
        let (keeper, anew) = Timekeeper::resume(schedule.clone(), policy, None, at(now));
        assert_eq!(anew, Some(Anew::First));
        let kept = keeper.record().clone();
        Self { schedule, policy, keeper, kept, announced: Vec::new() }
    }

    fn tell(&mut self, now: u64) -> Option<Anew> {
        let due = self.keeper.advance(at(now));
        for tick in &due.ticks {
            assert!(tick.time <= at(now), "nothing is announced before its time");
            self.kept = self.keeper.record_of(*tick);
        }
        if due.anew.is_some() {
            self.kept = self.keeper.record().clone();
        }
        self.announced.extend(due.ticks);
        due.anew
    }

    /// Another host takes over, knowing only what is kept.
    fn restart(&mut self, now: u64) {
        let (keeper, anew) = Timekeeper::resume(self.schedule.clone(), self.policy, Some(self.kept.clone()), at(now));
        assert_eq!(anew, None);
        self.keeper = keeper;
    }

    fn times(&self) -> Vec<u64> {
        self.announced.iter().map(|tick| tick.time.millis()).collect()
    }

    /// As a host does it: it looks when the next is due, and every so often.
    fn run(&mut self, from: u64, until: u64, look: u64) {
        let mut now = from;
        while now <= until {
            self.tell(now);
            let next = self.keeper.next(at(now)).map_or(u64::MAX, Timestamp::millis);
            now = next.min(now + look);
        }
    }
}

fn expected(schedule: &Schedule, after: u64, until: u64) -> Vec<u64> {
    schedule.ticks(at(after), at(until)).map(Timestamp::millis).collect()
}

#[test]
fn each_tick_of_ten_years_is_announced_once_in_every_zone() {
    for zone in ZONES {
        for event in [
            "thirty-minutes",
            "one-hour",
            "four-hours",
            "one-day",
            "2-weeks",
            "one-month",
            "one-year",
            "cron 30 2 * * *",
        ] {
            let schedule = schedule(event, zone);
            let mut simulated = Simulated::begin(schedule.clone(), Missed::Once, BEGIN);
            simulated.run(BEGIN, END, DAY);
            assert!(simulated.times() == expected(&schedule, BEGIN, END), "{event} in {zone}");
            assert!(simulated.announced.iter().all(|tick| tick.missed == 0), "{event} in {zone}");
        }
    }
}

#[test]
fn hosts_that_take_over_within_a_minute_lose_no_tick_whatever_the_policy() {
    for policy in [Missed::Skip, Missed::Once, Missed::All] {
        let schedule = schedule("one-second", "Europe/Berlin");
        let mut simulated = Simulated::begin(schedule.clone(), policy, BEGIN);
        let mut now = BEGIN;
        for round in 0..2000 {
            now += 500 + round % 59 * SECOND;
            simulated.restart(now);
            simulated.tell(now);
        }
        assert_eq!(simulated.times(), expected(&schedule, BEGIN, now));
    }
}

#[test]
fn what_was_missed_is_skipped_or_announced_once_or_all_of_it() {
    // Nobody runs from half past ten until twenty past one.
    let (stop, again) = (BEGIN + 10 * HOUR + 30 * MINUTE, BEGIN + 13 * HOUR + 20 * MINUTE);
    let hours = |ticks: &[Tick]| -> Vec<(u64, u64)> {
        ticks.iter().map(|tick| ((tick.time.millis() - BEGIN) / HOUR, tick.missed)).collect()
    };
    for (policy, told) in [
        (Missed::Skip, vec![(14, 3), (15, 0)]),
        (Missed::Once, vec![(13, 2), (14, 0), (15, 0)]),
        (Missed::All, vec![(11, 0), (12, 0), (13, 0), (14, 0), (15, 0)]),
    ] {
        let mut simulated = Simulated::begin(schedule("one-hour", "UTC"), policy, BEGIN);
        simulated.run(BEGIN, stop, MINUTE);
        let before = simulated.announced.len();
        assert_eq!(before, 10);
        simulated.restart(again);
        simulated.run(again, BEGIN + 15 * HOUR, MINUTE);
        assert_eq!(hours(&simulated.announced[before..]), told, "{policy}");
    }
}

#[test]
fn skipped_ticks_are_still_told_of_after_another_restart() {
    let mut simulated = Simulated::begin(schedule("one-hour", "UTC"), Missed::Skip, BEGIN);
    for hours in [3, 5, 9] {
        simulated.restart(BEGIN + hours * HOUR + 10 * MINUTE);
        simulated.tell(BEGIN + hours * HOUR + 10 * MINUTE);
    }
    assert!(simulated.announced.is_empty());
    simulated.tell(BEGIN + 10 * HOUR);
    assert_eq!(simulated.announced, [Tick { time: at(BEGIN + 10 * HOUR), missed: 9 }]);
}

#[test]
fn of_very_many_missed_ticks_the_newest_are_announced_and_the_others_counted() {
    let mut simulated = Simulated::begin(schedule("one-second", "America/New_York"), Missed::All, BEGIN);
    simulated.tell(BEGIN + 365 * DAY);
    // Those of the last minute are late, not missed.
    let year = 365 * DAY / SECOND;
    assert_eq!(simulated.announced.len(), 10_000 + 61);
    assert_eq!(simulated.announced[0].missed, year - 10_061);
    assert_eq!(
        simulated.times(),
        expected(&simulated.schedule, BEGIN + 365 * DAY - 10_061 * SECOND, BEGIN + 365 * DAY)
    );

    let mut simulated = Simulated::begin(schedule("one-second", "America/New_York"), Missed::Once, BEGIN);
    simulated.tell(BEGIN + 365 * DAY);
    assert_eq!((simulated.announced.len(), simulated.announced[0].missed), (1 + 61, year - 62));
}

#[test]
fn a_clock_that_is_set_back_a_little_announces_nothing_twice() {
    for back in [1, SECOND, HOUR, DAY] {
        let schedule = schedule("five-minutes", "UTC");
        let mut simulated = Simulated::begin(schedule.clone(), Missed::All, BEGIN);
        simulated.run(BEGIN, BEGIN + 2 * DAY, 30 * SECOND);
        simulated.run(BEGIN + 2 * DAY - back, BEGIN + 4 * DAY, 30 * SECOND);
        assert_eq!(simulated.times(), expected(&schedule, BEGIN, BEGIN + 4 * DAY), "{back} ms");
    }
}

#[test]
fn a_clock_that_is_set_back_far_was_wrong_and_begins_anew() {
    let schedule = schedule("one-hour", "UTC");
    let mut simulated = Simulated::begin(schedule.clone(), Missed::All, BEGIN + 30 * DAY);
    simulated.run(BEGIN + 30 * DAY, BEGIN + 31 * DAY, 30 * SECOND);
    let before = simulated.announced.len();
    assert!(matches!(simulated.tell(BEGIN), Some(Anew::ClockWentBack(back)) if back > 30 * DAY));
    assert_eq!((simulated.announced.len(), simulated.kept.until), (before, at(BEGIN)));
    simulated.run(BEGIN, BEGIN + DAY, 30 * SECOND);
    assert_eq!(simulated.times()[before..], expected(&schedule, BEGIN, BEGIN + DAY));
}

#[test]
fn a_clock_that_is_set_forward_is_as_if_nobody_had_run() {
    let mut simulated = Simulated::begin(schedule("one-hour", "UTC"), Missed::Once, BEGIN);
    simulated.run(BEGIN, BEGIN + 2 * HOUR, 30 * SECOND);
    simulated.tell(BEGIN + 8 * HOUR + 30 * MINUTE);
    assert_eq!(simulated.announced.last(), Some(&Tick { time: at(BEGIN + 8 * HOUR), missed: 5 }));
}

#[test]
fn ticks_of_another_schedule_begin_with_the_next() {
    let yearly = Simulated::begin(schedule("one-year", "UTC"), Missed::All, BEGIN);
    let now = at(BEGIN + 200 * DAY);
    let minutely = schedule("cron * * * * *", "UTC");
    let (mut keeper, anew) = Timekeeper::resume(minutely, Missed::All, Some(yearly.kept), now);
    assert_eq!(anew, Some(Anew::OtherSchedule("every year (UTC)".into())));
    assert!(keeper.advance(now).ticks.is_empty());
    assert_eq!(keeper.advance(at(now.millis() + MINUTE)).ticks.len(), 1);
}

#[test]
fn one_moment_is_announced_once_and_late_if_nobody_ran() {
    let moment = Schedule::at("2026-06-01T08:00:00Z", Zone::UTC).expect("legal");
    let due = moment.next_after(at(BEGIN)).expect("due").millis();
    for (policy, announced) in [(Missed::Skip, 0), (Missed::Once, 1), (Missed::All, 1)] {
        let mut simulated = Simulated::begin(moment.clone(), policy, BEGIN);
        simulated.run(due + DAY, due + 10 * DAY, HOUR);
        assert_eq!(simulated.announced.len(), announced, "{policy}");
    }
    let mut late = Simulated::begin(moment, Missed::All, due + 1);
    late.run(due + 1, due + DAY, HOUR);
    assert!(late.announced.is_empty(), "it had no past");
}

/// What happens to a host over the years.
#[derive(Debug, Clone)]
enum Step {
    /// It runs for so many milliseconds.
    Run(u64),
    /// Nobody runs for so long.
    Nobody(u64),
    /// The clock goes back by less than a day.
    Back(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (1..20 * DAY).prop_map(Step::Run),
        (1..40 * DAY).prop_map(Step::Nobody),
        (1..2 * MINUTE).prop_map(Step::Nobody),
        (1..DAY).prop_map(Step::Back),
    ];
    proptest::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_tick_is_announced_once_or_told_of_as_missed(
        steps in steps(),
        event in proptest::sample::select(&["one-hour", "four-hours", "one-day", "one-week", "cron 30 2 * * *"][..]),
        zone in proptest::sample::select(&ZONES[..]),
        policy in proptest::sample::select(&[Missed::Skip, Missed::Once, Missed::All][..]),
    ) {
        let schedule = schedule(event, zone);
        let mut simulated = Simulated::begin(schedule.clone(), policy, BEGIN);
        let (mut now, mut latest) = (BEGIN, BEGIN);
        for step in steps {
            match step {
                Step::Run(time) => {
                    simulated.run(now, now + time, 6 * HOUR);
                    now += time;
                }
                Step::Nobody(time) => {
                    now += time;
                    simulated.restart(now);
                }
                Step::Back(time) => now = (now - time).max(latest.saturating_sub(DAY)).max(BEGIN),
            }
            simulated.tell(now);
            latest = latest.max(now);
        }
        // The last tells of what was missed until then.
        let last = schedule.next_after(at(latest)).expect("due");
        simulated.tell(last.millis());
        let times = simulated.times();
        prop_assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "in order, and none twice");
        let all = expected(&schedule, BEGIN, last.millis());
        prop_assert!(times.iter().all(|time| all.binary_search(time).is_ok()));
        let missed: u64 = simulated.announced.iter().map(|tick| tick.missed).sum();
        prop_assert_eq!(times.len() as u64 + missed, all.len() as u64);
        prop_assert!(policy != Missed::All || missed == 0);
    }
}
