//! The socket calls of stream sockets: what POSIX asks for, mapped to RFC 9293 §3.9.1's user
//! calls. No segment is looked at here.

mod close;
mod data;
mod options;
mod ready;
mod setup;
