//! The macros of `leveret-plugin`, which re-exports them, and documents them there, where their examples compile.

mod description;
mod expand;
mod handler;
mod key;
mod name;

use description::Plugin;
use handler::Kind;
use proc_macro::TokenStream;
use syn::{ItemFn, parse_macro_input};

/// `#[leveret_plugin::subscribe]`.
#[proc_macro_attribute]
pub fn subscribe(arguments: TokenStream, function: TokenStream) -> TokenStream {
    let function = parse_macro_input!(function as ItemFn);
    let expanded = Kind::Subscriber.expand(arguments.into(), &function);
    expanded.unwrap_or_else(syn::Error::into_compile_error).into()
}

/// `#[leveret_plugin::perform]`.
#[proc_macro_attribute]
pub fn perform(arguments: TokenStream, function: TokenStream) -> TokenStream {
    let function = parse_macro_input!(function as ItemFn);
    let expanded = Kind::Worker.expand(arguments.into(), &function);
    expanded.unwrap_or_else(syn::Error::into_compile_error).into()
}

/// `leveret_plugin::plugin!`.
#[proc_macro]
pub fn plugin(description: TokenStream) -> TokenStream {
    parse_macro_input!(description as Plugin).expand().into()
}
