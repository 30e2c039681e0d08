//! What becomes of a task: it is performed, and what it came to is announced.

use leveret::config::{Attempts, Ordering, PluginSettings};
use leveret::delivery::Settlement;
use leveret::message::{Message, Subject, Timestamp};
use leveret::name::QueueName;
use leveret_tests::broker::{TestBroker, enqueue};
use leveret_tests::guests;
use leveret_tests::host::TestHost;
use leveret_tests::wait::soon;

use super::*;

on_each_broker!(
    a_task_is_performed_and_what_it_made_is_published_under_its_tid_and_derived_ids,
    i2_a_task_that_came_twice_is_performed_once,
    i3_an_event_that_was_not_declared_fails_the_whole,
    i5_a_task_is_tried_again_and_knows_its_attempt,
    a_task_that_failed_for_good_is_recovered_and_kept,
    i10_tasks_of_one_key_are_performed_in_order,
    a_worker_without_a_granted_clock_sees_the_task_s_time,
    a_task_that_is_for_later_is_performed_then_and_can_be_taken_back,
);

const DO: &str = "laborer.job.do";
const DONE: &str = "job.done";

async fn working(broker: &TestBroker) -> TestHost {
    working_with(broker, |_| ()).await
}

async fn working_with(broker: &TestBroker, adjust: impl FnOnce(&mut leveret::config::Settings)) -> TestHost {
    let host = TestHost::start_with(broker, adjust).await;
    host.install("laborer.wasm", &guests::bytes("laborer")).await;
    // Whoever declares the task's queue first says whether it keeps order.
    soon("its listeners", host.host.ready()).await;
    host
}

fn job(payload: &Value) -> Message {
    Message::new(Subject::Task(DO.parse().expect("legal")), payload.to_string())
}

async fn a_task_is_performed_and_what_it_made_is_published_under_its_tid_and_derived_ids(broker: TestBroker) {
    let mut host = working(&broker).await;
    let task = job(&json!({ "do": "make", "events": 1, "tasks": 2 }));
    enqueue(&host.host.broker, &task).await;

    let record = host.record(&task.id).await;
    assert_eq!((record.settlement, record.queue.as_str()), (Settlement::Done, DO));
    let names: Vec<_> = record.emitted.iter().map(|made| made.name.as_str()).collect();
    assert_eq!(names, [DONE, "laborer.job.check", "laborer.job.check"]);
    let derived = |maker, index| MessageId::derived(&task.id, &plugin("laborer"), maker, index);
    let event = derived(Maker::Announcer, 0);
    let ids: Vec<_> = record.emitted.into_iter().map(|made| made.id).collect();
    assert_eq!(ids, [event.clone(), derived(Maker::Handler, 0), derived(Maker::Handler, 1)]);

    // The event is an event like any other: the plugin subscribes to it, and makes a task of it.
    let followed = host.record(&event).await;
    assert_eq!((&followed.tid, followed.source.as_deref()), (&task.tid, Some("laborer")));
    let filed = host.tasks("laborer.job.file", 1).await.remove(0);
    assert_eq!(filed.tid, task.tid);
    host.stop().await;
}

async fn i2_a_task_that_came_twice_is_performed_once(broker: TestBroker) {
    let mut host = working(&broker).await;
    let task = job(&json!({ "do": "make", "events": 0, "tasks": 1 }));
    enqueue(&host.host.broker, &task).await;
    enqueue(&host.host.broker, &task).await;
    let settled: Vec<_> = host.records(&task.id, 2).await.into_iter().map(|record| record.settlement).collect();
    assert_eq!(settled, [Settlement::Done, Settlement::Duplicate]);
    host.stop().await;
}

async fn i3_an_event_that_was_not_declared_fails_the_whole(broker: TestBroker) {
    let mut host = working(&broker).await;
    for name in ["job.lost", "laborer.job.do", "org.payment.processed", "Job.done", "job.done\0", "jоb.done"] {
        let task = job(&json!({ "do": "announce", "name": name }));
        enqueue(&host.host.broker, &task).await;
        let record = host.record(&task.id).await;
        assert!(matches!(record.settlement, Settlement::Retried { .. }), "{name:?}: {record:?}");
        assert!(record.emitted.is_empty());
    }
    host.stop().await;
}

async fn i5_a_task_is_tried_again_and_knows_its_attempt(broker: TestBroker) {
    let mut host = working(&broker).await;
    let task = job(&json!({ "do": "succeed", "after": 2 }));
    enqueue(&host.host.broker, &task).await;
    let records = host.records(&task.id, 3).await;
    let attempts: Vec<_> = records.iter().map(|record| record.attempt.number()).collect();
    assert_eq!(attempts, [1, 2, 3]);
    assert_eq!(records[2].settlement, Settlement::Done);
    host.stop().await;
}

async fn a_task_that_failed_for_good_is_recovered_and_kept(broker: TestBroker) {
    let mut host = working_with(&broker, |settings| {
        settings.delivery.retry.attempts = Attempts::AtMost(1.try_into().expect("not 0"));
    })
    .await;
    for instruction in [json!({ "do": "panic" }), json!({ "do": "reject", "reason": "no such job" })] {
        let task = job(&instruction);
        enqueue(&host.host.broker, &task).await;
        let record = host.record(&task.id).await;
        assert!(matches!(record.settlement, Settlement::Dead { .. }), "{record:?}");
        assert_eq!(record.emitted[0].name, "laborer.job.file");
    }
    let dead = QueueName::dead(&"laborer".parse().expect("legal"));
    assert_eq!(host.host.broker.depth(&dead).await.expect("a depth"), Some(2));
    host.stop().await;
}

async fn i10_tasks_of_one_key_are_performed_in_order(broker: TestBroker) {
    let mut host = working_with(&broker, |settings| {
        let own = PluginSettings { ordering: Some(Ordering::Key), ..PluginSettings::default() };
        settings.plugin.insert("laborer".parse().expect("legal"), own);
    })
    .await;
    let first = Message { key: Some("k".into()), ..job(&json!({ "do": "succeed", "after": 1 })) };
    let second = Message { key: Some("k".into()), ..job(&json!({ "do": "make", "events": 0, "tasks": 0 })) };
    enqueue(&host.host.broker, &first).await;
    enqueue(&host.host.broker, &second).await;
    host.record(&second.id).await;
    let done: Vec<_> = host
        .all_records()
        .into_iter()
        .filter(|record| record.settlement == Settlement::Done && record.queue.as_str() == DO)
        .collect();
    let order: Vec<_> = done.iter().map(|record| &record.id).collect();
    assert_eq!(order, [&first.id, &second.id]);
    host.stop().await;
}

async fn a_worker_without_a_granted_clock_sees_the_task_s_time(broker: TestBroker) {
    let mut host = working(&broker).await;
    let task = Message { key: Some("k".into()), ..job(&json!({ "do": "look" })) };
    enqueue(&host.host.broker, &task).await;
    let seen = host.tasks("laborer.job.check", 1).await.remove(0);
    let mut seen: Value = serde_json::from_slice(&seen.body).expect("JSON");
    // For Ponos, where the broker is one.
    seen.as_object_mut().expect("an object").remove("tid");
    let record = host.record(&task.id).await;
    let expected = json!({ "id": task.id, "attempt": 1, "key": "k", "now": record.published });
    assert_eq!(seen, expected);
    host.stop().await;
}

async fn a_task_that_is_for_later_is_performed_then_and_can_be_taken_back(broker: TestBroker) {
    let mut host = working(&broker).await;
    let mut later = async |headers: Value| {
        let task = job(&json!({ "do": "later", "headers": headers }));
        enqueue(&host.host.broker, &task).await;
        (host.record(&task.id).await, task)
    };
    let moment = Timestamp::from_millis(Timestamp::now().millis() + 2000);
    let (taken_back, _) = later(json!({ "deliver-at": moment.millis().to_string(), "deliver-id": "a" })).await;
    assert_eq!(taken_back.settlement, Settlement::Done);
    let (made, task) = later(json!({ "Deliver-At": moment.millis().to_string(), "colour": "blue" })).await;
    assert_eq!(made.settlement, Settlement::Done);
    assert_eq!(later(json!({ "deliver-at": "never", "deliver-id": "a" })).await.0.settlement, Settlement::Done);
    let (refused, _) = later(json!({ "deliver-at": "soon" })).await;
    let Settlement::Retried { reason, .. } = refused.settlement else { panic!("{:?}", refused.settlement) };
    assert!(reason.contains("deliver-at"), "{reason}");

    let check = host.tasks("laborer.job.check", 1).await.remove(0);
    assert_eq!(check.id, MessageId::derived(&task.id, &plugin("laborer"), Maker::Handler, 0));
    assert!(check.time >= moment, "{:?}", check.time);
    let headers: Vec<_> = check.headers.keys().map(String::as_str).collect();
    assert_eq!(headers, ["colour", "traceparent"]);
    assert_eq!(
        host.host.broker.depth(&QueueName::task(&"laborer.job.check".parse().expect("legal"))).await,
        Ok(Some(0))
    );
    host.stop().await;
}
