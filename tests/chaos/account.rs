//! The account of every event and every plugin: what was published, what came of it, and what came wrongly.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use leveret::name::PluginId;

use crate::scenario::{self, CONTROL, Echo, Event, PUPPETS};

/// How many complaints are kept in words; all are counted.
const IN_WORDS: usize = 20;

/// A message that was found in a queue of tasks or of dead letters.
#[derive(Debug)]
pub struct Found<'a> {
    pub app: &'a str,
    pub id: &'a str,
    pub body: &'a [u8],
    /// Whether the broker says that the checker may have had it before: then it is no second message.
    pub redelivered: bool,
}

/// What became of one event.
#[derive(Debug, Clone, Default)]
struct Fate {
    /// Milliseconds since the beginning at which the broker took it for the first time.
    published: Option<u32>,
    /// Whether its publisher has begun on it.
    known: bool,
    /// The tasks that came, a bit each, by plugin.
    tasks: [u8; PUPPETS.len()],
    /// The plugins of which there is a dead letter, a bit each.
    dead: u8,
    settled: bool,
}

/// The figures of a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Figures {
    /// Events that the broker took.
    pub messages: u64,
    /// Tasks that came for the first time.
    pub tasks: u64,
    pub dead_letters: u64,
    pub duplicates_emitted: u64,
    pub duplicates_passed_on: u64,
    pub order_violations: u64,
}

/// What is missing: an event, and the plugins that have neither all of its tasks nor a dead letter of it.
#[derive(Debug)]
pub struct Missing {
    pub id: String,
    pub published: Option<Duration>,
    pub plugins: Vec<String>,
}

/// What is expected, and what came.
pub struct Account {
    pub seed: u64,
    plugins: Vec<PluginId>,
    ordered: bool,
    begun: Instant,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    fates: Vec<Fate>,
    /// Every event below this number is settled.
    low: usize,
    known: u64,
    settled: u64,
    figures: Figures,
    /// The events of the control plugin, and whether their task came.
    control: BTreeMap<String, bool>,
    /// The last number of each line whose task came.
    lines: HashMap<u64, u64>,
    complaints: Vec<String>,
    complained: u64,
    changed: Option<Instant>,
}

impl Account {
    pub fn new(seed: u64, ordered: bool) -> Self {
        let plugins = PUPPETS.iter().map(scenario::Puppet::id).collect();
        Self { seed, plugins, ordered, begun: Instant::now(), book: Mutex::default() }
    }

    /// An event is about to be published.
    pub fn announce(&self, number: u64) {
        let mut book = self.book();
        let index = usize::try_from(number).expect("few events");
        if book.fates.len() <= index {
            book.fates.resize_with(index + 1, Fate::default);
        }
        book.fates[index].known = true;
        book.known += 1;
    }

    /// The broker took an event.
    pub fn published(&self, number: u64) {
        let now = u32::try_from(self.begun.elapsed().as_millis()).unwrap_or(u32::MAX);
        let mut book = self.book();
        book.fates[usize::try_from(number).expect("few events")].published = Some(now);
        book.figures.messages += 1;
    }

    /// An event of the control plugin is about to be published.
    pub fn announce_control(&self, id: &str) {
        self.book().control.insert(id.to_owned(), false);
    }

    pub fn control_settled(&self) -> bool {
        self.book().control.values().all(|came| *came)
    }

    pub fn complain(&self, complaint: String) {
        self.book().complain(complaint);
    }

    /// A task was in its queue.
    pub fn task(&self, found: &Found<'_>) {
        let mut book = self.book();
        book.changed = Some(Instant::now());
        if found.app == CONTROL {
            return self.control(&mut book, found);
        }
        let (Some(plugin), Ok(echo)) = (self.plugin(found.app), serde_json::from_slice::<Echo>(found.body)) else {
            return book.complain(format!("{} has a task that no puppet makes: {found:?}", found.app));
        };
        let (event, index) = (Event::of(self.seed, echo.number), usize::try_from(echo.number).unwrap_or(usize::MAX));
        if !book.fates.get(index).is_some_and(|fate| fate.known) || echo.index >= event.tasks {
            return book.complain(format!("{} has a task of an event that was never published: {found:?}", found.app));
        }
        let expected = scenario::task_id(&Event::id(self.seed, echo.number), &self.plugins[plugin], echo.index);
        if found.id != expected.as_str() {
            // Whoever drops duplicates by their ids would perform this one beside the other.
            book.figures.duplicates_passed_on += 1;
            return book.complain(format!("a task has the id {} and should have {expected}: {found:?}", found.id));
        }
        let bit = 1 << echo.index;
        if book.fates[index].tasks[plugin] & bit != 0 {
            book.figures.duplicates_emitted += u64::from(!found.redelivered);
            return;
        }
        book.figures.tasks += 1;
        if self.ordered && PUPPETS[plugin].is_ordered() && echo.index == 0 {
            book.in_line(&event);
        }
        book.settle(&event, index, |fate| fate.tasks[plugin] |= bit);
    }

    fn control(&self, book: &mut Book, found: &Found<'_>) {
        let expected = |event: &String| scenario::task_id(event, &scenario::plugin(CONTROL), 0).as_str() == found.id;
        let event = book.control.iter().find(|(event, _)| expected(event)).map(|(event, came)| (event.clone(), *came));
        match event {
            Some((event, false)) => drop(book.control.insert(event, true)),
            Some((_, true)) => book.figures.duplicates_emitted += u64::from(!found.redelivered),
            None => {
                book.figures.duplicates_passed_on += 1;
                book.complain(format!(
                    "the control plugin has a task under an id that it never should have: {found:?}"
                ));
            }
        }
    }

    /// A dead letter was in its queue.
    pub fn dead_letter(&self, found: &Found<'_>) {
        let mut book = self.book();
        book.changed = Some(Instant::now());
        let number = found.id.strip_prefix(&format!("chaos-{}-", self.seed)).and_then(|number| number.parse().ok());
        let (Some(plugin), Some(number)) = (self.plugin(found.app), number) else {
            return book.complain(format!("a dead letter that nobody expected: {found:?}"));
        };
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        if !book.fates.get(index).is_some_and(|fate| fate.known) {
            return book.complain(format!("a dead letter of an event that was never published: {found:?}"));
        }
        if book.fates[index].dead & 1 << plugin == 0 {
            book.figures.dead_letters += 1;
        }
        book.settle(&Event::of(self.seed, number), index, |fate| fate.dead |= 1 << plugin);
    }

    fn plugin(&self, app: &str) -> Option<usize> {
        PUPPETS.iter().position(|puppet| puppet.app == app)
    }

    /// How many events have been begun on and are not settled by every plugin.
    pub fn open(&self) -> u64 {
        let book = self.book();
        book.known - book.settled
    }

    /// How many events each plugin has not settled, of those that have any.
    pub fn behind(&self) -> String {
        let book = self.book();
        let mut open = [0u64; PUPPETS.len()];
        for (index, fate) in book.fates.iter().enumerate().skip(book.low).filter(|(_, fate)| fate.known) {
            let event = Event::of(self.seed, index as u64);
            (0..open.len()).for_each(|plugin| open[plugin] += u64::from(!fate.is_settled_by(plugin, &event)));
        }
        let told = PUPPETS.iter().zip(open).filter(|(_, open)| *open > 0).map(|(puppet, open)| (puppet.app, open));
        told.map(|(app, open)| format!("{app} {open}")).collect::<Vec<_>>().join(", ")
    }

    /// A number above all those that were announced.
    pub fn next(&self) -> u64 {
        self.book().fates.len() as u64
    }

    /// When something came for the last time.
    pub fn changed(&self) -> Instant {
        self.book().changed.unwrap_or(self.begun)
    }

    pub fn figures(&self) -> Figures {
        self.book().figures
    }

    /// Complaints beside what the figures say, and how many there were.
    pub fn complaints(&self) -> (Vec<String>, u64) {
        let book = self.book();
        (book.complaints.clone(), book.complained)
    }

    pub fn begun(&self) -> Instant {
        self.begun
    }

    /// Since when every event that was published is settled: logs from before tell nothing that is still open.
    pub fn settled_until(&self) -> Duration {
        let book = self.book();
        let open = book.fates[book.low..].iter().filter(|fate| !fate.settled);
        let oldest = open.filter_map(|fate| fate.published).min();
        oldest.map_or_else(|| self.begun.elapsed(), |millis| Duration::from_millis(millis.into()))
    }

    /// Every event that some plugin has not settled.
    pub fn missing(&self) -> Vec<Missing> {
        let book = self.book();
        let puppets = book.fates.iter().enumerate().filter(|(_, fate)| fate.known).filter_map(|(index, fate)| {
            let event = Event::of(self.seed, index as u64);
            let plugins: Vec<_> = (0..PUPPETS.len())
                .filter(|&plugin| !fate.is_settled_by(plugin, &event))
                .map(|plugin| format!("{} (tasks {:#b} of {})", PUPPETS[plugin].app, fate.tasks[plugin], event.tasks))
                .collect();
            (!plugins.is_empty()).then(|| Missing {
                id: Event::id(self.seed, event.number),
                published: fate.published.map(|millis| Duration::from_millis(millis.into())),
                plugins,
            })
        });
        let control = book.control.iter().filter(|(_, came)| !**came).map(|(id, _)| Missing {
            id: id.clone(),
            published: None,
            plugins: vec![CONTROL.to_owned()],
        });
        puppets.chain(control).collect()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Nothing panics between two changes that belong together.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fate {
    fn is_settled_by(&self, plugin: usize, event: &Event) -> bool {
        self.tasks[plugin].count_ones() == u32::from(event.tasks) || self.dead & 1 << plugin != 0
    }

    fn is_settled(&self, event: &Event) -> bool {
        (0..PUPPETS.len()).all(|plugin| self.is_settled_by(plugin, event))
    }
}

impl Book {
    fn complain(&mut self, complaint: String) {
        self.complained += 1;
        eprintln!("NOT AS IT SHOULD BE: {complaint}");
        if self.complaints.len() < IN_WORDS {
            self.complaints.push(complaint);
        }
    }

    fn settle(&mut self, event: &Event, index: usize, change: impl FnOnce(&mut Fate)) {
        let fate = &mut self.fates[index];
        change(fate);
        if !fate.settled && fate.is_settled(event) {
            fate.settled = true;
            self.settled += 1;
        }
        while self.fates.get(self.low).is_some_and(|fate| fate.settled) {
            self.low += 1;
        }
    }

    /// A task of a line came for the first time.
    fn in_line(&mut self, event: &Event) {
        let Some(line) = event.key else { return };
        let last = self.lines.entry(line).or_insert(event.number);
        if *last > event.number {
            let complaint = format!("line {line}: the task of event {} came after that of {last}", event.number);
            self.figures.order_violations += 1;
            self.complain(complaint);
        } else {
            *last = event.number;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that the plugins make of an event.
    fn tasks(seed: u64, number: u64) -> Vec<(&'static str, String, String)> {
        let event = Event::of(seed, number);
        let of = |puppet: &'static scenario::Puppet| {
            (0..event.tasks).map(move |index| {
                let id = scenario::task_id(&Event::id(seed, number), &puppet.id(), index);
                let body = serde_json::json!({ "number": number, "index": index, "tasks": event.tasks });
                (puppet.app, id.to_string(), body.to_string())
            })
        };
        PUPPETS.iter().flat_map(of).collect()
    }

    fn tell(account: &Account, tasks: &[(&str, String, String)]) {
        for (app, id, body) in tasks {
            account.task(&Found { app, id, body: body.as_bytes(), redelivered: false });
        }
    }

    fn account_of(numbers: u64) -> Account {
        let account = Account::new(7, true);
        (0..numbers).for_each(|number| account.announce(number));
        (0..numbers).for_each(|number| account.published(number));
        account
    }

    #[test]
    fn i1_an_event_is_missing_until_every_plugin_has_all_of_its_tasks() {
        let account = account_of(1);
        let tasks = tasks(7, 0);
        tell(&account, &tasks[1..]);
        assert_eq!((account.open(), account.missing().len()), (1, 1));
        assert!(account.missing()[0].plugins[0].starts_with("healthy"));
        tell(&account, &tasks[..1]);
        assert_eq!((account.open(), account.missing().len()), (0, 0));
        assert_eq!(account.figures().duplicates_emitted, 0);
    }

    #[test]
    fn i1_a_dead_letter_settles_an_event_for_its_plugin() {
        let account = account_of(1);
        let others: Vec<_> = tasks(7, 0).into_iter().filter(|(app, ..)| *app != "mortal").collect();
        tell(&account, &others);
        assert_eq!(account.open(), 1);
        account.dead_letter(&Found { app: "mortal", id: "chaos-7-0", body: b"", redelivered: false });
        assert_eq!((account.open(), account.figures().dead_letters), (0, 1));
    }

    #[test]
    fn i2_the_same_task_again_is_emitted_twice_and_under_another_id_passed_on_twice() {
        let account = account_of(1);
        let tasks = tasks(7, 0);
        tell(&account, &tasks[..1]);
        tell(&account, &tasks[..1]);
        assert_eq!(account.figures().duplicates_emitted, 1);
        let (app, _, body) = tasks[0].clone();
        tell(&account, &[(app, "another".into(), body)]);
        assert_eq!((account.figures().duplicates_passed_on, account.complaints().1), (1, 1));
    }

    #[test]
    fn i10_a_task_that_comes_before_an_earlier_one_of_its_line_is_out_of_order() {
        let seed = 7;
        let key = |number| Event::of(seed, number).key;
        let first = (0..).find(|&number| key(number).is_some()).expect("one in two has a key");
        let second = (first + 1..).find(|&number| key(number) == key(first)).expect("lines are few");
        let keyed = |number| tasks(seed, number).into_iter().filter(|(app, ..)| *app == "keyed").collect::<Vec<_>>();
        let account = account_of(second + 1);
        tell(&account, &keyed(second));
        assert_eq!(account.figures().order_violations, 0);
        tell(&account, &keyed(first));
        assert_eq!(account.figures().order_violations, 1);
        tell(&account, &keyed(first));
        assert_eq!(account.figures().order_violations, 1);
    }

    #[test]
    fn a_task_that_nobody_asked_for_is_complained_of() {
        let account = account_of(1);
        tell(&account, &tasks(7, 1));
        assert!(account.complaints().1 > 0);
    }
}
