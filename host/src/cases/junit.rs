//! What continuous integration reads: JUnit's XML. It is a few lines, so it is written by hand.

use std::fmt::Write;
use std::time::Duration;

use super::trial::{Trial, Verdict};

/// The trials of one plugin as an XML document.
pub fn junit<'t>(plugin: &str, trials: impl IntoIterator<Item = (&'t str, &'t Trial)>) -> String {
    let (mut cases, mut tests, mut failures, mut errors) = (String::new(), 0, 0, 0);
    let mut total = Duration::ZERO;
    let plugin = escaped(plugin);
    for (name, trial) in trials {
        let time = trial.receipt.map(|receipt| receipt.time).unwrap_or_default();
        let (name, seconds) = (escaped(name), time.as_secs_f64());
        let mut below = String::new();
        match &trial.verdict {
            Verdict::Passed => {}
            Verdict::Failed(difference) => {
                failures += 1;
                let lines: Vec<_> = difference.lines().map(|(_, line)| line).collect();
                let lines = escaped(&lines.join("\n"));
                below = format!("      <failure message=\"something else came of it\">{lines}</failure>\n");
            }
            Verdict::Open => {
                errors += 1;
                below = "      <error message=\"the case expects nothing yet\"/>\n".into();
            }
            Verdict::Impossible(reason) => {
                errors += 1;
                below = format!("      <error message=\"{}\"/>\n", escaped(reason));
            }
        }
        if !trial.log.is_empty() {
            let lines: Vec<_> = trial.log.iter().map(|line| format!("{:5} {}", line.level, line.text)).collect();
            let lines = escaped(&lines.join("\n"));
            // Writing to a String cannot fail.
            let _ = writeln!(below, "      <system-out>{lines}</system-out>");
        }
        let _ = write!(cases, "    <testcase classname=\"{plugin}\" name=\"{name}\" time=\"{seconds:.6}\"");
        let _ = if below.is_empty() { writeln!(cases, "/>") } else { writeln!(cases, ">\n{below}    </testcase>") };
        tests += 1;
        total += time;
    }
    let seconds = total.as_secs_f64();
    let counts = format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{seconds:.6}\"");
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>\n  <testsuite name=\"{plugin}\" {counts}>\n\
         {cases}  </testsuite>\n</testsuites>\n"
    )
}

/// A text as XML can hold it. There are characters that it cannot hold at all.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::lines::Line;

    fn trial(verdict: Verdict) -> Trial {
        Trial { verdict, came: None, receipt: None, log: Vec::new() }
    }

    #[test]
    fn every_case_is_told_and_counted() {
        let said = trial(Verdict::Impossible("a <task> & \"more\"\n\u{1b}".into()));
        let line = Line { level: "info".into(), text: "ü<".into() };
        let logged = Trial { log: vec![line], ..trial(Verdict::Passed) };
        let text = junit("pheidi", [("a/b", &logged), ("c", &said), ("d", &trial(Verdict::Open))]);
        assert!(text.contains("<testsuite name=\"pheidi\" tests=\"3\" failures=\"0\" errors=\"2\""), "{text}");
        assert!(text.contains("message=\"a &lt;task&gt; &amp; &quot;more&quot;&#10;\u{fffd}\""), "{text}");
        assert!(text.contains("<system-out>info  ü&lt;</system-out>"), "{text}");
    }
}
