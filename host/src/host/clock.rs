//! Which timekeeping events are wanted: by the settings, and by the plugins that are live.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::catalog::Check;
use crate::clock::{Timekeeping, Timekeepings};
use crate::config::{EventKey, PluginKey, Settings};
use crate::name::{EventName, PluginId};
use crate::plugin::{Description, LiveSet, TimedEvent};
use crate::schedule::Period;

/// Who wants what the settings name.
const CONFIGURATION: &str = "configuration";

/// Says of the events that a plugin subscribes to which cannot come: those `time.….passed` that no clock announces.
pub fn check(settings: &Settings) -> Check {
    let (clock, plugins) = (settings.clock.clone(), settings.plugin.clone());
    Arc::new(move |id: &PluginId, description: &Description| {
        let configured: Vec<_> = clock.announced().cloned().collect();
        if let Some(event) = configured.iter().find(|event| event.is_in_the_namespace_of(&id.app)) {
            return Err(format!(
                "the clock announces `{event}`, which begins like this application's tasks; rename the application or the \
                 event"
            ));
        }
        let own = plugins.get(&PluginKey::from(id.clone()));
        // What comes by an exchange of others may have any name.
        let foreign = |event: &EventName| {
            let set = own.and_then(|own| own.subscription.get(&EventKey::from(event.clone())));
            set.is_some_and(|set| set.exchange.is_some())
        };
        for event in &description.subscriptions {
            if let Some(Err(unreadable)) = Period::read(event)
                && !configured.contains(event)
                && !foreign(event)
            {
                return Err(format!(
                    "it subscribes to what nobody announces: {unreadable} If it is meant as it is, say when it is due: \
                     [clock.event.\"{event}\"] same-as = \"{}\"",
                    unreadable.nearest
                ));
            }
        }
        Ok(())
    })
}

/// The events that are wanted while these plugins are live.
fn wanted(settings: &Settings, live: &LiveSet) -> Timekeepings {
    let clock = &settings.clock;
    let mut wanted: Timekeepings = BTreeMap::new();
    let mut want = |event: &EventName, by: String| {
        // What has no schedule is not announced by any clock.
        let Ok(schedule) = clock.schedule(event) else { return };
        let missed = clock.missed(event);
        let kept = wanted.entry(event.clone());
        kept.or_insert_with(|| Timekeeping { schedule, missed, wanted_by: Default::default() }).wanted_by.insert(by);
    };
    for event in clock.announced() {
        want(event, CONFIGURATION.into());
    }
    for plugin in live.values() {
        for event in &plugin.description.subscriptions {
            want(event, plugin.id.to_string());
        }
    }
    // A plugin's own, where the settings do not say otherwise.
    for plugin in live.values() {
        for TimedEvent { event, schedule, missed } in &plugin.description.timetable {
            let (schedule, missed) = (schedule.clone(), *missed);
            let kept = wanted.entry(event.clone());
            let kept = kept.or_insert_with(|| Timekeeping { schedule, missed, wanted_by: Default::default() });
            kept.wanted_by.insert(plugin.id.to_string());
        }
    }
    wanted
}

/// Tells what is wanted as plugins come and go, until `stop`.
pub async fn follow(
    settings: Settings,
    mut live: watch::Receiver<Arc<LiveSet>>,
    tell: watch::Sender<Timekeepings>,
    stop: CancellationToken,
) {
    loop {
        let now = live.borrow_and_update().clone();
        let wanted = wanted(&settings, &now);
        tell.send_if_modified(|told| {
            let changed = *told != wanted;
            *told = wanted;
            changed
        });
        tokio::select! {
            () = stop.cancelled() => return,
            changed = live.changed() => if changed.is_err() { return },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Settings {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("leveret.toml");
        std::fs::write(&file, text).expect("written");
        crate::config::load(Some(&file), std::iter::empty()).expect("legal")
    }

    fn subscriber(events: &[&str]) -> Description {
        let subscriptions = events.iter().map(|event| event.parse().expect("legal")).collect();
        Description { subscriptions, ..Description::default() }
    }

    #[test]
    fn a_subscription_to_time_that_nobody_announces_is_refused_with_the_nearest() {
        let of = |text: &str, app: &str, event: &str| {
            let id = PluginId::new(app.parse().expect("legal"), app.parse().expect("legal"));
            check(&settings(text))(&id, &subscriber(&[event]))
        };
        let typo = "time.one-hour.passsed";
        let refused = of("", "docker", typo).expect_err("a typo");
        assert!(refused.contains("did you mean `time.one-hour.passed`?"), "{refused}");
        assert_eq!(of("", "docker", "time.one-hour.passed"), Ok(()));
        assert_eq!(of("", "docker", "time.zone.changed"), Ok(()));
        let alias = "[clock.event.\"time.one-hour.passsed\"]\nsame-as = \"time.one-hour.passed\"";
        assert_eq!(of(alias, "docker", typo), Ok(()));
        let foreign = "[plugin.docker.subscription.\"time.one-hour.passsed\"]\n\
                       exchange = { name = \"khronos\", type = \"fanout\" }";
        assert_eq!(of(foreign, "docker", typo), Ok(()));
        let opened = "[clock.event.\"shop.opened\"]\ncron = \"0 8 * * *\"";
        assert!(of(opened, "shop", "a.b").expect_err("its own").contains("shop.opened"));
    }

    #[test]
    fn what_is_configured_is_wanted_without_any_plugin() {
        let text = "[clock]\nzone = \"Europe/Berlin\"\nmissed = \"all\"\nevents = [\"time.one-day.passed\"]\n\
                    [clock.event.\"shop.opened\"]\ncron = \"0 8 * * *\"\nmissed = \"skip\"\n\
                    [clock.event.\"time.one-hour.passsed\"]\nsame-as = \"time.one-hour.passed\"";
        let wanted = wanted(&settings(text), &LiveSet::new());
        let told: Vec<_> = wanted
            .iter()
            .map(|(event, kept)| format!("{event}: {} in {}, {}", kept.schedule, kept.schedule.zone(), kept.missed))
            .collect();
        assert_eq!(
            told,
            [
                "shop.opened: cron 0 8 * * * in Europe/Berlin, skip",
                "time.one-day.passed: every day in Europe/Berlin, all",
                "time.one-hour.passsed: every hour in Europe/Berlin, all"
            ]
        );
    }
}
