//! Settings from files and the environment, and what is wrong with them.

mod clock;

use std::num::NonZeroU32;

use super::*;

/// Loads a text as `leveret.toml`, with variables over it.
fn load_text(text: &str, variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join(FILE);
    std::fs::write(&file, text).expect("writable");
    let variables = variables.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    load(Some(&file), variables)
}

/// The problems of a text, with the file's directory left out.
fn problems(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let error = load_text(text, variables).expect_err("problems");
    let from_file_name = |problem: String| match problem.split_once(&format!("/{FILE}:")) {
        Some((_, rest)) => format!("{FILE}:{rest}"),
        None => problem,
    };
    error.problems().iter().map(ToString::to_string).map(from_file_name).collect()
}

#[test]
fn every_setting_has_a_default() {
    assert_eq!(load_text("", &[]), Ok(Settings::default()));
}

#[test]
fn a_named_file_must_be_there() {
    let directory = tempfile::tempdir().expect("a directory");
    let error = load(Some(&directory.path().join("other.toml")), std::iter::empty()).expect_err("it is missing");
    assert!(error.to_string().contains("other.toml: cannot be read: No such file"), "{error}");
}

#[test]
fn a_file_that_nobody_named_may_be_missing() {
    assert_eq!(read(Path::new("there/is/no/leveret.toml"), true), Ok(String::new()));
}

#[test]
fn the_environment_is_stronger_than_the_file() {
    let text = "[delivery]\nprefetch = 7\nretry = { factor = 3 }\n[broker.rabbitmq]\ntid-in-body = true";
    let variables = [
        ("LEVERET_DELIVERY_PREFETCH", "9"),
        ("LEVERET_BROKER_URL", "amqp://localhost"),
        ("LEVERET_BROKER_RABBITMQ_TID_IN_BODY", "false"),
        ("LEVERET_DELIVERY_RETRY_MINIMUM", "2s"),
        ("LEVERET_CONFIG", "other.toml"),
        ("HOME", "/home/hare"),
    ];
    let settings = load_text(text, &variables).expect("legal");
    assert_eq!(settings.delivery.prefetch.get(), 9);
    assert_eq!(settings.broker.url.secret_url(), Some("amqp://localhost"));
    assert!(!settings.broker.rabbitmq.tid_in_body);
    assert_eq!(settings.delivery.retry.factor.get(), 3.0);
    assert_eq!(settings.delivery.retry.minimum.to_string(), "2s");
}

#[test]
fn a_plugin_has_the_general_settings_but_for_its_own() {
    let text = "[delivery]\nretry.attempts = 4\n[plugin.\"pheidi/receipts\"]\nprefetch = 1\nretry.minimum = \"5s\"";
    let settings = load_text(text, &[]).expect("legal");
    let key: crate::config::PluginKey = "pheidi/receipts".parse().expect("legal");
    let delivery = settings.delivery_of(key.plugin());
    assert_eq!((delivery.prefetch.get(), delivery.retry.attempts.limit().map_or(0, NonZeroU32::get)), (1, 4));
    assert_eq!(delivery.retry.minimum.to_string(), "5s");
    let other: crate::config::PluginKey = "docker".parse().expect("legal");
    assert_eq!(settings.delivery_of(other.plugin()), settings.delivery);
}

#[test]
fn a_subscription_has_its_plugin_s_settings_but_for_its_own() {
    let text = "[plugin.p]\nprefetch = 4\nbreaker.ratio = 0.9\n\
                [plugin.p.subscription.\"a.b\"]\nprefetch = 2\nretry.jitter = 1.0";
    let settings = load_text(text, &[]).expect("legal");
    let plugin = "p".parse::<crate::config::PluginKey>().expect("legal").plugin().clone();
    let of = |event: &str| settings.delivery_of_subscription(&plugin, &event.parse().expect("legal"));
    assert_eq!((of("a.b").prefetch.get(), of("a.b").retry.jitter.get(), of("a.b").breaker.ratio.get()), (2, 1.0, 0.9));
    assert_eq!(of("a.c"), settings.delivery_of(&plugin));
}

#[test]
fn a_variable_may_hold_a_word_a_number_or_a_table() {
    let variables = [
        ("LEVERET_DELIVERY_RETRY_ATTEMPTS", "unlimited"),
        ("LEVERET_DELIVERY_CONCURRENCY", "3"),
        ("LEVERET_DELIVERY_ORDER_KEY", r#"{"header": "x-customer"}"#),
    ];
    let delivery = load_text("", &variables).expect("legal").delivery;
    assert_eq!(delivery.retry.attempts.limit(), None);
    assert_eq!(delivery.concurrency.within(delivery.prefetch).get(), 3);
    assert_eq!(delivery.order_key, crate::config::OrderKey::Header("x-customer".into()));
}

#[test]
fn a_problem_names_its_place_its_key_and_the_way_out() {
    let cases = [
        (
            "\n[delivery]\nprefech = 1",
            "leveret.toml:3:1: unknown key `delivery.prefech`; did you mean `delivery.prefetch`?",
        ),
        (
            "delivery.prefech = 1",
            "leveret.toml:1:10: unknown key `delivery.prefech`; did you mean `delivery.prefetch`?",
        ),
        ("[brokr]\nurl = 1", "leveret.toml:1:2: unknown key `brokr`; did you mean `broker`?"),
        ("prefetch = 1", "leveret.toml:1:1: unknown key `prefetch`; did you mean `delivery.prefetch`?"),
        ("[shutdown]\ncolour = 1", "leveret.toml:2:1: unknown key `shutdown.colour`; here it can be `grace`"),
        (
            "[plugin.pheidi]\nretry.atempts = 1",
            "leveret.toml:2:7: unknown key `plugin.pheidi.retry.atempts`; did you mean `plugin.pheidi.retry.attempts`?",
        ),
        (
            "[broker]\n  url = \"ampq://u:hunter2@h\"",
            "leveret.toml:2:9: `broker.url`: \"ampq://…\" is not a broker: use \"embedded\", \"amqp://…\" or \"amqps://…\"",
        ),
        ("broker = 5", "leveret.toml:1:10: `broker`: 5 is not allowed: must be a table"),
        ("broker.url = 5", "leveret.toml:1:14: `broker.url`: 5 is not allowed: must be a text, such as \"embedded\""),
        (
            "[broker.url]\nhost = \"h\"",
            "leveret.toml:1:1: `broker.url`: {\"host\":\"h\"} is not allowed: must be a text, such as \"embedded\"",
        ),
        (
            "delivery.prefetch = 0",
            "leveret.toml:1:21: `delivery.prefetch`: 0 is not allowed: must be a whole number, 1 to 65535",
        ),
        (
            "delivery.prefetch = 99999999999999999999",
            "leveret.toml:1:21: `delivery.prefetch`: 99999999999999999999 is not allowed: must be a whole number, 1 to 65535",
        ),
        (
            "delivery.retry.attempts = \"ten\"",
            "leveret.toml:1:27: `delivery.retry.attempts`: \"ten\" is not allowed: must be a whole number, 1 to 4294967295, or \"unlimited\"",
        ),
        (
            "delivery.retry.factor = 0.5",
            "leveret.toml:1:25: `delivery.retry.factor`: 0.5 is not allowed: must be a number of at least 1",
        ),
        (
            "delivery.retry.factor = inf",
            "leveret.toml:1:25: `delivery.retry.factor`: inf is not allowed: must be a number of at least 1",
        ),
        (
            "delivery.time-limit = \"10\"",
            "leveret.toml:1:23: `delivery.time-limit`: \"10\" is not a length of time: use numbers with units, such as \"250ms\", \"30s\" or \"1h 30m\"",
        ),
        (
            "log.level = 2026-01-01",
            "leveret.toml:1:13: `log.level`: 2026-01-01 is not allowed: must be a text, such as \"info\"",
        ),
        (
            "log.format = \"jsn\"",
            "leveret.toml:1:14: `log.format`: \"jsn\" is not allowed: must be \"auto\", \"human\" or \"json\"; did you mean \"json\"?",
        ),
        (
            "broker.rabbitmq.tid-in-body = \"yes\"",
            "leveret.toml:1:31: `broker.rabbitmq.tid-in-body`: \"yes\" is not allowed: must be true or false",
        ),
        (
            "admin.address = \"localhost\"",
            "leveret.toml:1:17: `admin.address`: \"localhost\" is not an address: use an IP address with a port, such as \"127.0.0.1:7431\"",
        ),
        (
            "[plugin.Pheidi]",
            "leveret.toml:1:9: `plugin.Pheidi`: \"Pheidi\" is not a plugin: use \"app\" or \"app/plugin\"; the application name \"Pheidi\" has 'P', which is not allowed: use lower-case letters, digits, '-' and '_' of ASCII",
        ),
        ("[plugin.\"a/a\"]", "leveret.toml:1:9: `plugin.\"a/a\"`: \"a/a\" is the main plugin of \"a\": write \"a\""),
        (
            "delivery.concurrency = 0",
            "leveret.toml:1:24: `delivery.concurrency`: 0 is not allowed: must be a whole number, 1 to 65535, or \"prefetch\"",
        ),
        (
            "delivery.retry.jitter = 1.5",
            "leveret.toml:1:25: `delivery.retry.jitter`: 1.5 is not allowed: must be a number from 0 to 1",
        ),
        (
            "delivery.ordering = \"keys\"",
            "leveret.toml:1:21: `delivery.ordering`: \"keys\" is not allowed: must be \"none\", \"key\" or \"queue\"; did you mean \"key\"?",
        ),
        (
            "[delivery]\norder-key = { pointer = \"customer\" }",
            "leveret.toml:2:13: `delivery.order-key`: \"customer\" is not a JSON pointer (RFC 6901): it begins with '/', and '~' is followed by 0 or 1",
        ),
        (
            "[app.pheidi]\nrate-limit = \"many\"",
            "leveret.toml:2:14: `app.pheidi.rate-limit`: \"many\" is not a rate: use a number and a time, such as \"100/s\", or { count = 100, per = \"1s\", burst = 20 }",
        ),
        (
            "[app.\"a/b\"]",
            "leveret.toml:1:6: `app.\"a/b\"`: \"a/b\" is not an application: the application name \"a/b\" has '/', which is not allowed: use lower-case letters, digits, '-' and '_' of ASCII",
        ),
        (
            "[plugin.p.subscription.\"user.*\"]",
            "leveret.toml:1:24: `plugin.p.subscription.\"user.*\"`: \"user.*\" is not an event: the event name \"user.*\" has '*', which is not allowed: use letters, digits, '-', '_' and '.' of ASCII",
        ),
        (
            "[plugin.p.subscription.\"a.b\"]\nexchange = { name = \"x\", type = \"topic\" }",
            "leveret.toml:2:12: `plugin.p.subscription.\"a.b\".exchange`: this is not an exchange that can be bound: `keys` must be there for the types \"direct\" and \"topic\", and for no other",
        ),
        (
            "[plugin.p.subscription.\"a.b\"]\noutput-count = 1",
            "leveret.toml:2:1: unknown key `plugin.p.subscription.\"a.b\".output-count`; did you mean `delivery.output-count`?",
        ),
        (
            "[ledger]\nredis = \"hunter2\"",
            "leveret.toml:2:9: `ledger.redis`: this is not a Redis: use \"redis://…\", or \"\" for none",
        ),
        (
            "[[plugin.p.grants.http.allow]]\nhost = \"api.example\"\n[[plugin.p.grants.http.allow]]\nhost = \"API.example\"",
            "leveret.toml:3:1: `plugin.p.grants.http.allow`: `host`: \"API.example\" is not a host that can be granted: write it in lower case",
        ),
        (
            "[plugin.p.grants.http]\nallow = [{ host = \"api.example\" }, { host = \"api.example\", prots = [1] }]",
            "leveret.toml:2:36: `plugin.p.grants.http.allow`: `prots`: unknown field `prots`, expected one of `host`, `ports`, `methods`, `plain`, `addresses`",
        ),
        (
            "[plugin.p.grants.http]\nallow = [{ host = \"api.example\", ports = [0] }]",
            "leveret.toml:2:10: `plugin.p.grants.http.allow`: `ports`: invalid value: integer `0`, expected a nonzero u16",
        ),
        (
            "[plugin.p.grants.http]\nallow = [{ ports = [443] }]",
            "leveret.toml:2:10: `plugin.p.grants.http.allow`: missing field `host`",
        ),
        (
            "[plugin.p.grants.keyvalue]\nbuckets = [\"sent\", \"../x\"]",
            "leveret.toml:2:20: `plugin.p.grants.keyvalue.buckets`: \"../x\" is not a bucket: the bucket name \"../x\" has '.', which is not allowed: use lower-case letters, digits, '-' and '_' of ASCII",
        ),
        (
            "[plugin.p.grants.secrets]\ntoken = \"hunter2\"",
            "leveret.toml:2:9: `plugin.p.grants.secrets.token`: this is not allowed: must be a table, such as { env = \"MAIL_API_KEY\" }",
        ),
        (
            "[plugin.p.grants]\nnetwork = true",
            "leveret.toml:2:1: unknown key `plugin.p.grants.network`; here it can be `clock`, `http`, `keyvalue`, `randomness` or `secrets`",
        ),
        ("plugin.pheidi = 1", "leveret.toml:1:17: `plugin.pheidi`: 1 is not allowed: must be a table"),
        (
            "[plugin.pheidi]\nmemory-limit = \"much\"",
            "leveret.toml:2:16: `plugin.pheidi.memory-limit`: \"much\" is not a size: use a whole number with B, KiB, MiB or GiB, such as \"64 MiB\"",
        ),
        ("# é\ndelivery = { é = 1 }", "leveret.toml:2:14: this is not TOML: "),
        ("[delivery\nprefetch = 1", "leveret.toml:1:10: this is not TOML: "),
        ("[log]\nlevel = \"a\"\nlevel = \"b\"", "leveret.toml:3:1: this is not TOML: duplicate key"),
    ];
    for (text, expected) in cases {
        let problems = problems(text, &[]);
        let matches =
            if expected.contains("not TOML") { problems[0].starts_with(expected) } else { problems == [expected] };
        assert!(matches, "{text}\nexpected {expected}\ngot      {problems:#?}");
    }
}

#[test]
fn a_wrong_variable_is_named_with_what_it_should_be() {
    let cases = [
        (
            ("LEVERET_DELIVERY_PREFETCH", "70000"),
            "LEVERET_DELIVERY_PREFETCH: `delivery.prefetch`: 70000 is not allowed: must be a whole number, 1 to 65535",
        ),
        (
            ("LEVERET_DELIVERY_PREFETCH", ""),
            "LEVERET_DELIVERY_PREFETCH: `delivery.prefetch`: \"\" is not allowed: must be a whole number, 1 to 65535",
        ),
        (
            ("LEVERET_DELIVERY_PREFECH", "7"),
            "LEVERET_DELIVERY_PREFECH: no setting has this variable; did you mean LEVERET_DELIVERY_PREFETCH?",
        ),
        (
            ("LEVERET_PLUGIN_PHEIDI_PREFETCH", "7"),
            "LEVERET_PLUGIN_PHEIDI_PREFETCH: no setting has this variable; settings of single plugins are made in leveret.toml",
        ),
        (
            ("LEVERET_X", "7"),
            "LEVERET_X: no setting has this variable; `leveret config print` shows the variable of every setting",
        ),
        (
            ("LEVERET_BROKER_URL", "http://u:hunter2@h"),
            "LEVERET_BROKER_URL: `broker.url`: \"http://…\" is not a broker: use \"embedded\", \"amqp://…\" or \"amqps://…\"",
        ),
    ];
    for (variable, expected) in cases {
        assert_eq!(problems("", &[variable]), [expected]);
    }
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let cases = [
        (
            "[delivery.retry]\nminimum = \"2h\"",
            "leveret.toml:2:11: `delivery.retry.minimum` (2h) must be at most `delivery.retry.maximum` (1h)",
        ),
        (
            "[plugin.pheidi]\nretry.minimum = \"2h\"",
            "leveret.toml:2:17: `plugin.pheidi.retry.minimum` (2h) must be at most `plugin.pheidi.retry.maximum` (1h)",
        ),
        (
            "[delivery.retry]\nmaximum = \"50days\"",
            "leveret.toml:2:11: `delivery.retry.maximum` (1month 19days 13h 26m 24s) must be at most 49 days",
        ),
        (
            "[delivery]\nmemory-limit = \"1 GiB\"",
            "leveret.toml:2:16: `delivery.memory-limit` (1 GiB) must be at most `sandbox.memory-maximum` (256 MiB)",
        ),
        (
            "[delivery]\npayload-limit = \"65 MiB\"",
            "leveret.toml:2:17: `delivery.payload-limit` (65 MiB) must be at most `delivery.memory-limit` (64 MiB)",
        ),
        (
            "[delivery]\nconcurrency = 33",
            "leveret.toml:2:15: `delivery.concurrency` (33) must be at most `delivery.prefetch` (32)",
        ),
        (
            "[plugin.p.subscription.\"a.b\"]\nprefetch = 2\nconcurrency = 3",
            "leveret.toml:3:15: `plugin.p.subscription.\"a.b\".concurrency` (3) must be at most `plugin.p.subscription.\"a.b\".prefetch` (2)",
        ),
        (
            "[plugin.p]\nconcurrency = 3\nsubscription.\"a.b\".prefetch = 2",
            "leveret.toml:3:31: `plugin.p.subscription.\"a.b\".concurrency` (3) must be at most `plugin.p.subscription.\"a.b\".prefetch` (2)",
        ),
        (
            "[delivery.breaker]\ncool-down = \"1h\"",
            "leveret.toml:2:13: `delivery.breaker.cool-down` (1h) must be at most `delivery.breaker.cool-down-maximum` (5m)",
        ),
        ("[plugin.p.breaker]\nwindow = \"0s\"", "leveret.toml:2:10: `plugin.p.breaker.window` must be more than 0s"),
        ("[delivery]\ntime-limit = \"0s\"", "leveret.toml:2:14: `delivery.time-limit` must be more than 0s"),
        (
            "[broker.rabbitmq]\nreconnect-maximum = \"1ms\"",
            "leveret.toml:2:21: `broker.rabbitmq.reconnect-minimum` (100ms) must be at most `broker.rabbitmq.reconnect-maximum` (1ms)",
        ),
        (
            "[plugin.p.grants.http]\nconnect-limit = \"11s\"",
            "leveret.toml:2:17: `plugin.p.grants.http.connect-limit` (11s) must be at most `plugin.p.grants.http.time-limit` (10s)",
        ),
        (
            "[plugin.p.grants.keyvalue]\nsize = \"1 KiB\"",
            "leveret.toml:2:8: `plugin.p.grants.keyvalue.value-limit` (1 MiB) must be at most `plugin.p.grants.keyvalue.size` (1 KiB)",
        ),
        (
            "[plugin.p.grants.secrets]\ntoken = {}",
            "leveret.toml:2:1: `plugin.p.grants.secrets.token` is nowhere: write { env = \"VARIABLE\" } or { file = \"/run/secrets/token\" }",
        ),
        (
            "[plugin.p.grants.secrets]\ntoken = { env = \"T\", file = \"t\" }",
            "leveret.toml:2:1: `plugin.p.grants.secrets.token` has `env` and `file`: leave one of them out",
        ),
        (
            "[plugin.p]\nsettings.token = \"t\"\ngrants.secrets.token = { env = \"T\" }",
            "leveret.toml:3:16: `plugin.p.grants.secrets.token` is a setting of the plugin too, which it could not tell apart: give one of them another name",
        ),
        (
            "[plugin.p.grants.secrets]\ntoken = { env = \"LEVERET_T\" }",
            "leveret.toml:2:1: `plugin.p.grants.secrets.token` is in a variable that begins with LEVERET_, which are the host's own: take another",
        ),
        (
            "[plugins]\ncache = \"plugins/.cache\"",
            "leveret.toml:2:9: `plugins.cache` (plugins/.cache) is inside `plugins.directory` (plugins): the cache must be the host's own, so choose a directory beside it",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(problems(text, &[]), [expected]);
    }
}

#[test]
fn a_contradiction_of_the_general_settings_is_reported_once() {
    let text = "[plugin.pheidi]\nprefetch = 1\n[delivery.retry]\nminimum = \"2h\"";
    assert_eq!(problems(text, &[]).len(), 1);
}

#[test]
fn all_problems_are_reported_at_once_and_in_order() {
    let text = "[log]\nformat = \"x\"\n[delivery]\nprefetch = 0\nfoo = 1\n[admin]\naddress = 7";
    let found = problems(text, &[("LEVERET_LOG_LEVLE", "info")]);
    let places: Vec<&str> = found.iter().filter_map(|problem| problem.split(": ").next()).collect();
    let expected =
        ["leveret.toml:2:10", "leveret.toml:4:12", "leveret.toml:5:1", "leveret.toml:7:11", "LEVERET_LOG_LEVLE"];
    assert_eq!(places, expected);
    let shown = load_text(text, &[]).expect_err("problems").to_string();
    assert_eq!(shown.lines().count(), 5);
    assert!(shown.lines().last().is_some_and(|line| line.contains("leveret config check")), "{shown}");
}
