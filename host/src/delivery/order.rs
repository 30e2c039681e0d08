//! Order where it is asked for: messages of one key are handled one at a time, as they came (I10).
//!
//! A message that fails keeps its place: it is not acknowledged, and those of its key behind it wait. A copy in a delay
//! would come back behind them. That holds a place among the prefetched, as order must.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::oneshot;

use crate::message::Message;

/// Which messages of a subscription are handled one at a time and in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Ordering {
    /// None: each as soon as there is room.
    #[default]
    None,
    /// Those of one key.
    Key(OrderKey),
    /// All, over all hosts.
    Queue,
}

/// Where a message's ordering key is. Messages without one have no order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderKey {
    /// The key that travels with the message, as a task's creator gives it.
    Message,
    /// The value at a JSON pointer (RFC 6901) in the payload.
    Pointer(String),
    /// The value of a header.
    Header(String),
}

impl Ordering {
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// The key under which a message waits for those before it; `None` if it waits for none.
    fn key(&self, message: &Message) -> Option<String> {
        match self {
            Self::None => None,
            Self::Queue => Some(String::new()),
            Self::Key(OrderKey::Message) => message.key.clone(),
            Self::Key(OrderKey::Header(name)) => message.headers.get(name)?.as_text().map(str::to_owned),
            Self::Key(OrderKey::Pointer(pointer)) => {
                let payload: Value = serde_json::from_slice(&message.body).ok()?;
                match payload.pointer(pointer)? {
                    Value::Null => None,
                    Value::String(key) => Some(key.clone()),
                    other => Some(other.to_string()),
                }
            }
        }
    }
}

/// The messages of one subscription that wait for one another.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    /// The last message of each key that has any.
    last: Mutex<Last>,
}

#[derive(Debug, Default)]
struct Last {
    by_key: HashMap<String, (u64, oneshot::Receiver<()>)>,
    joined: u64,
}

/// A message's turn among those of its key. It lasts until this is dropped.
#[derive(Debug, Default)]
pub(super) struct Turn {
    before: Option<oneshot::Receiver<()>>,
    _lane: Option<Lane>,
}

#[derive(Debug)]
struct Lane {
    lanes: Arc<Lanes>,
    key: String,
    number: u64,
    _ended: oneshot::Sender<()>,
}

impl Lanes {
    /// Puts a message behind those of its key. The order of these calls is the order of the turns.
    pub fn join(self: &Arc<Self>, ordering: &Ordering, message: &Message) -> Turn {
        let Some(key) = ordering.key(message) else { return Turn::default() };
        let (ended, end) = oneshot::channel();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.joined += 1;
        let number = last.joined;
        let before = last.by_key.insert(key.clone(), (number, end)).map(|(_, end)| end);
        Turn { before, _lane: Some(Lane { lanes: self.clone(), key, number, _ended: ended }) }
    }
}

impl Turn {
    /// Waits until the message before it has ended, in whichever way.
    pub async fn comes(&mut self) {
        if let Some(before) = &mut self.before {
            // An error is how it is told: the one before drops its end.
            let _ = before.await;
            self.before = None;
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        let mut last = self.lanes.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.by_key.get(&self.key).is_some_and(|(number, _)| *number == self.number) {
            last.by_key.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::sync::mpsc;

    use super::*;
    use crate::message::Subject;

    fn message(body: String) -> Message {
        Message::new(Subject::Event("user.changed".parse().expect("legal")), body)
    }

    fn by_user() -> Ordering {
        Ordering::Key(OrderKey::Pointer("/user".into()))
    }

    #[test]
    fn a_key_is_where_the_operator_says() {
        let mut message = message(r#"{"user": {"id": 7}, "name": "a", "none": null}"#.into());
        message.key = Some("k".into());
        message.headers.insert("x-user".into(), "h".into());
        let pointer = |pointer: &str| Ordering::Key(OrderKey::Pointer(pointer.into())).key(&message);
        assert_eq!(pointer("/user/id").as_deref(), Some("7"));
        assert_eq!(pointer("/name").as_deref(), Some("a"));
        assert_eq!(pointer("/user").as_deref(), Some(r#"{"id":7}"#));
        assert_eq!((pointer("/none"), pointer("/absent")), (None, None));
        assert_eq!(Ordering::Key(OrderKey::Message).key(&message).as_deref(), Some("k"));
        assert_eq!(Ordering::Key(OrderKey::Header("x-user".into())).key(&message).as_deref(), Some("h"));
        assert_eq!(Ordering::Queue.key(&message).as_deref(), Some(""));
        assert_eq!(Ordering::None.key(&message), None);
    }

    #[test]
    fn a_payload_that_cannot_be_read_has_no_key() {
        for body in ["", "nonsense", "[1]", "null", "\"\""] {
            assert_eq!(by_user().key(&message(body.into())), None);
        }
    }

    #[tokio::test]
    async fn i10_other_keys_go_on_while_one_waits() {
        let lanes = Arc::new(Lanes::default());
        let of = |user: &str| lanes.join(&by_user(), &message(format!(r#"{{"user": "{user}"}}"#)));
        let first = of("a");
        let (mut second, mut other) = (of("a"), of("b"));
        other.comes().await;
        assert!(futures_util::FutureExt::now_or_never(second.comes()).is_none());
        drop(first);
        second.comes().await;
        drop((second, other));
        assert!(lanes.last.lock().expect("not poisoned").by_key.is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn i10_one_at_a_time_and_in_order_whatever_the_keys(keys in prop::collection::vec(0u8..4, 1..60)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
            let handled = runtime.expect("a runtime").block_on(async {
                let lanes = Arc::new(Lanes::default());
                let (sender, mut handled) = mpsc::unbounded_channel();
                // Spawned in reverse, so that only the turns keep the order.
                let turns: Vec<_> = keys
                    .iter()
                    .enumerate()
                    .map(|(index, key)| (index, *key, lanes.join(&by_user(), &message(format!(r#"{{"user": {key}}}"#)))))
                    .collect();
                for (index, key, mut turn) in turns.into_iter().rev() {
                    let sender = sender.clone();
                    tokio::spawn(async move {
                        turn.comes().await;
                        tokio::task::yield_now().await;
                        sender.send((key, index)).expect("read to the end");
                    });
                }
                drop(sender);
                let mut all = Vec::new();
                while let Some(one) = handled.recv().await {
                    all.push(one);
                }
                all
            });
            prop_assert_eq!(handled.len(), keys.len());
            for key in 0..4 {
                let of_key: Vec<_> = handled.iter().filter(|(k, _)| *k == key).map(|(_, index)| *index).collect();
                prop_assert!(of_key.is_sorted());
            }
        }
    }
}
