//! A LAN's process: the switch, the router, and whoever joins. Ends two seconds after its last
//! host has left.

use super::client::{Start, itself};
use super::hello::{self, Answer, Question};
use super::members::{Members, Wish};
use super::{KIND, lock_file, mac};
use crate::args::{GatewayArgs, LanProcessArgs};
use crate::failure::Failure;
use crate::network::{ROUTER, address, mac_of, open};
use danja::Host;
use danja_gateway::inspect::{RuntimeDir, is_same_user, peer_process};
use danja_gateway::{Gateway, Lan};
use danja_lan::cable::{Switch, SwitchConfig};
use danja_lan::uplink::Station;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::{Errno, dup};
use rustix::net::{RecvFlags, SocketFlags, accept_with, recv};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long the LAN outlives its last host.
const AFTERLIFE: Duration = Duration::from_secs(2);
/// Between two looks at whether somebody is there.
const LOOK: Duration = Duration::from_millis(100);
/// Commands that are heard at once.
const HEARD: usize = 64;

/// What the process has.
struct State {
    name: String,
    mtu: usize,
    switch: Switch,
    lan: Lan,
    gateway: Gateway,
    members: Mutex<Members>,
    /// Commands that are being heard.
    heard: AtomicUsize,
}

/// Runs the LAN's process: standard input is its listening socket.
///
/// # Errors
/// It was not started as one, or its router cannot be had.
pub(crate) fn run(args: &LanProcessArgs) -> Result<ExitCode, Failure> {
    let listener =
        dup(io::stdin().as_fd()).map_err(|error| Failure::new(io::Error::from(error)))?;
    if !args.detached {
        let start = Start { mtu: args.mtu };
        let mut child = itself("lan-process", &args.lan, start);
        child.arg("--detached").stdin(Stdio::from(listener));
        return child.spawn().map(|_| ExitCode::SUCCESS).map_err(Failure::new);
    }
    // The command that started it may have had them blocked, to pass them on.
    danja_run::unblock_signals();
    // Of its own session: what ends the terminal of the first host ends not the LAN of all.
    let _ = rustix::process::setsid();
    let path = RuntimeDir::open().map_err(Failure::new)?.socket(KIND, &args.lan);
    let state = State::new(args).map_err(Failure::new)?;
    serve(&Arc::new(state), &listener, &path).map_err(Failure::new)?;
    Ok(ExitCode::SUCCESS)
}

impl State {
    fn new(args: &LanProcessArgs) -> io::Result<Self> {
        let switch = Switch::with_config(SwitchConfig::default().with_mtu(args.mtu));
        let lan = Lan::new();
        let router = Host::builder()
            .name("danja")
            .adapter(switch.port(mac_of(ROUTER)))
            .interface_name("lan0")
            .address(address(ROUTER));
        let router = danja_gateway::router(router).build()?;
        let gateway = Gateway::start(router, &lan)?;
        Ok(Self {
            name: args.lan.clone(),
            mtu: args.mtu,
            switch,
            lan,
            gateway,
            members: Mutex::new(Members::default()),
            heard: AtomicUsize::new(0),
        })
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_idle(&self) -> bool {
        self.heard.load(Ordering::SeqCst) == 0 && self.members().is_empty()
    }
}

/// Hears commands until nobody has been there for a while.
fn serve(state: &Arc<State>, listener: &OwnedFd, path: &Path) -> io::Result<()> {
    fcntl_setfl(listener, fcntl_getfl(listener)? | OFlags::NONBLOCK)?;
    let own = std::fs::metadata(path)?.ino();
    let mut idle_since = Instant::now();
    loop {
        wait(listener, LOOK);
        let heard = hear(state, listener);
        if heard || !state.is_idle() {
            idle_since = Instant::now();
        } else if idle_since.elapsed() >= AFTERLIFE {
            let lock = lock_file(path)?;
            // Somebody starts it, or is about to join: another look.
            if lock.try_lock().is_err() || hear(state, listener) {
                idle_since = Instant::now();
                continue;
            }
            if std::fs::metadata(path).is_ok_and(|found| found.ino() == own) {
                std::fs::remove_file(path)?;
            }
            return Ok(());
        }
    }
}

fn wait(socket: &OwnedFd, at_most: Duration) -> bool {
    let time = Timespec { tv_sec: 0, tv_nsec: at_most.subsec_nanos().into() };
    let mut polled = [PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::IN)];
    poll(&mut polled, Some(&time)).is_ok_and(|count| count > 0)
}

/// Takes whoever calls, each heard by a thread of its own; whether anybody did.
fn hear(state: &Arc<State>, listener: &OwnedFd) -> bool {
    let mut any = false;
    while let Ok(socket) = accept_with(listener, SocketFlags::CLOEXEC) {
        any = true;
        // One too many is hung up on, and will call again.
        if state.heard.fetch_add(1, Ordering::SeqCst) >= HEARD {
            state.heard.fetch_sub(1, Ordering::SeqCst);
            continue;
        }
        let shared = Arc::clone(state);
        let talk = move || {
            // Who cannot be talked to has been hung up on.
            let _ = answer(&shared, socket);
            shared.heard.fetch_sub(1, Ordering::SeqCst);
        };
        if thread::Builder::new().name("caller".to_owned()).spawn(talk).is_err() {
            state.heard.fetch_sub(1, Ordering::SeqCst);
        }
    }
    any
}

/// Hears one command, and answers it.
fn answer(state: &Arc<State>, socket: OwnedFd) -> Result<(), hello::Trouble> {
    if !is_same_user(&socket).unwrap_or(false) {
        return Ok(());
    }
    let question = match hello::hear(&socket) {
        Err(hello::Trouble::OtherVersion(_)) => {
            // It will know by the number that comes with any answer.
            return hello::say(&socket, Answer::Refused { why: "another version".to_owned() });
        }
        heard => heard?,
    };
    match question {
        Question::List => {
            let list = state.members().list(state.mtu);
            hello::say(&socket, list)
        }
        Question::Publish { on, to, transport } => match open(&state.gateway, on, to, transport) {
            Err(error) => hello::say(&socket, Answer::Refused { why: error.to_string() }),
            Ok(published) => {
                hello::say(&socket, Answer::Published { on: published.address() })?;
                // Until the caller hangs up.
                while recv(&socket, &mut [0_u8; 64][..], RecvFlags::empty())
                    .map_or_else(|errno| errno == Errno::INTR, |(count, _)| count > 0)
                {
                }
                Ok(())
            }
        },
        join @ Question::Join { .. } => admit(state, socket, join),
    }
}

/// Takes a host in, and plugs its cable into the switch.
fn admit(state: &Arc<State>, socket: OwnedFd, join: Question) -> Result<(), hello::Trouble> {
    let Question::Join { name, asked_for, address, mtu, permissions } = join else { return Ok(()) };
    if let Some(asked) = mtu.filter(|asked| *asked > state.mtu) {
        let why = format!(
            "the LAN \u{2018}{}\u{2019} carries packets of {} bytes, not of {asked}: its first host \
             says with --mtu how large they may be",
            state.name, state.mtu
        );
        return hello::say(&socket, Answer::Refused { why });
    }
    let permissions = match GatewayArgs::try_from(&permissions) {
        Ok(understood) => understood.permissions(),
        Err(error) => {
            return hello::say(&socket, Answer::Refused { why: error.to_string() });
        }
    };
    let process = peer_process(&socket).unwrap_or(0);
    let mtu = mtu.unwrap_or(state.mtu);
    let wish = Wish { name: &name, asked_for, address, mtu, process };
    let mut members = state.members();
    let admitted = members.admit(&wish, &state.name);
    let admitted = admitted
        .map(|member| (member.number, member.name.clone(), member.address, member.mac.clone()));
    if let Ok((_, name, address, _)) = &admitted {
        // While nobody else can have the name or the address, before or after.
        state.lan.name(name, (*address).into());
        state.gateway.permit((*address).into(), Some(permissions));
    }
    drop(members);
    let (number, name, address, mac_text) = match admitted {
        Ok(admitted) => admitted,
        Err(why) => return hello::say(&socket, Answer::Refused { why }),
    };
    let gone = {
        let state = Arc::clone(state);
        move || {
            let mut members = state.members();
            if let Some(member) = members.remove(number) {
                state.lan.forget(&member.name);
                state.gateway.permit(member.address.into(), None);
                drop(members);
                // Its cable waits for a thread, which may want the members.
                drop(member);
            }
        }
    };
    let joined = Answer::Joined { name, address, mac: mac_text.clone(), mtu };
    let plugged = hello::say(&socket, joined)
        .and_then(|()| mac(&mac_text).map_err(hello::Trouble::Io))
        .and_then(|mac| {
            let started = Station::start(&state.switch, socket, mac, mtu, gone.clone());
            started.map_err(hello::Trouble::Io)
        });
    match plugged {
        Ok(station) => {
            let unplugged = state.members().plug(number, station);
            // Its end waits for its thread, which may want the members.
            drop(unplugged);
            Ok(())
        }
        Err(trouble) => {
            gone();
            Err(trouble)
        }
    }
}
