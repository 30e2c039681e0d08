//! Timekeeping events.

use super::{load_text, problems};

#[test]
fn an_event_of_the_clock_that_cannot_be_due_is_refused_where_it_stands() {
    let table = |keys: &str| format!("[clock.event.\"shop.opened\"]\n{keys}");
    let cases = [
        (
            "[clock]\nzone = \"Europe/Belrin\"".to_owned(),
            "leveret.toml:2:8: `clock.zone`: \"Europe/Belrin\" is not a time zone: use a name such as \"UTC\" or \"Europe/Berlin\"; did you mean \"Europe/Berlin\"?",
        ),
        (
            "[clock]\nmissed = \"twice\"".to_owned(),
            "leveret.toml:2:10: `clock.missed`: \"twice\" is not allowed: must be \"skip\", \"once\" or \"all\"",
        ),
        (
            "[clock]\nevents = [\"time.one-day.passed\", \"time.fife-minutes.passed\"]".to_owned(),
            "leveret.toml:2:34: `clock.events`: `time.fife-minutes.passed` does not say how much time has passed: that is `time.<number>-<unit>.passed`, in words or digits; did you mean `time.five-minutes.passed`?",
        ),
        (
            "[clock]\nevents = [\"shop.opened\"]".to_owned(),
            "leveret.toml:2:11: `clock.events`: `shop.opened` does not say how much time has passed, as `time.one-day.passed` does: give it a table in `clock.event`",
        ),
        (
            table("cron = \"every day\""),
            "leveret.toml:2:8: `clock.event.\"shop.opened\".cron`: \"every day\" is not a cron expression: ",
        ),
        (
            table("cron = \"0 0 30 2 *\""),
            "leveret.toml:2:8: `clock.event.\"shop.opened\".cron`: the cron expression \"0 0 30 2 *\" never fits any day",
        ),
        (
            table("at = \"soon\""),
            "leveret.toml:2:6: `clock.event.\"shop.opened\".at`: \"soon\" is not a moment: use one such as \"2030-01-31T08:00:00Z\", or \"2030-01-31T08:00\" for the clocks of the zone",
        ),
        (
            table(""),
            "leveret.toml:1:14: `clock.event.\"shop.opened\"` must have exactly one of `cron`, `every`, `at` and `same-as`",
        ),
        (
            table("every = \"1h\"\ncron = \"0 8 * * *\""),
            "leveret.toml:1:14: `clock.event.\"shop.opened\"` must have exactly one of `cron`, `every`, `at` and `same-as`",
        ),
        (
            table("every = \"1500ms\""),
            "leveret.toml:2:9: `clock.event.\"shop.opened\"` cannot be due: an interval is a whole number of seconds, from 1s to 100 years, such as \"90m\"",
        ),
        (
            table("every = \"1h\"\noffset = \"2h\""),
            "leveret.toml:3:10: `clock.event.\"shop.opened\"` cannot be due: the offset is a whole number of seconds, less than the interval",
        ),
        (
            table("cron = \"0 8 * * *\"\noffset = \"2h\""),
            "leveret.toml:3:10: `clock.event.\"shop.opened\"` must have `every` beside `offset`",
        ),
        (
            table("same-as = \"shop.closed\""),
            "leveret.toml:2:11: `clock.event.\"shop.opened\"` is the same as `shop.closed`, which has no schedule of its own: name one that has, or `time.<number>-<unit>.passed`",
        ),
        (
            table("same-as = \"shop.opened\""),
            "leveret.toml:2:11: `clock.event.\"shop.opened\"` is the same as `shop.opened`, which has no schedule of its own: name one that has, or `time.<number>-<unit>.passed`",
        ),
        (
            table("same-as = \"time.one-day.passed\"\nzone = \"UTC\""),
            "leveret.toml:3:8: `clock.event.\"shop.opened\"` must have no `zone` beside `same-as`: it has the other's",
        ),
        (
            "[clock.event.\"time.one-day.passed\"]\nevery = \"1h\"".to_owned(),
            "leveret.toml:1:14: `clock.event.\"time.one-day.passed\"` must have none of `cron`, `every`, `at` and `same-as`: its name says when it is due",
        ),
        (
            "[clock.event.\"time.one-hour.passsed\"]".to_owned(),
            "leveret.toml:1:14: `clock.event.\"time.one-hour.passsed\"` must have exactly one of `cron`, `every`, `at` and `same-as`; `time.one-hour.passsed` does not say how much time has passed: that is `time.<number>-<unit>.passed`, in words or digits; did you mean `time.one-hour.passed`?",
        ),
        (
            "[app.shop]\n[clock.event.\"shop.opened\"]\nevery = \"1h\"".to_owned(),
            "leveret.toml:2:14: `clock.event.\"shop.opened\"` begins like the tasks of the application shop: call it by its model",
        ),
    ];
    for (text, expected) in cases {
        let problems = problems(&text, &[]);
        assert!(
            problems.len() == 1 && problems[0].starts_with(expected),
            "{text}\nexpected {expected}\ngot {problems:#?}"
        );
    }
}

#[test]
fn an_event_of_the_clock_has_the_general_zone_and_policy_but_for_its_own() {
    let text = "[clock]\nzone = \"Europe/Berlin\"\nmissed = \"skip\"\n\
                [clock.event.\"shop.opened\"]\ncron = \"0 8 * * *\"\nzone = \"Asia/Kolkata\"\nmissed = \"all\"\n\
                [clock.event.\"shop.closed\"]\nevery = \"6h\"\noffset = \"30m\"\n\
                [clock.event.\"door.opened\"]\nsame-as = \"shop.opened\"\n\
                [clock.event.\"time.one-day.passed\"]\nzone = \"UTC\"\n\
                [clock.event.\"shop.moved\"]\nat = \"2030-01-31T08:00\"";
    let clock = load_text(text, &[]).expect("legal").clock;
    let told = |event: &str| {
        let event = event.parse().expect("legal");
        let schedule = clock.schedule(&event).expect("due");
        format!("{schedule}, {}, {}", schedule.zone(), clock.missed(&event))
    };
    for (event, expected) in [
        ("shop.opened", "cron 0 8 * * *, Asia/Kolkata, all"),
        ("shop.closed", "every 6h from 30m, Europe/Berlin, skip"),
        ("door.opened", "cron 0 8 * * *, Asia/Kolkata, skip"),
        ("time.one-day.passed", "every day, UTC, skip"),
        ("time.one-hour.passed", "every hour, Europe/Berlin, skip"),
        ("shop.moved", "at 2030-01-31T08:00:00+01:00, Europe/Berlin, skip"),
    ] {
        assert_eq!(told(event), expected);
    }
}
