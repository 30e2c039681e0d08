//! `leveret clock`: events that say that time has passed, and what plugins have put off to a moment.

use std::num::NonZeroUsize;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Output;
use super::api::{Api, path};
use super::error::CliError;
use super::text::{plain, table};
use crate::admin::{Cancellation, LaterReport};
use crate::clock::later::Waiting;
use crate::config::Settings;
use crate::message::Timestamp;
use crate::name::EventName;
use crate::schedule::{NotAPeriod, Period, Schedule, Zone};

/// Every `time.<number>-<unit>.passed` that a plugin subscribes to is announced, whatever `[clock]` of the settings names,
/// and what plugins have in their timetables.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  leveret clock list
  leveret clock next time.five-minutes.passed
  leveret clock next --cron \"30 8 * * MON-FRI\" --zone Europe/Berlin --count 10
  leveret clock fire time.one-day.passed
  leveret clock cancel pheidi/reminder-7")]
pub(super) struct Clock {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show the events that the running host keeps, when they are due and who wants them; and the messages that wait for
    /// their moment.
    List,
    /// Say when an event is due, by its name and the settings; no host needs to run.
    Next(Next),
    /// Announce an event that the running host keeps, now and by hand.
    Fire {
        /// The event, such as `time.one-day.passed`.
        event: EventName,
    },
    /// Take back a message that waits for its moment, whichever host holds it.
    Cancel {
        /// What `clock list` shows as its key: `<application>/<name>`, or its id.
        key: String,
    },
}

#[derive(Debug, Args)]
struct Next {
    /// The event, such as `time.five-minutes.passed`.
    #[arg(required_unless_present = "cron", conflicts_with = "cron")]
    event: Option<EventName>,
    /// A cron expression instead.
    #[arg(long, value_name = "EXPRESSION")]
    cron: Option<String>,
    /// The time zone whose clocks count [default: as the settings say].
    #[arg(long)]
    zone: Option<Zone>,
    /// How many times.
    #[arg(long, default_value = "5", value_name = "NUMBER")]
    count: NonZeroUsize,
}

impl Clock {
    pub(super) fn run(self, settings: &Settings, output: Output) -> Result<(), CliError> {
        match self.what {
            What::List => {
                let api = Api::new(settings);
                let (events, later): (Vec<Value>, LaterReport) = (api.fetch("/clock")?, api.fetch("/clock/later")?);
                let answer = json!({ "events": events, "waiting": later.waiting, "beyond": later.beyond });
                output.answer(&answer, || format!("{}\n\n{}", human(&events).trim_end(), human_later(&later)))
            }
            What::Cancel { key } => {
                let api = Api::new(settings);
                let cancelled: Cancellation = api.order("/clock/later/cancel", &json!({ "key": key }))?;
                output.answer(&cancelled, || format!("what waits as {} is taken back", plain(&cancelled.key)))
            }
            What::Next(next) => next.run(settings, output),
            What::Fire { event } => {
                let fired: Value = Api::new(settings).order(&path(&["clock", event.as_str(), "fire"]), &json!({}))?;
                output.answer(&fired, || {
                    let text = |name: &str| plain(fired[name].as_str().unwrap_or("?"));
                    format!(
                        "announced {} by hand, as {}; follow it with `leveret trace {}`",
                        event,
                        text("id"),
                        text("tid")
                    )
                })
            }
        }
    }
}

impl Next {
    fn run(self, settings: &Settings, output: Output) -> Result<(), CliError> {
        let count = self.count.get();
        let schedule = self.schedule(settings).map_err(CliError::Failed)?;
        let ticks: Vec<_> = schedule.ticks(Timestamp::now(), Timestamp::from_millis(u64::MAX)).take(count).collect();
        let shown: Vec<_> = ticks.iter().map(|tick| schedule.shown(*tick)).collect();
        let answer = json!({ "schedule": schedule, "zone": schedule.zone(), "ticks_ms": ticks, "ticks": shown });
        output.answer(&answer, || {
            let none = if shown.is_empty() { "never again\n" } else { "" };
            format!("{schedule}, {}\n{}\n{none}", schedule.zone(), shown.join("\n"))
        })
    }

    fn schedule(self, settings: &Settings) -> Result<Schedule, String> {
        let clock = &settings.clock;
        if let Some(expression) = self.cron {
            let zone = self.zone.unwrap_or_else(|| clock.zone.get().clone());
            return Schedule::cron(&expression, zone).map_err(|error| error.to_string());
        }
        let Some(event) = self.event else { return Err("name an event, or give --cron".into()) };
        match (clock.schedule(&event), Period::read(&event)) {
            (Ok(schedule), _) => Ok(self.zone.map_or_else(|| schedule.clone(), |zone| schedule.clone().within(zone))),
            (Err(_), Some(Err(unreadable @ NotAPeriod { .. }))) => Err(unreadable.to_string()),
            (Err(reason), _) => Err(format!("`{event}` {reason}")),
        }
    }
}

fn human(events: &[Value]) -> String {
    if events.is_empty() {
        return "no plugin that is live subscribes to time that passes, and the settings name none".into();
    }
    let row = |event: &Value| {
        let text = |name: &str| plain(event[name].as_str().unwrap_or("?"));
        // Moments as the clocks of the event's own zone show them.
        let zone: Option<Zone> = event["zone"].as_str().and_then(|zone| zone.parse().ok());
        let moment = |name: &str| match event[name].as_u64() {
            Some(moment) => zone.clone().unwrap_or(Zone::UTC).shown(Timestamp::from_millis(moment)),
            None => "-".into(),
        };
        let wanted: Vec<_> =
            event["wanted_by"].as_array().into_iter().flatten().filter_map(Value::as_str).map(plain).collect();
        let keeps = if event["keeps"] == true { "this host" } else { "another" };
        vec![
            text("event"),
            text("schedule"),
            text("zone"),
            text("missed"),
            moment("next_ms"),
            moment("last_ms"),
            keeps.to_owned(),
            wanted.join(", "),
        ]
    };
    let rows: Vec<_> = events.iter().map(row).collect();
    table(&["event", "due", "zone", "missed", "next", "last", "kept by", "wanted by"], &rows)
}

fn human_later(later: &LaterReport) -> String {
    let beyond = match later.beyond {
        0 => String::new(),
        number => format!("{number} more wait until a host has room for them\n"),
    };
    if later.waiting.is_empty() {
        return format!(
            "no message waits here for its moment; another host on the same broker may hold some\n{beyond}"
        );
    }
    let row = |Waiting { key, moment, subject, source, .. }: &Waiting| {
        let source = source.as_deref().map_or("-".into(), plain);
        vec![Zone::UTC.shown(*moment), plain(subject.as_str()), source, plain(key)]
    };
    let rows: Vec<_> = later.waiting.iter().map(row).collect();
    table(&["moment", "message", "from", "key"], &rows) + &beyond
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_told_with_the_clocks_of_its_zone() {
        let events = [json!({
            "event": "time.one-day.passed", "schedule": "every day", "zone": "Europe/Berlin", "missed": "once",
            "next_ms": 1_774_738_800_000_u64, "last_ms": null, "keeps": true, "wanted_by": ["docker", "configuration"],
        })];
        let expected = "\
EVENT                DUE        ZONE           MISSED  NEXT                       LAST  KEPT BY    WANTED BY
time.one-day.passed  every day  Europe/Berlin  once    2026-03-29T00:00:00+01:00  -     this host  docker, configuration
";
        assert_eq!(human(&events), expected);
    }

    #[test]
    fn an_event_s_schedule_is_its_name_s_or_the_settings() {
        let next = |event: &str, zone: Option<&str>| Next {
            event: Some(event.parse().expect("legal")),
            cron: None,
            zone: zone.map(|zone| zone.parse().expect("a zone")),
            count: NonZeroUsize::MIN,
        };
        let of = |next: Next| next.schedule(&Settings::default()).map(|one| format!("{one}, {}", one.zone()));
        assert_eq!(of(next("time.2-weeks.passed", None)), Ok("every 2 weeks, UTC".into()));
        assert_eq!(of(next("time.2-weeks.passed", Some("Asia/Kolkata"))), Ok("every 2 weeks, Asia/Kolkata".into()));
        assert!(of(next("time.tow-weeks.passed", None)).expect_err("a slip").contains("time.two-weeks.passed"));
        let unknown = of(next("shop.opened", None)).expect_err("not configured");
        assert!(unknown.contains("`shop.opened` is not in `clock.event`"), "{unknown}");
    }

    #[test]
    fn what_waits_is_told_with_its_moment_and_its_key() {
        let waiting = |key: &str, moment| Waiting {
            key: key.into(),
            moment: Timestamp::from_millis(moment),
            subject: crate::message::Subject::Task("pheidi.email.send".parse().expect("legal")),
            id: crate::message::MessageId::fresh(),
            tid: crate::message::Tid::fresh(),
            source: Some("pheidi".into()),
        };
        let later = LaterReport { waiting: vec![waiting("pheidi/reminder 7", 1_774_738_800_000)], beyond: 2 };
        let expected = "\
MOMENT                MESSAGE            FROM    KEY
2026-03-28T23:00:00Z  pheidi.email.send  pheidi  pheidi/reminder 7
2 more wait until a host has room for them
";
        assert_eq!(human_later(&later), expected);
        let none = LaterReport { waiting: vec![], beyond: 0 };
        assert!(human_later(&none).contains("another host"));
    }
}
