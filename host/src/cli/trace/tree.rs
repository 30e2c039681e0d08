//! Steps of a transaction → what caused what → text.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

use crate::cli::text::{cost, plain};
use crate::cli::tree::{Node, draw};
use crate::ledger::{Made, Step};
use crate::message::{Attempt, MessageId, Receipt, Subject, Tid, Timestamp};

/// How many messages may lie below each other; what lies deeper stands at the top again.
const DEEPEST: usize = 50;

/// What is known of one transaction.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Transaction {
    pub tid: Tid,
    /// Those that nothing known here caused, oldest first.
    pub messages: Vec<Caused>,
}

/// A message, and what became of it.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Caused {
    /// `event` or `task`.
    pub kind: &'static str,
    pub name: String,
    pub id: MessageId,
    /// The application that published it, where it says so.
    pub source: Option<String>,
    /// When it was published, counted from the first message; `None` where no delivery of it says so.
    pub after_ms: Option<u64>,
    /// By each plugin that got it. Nobody: it waits, or somebody else than Leveret handles it.
    pub handled: Vec<Handled>,
    /// Whether what became of it is told elsewhere in this tree.
    pub told_elsewhere: bool,
}

/// What one plugin made of a message.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Handled {
    pub plugin: String,
    /// Oldest first; never empty.
    pub attempts: Vec<Tried>,
    pub emitted: Vec<Caused>,
}

/// One delivery.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Tried {
    pub attempt: Attempt,
    pub version: String,
    pub settled: String,
    pub reason: Option<String>,
    /// When it settled, counted from the first message.
    pub after_ms: u64,
    pub took_us: u64,
    pub receipt: Receipt,
}

impl Transaction {
    /// Puts steps, oldest first, in the order of cause and effect.
    pub fn of(tid: Tid, steps: &[Step]) -> Self {
        let mut messages: BTreeMap<&MessageId, Vec<&Step>> = BTreeMap::new();
        for step in steps {
            messages.entry(&step.id).or_default().push(step);
        }
        let caused: BTreeSet<_> = steps.iter().flat_map(|step| &step.emitted).map(|made| &made.id).collect();
        let published: BTreeSet<_> = steps.iter().map(|step| (step.published, &step.id)).collect();
        let begin = steps.iter().map(|step| step.published).min().unwrap_or(Timestamp::from_millis(0));
        let mut growth = Growth { untold: messages.keys().copied().collect(), messages, begin };
        let roots = published.iter().filter(|(_, id)| !caused.contains(id));
        // After those, whatever hangs on nothing that was told: it lies too deep, or was forged to cause itself.
        let mut tops = Vec::new();
        for (_, id) in roots.chain(&published) {
            if growth.untold.contains(id)
                && let Some(first) = growth.messages[id].first()
            {
                tops.push((first.published, growth.message(kind(&first.subject), first.subject.as_str(), id, 0)));
            }
        }
        tops.sort_by_key(|(published, _)| *published);
        Self { tid, messages: tops.into_iter().map(|(_, message)| message).collect() }
    }

    pub fn draw(&self) -> String {
        let nodes: Vec<_> = self.messages.iter().map(Caused::node).collect();
        format!("TID {}\n{}", plain(self.tid.as_str()), draw(&nodes))
    }
}

/// A tree that grows from its roots.
struct Growth<'s> {
    messages: BTreeMap<&'s MessageId, Vec<&'s Step>>,
    /// Messages that were delivered and do not stand in the tree yet.
    untold: BTreeSet<&'s MessageId>,
    begin: Timestamp,
}

impl<'s> Growth<'s> {
    fn message(&mut self, kind: &'static str, name: &str, id: &'s MessageId, depth: usize) -> Caused {
        let steps = self.messages.get(id).cloned().unwrap_or_default();
        let first = steps.first();
        let mut message = Caused {
            kind: first.map_or(kind, |step| self::kind(&step.subject)),
            name: name.to_owned(),
            id: id.clone(),
            source: first.and_then(|step| step.source.clone()),
            after_ms: first.map(|step| self.after(step.published)),
            handled: Vec::new(),
            told_elsewhere: false,
        };
        if depth >= DEEPEST || !self.untold.remove(id) {
            message.told_elsewhere = !steps.is_empty();
            return message;
        }
        let mut plugins: Vec<(&str, Vec<&'s Step>)> = Vec::new();
        for step in steps {
            match plugins.iter_mut().find(|(plugin, _)| *plugin == step.plugin) {
                Some((_, attempts)) => attempts.push(step),
                None => plugins.push((&step.plugin, vec![step])),
            }
        }
        message.handled = plugins.into_iter().map(|(plugin, steps)| self.handled(plugin, &steps, depth)).collect();
        message
    }

    fn handled(&mut self, plugin: &str, steps: &[&'s Step], depth: usize) -> Handled {
        let tried = |step: &&Step| Tried {
            attempt: step.attempt,
            version: step.version.clone(),
            settled: step.settled.clone(),
            reason: step.reason.clone(),
            after_ms: self.after(step.time),
            took_us: step.receipt.time.as_micros().try_into().unwrap_or(u64::MAX),
            receipt: step.receipt,
        };
        let attempts = steps.iter().map(tried).collect();
        // A delivery that is repeated emits under the same ids.
        let mut seen = BTreeSet::new();
        let made: Vec<&'s Made> =
            steps.iter().flat_map(|step| &step.emitted).filter(|made| seen.insert(&made.id)).collect();
        let app = plugin.split('/').next().unwrap_or_default();
        let emitted = made
            .into_iter()
            .map(|made| self.message(kind_of_emitted(app, &made.name), &made.name, &made.id, depth + 1))
            .collect();
        Handled { plugin: plugin.to_owned(), attempts, emitted }
    }

    fn after(&self, time: Timestamp) -> u64 {
        time.millis().saturating_sub(self.begin.millis())
    }
}

fn kind(subject: &Subject) -> &'static str {
    match subject {
        Subject::Event(_) => "event",
        Subject::Task(_) => "task",
    }
}

/// A plugin emits tasks of its own application only, and events carry no application's name.
fn kind_of_emitted(app: &str, name: &str) -> &'static str {
    if name.split('.').next() == Some(app) { "task" } else { "event" }
}

impl Caused {
    fn node(&self) -> Node {
        let mut text = format!("{} {}", self.kind, plain(&self.name));
        if let Some(source) = &self.source {
            text += &format!("  from {}", plain(source));
        }
        if let Some(after) = self.after_ms {
            text += &format!("  +{}", milliseconds(after));
        }
        if self.told_elsewhere {
            text += "  told elsewhere in this tree";
        } else if self.handled.is_empty() {
            text += "  not performed by Leveret, or not yet";
        }
        Node::new(text, self.handled.iter().map(Handled::node).collect())
    }
}

impl Handled {
    fn node(&self) -> Node {
        let last = self.attempts.last();
        let mut lines = vec![last.map_or_else(String::new, |last| {
            let number = if self.attempts.len() > 1 { format!(" on attempt {}", last.attempt) } else { String::new() };
            format!(
                "plugin {} {}  {}{number}{}",
                plain(&self.plugin),
                plain(&last.version),
                last.word(),
                last.details()
            )
        })];
        let earlier = self.attempts.iter().rev().skip(1).rev();
        lines.extend(earlier.map(|tried| format!("attempt {}: {}{}", tried.attempt, tried.word(), tried.details())));
        Node::new(lines.join("\n"), self.emitted.iter().map(Caused::node).collect())
    }
}

impl Tried {
    fn word(&self) -> &str {
        match self.settled.as_str() {
            "retried" => "tried again later",
            "dead" => "dead letter",
            "duplicate" => "dropped, since it was handled before",
            "returned" => "returned to its queue",
            settled => settled,
        }
    }

    fn details(&self) -> String {
        let took = match self.took_us {
            0 => String::new(),
            micros if micros < 1000 => format!(" in {micros} µs"),
            micros => format!(" in {}", milliseconds(micros / 1000)),
        };
        let reason = self.reason.as_ref().map_or_else(String::new, |reason| format!(": {}", plain(reason)));
        format!("  +{}{took}{}{reason}", milliseconds(self.after_ms), cost(&self.receipt))
    }
}

fn milliseconds(millis: u64) -> String {
    if millis < 1000 {
        return format!("{millis} ms");
    }
    humantime::format_duration(Duration::from_millis(millis)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = "org.payment.processed";
    const SEND: &str = "pheidi.email.send";

    fn id(text: &str) -> MessageId {
        MessageId::from_wire(text).expect("legal")
    }

    /// A delivery that was done, of a message published 2 ms before it settled.
    fn step(at: u64, message: &str, name: &str, plugin: &str, emitted: &[(&str, &str)]) -> Step {
        let subject = match name.parse() {
            Ok(task) if name.starts_with(plugin) => Subject::Task(task),
            _ => Subject::Event(name.parse().expect("legal")),
        };
        Step {
            time: Timestamp::from_millis(at),
            tid: Tid::from_wire("t-1").expect("legal"),
            id: id(message),
            subject,
            source: None,
            published: Timestamp::from_millis(at - 2),
            plugin: plugin.into(),
            version: "1 (abc)".into(),
            attempt: Attempt::FIRST,
            settled: "done".into(),
            reason: None,
            receipt: Receipt { time: Duration::from_micros(500), ..Receipt::default() },
            emitted: emitted.iter().map(|(name, made)| Made { name: (*name).into(), id: id(made) }).collect(),
        }
    }

    fn drawn(steps: &[Step]) -> String {
        Transaction::of(Tid::from_wire("t-1").expect("legal"), steps).draw()
    }

    #[test]
    fn effects_hang_below_their_causes_and_retries_are_folded() {
        let failed = Step {
            settled: "retried".into(),
            reason: Some("busy".into()),
            published: Timestamp::from_millis(1003),
            ..step(1006, "task-1", SEND, "pheidi", &[])
        };
        let again = Step {
            attempt: Attempt::FIRST.next(),
            published: failed.published,
            ..step(3008, "task-1", SEND, "pheidi", &[("email.delivered", "event-2")])
        };
        let paid = Step {
            source: Some("billing".into()),
            ..step(1002, "event-1", EVENT, "pheidi", &[(SEND, "task-1"), ("pheidi.log.write", "task-2")])
        };
        let expected = "\
TID t-1
└─ event org.payment.processed  from billing  +0 ms
   ├─ plugin pheidi 1 (abc)  done  +2 ms in 500 µs
   │  ├─ task pheidi.email.send  +3 ms
   │  │  └─ plugin pheidi 1 (abc)  done on attempt 2  +2s 8ms in 500 µs
   │  │     │  attempt 1: tried again later  +6 ms in 500 µs: busy
   │  │     └─ event email.delivered  not performed by Leveret, or not yet
   │  └─ task pheidi.log.write  not performed by Leveret, or not yet
   └─ plugin books/ledger 1 (abc)  done  +4 ms in 500 µs
";
        let booked =
            Step { published: Timestamp::from_millis(1000), ..step(1004, "event-1", EVENT, "books/ledger", &[]) };
        assert_eq!(drawn(&[paid, booked, failed, again]), expected);
    }

    #[test]
    fn what_nothing_known_caused_stands_at_the_top_in_its_time() {
        let first = step(1002, "event-1", EVENT, "pheidi", &[]);
        let foreign =
            Step { source: Some("node-worker".into()), ..step(1500, "event-9", "email.opened", "books", &[]) };
        let text = drawn(&[first, foreign]);
        assert!(text.contains("├─ event org.payment.processed  +0 ms\n"), "{text}");
        assert!(text.contains("└─ event email.opened  from node-worker  +498 ms\n"), "{text}");
    }

    #[test]
    fn a_message_that_is_forged_to_cause_itself_is_told_once() {
        let steps = [
            step(1002, "a", EVENT, "one", &[("x.happened", "b")]),
            step(1004, "b", "x.happened", "one", &[(EVENT, "a")]),
        ];
        let text = drawn(&steps);
        assert_eq!(text.matches("plugin one").count(), 2, "{text}");
        assert!(text.contains("told elsewhere"), "{text}");
    }

    #[test]
    fn i8_a_chain_is_as_deep_as_a_person_can_read() {
        let names: Vec<_> = (0..200).map(|number| format!("m-{number}")).collect();
        let link = |(at, pair): (u64, &[String])| step(1000 + at, &pair[0], EVENT, "one", &[(EVENT, &pair[1])]);
        let steps: Vec<_> = (2..).zip(names.windows(2)).map(link).collect();
        let text = drawn(&steps);
        assert_eq!(text.matches("plugin one").count(), 199, "each is told");
        assert!(text.lines().all(|line| line.chars().count() < 500));
    }

    #[test]
    fn foreign_words_cannot_move_the_cursor() {
        let forged = Step { source: Some("\x1b[2J".into()), ..step(1002, "a", EVENT, "one", &[]) };
        assert!(!drawn(&[forged]).contains('\x1b'));
    }
}
