//! Components from a few lines of WebAssembly text: for behaviour that no compiler of a sane language would produce.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Where a description's texts and lists are put; the description itself stands right before.
const TEXTS: usize = 2048;
/// Where a description stands.
const DESCRIPTION: usize = 1024;
/// `describe` as a body that returns the description.
const DESCRIBED: &str = "i32.const 1024";
/// `on-event` as a body that returns success without tasks: the memory at 16 is zero.
pub const NO_TASKS: &str = "i32.const 16";

/// `cabi_realloc` as a body that takes the next of what is free.
const ALLOCATE: &str = "(local $at i32)
    (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.set $free (i32.add (local.get $at) (local.get 3)))
    (local.get $at)";

/// `on-event` as a body that returns one task: [`ECHOED`] with the event's payload as it is.
pub const ECHO: &str = "(i32.store (i32.const 40) (i32.const 64)) (i32.store (i32.const 44) (i32.const 1))
    (i32.store (i32.const 64) (i32.const 128)) (i32.store (i32.const 68) (i32.const 9))
    (i32.store (i32.const 72) (local.get 10)) (i32.store (i32.const 76) (local.get 11))
    i32.const 32";
/// What [`ECHO`] needs beside it: the name of its task.
pub const ECHO_NAME: &str = "(data (i32.const 128) \"echo.make\")";
/// The task of [`ECHO`], to be declared.
pub const ECHOED: &str = "echo.make";

/// Makes a core module a component of one of the worlds in `wit/`.
///
/// # Panics
/// If the text is malformed or does not fit the world.
pub fn component(world: &str, core: &str) -> Vec<u8> {
    let mut module = parse(core);
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../wit")).expect("the contract");
    let world = resolve.select_world(&[package], Some(world)).expect("a world of the contract");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("a core module");
    let mut encoder = ComponentEncoder::default().validate(true).module(&module).expect("it fits the world");
    encoder.encode().expect("a component")
}

/// A component, as its text says.
///
/// # Panics
/// If the text is malformed.
pub fn parse(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("well-formed text")
}

/// A component that imports an instance of this name and exports nothing.
pub fn importing(instance: &str) -> Vec<u8> {
    parse(&format!("(component (import {instance:?} (instance)))"))
}

/// A subscriber made of parts; each is right unless it is set.
#[derive(Debug, Clone, Copy)]
pub struct Subscriber<'a> {
    pub version: &'a str,
    pub subscriptions: &'a [&'a str],
    pub emits: &'a [&'a str],
    /// The body of `describe`: its result is the address of a description.
    pub describe: &'a str,
    /// The body of `on-event`: its result is the address of a result.
    pub on_event: &'a str,
    /// The body of `cabi_realloc`, by which the host asks for memory: its result is an address.
    pub realloc: &'a str,
    /// What the module imports, of the contract or of WASI preview 1.
    pub imports: &'a str,
    /// Further parts of the module.
    pub more: &'a str,
    /// The memory, in pages of 64 KiB; what the host hands in lies from the second one on.
    pub pages: u32,
}

impl Default for Subscriber<'_> {
    fn default() -> Self {
        Self {
            version: "1",
            subscriptions: &["thing.happened"],
            emits: &[],
            describe: DESCRIBED,
            on_event: NO_TASKS,
            realloc: ALLOCATE,
            imports: "",
            more: "",
            pages: 2,
        }
    }
}

impl Subscriber<'_> {
    /// The component.
    ///
    /// # Panics
    /// If its parts are malformed or do not fit the contract.
    pub fn build(&self) -> Vec<u8> {
        let module = self.module();
        match self.imports {
            "" => component("subscriber-plugin", &module),
            _ => leveret::project::componentize(&parse(&module)).expect("it fits the contract"),
        }
    }

    fn module(&self) -> String {
        let Self { describe, on_event, realloc, imports, more, pages, .. } = self;
        let description = escaped(&self.description());
        format!(
            r#"(module
                {imports}
                (memory (export "memory") {pages})
                (data (i32.const {DESCRIPTION}) "{description}")
                (global $free (mut i32) (i32.const 65536))
                (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) {realloc})
                (func (export "leveret:plugin/manifest@0.1.0#describe") (result i32) {describe})
                (func (export "leveret:plugin/subscriber@0.1.0#on-event")
                    (param i32 i32 i32 i32 i32 i32 i64 i32 i32 i32 i32 i32 i32 i32) (result i32) {on_event})
                {more})"#
        )
    }

    /// The description as it lies in memory: version, summary, subscriptions, emits, performs, announces, limits.
    fn description(&self) -> Vec<u8> {
        let mut texts = Texts::default();
        let empty = [0; 8];
        let version = texts.text(self.version);
        let subscriptions = texts.names(self.subscriptions);
        let emits = texts.names(self.emits);
        let mut bytes = [version, empty, subscriptions, emits, empty, empty].concat();
        bytes.resize(TEXTS - DESCRIPTION, 0);
        bytes.extend(texts.0);
        bytes
    }
}

/// What a description points to, from [`TEXTS`] on.
#[derive(Default)]
struct Texts(Vec<u8>);

impl Texts {
    /// Address and length of a text.
    fn text(&mut self, text: &str) -> [u8; 8] {
        self.put(text.as_bytes(), text.len())
    }

    /// Address and length of a list of names, each without a schema.
    fn names(&mut self, names: &[&str]) -> [u8; 8] {
        const NO_SCHEMA: [u8; 12] = [0; 12];
        let records: Vec<u8> = names.iter().flat_map(|name| self.text(name).into_iter().chain(NO_SCHEMA)).collect();
        self.put(&records, names.len())
    }

    fn put(&mut self, bytes: &[u8], length: usize) -> [u8; 8] {
        const ALIGNMENT: usize = 4;
        self.0.resize(self.0.len().next_multiple_of(ALIGNMENT), 0);
        let address = TEXTS + self.0.len();
        self.0.extend_from_slice(bytes);
        let both = [address, length].map(|number| u32::try_from(number).expect("a small memory").to_le_bytes());
        both.concat().try_into().expect("twice four bytes")
    }
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\{byte:02x}")).collect()
}
