//! How what came differs from what was expected, line by line.

use similar::{ChangeTag, TextDiff};

use super::outcome::Outcome;

/// How many lines that are the same are shown around those that differ.
const CONTEXT: usize = 3;

/// On which side a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Expected,
    Came,
    Both,
}

/// The lines that differ, with some around them; `None` stands for lines that are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference(pub Vec<Option<(Side, String)>>);

impl Difference {
    /// Between what was expected and what came.
    pub fn between(expected: &Outcome, came: &Outcome) -> Self {
        let (expected, came) = (expected.canonical(), came.canonical());
        let difference = TextDiff::from_lines(&expected, &came);
        let mut lines = Vec::new();
        for (index, group) in difference.grouped_ops(CONTEXT).iter().enumerate() {
            if index > 0 {
                lines.push(None);
            }
            for change in group.iter().flat_map(|operation| difference.iter_changes(operation)) {
                let side = match change.tag() {
                    ChangeTag::Delete => Side::Expected,
                    ChangeTag::Insert => Side::Came,
                    ChangeTag::Equal => Side::Both,
                };
                lines.push(Some((side, change.value().trim_end_matches('\n').to_owned())));
            }
        }
        Self(lines)
    }

    /// As plain text: `-` before what was expected and did not come, `+` before what came instead.
    pub fn lines(&self) -> impl Iterator<Item = (Side, String)> {
        self.0.iter().map(|line| match line {
            Some((side, line)) => (*side, format!("{} {line}", side.sign())),
            None => (Side::Both, "  …".to_owned()),
        })
    }
}

impl Side {
    fn sign(self) -> char {
        match self {
            Self::Expected => '-',
            Self::Came => '+',
            Self::Both => ' ',
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_shown_with_some_lines_around() {
        let outcome = |last: &str| -> Outcome {
            let fields: Vec<_> = (10..30).map(|number| format!("\"f{number}\": {number}")).collect();
            let payload = format!("{{{}, \"last\": {last}}}", fields.join(", "));
            serde_json::from_str(&format!(r#"{{"tasks": [{{"name": "a.b", "payload": {payload}}}]}}"#)).expect("legal")
        };
        let difference = Difference::between(&outcome("1"), &outcome("2"));
        let lines: Vec<_> = difference.lines().map(|(_, line)| line).collect();
        assert_eq!(lines.len(), 8, "{lines:#?}");
        assert!(lines[3].starts_with('-') && lines[3].ends_with("\"last\": 1"), "{lines:#?}");
        assert!(lines[4].starts_with('+') && lines[4].ends_with("\"last\": 2"), "{lines:#?}");
    }
}
