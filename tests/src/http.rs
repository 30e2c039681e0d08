//! Requests to a host's HTTP API, off the async threads.

use serde_json::Value;

/// An answer: its status, and its JSON.
pub type Answer = (u16, Value);

/// One request; the headers as name and value. `None` where nobody answers.
pub async fn request(method: &str, url: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Option<Answer> {
    let mut request = ureq::http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body).expect("a legal request");
    let asked = tokio::task::spawn_blocking(move || {
        let configuration = ureq::Agent::config_builder().http_status_as_error(false).allow_non_standard_methods(true);
        let agent: ureq::Agent = configuration.build().into();
        let mut response = agent.run(request).ok()?;
        let text = response.body_mut().read_to_string().ok()?;
        // An answer that is no JSON is told as the text that it is.
        Some((response.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::String(text))))
    });
    asked.await.expect("the request does not panic")
}

pub async fn get(url: &str) -> Option<Answer> {
    request("GET", url, &[], Vec::new()).await
}

/// Publishes an event through a host's API, under an id of the caller's.
pub async fn publish(api: &str, event: &str, id: &str, body: &str) -> Option<Answer> {
    let headers = [("content-type", "application/json"), ("x-message-id", id)];
    request("POST", &format!("{api}/events/{event}"), &headers, body.into()).await
}
