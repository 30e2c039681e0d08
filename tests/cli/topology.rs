//! `leveret topology` beside a RabbitMQ with a history.

use leveret_tests::broker::TestBroker;
use leveret_tests::http;
use leveret_tests::process::Process;
use leveret_tests::rabbitmq::Node;
use leveret_tests::wait::until;
use serde_json::{Value, json};

use super::{Ended, directory, leveret};

#[tokio::test(flavor = "multi_thread")]
async fn an_alternate_exchange_is_offered_and_made_on_request_only() {
    let TestBroker::RabbitMq(url) = TestBroker::rabbitmq().await else { panic!("it is RabbitMQ") };
    let vhost = url.rsplit('/').next().expect("a vhost").to_owned();
    let directory = directory();
    let variables = [("LEVERET_BROKER_URL", url.clone()), ("LEVERET_HISTORY_ENABLED", "true".to_owned())];
    let process = Process::start_with(directory.path(), &variables);
    until("readiness", async || http::get(&format!("{}/readyz", process.api())).await.filter(|it| it.0 == 200)).await;
    let address = process.api().trim_start_matches("http://");
    let run = |arguments: &[&str]| leveret(directory.path(), &[("LEVERET_ADMIN_ADDRESS", address)], arguments);
    let plan = || -> Value { json_of(run(&["topology", "plan", "--json"])) };
    let exists = || {
        let exchanges = Node::shared().get(&format!("exchanges/{vhost}"));
        exchanges.as_array().expect("a list").iter().any(|exchange| exchange["name"] == "leveret.history")
    };

    let planned = plan();
    assert_eq!(planned["findings"][0]["name"], "leveret.history");
    assert_eq!(planned["findings"][0]["standing"], "as-wanted");
    let offer = &planned["offered"][0];
    assert_eq!(offer["name"], "alternate-exchange");
    assert_eq!(offer["findings"], json!([{ "kind": "exchange", "name": "leveret.history", "standing": "missing" }]));
    assert_eq!(offer["steps"][0], "leveret topology apply --alternate-exchange");
    let policy = format!("rabbitmqctl set_policy --vhost '{vhost}' --apply-to exchanges ");
    assert!(offer["steps"][1].as_str().is_some_and(|step| step.starts_with(&policy)), "{offer}");
    let told = run(&["topology", "plan"]);
    assert!(told.output.contains("offered: alternate-exchange") && told.output.contains(&policy), "{}", told.output);

    assert_eq!(json_of(run(&["topology", "apply", "--json"])), json!({ "made": [] }));
    assert!(!exists());
    let made = json_of(run(&["topology", "apply", "--alternate-exchange", "--json"]));
    assert_eq!(made, json!({ "made": ["leveret.history"] }));
    assert!(exists());
    assert_eq!(plan()["offered"][0]["findings"][0]["standing"], "as-wanted");

    let refused = run(&["topology", "apply", "--recreate", "leveret.history"]);
    assert_eq!(refused.code, 1);
    assert!(refused.error.contains("the past itself"), "{}", refused.error);
}

fn json_of(ended: Ended) -> Value {
    assert_eq!(ended.code, 0, "{}", ended.error);
    serde_json::from_str(&ended.output).expect("JSON")
}
