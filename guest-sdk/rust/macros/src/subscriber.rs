use crate::name;
use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{Error, Expr, FnArg, Ident, ItemFn, LitStr, Result, Token};

/// The arguments of `#[subscribe("event.name", schema = "…")]`.
pub struct Subscribe {
    event: LitStr,
    schema: Option<Expr>,
}

impl Parse for Subscribe {
    fn parse(input: ParseStream) -> Result<Self> {
        if !input.peek(LitStr) {
            return Err(input.error("expected the event's name: #[subscribe(\"user.authorized\")]"));
        }
        let event: LitStr = input.parse()?;
        name::check_event(&event)?;
        let mut schema = None;
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if input.is_empty() {
                break;
            }
            let key: Ident = input.parse()?;
            if key != "schema" || schema.is_some() {
                let complaint = format!("unexpected `{key}`: the event's name may be followed by one `schema = …`");
                return Err(Error::new(key.span(), complaint));
            }
            input.parse::<Token![=]>()?;
            schema = Some(input.parse()?);
        }
        Ok(Self { event, schema })
    }
}

impl Subscribe {
    /// The function as it is, and a type of the same name that [`plugin!`](crate::plugin) and tests refer to: functions
    /// and types live in different namespaces, and `use` brings both.
    pub fn expand(&self, function: &ItemFn) -> Result<TokenStream> {
        check_signature(function)?;
        let (event, name, visibility) = (&self.event, &function.sig.ident, &function.vis);
        let schema = match &self.schema {
            Some(schema) => quote!(::core::option::Option::Some(#schema)),
            None => quote!(::core::option::Option::None),
        };
        Ok(quote! {
            #function

            #[doc(hidden)]
            #[allow(non_camel_case_types)]
            #visibility enum #name {}

            impl ::leveret_plugin::Subscriber for #name {
                const EVENT: &'static str = #event;
                const SCHEMA: ::core::option::Option<&'static str> = #schema;

                fn handle(event: ::leveret_plugin::Event<::std::string::String>) -> ::leveret_plugin::Handled {
                    ::leveret_plugin::export::handle(#name, event)
                }
            }
        })
    }
}

fn check_signature(function: &ItemFn) -> Result<()> {
    let signature = &function.sig;
    if let Some(asyncness) = signature.asyncness {
        return Err(Error::new_spanned(asyncness, "a subscriber is synchronous: it has nothing to wait for"));
    }
    if !signature.generics.params.is_empty() {
        return Err(Error::new_spanned(&signature.generics, "a subscriber is not generic: its payload has one type"));
    }
    match (signature.inputs.first(), signature.inputs.len()) {
        (Some(FnArg::Typed(_)), 1) => Ok(()),
        _ => Err(Error::new_spanned(signature, "a subscriber takes one argument: `event: Event<T>`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    fn complaint(function: ItemFn) -> String {
        let subscribe: Subscribe = parse_quote!("user.authorized");
        subscribe.expand(&function).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn what_cannot_be_a_subscriber_is_refused_with_the_reason() {
        assert_eq!(
            complaint(parse_quote!(
                fn greet(event: Event<Login>) {}
            )),
            ""
        );
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

    #[test]
    fn an_unknown_argument_is_refused_by_name() {
        let refused = syn::parse_str::<Subscribe>(r#""user.authorized", shema = "{}""#);
        assert!(refused.err().is_some_and(|error| error.to_string().contains("unexpected `shema`")));
    }

    #[test]
    fn the_event_comes_first() {
        let refused = syn::parse_str::<Subscribe>("");
        assert!(refused.err().is_some_and(|error| error.to_string().contains("expected the event's name")));
    }
}
