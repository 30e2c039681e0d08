//! Ten years of ticks, held against a walk over every minute of them.

use std::num::NonZeroU32;

use jiff::civil;
use proptest::prelude::*;

use super::*;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
/// 2026-01-01T00:00Z, and ten years later. Leap days of 2028 and 2032 are in between.
const BEGIN: i64 = 1_767_225_600_000;
const END: i64 = 2_082_758_400_000;

/// Zones with daylight saving in both hemispheres, of half an hour and of two hours, where it begins at midnight, with a
/// half hour ahead, and without any.
const ZONES: [&str; 8] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "Africa/Cairo",
    "Asia/Kolkata",
    "America/Phoenix",
];

fn zone(name: &str) -> Zone {
    name.parse().expect("a zone")
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(u64::try_from(millis).expect("after 1970"))
}

fn period(name: &str, zone: Zone) -> Schedule {
    let event = format!("time.{name}.passed").parse().expect("a legal name");
    Schedule::period(Period::read(&event).expect("about time").expect("readable"), zone)
}

fn ticks(schedule: &Schedule, after: i64, until: i64) -> Vec<i64> {
    schedule.ticks(at(after), at(until)).map(|tick| tick.millis() as i64).collect()
}

fn shown(schedule: &Schedule, after: i64, count: usize) -> Vec<String> {
    schedule.ticks(at(after), at(i64::MAX)).take(count).map(|tick| schedule.shown(tick)).collect()
}

/// What a clock on the wall shows, minute by minute.
struct Wall {
    zone: Zone,
}

impl Wall {
    fn minutes(&self) -> impl Iterator<Item = (i64, i64)> {
        let local = |moment: i64| moment + self.zone.ahead(moment).expect("in the calendar");
        (BEGIN - 7 * 24 * HOUR..=END).step_by(MINUTE as usize).map(move |moment| (moment, local(moment)))
    }

    /// Each moment after the beginning at which it shows a multiple.
    fn shows_a_multiple(&self, length: i64) -> Vec<i64> {
        let due = self.minutes().filter(|(_, local)| local % length == 0).map(|(moment, _)| moment);
        due.filter(|moment| *moment > BEGIN).collect()
    }

    /// Each moment after the beginning at which it shows as much as the next of what is counted for the first time.
    fn passes_the_next(&self, number: impl Fn(i64) -> i64) -> Vec<i64> {
        let (mut reached, mut due) = (None, Vec::new());
        for (moment, local) in self.minutes() {
            let number = number(local);
            match reached {
                Some(before) if number <= before => continue,
                Some(_) if moment > BEGIN => due.push(moment),
                _ => {}
            }
            reached = Some(number);
        }
        due
    }
}

fn date(local: i64) -> civil::Date {
    jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::from_millisecond(local).expect("in the calendar")).date()
}

#[test]
fn up_to_an_hour_each_moment_counts_at_which_clocks_show_a_multiple() {
    for name in ZONES {
        let wall = Wall { zone: zone(name) };
        for (period_name, length) in
            [("five-minutes", 5 * MINUTE), ("seven-minutes", 7 * MINUTE), ("3600-seconds", HOUR), ("one-hour", HOUR)]
        {
            let schedule = period(period_name, zone(name));
            assert!(ticks(&schedule, BEGIN, END) == wall.shows_a_multiple(length), "{period_name} in {name}");
        }
    }
}

#[test]
fn longer_periods_go_by_the_calendar_once_for_each_multiple() {
    const DAY: i64 = 24 * HOUR;
    type Number = fn(i64) -> i64;
    let month: Number = |local| i64::from(date(local).year()) * 12 + i64::from(date(local).month()) - 1;
    let cases: [(&str, Number); 11] = [
        ("ninety-minutes", |local| local.div_euclid(90 * MINUTE)),
        ("four-hours", |local| local.div_euclid(4 * HOUR)),
        ("five-hours", |local| local.div_euclid(5 * HOUR)),
        ("one-day", |local| local.div_euclid(DAY)),
        ("86400-seconds", |local| local.div_euclid(DAY)),
        ("three-days", |local| local.div_euclid(3 * DAY)),
        ("one-week", |local| (local - 4 * DAY).div_euclid(7 * DAY)),
        ("2-weeks", |local| (local - 4 * DAY).div_euclid(14 * DAY)),
        ("one-month", month),
        ("five-months", |local| {
            (i64::from(date(local).year()) * 12 + i64::from(date(local).month()) - 1 - 1970 * 12).div_euclid(5)
        }),
        ("one-year", |local| i64::from(date(local).year())),
    ];
    for name in ZONES {
        let wall = Wall { zone: zone(name) };
        for (period_name, number) in cases {
            let schedule = period(period_name, zone(name));
            assert!(ticks(&schedule, BEGIN, END) == wall.passes_the_next(number), "{period_name} in {name}");
        }
    }
}

#[test]
fn a_day_begins_when_the_clocks_of_the_zone_say_so() {
    let after = 1_774_645_200_000; // 2026-03-27T21:00Z
    let days = shown(&period("one-day", zone("Europe/Berlin")), after, 3);
    assert_eq!(days, ["2026-03-28T00:00:00+01:00", "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"]);
    let weeks = shown(&period("one-week", zone("Asia/Kolkata")), after, 2);
    assert_eq!(weeks, ["2026-03-30T00:00:00+05:30", "2026-04-06T00:00:00+05:30"]);
    let years = shown(&period("hundred-years".replace("hundred", "100").as_str(), Zone::UTC), after, 2);
    assert_eq!(years, ["2070-01-01T00:00:00Z", "2170-01-01T00:00:00Z"]);
}

#[test]
fn a_zone_that_skipped_a_day_loses_its_ticks_into_one() {
    let samoa = period("four-hours", zone("Pacific/Apia"));
    let before = 1_325_232_000_000; // 2011-12-30T08:00Z, 22:00 on the 29th there.
    assert_eq!(
        shown(&samoa, before, 3),
        ["2011-12-31T00:00:00+14:00", "2011-12-31T04:00:00+14:00", "2011-12-31T08:00:00+14:00"]
    );
}

#[test]
fn seconds_are_aligned_to_the_clock_however_it_is_set() {
    for name in ZONES {
        let schedule = period("ninety-seconds", zone(name));
        let mut from = BEGIN;
        for _ in 0..24 {
            from = zone(name).next_change(from).unwrap_or(from + 183 * 24 * HOUR);
            let (after, until) = (from - 2 * HOUR, from + 2 * HOUR);
            let local = |moment: i64| moment + zone(name).ahead(moment).expect("in the calendar");
            let expected: Vec<_> =
                (after + 1000..=until).step_by(1000).filter(|moment| local(*moment) % 90_000 == 0).collect();
            assert_eq!(ticks(&schedule, after, until), expected, "{name}");
        }
    }
}

#[test]
fn cron_goes_by_the_clocks_of_its_zone() {
    for name in ZONES {
        let (cron, wall) =
            (|expression| Schedule::cron(expression, zone(name)).expect("legal"), Wall { zone: zone(name) });
        assert!(ticks(&cron("*/15 * * * *"), BEGIN, END) == wall.shows_a_multiple(15 * MINUTE), "{name}");
        // Once a day, also where clocks show half past two twice, or skip it.
        let half_past_two = wall.passes_the_next(|local| (local - 150 * MINUTE).div_euclid(24 * HOUR));
        assert!(ticks(&cron("30 2 * * *"), BEGIN, END) == half_past_two, "{name}");
        let weekdays = cron("0 12 * * MON-FRI");
        assert!(ticks(&weekdays, BEGIN, END).len().abs_diff(10 * 261) < 3, "{name}");
    }
    let leap = Schedule::cron("0 0 29 2 *", zone("America/New_York")).expect("legal");
    assert_eq!(
        shown(&leap, BEGIN, 3),
        ["2028-02-29T00:00:00-05:00", "2032-02-29T00:00:00-05:00", "2036-02-29T00:00:00-05:00"]
    );
}

#[test]
fn an_interval_has_an_offset() {
    let every = |interval: &str, offset: &str, zone: Zone| {
        let long = |text| humantime::parse_duration(text).expect("a duration");
        Schedule::every(long(interval), long(offset), zone)
    };
    let schedule = every("6h", "30m", zone("Europe/Berlin")).expect("legal");
    assert_eq!(
        shown(&schedule, BEGIN, 3),
        ["2026-01-01T06:30:00+01:00", "2026-01-01T12:30:00+01:00", "2026-01-01T18:30:00+01:00"]
    );
    let schedule = every("1m", "20s", Zone::UTC).expect("legal");
    assert_eq!(shown(&schedule, BEGIN, 2), ["2026-01-01T00:00:20Z", "2026-01-01T00:01:20Z"]);
    for (interval, offset, error) in [
        ("0s", "0s", ScheduleError::Interval),
        ("1500ms", "0s", ScheduleError::Interval),
        ("101years", "0s", ScheduleError::Interval),
        ("1m", "1m", ScheduleError::Offset),
        ("1m", "1ms", ScheduleError::Offset),
    ] {
        assert_eq!(every(interval, offset, Zone::UTC), Err(error), "{interval} {offset}");
    }
}

#[test]
fn a_moment_is_due_once() {
    let at_moment = |text| Schedule::at(text, zone("Europe/Berlin"));
    for text in ["2027-06-01T08:00", "2027-06-01T08:00:00+02:00", "2027-06-01T06:00:00Z"] {
        assert_eq!(shown(&at_moment(text).expect("legal"), BEGIN, 2), ["2027-06-01T08:00:00+02:00"], "{text}");
    }
    assert_eq!(at_moment("soon"), Err(ScheduleError::Moment("soon".into())));
    assert_eq!(at_moment("1969-01-01T00:00Z"), Err(ScheduleError::TooEarly("1969-01-01T00:00Z".into())));
}

#[test]
fn a_cron_expression_that_never_fits_is_none() {
    let cron = |expression| Schedule::cron(expression, Zone::UTC);
    assert_eq!(cron("0 0 30 2 *"), Err(ScheduleError::Never("0 0 30 2 *".into())));
    for expression in ["", "every day", "61 * * * *", "* * *"] {
        assert!(matches!(cron(expression), Err(ScheduleError::Cron { .. })), "{expression:?}");
    }
}

#[test]
fn calendars_end() {
    let last = at(253_402_207_200_000); // Where jiff's does: near the end of 9999.
    for schedule in [period("one-second", Zone::UTC), period("100-years", Zone::UTC), period("one-day", Zone::UTC)] {
        let ticks: Vec<_> = schedule.ticks(last, at(i64::MAX)).take(200_000).collect();
        assert!(ticks.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(schedule.next_after(Timestamp::from_millis(u64::MAX)), None);
    }
}

#[derive(Debug, Clone)]
struct Case {
    schedule: Schedule,
    after: i64,
    until: i64,
}

fn cases() -> impl Strategy<Value = Case> {
    const UNITS: [Unit; 6] = [Unit::Second, Unit::Minute, Unit::Hour, Unit::Day, Unit::Week, Unit::Month];
    let zones = proptest::sample::select(&ZONES[..]);
    let window = (BEGIN..END, 0..100_i64);
    (proptest::sample::select(&UNITS[..]), 1..200_u32, zones, window).prop_map(|(unit, number, name, (after, wide))| {
        let period = Period::new(NonZeroU32::new(number).expect("not 0"), unit).expect("short");
        let seconds = match unit {
            Unit::Second => 1,
            Unit::Minute => 60,
            Unit::Hour => 3600,
            _ => 24 * 3600,
        };
        let until = after + wide * seconds * i64::from(number) * 1000;
        Case { schedule: Schedule::period(period, zone(name)), after, until }
    })
}

proptest! {
    #[test]
    fn counting_and_the_newest_agree_with_the_walk(Case { schedule, after, until } in cases()) {
        let walked = ticks(&schedule, after, until);
        prop_assert!(walked.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert_eq!(schedule.count(at(after), at(until)), walked.len() as u64);
        prop_assert_eq!(schedule.newest(at(after), at(until)).map(|tick| tick.millis() as i64), walked.last().copied());
        prop_assert_eq!(schedule.count_to(3, at(after), at(until)), walked.len().min(3) as u64);
    }
}
