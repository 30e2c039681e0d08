use crate::name;
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use std::collections::HashSet;
use syn::parse::{Parse, ParseBuffer, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, Ident, LitStr, Path, Result, Token, braced, bracketed, token};

/// What stands between the braces of `plugin! { … }`.
#[derive(Default)]
pub struct Plugin {
    version: Option<Expr>,
    summary: Option<Expr>,
    subscribers: Vec<Path>,
    emits: Vec<Shape>,
    limits: Limits,
    recover: Option<Path>,
    healthy: Option<Path>,
}

/// One task under `emits`: a name, or `{ name: …, schema: … }`.
struct Shape {
    name: LitStr,
    schema: Option<Expr>,
}

#[derive(Default)]
struct Limits {
    time: Option<Expr>,
    memory: Option<Expr>,
    prefetch: Option<Expr>,
    attempts: Option<Expr>,
}

impl Parse for Plugin {
    fn parse(input: ParseStream) -> Result<Self> {
        let mut plugin = Plugin::default();
        parse_keys(input, "a plugin", |key, input| {
            match key {
                "version" => plugin.version = Some(input.parse()?),
                "summary" => plugin.summary = Some(input.parse()?),
                "subscribers" => plugin.subscribers = parse_list(input)?,
                "emits" => plugin.emits = parse_list(input)?,
                "limits" => plugin.limits = input.parse()?,
                "recover" => plugin.recover = Some(input.parse()?),
                "healthy" => plugin.healthy = Some(input.parse()?),
                _ => return Ok(Known::No("version, summary, subscribers, emits, limits, recover, healthy")),
            }
            Ok(Known::Yes)
        })?;
        if plugin.subscribers.is_empty() {
            let complaint = "a plugin needs at least one subscriber: `subscribers: [greet]`, \
                             where `greet` is a function with the attribute `#[subscribe(\"user.authorized\")]`";
            return Err(Error::new(Span::call_site(), complaint));
        }
        let mut names = HashSet::new();
        match plugin.emits.iter().find(|shape| !names.insert(shape.name.value())) {
            Some(twice) => Err(Error::new(twice.name.span(), "this task is listed already")),
            None => Ok(plugin),
        }
    }
}

impl Parse for Shape {
    fn parse(input: ParseStream) -> Result<Self> {
        let (name, schema) = if input.peek(token::Brace) {
            let (content, mut name, mut schema) = (braced_content(input)?, None, None);
            parse_keys(&content, "a task", |key, input| {
                match key {
                    "name" => name = Some(input.parse()?),
                    "schema" => schema = Some(input.parse()?),
                    _ => return Ok(Known::No("name, schema")),
                }
                Ok(Known::Yes)
            })?;
            (name.ok_or_else(|| content.error("expected `name: \"…\"`"))?, schema)
        } else {
            (input.parse()?, None)
        };
        name::check_task(&name)?;
        Ok(Self { name, schema })
    }
}

impl Parse for Limits {
    fn parse(input: ParseStream) -> Result<Self> {
        let mut limits = Limits::default();
        parse_keys(&braced_content(input)?, "limits", |key, input| {
            match key {
                "time" => limits.time = Some(input.parse()?),
                "memory" => limits.memory = Some(input.parse()?),
                "prefetch" => limits.prefetch = Some(input.parse()?),
                "attempts" => limits.attempts = Some(input.parse()?),
                _ => return Ok(Known::No("time, memory, prefetch, attempts")),
            }
            Ok(Known::Yes)
        })?;
        Ok(limits)
    }
}

/// Whether a key is one of those that may stand here, and if not, which may.
enum Known {
    Yes,
    No(&'static str),
}

/// Reads `key: value, …`, each key at most once.
fn parse_keys(input: ParseStream, what: &str, mut value: impl FnMut(&str, ParseStream) -> Result<Known>) -> Result<()> {
    let mut seen = HashSet::new();
    while !input.is_empty() {
        let key: Ident = input.parse()?;
        input.parse::<Token![:]>()?;
        if let Known::No(keys) = value(&key.to_string(), input)? {
            return Err(Error::new(key.span(), format!("unknown key `{key}`: the keys of {what} are {keys}")));
        }
        if !seen.insert(key.to_string()) {
            return Err(Error::new(key.span(), format!("`{key}` is given already")));
        }
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
    }
    Ok(())
}

fn parse_list<T: Parse>(input: ParseStream) -> Result<Vec<T>> {
    let content;
    bracketed!(content in input);
    Ok(Punctuated::<T, Token![,]>::parse_terminated(&content)?.into_iter().collect())
}

fn braced_content(input: ParseStream<'_>) -> Result<ParseBuffer<'_>> {
    let content;
    braced!(content in input);
    Ok(content)
}

impl Plugin {
    pub fn expand(&self) -> TokenStream {
        let describe = self.expand_describe();
        let subscribers = &self.subscribers;
        let recovery = self.recover.as_ref().map(expand_recovery);
        let probe = self.healthy.as_ref().map(expand_probe);
        quote! {
            const _: () = {
                use ::leveret_plugin::{Subscriber, export};

                ::core::assert!(
                    !export::has_duplicate(&[#(<#subscribers as Subscriber>::EVENT),*]),
                    "two subscribers of one event: let one function handle it, or make two plugins"
                );

                struct Plugin;

                #describe

                impl export::subscriber::exports::leveret::plugin::subscriber::Guest for Plugin {
                    fn on_event(
                        event: export::WitEvent,
                    ) -> ::core::result::Result<::std::vec::Vec<export::WitTask>, export::WitFailure> {
                        export::on_event(event, &[#(export::handler::<#subscribers>()),*])
                    }
                }

                #[cfg(target_family = "wasm")]
                export::subscriber::export_subscriber!(Plugin);

                #recovery
                #probe
            };
        }
    }

    /// Where nothing is exported, which is anywhere but on wasm, the unnamed constant keeps what the plugin refers to from
    /// counting as dead code.
    fn expand_describe(&self) -> TokenStream {
        let version = or_else(&self.version, quote!(::core::env!("CARGO_PKG_VERSION")));
        let summary = or_else(&self.summary, quote!(::core::env!("CARGO_PKG_DESCRIPTION")));
        let subscribers = &self.subscribers;
        let emits = self.emits.iter().map(|Shape { name, schema }| {
            let schema = option(schema.as_ref());
            quote!(export::shape(#name, #schema))
        });
        let time = option(self.limits.time.as_ref().map(|time| quote!(export::milliseconds(#time))).as_ref());
        let memory = option(self.limits.memory.as_ref());
        let prefetch = option(self.limits.prefetch.as_ref());
        let attempts = option(self.limits.attempts.as_ref());
        quote! {
            impl export::manifest::exports::leveret::plugin::manifest::Guest for Plugin {
                fn describe() -> export::Description {
                    export::Description {
                        version: ::std::string::String::from(#version),
                        summary: ::std::string::String::from(#summary),
                        subscriptions: ::std::vec![#(export::subscription::<#subscribers>()),*],
                        emits: ::std::vec![#(#emits),*],
                        performs: ::std::vec![],
                        announces: ::std::vec![],
                        limits: export::Limits {
                            time: #time,
                            memory: #memory,
                            prefetch: #prefetch,
                            attempts: #attempts,
                        },
                    }
                }
            }

            const _: fn() -> export::Description =
                <Plugin as export::manifest::exports::leveret::plugin::manifest::Guest>::describe;

            #[cfg(target_family = "wasm")]
            export::manifest::export_manifest!(Plugin);
        }
    }
}

fn expand_recovery(function: &Path) -> TokenStream {
    quote! {
        impl export::recovery::exports::leveret::plugin::recovery::Guest for Plugin {
            fn recover(
                message: export::WitMessage,
                attempts: ::std::vec::Vec<export::WitFailedAttempt>,
            ) -> ::core::result::Result<::std::vec::Vec<export::WitTask>, ::std::string::String> {
                export::recover(#function, message, attempts)
            }
        }

        #[cfg(target_family = "wasm")]
        export::recovery::export_recovery!(Plugin);
    }
}

fn expand_probe(function: &Path) -> TokenStream {
    quote! {
        impl export::probe::exports::leveret::plugin::probe::Guest for Plugin {
            fn healthy() -> ::core::result::Result<(), ::std::string::String> {
                export::healthy(#function)
            }
        }

        #[cfg(target_family = "wasm")]
        export::probe::export_probe!(Plugin);
    }
}

fn option(value: Option<&impl ToTokens>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}

fn or_else(value: &Option<Expr>, default: TokenStream) -> TokenStream {
    value.as_ref().map_or(default, ToTokens::to_token_stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str) -> String {
        syn::parse_str::<Plugin>(text).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_full_description_is_read() {
        let text = r#"version: "1", summary: "x", subscribers: [a, b::c,], emits: ["a.b", { name: "c.d", schema: "{}" }],
                      limits: { time: Duration::from_secs(1), memory: 1 << 20, prefetch: 1, attempts: 2 },
                      recover: r, healthy: h"#;
        assert_eq!(complaint(text), "");
    }

    #[test]
    fn a_plugin_without_subscribers_is_refused() {
        assert!(complaint("").contains("at least one subscriber"));
        assert!(complaint("subscribers: []").contains("at least one subscriber"));
    }

    #[test]
    fn an_unknown_key_is_refused_with_those_that_there_are() {
        let (plugin, limits, task) = ("sumary: 1", "limits: { ram: 1 }", "emits: [{ title: 1 }]");
        assert!(complaint(plugin).starts_with("unknown key `sumary`: the keys of a plugin are version, summary,"));
        assert!(complaint(limits).starts_with("unknown key `ram`: the keys of limits are time, memory,"));
        assert!(complaint(task).starts_with("unknown key `title`: the keys of a task are name, schema"));
    }

    #[test]
    fn what_is_given_twice_is_refused() {
        assert_eq!(complaint("recover: a, recover: b"), "`recover` is given already");
        assert_eq!(complaint(r#"subscribers: [a], emits: ["a.b", "a.b"]"#), "this task is listed already");
    }

    #[test]
    fn an_illegal_task_name_is_refused() {
        assert!(complaint(r#"emits: ["email send"]"#).contains("not ' '"));
    }
}
