//! How many messages a second the ledger can tell apart: each is asked for, and then remembered, as a delivery does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use leveret::ledger::{Inbox, Ledger, MemoryInbox, TraceRetention, Window};
use leveret::message::MessageId;
use leveret::name::{PluginId, QueueName};
use tokio::task::JoinSet;

use super::figures::{Figures, median};
use leveret_tests::stage::Failure;

/// Rounds that count; one more warms up.
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(1);
/// Deliveries that ask at one time: the default prefetch.
const CALLERS: usize = 32;
/// The defaults of a host.
const WINDOW: Window = Window { time: Duration::from_secs(3600), count: 100_000 };

/// The ledger's file, beside an inbox that remembers in memory only.
pub async fn measure(figures: &mut Figures) -> Result<(), Failure> {
    let directory = tempfile::Builder::new().prefix("leveret-ledger-").tempdir()?;
    let retention = TraceRetention { count: 100_000, time: Duration::from_secs(3600) };
    let ledger = Ledger::open(directory.path().join("ledger.db"), retention)?;
    let (mut in_file, mut in_memory) = (Vec::new(), Vec::new());
    let memory: Arc<dyn Inbox> = Arc::new(MemoryInbox::default());
    for _ in 0..=ROUNDS {
        in_file.push(round(ledger.clone()).await?);
        in_memory.push(round(memory.clone()).await?);
    }
    ledger.close().await;
    let meaning =
        format!("messages asked for and then remembered a second, by {CALLERS} at a time: median of {ROUNDS}");
    figures.add("ledger_pairs_per_second", median(&in_file[1..]), meaning);
    figures.add("memory_pairs_per_second", median(&in_memory[1..]), "the same without a file");
    Ok(())
}

/// Pairs a second.
async fn round(inbox: Arc<dyn Inbox>) -> Result<f64, Failure> {
    let plugin = PluginId::new("puppet".parse()?, "puppet".parse()?);
    let queue = QueueName::subscription(&plugin, &"puppet.pulled".parse()?);
    let begun = Instant::now();
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (inbox, plugin, queue) = (inbox.clone(), plugin.clone(), queue.clone());
        callers.spawn(async move {
            let mut pairs = 0_u32;
            while begun.elapsed() < ROUND {
                let id = MessageId::fresh();
                if inbox.has_handled(&plugin, &id, WINDOW).await? {
                    return Err(format!("{id} is new, and known").into());
                }
                inbox.handled(&plugin, &queue, &id, WINDOW).await?;
                pairs += 1;
            }
            Ok::<_, Failure>(pairs)
        });
    }
    let mut pairs = 0;
    while let Some(done) = callers.join_next().await {
        pairs += done??;
    }
    Ok(f64::from(pairs) / begun.elapsed().as_secs_f64())
}
