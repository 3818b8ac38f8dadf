//! The protocol stack (types follow).
#![no_std]
