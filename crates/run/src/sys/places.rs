//! Where a program has a socket: its numbers for it, and the epoll instances that watch it; so
//! that another socket can take its place everywhere. Decides nothing.

use super::errno::check;
use super::pidfd::{copy_of, open};
use rustix::fd::{AsRawFd, OwnedFd, RawFd};
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use std::{fs, thread};

/// A number that a program has for a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    pub(crate) number: RawFd,
    pub(crate) close_on_exec: bool,
}

/// A watch of a socket: in which epoll instance, by which number, and for what.
#[derive(Debug)]
pub(crate) struct Watch {
    epoll: OwnedFd,
    number: RawFd,
    events: u32,
    data: u64,
}

/// All numbers that a thread's descriptor table has for the socket with this inode.
pub(crate) fn of(thread: u32, inode: u32) -> Vec<Place> {
    let wanted = format!("socket:[{inode}]");
    let numbers = descriptors(thread, |link| link == wanted);
    numbers.into_iter().map(|number| place(thread, number)).collect()
}

/// The watches of these numbers in the epoll instances of that thread's table.
pub(crate) fn watches(thread: u32, inode: u32, places: &[Place]) -> Vec<Watch> {
    let Ok(table) = open(thread) else { return Vec::new() };
    let mut found = Vec::new();
    for epoll in descriptors(thread, |link| link == "anon_inode:[eventpoll]") {
        let text = about(thread, epoll).unwrap_or_default();
        for (number, events, data) in text.lines().filter_map(|line| watched(line, inode)) {
            if places.iter().any(|place| place.number == number)
                && let Ok(epoll) = copy_of(&table, epoll)
            {
                found.push(Watch { epoll, number, events, data });
            }
        }
    }
    found
}

/// How a number is to be filled: it is closed on exec or not.
pub(crate) fn place(thread: u32, number: RawFd) -> Place {
    let flags = about(thread, number).and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("flags:"))?;
        i32::from_str_radix(line.trim(), 8).ok()
    });
    Place { number, close_on_exec: flags.is_some_and(|flags| flags & libc::O_CLOEXEC != 0) }
}

fn descriptors(thread: u32, wanted: impl Fn(&str) -> bool) -> Vec<RawFd> {
    let Ok(entries) = fs::read_dir(format!("/proc/{thread}/fd")) else { return Vec::new() };
    let number = |entry: fs::DirEntry| {
        let link = fs::read_link(entry.path()).ok()?;
        if !wanted(link.to_str()?) {
            return None;
        }
        entry.file_name().to_str()?.parse().ok()
    };
    entries.flatten().filter_map(number).collect()
}

fn about(thread: u32, number: RawFd) -> Option<String> {
    fs::read_to_string(format!("/proc/{thread}/fdinfo/{number}")).ok()
}

/// A line of an epoll instance's `fdinfo`: number, events and data, if it is about this inode.
fn watched(line: &str, wanted: u32) -> Option<(RawFd, u32, u64)> {
    let mut words = line.split_whitespace();
    let mut after = |name: &str| words.find(|word| *word == name).and_then(|_| words.next());
    let number = after("tfd:")?.parse().ok()?;
    let events = u32::from_str_radix(after("events:")?, 16).ok()?;
    let data = u64::from_str_radix(after("data:")?, 16).ok()?;
    let inode = words.find_map(|word| word.strip_prefix("ino:"))?;
    (u64::from_str_radix(inode, 16) == Ok(u64::from(wanted))).then_some((number, events, data))
}

/// Lets these instances watch `socket`, which has taken the place of what they watched. An
/// instance knows a watch by its file and by the number that the file had for who added it: so
/// each is added where the file has that number, in a descriptor table of a thread's own.
pub(crate) fn watch_anew(socket: &OwnedFd, watches: &[Watch]) {
    let Some(highest) = watches.iter().map(|watch| watch.number).max() else { return };
    thread::scope(|scope| {
        let add_all = || {
            // SAFETY: what this thread closes and replaces from here on is its table's alone.
            if unsafe { libc::unshare(libc::CLONE_FILES) } != 0 {
                return;
            }
            // Above all numbers that are filled below, and before any is.
            let Ok(socket) = fcntl_dupfd_cloexec(socket, highest + 1) else { return };
            let lift = |watch: &Watch| fcntl_dupfd_cloexec(&watch.epoll, highest + 1);
            let lifted: Vec<_> = watches.iter().map(lift).collect();
            for (watch, epoll) in watches.iter().zip(lifted) {
                let Ok(epoll) = epoll else { continue };
                // It may be watched already.
                let _ = add(&epoll, &socket, watch);
            }
        };
        // Without a thread nobody hears of it by these watches.
        let _ = thread::Builder::new().spawn_scoped(scope, add_all);
    });
}

fn add(epoll: &OwnedFd, socket: &OwnedFd, watch: &Watch) -> Result<(), Errno> {
    let mut event = libc::epoll_event { events: watch.events, u64: watch.data };
    // SAFETY: the number is this thread's own, and of its table nothing else uses it; the kernel
    // reads a whole `epoll_event`.
    unsafe {
        check(i64::from(libc::dup2(socket.as_raw_fd(), watch.number)))?;
        check(i64::from(libc::epoll_ctl(
            epoll.as_raw_fd(),
            libc::EPOLL_CTL_ADD,
            watch.number,
            &mut event,
        )))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::unix;
    use rustix::event::epoll::{self, EventData, EventFlags};

    #[test]
    fn a_socket_takes_anothers_place_in_an_epoll() {
        let (old, fresh) = (unix::stream(false).unwrap(), unix::stream(false).unwrap());
        let inode = unix::inode(&old).unwrap();
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
        let data = EventData::new_u64(77);
        epoll::add(&epoll, &old, data, EventFlags::OUT | EventFlags::ET).unwrap();
        let thread = std::process::id();
        let places = of(thread, inode);
        let number = old.as_raw_fd();
        assert_eq!(places, [Place { number, close_on_exec: true }]);
        let watches = watches(thread, inode, &places);
        assert_eq!(watches.len(), 1);
        // SAFETY: the number stays `old`'s own.
        assert_eq!(unsafe { libc::dup3(fresh.as_raw_fd(), number, libc::O_CLOEXEC) }, number);
        watch_anew(&fresh, &watches);
        let mut events = Vec::with_capacity(4);
        let buffer = rustix::buffer::spare_capacity(&mut events);
        epoll::wait(&epoll, buffer, Some(&rustix::time::Timespec::default())).unwrap();
        assert_eq!(events.iter().map(|event| event.data.u64()).collect::<Vec<_>>(), [77]);
        // It is known by the number that it has here.
        epoll::delete(&epoll, &old).unwrap();
    }

    #[test]
    fn a_watch_may_have_the_number_that_the_next_ones_instance_has_here() {
        let (socket, far) = (unix::stream(false).unwrap(), unix::stream(false).unwrap());
        let instance = || epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
        let (first, second) = (instance(), instance());
        let watch = |epoll: &OwnedFd, number: RawFd, data: u64| {
            let (epoll, events) = (epoll.try_clone().unwrap(), libc::EPOLLOUT as u32);
            Watch { epoll, number, events, data }
        };
        let last = watch(&second, far.as_raw_fd(), 2);
        let watches = [watch(&first, last.epoll.as_raw_fd(), 1), last];
        watch_anew(&socket, &watches);
        for (epoll, data) in [(first, 1), (second, 2)] {
            let mut events = Vec::with_capacity(4);
            let buffer = rustix::buffer::spare_capacity(&mut events);
            epoll::wait(&epoll, buffer, Some(&rustix::time::Timespec::default())).unwrap();
            assert_eq!(events.iter().map(|event| event.data.u64()).collect::<Vec<_>>(), [data]);
        }
    }
}
