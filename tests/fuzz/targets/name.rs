//! Names: whatever parses is legal for every broker, stays where it belongs, and is printed as it was written. The input is
//! a line with an application's name, one with a plugin's, and below them an event's or a task's.

#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use leveret::name::{AppName, EventName, PluginId, PluginName, QueueName, TaskName};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let mut lines = input.splitn(3, '\n');
    let [first, second, third] = std::array::from_fn(|_| lines.next().unwrap_or_default());
    let app = owner::<AppName>(first);
    let plugin = owner::<PluginName>(second);
    let event = parsed::<EventName>(third);
    let task = parsed::<TaskName>(third);
    if let Some(event) = &event {
        assert!(third.split('.').count() >= 2 && third.len() <= 127, "{third:?}");
        apart_from_the_host_s_own(event.as_str());
    }
    if let Some(task) = &task {
        // I3: its application is an application, and the only one that it could belong to.
        assert!(task.as_str().starts_with(&format!("{}.", task.app())), "{task}");
        assert!(task.app().to_string().parse::<AppName>().is_ok(), "{task}");
        apart_from_the_host_s_own(task.as_str());
    }
    let Some(app) = app else { return };
    if let Ok(task) = TaskName::within(&app, third) {
        assert_eq!(task.as_str(), format!("{app}.{third}"));
        assert_eq!(task.app(), app);
        legal(task.as_str());
        // The full name means the same task, so nothing gets in by the one way that the other refuses.
        assert_eq!(task.as_str().parse::<TaskName>().as_ref(), Ok(&task));
        assert_eq!(QueueName::task(&task).as_str(), task.as_str());
    }
    if let (Some(plugin), Some(event)) = (plugin, event) {
        legal(QueueName::subscription(&PluginId::new(app, plugin), &event).as_str());
    }
});

/// An application's or a plugin's name: one segment, short enough to stand before an event's.
fn owner<N: FromStr<Err: Display> + Display + PartialEq + Debug>(text: &str) -> Option<N> {
    let name = parsed::<N>(text)?;
    assert!(text.len() <= 63 && !text.contains('.'), "{text:?}");
    assert!(!text.contains(|c: char| c.is_ascii_uppercase()), "{text:?}");
    Some(name)
}

fn parsed<N: FromStr<Err: Display> + Display + PartialEq + Debug>(text: &str) -> Option<N> {
    match text.parse::<N>() {
        Ok(name) => {
            assert_eq!(name.to_string(), text);
            legal(text);
            Some(name)
        }
        Err(error) => {
            // Escaping makes at most ten characters of one.
            assert!(error.to_string().len() <= 10 * text.len() + 300, "{error}");
            None
        }
    }
}

fn legal(name: &str) {
    assert!((1..=255).contains(&name.len()), "{name:?}");
    assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)), "{name:?}");
    assert!(name.split('.').all(|segment| !segment.is_empty()), "{name:?}");
}

fn apart_from_the_host_s_own(name: &str) {
    let first = name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    assert!(first != "amq" && first != "leveret", "{name:?}");
}
