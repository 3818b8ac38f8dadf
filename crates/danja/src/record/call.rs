//! Socket calls of a replay, made as the host made them, so that its observer hears the same.

use crate::error::Failure;
use crate::host::observe::Call;
use crate::host::observed::{Success, call};
use crate::host::shared::Core;
use danja_stack::record::{Input, Recorded};
use danja_stack::socket::OptionError;
use danja_stack::{Instant, SocketId};

/// Whose call it is, when, and of which socket.
struct Caller<'a> {
    core: &'a mut Core,
    of: Of<'a>,
}

/// The host's name, the time, and the socket that the call was made by.
type Of<'a> = (&'a str, Instant, Option<SocketId>);

impl Caller<'_> {
    /// The result is the tape's to judge.
    fn call<T: Success, E: Failure>(
        self,
        what: Call,
        act: impl FnOnce(&mut Recorded, Instant) -> Result<T, E>,
    ) {
        let (host, now, socket) = self.of;
        let _ = call(self.core, host, what, socket, now, act);
    }
}

/// Does again what was done.
pub(super) fn play(core: &mut Core, of: Of<'_>, input: Input) {
    let caller = Caller { core, of };
    match input {
        Input::Socket { domain, kind } => {
            caller.call(Call::Socket(domain, kind), |stack, now| stack.socket(domain, kind, now));
        }
        Input::Bind { socket, local } => {
            caller.call(Call::Bind(local), |stack, now| stack.bind(socket, local, now));
        }
        Input::Listen { socket, backlog } => {
            caller.call(Call::Listen(backlog), |stack, now| stack.listen(socket, backlog, now));
        }
        Input::Connect { socket, remote } => {
            caller.call(Call::Connect(remote), |stack, now| stack.connect(socket, remote, now));
        }
        Input::Disconnect { socket } => {
            caller.call(Call::Disconnect, |stack, now| stack.disconnect(socket, now));
        }
        Input::Accept { listener } => {
            caller.call(Call::Accept, |stack, now| stack.accept(listener, now));
        }
        Input::Send { socket, data, flags } => {
            let what = Call::Send { bytes: data.len(), to: flags.to };
            caller.call(what, |stack, now| stack.send(socket, &data, flags, now));
        }
        Input::Recv { socket, max, flags } => {
            let what = Call::Receive { max, peek: flags.peek };
            caller.call(what, |stack, now| stack.recv(socket, max, flags, &mut Vec::new(), now));
        }
        Input::Shutdown { socket, how } => {
            caller.call(Call::Shutdown(how), |stack, now| stack.shutdown(socket, how, now));
        }
        Input::Close { socket } => {
            caller.call(Call::Close, |stack, now| stack.close(socket, now));
        }
        Input::SetOption { socket, option } => {
            caller
                .call(Call::SetOption(option), |stack, now| stack.set_option(socket, option, now));
        }
        Input::TakeError { socket } => caller.call(Call::TakeError, |stack, now| {
            Ok::<_, OptionError>(stack.take_error(socket, now))
        }),
        Input::Admit { incoming } => {
            caller.call(Call::Admit(incoming), |stack, now| stack.admit(incoming, now));
        }
        Input::Refuse { incoming, unreachable } => {
            caller.call(Call::Refuse(incoming, unreachable), |stack, now| {
                stack.refuse(incoming, unreachable, now)
            });
        }
        Input::DropIncoming { incoming } => {
            caller.call(Call::DropIncoming(incoming), |stack, now| {
                stack.drop_incoming(incoming, now)
            });
        }
        other => {
            caller.core.stack.apply(of.1, other);
        }
    }
}
