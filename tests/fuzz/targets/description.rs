//! What a plugin says of itself: names inside its own application and schemas that compile, or a list of what is wrong.

#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use leveret::name::AppName;
use leveret::plugin::Description;
use leveret::plugin::fuzzing::{Answer, Declared, description};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|answer: Told| {
    let app: AppName = "pheidi".parse().expect("a legal name");
    let Told(answer) = answer;
    match description(&app, answer.clone()) {
        Ok(described) => stays_inside(&app, &answer, &described),
        Err(problems) => {
            assert!(!problems.is_empty());
            // Each problem quotes one name and one schema at the most.
            let said: usize = problems.iter().map(String::len).sum();
            assert!(said <= problems.len() * 4096 + 40 * length(&answer), "{said} bytes: {problems:?}");
        }
    }
});

fn stays_inside(app: &AppName, answer: &Answer, described: &Description) {
    // I3: whatever it said, the tasks are its own application's.
    assert!(described.emits.iter().chain(&described.performs).all(|task| task.app() == *app), "{described:?}");
    assert_eq!(described.subscriptions.len(), answer.subscriptions.len());
    assert_eq!(described.emits.len(), answer.emits.len());
    assert_eq!(described.performs.len(), answer.performs.len());
    assert_eq!(described.announces.len(), answer.announces.len());
    let with_schema = |declared: &[Declared]| declared.iter().filter(|(_, schema)| schema.is_some()).count();
    assert_eq!(described.wanted.len(), with_schema(&answer.subscriptions));
    assert_eq!(described.emitted.len(), with_schema(&answer.emits));
    assert!(described.wanted.keys().all(|event| described.subscriptions.contains(event)));
    assert!((1..=64).contains(&described.version.len()) && described.summary.len() <= 1024);
}

fn length(answer: &Answer) -> usize {
    let lists = [&answer.subscriptions, &answer.emits, &answer.performs, &answer.announces];
    let declared = lists.into_iter().flatten();
    declared.map(|(name, schema)| name.len() + schema.as_ref().map_or(0, String::len)).sum()
}

/// An answer whose names are often legal, since chance seldom writes one.
#[derive(Debug)]
struct Told(Answer);

impl<'a> Arbitrary<'a> for Told {
    fn arbitrary(from: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        Ok(Self(Answer {
            version: text(from, &["1.0.0", "", "0.1.0-beta+1"])?,
            summary: text(from, &["", "Sends mail."])?,
            time: from.arbitrary()?,
            memory: from.arbitrary()?,
            prefetch: from.arbitrary()?,
            attempts: from.arbitrary()?,
            subscriptions: declared(from)?,
            emits: declared(from)?,
            performs: declared(from)?,
            announces: declared(from)?,
        }))
    }
}

fn declared(from: &mut Unstructured<'_>) -> arbitrary::Result<Vec<Declared>> {
    const NAMES: [&str; 6] = ["email.send", "user.authorized", "a.b", "org.payment.processed", "leveret.x", "a"];
    const SCHEMAS: [&str; 4] = ["{}", "true", r#"{"type":"object"}"#, r##"{"$ref":"#/$defs/a","$defs":{"a":{}}}"##];
    let number = from.int_in_range(0..=4)?;
    (0..number)
        .map(|_| {
            let name = text(from, &NAMES)?;
            let schema = if from.arbitrary()? { Some(text(from, &SCHEMAS)?) } else { None };
            Ok((name, schema))
        })
        .collect()
}

/// One of the usual texts, or any.
fn text(from: &mut Unstructured<'_>, usual: &[&str]) -> arbitrary::Result<String> {
    Ok(if from.ratio(3, 4)? { from.choose(usual)?.to_string() } else { from.arbitrary::<&str>()?.to_owned() })
}
