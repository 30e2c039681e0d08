use crate::key::{Known, braced_content, parse_keys, parse_list};
use crate::name;
use proc_macro2::Span;
use std::collections::HashSet;
use syn::parse::{Parse, ParseStream};
use syn::{Error, Expr, LitStr, Path, Result, token};

/// What stands between the braces of `plugin! { … }`.
#[derive(Default)]
pub struct Plugin {
    pub version: Option<Expr>,
    pub summary: Option<Expr>,
    pub subscribers: Vec<Path>,
    pub workers: Vec<Path>,
    pub emits: Vec<Shape>,
    pub announces: Vec<Shape>,
    pub limits: Limits,
    pub recover: Option<Path>,
    pub healthy: Option<Path>,
    pub timetable: Option<Path>,
}

/// One task under `emits`, or one event under `announces`: a name, or `{ name: …, schema: … }`.
pub struct Shape {
    pub name: LitStr,
    pub schema: Option<Expr>,
}

#[derive(Default)]
pub struct Limits {
    pub time: Option<Expr>,
    pub memory: Option<Expr>,
    pub prefetch: Option<Expr>,
    pub attempts: Option<Expr>,
}

const KEYS: &str = "version, summary, subscribers, workers, emits, announces, limits, recover, healthy, timetable";

impl Parse for Plugin {
    fn parse(input: ParseStream) -> Result<Self> {
        let mut plugin = Plugin::default();
        parse_keys(input, "a plugin", |key, input| {
            match key {
                "version" => plugin.version = Some(input.parse()?),
                "summary" => plugin.summary = Some(input.parse()?),
                "subscribers" => plugin.subscribers = parse_list(input)?,
                "workers" => plugin.workers = parse_list(input)?,
                "emits" => plugin.emits = parse_list(input)?,
                "announces" => plugin.announces = parse_list(input)?,
                "limits" => plugin.limits = input.parse()?,
                "recover" => plugin.recover = Some(input.parse()?),
                "healthy" => plugin.healthy = Some(input.parse()?),
                "timetable" => plugin.timetable = Some(input.parse()?),
                _ => return Ok(Known::No(KEYS)),
            }
            Ok(Known::Yes)
        })?;
        plugin.check()?;
        Ok(plugin)
    }
}

impl Plugin {
    fn check(&self) -> Result<()> {
        if self.subscribers.is_empty() && self.workers.is_empty() {
            let complaint = "a plugin needs at least one subscriber or worker: `subscribers: [greet]`, \
                             where `greet` is a function with the attribute `#[subscribe(\"user.authorized\")]`, \
                             or `workers: [send]`, where `send` has the attribute `#[perform(\"email.send\")]`";
            return Err(Error::new(Span::call_site(), complaint));
        }
        if let (Some(event), [], None) = (self.announces.first(), &self.workers[..], &self.timetable) {
            let complaint = "only workers and timetables announce events, and this plugin has neither";
            return Err(Error::new(event.name.span(), complaint));
        }
        check_shapes(&self.emits, "task", name::check_task)?;
        check_shapes(&self.announces, "event", name::check_event)
    }
}

/// Whether each name is legal, and there once.
fn check_shapes(shapes: &[Shape], what: &str, check: fn(&LitStr) -> Result<()>) -> Result<()> {
    let mut names = HashSet::new();
    for Shape { name, .. } in shapes {
        check(name)?;
        if !names.insert(name.value()) {
            return Err(Error::new(name.span(), format!("this {what} is listed already")));
        }
    }
    Ok(())
}

impl Parse for Shape {
    fn parse(input: ParseStream) -> Result<Self> {
        if !input.peek(token::Brace) {
            return Ok(Self { name: input.parse()?, schema: None });
        }
        let (content, mut name, mut schema) = (braced_content(input)?, None, None);
        parse_keys(&content, "a name with its schema", |key, input| {
            match key {
                "name" => name = Some(input.parse()?),
                "schema" => schema = Some(input.parse()?),
                _ => return Ok(Known::No("name, schema")),
            }
            Ok(Known::Yes)
        })?;
        let name = name.ok_or_else(|| content.error("expected `name: \"…\"`"))?;
        Ok(Self { name, schema })
    }
}

impl Parse for Limits {
    fn parse(input: ParseStream) -> Result<Self> {
        let mut limits = Limits::default();
        parse_keys(&braced_content(input)?, "limits", |key, input| {
            match key {
                "time" => limits.time = Some(input.parse()?),
                "memory" => limits.memory = Some(input.parse()?),
                "prefetch" => limits.prefetch = Some(input.parse()?),
                "attempts" => limits.attempts = Some(input.parse()?),
                _ => return Ok(Known::No("time, memory, prefetch, attempts")),
            }
            Ok(Known::Yes)
        })?;
        Ok(limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str) -> String {
        syn::parse_str::<Plugin>(text).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_full_description_is_read() {
        let text = r#"version: "1", summary: "x", subscribers: [a, b::c,], workers: [d],
                      emits: ["a.b", { name: "c.d", schema: "{}" }],
                      announces: [{ name: "e.f", schema: "{}" }, "g.h"],
                      limits: { time: Duration::from_secs(1), memory: 1 << 20, prefetch: 1, attempts: 2 },
                      recover: r, healthy: h, timetable: t"#;
        assert_eq!(complaint(text), "");
    }

    #[test]
    fn a_plugin_without_a_subscriber_or_worker_is_refused() {
        assert!(complaint("").contains("at least one subscriber or worker"));
        assert!(complaint("subscribers: []").contains("at least one subscriber or worker"));
        assert_eq!(complaint("subscribers: [a]"), "");
        assert_eq!(complaint("workers: [a]"), "");
    }

    #[test]
    fn an_event_that_no_worker_could_announce_is_refused() {
        assert!(complaint(r#"subscribers: [a], announces: ["email.sent"]"#).contains("only workers and timetables"));
        assert_eq!(complaint(r#"subscribers: [a], announces: ["report.due"], timetable: t"#), "");
    }

    #[test]
    fn an_unknown_key_is_refused_with_those_that_there_are() {
        let (plugin, limits, task) = ("sumary: 1", "limits: { ram: 1 }", "emits: [{ title: 1 }]");
        assert!(complaint(plugin).starts_with("unknown key `sumary`: the keys of a plugin are version, summary,"));
        assert!(complaint(limits).starts_with("unknown key `ram`: the keys of limits are time, memory,"));
        assert!(
            complaint(task).starts_with("unknown key `title`: the keys of a name with its schema are name, schema")
        );
    }

    #[test]
    fn what_is_given_twice_is_refused() {
        assert_eq!(complaint("recover: a, recover: b"), "`recover` is given already");
        assert_eq!(complaint(r#"subscribers: [a], emits: ["a.b", "a.b"]"#), "this task is listed already");
        assert_eq!(complaint(r#"workers: [a], announces: ["a.b", "a.b"]"#), "this event is listed already");
    }

    #[test]
    fn an_illegal_name_is_refused() {
        assert!(complaint(r#"subscribers: [a], emits: ["email send"]"#).contains("not ' '"));
        assert!(complaint(r#"workers: [a], announces: ["sent"]"#).contains("past-tense verb"));
    }
}
