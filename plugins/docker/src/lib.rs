//! Keeps the disks of docker hosts free. Time itself is the event: every five minutes old images go
//! (`docker.images.cleanup`), and once a day stopped containers (`docker.containers.prune`).
//!
//! With the feature `next` this is version 0.2.0, which also says how much disk an image cleanup should leave free.

#![forbid(unsafe_code)]

use leveret_plugin::prelude::*;

const VERSION: &str = if cfg!(feature = "next") { "0.2.0" } else { "0.1.0" };

/// The clock's events say nothing that is needed here: which one it is, is enough.
type Passed = Event<Value>;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ImageCleanup {
    older_than_minutes: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_free_percent: Option<u8>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ContainerPrune {
    stopped_for_hours: u32,
}

#[subscribe("time.five-minutes.passed")]
fn clean_up_images(_: Passed) -> Handled<Task> {
    let keep_free_percent = cfg!(feature = "next").then_some(20);
    Task::new("images.cleanup", &ImageCleanup { older_than_minutes: 60, keep_free_percent })
}

#[subscribe("time.one-day.passed")]
fn prune_containers(_: Passed) -> Handled<Task> {
    Task::new("containers.prune", &ContainerPrune { stopped_for_hours: 24 })
}

leveret_plugin::plugin! {
    version: VERSION,
    subscribers: [clean_up_images, prune_containers],
    emits: ["images.cleanup", "containers.prune"],
}

#[cfg(test)]
mod tests {
    use super::*;
    use leveret_plugin::test::deliver;

    #[test]
    fn every_five_minutes_old_images_are_cleaned_up() -> Handled<()> {
        let cleanup = match VERSION {
            "0.1.0" => json!({ "olderThanMinutes": 60 }),
            _ => json!({ "olderThanMinutes": 60, "keepFreePercent": 20 }),
        };
        assert_eq!(deliver::<clean_up_images>(json!({}))?, [Task::new("images.cleanup", &cleanup)?]);
        Ok(())
    }

    #[test]
    fn every_day_stopped_containers_are_pruned() -> Handled<()> {
        let prune = json!({ "stoppedForHours": 24 });
        assert_eq!(deliver::<prune_containers>(json!({}))?, [Task::new("containers.prune", &prune)?]);
        Ok(())
    }
}
