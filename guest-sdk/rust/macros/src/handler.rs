use crate::name;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::parse::{ParseStream, Parser};
use syn::{Error, Expr, FnArg, Ident, ItemFn, LitStr, Result, Token};

/// What a function is made by its attribute.
pub enum Kind {
    Subscriber,
    Worker,
}

/// The arguments of `#[subscribe("event.name", schema = "…")]` or `#[perform("task.name", schema = "…")]`.
struct Arguments {
    name: LitStr,
    schema: Option<Expr>,
}

impl Kind {
    /// The function as it is, and a type of the same name that [`plugin!`](crate::plugin) and tests refer to: functions
    /// and types live in different namespaces, and `use` brings both.
    pub fn expand(&self, arguments: TokenStream, function: &ItemFn) -> Result<TokenStream> {
        let Arguments { name: subject, schema } = (|input: ParseStream| self.arguments(input)).parse2(arguments)?;
        self.check_signature(function)?;
        let (name, visibility) = (&function.sig.ident, &function.vis);
        let schema = match schema {
            Some(schema) => quote!(::core::option::Option::Some(#schema)),
            None => quote!(::core::option::Option::None),
        };
        let (implemented, constant, method, message, came_of_it) = match self {
            Kind::Subscriber => ("Subscriber", "EVENT", "handle", "Event", quote!(::leveret_plugin::Handled)),
            Kind::Worker => {
                let performed = quote!(::leveret_plugin::Handled<::leveret_plugin::Performed>);
                ("Worker", "TASK", "perform", "Assignment", performed)
            }
        };
        let [implemented, constant, method, message] =
            [implemented, constant, method, message].map(|name| format_ident!("{name}"));
        Ok(quote! {
            #function

            #[doc(hidden)]
            #[allow(non_camel_case_types)]
            #visibility enum #name {}

            impl ::leveret_plugin::#implemented for #name {
                const #constant: &'static str = #subject;
                const SCHEMA: ::core::option::Option<&'static str> = #schema;

                fn #method(message: ::leveret_plugin::#message<::std::string::String>) -> #came_of_it {
                    ::leveret_plugin::export::#method(#name, message)
                }
            }
        })
    }

    fn arguments(&self, input: ParseStream) -> Result<Arguments> {
        let (what, example) = match self {
            Kind::Subscriber => ("event", "#[subscribe(\"user.authorized\")]"),
            Kind::Worker => ("task", "#[perform(\"email.send\")]"),
        };
        if !input.peek(LitStr) {
            return Err(input.error(format!("expected the {what}'s name: {example}")));
        }
        let name: LitStr = input.parse()?;
        match self {
            Kind::Subscriber => name::check_event(&name)?,
            Kind::Worker => name::check_task(&name)?,
        }
        let mut schema = None;
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if input.is_empty() {
                break;
            }
            let key: Ident = input.parse()?;
            if key != "schema" || schema.is_some() {
                let complaint = format!("unexpected `{key}`: the {what}'s name may be followed by one `schema = …`");
                return Err(Error::new(key.span(), complaint));
            }
            input.parse::<Token![=]>()?;
            schema = Some(input.parse()?);
        }
        Ok(Arguments { name, schema })
    }

    fn check_signature(&self, function: &ItemFn) -> Result<()> {
        let (what, argument) = match self {
            Kind::Subscriber => ("subscriber", "event: Event<T>"),
            Kind::Worker => ("worker", "task: Assignment<T>"),
        };
        let signature = &function.sig;
        if let Some(asyncness) = signature.asyncness {
            let complaint = format!("a {what} is synchronous: what it calls blocks until it is done");
            return Err(Error::new_spanned(asyncness, complaint));
        }
        if !signature.generics.params.is_empty() {
            let complaint = format!("a {what} is not generic: its payload has one type");
            return Err(Error::new_spanned(&signature.generics, complaint));
        }
        match (signature.inputs.first(), signature.inputs.len()) {
            (Some(FnArg::Typed(_)), 1) => Ok(()),
            _ => Err(Error::new_spanned(signature, format!("a {what} takes one argument: `{argument}`"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    fn complaint(kind: Kind, arguments: TokenStream, function: TokenStream) -> String {
        let expanded = syn::parse2(function).and_then(|function: ItemFn| kind.expand(arguments, &function));
        expanded.err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn what_cannot_be_a_handler_is_refused_with_the_reason() {
        let of_subscriber = |function| complaint(Kind::Subscriber, quote!("user.authorized"), function);
        let of_worker = |function| complaint(Kind::Worker, quote!("email.send"), function);
        assert_eq!(
            of_subscriber(parse_quote!(
                fn greet(event: Event<Login>) {}
            )),
            ""
        );
        assert_eq!(
            of_worker(parse_quote!(
                fn send(task: Assignment<Email>) {}
            )),
            ""
        );
        for complaint in [of_subscriber, of_worker] {
            assert!(
                complaint(parse_quote!(
                    async fn greet(event: Event<Login>) {}
                ))
                .contains("synchronous")
            );
            assert!(
                complaint(parse_quote!(
                    fn greet<T>(event: Event<T>) {}
                ))
                .contains("not generic")
            );
            assert!(
                complaint(parse_quote!(
                    fn greet() {}
                ))
                .contains("one argument")
            );
            assert!(
                complaint(parse_quote!(
                    fn greet(&self) {}
                ))
                .contains("one argument")
            );
        }
        assert!(
            of_worker(parse_quote!(
                fn send() {}
            ))
            .contains("a worker takes one argument: `task: Assignment<T>`")
        );
    }

    #[test]
    fn an_unknown_argument_is_refused_by_name() {
        let function = quote!(
            fn greet(event: Event<Login>) {}
        );
        let refused = complaint(Kind::Subscriber, quote!("user.authorized", shema = "{}"), function.clone());
        assert!(refused.contains("unexpected `shema`: the event's name"), "{refused}");
        let refused = complaint(Kind::Worker, quote!("email.send", schema = "{}", schema = "{}"), function);
        assert!(refused.contains("unexpected `schema`: the task's name"), "{refused}");
    }

    #[test]
    fn the_name_comes_first_and_is_legal() {
        let function = quote!(
            fn greet(event: Event<Login>) {}
        );
        let refused = |kind, arguments| complaint(kind, arguments, function.clone());
        assert!(refused(Kind::Subscriber, quote!()).contains("expected the event's name"));
        assert!(refused(Kind::Worker, quote!()).contains("expected the task's name: #[perform("));
        assert!(refused(Kind::Subscriber, quote!("authorized")).contains("past-tense verb"));
        assert_eq!(refused(Kind::Worker, quote!("sweep")), "");
        assert!(refused(Kind::Worker, quote!("email send")).contains("not ' '"));
    }
}
