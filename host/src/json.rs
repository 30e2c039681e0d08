//! JSON text as text: laid out for people, with everything in it as it was written.

/// A JSON text over several lines, with every number and name as it was written, however deep it is nested.
pub fn spread(json: &str) -> String {
    const DEEPEST: usize = 40;
    let (mut text, mut depth, mut is_string, mut is_escaped) =
        (String::with_capacity(json.len()), 0_usize, false, false);
    let line = |text: &mut String, depth: usize| {
        text.push('\n');
        text.extend(std::iter::repeat_n("  ", depth.min(DEEPEST)));
    };
    let mut rest = json.chars().peekable();
    while let Some(c) = rest.next() {
        if is_string {
            text.push(c);
            is_string = c != '"' || is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            continue;
        }
        match c {
            c if c.is_whitespace() => {}
            '{' | '[' => {
                text.push(c);
                while rest.next_if(|c| c.is_whitespace()).is_some() {}
                if let Some(end) = rest.next_if(|c| matches!(c, '}' | ']')) {
                    text.push(end);
                } else {
                    depth += 1;
                    line(&mut text, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut text, depth);
                text.push(c);
            }
            ',' => {
                text.push(c);
                line(&mut text, depth);
            }
            ':' => text.push_str(": "),
            '"' => {
                text.push(c);
                is_string = true;
            }
            c => text.push(c),
        }
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_spread_over_lines_and_says_the_same() {
        let json = r#"{"a":[1,{},[ ],"x, {\\\"}"],"big":12345678901234567890123.0}"#;
        let expected = r#"{
  "a": [
    1,
    {},
    [],
    "x, {\\\"}"
  ],
  "big": 12345678901234567890123.0
}
"#;
        assert_eq!(spread(json), expected);
        assert_eq!(spread(&spread(json)), expected);
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        assert!(spread(&deep).len() < 20_000_000);
    }
}
