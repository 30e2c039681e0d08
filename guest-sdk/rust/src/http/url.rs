//! A URL in the parts that the host asks for.

use super::Error;

/// What an `https://` or `http://` URL says. What is legal within its parts is the host's to say.
#[derive(Debug, PartialEq, Eq)]
pub struct Url<'a> {
    pub is_secure: bool,
    pub authority: &'a str,
    /// At least `/`, and without a fragment.
    pub path_with_query: String,
}

impl<'a> Url<'a> {
    pub fn parse(text: &'a str) -> Result<Self, Error> {
        let invalid = |reason: &str| Err(Error::Invalid(format!("the URL {text:?} {reason}")));
        let Some((scheme, rest)) = text.split_once("://") else {
            return invalid("has no scheme: it begins with https:// or http://");
        };
        let is_secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return invalid("has another scheme than https and http"),
        };
        let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.is_empty() {
            return invalid("names no host");
        }
        if authority.contains('@') {
            return invalid("carries a name or password: use the header `authorization`");
        }
        let path_with_query = if path.starts_with('/') { path.into() } else { format!("/{path}") };
        Ok(Self { is_secure, authority, path_with_query })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_falls_into_its_parts() {
        let parts = |text| Url::parse(text).map(|url| (url.is_secure, url.authority, url.path_with_query));
        assert_eq!(parts("https://a.example"), Ok((true, "a.example", "/".into())));
        assert_eq!(parts("HTTP://[::1]:81/b/c?d=/e#f"), Ok((false, "[::1]:81", "/b/c?d=/e".into())));
        assert_eq!(parts("https://a.example?b=c"), Ok((true, "a.example", "/?b=c".into())));
    }

    #[test]
    fn what_is_no_url_is_refused_with_the_reason() {
        let refused = |text| match Url::parse(text) {
            Err(Error::Invalid(reason)) => reason,
            other => format!("{other:?}"),
        };
        assert!(refused("a.example/b").contains("no scheme"));
        assert!(refused("ftp://a.example").contains("another scheme"));
        assert!(refused("https:///b").contains("no host"));
        assert!(refused("https://me:pw@a.example").contains("authorization"));
    }
}
