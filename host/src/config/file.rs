//! `leveret.toml`: from text to settings with their places, and every problem on the way.

use std::ops::Range;
use std::path::Path;

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::advice::{alternatives, nearest};
use super::entry::{Entry, KeyPath};
use super::error::{Place, Problem};
use super::schema::{Node, Shape};

/// Reads a document. What is right in it is returned beside what is wrong.
pub fn read(path: &Path, text: &str, root: Node<'_>) -> (Vec<Entry>, Vec<Problem>) {
    let mut reader = Reader { path, text, root, entries: Vec::new(), problems: Vec::new() };
    let (document, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        reader.table(document.get_ref(), root, &KeyPath::default());
    }
    for error in errors {
        let place = reader.place(error.span().unwrap_or(text.len()..text.len()));
        reader.problems.push(Problem::Syntax { place, reason: error.message().replace('\n', " ") });
    }
    (reader.entries, reader.problems)
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    root: Node<'a>,
    entries: Vec<Entry>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn table(&mut self, table: &DeTable<'_>, node: Node<'_>, path: &KeyPath) {
        for (key, value) in table {
            let key_path = path.child(key.get_ref());
            match node.shape() {
                Shape::Table(children) => match children.iter().find(|(name, _)| name == key.get_ref()) {
                    Some((_, child)) => self.value(value, *child, &key_path),
                    None => {
                        let names: Vec<&str> = children.iter().map(|(name, _)| *name).collect();
                        let advice = self.advice(key.get_ref(), &names, path);
                        let place = self.place(key.span());
                        self.problems.push(Problem::UnknownKey { place, key: key_path, advice });
                    }
                },
                Shape::Map(child) => {
                    let place = self.place(key.span());
                    if self.accept(Entry { key: key_path.clone(), place, value: empty(child) }, child) {
                        self.value(value, child, &key_path);
                    }
                }
                Shape::Leaf => {}
            }
        }
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>, node: Node<'_>, path: &KeyPath) {
        let place = self.place(value.span());
        match (node.shape(), value.get_ref()) {
            (Shape::Table(_) | Shape::Map(_), DeValue::Table(table)) => self.table(table, node, path),
            (_, given) => match (node.shape(), json(given)) {
                (Shape::Leaf, Some(value)) => {
                    if self.elements(given, node, path) {
                        self.accept(Entry { key: path.clone(), place, value }, node);
                    }
                }
                _ => {
                    let reason = node.refusal_of(&self.text[value.span()]);
                    self.problems.push(Problem::Value { place, key: path.clone(), reason });
                }
            },
        }
    }

    /// Whether each element of a list is allowed by itself; what is wrong with one is said where it stands.
    fn elements(&mut self, list: &DeValue<'_>, node: Node<'_>, path: &KeyPath) -> bool {
        let (true, DeValue::Array(elements)) = (node.is("array"), list) else { return true };
        let mut allowed = true;
        for element in elements {
            let Some(value) = json(element.get_ref()) else { continue };
            let entry =
                Entry { key: path.clone(), place: self.place(element.span()), value: Value::Array(vec![value]) };
            if let Err(problem) = entry.check(node) {
                self.problems.push(problem);
                allowed = false;
            }
        }
        allowed
    }

    fn accept(&mut self, entry: Entry, node: Node<'_>) -> bool {
        let checked = entry.check(node);
        let allowed = checked.is_ok();
        match checked {
            Ok(()) => self.entries.push(entry),
            Err(problem) => self.problems.push(problem),
        }
        allowed
    }

    /// The nearest key beside, or the same key elsewhere, or else what there is.
    fn advice(&self, key: &str, names: &[&str], path: &KeyPath) -> String {
        if let Some(name) = nearest(key, names.iter().copied()) {
            return format!("did you mean `{}`?", path.child(name));
        }
        let elsewhere = self.root.leaves(&KeyPath::default()).into_iter().map(|(path, _)| path);
        if let Some(other) = elsewhere.into_iter().find(|path| path.segments().last().is_some_and(|last| last == key)) {
            return format!("did you mean `{other}`?");
        }
        let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        format!("here it can be {}", alternatives(&quoted))
    }

    fn place(&self, span: Range<usize>) -> Place {
        let before = &self.text[..self.text.floor_char_boundary(span.start)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        Place::File { path: self.path.into(), line, column: before[line_start..].chars().count() + 1 }
    }
}

/// What stands for a key of the operator's choice until its own value is read: nothing set.
fn empty(node: Node<'_>) -> Value {
    match node.shape() {
        Shape::Leaf => Value::String(String::new()),
        Shape::Table(_) | Shape::Map(_) => Value::Object(Map::new()),
    }
}

/// A value as JSON; `None` for what no setting can be: dates, infinite numbers, and numbers that do not fit 64 bits.
fn json(value: &DeValue<'_>) -> Option<Value> {
    Some(match value {
        DeValue::String(text) => text.as_ref().into(),
        DeValue::Boolean(truth) => (*truth).into(),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok()?.into(),
        DeValue::Float(number) => Value::from(number.as_str().parse::<f64>().ok().filter(|number| number.is_finite())?),
        DeValue::Array(values) => values.iter().map(|value| json(value.get_ref())).collect::<Option<_>>()?,
        DeValue::Table(table) => {
            let entries = table.iter().map(|(key, value)| Some((key.get_ref().to_string(), json(value.get_ref())?)));
            Value::Object(entries.collect::<Option<_>>()?)
        }
        DeValue::Datetime(_) => return None,
    })
}
