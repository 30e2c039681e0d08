//! The JSON Schema of the settings, and the few questions that the rest of this module asks it.

use serde_json::Value;

use super::advice::{alternatives, nearest};
use super::entry::KeyPath;
use super::settings::Settings;

/// The JSON Schema of `leveret.toml`, for editors and for `leveret config schema`.
pub fn schema() -> Value {
    schemars::schema_for!(Settings).to_value()
}

/// One place in the schema: the whole, a table or a single setting.
#[derive(Clone, Copy)]
pub struct Node<'schema> {
    root: &'schema Value,
    /// As it stands where it is used: with its description and default.
    outer: &'schema Value,
    /// What that refers to.
    inner: &'schema Value,
}

/// What a place in the schema holds.
pub enum Shape<'schema> {
    /// Known keys.
    Table(Vec<(&'schema str, Node<'schema>)>),
    /// Keys of the operator's choice.
    Map(Node<'schema>),
    /// A single setting.
    Leaf,
}

impl<'schema> Node<'schema> {
    pub fn root(root: &'schema Value) -> Self {
        Self { root, outer: root, inner: root }
    }

    fn new(root: &'schema Value, outer: &'schema Value) -> Self {
        let mut inner = outer;
        loop {
            let reference = inner["$ref"].as_str().and_then(|reference| root.pointer(reference.strip_prefix('#')?));
            let present = || inner["anyOf"].as_array()?.iter().find(|choice| choice["type"] != "null");
            match reference.or_else(present) {
                Some(next) => inner = next,
                None => return Self { root, outer, inner },
            }
        }
    }

    pub fn shape(&self) -> Shape<'schema> {
        let node = |schema| Node::new(self.root, schema);
        if let Some(properties) = self.inner["properties"].as_object() {
            return Shape::Table(properties.iter().map(|(key, schema)| (key.as_str(), node(schema))).collect());
        }
        let by_pattern = || self.inner["patternProperties"].as_object()?.values().next();
        let additional = Some(&self.inner["additionalProperties"]).filter(|schema| schema.is_object());
        match additional.or_else(by_pattern) {
            Some(schema) => Shape::Map(node(schema)),
            None => Shape::Leaf,
        }
    }

    /// The place at a key path; a key of the operator's choice leads where every such key does, and one of a list to that of
    /// each of its elements.
    pub fn at(self, path: &KeyPath) -> Option<Self> {
        path.segments().iter().try_fold(self, |node, segment| match node.element().unwrap_or(node).shape() {
            Shape::Table(children) => children.into_iter().find(|(key, _)| key == segment).map(|(_, child)| child),
            Shape::Map(child) => Some(child),
            Shape::Leaf => None,
        })
    }

    /// What each element of a list of tables is.
    fn element(self) -> Option<Self> {
        let element = Node::new(self.root, &self.inner["items"]);
        matches!(element.shape(), Shape::Table(_)).then_some(element)
    }

    /// Every single setting below, with its path. Those of single plugins are not among them: their paths are open.
    pub fn leaves(self, path: &KeyPath) -> Vec<(KeyPath, Node<'schema>)> {
        match self.shape() {
            Shape::Table(children) => {
                children.into_iter().flat_map(|(key, child)| child.leaves(&path.child(key))).collect()
            }
            Shape::Map(_) => Vec::new(),
            Shape::Leaf => vec![(path.clone(), self)],
        }
    }

    /// The doc comment.
    pub fn description(&self) -> Option<&'schema str> {
        self.outer["description"].as_str().or_else(|| self.inner["description"].as_str())
    }

    pub fn is(&self, kind: &str) -> bool {
        let stated = &self.inner["type"];
        stated == kind || stated.as_array().is_some_and(|kinds| kinds.iter().any(|stated| stated == kind))
    }

    /// Why a value is not allowed here, given what its type said about it.
    pub fn refusal(&self, value: &Value, reason: &str) -> String {
        let choices = self.choices();
        if !choices.is_empty() {
            let quoted: Vec<String> = choices.iter().map(|choice| format!("{choice:?}")).collect();
            let meant = value.as_str().and_then(|text| nearest(text, choices));
            let question = meant.map(|meant| format!("; did you mean {meant:?}?")).unwrap_or_default();
            return format!("{value} is not allowed: must be {}{question}", alternatives(&quoted));
        }
        // Where the kind is right, or there are several, the type's own error says more: that of a text, or of a key of
        // the operator's choice.
        let right_kind = (self.is("string") && value.is_string())
            || (self.is("object") && value.is_object())
            || (self.is("array") && value.is_array());
        let several_kinds = self.inner["oneOf"].is_array();
        if right_kind || several_kinds { reason.into() } else { self.refusal_of(&value.to_string()) }
    }

    /// Why a value of the wrong kind is not allowed here, given how it was written.
    pub fn refusal_of(&self, written: &str) -> String {
        if self.inner["writeOnly"] == true {
            // Whoever wrote it may have written the secret itself.
            return format!("this is not allowed: must be {}", self.expected());
        }
        format!("{written} is not allowed: must be {}", self.expected())
    }

    fn choices(&self) -> Vec<&'schema str> {
        let listed = self.inner["enum"].as_array().into_iter().flatten();
        let described = self.inner["oneOf"].as_array().into_iter().flatten().map(|choice| &choice["const"]);
        listed.chain(described).filter_map(Value::as_str).collect()
    }

    fn expected(&self) -> String {
        if self.is("integer") {
            let (minimum, maximum) = self.bounds();
            return format!("a whole number, {minimum} to {maximum}");
        }
        if self.is("number") {
            return match (self.inner["minimum"].as_f64(), self.inner["maximum"].as_f64()) {
                (Some(minimum), Some(maximum)) => format!("a number from {minimum} to {maximum}"),
                (Some(minimum), None) => format!("a number of at least {minimum}"),
                (None, _) => "a number".into(),
            };
        }
        if self.is("boolean") {
            return "true or false".into();
        }
        if self.is("string") {
            let example =
                [&self.outer["default"], &self.inner["examples"][0]].into_iter().find(|text| text.is_string());
            return example.map_or("a text".into(), |example| format!("a text, such as {example}"));
        }
        if self.is("array") {
            return "a list".into();
        }
        match &self.inner["examples"][0] {
            Value::String(example) => format!("a table, such as {example}"),
            _ => "a table".into(),
        }
    }

    /// The bounds of a whole number: stated, or those of its type.
    fn bounds(&self) -> (i64, u64) {
        let widest = match self.inner["format"].as_str() {
            Some("uint8") => u8::MAX.into(),
            Some("uint16") => u16::MAX.into(),
            Some("uint32") => u32::MAX.into(),
            _ => i64::MAX as u64,
        };
        (self.inner["minimum"].as_i64().unwrap_or(0), self.inner["maximum"].as_u64().unwrap_or(widest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_a_description() {
        fn undescribed(node: Node<'_>, path: &KeyPath, found: &mut Vec<String>) {
            let children = match node.shape() {
                Shape::Table(children) => children,
                Shape::Map(child) => vec![("*", child)],
                Shape::Leaf => Vec::new(),
            };
            for (key, child) in children {
                let path = path.child(key);
                if child.description().is_none() {
                    found.push(path.to_string());
                }
                undescribed(child, &path, found);
            }
        }
        let mut found = Vec::new();
        undescribed(Node::root(&schema()), &KeyPath::default(), &mut found);
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn every_setting_has_a_default() {
        let (schema, defaults) = (schema(), serde_json::to_value(Settings::default()).expect("plain values"));
        for (path, _) in Node::root(&schema).leaves(&KeyPath::default()) {
            let value = path.segments().iter().try_fold(&defaults, |value, segment| value.get(segment));
            assert!(value.is_some_and(|value| !value.is_null()), "{path}");
        }
    }

    #[test]
    fn a_path_leads_through_tables_and_maps() {
        let schema = schema();
        let root = Node::root(&schema);
        let path = |segments: &[&str]| segments.iter().fold(KeyPath::default(), |path, segment| path.child(segment));
        assert!(root.at(&path(&["delivery", "retry", "minimum"])).is_some_and(|node| node.is("string")));
        assert!(root.at(&path(&["plugin", "pheidi", "retry", "attempts"])).is_some_and(|node| node.is("integer")));
        assert!(root.at(&path(&["delivery", "prefetch", "x"])).is_none());
    }
}
