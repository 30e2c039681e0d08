//! `describe`, run once for a version, and its answer checked: every name legal and inside the application, every
//! schema one that compiles.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::num::{NonZeroU16, NonZeroU32, NonZeroU64};
use std::sync::Arc;
use std::time::Duration;

use wasmtime::Store;
use wasmtime::component::Instance;

use super::compile::Compiled;
use super::component::{Bounds, Component};
use super::grant::Grants;
use super::instance::{Context, State};
use super::refusal::Refusal;
use super::schema::Schema;
use super::since_v0_1::manifest;
use super::timetable::{self, TimedEvent};
use super::{AskedLimits, Budget, Description, Handler, Live, PluginSettings, Schemas, Uses, Version};
use crate::message::{Subject, Timestamp};
use crate::name::{AppName, EventName, PluginId, TaskName};

const VERSION_LIMIT: usize = 64;
const SUMMARY_LIMIT: usize = 1024;
/// Of all schemas of a description together, in bytes: compiling them takes seconds at the most.
const SCHEMAS_LIMIT: usize = 1024 * 1024;

impl Compiled {
    /// Asks the component what it is, as the plugin of this place, within a time and memory limit of its own.
    pub async fn describe(&self, app: &AppName, time: Duration, memory: u64) -> Result<Description, Refusal> {
        let budget = Budget { time, wasm_time: time, recovery: time, memory, output_count: 0, output_size: 0 };
        let (compiled, context) = (self.clone(), self.nowhere());
        let describing = async move {
            let describe =
                async |store: &mut Store<State>, instance: &Instance| compiled.exports.describe(store, instance).await;
            compiled.call(budget, context, describe).await
        };
        let (answer, _) = self.sandbox.fair.describe(describing).await;
        let (app, answer) = (app.clone(), answer.map_err(Refusal::Describe)?);
        // Schemas take their time.
        let parsed = tokio::task::spawn_blocking(move || parse(&app, answer)).await;
        let description = parsed.map_err(|_| Refusal::Panic)?.map_err(Refusal::Description)?;
        self.check_exports(&description)?;
        let timetable = self.timetable(&description, budget).await?;
        Ok(Description { timetable, ..description })
    }

    /// Asks for the events that are to be announced because time has come, if it exports that.
    async fn timetable(&self, description: &Description, budget: Budget) -> Result<Vec<TimedEvent>, Refusal> {
        if self.exports.timekeeper().is_none() {
            return Ok(Vec::new());
        }
        let (compiled, context) = (self.clone(), self.nowhere());
        let asking = async move {
            let ask = async |store: &mut Store<State>, instance: &Instance| match compiled.exports.timekeeper() {
                Some(timekeeper) => timekeeper.timetable(store, instance).await,
                None => Ok(Vec::new()),
            };
            compiled.call(budget, context, ask).await
        };
        let (answer, _) = self.sandbox.fair.describe(asking).await;
        let answer = answer.map_err(Refusal::Timekeeper)?;
        timetable::parse(&description.announces, answer).map_err(Refusal::Timetable)
    }

    /// Where a plugin sees nothing: neither time nor settings.
    fn nowhere(&self) -> Context {
        let (settings, grants) = (PluginSettings::default(), Grants::default());
        Context { now: Timestamp::from_millis(0), seed: self.digest.0, settings, grants }
    }

    /// A plugin handles what it says that it does.
    fn check_exports(&self, description: &Description) -> Result<(), Refusal> {
        let (subscribes, performs) = (!description.subscriptions.is_empty(), !description.performs.is_empty());
        if subscribes && !self.exports.is_subscriber() {
            return Err(Refusal::NotExported { lists: "subscriptions", export: "subscriber" });
        }
        if performs && !self.exports.is_worker() {
            return Err(Refusal::NotExported { lists: "tasks that it performs", export: "worker" });
        }
        if subscribes || performs { Ok(()) } else { Err(Refusal::NothingToHandle) }
    }

    /// Makes it a version that takes deliveries, each within the budget and with these settings.
    pub fn into_live(self, id: PluginId, description: Description, budget: Budget, settings: PluginSettings) -> Live {
        let version = Version { text: description.version.clone(), digest: self.digest };
        let tasks = description.emits.iter().cloned().map(Subject::Task);
        let events = description.announces.iter().cloned().map(Subject::Event);
        let schema = |subject: Subject| {
            let schema = description.schemas.made.get(&subject).cloned();
            (subject, schema)
        };
        let makes = tasks.chain(events).map(schema).collect();
        let grants = self.grants.clone();
        let uses = Uses { imports: self.imports.clone(), grants: grants.names() };
        let bounds = Bounds { app: id.app.clone(), makes, budget, settings, grants };
        let neighbour = self.sandbox.fair.neighbour(&id);
        let outside_pool = self.outside_pool.clone();
        let handler: Arc<dyn Handler> = Arc::new(Component::new(self, bounds, neighbour));
        Live { id, version, description, uses, outside_pool, voucher: None, handler }
    }
}

/// Turns the guest's words into names, or lists everything that is wrong with them.
pub(super) fn parse(app: &AppName, answer: manifest::Description) -> Result<Description, Vec<String>> {
    let shapes_of = [&answer.emits, &answer.performs, &answer.announces].into_iter().flatten();
    let schemas = answer.subscriptions.iter().map(|wanted| &wanted.schema).chain(shapes_of.map(|shape| &shape.schema));
    if schemas.flatten().map(String::len).sum::<usize>() > SCHEMAS_LIMIT {
        return Err(vec!["its schemas are longer than 1 MiB together".to_owned()]);
    }
    let mut problems = Problems::default();
    problems.unless(!answer.version.trim().is_empty(), "`version` is empty");
    problems.unless(answer.version.len() <= VERSION_LIMIT, "`version` is longer than 64 bytes");
    problems.unless(answer.summary.len() <= SUMMARY_LIMIT, "`summary` is longer than 1,024 bytes");
    let version_is_printable = !answer.version.chars().any(char::is_control);
    problems.unless(version_is_printable, "`version` has a control character");

    let task = |name: &str| TaskName::within(app, name);
    let subscriptions = answer.subscriptions.into_iter().map(|wanted| (wanted.event, wanted.schema));
    let wanted = problems.names("subscriptions", subscriptions, str::parse::<EventName>);
    let emitted = problems.names("emits", shapes(answer.emits), task);
    let performs = problems.names("performs", shapes(answer.performs), task);
    let announces = problems.names("announces", shapes(answer.announces), str::parse::<EventName>);
    let limits = AskedLimits {
        time: problems
            .positive("limits.time", answer.limits.time, NonZeroU64::new)
            .map(|ms| Duration::from_millis(ms.get())),
        memory: answer.limits.memory,
        prefetch: problems.positive("limits.prefetch", answer.limits.prefetch, NonZeroU16::new),
        attempts: problems.positive("limits.attempts", answer.limits.attempts, NonZeroU32::new),
    };
    let description = Description {
        version: answer.version,
        summary: answer.summary,
        subscriptions: wanted.keys().cloned().collect(),
        emits: emitted.keys().cloned().collect(),
        performs: performs.keys().cloned().collect(),
        announces: announces.keys().cloned().collect(),
        limits,
        timetable: Vec::new(),
        schemas: Schemas {
            handled: declared(wanted, Subject::Event).chain(declared(performs, Subject::Task)).collect(),
            made: declared(announces, Subject::Event).chain(declared(emitted, Subject::Task)).collect(),
        },
    };
    for event in description.announces.iter().filter(|event| event.is_in_the_namespace_of(app)) {
        problems.0.push(format!(
            "`announces`: {event:?} begins like the tasks of the application {app}; call an event by its model, such as \
             \"email.sent\""
        ));
    }
    problems.none_or(description)
}

fn declared<N>(
    names: BTreeMap<N, Option<Schema>>,
    subject: impl Fn(N) -> Subject,
) -> impl Iterator<Item = (Subject, Schema)> {
    names.into_iter().filter_map(move |(name, schema)| Some((subject(name), schema?)))
}

fn shapes(shapes: Vec<manifest::Shape>) -> impl Iterator<Item = (String, Option<String>)> {
    shapes.into_iter().map(|shape| (shape.name, shape.schema))
}

/// Everything that is wrong with one description, so that its author mends it in one go.
#[derive(Default)]
struct Problems(Vec<String>);

impl Problems {
    fn unless(&mut self, good: bool, problem: &str) {
        if !good {
            self.0.push(problem.to_owned());
        }
    }

    fn names<N: Ord, E: Display>(
        &mut self,
        field: &str,
        entries: impl Iterator<Item = (String, Option<String>)>,
        name: impl Fn(&str) -> Result<N, E>,
    ) -> BTreeMap<N, Option<Schema>> {
        let mut names = BTreeMap::new();
        for (text, schema) in entries {
            let schema = schema.as_deref().map(Schema::parse).transpose().unwrap_or_else(|error| {
                self.0.push(format!("`{field}`: the schema of {text:?} is refused: {error}"));
                None
            });
            match name(&text) {
                Ok(name) => {
                    let fresh = names.insert(name, schema).is_none();
                    self.unless(fresh, &format!("`{field}` names {text:?} twice"));
                }
                Err(error) => self.0.push(format!("`{field}`: {error}")),
            }
        }
        names
    }

    fn positive<T, N>(&mut self, field: &str, value: Option<T>, parse: impl Fn(T) -> Option<N>) -> Option<N> {
        let value = value?;
        let parsed = parse(value);
        self.unless(parsed.is_some(), &format!("`{field}` is 0"));
        parsed
    }

    fn none_or<T>(self, value: T) -> Result<T, Vec<String>> {
        if self.0.is_empty() { Ok(value) } else { Err(self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> manifest::Description {
        manifest::Description {
            version: "1.0.0".into(),
            summary: String::new(),
            subscriptions: vec![wanted("org.payment.processed", None)],
            emits: vec![shape("email.send")],
            performs: vec![],
            announces: vec![],
            limits: manifest::Limits { time: Some(500), memory: None, prefetch: None, attempts: None },
        }
    }

    fn wanted(event: &str, schema: Option<&str>) -> manifest::Subscription {
        manifest::Subscription { event: event.into(), schema: schema.map(String::from) }
    }

    fn shape(name: &str) -> manifest::Shape {
        manifest::Shape { name: name.into(), schema: None }
    }

    fn problems(answer: manifest::Description) -> Vec<String> {
        parse(&"pheidi".parse().expect("legal"), answer).expect_err("it must be refused")
    }

    #[test]
    fn a_description_becomes_names_of_the_plugin_s_own_application() {
        let description = parse(&"pheidi".parse().expect("legal"), answer()).expect("legal");
        assert_eq!(description.emits.first().expect("one").as_str(), "pheidi.email.send");
        assert_eq!(description.limits.time, Some(Duration::from_millis(500)));
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let mut bad = answer();
        bad.version = String::new();
        bad.subscriptions = vec![wanted("nonsense", None), wanted("a.b", Some("{")), wanted("a.b", None)];
        bad.emits = vec![shape("e\u{301}mail.send")];
        bad.limits.prefetch = Some(0);
        assert_eq!(problems(bad).len(), 6);
    }

    #[test]
    fn i8_schemas_are_bounded_together() {
        let schema = format!("{{}}{}", " ".repeat(60_000));
        let mut large = answer();
        large.subscriptions = (0..17).map(|number| wanted(&format!("thing{number}.happened"), Some(&schema))).collect();
        assert!(parse(&"pheidi".parse().expect("legal"), large.clone()).is_ok());
        large.subscriptions.push(wanted("thing.happened", Some(&schema)));
        assert!(problems(large)[0].contains("1 MiB"));
    }

    #[test]
    fn a_schema_that_is_json_and_no_schema_is_refused() {
        let mut bad = answer();
        bad.subscriptions = vec![wanted("a.b", Some(r#"{"type": "quaternion"}"#))];
        assert!(problems(bad)[0].contains("is refused"));
    }
}
