//! A proxy between the host and RabbitMQ that can make things go wrong at exactly one frame.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use crate::frames::{self, Direction, Frame, Frames, Step};

/// How much is read at a time.
const CHUNK: usize = 64 * 1024;

/// Where in a delivery something goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    pub step: Step,
    /// Once the frame has passed; else instead of it.
    pub after: bool,
}

/// What goes wrong.
#[derive(Clone)]
pub enum Act {
    /// The host dies, so much later.
    Kill(Arc<dyn Fn() + Send + Sync>, Duration),
    /// The connection ends.
    Cut(Cut),
    /// The broker's confirm arrives as its opposite. Before a confirm only.
    Refuse,
    /// The broker ends the channel for an error that the host seems to have made. After a frame of the host's only.
    ChannelError,
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// In order, as far as TCP knows.
    Fin,
    /// With what is under way lost.
    Reset,
}

struct Trap {
    point: Point,
    /// How many such frames pass before it.
    spare: u64,
    act: Act,
    sprung: oneshot::Sender<()>,
}

/// The proxy. It ends when it is dropped.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    _accepting: JoinSet<()>,
}

struct Shared {
    broker: SocketAddr,
    trap: Mutex<Option<Trap>>,
    /// Ends every connection each time that it is told how.
    cut: watch::Sender<Cut>,
    /// Nothing passes.
    hole: watch::Sender<bool>,
}

impl Proxy {
    /// Listens for the host on a port of its own.
    pub async fn start(broker_port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            broker: (Ipv4Addr::LOCALHOST, broker_port).into(),
            trap: Mutex::default(),
            cut: watch::Sender::new(Cut::Fin),
            hole: watch::Sender::new(false),
        });
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, shared.clone()));
        Ok(Self { address, shared, _accepting: accepting })
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Sets a trap in the place of the one before. The receiver is told once it has sprung.
    pub fn set(&self, point: Point, spare: u64, act: Act) -> oneshot::Receiver<()> {
        let (sprung, told) = oneshot::channel();
        *self.shared.trap() = Some(Trap { point, spare, act, sprung });
        told
    }

    /// Takes the trap away, if it has not sprung.
    pub fn disarm(&self) {
        *self.shared.trap() = None;
    }

    /// Ends every connection now.
    pub fn cut(&self, how: Cut) {
        self.shared.cut.send_replace(how);
    }

    /// Lets nothing pass, or everything again: both ends still believe in their connections.
    pub fn black_hole(&self, is: bool) {
        self.shared.hole.send_replace(is);
    }
}

impl Shared {
    fn trap(&self) -> std::sync::MutexGuard<'_, Option<Trap>> {
        self.trap.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The trap, if it springs at this frame.
    fn spring(&self, step: Option<Step>, after: bool) -> Option<Act> {
        let mut trap = self.trap();
        let set = trap.as_mut().filter(|trap| Some(trap.point.step) == step && trap.point.after == after)?;
        if set.spare > 0 {
            set.spare -= 1;
            return None;
        }
        let Trap { act, sprung, .. } = trap.take()?;
        // Whoever set it may have gone.
        let _ = sprung.send(());
        Some(act)
    }

    /// Waits until something may pass.
    async fn passable(&self) {
        // The sender lives as long as `self`.
        let _ = self.hole.subscribe().wait_for(|hole| !hole).await;
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((host, _)) => drop(connections.spawn(connection(host, shared.clone()))),
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(host: TcpStream, shared: Arc<Shared>) {
    shared.passable().await;
    // A broker that is down looks like a connection that ends at once.
    let Ok(broker) = TcpStream::connect(shared.broker).await else { return };
    let mut cut = shared.cut.subscribe();
    cut.mark_unchanged();
    // A frame on its way must not wait for others.
    let _ = (host.set_nodelay(true), broker.set_nodelay(true));
    let (mut from_host, mut to_host) = host.into_split();
    let (mut from_broker, mut to_broker) = broker.into_split();
    let up = Pump { shared: shared.clone(), direction: Direction::ToBroker };
    let down = Pump { shared, direction: Direction::ToHost };
    let how = tokio::select! {
        how = up.run(&mut from_host, &mut to_broker) => how,
        how = down.run(&mut from_broker, &mut to_host) => how,
        _ = cut.changed() => *cut.borrow(),
    };
    if how == Cut::Reset {
        // One that is closed already needs no reset.
        let _ = (from_host.as_ref().set_zero_linger(), from_broker.as_ref().set_zero_linger());
        // Dropped as they are, they would say goodbye first.
        to_host.forget();
        to_broker.forget();
    }
}

/// Carries one direction of one connection.
struct Pump {
    shared: Arc<Shared>,
    direction: Direction,
}

impl Pump {
    /// Carries frames until the connection is to end, and says how.
    async fn run(self, from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf) -> Cut {
        match self.carry(from, to).await {
            Ok(cut) => cut,
            // One end is gone, and the other has to learn it.
            Err(_) => Cut::Fin,
        }
    }

    async fn carry(&self, from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf) -> io::Result<Cut> {
        let (mut frames, mut read) = (Frames::new(self.direction), BytesMut::with_capacity(CHUNK));
        loop {
            let mut out = BytesMut::new();
            while let Some(frame) = frames.next(&mut read) {
                let (step, channel) = (frame.step, frame.channel);
                if let Some(act) = self.shared.spring(step, false) {
                    match act {
                        Act::Refuse => out.extend_from_slice(&frame.refused()),
                        act => {
                            to.write_all(&out).await?;
                            return Ok(self.end(act).await);
                        }
                    }
                    continue;
                }
                let Frame { bytes, .. } = frame;
                out.extend_from_slice(&bytes);
                if let Some(act) = self.shared.spring(step, true) {
                    to.write_all(&out.split()).await?;
                    match act {
                        Act::ChannelError => to.write_all(&channel_error(step, channel)).await?,
                        act => return Ok(self.end(act).await),
                    }
                }
            }
            to.write_all(&out).await?;
            read.reserve(CHUNK);
            if from.read_buf(&mut read).await? == 0 {
                return Ok(Cut::Fin);
            }
            self.shared.passable().await;
        }
    }

    async fn end(&self, act: Act) -> Cut {
        match act {
            Act::Kill(kill, after) => {
                tokio::time::sleep(after).await;
                // It waits for the process to be gone.
                let _ = tokio::task::spawn_blocking(move || kill()).await;
                Cut::Fin
            }
            Act::Cut(cut) => cut,
            // Whoever set the trap set it at a frame that cannot be made so.
            Act::Refuse | Act::ChannelError => Cut::Fin,
        }
    }
}

/// What makes the broker end a channel, as one on which the frame before was sent.
fn channel_error(step: Option<Step>, channel: u16) -> Bytes {
    match step {
        Some(Step::Published) => frames::impossible_publish(channel),
        _ => frames::impossible_acknowledgement(channel),
    }
}
