//! `key: value, …`, as it stands between braces.

use std::collections::HashSet;
use syn::parse::{Parse, ParseBuffer, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Ident, Result, Token, braced, bracketed};

/// Whether a key is one of those that may stand here, and if not, which may.
pub enum Known {
    Yes,
    No(&'static str),
}

/// Reads `key: value, …`, each key at most once.
pub fn parse_keys(
    input: ParseStream,
    what: &str,
    mut value: impl FnMut(&str, ParseStream) -> Result<Known>,
) -> Result<()> {
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

pub fn parse_list<T: Parse>(input: ParseStream) -> Result<Vec<T>> {
    let content;
    bracketed!(content in input);
    Ok(Punctuated::<T, Token![,]>::parse_terminated(&content)?.into_iter().collect())
}

pub fn braced_content(input: ParseStream<'_>) -> Result<ParseBuffer<'_>> {
    let content;
    braced!(content in input);
    Ok(content)
}
