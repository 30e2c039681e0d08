//! A file of Rust, and what it imports. It knows as much of the language as this needs.

use std::path::{Path, PathBuf};

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests is a folder of the repository").to_owned()
}

/// A file of Rust.
pub struct Source {
    /// From the root, with `/` between its segments.
    pub path: String,
    pub text: String,
}

impl Source {
    /// Every file of Rust in a folder of the repository and below it.
    pub fn all(folder: &str) -> Vec<Self> {
        let mut sources = Vec::new();
        collect(&root().join(folder), folder, &mut sources);
        assert!(!sources.is_empty(), "there is no Rust in {folder}");
        sources
    }

    /// The module of the host that the file belongs to: `host/src/broker/mod.rs` to `broker`.
    pub fn module(&self) -> &str {
        self.modules().first().copied().unwrap_or_default()
    }

    /// What it imports from its own crate, each with its line: `broker::Delay` for `use crate::broker::{Delay, …}`.
    pub fn imports(&self) -> Vec<(usize, String)> {
        let code = self.lines().map(|(_, line)| line).collect::<Vec<_>>().join("\n");
        let line = |at: usize| code[..at].matches('\n').count() + 1;
        let mut imports = Vec::new();
        for (at, _) in code.match_indices("crate::").filter(|(at, _)| begins_a_path(&code, *at)) {
            imports.extend(leaves(tree(&code[at + "crate::".len()..])).into_iter().map(|path| (line(at), path)));
        }
        // Enough `super::` in a row leave the module and arrive at the crate's root too.
        let to_the_root = "super::".repeat(self.modules().len());
        for (at, _) in code.match_indices(&to_the_root).filter(|(at, _)| begins_a_path(&code, *at)) {
            // From inside an inline module it takes one more of them.
            let beyond = leaves(tree(code[at + to_the_root.len()..].trim_start_matches("super::")));
            let modules = beyond.into_iter().filter(|path| is_module(path.split("::").next().unwrap_or_default()));
            imports.extend(modules.map(|path| (line(at), path)));
        }
        imports
    }

    /// The lines of code that are found, as `file:line: code`.
    pub fn places(&self, find: impl Fn(&str) -> bool) -> Vec<String> {
        let found = self.lines().filter(|(_, line)| find(line));
        found.map(|(number, line)| format!("{}:{number}: {}", self.path, line.trim())).collect()
    }

    /// Its lines by number, without their comments.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, without_comment(line)))
    }

    /// The modules that lead to the file, from the crate's root.
    fn modules(&self) -> Vec<&str> {
        let below = self.path.strip_prefix("host/src/").unwrap_or(&self.path);
        below.trim_end_matches(".rs").trim_end_matches("/mod").split('/').collect()
    }
}

/// Whether a line has a path that begins with a name: `lapin::Channel` has `lapin`.
pub fn has_path(line: &str, name: &str) -> bool {
    line.match_indices(&format!("{name}::")).any(|(at, _)| begins_a_path(line, at))
}

/// Whether a line has a word.
pub fn has_word(line: &str, word: &str) -> bool {
    let ends = |at: usize| !line[at + word.len()..].starts_with(is_part_of_a_word);
    line.match_indices(word).any(|(at, _)| begins_a_word(line, at) && ends(at))
}

fn collect(directory: &Path, path: &str, sources: &mut Vec<Source>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{path}/{name}");
        if entry.path().is_dir() && !matches!(name.as_str(), "target" | "node_modules") {
            collect(&entry.path(), &path, sources);
        } else if name.ends_with(".rs") {
            // A file may go while others work here; what is gone violates nothing.
            sources.extend(std::fs::read_to_string(entry.path()).map(|text| Source { path, text }));
        }
    }
}

fn is_module(name: &str) -> bool {
    let path = root().join("host/src").join(name);
    !name.is_empty() && (path.is_dir() || path.with_extension("rs").is_file())
}

fn without_comment(line: &str) -> &str {
    // The `//` of a URL is no comment.
    let comment = line.match_indices("//").find(|(at, _)| !line[..*at].ends_with(':'));
    comment.map_or(line, |(at, _)| &line[..at])
}

fn begins_a_path(text: &str, at: usize) -> bool {
    begins_a_word(text, at) && !text[..at].ends_with(':')
}

fn begins_a_word(text: &str, at: usize) -> bool {
    !text[..at].ends_with(is_part_of_a_word)
}

fn is_part_of_a_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The path or tree of paths at the beginning of a text: `a::{b, c::d}` of `a::{b, c::d};`.
fn tree(text: &str) -> &str {
    let mut depth = 0;
    let end = text.find(|c: char| {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        let part = is_part_of_a_word(c) || matches!(c, ':' | '{' | '*');
        let inside = depth > 0 || c == '}';
        depth < 0 || !(part || inside)
    });
    &text[..end.unwrap_or(text.len())]
}

/// Each path of a tree: `a::b` and `a::c::d` of `a::{b, c::d}`.
fn leaves(tree: &str) -> Vec<String> {
    let Some((stem, branches)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default().trim();
        return if path.is_empty() { Vec::new() } else { vec![path.to_owned()] };
    };
    let (mut depth, mut branch, mut paths) = (1, String::new(), Vec::new());
    for c in branches.chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        if depth == 0 || depth == 1 && c == ',' {
            paths.extend(leaves(branch.trim()).into_iter().map(|path| format!("{}{path}", stem.trim())));
            branch.clear();
        } else {
            branch.push(c);
        }
        if depth == 0 {
            break;
        }
    }
    paths
}

#[test]
fn imports_are_found_in_whichever_way_they_are_written() {
    let text = "use crate::broker::{self, Delay,\n    rabbitmq::{Options as O, Url}};\n// crate::comment::X\n\
                let at = \"http://x\"; crate::plugin::Sandbox::new();\nuse super::super::name;\nuse super::guard;\n";
    let source = Source { path: "host/src/cli/demo.rs".into(), text: text.into() };
    let found: Vec<String> = source.imports().into_iter().map(|(line, path)| format!("{line} {path}")).collect();
    let expected = [
        "1 broker::self",
        "1 broker::Delay",
        "1 broker::rabbitmq::Options",
        "1 broker::rabbitmq::Url",
        "4 plugin::Sandbox::new",
        "5 name",
    ];
    assert_eq!(found, expected);
}
