//! The packetdrill language: a timeline of socket calls, packets in and packets expected.
//! Nothing in a script is ever given to a shell or to another interpreter.

pub mod ast;
pub mod command;
mod cursor;
mod error;
pub mod evaluate;
pub mod mutate;
mod parse;
pub mod run;
mod source;
pub mod suite;

pub use error::ParseError;
pub use parse::parse;
pub use run::{Difference, Personality, Settings, Verdict, run};
pub use source::Definitions;

#[cfg(test)]
mod tests;
