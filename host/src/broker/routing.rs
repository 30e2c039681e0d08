//! Which messages an exchange of another service routes to a binding: AMQP's rules, for those of the past.

use super::Routing;
use crate::message::Headers;

impl Routing {
    /// Whether a message with this routing key and these headers comes through.
    pub fn admits(&self, key: &str, headers: &Headers) -> bool {
        match self {
            Self::Fanout => true,
            Self::Direct(keys) => keys.iter().any(|wanted| wanted == key),
            Self::Topic(patterns) => patterns.iter().any(|pattern| fits(pattern, key)),
            Self::Headers { all, headers: wanted } => {
                let mut found = wanted.iter().map(|(name, value)| headers.get(name) == Some(value));
                if *all { found.all(|fits| fits) } else { found.any(|fits| fits) }
            }
        }
    }
}

/// Whether a key of words fits a pattern in which `*` stands for one word and `#` for any number of them.
pub fn fits(pattern: &str, key: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('.').collect();
    let key: Vec<&str> = if key.is_empty() { Vec::new() } else { key.split('.').collect() };
    // Which parts of the key the pattern so far can stand for: one more for none of it.
    let mut reached = vec![false; key.len() + 1];
    reached[0] = true;
    for word in pattern {
        if word == "#" {
            let first = reached.iter().position(|reached| *reached).unwrap_or(reached.len());
            reached.iter_mut().skip(first).for_each(|reached| *reached = true);
            continue;
        }
        for at in (0..key.len()).rev() {
            reached[at + 1] = reached[at] && (word == "*" || word == key[at]);
        }
        reached[0] = false;
    }
    reached[key.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::HeaderValue;

    #[test]
    fn a_star_is_one_word_and_a_hash_any_number() {
        for (pattern, key) in [
            ("a.b", "a.b"),
            ("a.*", "a.b"),
            ("*.b", "a.b"),
            ("#", ""),
            ("#", "a"),
            ("#", "a.b.c"),
            ("a.#", "a"),
            ("a.#", "a.b.c"),
            ("#.c", "a.b.c"),
            ("a.#.c", "a.c"),
            ("a.#.c", "a.b.b.c"),
            ("#.b.#", "a.b.c"),
            ("#.*", "a"),
            ("*.#.*", "a.b"),
        ] {
            assert!(fits(pattern, key), "{pattern} {key}");
        }
        for (pattern, key) in [
            ("a.b", "a"),
            ("a", "a.b"),
            ("*", ""),
            ("*", "a.b"),
            ("a.*", "a"),
            ("a.#.c", "a.b"),
            ("*.#.*", "a"),
            ("A", "a"),
        ] {
            assert!(!fits(pattern, key), "{pattern} {key}");
        }
    }

    #[test]
    fn headers_are_wanted_all_or_any() {
        let headers: Headers =
            [("vip".to_owned(), HeaderValue::Bool(true)), ("tier".into(), HeaderValue::Integer(2))].into();
        let wanted = |all, tier| {
            let headers = [("vip".to_owned(), HeaderValue::Bool(true)), ("tier".into(), HeaderValue::Integer(tier))];
            Routing::Headers { all, headers: headers.into() }
        };
        assert!(wanted(true, 2).admits("", &headers));
        assert!(!wanted(true, 3).admits("", &headers));
        assert!(wanted(false, 3).admits("", &headers));
        assert!(!wanted(false, 3).admits("", &Headers::new()));
    }
}
