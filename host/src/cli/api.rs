//! Calls to the API of a running host.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde_json::Value;
use ureq::http::Response;
use ureq::{Agent, Body};

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

impl Api {
    pub(super) fn new(settings: &Settings) -> Self {
        let mut address = settings.admin.address;
        if address.ip().is_unspecified() {
            address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
        }
        let agent = Agent::new_with_config(Agent::config_builder().http_status_as_error(false).proxy(None).build());
        Self { agent, address }
    }

    /// `Ok(None)` if no host runs there.
    pub(super) fn get(&self, path: &str) -> Result<Option<Answer>, CliError> {
        self.read(self.agent.get(self.url(path)).call())
    }

    /// Posts a JSON text with further headers. `Ok(None)` if no host runs there.
    pub(super) fn post(&self, path: &str, body: &[u8], headers: &[(&str, &str)]) -> Result<Option<Answer>, CliError> {
        let mut request = self.agent.post(self.url(path)).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.read(request.send(body))
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn read(&self, response: Result<Response<Body>, ureq::Error>) -> Result<Option<Answer>, CliError> {
        let lost =
            |error: ureq::Error| CliError::Unreachable(format!("the host at {} broke off: {error}", self.address));
        match response {
            Ok(mut response) => {
                let good = response.status().is_success();
                let body = response.body_mut().read_json().map_err(lost)?;
                Ok(Some(Answer { good, body }))
            }
            Err(ureq::Error::Io(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => Ok(None),
            Err(ureq::Error::ConnectionFailed) => Ok(None),
            Err(error) => Err(lost(error)),
        }
    }
}
