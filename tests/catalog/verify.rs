//! Components that fit the contract by their looks, and not by what they say or want.

use leveret::schedule::Missed;
use leveret_tests::guests;
use leveret_tests::wat::importing;

use super::*;

/// Puts a subscriber in place and returns why it is refused.
async fn refusal(subscriber: Subscriber<'_>) -> String {
    let bench = Bench::new();
    bench.put("a.wasm", &subscriber.build());
    let reason = bench.refused("a.wasm").await;
    assert!(bench.catalog.live().borrow().is_empty());
    reason
}

/// Why a `describe` of this body is refused.
async fn describe(body: &str) -> String {
    let reason = refusal(Subscriber { describe: body, ..Subscriber::default() }).await;
    assert!(reason.contains("`describe` failed"), "{reason}");
    reason
}

#[tokio::test]
async fn a_describe_that_traps_is_refused() {
    let reason = describe("unreachable").await;
    assert!(reason.contains("unreachable"), "{reason}");
}

#[tokio::test]
async fn i6_a_describe_that_never_ends_is_refused() {
    let reason = describe("(loop $again (br $again)) unreachable").await;
    assert!(reason.contains("time limit of 1s"), "{reason}");
}

#[tokio::test]
async fn i6_a_start_function_that_never_ends_is_refused() {
    let more = "(func $start (loop $again (br $again))) (start $start)";
    let reason = refusal(Subscriber { more, ..Subscriber::default() }).await;
    assert!(reason.contains("`describe` failed") && reason.contains("time limit"), "{reason}");
}

#[tokio::test]
async fn i6_a_describe_that_recurses_for_ever_is_refused() {
    let more = "(func $deeper (call $deeper) (call $deeper))";
    let reason = refusal(Subscriber { describe: "(call $deeper) i32.const 0", more, ..Subscriber::default() }).await;
    assert!(reason.contains("`describe` failed") && reason.contains("stack"), "{reason}");
}

#[tokio::test]
async fn i6_a_describe_that_takes_all_memory_is_refused() {
    let reason =
        describe("(loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable").await;
    assert!(reason.contains("more memory than its limit"), "{reason}");
}

#[tokio::test]
async fn i6_a_memory_beyond_the_limit_from_the_start_is_refused() {
    // Two gigabytes, before a single instruction runs.
    let more = "(memory $huge 32768)";
    let reason = refusal(Subscriber { more, ..Subscriber::default() }).await;
    assert!(reason.contains("memory") || reason.contains("memories"), "{reason}");
}

#[tokio::test]
async fn a_describe_that_returns_nonsense_is_refused() {
    let cases = [
        // The version's address lies beyond the memory.
        ("(i32.store (i32.const 1024) (i32.const -16)) i32.const 1024", "out of bounds"),
        // The version is longer than the memory.
        ("(i32.store (i32.const 1028) (i32.const 1000000)) i32.const 1024", "out of bounds"),
        // The version is not UTF-8.
        ("(i32.store8 (i32.const 2048) (i32.const 255)) i32.const 1024", "utf-8"),
        // The description itself lies beyond the memory, or askew.
        ("i32.const -8", "out of bounds"),
        ("i32.const 1025", "not aligned"),
        // More subscriptions than fit anywhere.
        ("(i32.store (i32.const 1044) (i32.const 0x0fffffff)) i32.const 1024", "out of bounds"),
        // An option that is neither there nor not.
        ("(i32.store (i32.const 1072) (i32.const 7)) i32.const 1024", "discriminant"),
    ];
    for (body, words) in cases {
        let reason = describe(body).await;
        assert!(reason.contains(words), "{body}: {reason}");
    }
}

#[tokio::test]
async fn i3_a_name_that_is_illegal_is_refused() {
    for event in
        ["happened", "thing.*", "#", "amq.topic", "leveret.dead.a", "thing happened.now", "thing.happened\0", ""]
    {
        let reason = refusal(Subscriber { subscriptions: &[event], ..Subscriber::default() }).await;
        assert!(reason.contains("`subscriptions`") && reason.contains("event name"), "{event:?}: {reason}");
    }
    for task in ["", ".", "../billing.pay", "e mail.send", "e\u{301}mail.send", "email.send.", "x/y"] {
        let reason = refusal(Subscriber { emits: &[task], ..Subscriber::default() }).await;
        assert!(reason.contains("`emits`") && reason.contains("task name"), "{task:?}: {reason}");
    }
}

#[tokio::test]
async fn i3_a_foreign_task_s_name_is_one_of_the_own_application() {
    let bench = Bench::new();
    let bytes = Subscriber { emits: &["billing.invoice.pay", "leveret.dead.b"], ..Subscriber::default() }.build();
    bench.put("a.wasm", &bytes);
    bench.live("a", &bytes).await;
    let live = bench.catalog.live().borrow().clone();
    let emits: Vec<_> =
        live.values().flat_map(|live| &live.description.emits).map(|task| task.as_str().to_owned()).collect();
    assert_eq!(emits, ["a.billing.invoice.pay", "a.leveret.dead.b"]);
}

#[tokio::test]
async fn a_description_without_sense_is_refused_with_all_that_is_wrong() {
    let twice = ["thing.happened", "thing.happened"];
    let reason = refusal(Subscriber { version: "", subscriptions: &twice, ..Subscriber::default() }).await;
    assert!(reason.contains("`version` is empty") && reason.contains("twice"), "{reason}");
    let reason = refusal(Subscriber { version: "1\n2", ..Subscriber::default() }).await;
    assert!(reason.contains("control character"), "{reason}");
    let reason = refusal(Subscriber { version: &"1".repeat(65), ..Subscriber::default() }).await;
    assert!(reason.contains("64 bytes"), "{reason}");
    let reason = refusal(Subscriber { subscriptions: &[], ..Subscriber::default() }).await;
    assert!(reason.contains("neither subscriptions nor tasks"), "{reason}");
}

#[tokio::test]
async fn an_import_that_is_not_granted_is_refused_by_its_name() {
    let cases = [
        ("wasi:http/outgoing-handler@0.2.0", "a subscriber is pure"),
        ("wasi:keyvalue/store@0.2.0-draft", "a subscriber is pure"),
        ("wasi:nn/graph@0.2.0-rc", "does not serve"),
        ("acme:bank/vault@1.0.0", "no such interface"),
    ];
    for (import, why) in cases {
        let bench = Bench::new();
        bench.put("a.wasm", &importing(import));
        let reason = bench.refused("a.wasm").await;
        assert!(reason.contains(import) && reason.contains(why), "{reason}");
    }
}

#[tokio::test]
async fn i6_while_one_plugin_is_stuck_in_describe_others_come_live() {
    let bench = Bench::new();
    let stuck = Subscriber { describe: "(loop $again (br $again)) unreachable", ..Subscriber::default() }.build();
    for app in ["a", "b", "c"] {
        bench.put(&format!("{app}.wasm"), &stuck);
    }
    bench.looked_again().await;
    for app in ["a", "b", "c"] {
        bench.refused(&format!("{app}.wasm")).await;
    }
}

#[tokio::test]
async fn what_a_plugin_wants_announced_in_time_is_known_once_it_is_live() {
    let bench = Bench::new();
    let laborer = guests::bytes("laborer");
    bench.put("laborer.wasm", &laborer);
    bench.live("laborer", &laborer).await;
    let live = bench.catalog.live().borrow().values().next().expect("it is live").clone();
    let [timed] = &live.description.timetable[..] else { panic!("{:?}", live.description.timetable) };
    let told = (timed.event.as_str(), timed.schedule.to_string(), timed.schedule.zone().name());
    assert_eq!(told, ("job.due", "cron 0 0 1 1 *".to_owned(), "Europe/Berlin"));
    assert_eq!(timed.missed, Missed::Skip);
}

#[tokio::test]
async fn a_timetable_with_a_schedule_that_is_none_is_refused() {
    let (good, bad) = (b"0 0 1 1 *", b"0 0 1 1 x");
    let mut laborer = guests::bytes("laborer");
    let at = (0..laborer.len()).find(|&at| laborer[at..].starts_with(good)).expect("it is in the file");
    laborer[at..at + good.len()].copy_from_slice(bad);
    let bench = Bench::new();
    bench.put("laborer.wasm", &laborer);
    let reason = bench.refused("laborer.wasm").await;
    assert!(reason.contains("`timetable`") && reason.contains("job.due"), "{reason}");
}
