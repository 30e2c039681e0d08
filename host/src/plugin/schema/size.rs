//! What a schema costs, known before it is compiled: a schema without recursion is a finite tree.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::InvalidSchema;

/// The most values of a schema, with each `$ref` followed.
const VALUES: u64 = 10_000;
/// The most patterns, with each `$ref` followed.
const PATTERNS: u64 = 100;
/// The most levels, with each `$ref` followed: as deep as the check's stack gets.
const LEVELS: u64 = 128;
const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";
/// References whose target only the check itself knows, and a name that makes `#` another place.
const UNSUPPORTED: [&str; 3] = ["$dynamicRef", "$recursiveRef", "$id"];

/// How much there is of a schema, with each `$ref` followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Size {
    pub values: u64,
    pub patterns: u64,
    levels: u64,
}

impl Size {
    /// Looks at every value of a schema, whether it is a subschema or not: a text that only looks like a reference
    /// counts as one, which is on the safe side.
    pub(super) fn of(schema: &Value) -> Result<Self, InvalidSchema> {
        Walk { root: schema, known: HashMap::new(), open: HashSet::new() }.size(schema, 0)
    }

    fn with(self, part: Self) -> Self {
        Self {
            values: self.values.saturating_add(part.values),
            patterns: self.patterns.saturating_add(part.patterns),
            levels: self.levels.max(part.levels + 1),
        }
    }

    fn at(self, level: u64) -> Result<Self, InvalidSchema> {
        let too_large = |limit, what| Err(InvalidSchema::TooLarge { limit, what });
        match self {
            Self { values, .. } if values > VALUES => too_large(VALUES, "values"),
            Self { patterns, .. } if patterns > PATTERNS => too_large(PATTERNS, "patterns"),
            Self { levels, .. } if level + levels > LEVELS => too_large(LEVELS, "levels"),
            size => Ok(size),
        }
    }
}

/// A walk over a schema. Values are known by their address, since a `$ref` may lead to one a second time.
struct Walk<'s> {
    root: &'s Value,
    known: HashMap<*const Value, Size>,
    open: HashSet<*const Value>,
}

impl<'s> Walk<'s> {
    fn size(&mut self, value: &'s Value, level: u64) -> Result<Size, InvalidSchema> {
        let mut size = Size { values: 1, patterns: 0, levels: 0 }.at(level)?;
        if let Some(known) = self.known.get(&std::ptr::from_ref(value)) {
            return known.at(level);
        }
        self.open.insert(value);
        match value {
            Value::Array(items) => {
                for item in items {
                    size = size.with(self.size(item, level + 1)?).at(level)?;
                }
            }
            Value::Object(members) => {
                for (key, member) in members {
                    size = size.with(self.member(key, member, level + 1)?).at(level)?;
                }
            }
            _ => {}
        }
        self.open.remove(&std::ptr::from_ref(value));
        self.known.insert(value, size);
        Ok(size)
    }

    fn member(&mut self, key: &str, value: &'s Value, level: u64) -> Result<Size, InvalidSchema> {
        // Under `properties` a property may have one of these names: what stands there is an object.
        if let Some(name) = UNSUPPORTED.iter().find(|name| **name == key && !value.is_object()) {
            return Err(InvalidSchema::Unsupported(name));
        }
        let size = self.size(value, level)?;
        match (key, value) {
            ("$ref", Value::String(reference)) => Ok(size.with(self.target(reference, level)?)),
            ("$schema", Value::String(draft)) if draft.trim_end_matches('#') != DRAFT => {
                Err(InvalidSchema::Draft(draft.clone()))
            }
            ("pattern", Value::String(_)) => Ok(Size { patterns: size.patterns + 1, ..size }),
            ("patternProperties", Value::Object(patterns)) => {
                Ok(Size { patterns: size.patterns.saturating_add(patterns.len() as u64), ..size })
            }
            _ => Ok(size),
        }
    }

    fn target(&mut self, reference: &str, level: u64) -> Result<Size, InvalidSchema> {
        let foreign = || InvalidSchema::Foreign(reference.to_owned());
        let pointer = reference.strip_prefix('#').ok_or_else(foreign)?;
        if pointer.contains('%') || !(pointer.is_empty() || pointer.starts_with('/')) {
            return Err(foreign());
        }
        let target = self.root.pointer(pointer).ok_or_else(|| InvalidSchema::Dangling(reference.to_owned()))?;
        if self.open.contains(&std::ptr::from_ref(target)) {
            return Err(InvalidSchema::Recursive(reference.to_owned()));
        }
        self.size(target, level + 1)
    }
}
