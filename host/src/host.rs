//! Puts the parts together: a running host, from its settings.

mod clock;
mod grants;
mod keeping;
mod ledger;
mod policies;
mod trust;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin;
use crate::broker::embedded::{EmbeddedBroker, OpenError};
use crate::broker::rabbitmq::{Options, QueueType, RabbitMqBroker, UrlError};
use crate::broker::{Broker, BrokerStatus};
use crate::catalog::{Catalog, CatalogOptions, Limits, Loader};
use crate::clock::later::Deliveries;
use crate::clock::{BrokerWorld, Clock};
use crate::config::{self, PluginSetting, Settings};
use crate::dead::DeadLetters;
use crate::delivery::{Dispatch, Journal, Workings};
use crate::history::{BackfillOptions, Backfilling, History};
use crate::ledger::Ledger;
use crate::name::PluginId;
use crate::plugin::grant::NoRoots;
use crate::plugin::{Compiling, PluginSettings, Reuse, Sandbox, SandboxError, SandboxOptions};
pub use clock::check as clock_check;
pub use grants::{SecretError, SecretReason};
use keeping::keeping;
pub use policies::InvalidPolicy;
use policies::{budget, policies, rate};
pub use trust::{InvalidTrust, trust};

/// For how long a stop waits for answers that are on their way.
const LAST_ANSWERS: Duration = Duration::from_secs(2);
/// For how long a stop waits until what was settled of the past is noted.
const LAST_NOTES: Duration = Duration::from_secs(2);
/// How often what was settled of the past is noted at the broker.
const NOTES: Duration = Duration::from_millis(250);

/// Why a host does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    #[error(transparent)]
    Embedded(#[from] OpenError),
    #[error(transparent)]
    RabbitMq(#[from] UrlError),
    #[error(transparent)]
    Ledger(#[from] crate::ledger::OpenError),
    #[error("`ledger.redis`: {0}")]
    Redis(#[from] crate::redis::UrlError),
    #[error("`buckets.redis`: {0}")]
    RedisBuckets(crate::redis::UrlError),
    #[error(transparent)]
    Buckets(#[from] crate::bucket::OpenError),
    #[error(transparent)]
    Roots(#[from] NoRoots),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Policy(#[from] InvalidPolicy),
    #[error(transparent)]
    Trust(#[from] InvalidTrust),
    #[error("the admin address {address} is not to be had: {reason}; set `admin.address`, or stop what listens there")]
    Admin { address: SocketAddr, reason: String },
}

/// A running host.
pub struct Host {
    pub broker: Arc<dyn Broker>,
    pub catalog: Arc<Catalog>,
    pub dispatch: Arc<Dispatch>,
    pub journal: Arc<Journal>,
    past: Arc<Backfilling>,
    /// What announces that time has passed.
    pub clock: Arc<Clock>,
    /// What waits for its moment.
    pub later: Arc<Deliveries>,
    /// Where the HTTP API listens.
    pub address: SocketAddr,
    ledger: Arc<Ledger>,
    listening: CancellationToken,
    serving: CancellationToken,
    deliveries: TaskTracker,
    api: TaskTracker,
}

impl Host {
    /// Starts a host. It returns at once: plugins become live and the broker is connected to in the background.
    pub async fn start(settings: &Settings) -> Result<Self, StartError> {
        let sandbox = Sandbox::new(&sandbox(settings))?;
        let policies = policies(settings)?;
        let pace = rate(&settings.history.pace).map_err(InvalidPolicy::from)?;
        let address = settings.admin.address;
        let busy = |error: std::io::Error| StartError::Admin { address, reason: error.to_string() };
        let listener = TcpListener::bind(address).await.map_err(busy)?;
        let address = listener.local_addr().map_err(busy)?;
        let broker = broker(settings)?;

        let plugins = &settings.plugins;
        let options = CatalogOptions {
            directory: plugins.directory.clone(),
            own: plugins.trust.files().chain([plugins.cache.as_path()]).map(Path::to_owned).collect(),
            rest: plugins.rest.as_duration(),
        };
        let limits = Limits { grants: grants::open(settings)?, ..limits(settings) };
        let loader = Loader::new(sandbox, limits).trusting(trust(settings)?).checking(clock_check(settings));
        let (auditor, turns) = ledger::Auditor::new();
        let catalog = Arc::new(Catalog::new(options, loader).observed(Arc::new(auditor)));
        let ledger = ledger::open(settings)?;
        let inbox = ledger::inbox(settings, &ledger)?;
        let metrics = Arc::new(admin::Metrics::default());
        let costs = Arc::new(admin::Costs::default());
        let tracer = Arc::new(ledger::Tracer(ledger.clone()));
        let journal = Arc::new(Journal::new(vec![metrics.clone(), costs.clone(), tracer]));
        let past = Backfilling::new(broker.clone(), BackfillOptions { pace, note: NOTES });
        let workings = Workings { broker: past.clone(), policies, inbox, journal: journal.clone() };
        let dispatch = Arc::new(Dispatch::new(workings));
        let (listening, serving) = (CancellationToken::new(), CancellationToken::new());
        let (deliveries, api) = (TaskTracker::new(), TaskTracker::new());

        let (following, stop) = (catalog.clone(), listening.clone());
        let (log, count, ended) = (ledger.clone(), settings.ledger.audit_count.get(), CancellationToken::new());
        deliveries.spawn(async move {
            let end = ended.clone().drop_guard();
            let following = async move {
                following.run(stop).await;
                drop(end);
            };
            tokio::join!(following, ledger::audit(&*log, turns, ended, count));
        });
        let (following, stop, grace) = (dispatch.clone(), listening.clone(), settings.shutdown.grace.as_duration());
        let live = catalog.live();
        deliveries.spawn(async move { following.run(live, stop, grace).await });
        let later = Arc::new(Deliveries::new(broker.clone()));
        let (waiting, stop) = (later.clone(), listening.clone());
        deliveries.spawn(async move { waiting.run(stop).await });
        let clock = Arc::new(Clock::new(Arc::new(BrokerWorld(broker.clone()))));
        let (tell, wanted) = watch::channel(Default::default());
        deliveries.spawn(clock::follow(settings.clone(), catalog.live(), tell, listening.clone()));
        let (keeping, stop) = (clock.clone(), listening.clone());
        deliveries.spawn(async move { keeping.run(wanted, stop).await });
        deliveries.spawn(tell_of_broker(broker.clone(), listening.clone()));
        deliveries.close();

        let seen = admin::Seen {
            broker: broker.clone(),
            catalog: catalog.clone(),
            dispatch: dispatch.clone(),
            journal: journal.clone(),
            metrics,
            costs,
            trace: ledger.clone(),
            audit: ledger.clone(),
            dead: Arc::new(DeadLetters::new(broker.clone())),
            clock: clock.clone(),
            later: later.clone(),
            history: Arc::new(History::new(broker.clone(), pace)),
            payload_limit: settings.delivery.payload_limit.as_bytes(),
        };
        api.spawn(admin::serve(listener, seen, serving.clone()));
        api.close();
        Ok(Self {
            broker,
            catalog,
            dispatch,
            journal,
            past,
            clock,
            later,
            address,
            ledger,
            listening,
            serving,
            deliveries,
            api,
        })
    }

    /// Waits until every plugin file that was there is live or refused, the broker is ready, and every subscription is
    /// listened to.
    pub async fn ready(&self) {
        self.catalog.settled().await;
        // An error would mean that the broker is gone, and `self` holds it.
        let _ = self.broker.status().wait_for(|status| *status == BrokerStatus::Ready).await;
        let live = self.catalog.live().borrow().clone();
        self.dispatch.listening(&live).await;
    }

    /// Stops listening, finishes what is in flight within the grace period, hands the rest back, and ends (I11).
    pub async fn stop(self) {
        self.listening.cancel();
        self.deliveries.wait().await;
        // What was settled to the end is noted at the broker; without that it would only come again, and be known.
        let _ = tokio::time::timeout(LAST_NOTES, self.past.finish()).await;
        self.broker.close().await;
        self.ledger.close().await;
        self.serving.cancel();
        // A client that does not read its answer must not hold up the stop.
        let _ = tokio::time::timeout(LAST_ANSWERS, self.api.wait()).await;
    }
}

/// The broker that the settings name.
pub fn broker(settings: &Settings) -> Result<Arc<dyn Broker>, StartError> {
    let Some(url) = settings.broker.url.secret_url() else {
        let retention = keeping(settings).map(|keeping| keeping.retention);
        return Ok(EmbeddedBroker::open_keeping(&settings.broker.embedded.file, retention)?);
    };
    let rabbitmq = &settings.broker.rabbitmq;
    let queue_type = match rabbitmq.queue_type {
        config::QueueType::Quorum => QueueType::Quorum,
        config::QueueType::Classic => QueueType::Classic,
    };
    let options = Options {
        queue_type,
        answer_limit: rabbitmq.answer_limit.as_duration(),
        reconnect_minimum: rabbitmq.reconnect_minimum.as_duration(),
        reconnect_maximum: rabbitmq.reconnect_maximum.as_duration(),
        tid_in_body: rabbitmq.tid_in_body,
        history: keeping(settings),
    };
    Ok(RabbitMqBroker::connect(url, options)?)
}

/// What the sandbox may use, as the settings say.
pub fn sandbox(settings: &Settings) -> SandboxOptions {
    SandboxOptions {
        cache: Some(settings.plugins.cache.clone()),
        concurrency: settings.sandbox.concurrency.get(),
        memory_maximum: settings.sandbox.memory_maximum.as_bytes(),
        compiling: match settings.sandbox.compiling {
            config::Compiling::Thorough => Compiling::Thorough,
            config::Compiling::Quick => Compiling::Quick,
        },
    }
}

/// What files and their deliveries may use, as the settings say. What is granted is there by name only: a host that runs
/// opens it.
pub fn limits(settings: &Settings) -> Limits {
    let own = |plugin: &PluginId| (plugin.clone(), budget(&settings.delivery_of(plugin)));
    Limits {
        file_size: settings.plugins.size_limit.as_bytes(),
        describe: settings.plugins.describe_limit.as_duration(),
        budget: budget(&settings.delivery),
        budgets: settings.plugin.keys().map(|key| own(key.plugin())).collect(),
        settings: settings.plugin.iter().map(|(key, own)| (key.plugin().clone(), texts(&own.settings))).collect(),
        reuse: settings
            .plugin
            .iter()
            .filter_map(|(key, own)| Some((key.plugin().clone(), reuse(&own.reuse)?)))
            .collect(),
        grants: grants::named(settings),
    }
}

/// When an instance takes another delivery, if any does.
fn reuse(reuse: &config::Reuse) -> Option<Reuse> {
    let config::Reuse { enabled, calls, memory, idle } = reuse;
    enabled.then(|| Reuse { calls: calls.get(), memory: memory.as_bytes(), idle: idle.as_duration() })
}

/// A plugin's settings, as it reads them.
fn texts(settings: &BTreeMap<String, PluginSetting>) -> PluginSettings {
    settings.iter().map(|(name, setting)| (name.clone(), setting.to_string())).collect()
}

/// Logs each change of the broker's condition, and says again now and then that it is still away.
async fn tell_of_broker(broker: Arc<dyn Broker>, stop: CancellationToken) {
    const REMIND: Duration = Duration::from_secs(30);
    let mut status = broker.status();
    let mut told = None;
    while !stop.is_cancelled() {
        let now = status.borrow_and_update().clone();
        match &now {
            BrokerStatus::Ready if told != Some(BrokerStatus::Ready) => tracing::info!("the broker is ready"),
            BrokerStatus::Down { reason } => tracing::warn!("the broker is down, and tried again: {reason}"),
            BrokerStatus::Ready | BrokerStatus::Connecting | BrokerStatus::Closed => {}
        }
        told = Some(now);
        tokio::select! {
            () = stop.cancelled() => return,
            changed = status.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(REMIND) => {}
        }
    }
}
