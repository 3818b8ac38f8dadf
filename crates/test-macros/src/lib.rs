//! The attribute of `danja-test`. Only words and numbers become code here; what runs a test is
//! in that crate.
#![forbid(unsafe_code)]

mod arguments;
mod units;

use proc_macro::TokenStream;
use quote::quote;
use syn::spanned::Spanned;
use syn::{Error, ItemFn, parse_macro_input};

/// Makes a test of an `async fn` that takes a `World` (or nothing) and returns nothing or a
/// `Result`.
///
/// Arguments, all optional: `loss`, `duplicate`, `reorder` (probabilities: `0.02` or `"2%"`),
/// `delay`, `jitter`, `watchdog` (times: `"50ms"`), `rate` (`"10mbit"`), `seed` (a number), `record` (a file for `danja replay`).
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let settings = parse_macro_input!(arguments as arguments::Arguments);
    let function = parse_macro_input!(item as ItemFn);
    expand(&settings, function).unwrap_or_else(Error::into_compile_error).into()
}

fn expand(
    settings: &arguments::Arguments,
    mut function: ItemFn,
) -> Result<proc_macro2::TokenStream, Error> {
    if function.sig.asyncness.is_none() {
        return Err(Error::new(function.sig.span(), "the test must be an `async fn`"));
    }
    if function.sig.inputs.len() > 1 {
        let text = "the test takes one argument, `world: World`, or none";
        return Err(Error::new(function.sig.inputs.span(), text));
    }
    let attributes = std::mem::take(&mut function.attrs);
    let visibility = std::mem::replace(&mut function.vis, syn::Visibility::Inherited);
    let name = function.sig.ident.clone();
    let output = function.sig.output.clone();
    let call = if function.sig.inputs.is_empty() {
        quote!(|_| #name())
    } else {
        quote!(|world| #name(world))
    };
    let calls = &settings.calls;
    let text = name.to_string();
    Ok(quote! {
        #(#attributes)*
        #[::core::prelude::v1::test]
        #visibility fn #name() #output {
            #function
            ::danja_test::check(
                ::core::concat!(::core::module_path!(), "::", #text),
                ::core::option_env!("CARGO_TARGET_TMPDIR"),
                ::danja_test::World::builder() #calls,
                #call,
            )
        }
    })
}

/// Shows the example in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
