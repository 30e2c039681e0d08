//! Fills the history from elsewhere: lines of an export, or written by a loader.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Entry, History, HistoryError};
use crate::broker::{Destination, Outgoing, PublishError};
use crate::message::MessageId;

/// What became of some lines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// Events that the history holds now.
    pub imported: u64,
    /// Lines that are none; the others are imported all the same.
    #[serde(default)]
    pub refused: Vec<RefusedLine>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedLine {
    /// Its number among the lines, from 1.
    pub line: u64,
    pub error: String,
}

impl History {
    /// Puts each line that is an event into the history, under its own id, and nowhere else: no subscription gets it.
    ///
    /// # Errors
    /// Some may be there all the same. Imported again, they are there twice, under one id.
    pub async fn import(&self, lines: &[u8], payload_limit: u64) -> Result<Imported, HistoryError> {
        let (mut batch, mut numbers, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        for (line, number) in lines.split(|byte| *byte == b'\n').zip(1..) {
            if line.trim_ascii().is_empty() {
                continue;
            }
            match Entry::read(line).and_then(|entry| entry.message(payload_limit)) {
                Ok(message) => {
                    batch.push(Outgoing { destination: Destination::History, message });
                    numbers.push(number);
                }
                Err(error) => refused.push(RefusedLine { line: number, error: error.to_string() }),
            }
        }
        let sent = match self.broker.publish(batch.clone()).await {
            Err(PublishError::TooLarge(ids)) => {
                let too_large: BTreeSet<MessageId> = ids.into_iter().collect();
                let is_too_large = |outgoing: &Outgoing| too_large.contains(&outgoing.message.id);
                let error = "the broker takes none as large with headers as large".to_owned();
                let lines = batch.iter().zip(&numbers).filter(|(outgoing, _)| is_too_large(outgoing));
                refused.extend(lines.map(|(_, line)| RefusedLine { line: *line, error: error.clone() }));
                batch.retain(|outgoing| !is_too_large(outgoing));
                self.broker.publish(batch.clone()).await
            }
            sent => sent,
        };
        if let Err(error) = sent {
            // Where no history is kept, that is the reason.
            self.broker.history_end().await?;
            return Err(error.into());
        }
        refused.sort_by_key(|refused| refused.line);
        Ok(Imported { imported: batch.len() as u64, refused })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::fake::{FakeBroker, history};

    #[tokio::test]
    async fn lines_are_imported_and_those_that_are_none_are_told_by_their_number() {
        let broker = FakeBroker::new();
        let lines = concat!(
            r#"{"name":"a.b","id":"1","tid":"t","time":5,"payload":{"a":1}}"#,
            "\n\nnonsense\n",
            r#"{"name":"a.b","id":"2","time":6,"text":"{\n}"}"#,
        );
        let imported = history(&broker).import(lines.as_bytes(), 1000).await.expect("the broker is there");
        assert_eq!((imported.imported, imported.refused.len(), imported.refused[0].line), (2, 1, 3));
        let sent = broker.sent();
        assert!(sent.iter().all(|outgoing| outgoing.destination == Destination::History));
        let told: Vec<_> =
            sent.iter().map(|outgoing| (outgoing.message.id.as_str(), &*outgoing.message.body)).collect();
        assert_eq!(told, [("1", &b"{\"a\":1}"[..]), ("2", b"{\n}")]);
    }
}
