use std::error::Error;
use std::fmt;
use std::time::Duration;

/// What a handler returns: tasks in any form that [`IntoTasks`](crate::IntoTasks) knows, or a failure.
pub type Handled<T = Vec<crate::Task>> = Result<T, Failure>;

/// Why nothing came of a delivery.
///
/// Made by [`retry`], by [`reject`], or by `?` on any error, which means retry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It may work later: the message waits in the broker and is tried again, until its attempts are used up.
    Retry {
        /// Why, in words for the operator.
        reason: String,
        /// Wait this long instead of what the retry policy says.
        after: Option<Duration>,
    },
    /// It will never work: the message becomes a dead letter at once.
    Reject {
        /// Why, in words for the operator.
        reason: String,
    },
}

/// It may work later. Takes a text or any error, so `.map_err(retry)` serves errors that `?` does not take.
pub fn retry(reason: impl fmt::Display) -> Failure {
    Failure::Retry { reason: reason.to_string(), after: None }
}

/// It will never work. Takes a text or any error: `.map_err(reject)?`.
pub fn reject(reason: impl fmt::Display) -> Failure {
    Failure::Reject { reason: reason.to_string() }
}

impl Failure {
    /// Tries again after this long: `retry("the rates are not out yet").after(Duration::from_secs(60))`.
    ///
    /// A rejected message is not tried again, so this leaves a rejection as it is.
    pub fn after(self, delay: Duration) -> Self {
        match self {
            Failure::Retry { reason, .. } => Failure::Retry { reason, after: Some(delay) },
            Failure::Reject { .. } => self,
        }
    }

    /// Why, in words for the operator.
    pub fn reason(&self) -> &str {
        match self {
            Failure::Retry { reason, .. } | Failure::Reject { reason } => reason,
        }
    }
}

/// The error's text and those of its sources, since the innermost one is often the one that tells.
impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            reason.push_str(": ");
            reason.push_str(&error.to_string());
            source = error.source();
        }
        retry(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Outer(std::num::ParseIntError);

    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("no amount")
        }
    }

    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    fn amount(text: &str) -> Handled<u64> {
        Ok(text.parse().map_err(Outer)?)
    }

    #[test]
    fn an_error_propagated_by_the_question_mark_means_retry_with_the_texts_of_its_sources() {
        assert_eq!(amount("ten"), Err(retry("no amount: invalid digit found in string")));
    }

    #[test]
    fn an_error_can_be_turned_into_a_rejection() {
        assert_eq!("ten".parse::<u64>().map_err(reject), Err(reject("invalid digit found in string")));
    }

    #[test]
    fn a_delay_is_kept_by_a_retry_and_means_nothing_to_a_rejection() {
        let delay = Duration::from_secs(60);
        assert_eq!(retry("busy").after(delay), Failure::Retry { reason: "busy".into(), after: Some(delay) });
        assert_eq!(reject("broken").after(delay), reject("broken"));
    }
}
