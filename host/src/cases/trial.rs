//! Runs a plugin on a case, in the sandbox and within the limits of every other delivery.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::value::RawValue;
use tracing::instrument::WithSubscriber;

use super::case::{Case, Given};
use super::difference::Difference;
use super::lines::{Line, Lines};
use super::outcome::{Announced, Made, Outcome, Task};
use crate::catalog::{Limits, Loader};
use crate::delivery::{NotAdmitted, admit};
use crate::message::{HeaderValue, Message, Receipt, Subject};
use crate::name::PluginId;
use crate::plugin::{self, Draft, Grants, Incoming, Live, Refusal, Sandbox, Version};

/// Runs one component on cases.
pub struct Runner {
    sandbox: Arc<Sandbox>,
    limits: Limits,
    /// The largest payload that is let in, in bytes.
    payload_limit: u64,
    file: PathBuf,
    id: PluginId,
    version: Version,
    /// The component with the settings that cases had so far.
    live: BTreeMap<BTreeMap<String, String>, Arc<Live>>,
}

/// How a case went.
#[derive(Debug)]
pub struct Trial {
    pub verdict: Verdict,
    /// What came; `None` where the plugin could not be asked.
    pub came: Option<Outcome>,
    /// What it cost; `None` where the plugin did not run.
    pub receipt: Option<Receipt>,
    /// What the plugin wrote.
    pub log: Vec<Line>,
}

/// What is to be said of a case.
#[derive(Debug)]
pub enum Verdict {
    /// What came is what was expected.
    Passed,
    /// Something else came.
    Failed(Difference),
    /// The file does not say what is expected.
    Open,
    /// The case asks for what cannot be tried.
    Impossible(String),
}

/// What came of asking the plugin.
struct Came {
    outcome: Outcome,
    receipt: Option<Receipt>,
}

impl Runner {
    /// Compiles the component, as the plugin of this identity.
    pub async fn new(
        sandbox: Arc<Sandbox>,
        limits: Limits,
        payload_limit: u64,
        file: PathBuf,
        id: PluginId,
    ) -> Result<Self, Refusal> {
        let none = BTreeMap::new();
        let live = load(&sandbox, &limits, &none, &file, &id).await?;
        let (version, live) = (live.version.clone(), BTreeMap::from([(none, live)]));
        Ok(Self { sandbox, limits, payload_limit, file, id, version, live })
    }

    /// Which version it is.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// The component with these settings and no others.
    async fn live(&mut self, settings: &BTreeMap<String, String>) -> Result<Arc<Live>, Refusal> {
        if let Some(live) = self.live.get(settings) {
            return Ok(live.clone());
        }
        let live = load(&self.sandbox, &self.limits, settings, &self.file, &self.id).await?;
        self.live.insert(settings.clone(), live.clone());
        Ok(live)
    }

    /// Runs a case.
    pub async fn run(&mut self, case: &Case) -> Trial {
        let lines = Lines::default();
        let came = match self.live(&case.settings).await {
            Ok(live) => self.ask(&live, &case.given).with_subscriber(lines.clone()).await,
            Err(refusal) => Err(refusal.to_string()),
        };
        let log = lines.take();
        match came {
            Ok(Came { outcome, receipt }) => {
                let verdict = match &case.expect {
                    None => Verdict::Open,
                    Some(expected) if expected.is_met_by(&outcome) => Verdict::Passed,
                    Some(expected) => Verdict::Failed(Difference::between(expected, &outcome)),
                };
                Trial { verdict, came: Some(outcome), receipt, log }
            }
            Err(reason) => Trial { verdict: Verdict::Impossible(reason), came: None, receipt: None, log },
        }
    }

    /// What the plugin makes of it; the error is why it cannot be asked.
    async fn ask(&self, live: &Live, given: &Given) -> Result<Came, String> {
        let message = match given {
            Given::Event(message) | Given::Task(message) | Given::Failed(message) => message,
            Given::Probe => {
                let health = live.handler.healthy().await;
                let outcome = health.map_or_else(|reason| Outcome::Unhealthy(reason.into()), |()| Outcome::Healthy);
                return Ok(Came { outcome, receipt: None });
            }
        };
        let incoming = match self.admit(live, message).await? {
            Ok(incoming) => incoming,
            Err(reason) => return Ok(Came { outcome: Outcome::Dead(reason.to_string().into()), receipt: None }),
        };
        let (outcome, receipt) = match given {
            Given::Failed(_) => {
                let recovered = live.handler.recover(incoming, &message.failures).await;
                let recovered = recovered.ok_or("the plugin has no recovery, so nothing comes of a dead letter")?;
                let made = |drafts| Outcome::Done(made(drafts));
                (recovered.answer.map_or_else(|reason| Outcome::Failed(reason.into()), made), recovered.receipt)
            }
            _ => {
                let invocation = live.handler.handle(incoming).await;
                let outcome = match invocation.outcome {
                    plugin::Outcome::Done(drafts) => Outcome::Done(made(drafts)),
                    plugin::Outcome::Retry { reason, after } => Outcome::retry(reason, after),
                    plugin::Outcome::Reject { reason } => Outcome::Reject(reason.into()),
                };
                (outcome, invocation.receipt)
            }
        };
        Ok(Came { outcome, receipt: Some(receipt) })
    }

    async fn admit<'m>(&self, live: &Live, message: &'m Message) -> Result<Result<Incoming<'m>, NotAdmitted>, String> {
        let (subject, description) = (&message.subject, &live.description);
        if !description.subjects().any(|handled| handled == *subject) {
            let handled: Vec<_> = description.subjects().map(|handled| format!("`{handled}`")).collect();
            return Err(format!("the plugin does not handle `{subject}`; it handles {}", handled.join(", ")));
        }
        Ok(admit(message, subject, self.payload_limit, description.schemas.handled.get(subject)).await)
    }
}

/// Makes a version of the component that has these settings.
async fn load(
    sandbox: &Arc<Sandbox>,
    limits: &Limits,
    settings: &BTreeMap<String, String>,
    file: &Path,
    id: &PluginId,
) -> Result<Arc<Live>, Refusal> {
    let own = settings.clone().into_iter().collect();
    let (settings, grants) = ([(id.clone(), own)], [(id.clone(), Grants::of_cases())]);
    let limits = Limits { settings: settings.into(), grants: grants.into(), ..limits.clone() };
    Loader::new(sandbox.clone(), limits).load(file, id.clone()).await.map(Arc::new)
}

/// What was made as a case file has it: tasks are named within the application.
fn made(drafts: Vec<Draft>) -> Made {
    let mut made = Made::default();
    for Draft { subject, payload, key, headers, deferral: _ } in drafts {
        let text = std::str::from_utf8(&payload).ok();
        let json = text.and_then(|json| RawValue::from_string(json.trim().to_owned()).ok());
        let payload = json.expect("the sandbox lets nothing out but JSON");
        let text = |(name, value): (String, HeaderValue)| Some((name, value.as_text()?.to_owned()));
        let headers = headers.into_iter().filter_map(text).collect();
        match subject {
            Subject::Event(event) => made.events.push(Announced { name: event.to_string(), payload, headers }),
            Subject::Task(task) => made.tasks.push(Task { name: task.relative().to_owned(), payload, key, headers }),
        }
    }
    made
}
