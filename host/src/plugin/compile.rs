//! From the bytes of a file to a component that may be let in: the right kind, the right world, no foreign import.

use std::sync::Arc;

use wasmtime::component::{Component, InstancePre};

use super::background::in_background;
use super::grant::{self, Grants};
use super::instance::State;
use super::refusal::{Import, Refusal};
use super::sandbox::{Compiling, House, Sandbox};
use super::weigh::weigh;
use super::{Digest, Reuse, since_v0_1};
use crate::name::PluginId;

/// A component that compiled and that the host is willing to instantiate. Cheap to clone.
#[derive(Clone)]
pub struct Compiled {
    pub(super) sandbox: Arc<Sandbox>,
    pub(super) pre: InstancePre<State>,
    pub(super) exports: Arc<since_v0_1::Exports>,
    pub digest: Digest,
    /// Why the pool cannot hold it, if it cannot.
    pub outside_pool: Option<String>,
    pub(super) reuse: Option<Reuse>,
    /// The interfaces that it imports.
    pub imports: Vec<String>,
    pub(super) grants: Grants,
}

impl Compiled {
    /// Makes its instances take more than one delivery, if anything is said of that.
    pub fn reusing(self, reuse: Option<Reuse>) -> Self {
        Self { reuse, ..self }
    }

    /// Gives it, as this plugin, what it is granted. Otherwise it has nothing.
    ///
    /// # Errors
    /// It imports what is not granted.
    pub fn granting(self, plugin: &PluginId, grants: Grants) -> Result<Self, Refusal> {
        let missing = grants.missing(&self.imports, plugin);
        if missing.is_empty() { Ok(Self { grants, ..self }) } else { Err(Refusal::Imports(missing)) }
    }
}

impl Sandbox {
    /// Compiles a plugin's file, on threads that step back behind deliveries unless somebody waits for it. Takes seconds of
    /// processor time, or up to two minutes of a heavy file's: call it off the async threads.
    pub fn compile(self: &Arc<Self>, bytes: &[u8]) -> Result<Compiled, Refusal> {
        check_kind(bytes)?;
        self.in_the_background(|| {
            weigh(bytes)?;
            self.compile_here(bytes)
        })
    }

    /// The same, unless the file is heavy: `None` then, and it is not compiled.
    pub fn compile_light(self: &Arc<Self>, bytes: &[u8]) -> Result<Option<Compiled>, Refusal> {
        check_kind(bytes)?;
        self.in_the_background(|| {
            let is_heavy = weigh(bytes)?.is_heavy();
            (!is_heavy).then(|| self.compile_here(bytes)).transpose()
        })
    }

    fn in_the_background<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        match self.compiling() {
            Compiling::Thorough => in_background(work),
            Compiling::Quick => work(),
        }
    }

    fn compile_here(self: &Arc<Self>, bytes: &[u8]) -> Result<Compiled, Refusal> {
        let (house, component, outside_pool) = match Component::from_binary(&self.pool.engine, bytes) {
            Ok(component) => (self.pool.clone(), component, None),
            Err(reason) => {
                let (house, component) = self.compile_outside(bytes)?;
                (house, component, Some(format!("{reason:#}")))
            }
        };
        let House { engine, linker } = &*house;
        let kind = component.component_type();
        let names = kind.exports(engine).map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
        let imports = kind.imports(engine).map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
        check_imports(&imports, since_v0_1::has_worker(&names))?;
        let pre = linker.instantiate_pre(&component).map_err(contract)?;
        let exports = Arc::new(since_v0_1::Exports::find(&pre, names)?);
        let (sandbox, digest, reuse, grants) = (self.clone(), Digest::of(bytes), None, Grants::default());
        Ok(Compiled { sandbox, pre, exports, digest, outside_pool, reuse, imports, grants })
    }

    /// Compiles what does not compile for the pool: either it does nowhere, or the pool cannot hold it.
    fn compile_outside(&self, bytes: &[u8]) -> Result<(Arc<House>, Component), Refusal> {
        let measuring = self.measuring().map_err(malformed)?;
        Component::from_binary(&measuring, bytes).map_err(malformed)?;
        let house = self.outside().map_err(|error| Refusal::Malformed(error.to_string()))?;
        let component = Component::from_binary(&house.engine, bytes).map_err(malformed)?;
        Ok((house, component))
    }
}

/// The first bytes tell a component from a core module: the same magic, then a version, then a layer.
fn check_kind(bytes: &[u8]) -> Result<(), Refusal> {
    const MAGIC: &[u8] = b"\0asm";
    const COMPONENT_LAYER: [u8; 2] = [1, 0];
    match bytes {
        [] => Err(Refusal::Empty),
        bytes if !bytes.starts_with(MAGIC) => Err(Refusal::NotWasm),
        bytes if bytes.len() < 8 => Err(Refusal::Malformed("it ends after its first bytes".into())),
        bytes if bytes[6..8] != COMPONENT_LAYER => Err(Refusal::CoreModule),
        _ => Ok(()),
    }
}

/// The interfaces that every plugin may import: its own contract, its settings, and WASI with nothing in it.
const GRANTED: [&str; 8] = [
    "leveret:plugin/",
    "wasi:cli/",
    "wasi:clocks/",
    "wasi:config/",
    "wasi:filesystem/",
    "wasi:io/",
    "wasi:random/",
    "wasi:sockets/",
];

/// What authors reach for most, and why a subscriber does not get it.
const KNOWN: [(&str, &str); 3] = [
    ("wasi:http/", "outbound HTTP is a worker's, and only where the operator grants it; a subscriber is pure"),
    ("wasi:keyvalue/", "a bucket is a worker's, and only where the operator grants it; a subscriber is pure"),
    ("wasi:", "this host does not serve it"),
];

/// Whether there is an operator who could let these in. Which of a worker's imports are granted, its place decides.
fn check_imports(imports: &[String], is_worker: bool) -> Result<(), Refusal> {
    let grantable = |name: &str| is_worker && (grant::is_http(name) || grant::is_keyvalue(name));
    let foreign: Vec<Import> = imports
        .iter()
        .filter(|name| !GRANTED.iter().any(|granted| name.starts_with(granted)) && !grantable(name))
        .map(|name| {
            // What a worker imports of these is none of what is granted.
            let known = if is_worker { &KNOWN[2..] } else { &KNOWN[..] };
            let known = known.iter().find(|(prefix, _)| name.starts_with(prefix)).map(|(_, why)| *why);
            Import { name: name.clone(), reason: known.unwrap_or("this host knows no such interface").into() }
        })
        .collect();
    if foreign.is_empty() { Ok(()) } else { Err(Refusal::Imports(foreign)) }
}

fn malformed(error: wasmtime::Error) -> Refusal {
    Refusal::Malformed(format!("{error:#}"))
}

fn contract(error: wasmtime::Error) -> Refusal {
    Refusal::Contract(format!("{error:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::SandboxOptions;

    fn sandbox() -> Arc<Sandbox> {
        let options = SandboxOptions { concurrency: 2, memory_maximum: 1 << 26, ..SandboxOptions::default() };
        Sandbox::new(&options).expect("an engine")
    }

    #[test]
    fn what_is_not_a_component_is_refused_by_what_it_is() {
        let sandbox = sandbox();
        let refusal = |bytes: &[u8]| sandbox.compile(bytes).err().expect("refused");
        assert_eq!(refusal(b""), Refusal::Empty);
        assert_eq!(refusal(b"#!/bin/sh\n"), Refusal::NotWasm);
        assert_eq!(refusal(b"\0asm\x01\0\0\0"), Refusal::CoreModule);
        assert!(matches!(refusal(b"\0asm\x0d"), Refusal::Malformed(_)));
        assert!(matches!(refusal(b"\0asm\x0d\0\x01\0garbage"), Refusal::Malformed(_)));
        assert_eq!(refusal(b"\0asm\x0d\0\x01\0"), Refusal::OtherWorld { exports: vec![] });
    }

    #[test]
    fn a_foreign_import_is_named_with_the_reason() {
        let imports = ["wasi:http/outgoing-handler@0.2.0", "wasi:io/poll@0.2.0", "acme:bank/vault"].map(String::from);
        let refused = |is_worker| match check_imports(&imports, is_worker) {
            Err(Refusal::Imports(foreign)) => foreign.into_iter().map(|import| import.reason).collect::<Vec<_>>(),
            other => panic!("it must be refused: {other:?}"),
        };
        let reasons = refused(false);
        assert!(reasons[0].contains("a subscriber is pure") && reasons[1].contains("no such interface"), "{reasons:?}");
        assert!(matches!(&refused(true)[..], [reason] if reason.contains("no such interface")));
    }

    #[test]
    fn what_of_http_is_not_outbound_is_served_to_nobody() {
        let imports = ["wasi:http/incoming-handler@0.2.0", "wasi:keyvalue/batch@0.2.0-draft"].map(String::from);
        let Err(Refusal::Imports(foreign)) = check_imports(&imports, true) else { panic!("it must be refused") };
        assert!(foreign.iter().all(|import| import.reason.contains("does not serve")), "{foreign:?}");
    }
}
