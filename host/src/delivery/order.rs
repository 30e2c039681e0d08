//! Order where it is asked for (I10).

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
