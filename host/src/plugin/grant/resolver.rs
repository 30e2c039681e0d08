//! Names of hosts, looked up by the system, and of what is found only what a request may go to. The connection is made to
//! these addresses, without a second look.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower_service::Service;

use super::http::{Host, HttpGrant};

/// A name that is granted, and nowhere where a request may go.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub(super) struct NotPublic {
    pub reason: String,
    /// Where it is instead, for the operator.
    pub addresses: Vec<IpAddr>,
}

#[derive(Clone)]
pub(super) struct Resolver {
    pub grant: Arc<HttpGrant>,
    pub system: GaiResolver,
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, task: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.system.poll_ready(task).map_err(Into::into)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (grant, host) = (self.grant.clone(), Host::read(name.as_str()));
        let found = self.system.call(name);
        Box::pin(async move {
            let found: Vec<SocketAddr> = found.await?.collect();
            let reachable = found.iter().copied().filter(|address| grant.is_reachable(&host, address.ip()));
            let reachable: Vec<SocketAddr> = reachable.collect();
            if reachable.is_empty() && !found.is_empty() {
                let addresses = found.iter().map(SocketAddr::ip).collect();
                return Err(NotPublic { reason: grant.not_public(&host), addresses }.into());
            }
            Ok(reachable.into_iter())
        })
    }
}
