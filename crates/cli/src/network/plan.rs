//! What a command asked for, before there is a host: the clock, the story, the capture and the
//! recording, and the program's host behind its impaired link. Speaks no protocol.

use crate::args::{NetworkArgs, ShowArgs};
use crate::explain::Narrator;
use crate::failure::Failure;
use crate::report::{Both, Reporter};
use danja::Host;
use danja::clock::{Clock, RealClock};
use danja::lan::Adapter;
use danja::lan::capture::{Capture, CaptureOptions, Captured};
use danja::lan::impair::{Impaired, LinkControl};
use danja::observe::Observer;
use danja::record::Recording;
use danja_stack::Seeds;
use danja_wire::ip::Cidr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// What was asked for, before there is a host.
pub(super) struct Plan<'a> {
    pub(super) args: &'a NetworkArgs,
    /// One for all hosts, so that the story has one time.
    pub(super) clock: Arc<RealClock>,
    pub(super) narrator: Option<Arc<Narrator>>,
    pub(super) capture: Option<Capture>,
    pub(super) recording: Option<Recording>,
    /// The program's host shares its address with a kernel.
    pub(super) shared: bool,
    /// By which the link of the program's host can be changed.
    pub(super) link: LinkControl,
    /// Hears the program's host alone.
    pub(super) reporter: Option<Arc<Reporter>>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(args: &'a NetworkArgs) -> Result<Self, Failure> {
        let clock = Arc::new(RealClock::new());
        let ShowArgs { story, pcap, record, .. } = &args.show;
        let narrator = Narrator::wanted(story);
        let capture = match pcap {
            None => None,
            Some(path) => {
                let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                let passed = Duration::from_nanos(clock.now().as_nanos());
                let zero = since_epoch.unwrap_or_default().saturating_sub(passed);
                let options = CaptureOptions::new(zero)
                    .with_comment(format!("danja {}", env!("CARGO_PKG_VERSION")));
                let made = Capture::create(path, options).map_err(|error| {
                    Failure::new(format_args!("{} cannot be written: {error}", path.display()))
                })?;
                Some(made)
            }
        };
        let recording = record.as_ref().map(|path| {
            Recording::create(path).map_err(|error| {
                Failure::new(format_args!("{} cannot be written: {error}", path.display()))
            })
        });
        let recording = recording.transpose()?;
        let link = LinkControl::new(args.link.state().map_err(Failure::new)?);
        let reporter = args.show.report.clone().map(Reporter::new).transpose()?.map(Arc::new);
        Ok(Self { args, clock, narrator, capture, recording, shared: false, link, reporter })
    }

    /// The program's host behind its link, with all that is wrong with it, and captured.
    pub(super) fn on_link(
        &self,
        name: &str,
        adapter: impl Adapter + 'static,
        address: Option<Cidr>,
        driver: &str,
    ) -> danja::Builder {
        let mut builder = self.impaired(name, adapter, address, driver);
        if let Some(congestion) = self.args.tap.congestion {
            builder = builder.congestion(congestion);
        }
        if let Some(reporter) = &self.reporter {
            let reporter = Arc::clone(reporter) as Arc<dyn Observer>;
            builder = builder.observer(match &self.narrator {
                None => reporter,
                Some(narrator) => Arc::new(Both(Arc::clone(narrator) as Arc<_>, reporter)),
            });
        }
        if self.shared { builder.hand_out_unclaimed() } else { builder }
    }

    fn impaired(
        &self,
        name: &str,
        adapter: impl Adapter + 'static,
        address: Option<Cidr>,
        driver: &str,
    ) -> danja::Builder {
        let seed = self.args.link.seed.unwrap_or_else(|| {
            // Only the impairments follow from it; what must be secret does not.
            self.clock.now().as_nanos() ^ u64::from(std::process::id()) << 32
        });
        let impaired = Impaired::controlled(adapter, &self.link, seed);
        if self.link.state().is_plain() {
            return self.captured(name, impaired, address, driver);
        }
        self.captured(name, impaired, address, &format!("{driver}, impaired"))
    }

    fn captured(
        &self,
        name: &str,
        adapter: impl Adapter + 'static,
        address: Option<Cidr>,
        driver: &str,
    ) -> danja::Builder {
        match &self.capture {
            None => self.host(name, "lan0", adapter, address, driver),
            Some(capture) => {
                let captured = Captured::new(adapter, capture, "lan0");
                self.host(name, "lan0", captured, address, driver)
            }
        }
    }

    pub(super) fn host(
        &self,
        name: &str,
        interface: &str,
        adapter: impl Adapter + 'static,
        address: Option<Cidr>,
        driver: &str,
    ) -> danja::Builder {
        let mut builder = Host::builder()
            .name(name)
            .clock(Arc::clone(&self.clock) as Arc<dyn Clock>)
            .adapter(adapter)
            .interface_name(interface);
        if let Some(id) = self.args.tap.vlan {
            builder = builder.vlan(id);
        }
        if let Some(address) = address {
            builder = builder.address(address);
        }
        if let Some(narrator) = &self.narrator {
            narrator.introduce(name, interface, driver);
            builder = builder.observer(Arc::clone(narrator) as Arc<_>);
        }
        if let Some(recording) = &self.recording {
            recording.introduce(name, interface, driver);
            builder = builder.record(recording);
        }
        if let Some(seed) = self.args.link.seed {
            builder = builder.seeds(seeds(seed, name));
        }
        builder
    }
}

/// Seeds for a run that can be repeated: different for each host, and anything but secret.
fn seeds(seed: u64, name: &str) -> Seeds {
    let mut state = name.bytes().fold(seed, |state, byte| mix(state ^ u64::from(byte)));
    let mut draw = || {
        let mut bytes = [0; 32];
        for eight in bytes.chunks_exact_mut(8) {
            state = mix(state);
            eight.copy_from_slice(&state.to_le_bytes());
        }
        bytes
    };
    Seeds { secret: draw(), public: draw() }
}

/// One step of the SplitMix64 generator.
const fn mix(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
