//! A tree of texts, drawn with lines.

use std::fmt::Write;

/// A text of one line or several, and what hangs below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub text: String,
    pub below: Vec<Node>,
}

impl Node {
    pub(super) fn new(text: impl Into<String>, below: Vec<Self>) -> Self {
        Self { text: text.into(), below }
    }
}

/// Draws what hangs below a title.
pub(super) fn draw(nodes: &[Node]) -> String {
    let mut text = String::new();
    hang(&mut text, "", nodes);
    text
}

fn hang(text: &mut String, stem: &str, nodes: &[Node]) {
    for (index, node) in nodes.iter().enumerate() {
        let is_last = index + 1 == nodes.len();
        let (branch, next) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let below = format!("{stem}{next}");
        // Lines of its own after the first stand beside the stem of what hangs below.
        let beside = if node.below.is_empty() { "   " } else { "│  " };
        for (number, line) in node.text.lines().enumerate() {
            // Writing to a String cannot fail.
            let _ = if number == 0 {
                writeln!(text, "{stem}{branch}{line}")
            } else {
                writeln!(text, "{below}{beside}{line}")
            };
        }
        hang(text, &below, &node.below);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_and_lines_are_drawn() {
        let leaf = |text: &str| Node::new(text, Vec::new());
        let nodes = [Node::new("a\nmore of a", vec![leaf("b\nmore of b"), leaf("c")]), leaf("d")];
        let expected = "\
├─ a
│  │  more of a
│  ├─ b
│  │     more of b
│  └─ c
└─ d
";
        assert_eq!(draw(&nodes), expected);
    }
}
