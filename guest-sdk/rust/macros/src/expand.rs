//! What `plugin! { … }` becomes: a type that implements the interfaces, and their exports.

use crate::description::{Plugin, Shape};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Expr, Path};

impl Plugin {
    pub fn expand(&self) -> TokenStream {
        let describe = self.expand_describe();
        let subscriber = (!self.subscribers.is_empty()).then(|| expand_subscriber(&self.subscribers));
        let worker = (!self.workers.is_empty()).then(|| expand_worker(&self.workers));
        let recovery = self.recover.as_ref().map(expand_recovery);
        let probe = self.healthy.as_ref().map(expand_probe);
        let timekeeper = self.timetable.as_ref().map(expand_timekeeper);
        quote! {
            const _: () = {
                use ::leveret_plugin::export;

                struct Plugin;

                #describe
                #subscriber
                #worker
                #recovery
                #probe
                #timekeeper
            };
        }
    }

    /// Where nothing is exported, which is anywhere but on wasm, the unnamed constant keeps what the plugin refers to from
    /// counting as dead code.
    fn expand_describe(&self) -> TokenStream {
        let version = or_else(&self.version, quote!(::core::env!("CARGO_PKG_VERSION")));
        let summary = or_else(&self.summary, quote!(::core::env!("CARGO_PKG_DESCRIPTION")));
        let (subscribers, workers) = (&self.subscribers, &self.workers);
        let (emits, announces) = (self.emits.iter().map(expand_shape), self.announces.iter().map(expand_shape));
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
                        performs: ::std::vec![#(export::performs::<#workers>()),*],
                        announces: ::std::vec![#(#announces),*],
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

fn expand_shape(Shape { name, schema }: &Shape) -> TokenStream {
    let schema = option(schema.as_ref());
    quote!(export::shape(#name, #schema))
}

fn expand_subscriber(subscribers: &[Path]) -> TokenStream {
    quote! {
        ::core::assert!(
            !export::has_duplicate(&[#(<#subscribers as ::leveret_plugin::Subscriber>::EVENT),*]),
            "two subscribers of one event: let one function handle it, or make two plugins"
        );

        impl export::subscriber::exports::leveret::plugin::subscriber::Guest for Plugin {
            fn on_event(
                event: export::WitEvent,
            ) -> ::core::result::Result<::std::vec::Vec<export::WitTask>, export::WitFailure> {
                export::on_event(event, &[#(export::event_handler::<#subscribers>()),*])
            }
        }

        #[cfg(target_family = "wasm")]
        export::subscriber::export_subscriber!(Plugin);
    }
}

fn expand_worker(workers: &[Path]) -> TokenStream {
    quote! {
        ::core::assert!(
            !export::has_duplicate(&[#(<#workers as ::leveret_plugin::Worker>::TASK),*]),
            "two workers of one task: let one function perform it"
        );

        impl export::worker::exports::leveret::plugin::worker::Guest for Plugin {
            fn perform(
                task: export::WitAssignment,
            ) -> ::core::result::Result<export::WitPerformed, export::WitFailure> {
                export::perform_task(task, &[#(export::task_handler::<#workers>()),*])
            }
        }

        #[cfg(target_family = "wasm")]
        export::worker::export_worker!(Plugin);
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

fn expand_timekeeper(function: &Path) -> TokenStream {
    quote! {
        impl export::timed::Guest for Plugin {
            fn timetable() -> ::std::vec::Vec<export::timed::TimedEvent> {
                export::timetable(#function)
            }
        }

        const _: fn() -> ::std::vec::Vec<export::timed::TimedEvent> = <Plugin as export::timed::Guest>::timetable;

        #[cfg(target_family = "wasm")]
        export::timekeeper::export_timekeeper!(Plugin);
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
