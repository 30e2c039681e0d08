//! Every hostile plugin is contained: it is refused with a reason, or its deliveries fail with one, and the puppet beside it
//! goes on (I6).

use leveret::catalog::PluginState;
use leveret_tests::host::put;
use leveret_tests::hostile::{self, EVENT, Fate, Hostile, PLACE, REPORT};
use leveret_tests::wait::until;

use super::*;

/// Some deliveries at a time, so that what one does not reach, several do.
const TIMES: usize = 3;

/// Makes a test of each hostile plugin by its name.
macro_rules! contained {
    ($($name:ident),* $(,)?) => {
        const TESTED: &[&str] = &[$(stringify!($name)),*];
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                contain(hostile::named(stringify!($name))).await;
            }
        )*
    };
}

contained! {
    loops_in_describe,
    loops_in_its_handler,
    loops_in_a_start_function,
    loops_as_the_host_asks_it_for_memory,
    traps_in_a_start_function,
    traps_in_drop,
    loops_in_drop,
    recurses_without_end,
    grows_its_memory_without_end,
    fills_its_memory_again_and_again,
    grows_a_table_without_end,
    declares_4_gib_of_memory,
    declares_more_memory_than_is_granted,
    declares_a_table_of_100_million,
    declares_100_memories,
    declares_300_tables,
    returns_a_list_of_four_billion,
    returns_a_list_of_a_million_empty_tasks,
    returns_a_list_beyond_its_memory,
    returns_an_address_beyond_its_memory,
    returns_an_address_that_is_not_aligned,
    returns_what_is_neither_success_nor_failure,
    emits_a_text_beyond_its_memory,
    emits_a_text_of_4_gib,
    emits_a_text_that_is_not_utf_8,
    emits_a_text_with_a_surrogate,
    describes_itself_with_a_text_beyond_its_memory,
    describes_four_billion_subscriptions,
    describes_a_limit_that_is_no_option,
    gives_the_host_memory_that_is_not_there,
    describes_forged_names,
    subscribes_to_forged_names,
    floods_the_log,
    hands_the_host_100_mib,
    logs_what_is_not_there,
    calls_the_host_without_end,
    asks_the_host_for_100_mib,
    imports_http_as_a_subscriber,
    imports_an_interface_that_nobody_knows,
    is_a_program_of_the_system,
    is_an_empty_component,
    ends_in_the_middle,
    takes_minutes_to_compile_by_its_locals,
    takes_minutes_to_compile_by_its_nesting,
    takes_minutes_to_compile_by_its_calls,
    takes_minutes_to_compile_by_what_its_blocks_carry,
    takes_minutes_to_compile_by_what_its_calls_return,
    takes_minutes_to_compile_by_locals_of_many_functions,
    is_as_heavy_as_is_let_in,
    instantiates_a_billion_modules,
    instantiates_6000_modules,
    instantiates_components_that_it_is_given,
    has_a_segment_of_a_million_elements,
    writes_far_apart_as_it_begins,
    reaches_for_files_in_rust,
    reaches_for_the_environment_in_rust,
    reaches_for_sockets_in_rust,
    reaches_for_names_in_rust,
    reaches_for_the_clock_in_rust,
    reaches_for_threads_and_processes_in_rust,
    sleeps_for_an_hour,
    ends_the_process,
    prints_without_end,
    steers_the_terminal_of_whoever_reads_the_log,
    emits_as_much_as_it_may,
    emits_more_than_it_may,
    forges_the_attempt,
    forges_the_tid,
    forges_a_death,
    routes_to_another_queue,
    hides_a_header_behind_a_nul,
    emits_for_another_application,
    climbs_out_of_its_application,
    emits_a_name_with_a_nul,
    emits_a_name_of_look_alikes,
    emits_a_name_with_a_full_width_dot,
    emits_a_name_in_another_case,
    emits_a_name_of_300_bytes,
    reaches_for_files_in_c,
    reaches_for_the_environment_in_c,
    writes_wherever_it_can_in_c,
    jumps_wherever_it_can_in_c,
    recurses_without_end_in_c,
    loops_in_c,
    ends_the_process_in_c,
    prints_without_end_in_c,
}

#[test]
fn every_hostile_plugin_has_a_test() {
    assert_eq!(hostile::all().map(|hostile| hostile.name).collect::<Vec<_>>(), TESTED);
}

/// A host with the puppet, on which nothing may take long, and which grants enough to do harm with.
async fn stage() -> Stage {
    Stage::with(|settings| {
        settings.delivery.time_limit = "500ms".parse().expect("a legal time");
        settings.delivery.memory_limit = "128MiB".parse().expect("a legal size");
        settings.delivery.retry.minimum = "1h".parse().expect("a legal time");
        settings.delivery.retry.maximum = "1h".parse().expect("a legal time");
    })
    .await
}

async fn contain(hostile: &Hostile) {
    let Some(file) = (hostile.file)() else {
        assert!(std::env::var_os("CI").is_none(), "it was not built");
        eprintln!(
            "!!! SKIPPED: {}: it was not built; `./dev test sandbox` does, where Zig can be installed",
            hostile.name
        );
        return;
    };
    let mut stage = stage().await;
    put(&stage.host.plugins, PLACE, &file);
    match hostile.fate {
        Fate::Refused(words) => {
            let reason = refusal(&stage).await;
            assert!(words.iter().any(|word| reason.contains(word)), "{reason}");
        }
        Fate::Failed(words) => {
            for record in deliver(&mut stage, hostile).await {
                let Settlement::Retried { reason, .. } = &record.settlement else { panic!("{record:?}") };
                assert!(words.iter().any(|word| reason.contains(word)), "{reason}");
                assert!(record.emitted.is_empty(), "{record:?}");
            }
        }
        Fate::Reached => {
            for record in deliver(&mut stage, hostile).await {
                assert_eq!(record.settlement, Settlement::Done, "{record:?}");
                let task = broker::take_one(&stage.host.host.broker, broker::tasks(REPORT)).await;
                assert_eq!(hostile::reached(&task.body), [""; 0]);
            }
        }
        Fate::Done => {
            for record in deliver(&mut stage, hostile).await {
                assert_eq!(record.settlement, Settlement::Done, "{record:?}");
                assert!(record.emitted.iter().all(|emitted| emitted.name == REPORT), "{record:?}");
            }
        }
    }
    stage.lives().await;
    stage.host.stop().await;
}

/// Why the hostile plugin is not let in.
async fn refusal(stage: &Stage) -> String {
    until("a refusal", async || {
        let status = stage.host.host.catalog.status();
        let state = status.into_iter().find(|status| status.file.ends_with(PLACE)).map(|status| status.state);
        match state {
            Some(PluginState::Refused { reason, .. }) => Some(reason),
            Some(PluginState::Live { .. }) => panic!("it was let in"),
            _ => None,
        }
    })
    .await
}

/// Lets it hear some events, and the puppet handle one meanwhile.
async fn deliver(stage: &mut Stage, hostile: &Hostile) -> Vec<Record> {
    let mut ids = Vec::new();
    for _ in 0..TIMES {
        ids.push(stage.host.publish(EVENT, hostile.payload).await);
    }
    stage.lives().await;
    let mut records = Vec::new();
    for id in ids {
        records.push(stage.host.record(&id).await);
    }
    records
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_bad_files_at_once_are_all_refused_and_the_puppet_goes_on() {
    let mut stage = stage().await;
    let bad: Vec<Vec<u8>> = hostile::all()
        .filter(|hostile| matches!(hostile.fate, Fate::Refused(words) if !words.contains(&"limit of")))
        .filter_map(|hostile| (hostile.file)())
        .collect();
    for number in 0..1000 {
        put(&stage.host.plugins, &format!("bad/number-{number}.wasm"), &bad[number % bad.len()]);
    }
    stage.lives().await;
    until("1,000 refusals", async || {
        let status = stage.host.host.catalog.status();
        let refused = status.iter().filter(|status| matches!(status.state, PluginState::Refused { .. }));
        (refused.count() == 1000).then_some(())
    })
    .await;
    stage.lives().await;
    stage.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i3_a_tid_in_a_payload_forges_none() {
    let mut stage = Stage::new().await;
    let record = stage.settled(json!({ "do": "emit-raw", "payload": r#"{"tid": "forged", "TID": "forged"}"# })).await;
    let task = stage.host.tasks(ECHO, 1).await.remove(0);
    assert_eq!(task.tid, record.tid);
}
