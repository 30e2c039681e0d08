//! What a plugin performs, and what it announces.

use std::time::Duration;

use leveret::message::{HeaderValue, Subject};
use leveret::plugin::{Draft, Outcome};
use serde_json::{Value, json};

use crate::conformance::guest::{Given, Guest, Kind, TIME, payload, report, shown};
use crate::conformance::verdict::{Verdict, holds, rejected, retried, same, wrong};

/// The event that is announced, or the task that is created, and its payload.
fn made(draft: &Draft) -> Value {
    match &draft.subject {
        Subject::Event(event) => json!({ "event": event.as_str(), "payload": payload(draft) }),
        Subject::Task(task) => json!({ "task": task.as_str(), "payload": payload(draft) }),
    }
}

fn makes(outcome: &Outcome, expected: &[Value]) -> Verdict {
    match outcome {
        Outcome::Done(drafts) => same(&drafts.iter().map(made).collect(), &json!(expected)),
        other => wrong("done", shown(other)),
    }
}

fn echoed(payload: &Value) -> Value {
    json!({ "event": "echo.made", "payload": payload })
}

fn report_on(guest: &Guest, given: &Given) -> Verdict<Value> {
    match guest.deliver(given).outcome {
        Outcome::Done(drafts) => report(&drafts),
        other => wrong("one report", shown(&other)),
    }
}

pub fn echo(guest: &Guest) -> Verdict {
    let payloads =
        [json!({ "texts": ["Zoë ß 東京 🐇", "\"\\/\t"], "n": [0, -1, 0.5, null, true] }), json!([]), json!("")];
    payloads.iter().try_for_each(|given| {
        makes(&guest.deliver(&Given::task("conformance.text.echo", given.to_string())).outcome, &[echoed(given)])
    })
}

pub fn typed(guest: &Guest) -> Verdict {
    let outcome =
        |payload: Value| guest.deliver(&Given::task("conformance.account.check", payload.to_string())).outcome;
    let fitting = json!({ "email": "ada@example.org", "amount": 4200 });
    makes(&outcome(fitting.clone()), &[echoed(&fitting)])?;
    rejected(&outcome(json!({ "email": 7, "amount": 4200 })), &["email"])?;
    rejected(&outcome(json!({ "amount": 4200 })), &["email"])?;
    rejected(&outcome(json!([])), &[])
}

/// The host looks at the schemas of tasks before the plugin runs.
pub fn shaped(guest: &Guest) -> Verdict {
    makes(&guest.deliver(&Given::task("conformance.shape.check", r#"{"n": 1}"#)).outcome, &[])?;
    let schemas = &guest.live.description.schemas.handled;
    let Some((_, schema)) = schemas.iter().find(|(subject, _)| subject.as_str() == "conformance.shape.check") else {
        return wrong("a schema of conformance.shape.check", "none");
    };
    let fits = |payload: &str| schema.check(payload).is_ok();
    holds(fits(r#"{"n": null}"#) && !fits(r#"{"m": 1}"#), "only objects with n fit", "others do")
}

pub fn facts(guest: &Guest) -> Verdict {
    let headers: &[_] = &[("traceparent", "00-1"), ("farbe", "grün 🟢")];
    let kind = Kind::Task { attempt: 3, key: Some("k-ü 1") };
    let task = Given { kind, id: "id-ü 7", headers, ..Given::ordered(&json!({ "do": "facts" })) };
    let expected = json!({
        "name": "order.obey",
        "id": "id-ü 7",
        "tid": "t-1",
        "time": TIME,
        "attempt": 3,
        "key": "k-ü 1",
        "headers": { "traceparent": "00-1", "farbe": "grün 🟢" },
    });
    same(&report_on(guest, &task)?, &expected)
}

pub fn facts_absent(guest: &Guest) -> Verdict {
    let facts = report_on(guest, &Given::ordered(&json!({ "do": "facts" })))?;
    same(&json!([facts["attempt"], facts["key"], facts["headers"]]), &json!([1, null, {}]))
}

/// As many as a delivery may make.
pub fn announces_in_order(guest: &Guest) -> Verdict {
    let expected: Vec<_> = (1..=1000).map(|number| echoed(&json!({ "number": number }))).collect();
    makes(&guest.order(&json!({ "do": "announce", "count": 1000 })), &expected)
}

pub fn creates_tasks(guest: &Guest) -> Verdict {
    let task = |number| json!({ "task": "conformance.echo.make", "payload": { "number": number } });
    makes(&guest.order(&json!({ "do": "create", "count": 3 })), &[task(1), task(2), task(3)])
}

pub fn both(guest: &Guest) -> Verdict {
    let outcome = guest.order(&json!({ "do": "both" }));
    let task = json!({ "task": "conformance.echo.make", "payload": {} });
    makes(&outcome, &[echoed(&json!({})), task])?;
    let Outcome::Done(drafts) = outcome else { return wrong("done", "a failure") };
    let colours = drafts.iter().map(|draft| draft.headers.get("colour").and_then(HeaderValue::as_text));
    let keys = drafts.iter().map(|draft| draft.key.as_deref());
    let came: Vec<_> = colours.zip(keys).collect();
    holds(came == [(Some("blue"), None), (Some("green"), Some("k-1"))], "blue; green under k-1", format!("{came:?}"))
}

pub fn undeclared(guest: &Guest) -> Verdict {
    retried(&guest.order(&json!({ "do": "undeclared" })), &["`other.made`", "does not list"])
}

pub fn misfit(guest: &Guest) -> Verdict {
    retried(&guest.order(&json!({ "do": "misshapen" })), &["`shape.made`", "does not fit its schema", "/n"])
}

pub fn failures(guest: &Guest) -> Verdict {
    let reason = "kein Geld — 残高不足 🐇";
    retried(&guest.order(&json!({ "do": "retry", "reason": reason })), &[reason])?;
    rejected(&guest.order(&json!({ "do": "reject", "reason": reason })), &[reason])?;
    let outcome = guest.order(&json!({ "do": "retry", "reason": "busy", "after": 60_000 }));
    let wanted = Some(Duration::from_secs(60));
    let right = matches!(&outcome, Outcome::Retry { reason, after } if reason == "busy" && *after == wanted);
    holds(right, "retry after a minute: busy", shown(&outcome))
}

pub fn error(guest: &Guest) -> Verdict {
    retried(&guest.order(&json!({ "do": "error" })), &["boom"])
}

pub fn panic(guest: &Guest) -> Verdict {
    retried(&guest.order(&json!({ "do": "panic" })), &["boom"])?;
    report_on(guest, &Given::ordered(&json!({ "do": "facts" }))).map(drop)
}

/// Without a grant the clock stands at the task's time, and randomness comes of its id.
pub fn world(guest: &Guest) -> Verdict {
    let seen = |id| report_on(guest, &Given { id, ..Given::ordered(&json!({ "do": "world" })) });
    let (first, again, other) = (seen("m-1")?, seen("m-1")?, seen("m-2")?);
    same(&first["now"], &json!(TIME))?;
    same(&again, &first)?;
    holds(other["entropy"] != first["entropy"], "other numbers for another task", &other)
}

pub fn setting(guest: &Guest) -> Verdict {
    let guest = guest.with_settings(&[("greeting", "guten Tag 🐇")])?;
    let value = |name: &str| report_on(&guest, &Given::ordered(&json!({ "do": "setting", "name": name })));
    same(&value("greeting")?, &json!({ "value": "guten Tag 🐇" }))?;
    same(&value("absent")?, &json!({ "value": null }))
}

pub fn recover(guest: &Guest) -> Verdict {
    let recovered = |instruction: &Value| match guest.recover(&Given::ordered(instruction)) {
        Some(recovered) => Ok(recovered.answer),
        None => wrong("a recovery", "the component exports none"),
    };
    let told = match recovered(&json!({ "do": "panic" }))? {
        Ok(drafts) => report(&drafts)?,
        Err(words) => return wrong("a report", words),
    };
    let reasons: Vec<_> = told["attempts"].as_array().into_iter().flatten().map(|told| &told["reason"]).collect();
    same(&json!([told["recovered"], reasons]), &json!(["m-1", ["busy", "still busy"]]))?;
    let answer = recovered(&json!({ "do": "panic", "recover": "fail" }))?;
    holds(
        answer.as_ref().is_err_and(|words| words.contains("no way out")),
        "the error `no way out`",
        format!("{answer:?}"),
    )
}
