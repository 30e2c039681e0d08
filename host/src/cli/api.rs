//! Calls to the API of a running host.

use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::http::Response;
use ureq::{Agent, Body};
use url::{Url, form_urlencoded};

use super::error::CliError;
use crate::config::Settings;

/// The API of the host that runs with the same settings.
pub(super) struct Api {
    agent: Agent,
    address: SocketAddr,
}

/// What a running host answered.
pub(super) struct Answer {
    pub good: bool,
    pub body: Value,
}

/// The lines of an answer.
type Lines = Box<dyn Iterator<Item = Result<String, CliError>>>;

impl Api {
    pub(super) fn new(settings: &Settings) -> Self {
        let mut address = settings.admin.address;
        if address.ip().is_unspecified() {
            address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
        }
        let agent = Agent::new_with_config(Agent::config_builder().http_status_as_error(false).proxy(None).build());
        Self { agent, address }
    }

    /// Posts a JSON text with further headers. `Ok(None)` if no host runs there.
    pub(super) fn post(&self, path: &str, body: &[u8], headers: &[(&str, &str)]) -> Result<Option<Answer>, CliError> {
        let Some(mut response) = self.send_post(&self.url(path), body, headers)? else { return Ok(None) };
        let good = response.status().is_success();
        Ok(Some(Answer { good, body: self.read(&mut response)? }))
    }

    /// What the host answers, if it is a good answer.
    pub(super) fn fetch<T: DeserializeOwned>(&self, path: &str) -> Result<T, CliError> {
        self.read(&mut self.good(self.send_get(path)?)?)
    }

    /// What the host answers to an order, if it is a good answer.
    pub(super) fn order<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, CliError> {
        self.hand_in(path, body.to_string().as_bytes())
    }

    /// What the host answers to lines of JSON, if it is a good answer.
    pub(super) fn hand_in<T: DeserializeOwned>(&self, path: &str, lines: &[u8]) -> Result<T, CliError> {
        let posted = self.send_post(&self.url(path), lines, &[])?;
        self.read(&mut self.good(posted)?)
    }

    /// The lines of an answer that comes line by line, as fast as they are taken.
    pub(super) fn lines(&self, path: &str) -> Result<Lines, CliError> {
        let got = self.send_get(path)?;
        Ok(self.each_line(self.good(got)?))
    }

    /// The lines of the answer to an order. To drop them ends the order.
    pub(super) fn order_lines(&self, path: &str, body: &impl Serialize) -> Result<Lines, CliError> {
        let body = serde_json::to_vec(body).map_err(|error| CliError::Failed(error.to_string()))?;
        let posted = self.send_post(&self.url(path), &body, &[])?;
        Ok(self.each_line(self.good(posted)?))
    }

    fn send_get(&self, path: &str) -> Result<Option<Response<Body>>, CliError> {
        self.sent(self.agent.get(self.url(path)).call())
    }

    fn send_post(&self, url: &str, body: &[u8], headers: &[(&str, &str)]) -> Result<Option<Response<Body>>, CliError> {
        let mut request = self.agent.post(url).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.sent(request.send(body))
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// `Ok(None)` if no host runs there.
    fn sent(&self, sent: Result<Response<Body>, ureq::Error>) -> Result<Option<Response<Body>>, CliError> {
        match sent {
            Ok(response) => Ok(Some(response)),
            Err(ureq::Error::Io(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => Ok(None),
            Err(ureq::Error::ConnectionFailed) => Ok(None),
            Err(error) => Err(self.lost(error)),
        }
    }

    /// A good answer of a host that runs.
    fn good(&self, response: Option<Response<Body>>) -> Result<Response<Body>, CliError> {
        let Some(mut response) = response else {
            let address = self.address;
            return Err(CliError::Unreachable(format!("no host runs at {address}; start one with `leveret up`")));
        };
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let text = response.body_mut().read_to_string().map_err(|error| self.lost(error))?;
        let answer: Value = serde_json::from_str(&text).unwrap_or_default();
        let error = answer["error"].as_str().map_or_else(|| format!("the host answered {status}"), str::to_owned);
        Err(if status.as_u16() == 503 { CliError::Unreachable(error) } else { CliError::Failed(error) })
    }

    /// The whole of an answer. It is our own host's, so it is as long as it is.
    fn read<T: DeserializeOwned>(&self, response: &mut Response<Body>) -> Result<T, CliError> {
        let reader = BufReader::new(response.body_mut().as_reader());
        serde_json::from_reader(reader).map_err(|error| self.lost(error))
    }

    fn each_line(&self, response: Response<Body>) -> Lines {
        let address = self.address;
        let lines = BufReader::new(response.into_body().into_reader()).lines();
        Box::new(lines.map(move |line| line.map_err(|error| broke_off(address, error))))
    }

    fn lost(&self, error: impl std::fmt::Display) -> CliError {
        broke_off(self.address, error)
    }
}

fn broke_off(address: SocketAddr, error: impl std::fmt::Display) -> CliError {
    CliError::Unreachable(format!("the host at {address} broke off: {error}"))
}

/// A path of these segments, whatever is in them.
pub(super) fn path(segments: &[&str]) -> String {
    let mut url = Url::parse("http://localhost").expect("it is a URL");
    // A URL with a host has segments.
    if let Ok(mut path) = url.path_segments_mut() {
        path.clear().extend(segments);
    }
    url.path().to_owned()
}

/// A filter as the query of a request, with more of it after that.
pub(super) fn query(filter: &impl Serialize, more: &[(&str, String)]) -> Result<String, CliError> {
    let parts = serde_json::to_value(filter).map_err(|error| CliError::Failed(error.to_string()))?;
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in parts.as_object().into_iter().flatten() {
        // What is a list is asked for several times.
        for value in value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice) {
            match value {
                Value::String(text) => query.append_pair(name, text),
                number => query.append_pair(name, &number.to_string()),
            };
        }
    }
    query.extend_pairs(more);
    Ok(query.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_a_query_of_what_is_in_it() {
        let filter = serde_json::json!({ "reason": "a&b=ü", "since": 5, "where": ["/a=1", "/b"] });
        let query = query(&filter, &[("limit", "7".into())]).expect("a query");
        assert_eq!(query, "reason=a%26b%3D%C3%BC&since=5&where=%2Fa%3D1&where=%2Fb&limit=7");
    }

    #[test]
    fn a_path_has_its_segments_whatever_is_in_them() {
        assert_eq!(path(&["dead", "a/b?c#d e%"]), "/dead/a%2Fb%3Fc%23d%20e%25");
        assert_eq!(path(&["trace", "ü"]), "/trace/%C3%BC");
    }
}
