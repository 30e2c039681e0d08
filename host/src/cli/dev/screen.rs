//! What a person sees: a line for each thing that happens, with a word in front that says what.

use std::fmt::{Debug, Write};

use indicatif::HumanBytes;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

pub(super) use crate::cli::test::Colour;
use crate::cli::test::{Paint, cost};
use crate::cli::text::plain;
use crate::delivery::{Record, Settlement};
use crate::project::Built;

/// What the plugin writes, where it trapped, and why a component is refused. Everything else is shown by itself.
const FILTER: &str = "error,plugin=trace,leveret::plugin=debug";

/// Standard output.
#[derive(Debug, Clone, Copy)]
pub(super) struct Screen(Paint);

impl Screen {
    /// Begins to show what the plugin and the host write to the log.
    pub(super) fn begin() -> Self {
        let screen = Self(Paint::of_standard_output());
        // A second log in one process is none of ours to prevent.
        let _ = tracing_subscriber::registry().with(EnvFilter::new(FILTER)).with(Log(screen)).try_init();
        screen
    }

    pub(super) fn line(self, what: &str, colour: Colour, text: &str) {
        use std::io::Write;
        let mut lines = text.lines();
        let mut said = format!("{} {}", self.0.colour(&format!("{what:9}"), colour), lines.next().unwrap_or_default());
        for line in lines {
            // Writing to a String cannot fail.
            let _ = write!(said, "\n          {line}");
        }
        // Whoever reads may have gone.
        let _ = writeln!(std::io::stdout(), "{}", said.trim_end());
    }

    pub(super) fn built(self, built: &Built) {
        let (name, size, time) = (&built.name, HumanBytes(built.size), built.time.as_secs_f64());
        self.line("built", Colour::Green, &format!("{name}, {size}, in {time:.1} s"));
    }

    /// How a delivery settled.
    pub(super) fn record(self, record: &Record) {
        let (subject, receipt) = (&record.subject, cost(&record.receipt));
        let receipt = receipt.split_whitespace().collect::<Vec<_>>().join(" ");
        let made = match record.emitted.len() {
            0 => String::new(),
            1 => ", 1 task".into(),
            count => format!(", {count} tasks"),
        };
        match &record.settlement {
            Settlement::Done => self.line("done", Colour::Green, &format!("{subject}  {receipt}{made}")),
            Settlement::Retried { reason, wait_ms } => {
                let (attempt, wait) = (record.attempt, f64::from(*wait_ms) / 1000.0);
                let text = format!("{subject}  {receipt}\nattempt {attempt}, again in {wait:.1} s: {}", plain(reason));
                self.line("retried", Colour::Yellow, &text);
            }
            Settlement::Dead { reason } => {
                let text = format!("{subject}  {receipt}{made}\na dead letter: {}", plain(reason));
                self.line("dead", Colour::Red, &text);
            }
            Settlement::Duplicate => self.line("dropped", Colour::Yellow, &format!("{subject}  handled before")),
            Settlement::Returned { reason } => {
                self.line("returned", Colour::Yellow, &format!("{subject}  {}", plain(reason)));
            }
        }
    }
}

/// Shows the log.
struct Log(Screen);

impl<S: Subscriber> Layer<S> for Log {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = *event.metadata().level();
        let colour = match level {
            Level::ERROR => Colour::Red,
            Level::WARN => Colour::Yellow,
            _ => Colour::None,
        };
        let mut text = Text(String::new());
        event.record(&mut text);
        self.0.line(&level.as_str().to_lowercase(), colour, &text.0);
    }
}

/// The message of an event.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}
