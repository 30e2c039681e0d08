//! What the host would have for a plugin, for as long as a part of a test runs.

use crate::http::{Error, Request, Response};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::thread::LocalKey;

/// Runs a part of a test with these settings, as the operator would write them: names and values. There are none else.
/// Secrets are settings too.
///
/// ```
/// use leveret_plugin::setting;
/// use leveret_plugin::test::with_settings;
///
/// assert_eq!(with_settings([("greeting", "hello")], || setting("greeting")), Some("hello".into()));
/// assert_eq!(setting("greeting"), None);
/// ```
pub fn with_settings<N: Into<String>, V: Into<String>, R>(
    settings: impl IntoIterator<Item = (N, V)>,
    part: impl FnOnce() -> R,
) -> R {
    let settings = settings.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    with(&SETTINGS, settings, part)
}

/// Runs a part of a test in which this function answers each request of [`http::send`](crate::http::send). None is answered
/// else. See [`http`](crate::http) for an example.
pub fn with_http<R>(answer: impl Fn(&Request) -> Result<Response, Error> + 'static, part: impl FnOnce() -> R) -> R {
    with(&ANSWER, Some(Rc::new(answer)), part)
}

/// Runs a part of a test with these buckets, at first empty. There are none else. See [`keyvalue`](crate::keyvalue) for an
/// example.
pub fn with_buckets<N: Into<String>, R>(names: impl IntoIterator<Item = N>, part: impl FnOnce() -> R) -> R {
    with(&BUCKETS, names.into_iter().map(|name| (name.into(), Values::default())).collect(), part)
}

/// The setting of this name, where a test has set it.
#[cfg_attr(target_family = "wasm", expect(dead_code, reason = "there the host has the settings"))]
pub(crate) fn setting(name: &str) -> Option<String> {
    SETTINGS.with_borrow(|settings| settings.get(name).cloned())
}

/// What the test answers.
#[cfg_attr(target_family = "wasm", expect(dead_code, reason = "there the host makes requests"))]
pub(crate) fn answer(request: &Request) -> Result<Response, Error> {
    match ANSWER.with_borrow(Clone::clone) {
        Some(answer) => answer(request),
        None => Err(Error::Failed("a test answers requests by leveret_plugin::test::with_http".into())),
    }
}

/// The bucket of this name, where a test has made it.
#[cfg_attr(target_family = "wasm", expect(dead_code, reason = "there the host has the buckets"))]
pub(crate) fn bucket(name: &str) -> Option<Values> {
    BUCKETS.with_borrow(|buckets| buckets.get(name).cloned())
}

/// The values of one bucket.
type Values = Rc<RefCell<BTreeMap<String, Vec<u8>>>>;
type Answer = Rc<dyn Fn(&Request) -> Result<Response, Error>>;

thread_local! {
    static SETTINGS: RefCell<BTreeMap<String, String>> = const { RefCell::new(BTreeMap::new()) };
    static ANSWER: RefCell<Option<Answer>> = const { RefCell::new(None) };
    static BUCKETS: RefCell<BTreeMap<String, Values>> = const { RefCell::new(BTreeMap::new()) };
}

fn with<T: Default + 'static, R>(world: &'static LocalKey<RefCell<T>>, inner: T, part: impl FnOnce() -> R) -> R {
    let _outer = Outer { world, value: world.replace(inner) };
    part()
}

/// What holds again afterwards, also after a panic.
struct Outer<T: Default + 'static> {
    world: &'static LocalKey<RefCell<T>>,
    value: T,
}

impl<T: Default + 'static> Drop for Outer<T> {
    fn drop(&mut self) {
        self.world.set(std::mem::take(&mut self.value));
    }
}
