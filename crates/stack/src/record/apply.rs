//! An input as a call: the other way round from `doors`.

use super::{Input, Recorded};
use alloc::vec::Vec;
use danja_wire::{Frame, Instant, Payload};

/// What came out that somebody may want to keep.
#[derive(Default, Debug)]
#[non_exhaustive]
pub struct Came {
    /// From [`poll_transmit`](crate::Stack::poll_transmit).
    pub frame: Option<Frame>,
    /// From [`recv`](crate::Stack::recv).
    pub data: Vec<Payload>,
}

impl Recorded {
    /// Makes the call that an input is. What comes of it is told to the tape; the bytes are
    /// given.
    pub fn apply(&mut self, now: Instant, input: Input) -> Came {
        let mut came = Came::default();
        match input {
            Input::New { config, seeds } => self.renew(*config, *seeds),
            Input::Configure { config } => self.configure(|own| *own = *config),
            Input::AddInterface { config } => {
                self.add_interface(*config, now);
            }
            Input::AddAddress { interface, address } => {
                self.add_address(interface, address, now);
            }
            Input::RemoveAddress { interface, address } => {
                self.remove_address(interface, address, now);
            }
            Input::AddRoute { route } => {
                self.add_route(route, now);
            }
            Input::RemoveRoute { route } => {
                self.remove_route(route, now);
            }
            Input::AddNeighbour { interface, address, mac } => {
                self.add_neighbour(interface, address, mac, now);
            }
            Input::RemoveNeighbour { interface, address } => {
                self.remove_neighbour(interface, address, now);
            }
            Input::DropConnection { local, remote } => {
                self.drop_connection(local, remote, now);
            }
            Input::SetUp { interface, up } => {
                self.set_up(interface, up, now);
            }
            Input::SetLink { interface, up } => {
                self.set_link(interface, up, now);
            }
            Input::SetMtu { interface, mtu } => {
                self.set_mtu(interface, mtu, now);
            }
            Input::Receive { interface, mut frames } => self.receive(interface, &mut frames, now),
            Input::HandleTimeout => self.handle_timeout(now),
            Input::Inject { interface, packet } => drop(self.inject(interface, packet, now)),
            Input::Reseed { seeds } => self.reseed(*seeds),
            Input::PollTransmit { interface, room } => {
                came.frame = self.poll_transmit(interface, room, now);
            }
            Input::PollEvent => {
                self.poll_event();
            }
            Input::PollUnclaimed { interface } => drop(self.poll_unclaimed(interface)),
            call => self.call(now, call, &mut came.data),
        }
        came
    }

    /// A socket call; its result, errors included, is the tape's to judge.
    fn call(&mut self, now: Instant, input: Input, data: &mut Vec<Payload>) {
        let _ = match input {
            Input::Socket { domain, kind } => self.socket(domain, kind, now).is_ok(),
            Input::Bind { socket, local } => self.bind(socket, local, now).is_ok(),
            Input::Listen { socket, backlog } => self.listen(socket, backlog, now).is_ok(),
            Input::Connect { socket, remote } => self.connect(socket, remote, now).is_ok(),
            Input::Disconnect { socket } => self.disconnect(socket, now).is_ok(),
            Input::Accept { listener } => self.accept(listener, now).is_ok(),
            Input::Admit { incoming } => self.admit(incoming, now).is_ok(),
            Input::Refuse { incoming, unreachable } => {
                self.refuse(incoming, unreachable, now).is_ok()
            }
            Input::DropIncoming { incoming } => self.drop_incoming(incoming, now).is_ok(),
            Input::Send { socket, data, flags } => self.send(socket, &data, flags, now).is_ok(),
            Input::Recv { socket, max, flags } => self.recv(socket, max, flags, data, now).is_ok(),
            Input::Shutdown { socket, how } => self.shutdown(socket, how, now).is_ok(),
            Input::Close { socket } => self.close(socket, now).is_ok(),
            Input::SetOption { socket, option } => self.set_option(socket, option, now).is_ok(),
            Input::TakeError { socket } => self.take_error(socket, now).is_some(),
            _ => false,
        };
    }
}
