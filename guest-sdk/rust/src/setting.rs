//! What the operator set for the plugin.

/// The plugin's setting of this name: a text that the operator wrote in `leveret.toml`, under `[plugin.NAME.settings]`.
///
/// It is the same for every delivery until the host starts again. `describe` sees none, so nothing in
/// [`plugin!`](crate::plugin) may depend on one. In a test, [`test::with_settings`](crate::test::with_settings) sets it.
///
/// ```
/// use leveret_plugin::prelude::*;
///
/// #[subscribe("user.authorized")]
/// fn greet(_: Event<Value>) -> Handled<Task> {
///     let greeting = setting("greeting").unwrap_or_else(|| "hello".into());
///     Task::new("greeting.send", &json!({ "text": greeting }))
/// }
/// # fn main() {}
/// ```
///
/// # Panics
/// If the host cannot read its settings. Leveret has them in memory and always can.
pub fn setting(name: &str) -> Option<String> {
    given(name)
}

#[cfg(target_family = "wasm")]
fn given(name: &str) -> Option<String> {
    use crate::bindings::imports::wasi::config::store::get;
    get(name).unwrap_or_else(|error| panic!("the host cannot read the setting {name:?}: {error:?}"))
}

#[cfg(not(target_family = "wasm"))]
fn given(name: &str) -> Option<String> {
    crate::test::setting(name)
}
