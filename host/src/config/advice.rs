//! What somebody may have meant.

/// The candidate that a mistyped text most probably means.
pub fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |candidate: &str| strsim::damerau_levenshtein(&text.to_lowercase(), &candidate.to_lowercase());
    let near = (text.chars().count() / 3).max(2);
    candidates
        .into_iter()
        .map(|candidate| (distance(candidate), candidate))
        .filter(|(distance, _)| *distance <= near)
        .min()
        .map(|(_, candidate)| candidate)
}

/// `"a", "b" or "c"`.
pub fn alternatives(quoted: &[String]) -> String {
    match quoted {
        [] => "nothing".into(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognized_and_an_unrelated_text_is_not() {
        let keys = ["prefetch", "time-limit", "memory-limit"];
        for (text, expected) in [
            ("prefech", Some("prefetch")),
            ("Prefetch", Some("prefetch")),
            ("time_limit", Some("time-limit")),
            ("memroy-limit", Some("memory-limit")),
            ("colour", None),
        ] {
            assert_eq!(nearest(text, keys), expected, "{text}");
        }
    }

    #[test]
    fn alternatives_read_as_a_sentence() {
        let quoted = ["a", "b", "c"].map(String::from);
        assert_eq!(alternatives(&quoted), "a, b or c");
        assert_eq!(alternatives(&quoted[..1]), "a");
    }
}
