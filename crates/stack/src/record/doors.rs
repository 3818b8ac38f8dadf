//! A stack whose doors tell a tape. Each does what the stack's own does, which is where it is
//! described; the views are the stack's, by [`Deref`]. There is no way to the stack around it.

use super::output::Digest;
use super::{Input, Output, Tape};
use crate::config::{Config, InterfaceConfig, Route};
use crate::discard::Discard;
use crate::entropy::Seeds;
use crate::event::{Event, IncomingId};
use crate::interface::{InterfaceId, MacAddress, Room};
use crate::socket::{
    AcceptError, BindError, CloseError, ConnectError, Domain, ListenError, OptionError, Received,
    RecvError, RecvFlags, SendError, SendFlags, Shutdown, ShutdownError, SocketError, SocketFault,
    SocketId, SocketKind, SocketOption, VerdictError,
};
use crate::stack::Stack;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::ops::Deref;
use danja_wire::ip::Cidr;
use danja_wire::{Frame, Instant, Payload};

/// A [`Stack`] that tells its [`Tape`], if it has one, what goes in and what comes out. Without
/// one it costs a branch a call; with one, it copies what it is given, so that nothing but the
/// input counts.
///
/// Its methods are the stack's. It is no `DerefMut`: what could change the stack without the
/// tape's knowledge does not compile.
pub struct Recorded {
    stack: Stack,
    tap: Option<Box<Tap>>,
}

struct Tap {
    tape: Box<dyn Tape>,
    digest: Digest,
}

impl Deref for Recorded {
    type Target = Stack;

    fn deref(&self) -> &Stack {
        &self.stack
    }
}

impl core::fmt::Debug for Recorded {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.stack.fmt(f)
    }
}

const fn nothing((): &()) -> Output {
    Output::Nothing
}

const fn answer(answer: &bool) -> Output {
    Output::Answer(*answer)
}

/// The same frame in memory of its own. Which slices lie in one buffer is no part of an input,
/// and so must not be known to a stack that is recorded: it counts its memory by it.
fn detached(frame: &Frame) -> Frame {
    let mut own = Frame::new();
    own.offload = frame.offload;
    let header = frame.header();
    if let Some(room) = own.prepend(header.len()) {
        room.copy_from_slice(header);
    }
    frame.slices().iter().for_each(|slice| own.push(slice.detached()));
    own
}

impl Recorded {
    /// As [`Stack::new`].
    pub fn new(config: Config, seeds: Seeds, tape: Option<Box<dyn Tape>>) -> Self {
        let mut tap = tape.map(|tape| Box::new(Tap { tape, digest: Digest::default() }));
        if let Some(tap) = &mut tap {
            let (config, seeds) = (Box::new(config.clone()), Box::new(seeds));
            tap.tape.input(Instant::ZERO, &Input::New { config, seeds });
            tap.tape.output(&Output::Nothing);
        }
        Self { stack: Stack::new(config, seeds), tap }
    }

    #[inline]
    fn pass<T>(
        &mut self,
        now: Instant,
        input: impl FnOnce() -> Input,
        output: impl FnOnce(&T) -> Output,
        act: impl FnOnce(&mut Stack) -> T,
    ) -> T {
        let Some(tap) = &mut self.tap else { return act(&mut self.stack) };
        tap.tape.input(now, &input());
        let result = act(&mut self.stack);
        tap.tape.output(&output(&result));
        result
    }

    /// As changing what [`Stack::config_mut`] gives.
    pub fn configure(&mut self, change: impl FnOnce(&mut Config)) {
        let Some(tap) = &mut self.tap else { return change(self.stack.config_mut()) };
        let mut config = Box::new(self.stack.config().clone());
        change(&mut config);
        tap.tape.input(self.stack.now(), &Input::Configure { config: config.clone() });
        *self.stack.config_mut() = *config;
        tap.tape.output(&Output::Nothing);
    }

    /// As [`Stack::add_interface`].
    pub fn add_interface(&mut self, config: InterfaceConfig, now: Instant) -> Option<InterfaceId> {
        if self.tap.is_none() {
            return self.stack.add_interface(config, now);
        }
        let input = Input::AddInterface { config: Box::new(config.clone()) };
        self.pass(
            now,
            || input,
            |id| Output::Interface(*id),
            |stack| stack.add_interface(config, now),
        )
    }

    /// As [`Stack::add_address`].
    pub fn add_address(&mut self, interface: InterfaceId, address: Cidr, now: Instant) -> bool {
        self.pass(
            now,
            || Input::AddAddress { interface, address },
            answer,
            |stack| stack.add_address(interface, address, now),
        )
    }

    /// As [`Stack::remove_address`].
    pub fn remove_address(
        &mut self,
        interface: InterfaceId,
        address: IpAddr,
        now: Instant,
    ) -> bool {
        self.pass(
            now,
            || Input::RemoveAddress { interface, address },
            answer,
            |stack| stack.remove_address(interface, address, now),
        )
    }

    /// As [`Stack::add_route`].
    pub fn add_route(&mut self, route: Route, now: Instant) -> bool {
        self.pass(now, || Input::AddRoute { route }, answer, |stack| stack.add_route(route, now))
    }

    /// As [`Stack::remove_route`].
    pub fn remove_route(&mut self, route: Route, now: Instant) -> bool {
        self.pass(
            now,
            || Input::RemoveRoute { route },
            answer,
            |stack| stack.remove_route(route, now),
        )
    }

    /// As [`Stack::add_neighbour`].
    pub fn add_neighbour(
        &mut self,
        interface: InterfaceId,
        address: IpAddr,
        mac: MacAddress,
        now: Instant,
    ) -> bool {
        self.pass(
            now,
            || Input::AddNeighbour { interface, address, mac },
            answer,
            |stack| stack.add_neighbour(interface, address, mac, now),
        )
    }

    /// As [`Stack::remove_neighbour`].
    pub fn remove_neighbour(
        &mut self,
        interface: InterfaceId,
        address: IpAddr,
        now: Instant,
    ) -> bool {
        self.pass(
            now,
            || Input::RemoveNeighbour { interface, address },
            answer,
            |stack| stack.remove_neighbour(interface, address, now),
        )
    }

    /// As [`Stack::drop_connection`].
    pub fn drop_connection(&mut self, local: SocketAddr, remote: SocketAddr, now: Instant) -> bool {
        self.pass(
            now,
            || Input::DropConnection { local, remote },
            answer,
            |stack| stack.drop_connection(local, remote, now),
        )
    }

    /// As [`Stack::set_up`].
    pub fn set_up(&mut self, interface: InterfaceId, up: bool, now: Instant) -> bool {
        self.pass(
            now,
            || Input::SetUp { interface, up },
            answer,
            |stack| stack.set_up(interface, up, now),
        )
    }

    /// As [`Stack::set_link`].
    pub fn set_link(&mut self, interface: InterfaceId, up: bool, now: Instant) -> bool {
        self.pass(
            now,
            || Input::SetLink { interface, up },
            answer,
            |stack| stack.set_link(interface, up, now),
        )
    }

    /// As [`Stack::set_mtu`].
    pub fn set_mtu(&mut self, interface: InterfaceId, mtu: usize, now: Instant) -> bool {
        self.pass(
            now,
            || Input::SetMtu { interface, mtu },
            answer,
            |stack| stack.set_mtu(interface, mtu, now),
        )
    }

    // What happened.

    /// As [`Stack::receive`].
    pub fn receive(&mut self, interface: InterfaceId, frames: &mut Vec<Frame>, now: Instant) {
        if self.tap.is_none() {
            return self.stack.receive(interface, frames, now);
        }
        frames.iter_mut().for_each(|frame| *frame = detached(frame));
        let input = Input::Receive { interface, frames: frames.clone() };
        self.pass(now, || input, nothing, |stack| stack.receive(interface, frames, now));
    }

    /// As [`Stack::handle_timeout`].
    pub fn handle_timeout(&mut self, now: Instant) {
        self.pass(now, || Input::HandleTimeout, nothing, |stack| stack.handle_timeout(now));
    }

    /// As [`Stack::inject`].
    ///
    /// # Errors
    /// As there.
    pub fn inject(
        &mut self,
        interface: InterfaceId,
        packet: Payload,
        now: Instant,
    ) -> Result<(), Discard> {
        if self.tap.is_none() {
            return self.stack.inject(interface, packet, now);
        }
        let packet = packet.detached();
        let copy = packet.clone();
        self.pass(
            now,
            || Input::Inject { interface, packet: copy },
            |result| Output::Injected(*result),
            |stack| stack.inject(interface, packet, now),
        )
    }

    /// As [`Stack::reseed`].
    pub fn reseed(&mut self, seeds: Seeds) {
        let now = self.stack.now();
        let input = || Input::Reseed { seeds: Box::new(seeds) };
        self.pass(now, input, nothing, |stack| stack.reseed(seeds));
    }

    // Socket calls.

    /// As [`Stack::socket`].
    ///
    /// # Errors
    /// As there.
    pub fn socket(
        &mut self,
        domain: Domain,
        kind: SocketKind,
        now: Instant,
    ) -> Result<SocketId, SocketError> {
        self.pass(
            now,
            || Input::Socket { domain, kind },
            |result| Output::Socket(*result),
            |stack| stack.socket(domain, kind, now),
        )
    }

    /// As [`Stack::bind`].
    ///
    /// # Errors
    /// As there.
    pub fn bind(
        &mut self,
        socket: SocketId,
        local: SocketAddr,
        now: Instant,
    ) -> Result<(), BindError> {
        self.pass(
            now,
            || Input::Bind { socket, local },
            |result| Output::Bound(*result),
            |stack| stack.bind(socket, local, now),
        )
    }

    /// As [`Stack::listen`].
    ///
    /// # Errors
    /// As there.
    pub fn listen(
        &mut self,
        socket: SocketId,
        backlog: usize,
        now: Instant,
    ) -> Result<(), ListenError> {
        self.pass(
            now,
            || Input::Listen { socket, backlog },
            |result| Output::Listening(*result),
            |stack| stack.listen(socket, backlog, now),
        )
    }

    /// As [`Stack::connect`].
    ///
    /// # Errors
    /// As there.
    pub fn connect(
        &mut self,
        socket: SocketId,
        remote: SocketAddr,
        now: Instant,
    ) -> Result<(), ConnectError> {
        self.pass(
            now,
            || Input::Connect { socket, remote },
            |result| Output::Connected(*result),
            |stack| stack.connect(socket, remote, now),
        )
    }

    /// As [`Stack::disconnect`].
    ///
    /// # Errors
    /// As there.
    pub fn disconnect(&mut self, socket: SocketId, now: Instant) -> Result<(), ConnectError> {
        self.pass(
            now,
            || Input::Disconnect { socket },
            |result| Output::Connected(*result),
            |stack| stack.disconnect(socket, now),
        )
    }

    /// As [`Stack::accept`].
    ///
    /// # Errors
    /// As there.
    pub fn accept(
        &mut self,
        listener: SocketId,
        now: Instant,
    ) -> Result<(SocketId, SocketAddr), AcceptError> {
        self.pass(
            now,
            || Input::Accept { listener },
            |result| Output::Accepted(*result),
            |stack| stack.accept(listener, now),
        )
    }

    /// As [`Stack::admit`].
    ///
    /// # Errors
    /// As there.
    pub fn admit(&mut self, incoming: IncomingId, now: Instant) -> Result<(), VerdictError> {
        self.pass(
            now,
            || Input::Admit { incoming },
            |result| Output::Verdict(*result),
            |stack| stack.admit(incoming, now),
        )
    }

    /// As [`Stack::refuse`].
    ///
    /// # Errors
    /// As there.
    pub fn refuse(
        &mut self,
        incoming: IncomingId,
        unreachable: Option<u8>,
        now: Instant,
    ) -> Result<(), VerdictError> {
        self.pass(
            now,
            || Input::Refuse { incoming, unreachable },
            |result| Output::Verdict(*result),
            |stack| stack.refuse(incoming, unreachable, now),
        )
    }

    /// As [`Stack::drop_incoming`].
    ///
    /// # Errors
    /// As there.
    pub fn drop_incoming(
        &mut self,
        incoming: IncomingId,
        now: Instant,
    ) -> Result<(), VerdictError> {
        self.pass(
            now,
            || Input::DropIncoming { incoming },
            |result| Output::Verdict(*result),
            |stack| stack.drop_incoming(incoming, now),
        )
    }

    /// As [`Stack::send`].
    ///
    /// # Errors
    /// As there.
    pub fn send(
        &mut self,
        socket: SocketId,
        data: &Payload,
        flags: SendFlags,
        now: Instant,
    ) -> Result<usize, SendError> {
        if self.tap.is_none() {
            return self.stack.send(socket, data, flags, now);
        }
        let data = data.detached();
        self.pass(
            now,
            || Input::Send { socket, data: data.clone(), flags },
            |result| Output::Sent(*result),
            |stack| stack.send(socket, &data, flags, now),
        )
    }

    /// As [`Stack::recv`].
    ///
    /// # Errors
    /// As there.
    pub fn recv(
        &mut self,
        socket: SocketId,
        max: usize,
        flags: RecvFlags,
        into: &mut Vec<Payload>,
        now: Instant,
    ) -> Result<Received, RecvError> {
        let Some(tap) = &mut self.tap else {
            return self.stack.recv(socket, max, flags, into, now);
        };
        tap.tape.input(now, &Input::Recv { socket, max, flags });
        let before = into.len();
        let result = self.stack.recv(socket, max, flags, into, now);
        let slices = into.get(before..).unwrap_or_default();
        tap.tape.output(&Output::Received(result.map(|it| (it, tap.digest.payload(slices)))));
        result
    }

    /// As [`Stack::shutdown`].
    ///
    /// # Errors
    /// As there.
    pub fn shutdown(
        &mut self,
        socket: SocketId,
        how: Shutdown,
        now: Instant,
    ) -> Result<(), ShutdownError> {
        self.pass(
            now,
            || Input::Shutdown { socket, how },
            |result| Output::Shutdown(*result),
            |stack| stack.shutdown(socket, how, now),
        )
    }

    /// As [`Stack::close`].
    ///
    /// # Errors
    /// As there.
    pub fn close(&mut self, socket: SocketId, now: Instant) -> Result<(), CloseError> {
        self.pass(
            now,
            || Input::Close { socket },
            |result| Output::Closed(*result),
            |stack| stack.close(socket, now),
        )
    }

    /// As [`Stack::set_option`].
    ///
    /// # Errors
    /// As there.
    pub fn set_option(
        &mut self,
        socket: SocketId,
        option: SocketOption,
        now: Instant,
    ) -> Result<(), OptionError> {
        self.pass(
            now,
            || Input::SetOption { socket, option },
            |result| Output::OptionSet(*result),
            |stack| stack.set_option(socket, option, now),
        )
    }

    /// As [`Stack::take_error`].
    pub fn take_error(&mut self, socket: SocketId, now: Instant) -> Option<SocketFault> {
        self.pass(
            now,
            || Input::TakeError { socket },
            |result| Output::Fault(*result),
            |stack| stack.take_error(socket, now),
        )
    }

    // What to do.

    /// As [`Stack::poll_transmit`].
    pub fn poll_transmit(
        &mut self,
        interface: InterfaceId,
        room: Room,
        now: Instant,
    ) -> Option<Frame> {
        let Some(tap) = &mut self.tap else {
            return self.stack.poll_transmit(interface, room, now);
        };
        tap.tape.input(now, &Input::PollTransmit { interface, room });
        let frame = self.stack.poll_transmit(interface, room, now);
        tap.tape.output(&Output::Frame(frame.as_ref().map(|frame| tap.digest.frame(frame))));
        frame
    }

    /// As [`Stack::poll_event`].
    pub fn poll_event(&mut self) -> Option<Event> {
        let now = self.stack.now();
        self.pass(now, || Input::PollEvent, |event| Output::Event(*event), Stack::poll_event)
    }

    /// As [`Stack::poll_unclaimed`].
    pub fn poll_unclaimed(&mut self, interface: InterfaceId) -> Option<Payload> {
        let Some(tap) = &mut self.tap else { return self.stack.poll_unclaimed(interface) };
        tap.tape.input(self.stack.now(), &Input::PollUnclaimed { interface });
        let packet = self.stack.poll_unclaimed(interface);
        let sum = packet.as_ref().map(|packet| tap.digest.payload(core::slice::from_ref(packet)));
        tap.tape.output(&Output::Unclaimed(sum));
        packet
    }

    /// What a door made a stack anew: the tape and the digest stay.
    pub(super) fn renew(&mut self, config: Config, seeds: Seeds) {
        let now = self.stack.now();
        let (own, own_seeds) = (Box::new(config.clone()), Box::new(seeds));
        let input = || Input::New { config: own, seeds: own_seeds };
        self.pass(now, input, nothing, |stack| *stack = Stack::new(config, seeds));
    }
}
