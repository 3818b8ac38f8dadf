//! The packetdrill language: a timeline of socket calls, packets in and packets expected.
//! Nothing in a script is ever given to a shell or to another interpreter.

pub mod ast;
mod cursor;
mod error;
mod parse;
mod source;

pub use error::ParseError;
pub use parse::parse;
pub use source::Definitions;

#[cfg(test)]
mod tests;
