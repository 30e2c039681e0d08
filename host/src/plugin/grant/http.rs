//! Which requests are granted, and what would grant another.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use http::{Method, Uri};
use ipnet::IpNet;

use super::addresses;
use super::table;
use crate::name::PluginId;

/// The requests that a plugin may make, and what each may take.
#[derive(Debug, Clone)]
pub struct HttpGrant {
    pub plugin: PluginId,
    pub allow: Vec<Allow>,
    pub limits: HttpLimits,
}

/// What a request may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpLimits {
    /// Until the connection is there, TLS included.
    pub connect: Duration,
    /// Until the last byte of the answer is read.
    pub time: Duration,
    /// Bytes of its body.
    pub request: u64,
    /// Bytes of the answer's body.
    pub response: u64,
    /// Requests of the plugin that are under way at one time.
    pub concurrency: u16,
}

/// Requests that are let out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allow {
    pub host: HostPattern,
    /// Those of the scheme if there are none.
    pub ports: Vec<u16>,
    /// All if there are none.
    pub methods: Vec<String>,
    /// Whether without TLS too.
    pub plain: bool,
    /// Where the host may be though that is not public.
    pub addresses: Vec<IpNet>,
}

/// The hosts of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPattern {
    /// In lower case.
    Name(String),
    /// Every name below this one.
    Below(String),
    Address(IpAddr),
}

impl HostPattern {
    fn has(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Name(name), Host::Name(host)) => name == host,
            (Self::Below(name), Host::Name(host)) => host
                .strip_suffix(name.as_str())
                .and_then(|front| front.strip_suffix('.'))
                .is_some_and(|front| !front.is_empty()),
            (Self::Address(address), Host::Address(host)) => address.to_canonical() == host.to_canonical(),
            _ => false,
        }
    }
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

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    /// In lower case.
    Name(String),
    Address(IpAddr),
}

impl Host {
    pub(super) fn read(text: &str) -> Self {
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        bare.parse().map_or_else(|_| Self::Name(text.to_ascii_lowercase()), Self::Address)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// What matters of a request for whether it is granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub method: Method,
    pub plain: bool,
    pub host: Host,
    pub port: u16,
}

impl Target {
    /// Reads it; the error says what is wrong with it wherever it goes.
    pub(super) fn read(method: &Method, uri: &Uri) -> Result<Self, &'static str> {
        let authority = uri.authority().ok_or("the request names no host")?;
        if authority.as_str().contains('@') {
            return Err("a request has no user and password in its address; send them in a header");
        }
        if *method == Method::CONNECT {
            return Err("CONNECT would make a tunnel, which is never granted");
        }
        let plain = uri.scheme_str() != Some("https");
        let port = uri.port_u16().unwrap_or(if plain { 80 } else { 443 });
        Ok(Self { method: method.clone(), plain, host: Host::read(authority.host()), port })
    }

    /// What is said of a host that is not listed.
    pub(super) fn lacks_host(&self, plugin: &PluginId) -> String {
        let (host, table) = (&self.host, table(plugin));
        format!("{self} is not granted: add [[{table}.http.allow]] with host = \"{host}\"")
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, plain, host, port } = self;
        let scheme = if *plain { "http" } else { "https" };
        match host {
            Host::Address(IpAddr::V6(address)) => write!(f, "{method} {scheme}://[{address}]:{port}"),
            host => write!(f, "{method} {scheme}://{host}:{port}"),
        }
    }
}

/// What a request lacks: the later, the nearer it came to being granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Lack {
    Host,
    Scheme,
    Port,
    Method,
}

impl Allow {
    fn lacks(&self, target: &Target) -> Option<Lack> {
        let has_port = match &self.ports[..] {
            [] => target.port == if target.plain { 80 } else { 443 },
            ports => ports.contains(&target.port),
        };
        let has_method = self.methods.is_empty() || self.methods.iter().any(|method| method == target.method.as_str());
        match () {
            () if !self.host.has(&target.host) => Some(Lack::Host),
            () if target.plain && !self.plain => Some(Lack::Scheme),
            () if !has_port => Some(Lack::Port),
            () if !has_method => Some(Lack::Method),
            () => None,
        }
    }
}

impl HttpGrant {
    /// Whether a request is granted, as far as can be told before its name is looked up; the error says what would grant it.
    pub(super) fn check(&self, target: &Target) -> Result<(), String> {
        let mut nearest = Lack::Host;
        for allow in &self.allow {
            match allow.lacks(target) {
                None => return self.check_address(target),
                Some(lack) => nearest = nearest.max(lack),
            }
        }
        let (host, table) = (&target.host, table(&self.plugin));
        let what = match nearest {
            Lack::Host => return Err(target.lacks_host(&self.plugin)),
            Lack::Scheme => "plain = true".to_owned(),
            Lack::Port => format!("ports = [{}]", target.port),
            Lack::Method => format!("methods = [\"{}\"]", target.method),
        };
        Err(format!("{target} is not granted: it needs {what} for host \"{host}\" in [[{table}.http.allow]]"))
    }

    /// What is written as an address is not looked up, so it is looked at here.
    fn check_address(&self, target: &Target) -> Result<(), String> {
        match target.host {
            Host::Address(address) if !self.is_reachable(&target.host, address) => Err(self.not_public(&target.host)),
            _ => Ok(()),
        }
    }

    /// Whether a host may be at an address: all entries of the host say so together.
    pub(super) fn is_reachable(&self, host: &Host, address: IpAddr) -> bool {
        let entries = self.allow.iter().filter(|allow| allow.host.has(host));
        addresses::is_reachable(address, entries.flat_map(|allow| allow.addresses.iter().copied()))
    }

    /// What is said of a host that is nowhere public. Where it is instead is not the plugin's to know.
    pub(super) fn not_public(&self, host: &Host) -> String {
        let table = table(&self.plugin);
        format!(
            "{host} has no public address: list its network in `addresses` of host \"{host}\" in [[{table}.http.allow]]"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allow(host: HostPattern) -> Allow {
        Allow { host, ports: vec![], methods: vec![], plain: false, addresses: vec![] }
    }

    fn grant() -> HttpGrant {
        let second = Duration::from_secs(1);
        HttpGrant {
            plugin: "pheidi".parse().expect("legal"),
            allow: vec![
                Allow { methods: vec!["POST".into()], ..allow(HostPattern::Name("api.mail.example".into())) },
                Allow { ports: vec![8080], plain: true, ..allow(HostPattern::Below("mail.example".into())) },
                Allow { plain: true, ..allow(HostPattern::Address([10, 1, 2, 3].into())) },
                Allow {
                    addresses: vec!["127.0.0.0/8".parse().expect("a network")],
                    ..allow(HostPattern::Address([127, 0, 0, 1].into()))
                },
                allow(HostPattern::Address([1, 1, 1, 1].into())),
            ],
            limits: HttpLimits { connect: second, time: second, request: 0, response: 0, concurrency: 1 },
        }
    }

    fn check(method: &str, uri: &str) -> Result<(), String> {
        let (method, uri) = (method.parse().expect("a method"), uri.parse().expect("a URI"));
        Target::read(&method, &uri).map_err(String::from).and_then(|target| grant().check(&target))
    }

    #[test]
    fn what_an_entry_lists_is_let_out() {
        for (method, uri) in [
            ("POST", "https://api.mail.example/v1/send?key=1"),
            ("POST", "https://API.Mail.Example:443/"),
            ("GET", "http://a.mail.example:8080/"),
            ("DELETE", "https://a.b.mail.example:8080/"),
            ("GET", "https://127.0.0.1/"),
            ("GET", "https://[::ffff:127.0.0.1]/"),
            ("GET", "https://1.1.1.1/"),
        ] {
            assert_eq!(check(method, uri), Ok(()), "{method} {uri}");
        }
    }

    #[test]
    fn what_no_entry_lists_is_refused_with_what_would_grant_it() {
        for (method, uri, lacks) in [
            ("GET", "https://other.example/", "add [[plugin.pheidi.grants.http.allow]] with host = \"other.example\""),
            ("GET", "https://mail.example:8080/", "with host = \"mail.example\""),
            ("GET", "https://amail.example:8080/", "with host = \"amail.example\""),
            ("GET", "https://api.mail.example.evil.example/", "with host ="),
            ("POST", "https://api.mail.example./", "with host = \"api.mail.example.\""),
            ("GET", "https://api.mail.example/", "needs methods = [\"GET\"] for host \"api.mail.example\""),
            ("POST", "https://api.mail.example:8443/", "needs ports = [8443]"),
            ("POST", "http://api.mail.example/", "needs ports = [80]"),
            ("GET", "http://1.1.1.1/", "needs plain = true"),
            ("GET", "http://10.1.2.3/", "list its network in `addresses`"),
            ("GET", "http://2130706433/", "with host = \"2130706433\""),
            ("GET", "http://127.1/", "with host = \"127.1\""),
            ("GET", "https://[::1]/", "with host = \"::1\""),
            ("GET", "https://169.254.169.254/latest/meta-data/", "with host = \"169.254.169.254\""),
            ("POST", "https://api.mail.example@evil.example/", "user and password"),
            ("POST", "https://ada:secret@api.mail.example/", "user and password"),
            ("CONNECT", "https://1.1.1.1:443/", "tunnel"),
        ] {
            let reason = check(method, uri).expect_err(uri);
            assert!(reason.contains(lacks), "{method} {uri}: {reason}");
            assert!(!reason.contains("secret"), "{reason}");
        }
    }
}
