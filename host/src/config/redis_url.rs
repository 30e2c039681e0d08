//! Where the store is that hosts share. The URL has a password in it, so nothing but [`RedisUrl::secret_url`] gives it
//! away.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

use super::broker_url::without_password;
use super::value::{ValueError, text_value};

/// A Redis at a `redis://` URL that has a host; empty for none.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RedisUrl(Option<Url>);

impl RedisUrl {
    /// The URL with its password, to connect with; `None` where there is no Redis. Never log it.
    pub fn secret_url(&self) -> Option<&str> {
        self.0.as_ref().map(Url::as_str)
    }
}

impl FromStr for RedisUrl {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        // An error shows nothing of the text: any part of it may be a password.
        if !text.starts_with("redis://") {
            return Err(ValueError::Redis);
        }
        let refused = |reason| ValueError::Url { scheme: "redis".into(), path: "database", reason };
        match Url::parse(text) {
            Ok(url) if url.host_str().is_none_or(str::is_empty) => Err(refused("it has no host".into())),
            Ok(url) => Ok(Self(Some(url))),
            Err(error) => Err(refused(error.to_string())),
        }
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.as_ref().map(without_password).unwrap_or_default())
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}

text_value!(RedisUrl, {
    "type": "string",
    "pattern": "^(redis://.+)?$",
    "examples": ["redis://user:password@localhost:6379/0"]
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_url_is_for_the_ledger_only() {
        let text = "redis://leveret:hunter2@redis.example:6379/0";
        let url: RedisUrl = text.parse().expect("legal");
        assert_eq!(url.secret_url(), Some(text));
        assert_eq!(url.to_string(), "redis://leveret:***@redis.example:6379/0");
        assert!(!format!("{url:?}").contains("hunter2"));
    }

    #[test]
    fn no_redis_is_an_empty_text() {
        assert_eq!("".parse(), Ok(RedisUrl::default()));
        assert_eq!(RedisUrl::default().secret_url(), None);
    }

    #[test]
    fn what_is_no_redis_is_refused_without_showing_a_password() {
        for text in ["rediss://u:hunter2@h", "u:hunter2@h", "hunter2", "redis://", "redis://u:hunter2@h:99999"] {
            let error = text.parse::<RedisUrl>().expect_err(text).to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
