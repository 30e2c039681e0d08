//! What plugins declare of payloads, and what they are held to.

use leveret::message::Subject;
use leveret::plugin::InvalidSchema;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_fits_its_schema_is_published() {
    let mut stage = Stage::new().await;
    let form = json!({ "do": "emit-name", "name": "form.fill", "payload": { "name": "Grace Hopper" } });
    assert_eq!(stage.settled(form).await.settlement, Settlement::Done);
    assert_eq!(stage.host.tasks("puppet.form.fill", 1).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn i2_a_task_that_does_not_fit_its_schema_fails_the_delivery() {
    let mut stage = Stage::new().await;
    for (payload, words) in [(json!({ "name": 7 }), "/name"), (json!({}), "required"), (json!([]), "object")] {
        let form = json!({ "do": "emit-name", "name": "form.fill", "payload": payload });
        let reason = stage.retried(form).await;
        assert!(reason.contains("`puppet.form.fill`") && reason.contains(words), "{reason}");
    }
    let queue = broker::tasks("puppet.form.fill").queue;
    assert_eq!(stage.host.host.broker.depth(&queue).await.expect("a depth").unwrap_or_default(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_description_holds_the_compiled_schemas() {
    let stage = Stage::new().await;
    let live = stage.live();
    let schemas = &live.description.schemas;
    let form = &schemas.made[&Subject::Task("puppet.form.fill".parse().expect("legal"))];
    assert!(form.check(r#"{"name": ""}"#).is_ok() && form.check("{}").is_err());
    assert!(schemas.handled.is_empty() && schemas.made.len() == 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_is_held_to_its_own_schema() {
    let mut stage = Stage::empty().await;
    stage.host.install("pheidi.wasm", &guests::bytes("pheidi")).await;
    let payment = |email: &str| {
        json!({
            "organization": { "id": 1, "name": "Runnable" },
            "amount": 4200,
            "currency": "usd",
            "paymentMethodOwner": { "email": email },
        })
    };
    let sound = stage.host.publish("org.payment.processed", payment("grace@example.org").to_string()).await;
    assert_eq!(stage.host.record(&sound).await.settlement, Settlement::Done);
    let odd = stage.host.publish("org.payment.processed", payment("nobody").to_string()).await;
    let Settlement::Retried { reason, .. } = stage.host.record(&odd).await.settlement else { panic!("it must fail") };
    assert!(reason.contains("`pheidi.email.send`") && reason.contains("/to"), "{reason}");
}

#[test]
fn i6_a_schema_that_would_run_for_ever_is_not_let_in() {
    let schema =
        r##"{"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}"##;
    let refused = leveret::plugin::Schema::parse(schema);
    assert!(matches!(refused, Err(InvalidSchema::Recursive(_))), "{refused:?}");
}
