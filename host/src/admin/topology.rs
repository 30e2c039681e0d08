//! What this host wants at the broker, how it stands there, and what can be done about it.
//!
//! A queue that exists is used as it is, whatever its settings. So nothing here changes one: what is missing is declared,
//! and what differs is made anew only on request, and only while it is empty and nobody listens to it.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::{Seen, problem};
use crate::broker::{BrokerError, Finding, Offer, Standing, Wanted};
use crate::name::QueueName;

/// How everything wanted stands, and what to do.
#[derive(Debug, Serialize)]
struct Plan {
    findings: Vec<Advised>,
    missing: usize,
    different: usize,
    /// What the host does without, and a person may have.
    offered: Vec<Offer>,
}

/// A finding with the ways out of it, in words.
#[derive(Debug, Serialize)]
struct Advised {
    #[serde(flatten)]
    finding: Finding,
    ways_out: Vec<String>,
}

/// What `POST /topology/apply` is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Application {
    /// A queue that stands otherwise than wanted, to be made anew.
    recreate: Option<String>,
    /// Whether to make the exchange that leads to the history what is routed nowhere.
    alternate_exchange: bool,
}

/// Why a queue is not made anew.
#[derive(Debug, PartialEq, thiserror::Error)]
enum Refused {
    #[error("this host does not want a queue {0}; `leveret topology plan` lists those that it wants")]
    Unwanted(String),
    #[error("the queue {0} is as wanted, so there is nothing to make anew")]
    AsWanted(String),
    #[error("{0} is the past itself, so it is not made anew: {ways_out}", ways_out = history_ways_out().join(". Or: "))]
    History(QueueName),
    #[error("{queue} has {messages} messages, which would be lost. {}", ways_out.join(". Or: "))]
    Full { queue: String, messages: u64, ways_out: Vec<String> },
    #[error("{consumers} consumers listen to {queue}. {}", ways_out.join(". Or: "))]
    Used { queue: String, consumers: u64, ways_out: Vec<String> },
}

pub(super) async fn plan(State(seen): State<Seen>) -> Response {
    let planned = async {
        let findings = seen.broker.inspect(&wanted(&seen)).await?;
        Ok(planned(&seen, findings, seen.broker.offers().await?))
    };
    match planned.await {
        Ok(plan) => Json(plan).into_response(),
        Err(error) => broken(&error),
    }
}

pub(super) async fn apply(State(seen): State<Seen>, Json(application): Json<Application>) -> Response {
    let applied = match application.recreate {
        Some(queue) => match recreate(&seen, &queue).await {
            Ok(Ok(())) => Ok(vec![queue]),
            Ok(Err(refused)) => {
                let status =
                    if matches!(refused, Refused::Unwanted(_)) { StatusCode::NOT_FOUND } else { StatusCode::CONFLICT };
                return problem(status, refused);
            }
            Err(error) => Err(error),
        },
        None => declare_missing(&seen, application.alternate_exchange).await,
    };
    match applied {
        Ok(made) => Json(serde_json::json!({ "made": made })).into_response(),
        Err(error) => broken(&error),
    }
}

/// Declares what is missing, and names it.
async fn declare_missing(seen: &Seen, alternate_exchange: bool) -> Result<Vec<String>, BrokerError> {
    let mut made = Vec::new();
    for wanted in wanted(seen).into_iter().chain(alternate_exchange.then_some(Wanted::AlternateExchange)) {
        let findings = seen.broker.inspect(std::slice::from_ref(&wanted)).await?;
        let missing: Vec<_> = findings.into_iter().filter(|finding| finding.standing == Standing::Missing).collect();
        if !missing.is_empty() {
            seen.broker.declare(&wanted).await?;
            made.extend(missing.into_iter().map(|finding| finding.name));
        }
    }
    Ok(made)
}

/// Makes a queue anew whose messages and listeners are all gone.
async fn recreate(seen: &Seen, name: &str) -> Result<Result<(), Refused>, BrokerError> {
    if name == QueueName::history().as_str() {
        return Ok(Err(Refused::History(QueueName::history())));
    }
    let named = |wanted: &Wanted| queue_of(wanted).is_some_and(|queue| queue.as_str() == name);
    let Some((wanted, queue)) =
        wanted(seen).into_iter().find(named).and_then(|wanted| queue_of(&wanted).map(|queue| (wanted, queue)))
    else {
        return Ok(Err(Refused::Unwanted(name.into())));
    };
    let findings = seen.broker.inspect(std::slice::from_ref(&wanted)).await?;
    let found = findings.into_iter().find(|finding| finding.kind == "queue" && finding.name == name);
    if let Some(finding) = found {
        match fit_to_recreate(&finding, plugin_of(seen, name).as_deref()) {
            Ok(true) => seen.broker.delete_empty(&queue).await?,
            Ok(false) => {}
            Err(refused) => return Ok(Err(refused)),
        }
    }
    seen.broker.declare(&wanted).await?;
    Ok(Ok(()))
}

/// Whether a queue has to be deleted before it can be made as wanted, if that loses nothing.
fn fit_to_recreate(finding: &Finding, plugin: Option<&str>) -> Result<bool, Refused> {
    let queue = finding.name.clone();
    match &finding.standing {
        Standing::Missing => Ok(false),
        Standing::AsWanted { .. } => Err(Refused::AsWanted(queue)),
        Standing::Differs { messages: Some(messages), .. } if *messages > 0 => {
            Err(Refused::Full { queue, messages: *messages, ways_out: ways_out(finding, plugin) })
        }
        Standing::Differs { consumers: Some(consumers), .. } if *consumers > 0 => {
            Err(Refused::Used { queue, consumers: *consumers, ways_out: ways_out(finding, plugin) })
        }
        Standing::Differs { .. } => Ok(true),
    }
}

/// Everything that this host needs at the broker, as far as it is known before it is needed. Delays are made when the
/// first message waits in them.
fn wanted(seen: &Seen) -> Vec<Wanted> {
    let live = seen.catalog.live().borrow().clone();
    let sources = seen.dispatch.sources();
    let descriptions = || live.values().map(|live| &live.description);
    let tasks: BTreeSet<_> =
        descriptions().flat_map(|description| description.emits.iter().chain(&description.performs)).cloned().collect();
    let apps: BTreeSet<_> = live.keys().map(|plugin| plugin.app.clone()).collect();
    // A worker's own queue is a subscription already.
    let listened: BTreeSet<_> = sources.iter().map(|source| source.queue.clone()).collect();
    let tasks = tasks.into_iter().filter(|task| !listened.contains(&QueueName::task(task))).map(Wanted::Task);
    let subscriptions: Vec<_> = sources.into_iter().map(Wanted::Subscription).collect();
    let dead = apps.into_iter().map(Wanted::Dead);
    subscriptions.into_iter().chain(tasks).chain(dead).chain([Wanted::History]).collect()
}

fn queue_of(wanted: &Wanted) -> Option<QueueName> {
    match wanted {
        Wanted::Subscription(source) => Some(source.queue.clone()),
        Wanted::Task(task) => Some(QueueName::task(task)),
        Wanted::Dead(app) => Some(QueueName::dead(app)),
        Wanted::Later => Some(QueueName::later()),
        Wanted::Delay(_) | Wanted::History | Wanted::AlternateExchange => None,
    }
}

fn planned(seen: &Seen, findings: Vec<Finding>, offered: Vec<Offer>) -> Plan {
    let missing = findings.iter().filter(|finding| finding.standing == Standing::Missing).count();
    let different = findings.iter().filter(|finding| matches!(finding.standing, Standing::Differs { .. })).count();
    let advised = |finding: Finding| {
        let ways_out = ways_out(&finding, plugin_of(seen, &finding.name).as_deref());
        Advised { finding, ways_out }
    };
    Plan { findings: findings.into_iter().map(advised).collect(), missing, different, offered }
}

/// What a person can do about a finding; `plugin` is the one that listens to the queue.
fn ways_out(finding: &Finding, plugin: Option<&str>) -> Vec<String> {
    let Finding { kind, name, standing } = finding;
    let Standing::Differs { messages, .. } = standing else {
        return match standing {
            Standing::Missing => vec!["`leveret topology apply` declares it".into()],
            _ => Vec::new(),
        };
    };
    if *kind == "queue" && name == QueueName::history().as_str() {
        return history_ways_out();
    }
    let leave = "leave it: it is used as it is".to_owned();
    if *kind != "queue" {
        let anew = format!(
            "delete the {kind} {name} with the broker's own tools once nobody publishes to it, then `leveret topology \
             apply`; its bindings to other services' queues go with it"
        );
        return vec![leave, anew];
    }
    let pause = plugin.map_or_else(String::new, |plugin| format!("`leveret plugin pause {plugin}`, then "));
    let resume = plugin.map_or_else(String::new, |plugin| format!(", then `leveret plugin resume {plugin}`"));
    let anew = format!("{pause}`leveret topology apply --recreate {name}`{resume}");
    match messages {
        Some(0) => vec![leave, format!("make it anew: stop whoever else listens to it; {anew}")],
        _ => vec![
            leave,
            format!(
                "make it anew without a loss: keep publishers from it, let its messages be handled until none waits, and {anew}"
            ),
            format!("move its messages to another queue with the broker's own tools, such as a shovel, and {anew}"),
        ],
    }
}

/// What a person can do about a history that is kept otherwise than wanted.
fn history_ways_out() -> Vec<String> {
    let name = QueueName::history();
    vec![
        "leave it: it is used as it is".into(),
        format!(
            "export what is worth keeping (`leveret history --export`), delete {name} with the broker's own tools, then \
             `leveret topology apply`, and import it again (`leveret history import`)"
        ),
    ]
}

fn plugin_of(seen: &Seen, queue: &str) -> Option<String> {
    let subscriptions = seen.dispatch.subscriptions().into_iter();
    subscriptions.filter(|one| one.queue.as_str() == queue).map(|one| one.plugin.to_string()).next()
}

fn broken(error: &BrokerError) -> Response {
    let status = match error {
        BrokerError::Unreachable(_) => StatusCode::SERVICE_UNAVAILABLE,
        BrokerError::Refused(_) => StatusCode::CONFLICT,
    };
    problem(status, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::Difference;

    fn differs(messages: u64, consumers: u64) -> Finding {
        let (wanted, found) = ("quorum".into(), "classic".into());
        let differences = vec![Difference { setting: "x-queue-type".into(), wanted, found }];
        let standing = Standing::Differs { differences, messages: Some(messages), consumers: Some(consumers) };
        Finding { kind: "queue", name: "two.user.authorized".into(), standing }
    }

    #[test]
    fn i1_a_queue_is_only_made_anew_if_nothing_is_lost_with_it() {
        let fit = |finding| fit_to_recreate(&finding, Some("two"));
        assert_eq!(fit(differs(0, 0)), Ok(true));
        let full = fit(differs(7, 0)).expect_err("it has messages").to_string();
        assert!(full.contains("7 messages") && full.contains("leveret plugin pause two"), "{full}");
        let used = fit(differs(0, 1)).expect_err("somebody listens").to_string();
        assert!(used.contains("1 consumers") && used.contains("leveret plugin pause two"), "{used}");
        let missing = Finding { standing: Standing::Missing, ..differs(0, 0) };
        assert_eq!(fit(missing), Ok(false));
        let standing = Standing::AsWanted { messages: Some(0), consumers: Some(0) };
        assert!(matches!(fit(Finding { standing, ..differs(0, 0) }), Err(Refused::AsWanted(_))));
    }

    #[test]
    fn what_differs_may_always_be_left_as_it_is() {
        for finding in [differs(0, 0), differs(9, 2), Finding { kind: "exchange", ..differs(0, 0) }] {
            let ways_out = ways_out(&finding, None);
            assert!(ways_out.len() > 1 && ways_out[0].starts_with("leave it"), "{ways_out:?}");
            assert!(!ways_out.concat().contains("plugin pause"), "{ways_out:?}");
        }
    }
}
