//! A world: hosts by name on LANs, and what can happen to them. Its time is the engine's.

use crate::builder::Builder;
use crate::engine::Engine;
use crate::gate::{Cuts, Gate};
use crate::machine::Machine;
use crate::record::Record;
use danja::lan::MacAddress;
use danja::lan::cable::Switch;
use danja::lan::capture::{Capture, CaptureOptions, Captured, Direction};
use danja::lan::impair::{Impaired, Impairment};
use danja::record::Recording;
use danja::stack::Seeds;
use danja::wire::ip::Cidr;
use danja::{Driver, Host};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Hosts and the links between them. Clones are the same world.
///
/// ```
/// use danja_test::{World, danja::tokio::UdpSocket};
/// use std::time::Duration;
/// use tokio::time::timeout;
/// # fn main() -> std::io::Result<()> {
/// World::builder().delay(Duration::from_millis(5)).run(async |world: World| {
///     let socket = UdpSocket::bind(&world.host("b"), "0.0.0.0:9").await?;
///     let other = UdpSocket::bind(&world.host("a"), "0.0.0.0:9").await?;
///     world.partition(&["a"], &["b"]);
///     other.send_to(b"unheard", "b:9").await?;
///     assert!(timeout(Duration::from_secs(60), socket.recv(&mut [0; 16])).await.is_err());
///
///     world.heal();
///     // What was asked for in vain is asked for again.
///     tokio::time::sleep(Duration::from_secs(60)).await;
///     other.send_to(b"heard", "b:9").await?;
///     assert_eq!(socket.recv(&mut [0; 16]).await?, 5);
///     Ok(())
/// })
/// # }
/// ```
#[derive(Clone)]
pub struct World {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Builder,
    engine: Arc<Engine>,
    switch: Switch,
    cuts: Arc<Cuts>,
    record: Record,
    capture: Capture,
    recording: Option<Recording>,
    stations: Mutex<Vec<Station>>,
}

/// A name on the LAN, and the host that has it now.
struct Station {
    name: String,
    host: Host,
    boots: u64,
    up: Arc<AtomicBool>,
}

/// The station's number is its place in the list, from 1.
const fn address(number: u16) -> Ipv4Addr {
    let [high, low] = number.to_be_bytes();
    Ipv4Addr::new(10, 0, high, low)
}

/// A number from another and a text; near ones give unrelated ones.
fn derive(seed: u64, text: &str, number: u64) -> u64 {
    let mut mixed = seed ^ 0x9e37_79b9_7f4a_7c15;
    for word in text.bytes().map(u64::from).chain([256, number]) {
        mixed = (mixed ^ word).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^= mixed >> 29;
    }
    mixed
}

#[allow(clippy::print_stderr, reason = "it may be a failing test that ends, and cannot fail more")]
fn finish(recording: &Recording) {
    if let Err(error) = recording.finish() {
        eprintln!("the recording is not complete: {error}");
    }
}

impl World {
    /// Settings of a new world.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn new(settings: Builder) -> Self {
        let record = Record::new(settings.capture_limit);
        let capture = Capture::to_writer(record.clone(), CaptureOptions::default())
            .expect("memory can be written");
        let recording = settings.recording.as_ref().map(|file| {
            let made = Recording::create(file).map(Recording::undated);
            made.unwrap_or_else(|error| panic!("{} cannot be made: {error}", file.display()))
        });
        let shared = Shared {
            settings,
            engine: Arc::new(Engine::new()),
            switch: Switch::new(),
            cuts: Arc::default(),
            record,
            capture,
            recording,
            stations: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.shared.engine
    }

    fn stations(&self) -> MutexGuard<'_, Vec<Station>> {
        self.shared.stations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn end(&self) {
        self.shared.engine.end();
        let stations = std::mem::take(&mut *self.stations());
        drop(stations);
        if let Some(recording) = &self.shared.recording {
            finish(recording);
        }
    }

    /// The host of this name, which is made if there is none yet. All hosts know each other's
    /// names.
    ///
    /// # Panics
    /// There are 65,534 hosts already, or none can be made.
    pub fn host(&self, name: &str) -> Machine {
        let mut stations = self.stations();
        let known = stations.iter().position(|station| station.name == name);
        let index = known.unwrap_or_else(|| {
            let number = u16::try_from(stations.len() + 1).expect("at most 65,534 hosts");
            let up = Arc::new(AtomicBool::new(true));
            let names = stations.iter().zip(1..).map(|(one, at)| (one.name.clone(), address(at)));
            let mut names: Vec<_> = names.map(|(name, at)| (name, IpAddr::V4(at))).collect();
            names.push((name.to_owned(), address(number).into()));
            let (host, driver) = self.make(name, number, 0, &up, names);
            for station in &*stations {
                let entry = (name.to_owned(), address(number).into());
                station.host.configure_resolver(|resolver| resolver.names.push(entry));
            }
            self.shared.engine.drive(stations.len(), Some(driver));
            stations.push(Station { name: name.to_owned(), host, boots: 0, up });
            stations.len() - 1
        });
        let station = &stations[index];
        let number = u16::try_from(index + 1).expect("it was made");
        Machine {
            host: station.host.clone(),
            world: self.clone(),
            up: Arc::clone(&station.up),
            address: address(number),
        }
    }

    fn make(
        &self,
        name: &str,
        number: u16,
        boots: u64,
        up: &Arc<AtomicBool>,
        names: Vec<(String, IpAddr)>,
    ) -> (Host, Driver) {
        let Shared { settings, engine, switch, cuts, capture, .. } = &*self.shared;
        let [high, low] = number.to_be_bytes();
        let port = switch.port(MacAddress([2, 0, 0, 0, high, low]));
        // Impaired where it is sent only, so that a frame meets it once.
        let dice = derive(settings.seed, name, 2 * boots);
        let inner = Impaired::new(port, settings.impairment, Impairment::default(), dice);
        let gate = Gate {
            inner,
            station: number,
            up: Arc::clone(up),
            cuts: Arc::clone(cuts),
            scratch: Vec::new(),
        };
        let adapter = Captured::new(gate, capture, name).with_direction(Direction::Both);
        let prefix = Cidr::new(address(number).into(), 16).expect("16 is a prefix's length");
        let mut builder = Host::builder()
            .name(name)
            .adapter(adapter)
            .address(prefix)
            .clock(Arc::clone(&engine.clock) as _)
            .seeds(Seeds::from_u64(derive(settings.seed, name, 2 * boots + 1)));
        for (name, address) in names {
            builder = builder.known_name(name, address);
        }
        if let Some(recording) = &self.shared.recording {
            recording.introduce(name, "lan0", "cable");
            builder = builder.record(recording);
        }
        builder.build_driven().expect("a host with one adapter and one address")
    }

    /// As when the power fails for a moment: what the host was is gone without a word to anybody.
    pub(crate) fn reboot(&self, name: &str) -> Machine {
        let mut stations = self.stations();
        let index = stations.iter().position(|station| station.name == name);
        let index = index.expect("the world has the host");
        let names = stations.iter().zip(1..).map(|(one, at)| (one.name.clone(), address(at)));
        let names = names.map(|(name, at)| (name, IpAddr::V4(at))).collect();
        self.shared.engine.drive(index, None);
        let station = &mut stations[index];
        station.boots += 1;
        let number = u16::try_from(index + 1).expect("it was made");
        let (host, driver) = self.make(name, number, station.boots, &station.up, names);
        station.host = host;
        self.shared.engine.drive(index, Some(driver));
        drop(stations);
        self.host(name)
    }

    /// From now on no host of the one group hears one of the other. Frames under way between them
    /// are lost.
    ///
    /// # Panics
    /// There is no host of one of the names.
    pub fn partition(&self, some: &[&str], others: &[&str]) {
        for one in some {
            for other in others {
                self.shared.cuts.cut(self.number(one), self.number(other));
            }
        }
    }

    fn number(&self, name: &str) -> u16 {
        let stations = self.stations();
        let index = stations.iter().position(|station| station.name == name);
        let index = index.unwrap_or_else(|| panic!("there is no host '{name}'"));
        u16::try_from(index + 1).expect("it was made")
    }

    /// Everybody hears everybody again.
    pub fn heal(&self) {
        self.shared.cuts.heal();
    }

    /// What the world's seed is.
    pub fn seed(&self) -> u64 {
        self.shared.settings.seed
    }

    /// A pcapng file of the latest packets (see [`Builder::capture_limit`]), as each host sent and
    /// received them, with the world's times.
    pub fn capture(&self) -> Vec<u8> {
        self.shared.record.to_vec()
    }

    /// A digest of every packet so far, with time, host and direction: two runs are the same if
    /// it is, on one machine and with one version of Rust.
    pub fn digest(&self) -> u64 {
        self.shared.record.digest()
    }

    /// Packets sent and received by all hosts so far.
    pub fn packets(&self) -> u64 {
        self.shared.capture.packets()
    }

    /// All sockets of all hosts, a line each, for people.
    pub fn sockets(&self) -> String {
        let mut text = String::new();
        for station in &*self.stations() {
            for socket in station.host.sockets() {
                let end =
                    |end: Option<_>| end.map_or_else(|| "-".to_owned(), |end| format!("{end}"));
                let state =
                    socket.state.map_or_else(|| "-".to_owned(), |state| format!("{state:?}"));
                let (send, receive) = (socket.send_queue, socket.receive_queue);
                let (local, remote) = (end(socket.local), end(socket.remote));
                let name = &station.name;
                let _ = writeln!(
                    text,
                    "{name}: {:?} {state} {local} to {remote}, {send} bytes to deliver, \
                     {receive} to read",
                    socket.kind
                );
            }
        }
        text
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "World(seed {}, {} packets)", self.seed(), self.packets())
    }
}
