//! How what is wanted stands at RabbitMQ, asked without harm.
//!
//! AMQP cannot list settings. But RabbitMQ refuses to declare what stands otherwise, and names the first setting that
//! differs; declared again with the value found, it names the next. What is missing is not declared, so that nothing
//! comes about, unless it vanishes between the two questions: then it is made, as it is wanted. Bindings cannot be asked
//! for; those of the history are told as they were made.

use super::QueueType;
use super::connection::Link;
use super::form::{Form, Kind};
use super::guard::Failure;
use super::history::History;
use crate::broker::{Binding, Difference, Finding, Standing, Wanted};
use crate::message::Subject;
use crate::name::QueueName;

/// The most settings that are looked at.
const MOST: usize = 8;

/// The settings that stand otherwise than wanted.
pub(super) struct Survey {
    pub(super) differences: Vec<Difference>,
    /// Whether those are all.
    pub(super) is_complete: bool,
}

/// How each queue and exchange of what is wanted stands.
pub(super) async fn findings(link: &Link, wanted: &Wanted, queue_type: QueueType) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    if let (Wanted::History, Some(history)) = (wanted, &link.history) {
        return history_findings(link, history).await;
    }
    for form in forms(wanted, queue_type)? {
        findings.push(finding(link, form).await?);
    }
    Ok(findings)
}

/// The stream, what is listed, and the bindings as far as this host has made them.
async fn history_findings(link: &Link, history: &History) -> Result<Vec<Finding>, Failure> {
    let form = history.stream();
    let (kind, name) = (kind(&form), form.name.to_string());
    let standing = match standing(link, form).await {
        // What this host may not even look at it does not have.
        Err(failure) if failure.is_refusal() => Standing::Missing,
        standing => standing?,
    };
    let is_missing = standing == Standing::Missing;
    let mut findings = vec![Finding { kind, name, standing }];
    for form in history.listed().filter_map(|(form, _)| form.ok()) {
        findings.push(finding(link, form).await?);
    }
    for (name, is_bound) in history.bindings() {
        let standing = match is_bound && !is_missing {
            true => Standing::AsWanted { messages: None, consumers: None },
            false => Standing::Missing,
        };
        findings.push(Finding { kind: "binding", name, standing });
    }
    Ok(findings)
}

fn kind(form: &Form) -> &'static str {
    match form.kind {
        Kind::Queue => "queue",
        Kind::Exchange(_) => "exchange",
    }
}

pub(super) async fn finding(link: &Link, form: Form) -> Result<Finding, Failure> {
    Ok(Finding { kind: kind(&form), name: form.name.to_string(), standing: standing(link, form).await? })
}

/// What there is to be declared for what is wanted.
fn forms(wanted: &Wanted, queue_type: QueueType) -> Result<Vec<Form>, Failure> {
    Ok(match wanted {
        Wanted::Subscription(source) => {
            let mut forms = vec![Form::source(source, queue_type)];
            match (&source.binding, &source.subject) {
                (Binding::Event, Subject::Event(event)) => forms.push(Form::event(event)),
                (Binding::Exchange(exchange), _) => forms.push(Form::exchange(exchange)?),
                (Binding::Unbound, _) | (Binding::Event, Subject::Task(_)) => {}
            }
            forms
        }
        Wanted::Task(task) => vec![Form::queue(task.as_str(), queue_type)],
        Wanted::Dead(app) => vec![Form::queue(QueueName::dead(app).as_str(), queue_type)],
        Wanted::Delay(delay) => vec![Form::delay(*delay), Form::delay_exchange(*delay)],
        Wanted::Later => vec![Form::later()],
        Wanted::AlternateExchange => vec![Form::alternate_exchange()],
        // Where none is kept, none is wanted.
        Wanted::History => Vec::new(),
    })
}

async fn standing(link: &Link, form: Form) -> Result<Standing, Failure> {
    let counts = match form.look(link).await {
        Ok(Some(counts)) => counts,
        Ok(None) => return Ok(Standing::Missing),
        Err(failure) if failure.is_resource_locked() => {
            let setting = |found| Difference { setting: "exclusive".into(), wanted: "false".into(), found };
            let differences = vec![setting("true".into())];
            return Ok(Standing::Differs { differences, messages: None, consumers: None });
        }
        Err(failure) => return Err(failure),
    };
    let is_queue = form.kind == Kind::Queue;
    let (messages, consumers) = (is_queue.then_some(counts.messages), is_queue.then_some(counts.consumers));
    let differences = survey(link, form).await?.differences;
    Ok(match differences.is_empty() {
        true => Standing::AsWanted { messages, consumers },
        false => Standing::Differs { differences, messages, consumers },
    })
}

/// Finds the settings of something that exists which stand otherwise than in its form.
pub(super) async fn survey(link: &Link, mut form: Form) -> Result<Survey, Failure> {
    let mut differences: Vec<Difference> = Vec::new();
    while differences.len() < MOST {
        let Err(failure) = form.declare(link).await else {
            return Ok(Survey { differences, is_complete: true });
        };
        let Some(clash) = failure.clash() else {
            // What was found so far is worth more than the words for why there is no more.
            return if differences.is_empty() { Err(failure) } else { Ok(Survey { differences, is_complete: false }) };
        };
        if differences.iter().any(|difference| difference.setting == clash.setting) {
            break;
        }
        let adopted = form.adopt(&clash);
        let (wanted, found) = (clash.wanted.to_string(), clash.found.to_string());
        differences.push(Difference { setting: clash.setting, wanted, found });
        if !adopted {
            break;
        }
    }
    Ok(Survey { differences, is_complete: false })
}
