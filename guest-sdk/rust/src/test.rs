//! For an author's tests, natively.

use crate::{Event, Handled, Subscriber, logger};
use serde::Serialize;

/// Delivers an event as the host would: the payload becomes JSON text and is read again into the handler's type, so
/// that a test sees what comes of a payload as publishers write it. Log lines go to standard error.
///
/// ```
/// # use leveret_plugin::prelude::*;
/// #[derive(Deserialize)]
/// struct Login {
///     user: u64,
/// }
///
/// #[subscribe("user.authorized")]
/// fn greet(event: Event<Login>) -> Handled<Task> {
///     Task::new("greeting.send", &json!({ "user": event.payload.user }))
/// }
///
/// # fn main() -> Result<(), Failure> {
/// use leveret_plugin::test::deliver;
/// assert_eq!(deliver::<greet>(json!({ "user": 7 }))?, [Task::new("greeting.send", &json!({ "user": 7 }))?]);
/// assert_eq!(deliver::<greet>(json!({})), Err(reject("the payload does not fit: missing field `user` at line 1 column 2")));
/// # Ok(())
/// # }
/// ```
pub fn deliver<S: Subscriber>(payload: impl Serialize) -> Handled {
    logger::install();
    S::handle(Event::sample(S::EVENT, serde_json::to_string(&payload)?))
}
