//! `leveret clock`.

use leveret_tests::wait::until;
use serde_json::Value;

use super::operate::ready;
use super::{configured, directory, leveret};

#[test]
fn the_next_ticks_are_told_without_a_host() {
    let home =
        configured("[clock]\nzone = \"Europe/Berlin\"\n[clock.event.\"shop.opened\"]\ncron = \"30 8 * * MON-FRI\"\n");
    let next = |arguments: &[&str]| {
        let ended = leveret(home.path(), &[], &[&["clock", "next", "--json"], arguments].concat());
        assert_eq!(ended.code, 0, "{}", ended.error);
        serde_json::from_str::<Value>(&ended.output).expect("JSON")
    };
    let opened = next(&["shop.opened", "--count", "7"]);
    let ticks = opened["ticks"].as_array().expect("a list");
    assert_eq!((ticks.len(), &opened["zone"]), (7, &"Europe/Berlin".into()));
    assert!(ticks.iter().all(|tick| tick.as_str().is_some_and(|tick| tick.contains("T08:30:00+0"))), "{ticks:?}");
    let minutes = next(&["time.five-minutes.passed", "--zone", "UTC"]);
    assert_eq!((minutes["ticks"].as_array().map(Vec::len), &minutes["schedule"]), (Some(5), &"every 5 minutes".into()));
    let cron = next(&["--cron", "0 0 29 2 *", "--count", "1"]);
    assert!(cron["ticks"][0].as_str().is_some_and(|tick| tick.contains("-02-29T00:00:00+01:00")), "{cron}");
    let said = leveret(home.path(), &[], &["clock", "next", "shop.opened"]);
    assert!(said.output.starts_with("cron 30 8 * * MON-FRI, Europe/Berlin\n20"), "{}", said.output);
}

#[test]
fn what_cannot_be_read_is_refused_with_what_was_meant() {
    let next = |arguments: &[&str]| leveret(directory().path(), &[], &[&["clock", "next"], arguments].concat());
    let typo = next(&["time.one-hour.passsed"]);
    assert_eq!(typo.code, 1);
    assert!(typo.error.contains("did you mean `time.one-hour.passed`?"), "{}", typo.error);
    let zone = next(&["time.one-hour.passed", "--zone", "Europe/Belrin"]);
    assert_eq!(zone.code, 2);
    assert!(zone.error.contains("did you mean \"Europe/Berlin\"?"), "{}", zone.error);
    assert_eq!(next(&["--cron", "every day"]).code, 1);
    assert_eq!(next(&[]).code, 2);
}

#[test]
fn a_configuration_that_cannot_be_due_names_its_place() {
    let home = configured("[clock]\nevents = [\"time.one-day.passed\", \"time.fife-minutes.passed\"]\n");
    let ended = leveret(home.path(), &[], &["config", "check"]);
    assert_eq!(ended.code, 2);
    for words in ["leveret.toml:2:34", "`clock.events`", "did you mean `time.five-minutes.passed`?"] {
        assert!(ended.error.contains(words), "{words} is missing in {}", ended.error);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_host_lists_what_it_keeps_and_announces_it_by_hand() {
    let settings = "[clock]\nmissed = \"skip\"\nevents = [\"time.one-year.passed\"]\n\
                    [clock.event.\"shop.opened\"]\nat = \"2090-01-01T08:00:00Z\"\n";
    let home = configured(settings);
    std::fs::create_dir(home.path().join("plugins")).expect("a directory");
    let process = ready(home.path()).await;
    let address = process.api().trim_start_matches("http://").to_owned();
    let run = |arguments: &[&str]| leveret(home.path(), &[("LEVERET_ADMIN_ADDRESS", &address)], arguments);
    let kept = until("what is kept", async || {
        let listed: Value = serde_json::from_str(&run(&["clock", "list", "--json"]).output).expect("JSON");
        let kept = listed["events"].clone();
        (kept.as_array().is_some_and(|all| all.iter().all(|one| one["keeps"] == true) && all.len() == 2))
            .then_some(kept)
    })
    .await;
    assert_eq!((&kept[0]["event"], &kept[0]["next_ms"]), (&"shop.opened".into(), &3_786_940_800_000_u64.into()));
    assert_eq!((&kept[1]["schedule"], &kept[1]["missed"]), (&"every year".into(), &"skip".into()));
    assert_eq!(kept[1]["wanted_by"], serde_json::json!(["configuration"]));
    let said = run(&["clock", "list"]).output;
    assert!(said.contains("time.one-year.passed  every year") && said.contains("this host"), "{said}");

    let fired = run(&["clock", "fire", "shop.opened", "--json"]);
    assert_eq!(fired.code, 0, "{}", fired.error);
    assert!(serde_json::from_str::<Value>(&fired.output).expect("JSON")["id"].is_string());
    let unknown = run(&["clock", "fire", "time.one-day.passed"]);
    assert_eq!(unknown.code, 1);
    assert!(unknown.error.contains("shop.opened, time.one-year.passed"), "{}", unknown.error);
}
