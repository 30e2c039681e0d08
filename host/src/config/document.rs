//! The settings in effect, as a `leveret.toml` that explains itself.

use std::collections::HashSet;

use toml::Table;

use super::entry::KeyPath;
use super::schema::{Node, schema};
use super::settings::Settings;

/// Writes every setting with its description and its environment variable. The passwords of URLs are not
/// shown.
pub fn print(settings: &Settings) -> String {
    let schema = schema();
    let root = Node::root(&schema);
    let document = toml::to_string(settings).expect("settings are texts, numbers and tables with text keys");
    let variables: HashSet<KeyPath> = root.leaves(&KeyPath::default()).into_iter().map(|(path, _)| path).collect();
    let (mut printed, mut table) = (String::new(), KeyPath::default());
    for line in document.lines() {
        let mut path = written_path(line);
        if line.starts_with('[') {
            table = path.clone();
        } else {
            path = path.segments().iter().fold(table.clone(), |path, key| path.child(key));
        }
        if !line.is_empty() {
            printed.push_str(&comment(root.at(&path).and_then(|node| node.description()).unwrap_or_default()));
        }
        if variables.contains(&path) {
            printed.push_str(&comment(&format!("Environment: {}", path.variable())));
        }
        printed.push_str(line);
        printed.push('\n');
    }
    printed
}

fn comment(text: &str) -> String {
    text.lines().map(|line| format!("# {line}\n")).collect()
}

/// The keys that one line of TOML writes: those of a table's header, or the one before `=`.
fn written_path(line: &str) -> KeyPath {
    let mut path = KeyPath::default();
    let mut tables = line.parse::<Table>().unwrap_or_default();
    while let Some((key, value)) = tables.into_iter().next() {
        path = path.child(&key);
        tables = if let toml::Value::Table(table) = value { table } else { Table::new() };
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load;

    #[test]
    fn every_setting_is_printed_with_its_meaning_and_its_variable() {
        let printed = print(&Settings::default());
        let expected = "# The wait after the first failure.\n\
                        # Environment: LEVERET_DELIVERY_RETRY_MINIMUM\n\
                        minimum = \"1s\"\n";
        assert!(printed.contains(expected), "{printed}");
        let schema = schema();
        for (path, _) in Node::root(&schema).leaves(&KeyPath::default()) {
            let (variable, key) = (path.variable(), path.segments().last().map_or("", String::as_str));
            assert!(printed.contains(&format!("# Environment: {variable}\n{key} = ")), "{path}\n{printed}");
        }
        assert!(!printed.contains("LEVERET_DELIVERY\n"), "a table has no variable\n{printed}");
    }

    #[test]
    fn what_is_printed_can_be_loaded() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("leveret.toml");
        let written = "[log]\nlevel = \"debug\"\n[plugin.\"pheidi/receipts\"]\nprefetch = 1\nretry.factor = 3.0\n\
                       order-key = { pointer = \"/id\" }\nrate-limit = { count = 6, per = \"1m\", burst = 2 }\n\
                       [plugin.\"pheidi/receipts\".subscription.\"a.b\"]\nretry.attempts = \"unlimited\"\n\
                       exchange = { name = \"h\", type = \"headers\", headers = { x = 1, y = \"z\" } }\n\
                       [plugin.pheidi.grants]\nclock = true\nkeyvalue.buckets = [\"sent\"]\n\
                       secrets.token = { file = \"token\" }\n\
                       [[plugin.pheidi.grants.http.allow]]\nhost = \"*.mail.example\"\nports = [8443]\n\
                       methods = [\"POST\"]\nplain = true\naddresses = [\"10.1.0.0/16\"]\n\
                       [[plugin.pheidi.grants.http.allow]]\nhost = \"::1\"\n\
                       [app.pheidi]\nrate-limit = \"500/s\"\n\
                       [clock]\nzone = \"Europe/Berlin\"\nevents = [\"time.one-day.passed\"]\n\
                       [clock.event.\"shop.opened\"]\ncron = \"0 8 * * *\"\nmissed = \"all\"\n";
        std::fs::write(&file, written).expect("writable");
        let settings = load(Some(&file), std::iter::empty()).expect("legal");
        let printed = print(&settings);
        assert!(printed.contains("# See `delivery.prefetch`.\nprefetch = 1\n"), "{printed}");
        assert!(printed.contains("# Whether `http://` is allowed too.\nplain = true\n"), "{printed}");
        std::fs::write(&file, printed).expect("writable");
        assert_eq!(load(Some(&file), std::iter::empty()), Ok(settings));
    }

    #[test]
    fn no_password_is_printed() {
        let variables = [
            ("LEVERET_BROKER_URL".to_owned(), "amqp://leveret:hunter2@rabbit/orders".to_owned()),
            ("LEVERET_LEDGER_REDIS".to_owned(), "redis://:hunter2@redis/1".to_owned()),
            ("LEVERET_BUCKETS_REDIS".to_owned(), "redis://:hunter2@redis/2".to_owned()),
        ];
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("leveret.toml");
        std::fs::write(&file, "").expect("writable");
        let printed = print(&load(Some(&file), variables.into_iter()).expect("legal"));
        assert!(printed.contains("url = \"amqp://leveret:***@rabbit/orders\""), "{printed}");
        assert!(printed.contains("redis = \"redis://:***@redis/1\""), "{printed}");
        assert!(printed.contains("redis = \"redis://:***@redis/2\""), "{printed}");
    }
}
