//! The attribute's arguments, each of which becomes a call of the world's builder. Knows no test.

use crate::units;
use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Ident, Lit, Token};

/// Calls of the builder, one after the other.
pub(crate) struct Arguments {
    pub(crate) calls: TokenStream,
}

struct Argument {
    name: Ident,
    value: Lit,
}

impl Parse for Argument {
    fn parse(input: ParseStream<'_>) -> Result<Self, Error> {
        let name = input.parse()?;
        input.parse::<Token![=]>()?;
        Ok(Self { name, value: input.parse()? })
    }
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Self, Error> {
        let arguments = Punctuated::<Argument, Token![,]>::parse_terminated(input)?;
        let mut calls = TokenStream::new();
        let mut seen = Vec::new();
        for Argument { name, value } in arguments {
            let text = name.to_string();
            let fault = |why: String| Error::new(value.span(), format!("{text}: {why}"));
            let call = match text.as_str() {
                "loss" | "duplicate" | "reorder" => {
                    let share = share(&value).map_err(fault)?;
                    quote!(.#name(#share))
                }
                "delay" | "jitter" | "watchdog" => {
                    let nanoseconds = units::time(&string(&value)).map_err(fault)?;
                    quote!(.#name(::core::time::Duration::from_nanos(#nanoseconds)))
                }
                "rate" => {
                    let rate = units::rate(&string(&value)).map_err(fault)?;
                    quote!(.rate(#rate))
                }
                "seed" => {
                    let Lit::Int(seed) = &value else {
                        return Err(fault("a number is wanted, such as 7".to_owned()));
                    };
                    let seed: u64 = seed.base10_parse()?;
                    quote!(.seed(#seed))
                }
                "record" => {
                    let Lit::Str(file) = &value else {
                        return Err(fault(
                            "a file's name is wanted, such as \"run.rec\"".to_owned(),
                        ));
                    };
                    quote!(.record(#file))
                }
                _ => {
                    let known = "loss, duplicate, reorder, delay, jitter, rate, seed, watchdog, \
                                 record";
                    return Err(Error::new(name.span(), format!("there is no `{text}`: {known}")));
                }
            };
            if seen.contains(&text) {
                return Err(Error::new(name.span(), format!("`{text}` was said already")));
            }
            seen.push(text);
            calls.extend(call);
        }
        Ok(Self { calls })
    }
}

fn string(value: &Lit) -> String {
    match value {
        Lit::Str(text) => text.value(),
        Lit::Int(number) => number.base10_digits().to_owned(),
        Lit::Float(number) => number.base10_digits().to_owned(),
        _ => String::new(),
    }
}

fn share(value: &Lit) -> Result<f64, String> {
    units::share(&string(value))
}
