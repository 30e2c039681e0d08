//! The faults, one after another: how each is done and undone.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use leveret_tests::rabbitmq::Node;

use crate::account::Account;
use crate::checker;
use crate::deck::{self, Fault, Tally};
use crate::dice::Dice;
use crate::frames::Step;
use crate::host::Host;
use crate::proxy::{Act, Cut, Point, Proxy};
use crate::publisher::{Publisher, Way};
use crate::scenario::{self, CONTROL_EVENT, EVENT};

/// How long a trap waits for its frame.
const TRAPPED: Duration = Duration::from_secs(15);
/// How long nothing passes: more than two heartbeats, so that both ends notice.
const HOLE: Duration = Duration::from_secs(8);
/// How long a queue has to be there before a loss of power at a single node spares what it confirmed.
const REST: Duration = Duration::from_secs(6);
/// How long the control plugin may take for its one message.
const CONTROLLED: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(20);

/// Where the messages are.
pub enum Ground {
    /// The file.
    Embedded(PathBuf),
    RabbitMq {
        node: Arc<Node>,
        url: String,
        proxy: Proxy,
    },
}

impl Ground {
    /// What is in the queues, for whoever looks for something that is lost.
    pub async fn queues(&self) -> String {
        let Self::RabbitMq { node, url, .. } = self else { return "the queues are in the file".into() };
        let (node, vhost) = (node.clone(), vhost(url).to_owned());
        let columns = "name,messages_ready,messages_unacknowledged,consumers,state";
        let queues = blocking(move || node.get(&format!("queues/{vhost}?columns={columns}"))).await;
        queues.as_array().into_iter().flatten().map(|queue| format!("{queue}\n")).collect()
    }
}

fn vhost(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or_default()
}

/// Does one fault after another.
pub struct Faults {
    pub ground: Ground,
    host: Arc<Host>,
    account: Arc<Account>,
    tally: Arc<Tally>,
    dice: Dice,
    deck: Vec<Fault>,
    control: Publisher,
    controls: u64,
    /// What an operator can do.
    operations: Vec<Fault>,
}

impl Faults {
    pub fn new(ground: Ground, host: Arc<Host>, account: Arc<Account>, tally: Arc<Tally>, way: Way) -> Self {
        let dice = Dice::new(account.seed, "faults");
        let (deck, control) = (Vec::new(), Publisher::new(way));
        let operations = deck::of_operators(|words| host.knows(words));
        Self { ground, host, account, tally, dice, deck, control, controls: 0, operations }
    }

    /// Does the next fault, and puts right what it broke: then the host has to be ready again.
    pub async fn next(&mut self) {
        if self.deck.is_empty() {
            self.deck = match self.ground {
                Ground::Embedded(_) => deck::on_embedded(),
                Ground::RabbitMq { .. } => deck::on_rabbitmq(),
            };
            self.deck.extend(&self.operations);
            self.dice.shuffle(&mut self.deck);
        }
        let Some(fault) = self.deck.pop() else { return };
        let begun = Instant::now();
        eprintln!("[{:7.1}] {}", self.account.begun().elapsed().as_secs_f64(), fault.name());
        if self.perform(fault).await {
            self.tally.count(&fault.name());
        }
        self.revive().await;
        // Now and then the next fault comes before this one is got over.
        if self.dice.throw(5) > 0 {
            self.host.ready().await;
            let calm = self.dice.duration(Duration::from_millis(50), Duration::from_millis(1500));
            tokio::time::sleep(calm).await;
        }
        if begun.elapsed() > Duration::from_secs(30) {
            eprintln!("          {} took {:?}", fault.name(), begun.elapsed());
        }
        self.host.forget_old_logs();
    }

    /// Starts the host if it is down.
    pub async fn revive(&mut self) {
        if self.host.is_running() {
            return;
        }
        if let Ground::Embedded(file) = &self.ground {
            // Else the host itself finds what its end has left.
            if self.dice.throw(3) > 0 {
                checker::drain(file, &self.account).await;
            }
        }
        self.host.start().await;
    }

    /// Does one fault. Says whether it came to it.
    async fn perform(&mut self, fault: Fault) -> bool {
        match fault {
            Fault::Kill => self.host.kill(),
            Fault::Stop => self.host.stop().await,
            Fault::KillStarting => {
                self.host.kill();
                self.revive().await;
                tokio::time::sleep(self.dice.duration(Duration::ZERO, Duration::from_millis(600))).await;
                self.host.kill();
            }
            Fault::Pause(app) => return self.operate(["plugin", "pause"], ["plugin", "resume"], app).await,
            Fault::Trip(app) => {
                return self.operate(["breaker", "trip"], ["breaker", "reset"], &format!("{app}.{EVENT}")).await;
            }
            fault => return self.perform_at_broker(fault).await,
        }
        true
    }

    /// Has an operator do something, and undo it after a while.
    async fn operate(&mut self, order: [&str; 2], undo: [&str; 2], what: &str) -> bool {
        self.host.ready().await;
        let done = self.insist([order[0], order[1], what]).await;
        tokio::time::sleep(self.dice.duration(Duration::from_millis(500), Duration::from_secs(3))).await;
        self.insist([undo[0], undo[1], what]).await && done
    }

    /// Repeats an order until it is obeyed: the plugin may be away just now.
    async fn insist(&self, order: [&str; 3]) -> bool {
        let begun = Instant::now();
        loop {
            match self.host.command(&order).await {
                Ok(()) => return true,
                Err(said) if begun.elapsed() > TRAPPED => {
                    self.account.complain(format!("leveret {}: {said}", order.join(" ")));
                    return false;
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(500)).await,
            }
        }
    }

    async fn perform_at_broker(&mut self, fault: Fault) -> bool {
        let Ground::RabbitMq { node, url, proxy } = &self.ground else { return false };
        let (node, url) = (node.clone(), url.clone());
        match fault {
            Fault::KillAt(point) => {
                let after = self.dice.duration(Duration::ZERO, Duration::from_millis(3));
                let host = self.host.clone();
                return self.trap(point, Act::Kill(Arc::new(move || host.kill()), after)).await;
            }
            Fault::CutAt(point, cut) => return self.trap(point, Act::Cut(cut)).await,
            Fault::Refuse => return self.trap(Point { step: Step::Confirm, after: false }, Act::Refuse).await,
            Fault::ChannelError(step) => return self.trap(Point { step, after: true }, Act::ChannelError).await,
            Fault::Cut(cut) => proxy.cut(cut),
            Fault::BlackHole => {
                proxy.black_hole(true);
                tokio::time::sleep(HOLE).await;
                // Else what was under way comes through after all, too late.
                if self.dice.throw(2) == 0 {
                    proxy.cut(Cut::Reset);
                }
                proxy.black_hole(false);
            }
            Fault::CloseConnections => drop(blocking(move || node.close_connections(&url)).await),
            Fault::BrokerStop => {
                let away = self.dice.duration(Duration::ZERO, Duration::from_secs(2));
                blocking(move || {
                    node.stop();
                    std::thread::sleep(away);
                    node.start_again();
                })
                .await;
            }
            Fault::BrokerKill => {
                queues_rest(&node, &url).await;
                blocking(move || {
                    node.kill();
                    node.start_again();
                })
                .await;
            }
            Fault::MemoryAlarm => {
                let lasts = self.dice.duration(Duration::from_secs(2), Duration::from_secs(5));
                blocking(move || {
                    node.memory_alarm(true);
                    std::thread::sleep(lasts);
                    node.memory_alarm(false);
                })
                .await;
            }
            Fault::DeleteQueue(queue) => return self.delete(node, url, queue).await,
            Fault::Kill | Fault::Stop | Fault::KillStarting | Fault::Pause(_) | Fault::Trip(_) => return false,
        }
        true
    }

    /// Sets a trap, and waits until it has sprung.
    async fn trap(&mut self, point: Point, act: Act) -> bool {
        let kills = matches!(act, Act::Kill(..));
        let Ground::RabbitMq { proxy, .. } = &self.ground else { return false };
        let sprung = proxy.set(point, self.dice.throw(300), act);
        if !matches!(tokio::time::timeout(TRAPPED, sprung).await, Ok(Ok(()))) {
            proxy.disarm();
            return false;
        }
        let begun = Instant::now();
        while kills && self.host.is_running() && begun.elapsed() < TRAPPED {
            tokio::time::sleep(LOOK).await;
        }
        true
    }

    /// Deletes a queue of the control plugin's while there is nothing in it, and sees that the next message finds its way.
    async fn delete(&mut self, node: Arc<Node>, url: String, queue: &'static str) -> bool {
        self.host.ready().await;
        // The first makes sure that there is a queue, the second that it is made again.
        self.control().await;
        if !self.account.control_settled() {
            return false;
        }
        blocking(move || node.delete_queue(&url, queue)).await;
        self.control().await;
        true
    }

    /// Publishes an event to the control plugin, and waits for its task.
    async fn control(&mut self) {
        let (seed, number) = (self.account.seed, self.controls);
        self.controls += 1;
        let id = scenario::control_id(seed, number);
        self.account.announce_control(&id);
        let body = scenario::control_body(number);
        let came = async {
            self.control.publish(CONTROL_EVENT, &id, &body).await;
            while !self.account.control_settled() {
                tokio::time::sleep(LOOK).await;
            }
        };
        if tokio::time::timeout(CONTROLLED, came).await.is_err() {
            self.account.complain(format!("the task of {id} did not come within {CONTROLLED:?}"));
        }
    }
}

/// Waits until no queue is younger than [`REST`].
async fn queues_rest(node: &Arc<Node>, url: &str) {
    let mut before = None;
    loop {
        let (node, vhost) = (node.clone(), vhost(url).to_owned());
        let queues = blocking(move || node.get(&format!("queues/{vhost}?columns=name"))).await;
        let queues = queues.as_array().into_iter().flatten();
        let names: BTreeSet<_> = queues.filter_map(|queue| Some(queue["name"].as_str()?.to_owned())).collect();
        if before.as_ref() == Some(&names) {
            return;
        }
        before = Some(names);
        tokio::time::sleep(REST).await;
    }
}

/// RabbitMQ's own orders block.
async fn blocking<T: Send + 'static>(order: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(order).await.expect("the node obeys")
}
