//! The switch's end of a cable: a thread that carries frames between a port and a socket.

use super::device::Uplink;
use crate::adapter::{Adapter, Counters, MacAddress};
use crate::cable::{Port, Switch};
use danja_wire::{Frame, Instant};
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::{Errno, read, write};
use rustix::net::{Shutdown, shutdown};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};
use std::thread::{self, JoinHandle};

/// Frames carried in one direction before the other gets its turn.
const BATCH: usize = 64;

/// A host in another process, plugged into a switch. Dropping it pulls the cable out.
pub struct Station {
    /// For hanging up.
    socket: OwnedFd,
    counters: Arc<Mutex<Counters>>,
    thread: Option<JoinHandle<()>>,
}

/// Wakes the station's thread.
struct Bell(OwnedFd);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        // It counts: a bell that rings already cannot ring more.
        let _ = write(&self.0, &1_u64.to_ne_bytes());
    }
}

impl Station {
    /// Plugs the host at the other end of `socket` (connected, `SOCK_SEQPACKET`) into a port for
    /// its hardware address. `mtu` is the largest IP packet in an uncut frame, in bytes. When the
    /// host hangs up, its port is free and `at_the_end` is called, from a thread of the station's.
    ///
    /// # Errors
    /// The system gives no thread, or no descriptor.
    pub fn start(
        switch: &Switch,
        socket: OwnedFd,
        address: MacAddress,
        mtu: usize,
        at_the_end: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        let hang_up = socket.try_clone()?;
        let uplink = Uplink::end(socket, address, mtu, true)?;
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let bell = Arc::new(Bell(eventfd(0, flags)?));
        let mut port = switch.port(address);
        port.set_waker(Waker::from(Arc::clone(&bell)));
        let counters = Arc::new(Mutex::new(Counters::default()));
        let shown = Arc::clone(&counters);
        let carry = move || {
            carry(port, uplink, &bell, &shown);
            at_the_end();
        };
        let thread = thread::Builder::new().name(format!("station {address}")).spawn(carry)?;
        Ok(Self { socket: hang_up, counters, thread: Some(thread) })
    }

    /// What passed and what was dropped, as the host sees it: `received` is towards the host.
    pub fn counters(&self) -> Counters {
        *self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        let _ = shutdown(&self.socket, Shutdown::Both);
        // The last act of a station may be to drop itself.
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for Station {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Station({:?})", self.counters())
    }
}

/// Carries frames both ways until the host hangs up.
fn carry(mut port: Port, mut uplink: Uplink, bell: &Bell, shown: &Mutex<Counters>) {
    let mut frames = Vec::with_capacity(BATCH);
    loop {
        let Ok(moved) = turn(&mut port, &mut uplink, &mut frames) else { return };
        note(&port, &uplink, shown);
        if moved == 0 && wait(&uplink, bell).is_err() {
            return;
        }
    }
}

/// One turn for each direction; how many frames passed.
fn turn(port: &mut Port, uplink: &mut Uplink, frames: &mut Vec<Frame>) -> io::Result<usize> {
    // Neither end looks at the clock.
    let now = Instant::ZERO;
    let down = port.receive(now, frames, BATCH)?;
    if down > 0 {
        uplink.transmit(now, frames)?;
    }
    let up = uplink.receive(now, frames, BATCH)?;
    if up > 0 {
        port.transmit(now, frames)?;
    }
    Ok(down + up)
}

fn note(port: &Port, uplink: &Uplink, shown: &Mutex<Counters>) {
    let (switch, cable) = (port.counters(), uplink.counters());
    // What is sent towards the host, the host receives.
    let seen = Counters {
        received_frames: cable.transmitted_frames,
        received_bytes: cable.transmitted_bytes,
        received_dropped: cable.transmitted_dropped + switch.received_dropped,
        transmitted_frames: switch.transmitted_frames,
        transmitted_bytes: switch.transmitted_bytes,
        transmitted_dropped: switch.transmitted_dropped + cable.received_dropped,
    };
    *shown.lock().unwrap_or_else(PoisonError::into_inner) = seen;
}

/// Sleeps until a frame comes from either side, or there is room for one that waits.
fn wait(uplink: &Uplink, bell: &Bell) -> Result<(), Errno> {
    let crate::adapter::Readiness::Descriptor(cable) = uplink.readiness() else { return Ok(()) };
    let mut wanted = PollFlags::IN;
    if uplink.is_blocked() {
        wanted |= PollFlags::OUT;
    }
    let mut polled = [
        PollFd::from_borrowed_fd(cable, wanted),
        PollFd::from_borrowed_fd(bell.0.as_fd(), PollFlags::IN),
    ];
    match poll(&mut polled, None) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(errno) => return Err(errno),
    }
    if !polled[1].revents().is_empty() {
        let _ = read(&bell.0, &mut [0_u8; 8]);
    }
    Ok(())
}
