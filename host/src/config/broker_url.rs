//! Where the broker is. The URL has a password in it, so nothing but [`BrokerUrl::secret_url`] gives it away.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

use super::value::{ValueError, text_value};

/// The broker: the embedded one, or a RabbitMQ.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum BrokerUrl {
    /// The broker inside the host.
    #[default]
    Embedded,
    /// RabbitMQ at a URL.
    RabbitMq(RabbitMqUrl),
}

/// An `amqp://` or `amqps://` URL that has a host.
#[derive(Clone, PartialEq, Eq)]
pub struct RabbitMqUrl(Url);

impl BrokerUrl {
    /// RabbitMQ's URL with its password, to connect with; `None` for the embedded broker. Never log it.
    pub fn secret_url(&self) -> Option<&str> {
        match self {
            Self::Embedded => None,
            Self::RabbitMq(RabbitMqUrl(url)) => Some(url.as_str()),
        }
    }

    /// The broker without its password, for people to read.
    pub fn redacted(&self) -> String {
        match self {
            Self::Embedded => "embedded".into(),
            Self::RabbitMq(RabbitMqUrl(url)) => without_password(url),
        }
    }
}

/// A URL for people to read.
pub(super) fn without_password(url: &Url) -> String {
    let mut shown = url.clone();
    if url.password().is_some() && shown.set_password(Some("***")).is_err() {
        return format!("{}://…", url.scheme());
    }
    shown.into()
}

impl FromStr for BrokerUrl {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text == "embedded" {
            return Ok(Self::Embedded);
        }
        // From here on an error shows the scheme only: what follows it may be a password.
        let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        let Some(scheme) = scheme.filter(|scheme| matches!(scheme.as_str(), "amqp" | "amqps")) else {
            return Err(ValueError::Broker(shown_part(text)));
        };
        match Url::parse(text) {
            Ok(url) if url.host_str().is_none_or(str::is_empty) => {
                Err(ValueError::Url { scheme, path: "vhost", reason: "it has no host".into() })
            }
            Ok(url) => Ok(Self::RabbitMq(RabbitMqUrl(url))),
            Err(error) => Err(ValueError::Url { scheme, path: "vhost", reason: error.to_string() }),
        }
    }
}

/// As much of a text that is not a broker as can be shown safely.
fn shown_part(text: &str) -> String {
    match text.split_once("://") {
        Some((scheme, _)) => format!("\"{scheme}://…\""),
        None if text.contains('@') => "this text".into(),
        None => format!("{text:?}"),
    }
}

impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

impl fmt::Debug for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BrokerUrl({})", self.redacted())
    }
}

impl fmt::Debug for RabbitMqUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RabbitMqUrl({}://…)", self.0.scheme())
    }
}

text_value!(BrokerUrl, {
    "type": "string",
    "pattern": "^(embedded|amqps?://.+)$",
    "examples": ["embedded", "amqp://user:password@localhost:5672/vhost"]
});

#[cfg(test)]
mod tests {
    use super::*;

    fn broker(text: &str) -> BrokerUrl {
        text.parse().expect("a legal broker")
    }

    #[test]
    fn the_whole_url_is_for_the_adapter_only() {
        let url = "amqps://leveret:hunter2@rabbit.example:5671/orders";
        let broker = broker(url);
        assert_eq!(broker.secret_url(), Some(url));
        let shown = "amqps://leveret:***@rabbit.example:5671/orders";
        assert_eq!(broker.to_string(), shown);
        assert_eq!(serde_json::to_value(&broker).expect("a text"), shown);
        let BrokerUrl::RabbitMq(inner) = &broker else { panic!("a RabbitMQ") };
        for text in [format!("{broker:?}"), format!("{inner:?}")] {
            assert!(!text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn the_embedded_broker_has_no_url() {
        assert_eq!(broker("embedded"), BrokerUrl::default());
        assert_eq!(BrokerUrl::Embedded.secret_url(), None);
    }

    #[test]
    fn what_is_no_broker_is_refused_without_showing_a_password() {
        let cases = [
            ("ampq://u:hunter2@host", "\"ampq://…\" is not a broker"),
            ("", "\"\" is not a broker"),
            ("rabbit", "\"rabbit\" is not a broker"),
            ("u:hunter2@host", "this text is not a broker"),
            ("amqp://", "it has no host"),
            ("amqp://u:hunter2#x@host", "invalid port number"),
            ("amqp://u:hunter2@host:99999", "invalid port number"),
        ];
        for (text, expected) in cases {
            let error = text.parse::<BrokerUrl>().expect_err(text).to_string();
            assert!(error.contains(expected) && !error.contains("hunter2"), "{text:?}: {error}");
        }
    }
}
