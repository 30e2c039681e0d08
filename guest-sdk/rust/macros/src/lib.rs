//! The macros of `leveret-plugin`, which re-exports them, and documents them there, where their examples compile.

mod description;
mod name;
mod subscriber;

use description::Plugin;
use proc_macro::TokenStream;
use subscriber::Subscribe;
use syn::{ItemFn, parse_macro_input};

/// `#[leveret_plugin::subscribe]`.
#[proc_macro_attribute]
pub fn subscribe(arguments: TokenStream, function: TokenStream) -> TokenStream {
    let subscribe = parse_macro_input!(arguments as Subscribe);
    let function = parse_macro_input!(function as ItemFn);
    subscribe.expand(&function).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// `leveret_plugin::plugin!`.
#[proc_macro]
pub fn plugin(description: TokenStream) -> TokenStream {
    parse_macro_input!(description as Plugin).expand().into()
}
