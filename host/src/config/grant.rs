//! What a grant names: hosts, methods, networks and buckets, each parsed once.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::value::{ValueError, text_value};
use crate::name::BucketName;

/// The longest name of a host, and the longest part of one, in bytes.
const HOST: usize = 253;
const LABEL: usize = 63;

/// Which hosts requests may go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPattern {
    /// This name and no other.
    Name(String),
    /// Every name that ends with a dot and this one.
    Below(String),
    Address(IpAddr),
}

impl FromStr for HostPattern {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let refused = |reason| ValueError::Host { text: text.into(), reason };
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse() {
            return Ok(Self::Address(address));
        }
        let (name, below) = text.strip_prefix("*.").map_or((text, false), |name| (name, true));
        check_host(name).map_err(refused)?;
        Ok(if below { Self::Below(name.into()) } else { Self::Name(name.into()) })
    }
}

fn check_host(name: &str) -> Result<(), &'static str> {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    if name.contains("://") {
        return Err("leave out the scheme; `plain = true` allows http:// beside https://");
    }
    if name.contains('/') {
        return Err("leave out the path: a host is granted with all of its paths");
    }
    if name.contains('@') {
        return Err("leave out user and password: they travel in headers");
    }
    if name.contains(':') {
        return Err("leave out the port: it stands in `ports`");
    }
    if name.contains('*') {
        return Err("a `*` stands in front only, and for whatever is below a name: \"*.mail.example\"");
    }
    if !name.is_ascii() {
        return Err("write it in its ASCII form, which begins with \"xn--\"");
    }
    if name.chars().any(|c| c.is_ascii_uppercase()) {
        return Err("write it in lower case");
    }
    if name.is_empty() || name.len() > HOST || !name.chars().all(legal) {
        return Err("a name has 1 to 253 letters, digits, '-', '_' and '.'");
    }
    let label = |label: &str| (1..=LABEL).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-');
    if !name.split('.').all(label) {
        return Err("each part between its dots has 1 to 63 bytes, and no '-' at its ends");
    }
    // What ends with a number is read as an IPv4 address by some, each in a way of their own.
    if name.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err("it ends as an IPv4 address and is none: write all four numbers");
    }
    Ok(())
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Below(name) => write!(f, "*.{name}"),
            Self::Address(address) => address.fmt(f),
        }
    }
}

text_value!(HostPattern, { "type": "string", "examples": ["api.mail.example", "*.mail.example", "10.1.2.3"] });

/// A method of HTTP, in upper case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Method(String);

impl Method {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Method {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let token = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || "!#$%&'*+-.^_`|~".contains(c);
        let legal = !text.is_empty() && text.chars().all(token) && text != "CONNECT";
        if legal { Ok(Self(text.into())) } else { Err(ValueError::Method(text.into())) }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_value!(Method, { "type": "string", "examples": ["GET", "POST"] });

/// A network of addresses, such as `10.1.0.0/16`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    pub fn get(self) -> IpNet {
        self.0
    }
}

impl FromStr for Network {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let address = || text.parse().map(IpAddr::into);
        text.parse().or_else(|_| address()).map(Self).map_err(|_| ValueError::Network(text.into()))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

text_value!(Network, { "type": "string", "examples": ["10.1.0.0/16", "127.0.0.1", "fd00::/8"] });

/// The name of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket(BucketName);

impl Bucket {
    pub fn name(&self) -> &BucketName {
        &self.0
    }
}

impl FromStr for Bucket {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        text.parse().map(Self).map_err(|reason| ValueError::Bucket { text: text.into(), reason })
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

text_value!(Bucket, { "type": "string", "pattern": "^[a-z0-9_-]{1,63}$", "examples": ["sent"] });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_whatever_is_below_one_or_an_address() {
        for (text, expected) in [
            ("api.mail.example", HostPattern::Name("api.mail.example".into())),
            ("localhost", HostPattern::Name("localhost".into())),
            ("xn--mnchen-3ya.example", HostPattern::Name("xn--mnchen-3ya.example".into())),
            ("*.mail.example", HostPattern::Below("mail.example".into())),
            ("10.1.2.3", HostPattern::Address([10, 1, 2, 3].into())),
            ("[::1]", HostPattern::Address("::1".parse().expect("legal"))),
        ] {
            let host: HostPattern = text.parse().expect("legal");
            assert_eq!(host, expected);
            assert_eq!(host.to_string().parse(), Ok(expected));
        }
    }

    #[test]
    fn what_is_no_host_is_refused_with_what_to_write_instead() {
        for (text, advice) in [
            ("https://api.mail.example", "scheme"),
            ("api.mail.example/v1", "path"),
            ("ada:secret@api.mail.example", "user"),
            ("api.mail.example:443", "port"),
            ("API.mail.example", "lower case"),
            ("münchen.example", "xn--"),
            ("*", "in front"),
            ("api.*.example", "in front"),
            ("*api.example", "in front"),
            ("", "1 to 253"),
            ("api mail", "1 to 253"),
            ("api..example", "1 to 63"),
            ("api.example.", "1 to 63"),
            ("-api.example", "1 to 63"),
            ("127.1", "four numbers"),
            ("2130706433", "four numbers"),
        ] {
            let error = text.parse::<HostPattern>().expect_err(text).to_string();
            assert!(error.contains(advice), "{text}: {error}");
        }
    }

    #[test]
    fn methods_are_upper_case_tokens_and_never_a_tunnel() {
        for text in ["GET", "PATCH", "M-SEARCH"] {
            assert!(text.parse::<Method>().is_ok(), "{text}");
        }
        for text in ["", "get", "PO ST", "GET\n", "CONNECT"] {
            assert!(text.parse::<Method>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_network_may_be_one_address() {
        for (text, shown) in [("10.1.0.0/16", "10.1.0.0/16"), ("127.0.0.1", "127.0.0.1/32"), ("fd00::/8", "fd00::/8")] {
            assert_eq!(text.parse::<Network>().expect("legal").to_string(), shown);
        }
        for text in ["", "10.1/16", "10.1.0.0/33", "localhost"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
