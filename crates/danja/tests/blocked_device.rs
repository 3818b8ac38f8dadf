//! A device that takes frames and has no room for them yet: the host waits for it also when the
//! stack has nothing more to send.

use danja::Host;
use danja::lan::{Adapter, Capabilities, Medium, Readiness, Room};
use danja::net::UdpSocket;
use danja_wire::{Frame, Instant, Offload, Payload};
use rustix::fd::{AsFd, OwnedFd};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair, sockopt};
use std::collections::VecDeque;
use std::io;
use std::time::Duration;

/// Whole packets over one end of a socket pair; what does not fit waits here.
struct Narrow {
    descriptor: OwnedFd,
    waiting: VecDeque<Frame>,
}

impl Narrow {
    fn flush(&mut self) {
        while let Some(frame) = self.waiting.front() {
            if rustix::io::write(&self.descriptor, &frame.to_vec()).is_err() {
                return;
            }
            self.waiting.pop_front();
        }
    }
}

impl Adapter for Narrow {
    fn capabilities(&self) -> Capabilities {
        Capabilities { medium: Medium::Ip, mtu: 1500, checksum: false, max_segmented: 0 }
    }
    fn receive(&mut self, _: Instant, frames: &mut Vec<Frame>, _: usize) -> io::Result<usize> {
        self.flush();
        let mut bytes = [0; 2000];
        let Ok(count) = rustix::io::read(&self.descriptor, &mut bytes) else { return Ok(0) };
        let bytes = Payload::copy_from_slice(&bytes[..count]);
        frames.push(Frame::received(bytes, Offload::default()));
        Ok(1)
    }
    fn room(&mut self, _: Instant) -> Room {
        Room::UNLIMITED
    }
    fn transmit(&mut self, _: Instant, frames: &mut Vec<Frame>) -> io::Result<()> {
        self.waiting.extend(frames.drain(..));
        self.flush();
        Ok(())
    }
    fn readiness(&self) -> Readiness<'_> {
        Readiness::Descriptor(self.descriptor.as_fd())
    }
    fn is_blocked(&self) -> bool {
        !self.waiting.is_empty()
    }
}

#[test]
fn what_waits_in_the_adapter_goes_out_when_there_is_room() {
    let flags = SocketFlags::CLOEXEC;
    let (near, far) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
    rustix::io::ioctl_fionbio(&near, true).unwrap();
    sockopt::set_socket_send_buffer_size(&near, 4096).unwrap();
    sockopt::set_socket_timeout(&far, sockopt::Timeout::Recv, Some(Duration::from_secs(5)))
        .unwrap();
    let host = Host::builder()
        .adapter(Narrow { descriptor: near, waiting: VecDeque::new() })
        .address("10.0.0.1/24".parse().unwrap())
        .build()
        .unwrap();
    let socket = UdpSocket::bind(&host, "0.0.0.0:0").unwrap();
    for number in 0..50u8 {
        socket.send_to(&[number; 1000], "10.0.0.2:9").unwrap();
    }
    // The host has fallen asleep with nothing to send.
    std::thread::sleep(Duration::from_millis(100));
    for number in 0..50u8 {
        let mut bytes = [0; 2000];
        let count = rustix::io::read(&far, &mut bytes)
            .unwrap_or_else(|error| panic!("datagram {number} never came: {error}"));
        assert_eq!((count, bytes[count - 1]), (1028, number));
    }
}
