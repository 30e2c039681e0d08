//! A file counts once it rests: whoever writes it may not be done.

use std::time::Duration;

use tokio::time::Instant;

use super::scan::Stamp;

/// How a file last looked, and since when. Its absence rests too, so that an editor that deletes and writes anew does
/// not stop the plugin.
#[derive(Debug, Default)]
pub(super) struct Rest {
    seen: Option<(Option<Stamp>, Instant)>,
}

impl Rest {
    /// Takes one look; `Err` with the moment at which it will have rested.
    pub(super) fn observe(&mut self, stamp: Option<Stamp>, now: Instant, needed: Duration) -> Result<(), Instant> {
        let since = match self.seen {
            Some((seen, since)) if seen == stamp => since,
            _ => now,
        };
        self.seen = Some((stamp, since));
        let until = since + needed;
        if now >= until { Ok(()) } else { Err(until) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEEDED: Duration = Duration::from_millis(250);

    #[test]
    fn what_does_not_change_rests() {
        let mut rest = Rest::default();
        let begin = Instant::now();
        assert_eq!(rest.observe(None, begin, NEEDED), Err(begin + NEEDED));
        assert_eq!(rest.observe(None, begin + NEEDED / 2, NEEDED), Err(begin + NEEDED));
        assert_eq!(rest.observe(None, begin + NEEDED, NEEDED), Ok(()));
    }

    #[test]
    fn each_change_begins_anew() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let stamp = Stamp::of(&file.as_file().metadata().expect("its metadata"), None);
        let mut rest = Rest::default();
        let begin = Instant::now();
        assert!(rest.observe(None, begin, NEEDED).is_err());
        let later = begin + NEEDED;
        assert_eq!(rest.observe(Some(stamp), later, NEEDED), Err(later + NEEDED));
    }

    #[test]
    fn what_needs_no_rest_counts_at_once() {
        assert_eq!(Rest::default().observe(None, Instant::now(), Duration::ZERO), Ok(()));
    }
}
