//! The figures: in order, with what they mean, as a table and as JSON.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// What was measured.
pub struct Figures(Vec<Figure>);

struct Figure {
    key: Cow<'static, str>,
    meaning: String,
    value: Value,
}

impl Figures {
    /// How this program was built comes first: it is part of every figure.
    pub fn new() -> Self {
        let (profile, meaning) = match cfg!(debug_assertions) {
            true => ("dev", "profile: the workspace's crates at opt-level 1, all others at 2, with debug assertions"),
            false => ("release", "profile: optimized, without debug assertions"),
        };
        Self(vec![Figure { key: "profile".into(), meaning: meaning.into(), value: profile.into() }])
    }

    /// Adds a figure, to a tenth where it is small.
    pub fn add(&mut self, key: impl Into<Cow<'static, str>>, value: f64, meaning: impl Into<String>) {
        let key = key.into();
        let scale = if value.abs() < 10.0 { 100.0 } else { 10.0 };
        let value = (value * scale).round() / scale;
        eprintln!("  {key} {value}");
        self.0.push(Figure { key, meaning: meaning.into(), value: value.into() });
    }

    /// For people.
    pub fn table(&self) -> String {
        let line = |Figure { key, meaning, value }: &Figure| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            format!("{key:<28} {value:>10}  {meaning}")
        };
        self.0.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// For programs, on one line.
    pub fn json(&self) -> String {
        let pair = |Figure { key, value, .. }: &Figure| (key.to_string(), value.clone());
        Value::Object(self.0.iter().map(pair).collect::<Map<_, _>>()).to_string()
    }
}

/// The one in the middle; of an even number, the higher of the two.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The smallest value that at least this part of all values does not exceed.
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (part * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}
