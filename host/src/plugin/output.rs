//! What a plugin writes: log lines, standard output and standard error, bounded, and all of it in the host's log.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use tracing::Span;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use super::grant::Secrets;

/// The most lines that are kept of one delivery.
const LINES: usize = 1000;
/// The most bytes that are kept of one line.
const LINE: usize = 8 * 1024;
/// How much of the end of standard error is kept for the reason of a failure, in bytes: Rust's panics are two lines.
const LAST_WORDS: usize = 1024;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

/// The output of one delivery.
#[derive(Clone)]
pub(super) struct Output(Arc<Mutex<Kept>>);

struct Kept {
    span: Span,
    secrets: Secrets,
    lines: usize,
    dropped: usize,
    /// The beginning of a line whose end has not come yet, of standard output and of standard error.
    open: [Vec<u8>; 2],
    last_words: String,
}

impl Output {
    /// Output whose lines belong to the current span, and in which these secrets are hidden.
    pub(super) fn new(secrets: &Secrets) -> Self {
        Self(Arc::new(Mutex::new(Kept::new(secrets))))
    }

    /// Begins anew, for another delivery whose span is the current one. Streams that are open lead here still.
    pub(super) fn renew(&self, secrets: &Secrets) {
        *self.kept() = Kept::new(secrets);
    }

    pub(super) fn line(&self, level: Level, line: &[u8]) {
        self.kept().line(level, line);
    }

    pub(super) fn standard(&self, stream: Stream) -> Standard {
        Standard { output: self.clone(), stream }
    }

    /// Ends open lines and says what was dropped. Returns the end of standard error.
    pub(super) fn finish(&self) -> String {
        let mut kept = self.kept();
        for stream in [Stream::Output, Stream::Error] {
            kept.end_line(stream);
        }
        if kept.dropped > 0 {
            let dropped = kept.dropped;
            kept.span.in_scope(|| tracing::warn!("{dropped} further lines of the plugin were dropped"));
        }
        let words = std::mem::take(&mut kept.last_words);
        let words = kept.secrets.hide(&words);
        words[words.ceil_char_boundary(words.len().saturating_sub(LAST_WORDS))..].to_owned()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing in here panics half-way, so what a poisoned lock guards is still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn new(secrets: &Secrets) -> Self {
        let (span, secrets, open) = (Span::current(), secrets.clone(), [Vec::new(), Vec::new()]);
        Self { span, secrets, lines: 0, dropped: 0, open, last_words: String::new() }
    }

    /// How much more is looked at than is kept, so that no part of a secret is left at the end of it.
    fn margin(&self) -> usize {
        self.secrets.longest()
    }

    fn line(&mut self, level: Level, line: &[u8]) {
        if self.lines == LINES {
            self.dropped += 1;
            return;
        }
        self.lines += 1;
        let text = String::from_utf8_lossy(&line[..line.len().min(LINE + self.margin())]);
        let text = self.secrets.hide(&text);
        let text = &text[..text.floor_char_boundary(LINE)];
        // A terminal must not be steered by a plugin, nor a second line be forged.
        let text: String = text.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect();
        self.span.in_scope(|| match level {
            Level::Trace => tracing::trace!(target: "plugin", "{text}"),
            Level::Debug => tracing::debug!(target: "plugin", "{text}"),
            Level::Info => tracing::info!(target: "plugin", "{text}"),
            Level::Warn => tracing::warn!(target: "plugin", "{text}"),
            Level::Error => tracing::error!(target: "plugin", "{text}"),
        });
    }

    fn write(&mut self, stream: Stream, bytes: &[u8]) {
        if stream == Stream::Error {
            self.remember(bytes);
        }
        let mut parts = bytes.split(|&byte| byte == b'\n');
        let first = parts.next().unwrap_or_default();
        self.extend(stream, first);
        for part in parts {
            self.end_line(stream);
            self.extend(stream, part);
        }
    }

    fn extend(&mut self, stream: Stream, part: &[u8]) {
        let most = LINE + self.margin();
        let open = &mut self.open[stream as usize];
        let room = most.saturating_sub(open.len());
        open.extend_from_slice(&part[..part.len().min(room)]);
    }

    fn end_line(&mut self, stream: Stream) {
        let line = std::mem::take(&mut self.open[stream as usize]);
        if !line.is_empty() {
            self.line(stream.level(), &line);
        }
    }

    fn remember(&mut self, bytes: &[u8]) {
        let most = LAST_WORDS + self.margin();
        self.last_words.push_str(&String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(most)..]));
        let mut surplus = self.last_words.len().saturating_sub(most);
        while !self.last_words.is_char_boundary(surplus) {
            surplus += 1;
        }
        self.last_words.drain(..surplus);
    }
}

/// One of the two standard streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Output = 0,
    Error = 1,
}

impl Stream {
    fn level(self) -> Level {
        match self {
            Self::Output => Level::Info,
            Self::Error => Level::Warn,
        }
    }
}

/// A standard stream of the guest. Writes are taken at once, so that a panic's text is here before its trap.
#[derive(Clone)]
pub(super) struct Standard {
    output: Output,
    stream: Stream,
}

impl IsTerminal for Standard {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Standard {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // Only WASI 0.3 asks for this one, and it is not linked.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for Standard {
    async fn ready(&mut self) {}
}

#[async_trait]
impl OutputStream for Standard {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.output.kept().write(self.stream, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(LINE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i8_lines_are_counted_and_cut() {
        let output = Output::new(&Secrets::default());
        for _ in 0..LINES + 5 {
            output.line(Level::Info, &[b'x'; LINE * 2]);
        }
        let kept = output.kept();
        assert_eq!((kept.lines, kept.dropped), (LINES, 5));
    }

    #[test]
    fn written_bytes_become_lines_wherever_they_are_cut() {
        let output = Output::new(&Secrets::default());
        let mut stream = output.standard(Stream::Output);
        for part in ["one\ntw", "o\n", "three"] {
            stream.write(Bytes::from(part)).expect("taken");
        }
        assert_eq!(output.kept().lines, 2);
        output.finish();
        assert_eq!(output.kept().lines, 3);
    }

    #[test]
    fn the_last_words_are_the_end_of_standard_error() {
        let output = Output::new(&Secrets::default());
        output.standard(Stream::Output).write(Bytes::from("not these")).expect("taken");
        output.standard(Stream::Error).write(Bytes::from("ü".repeat(2000) + "end")).expect("taken");
        let words = output.finish();
        assert!(words.ends_with("end") && words.len() <= LAST_WORDS);
    }
    #[test]
    fn no_part_of_a_secret_is_left_in_what_is_kept() {
        let secret = "s3cr3t-".repeat(4);
        let output = Output::new(&Secrets::new([("key".to_owned(), secret.clone())].into(), []));
        let mut stream = output.standard(Stream::Error);
        for part in [&secret[..10], &secret[10..], &"x".repeat(LAST_WORDS - 10)] {
            stream.write(Bytes::copy_from_slice(part.as_bytes())).expect("taken");
        }
        let words = output.finish();
        assert!(!words.contains("cr3t") && words.len() <= LAST_WORDS, "{words}");
    }
}
