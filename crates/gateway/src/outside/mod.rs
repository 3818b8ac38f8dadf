//! The way out of the LAN: workers that continue its flows with the machine's own sockets.

mod datagrams;
mod dial;
mod inward;
mod packets;
mod reactor;
mod splice;
mod streams;
mod table;
mod worker;

pub(crate) use datagrams::Datagrams;
pub(crate) use inward::DatagramPort;
pub(crate) use streams::{Listening, Streams};

use crate::counters::Counting;
use crate::flows::Flows;
use crate::reach::Rules;
use std::fmt;
use std::sync::{Arc, Once};

/// What all workers of one router share.
pub(crate) struct Shared {
    pub(crate) rules: Rules,
    pub(crate) counting: Counting,
    pub(crate) flows: Flows,
    pub(crate) notice: Box<dyn Fn(&str) + Send + Sync>,
    pub(crate) said_no_descriptors: Once,
    pub(crate) said_no_ping: Once,
    pub(crate) said_no_resolver: Once,
}

impl Shared {
    pub(crate) fn new(rules: Rules, notice: Box<dyn Fn(&str) + Send + Sync>) -> Arc<Self> {
        Arc::new(Self {
            rules,
            counting: Counting::default(),
            flows: Flows::default(),
            notice,
            said_no_descriptors: Once::new(),
            said_no_ping: Once::new(),
            said_no_resolver: Once::new(),
        })
    }

    /// Says something once in the router's life.
    pub(crate) fn say_once(&self, once: &Once, text: impl fmt::Display) {
        once.call_once(|| (self.notice)(&text.to_string()));
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("rules", &self.rules).finish_non_exhaustive()
    }
}
