//! Text for people: tables, moments, and foreign text that cannot move their cursor.

use std::fmt::Write;
use std::time::{Duration, UNIX_EPOCH};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use crate::json::spread;
use crate::message::{Receipt, Timestamp};

/// The last millisecond of the year 9999.
const LAST: u64 = 253_402_300_799_999;

/// Foreign text in one line, without what a terminal would take for an order.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        // Besides control characters, those that turn the direction of what follows.
        if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            plain.extend(c.escape_default());
        } else {
            plain.push(c);
        }
    }
    plain
}

/// At most so many characters of a text, the last of them saying that there are more.
pub(super) fn short(text: &str, length: usize) -> String {
    if text.chars().count() <= length {
        return text.to_owned();
    }
    text.chars().take(length.saturating_sub(1)).chain(['…']).collect()
}

/// A JSON text over several lines, each with its end.
pub(super) fn pretty(json: &str) -> String {
    spread(json).lines().map(|line| plain(line) + "\n").collect()
}

/// Headers by their names, as they are in JSON, a line each.
pub(super) fn headers(headers: &serde_json::Value) -> String {
    let mut text = String::new();
    for (name, value) in headers.as_object().into_iter().flatten() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {}: {}", plain(name), plain(&value.to_string()));
    }
    if text.is_empty() { text } else { format!("headers\n{text}") }
}

/// A bar that tells how far something has come: on standard error, and only if that is a terminal.
pub(super) fn bar(template: &str) -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// A moment in UTC, to the second.
pub(super) fn moment(time: Timestamp) -> String {
    if time.millis() > LAST {
        return "?".into();
    }
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_millis(time.millis())).to_string()
}

/// What a delivery cost beside its time, in a few words behind it; none where nothing ran.
pub(super) fn cost(receipt: &Receipt) -> String {
    let Receipt { wasm_time, host_time, peak_memory, bytes_in, bytes_out, .. } = receipt;
    if wasm_time.is_zero() && *peak_memory == 0 {
        return String::new();
    }
    let memory = HumanBytes(*peak_memory);
    format!(" ({wasm_time:?} on a processor, {host_time:?} in the host, {memory}, {bytes_in} B in, {bytes_out} B out)")
}

/// Columns under their heads, each as wide as its widest cell.
pub(super) fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let cells = |index: usize| rows.iter().filter_map(move |row| row.get(index));
    let width = |(index, head): (usize, &&str)| {
        cells(index).map(|cell| cell.chars().count()).max().unwrap_or_default().max(head.len())
    };
    let widths: Vec<_> = heads.iter().enumerate().map(width).collect();
    let mut text = String::new();
    let heads: Vec<_> = heads.iter().map(|head| head.to_uppercase()).collect();
    for row in std::iter::once(&heads).chain(rows) {
        let line: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", line.join("  ").trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_move_the_cursor() {
        assert_eq!(plain("a\x1b[2Jb\nc\u{202e}ü"), "a\\u{1b}[2Jb\\nc\\u{202e}ü");
    }

    #[test]
    fn a_cost_is_told_where_something_ran() {
        let [time, wasm_time, host_time] = [900, 750, 20].map(Duration::from_micros);
        let receipt = Receipt { time, wasm_time, host_time, peak_memory: 1 << 20, bytes_in: 120, bytes_out: 8 };
        assert_eq!(cost(&receipt), " (750µs on a processor, 20µs in the host, 1.00 MiB, 120 B in, 8 B out)");
        assert_eq!(cost(&Receipt::default()), "");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(short("müde Hasen", 5), "müde…");
        assert_eq!(short("müde", 4), "müde");
    }

    #[test]
    fn a_moment_that_no_calendar_has_is_said_to_be_none() {
        assert_eq!(moment(Timestamp::from_millis(1_700_000_000_123)), "2023-11-14T22:13:20Z");
        assert_eq!(moment(Timestamp::from_millis(LAST)), "9999-12-31T23:59:59Z");
        assert_eq!(moment(Timestamp::from_millis(u64::MAX)), "?");
    }

    #[test]
    fn a_table_is_as_wide_as_what_is_in_it() {
        let rows = [vec!["pheidi".into(), "paused".into()], vec!["ü".into(), String::new()]];
        assert_eq!(table(&["plugin", "is"], &rows), "PLUGIN  IS\npheidi  paused\nü\n");
    }
}
