//! Requests: only those that are granted, only to where they may go, and no longer and no larger than they may be.

use std::time::Duration;

use super::server::Server;
use super::*;

fn get(url: impl Into<String>) -> Value {
    json!({ "do": "request", "url": url.into() })
}

/// A stage that may reach this server, and is granted these besides.
async fn reaching(server: &Server, more: Value) -> Stage {
    let mut allow = json!([{
        "host": "127.0.0.1", "ports": [server.address.port()], "methods": ["GET", "POST"], "plain": true,
        "addresses": ["127.0.0.1"]
    }]);
    let entries = allow.as_array_mut().expect("a list");
    entries.extend(more.as_array().into_iter().flatten().cloned());
    Stage::granting(usable(allow)).await
}

/// The same with other limits.
async fn limited(server: &Server, limits: Value) -> Stage {
    let mut grants = usable(json!([{
        "host": "127.0.0.1", "ports": [server.address.port()], "plain": true, "addresses": ["127.0.0.1"]
    }]));
    for (key, value) in limits.as_object().expect("a table") {
        grants["http"][key] = value.clone();
    }
    Stage::granting(grants).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_granted_is_answered() {
    let server = Server::start().await;
    let stage = reaching(&server, json!([])).await;
    let answer = stage.run(get(server.url("/ok"))).await;
    assert_eq!((&answer["ok"]["status"], &answer["ok"]["text"]), (&json!(200), &json!("GET with 0")), "{answer}");
    let post = json!({ "do": "request", "method": "POST", "url": server.url("/ok"), "size": 100_000 });
    assert_eq!(stage.run(post).await["ok"]["text"], "POST with 100000");
    stage.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_not_granted_says_what_would_grant_it_and_reaches_nobody() {
    let server = Server::start().await;
    let stage =
        reaching(&server, json!([{ "host": "localhost", "plain": true, "ports": [server.address.port()] }])).await;
    let port = server.address.port();
    for (errand, lacks) in [
        (get("https://api.example/"), "add [[plugin.pheidi.grants.http.allow]] with host = \"api.example\"".to_owned()),
        (get("http://169.254.169.254/latest/meta-data/"), "with host = \"169.254.169.254\"".to_owned()),
        (get(format!("http://[::ffff:127.0.0.2]:{port}/")), "add [[plugin.pheidi.grants.http.allow]]".to_owned()),
        (get(format!("http://127.1:{port}/ok")), "with host = \"127.1\"".to_owned()),
        (get(format!("http://127.0.0.1:{}/ok", port ^ 1)), format!("it needs ports = [{}]", port ^ 1)),
        (
            json!({ "do": "request", "method": "DELETE", "url": server.url("/ok") }),
            "it needs methods = [\"DELETE\"]".to_owned(),
        ),
        // A name is looked up, and what it stands for is looked at.
        (get(format!("http://localhost:{port}/ok")), "localhost has no public address: list its network".to_owned()),
    ] {
        let reason = stage.refused(errand).await;
        assert!(reason.contains(&lacks), "{reason}");
    }
    assert_eq!(server.connections(), 0);
    stage.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_may_stand_for_a_network_that_is_listed() {
    let server = Server::start().await;
    let entry = json!([{
        "host": "localhost", "plain": true, "ports": [server.address.port()], "addresses": ["127.0.0.0/8"]
    }]);
    let stage = reaching(&server, entry).await;
    let answer = stage.run(get(format!("http://localhost:{}/ok", server.address.port()))).await;
    assert_eq!(answer["ok"]["status"], 200, "{answer}");
    stage.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn https_is_all_that_is_granted_unless_plain_is() {
    let server = Server::start().await;
    let allow = json!([{ "host": "127.0.0.1", "ports": [server.address.port()], "addresses": ["127.0.0.1"] }]);
    let stage = Stage::granting(usable(allow)).await;
    let reason = stage.refused(get(server.url("/ok"))).await;
    assert!(reason.contains("plain = true"), "{reason}");
    // Nobody there speaks TLS.
    let reason = stage.refused(get(format!("https://{}/ok", server.address))).await;
    assert!(!reason.contains("granted"), "{reason}");
    stage.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_the_plugin_s_to_follow_and_is_checked_as_every_request() {
    let (server, other) = (Server::start().await, Server::start().await);
    let stage = reaching(&server, json!([])).await;
    let answer = stage.run(get(server.url(&format!("/redirect?{}", other.url("/ok"))))).await;
    assert_eq!(
        (&answer["ok"]["status"], &answer["ok"]["location"]),
        (&json!(302), &json!(other.url("/ok"))),
        "{answer}"
    );
    let location = answer["ok"]["location"].as_str().expect("a text").to_owned();
    assert!(stage.refused(get(location)).await.contains("is not granted"));
    assert_eq!(other.connections(), 0);
    stage.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_a_server_that_does_not_answer_costs_a_request_its_time_limit() {
    let server = Server::start().await;
    let stage = limited(&server, json!({ "connect-limit": "300ms", "time-limit": "600ms" })).await;
    // It takes connections, and never says a word of TLS.
    let reason = stage.refused(get(format!("https://{}/silent", server.address))).await;
    assert!(reason.contains("connecting took too long"), "{reason}");
    let reason = stage.refused(get(server.url("/silent"))).await;
    assert!(reason.contains("the response took too long"), "{reason}");
    let reason = stage.refused(get(server.url("/stalls"))).await;
    assert!(reason.contains("HTTP response timeout"), "{reason}");
    stage.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_tells_how_long_the_plugin_waited_for_an_answer() {
    let server = Server::start().await;
    let stage = limited(&server, json!({ "time-limit": "600ms" })).await;
    let name = "pheidi.errand.run".parse().expect("legal");
    let task = What::Task { name: &name, attempt: Attempt::FIRST, key: None };
    let receipt = stage.invoke(&stage.live("pheidi"), task, &get(server.url("/silent"))).await.receipt;
    assert!(receipt.host_time >= Duration::from_millis(600) && receipt.host_time <= receipt.time, "{receipt:?}");
    stage.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i8_bodies_and_headers_are_no_larger_than_they_may_be() {
    let server = Server::start().await;
    let stage = limited(&server, json!({ "request-limit": "10 KiB", "response-limit": "10 KiB" })).await;
    let post = |size| json!({ "do": "request", "method": "POST", "url": server.url("/ok"), "size": size });
    assert_eq!(stage.run(post(10_240)).await["ok"]["text"], "POST with 10240");
    assert!(stage.refused(post(10_241)).await.contains("request's body is too large"));
    assert_eq!(stage.run(get(server.url("/large?10240"))).await["ok"]["size"], 10_240);
    assert!(stage.refused(get(server.url("/large?10241"))).await.contains("response's body is too large"));
    let reason = stage.refused(get(server.url("/endless"))).await;
    assert!(reason.contains("HTTP response body size exceeds limit: 10240 bytes"), "{reason}");
    stage.refused(get(server.url("/headers"))).await;
    stage.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_an_error_of_its_own() {
    let server = Server::start().await;
    let stage = reaching(&server, json!([{ "host": "leveret.invalid" }])).await;
    let url = server.url("/ok");
    drop(server);
    leveret_tests::wait::until("the server's end", async || {
        stage.refused(get(&*url)).await.contains("refused").then_some(())
    })
    .await;
    let reason = stage.refused(get("https://leveret.invalid/")).await;
    assert!(reason.contains("looking up the name failed"), "{reason}");
    stage.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_s_handler_makes_no_request_whatever_is_granted() {
    let server = Server::start().await;
    let stage = reaching(&server, json!([])).await;
    let told = told(stage.on_event("pheidi", &get(server.url("/ok"))).await);
    assert!(told["error"].as_str().is_some_and(|reason| reason.contains("`perform`")), "{told}");
    assert_eq!(server.connections(), 0);
    stage.host.stop().await;
}
