//! What a plugin sees of an event.

use leveret::plugin::Outcome;
use serde_json::{Value, json};

use crate::conformance::guest::{Given, Guest, Kind, TIME, payload, shown};
use crate::conformance::verdict::{Verdict, holds, rejected, same, wrong};

/// What comes back of a payload.
fn echo(guest: &Guest, given: &Value) -> Verdict {
    let event = Given::new("conformance.echoed", given.to_string());
    one_echo(&guest.deliver(&event).outcome, given)
}

fn one_echo(outcome: &Outcome, expected: &Value) -> Verdict {
    match outcome {
        Outcome::Done(drafts) if drafts.len() == 1 && drafts[0].subject.as_str() == "conformance.echo.make" => {
            same(&payload(&drafts[0]), expected)
        }
        other => wrong("one task conformance.echo.make", shown(other)),
    }
}

pub fn object(guest: &Guest) -> Verdict {
    echo(guest, &json!({ "user": { "email": "ada@example.org" }, "lines": [{ "n": 1 }, null, true, "x"] }))
}

pub fn empty(guest: &Guest) -> Verdict {
    [json!(null), json!(""), json!({}), json!([]), json!(0), json!(false), json!({ "": "" })]
        .iter()
        .try_for_each(|payload| echo(guest, payload))
}

/// Integers that a double holds, and fractions.
pub fn numbers(guest: &Guest) -> Verdict {
    let largest = (1_i64 << 53) - 1;
    echo(guest, &json!([0, -1, largest, -largest, 0.5, -1.25, 1e-7, 1.7e308]))
}

pub fn unicode(guest: &Guest) -> Verdict {
    let texts = [
        "Zoë ß 東京 🐇 👩🏽‍🚀",
        "שלום عليكم",
        "e\u{301} \u{fffd} \u{10ffff} \u{feff}",
        "\u{0} \u{1f} \u{7f} \u{2028}",
        "\"\\/\t\r\n",
    ];
    echo(guest, &json!({ "texts": texts, "ключ 🔑": 1 }))?;
    // The same letter, as an escape and as a pair of surrogates.
    let event = Given::new("conformance.echoed", r#"{"text": "\u00fc \ud83d\udc07"}"#);
    one_echo(&guest.deliver(&event).outcome, &json!({ "text": "ü 🐇" }))
}

pub fn large(guest: &Guest) -> Verdict {
    echo(guest, &json!({ "text": "ü".repeat(1 << 19) }))
}

pub fn typed(guest: &Guest) -> Verdict {
    let fitting = json!({ "email": "ada@example.org", "amount": 4200 });
    let event = Given::new("conformance.typed", fitting.to_string());
    one_echo(&guest.deliver(&event).outcome, &fitting)
}

pub fn typed_misfit(guest: &Guest) -> Verdict {
    let outcome = |payload: Value| guest.deliver(&Given::new("conformance.typed", payload.to_string())).outcome;
    rejected(&outcome(json!({ "email": 7, "amount": 4200 })), &["email"])?;
    rejected(&outcome(json!({ "amount": 4200 })), &["email"])?;
    rejected(&outcome(json!({ "email": "ada@example.org", "amount": "much" })), &["amount"])?;
    rejected(&outcome(json!([])), &[])
}

pub fn shaped(guest: &Guest) -> Verdict {
    let outcome = guest.deliver(&Given::new("conformance.shaped", r#"{"n": 1}"#)).outcome;
    holds(outcome == Outcome::Done(vec![]), "done without tasks", shown(&outcome))
}

/// The host looks at the schema before the plugin runs.
pub fn shaped_misfit(guest: &Guest) -> Verdict {
    let schemas = &guest.live.description.schemas.handled;
    let Some((_, schema)) = schemas.iter().find(|(event, _)| event.as_str() == "conformance.shaped") else {
        return wrong("a schema of conformance.shaped", "none");
    };
    let fits = |payload: &str| schema.check(payload).is_ok();
    holds(fits(r#"{"n": null}"#), "an object with n fits", "it does not")?;
    holds(!fits(r#"{"m": 1}"#), "an object without n does not fit", "it does")?;
    holds(!fits("[]"), "a list does not fit", "it does")
}

pub fn facts(guest: &Guest) -> Verdict {
    let headers: &[_] = &[("traceparent", "00-1"), ("farbe", "grün 🟢")];
    let kind = Kind::Event { source: Some("cream") };
    let event = Given { kind, id: "id-ü 7", headers, ..Given::asked(&json!({ "do": "facts" })) };
    let expected = json!({
        "name": "conformance.asked",
        "id": "id-ü 7",
        "tid": "t-1",
        "time": TIME,
        "source": "cream",
        "headers": { "traceparent": "00-1", "farbe": "grün 🟢" },
    });
    same(&guest.report_on(&event)?, &expected)
}

pub fn facts_absent(guest: &Guest) -> Verdict {
    let facts = guest.report(&json!({ "do": "facts" }))?;
    same(&json!([facts["source"], facts["headers"]]), &json!([null, {}]))
}
