//! HTTP requests of a worker, where the operator grants them.
//!
//! The hosts, ports and methods are listed in `leveret.toml`, and so are the limits on time and size:
//!
//! ```toml
//! [[plugin.pheidi.grants.http.allow]]
//! host = "api.mail.example"
//! methods = ["POST"]
//! ```
//!
//! ```
//! use leveret_plugin::http::{self, Request};
//! use leveret_plugin::prelude::*;
//!
//! #[derive(Deserialize)]
//! struct Accepted {
//!     id: String,
//! }
//!
//! #[perform("email.send")]
//! fn send(task: Assignment<Value>) -> Handled<Announcement> {
//!     let key = setting("api-key").ok_or_else(|| retry("the secret `api-key` is missing"))?;
//!     let request = Request::post("https://api.mail.example/v1/messages")
//!         .header("authorization", format!("Bearer {key}"))
//!         .header("idempotency-key", &task.id)
//!         .json(&task.payload)?;
//!     let response = http::send(&request)?;
//!     match response.status {
//!         200..300 => {}
//!         400..500 => return Err(reject(format!("the mail API answered {}: {}", response.status, response.text()))),
//!         status => return Err(retry(format!("the mail API answered {status}"))),
//!     }
//!     let accepted: Accepted = response.json()?;
//!     Announcement::new("email.sent", &json!({ "message": accepted.id }))
//! }
//!
//! # fn main() -> Handled<()> {
//! // In a test a closure answers.
//! use leveret_plugin::http::Response;
//! use leveret_plugin::test::{perform, with_http, with_settings};
//! let answer = |request: &Request| {
//!     assert_eq!(request.header_value("authorization"), Some("Bearer s3cret"));
//!     Ok(Response::new(202, r#"{ "id": "m-1" }"#))
//! };
//! let performed = with_settings([("api-key", "s3cret")], || with_http(answer, || perform::<send>(json!({}))))?;
//! assert_eq!(performed.announcements, [Announcement::new("email.sent", &json!({ "message": "m-1" }))?]);
//! # Ok(())
//! # }
//! ```

#[cfg(target_family = "wasm")]
mod host;
mod url;

use crate::{Failure, payload};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;

/// The most that a response's body may have unless the request says otherwise: 1 MiB.
pub const RESPONSE_LIMIT: usize = 1 << 20;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method, such as `POST`.
    pub method: String,
    /// The whole URL, `https://` or `http://`.
    pub url: String,
    /// Names and values. `host`, `content-length` and those of the connection are the host's.
    pub headers: Vec<(String, String)>,
    /// The body; empty for none.
    pub body: Vec<u8>,
    /// The most bytes of a response's body that are taken. The operator's limit comes first.
    pub response_limit: usize,
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        let (method, url) = (method.into(), url.into());
        Self { method, url, headers: Vec::new(), body: Vec::new(), response_limit: RESPONSE_LIMIT }
    }

    /// A `GET`.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// A `POST`.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url)
    }

    /// A `PUT`.
    pub fn put(url: impl Into<String>) -> Self {
        Self::new("PUT", url)
    }

    /// A `DELETE`.
    pub fn delete(url: impl Into<String>) -> Self {
        Self::new("DELETE", url)
    }

    /// Adds a header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body.
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// Sets the body to this value as JSON, and says so in `content-type`.
    pub fn json(self, value: &impl Serialize) -> Result<Self, Failure> {
        let body = payload::write(value, || format!("request {} {}", self.method, self.url))?;
        Ok(self.header("content-type", "application/json").body(body))
    }

    /// Sets the most bytes of a response's body that are taken.
    pub fn response_limit(self, bytes: usize) -> Self {
        Self { response_limit: bytes, ..self }
    }

    /// The value of the first header of this name, in any case.
    pub fn header_value(&self, name: &str) -> Option<&str> {
        value(&self.headers, name)
    }
}

/// A response that came whole. Its status may be anything: see [`is_success`](Response::is_success).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status, such as 200.
    pub status: u16,
    /// Names and values; bytes that are not UTF-8 are replaced.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// A response without headers, for tests.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    /// Whether the status is one of 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The value of the first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        value(&self.headers, name)
    }

    /// The body as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Reads the body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let mut text = serde_json::Deserializer::from_slice(&self.body);
        let value =
            serde_path_to_error::deserialize(&mut text).map_err(|error| Error::Unreadable(error.to_string()))?;
        text.end().map_err(|error| Error::Unreadable(error.to_string()))?;
        Ok(value)
    }
}

fn value<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// Why a request got no response, or none that can be used. By `?` it means retry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// It is no legal request: its URL, its method or one of its headers.
    Invalid(String),
    /// The host did not make the request, since it is not granted, or got no response: its reason.
    Failed(String),
    /// The response's body is larger than the request's `response_limit`, in bytes.
    TooLarge(usize),
    /// The response's body is not the JSON that was expected: where and why.
    Unreadable(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Invalid(reason) => write!(f, "the request is not legal: {reason}"),
            Error::Failed(reason) => write!(f, "the request failed: {reason}"),
            Error::TooLarge(limit) => write!(f, "the response's body is larger than {limit} bytes"),
            Error::Unreadable(reason) => write!(f, "the response's body does not fit: {reason}"),
        }
    }
}

impl std::error::Error for Error {}

/// Makes a request and waits for the whole response. The operator's limits on time and size hold for it; redirects are not
/// followed.
///
/// The waiting counts towards the delivery's time, and not towards its time on a processor. In a test,
/// [`test::with_http`](crate::test::with_http) answers.
///
/// A subscriber must not call it: a plugin that does and is no worker is refused, since subscribers are pure.
pub fn send(request: &Request) -> Result<Response, Error> {
    given(request)
}

#[cfg(target_family = "wasm")]
fn given(request: &Request) -> Result<Response, Error> {
    host::send(request, &url::Url::parse(&request.url)?)
}

#[cfg(not(target_family = "wasm"))]
fn given(request: &Request) -> Result<Response, Error> {
    url::Url::parse(&request.url)?;
    let response = crate::test::answer(request)?;
    if response.body.len() > request.response_limit {
        Err(Error::TooLarge(request.response_limit))
    } else {
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test::with_http;
    use serde_json::json;

    #[test]
    fn a_request_carries_what_it_was_given() -> Result<(), Failure> {
        let request = Request::put("https://a.example/x").header("X-Id", "7").json(&json!({ "n": 1 }))?;
        assert_eq!((request.method.as_str(), &request.body[..]), ("PUT", &br#"{"n":1}"#[..]));
        assert_eq!(request.header_value("x-id"), Some("7"));
        assert_eq!(request.header_value("Content-Type"), Some("application/json"));
        Ok(())
    }

    #[test]
    fn a_response_is_read_and_what_does_not_fit_is_told_with_its_path() {
        let response =
            Response { headers: vec![("Retry-After".into(), "5".into())], ..Response::new(429, "[1, \"x\"]") };
        assert!(!response.is_success());
        assert_eq!(response.header("retry-after"), Some("5"));
        assert_eq!(response.text(), "[1, \"x\"]");
        let misfit = response.json::<Vec<u64>>();
        assert!(matches!(misfit, Err(Error::Unreadable(reason)) if reason.starts_with("[1]: invalid type")));
        assert!(matches!(Response::new(200, "1 2").json::<u64>(), Err(Error::Unreadable(_))));
        assert_eq!(Response::new(200, "7").json(), Ok(7));
    }

    #[test]
    fn a_body_over_the_limit_is_refused() {
        let request = Request::get("http://a.example").response_limit(3);
        let answered = |body| with_http(move |_: &Request| Ok(Response::new(200, body)), || send(&request));
        assert_eq!(answered("123"), Ok(Response::new(200, "123")));
        assert_eq!(answered("1234"), Err(Error::TooLarge(3)));
    }

    #[test]
    fn what_is_no_url_fails_in_a_test_as_it_does_in_the_host() {
        let answered = with_http(|_: &Request| Ok(Response::new(200, "")), || send(&Request::get("a.example")));
        assert!(matches!(answered, Err(Error::Invalid(_))), "{answered:?}");
    }

    #[test]
    fn the_host_s_reason_is_the_failure_s() {
        let refused = |_: &Request| Err(Error::Failed("a.example is not granted".into()));
        let failure = with_http(refused, || send(&Request::get("https://a.example")).map_err(Failure::from));
        assert_eq!(failure, Err(crate::retry("the request failed: a.example is not granted")));
    }
}
