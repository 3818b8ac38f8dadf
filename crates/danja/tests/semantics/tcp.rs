//! What a program sees of TCP sockets; run over the kernel and over Danja.

use super::net::{TcpStream, World};
use crate::common::in_time;
use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::thread;
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(60);

/// A connection: the client's end and the server's.
fn pair(world: &World) -> (TcpStream, TcpStream) {
    let listener = world.listen();
    let client = world.connect(listener.local_addr().unwrap()).unwrap();
    let (server, peer) = listener.accept().unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
    (client, server)
}

#[test]
fn both_ends_know_both_endpoints() {
    in_time(|| {
        let (client, server) = pair(&World::new());
        assert_eq!(client.peer_addr().unwrap(), server.local_addr().unwrap());
        assert_eq!(server.peer_addr().unwrap(), client.local_addr().unwrap());
        assert_ne!(client.local_addr().unwrap().port(), 0);
    });
}

#[test]
fn bytes_are_echoed() {
    in_time(|| {
        let (mut client, mut server) = pair(&World::new());
        let echo = thread::spawn(move || {
            let mut buffer = [0; 1024];
            loop {
                match server.read(&mut buffer).unwrap() {
                    0 => return,
                    count => server.write_all(&buffer[..count]).unwrap(),
                }
            }
        });
        for line in ["one", "two and three", "x"] {
            client.write_all(line.as_bytes()).unwrap();
            let mut heard = vec![0; line.len()];
            client.read_exact(&mut heard).unwrap();
            assert_eq!(heard, line.as_bytes());
        }
        drop(client);
        echo.join().unwrap();
    });
}

#[test]
fn half_close_lets_the_other_direction_live() {
    in_time(|| {
        let (mut client, mut server) = pair(&World::new());
        client.write_all(b"question").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut question = String::new();
        server.read_to_string(&mut question).unwrap();
        assert_eq!(question, "question");
        server.write_all(b"answer").unwrap();
        drop(server);
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "answer");
        // What was shut down stays so.
        assert_eq!(client.write(b"more").unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(client.read(&mut [0; 4]).unwrap(), 0);
    });
}

#[test]
fn reading_can_be_shut_down() {
    in_time(|| {
        let (mut client, mut server) = pair(&World::new());
        client.shutdown(Shutdown::Read).unwrap();
        assert_eq!(client.read(&mut [0; 4]).unwrap(), 0);
        client.write_all(b"still").unwrap();
        let mut heard = [0; 5];
        server.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"still");
    });
}

#[test]
fn a_sleeping_reader_is_woken_by_shutdown() {
    in_time(|| {
        let (client, _server) = pair(&World::new());
        let mut reader = client.try_clone().unwrap();
        let reading = thread::spawn(move || reader.read(&mut [0; 4]).unwrap());
        thread::sleep(SHORT);
        client.shutdown(Shutdown::Both).unwrap();
        assert_eq!(reading.join().unwrap(), 0);
    });
}

#[test]
fn a_closed_port_refuses() {
    in_time(|| {
        let world = World::new();
        let listener = world.listen();
        let gone = listener.local_addr().unwrap();
        drop(listener);
        let error = world.connect(gone).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{error}");
        let error = world.connect_timeout(&gone, Duration::from_secs(5)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{error}");
    });
}

#[test]
fn a_port_is_given_once() {
    let world = World::new();
    let listener = world.listen();
    let error = world.listen_at(listener.local_addr().unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    let error = world.listen_at("192.0.2.1:0".parse().unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
    // And again when it is free, although a connection lingers on it.
    let at = listener.local_addr().unwrap();
    let client = world.connect(at).unwrap();
    let (server, _) = listener.accept().unwrap();
    drop((server, client, listener));
    assert!(world.listen_at(at).is_ok());
}

#[test]
fn a_reset_is_told_to_reader_and_writer() {
    in_time(|| {
        let (mut client, server) = pair(&World::new());
        World::reset(server);
        let error = client.read(&mut [0; 4]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
        // It was told; from now on there is nothing to read, and nobody to write to.
        assert_eq!(client.read(&mut [0; 4]).unwrap(), 0);
        assert_eq!(client.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);

        let (client, server) = pair(&World::new());
        World::reset(server);
        thread::sleep(SHORT);
        let error = client.take_error().unwrap().unwrap();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
        assert!(client.take_error().unwrap().is_none());
    });
}

#[test]
fn closing_with_unread_data_resets() {
    in_time(|| {
        let (mut client, server) = pair(&World::new());
        client.write_all(b"never read").unwrap();
        while server.peek(&mut [0; 1]).unwrap() == 0 {}
        drop(server);
        let error = client.read(&mut [0; 4]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
    });
}

#[test]
fn writing_to_one_who_has_gone_breaks() {
    in_time(|| {
        // A host of ours goes with its last handle; this one stays to answer.
        let world = World::new();
        let (mut client, server) = pair(&world);
        drop(server);
        let error = loop {
            match client.write_all(&[0; 1024]) {
                Ok(()) => thread::sleep(Duration::from_millis(1)),
                Err(error) => break error,
            }
        };
        let kind = error.kind();
        assert!(matches!(kind, ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{kind:?}");
    });
}

#[test]
fn reads_time_out() {
    in_time(|| {
        let (mut client, mut server) = pair(&World::new());
        assert_eq!(client.read_timeout().unwrap(), None);
        client.set_read_timeout(Some(SHORT)).unwrap();
        assert_eq!(client.read_timeout().unwrap(), Some(SHORT));
        let begun = Instant::now();
        let error = client.read(&mut [0; 4]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert!(begun.elapsed() >= SHORT - Duration::from_millis(5), "{:?}", begun.elapsed());
        server.write_all(b"late").unwrap();
        let mut heard = [0; 4];
        client.read_exact(&mut heard).unwrap();
        let error = client.set_read_timeout(Some(Duration::ZERO)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        client.set_read_timeout(None).unwrap();
        assert_eq!(client.read_timeout().unwrap(), None);
    });
}

#[test]
fn writes_time_out_when_nobody_reads() {
    in_time(|| {
        let (mut client, _server) = pair(&World::new());
        client.set_write_timeout(Some(SHORT)).unwrap();
        let piece = vec![0; 1 << 20];
        let mut written = 0;
        let error = loop {
            match client.write(&piece) {
                Ok(count) => written += count,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert!(written > 0);
    });
}

#[test]
fn non_blocking_calls_return_at_once() {
    in_time(|| {
        let world = World::new();
        let listener = world.listen();
        listener.set_nonblocking(true).unwrap();
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        let mut client = world.connect(listener.local_addr().unwrap()).unwrap();
        let mut server = loop {
            match listener.accept() {
                Ok((server, _)) => break server,
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        };
        client.set_nonblocking(true).unwrap();
        let error = client.read(&mut [0; 4]).unwrap_err();
        assert_eq!((error.kind(), error.raw_os_error()), (ErrorKind::WouldBlock, Some(11)));
        let piece = vec![7; 1 << 16];
        let mut written = 0;
        loop {
            match client.write(&piece) {
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    // The first "full" may be that of the send buffer before it grew.
                    thread::sleep(SHORT);
                    match client.write(&piece) {
                        Ok(count) => written += count,
                        Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                        Err(error) => panic!("{error}"),
                    }
                }
                Err(error) => panic!("{error}"),
            }
        }
        drop(client);
        let mut all = Vec::new();
        server.read_to_end(&mut all).unwrap();
        assert_eq!(all.len(), written);
        assert!(all.iter().all(|byte| *byte == 7));
    });
}

#[test]
fn peeked_bytes_stay() {
    in_time(|| {
        let (mut client, mut server) = pair(&World::new());
        server.write_all(b"abcdef").unwrap();
        let mut heard = [0; 3];
        while client.peek(&mut heard).unwrap() < 3 {}
        assert_eq!(&heard, b"abc");
        assert_eq!(client.peek(&mut heard).unwrap(), 3);
        let mut all = [0; 6];
        client.read_exact(&mut all).unwrap();
        assert_eq!(&all, b"abcdef");
        drop(server);
        assert_eq!(client.peek(&mut heard).unwrap(), 0);
    });
}

#[test]
fn reading_nothing_and_writing_nothing_are_no_end() {
    in_time(|| {
        let (mut client, mut server) = pair(&World::new());
        assert_eq!(client.write(&[]).unwrap(), 0);
        client.write_all(b"x").unwrap();
        while server.peek(&mut [0; 1]).unwrap() == 0 {}
        assert_eq!(server.read(&mut []).unwrap(), 0);
        assert_eq!(server.read(&mut [0; 4]).unwrap(), 1);
    });
}

#[test]
fn clones_share_the_connection_and_its_modes() {
    in_time(|| {
        let (mut client, mut server) = pair(&World::new());
        let mut clone = client.try_clone().unwrap();
        clone.set_read_timeout(Some(SHORT)).unwrap();
        assert_eq!(client.read_timeout().unwrap(), Some(SHORT));
        clone.set_read_timeout(None).unwrap();
        let reading = thread::spawn(move || {
            let mut heard = [0; 4];
            clone.read_exact(&mut heard).unwrap();
            heard
        });
        server.write_all(b"here").unwrap();
        assert_eq!(&reading.join().unwrap(), b"here");
        // The clone is gone, the connection is not.
        client.write_all(b"!").unwrap();
        assert_eq!(server.read(&mut [0; 4]).unwrap(), 1);
        drop(client);
        assert_eq!(server.read(&mut [0; 4]).unwrap(), 0);
    });
}

#[test]
fn vectored_writes_arrive_in_order() {
    in_time(|| {
        let (mut client, mut server) = pair(&World::new());
        let parts = [IoSlice::new(b"head "), IoSlice::new(b""), IoSlice::new(b"body")];
        assert_eq!(client.write_vectored(&parts).unwrap(), 9);
        drop(client);
        let mut text = String::new();
        server.read_to_string(&mut text).unwrap();
        assert_eq!(text, "head body");
    });
}

#[test]
fn options_are_kept() {
    let (client, _server) = pair(&World::new());
    assert!(!client.nodelay().unwrap());
    client.set_nodelay(true).unwrap();
    assert!(client.nodelay().unwrap());
    assert_eq!(client.ttl().unwrap(), 64);
    client.set_ttl(7).unwrap();
    assert_eq!(client.ttl().unwrap(), 7);
    assert_eq!(client.set_ttl(0).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert!(client.take_error().unwrap().is_none());
}

#[test]
fn incoming_gives_one_connection_after_the_other() {
    in_time(|| {
        let world = World::new();
        let listener = world.listen();
        let at = listener.local_addr().unwrap();
        let clients: Vec<_> = (0..5).map(|_| world.connect(at).unwrap()).collect();
        let accepted: Vec<_> =
            listener.incoming().take(5).map(|one| one.unwrap().peer_addr().unwrap()).collect();
        let own: Vec<_> = clients.iter().map(|one| one.local_addr().unwrap()).collect();
        assert_eq!(accepted, own);
    });
}

#[test]
fn a_zero_connect_timeout_is_an_error() {
    let world = World::new();
    let at = world.listen().local_addr().unwrap();
    let error = world.connect_timeout(&at, Duration::ZERO).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
fn what_was_shut_down_can_be_shut_down_again() {
    in_time(|| {
        let (client, mut server) = pair(&World::new());
        client.shutdown(Shutdown::Write).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        client.shutdown(Shutdown::Read).unwrap();
        client.shutdown(Shutdown::Both).unwrap();
        assert_eq!(server.read(&mut [0; 4]).unwrap(), 0);
        server.shutdown(Shutdown::Write).unwrap();
        // Both have said all: there is no connection any more.
        let error = loop {
            match client.shutdown(Shutdown::Both) {
                Ok(()) => thread::sleep(Duration::from_millis(1)),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::NotConnected, "{error}");
    });
}

#[test]
fn a_connection_that_has_ended_has_no_peer() {
    in_time(|| {
        let (mut client, server) = pair(&World::new());
        let own = client.local_addr().unwrap();
        World::reset(server);
        assert_eq!(client.read(&mut [0; 4]).unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(client.peer_addr().unwrap_err().kind(), ErrorKind::NotConnected);
        assert_eq!(client.local_addr().unwrap(), own);
        let error = client.shutdown(Shutdown::Both).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected);

        // One that was closed by one side still has.
        let (mut client, server) = pair(&World::new());
        let peer = client.peer_addr().unwrap();
        drop(server);
        assert_eq!(client.read(&mut [0; 4]).unwrap(), 0);
        assert_eq!(client.peer_addr().unwrap(), peer);
    });
}

#[test]
fn a_listener_has_no_peer_and_gives_its_options_to_what_it_accepts() {
    in_time(|| {
        let world = World::new();
        let listener = world.listen();
        listener.set_ttl(9).unwrap();
        assert_eq!(listener.ttl().unwrap(), 9);
        listener.set_nonblocking(true).unwrap();
        assert!(listener.take_error().unwrap().is_none());
        let client = world.connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = loop {
            match listener.accept() {
                Ok(accepted) => break accepted,
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        };
        assert_eq!((server.ttl().unwrap(), client.ttl().unwrap()), (9, 64));
        // But it blocks, and waits for ever.
        assert_eq!(server.read_timeout().unwrap(), None);
        server.set_read_timeout(Some(SHORT)).unwrap();
        let begun = Instant::now();
        assert_eq!(server.read(&mut [0; 4]).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert!(begun.elapsed() >= SHORT - Duration::from_millis(5));
    });
}

#[test]
fn peeking_times_out_and_a_long_time_out_is_one() {
    in_time(|| {
        let (client, mut server) = pair(&World::new());
        client.set_read_timeout(Some(SHORT)).unwrap();
        let begun = Instant::now();
        assert_eq!(client.peek(&mut [0; 4]).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert!(begun.elapsed() >= SHORT - Duration::from_millis(5), "{:?}", begun.elapsed());
        client.set_read_timeout(Some(Duration::MAX)).unwrap();
        server.write_all(b"in time").unwrap();
        assert_eq!(client.peek(&mut [0; 1]).unwrap(), 1);
        let to = server.local_addr().unwrap();
        drop((client, server));
        let error = World::new().connect_timeout(&to, Duration::MAX).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{error}");
    });
}

#[test]
fn vectored_reads_fill_one_buffer_after_the_other() {
    in_time(|| {
        let (mut client, mut server) = pair(&World::new());
        server.write_all(b"abcdefgh").unwrap();
        while client.peek(&mut [0; 8]).unwrap() < 8 {}
        let (mut first, mut none, mut second) = ([0; 3], [0; 0], [0; 9]);
        let mut buffers = [&mut first[..], &mut none[..], &mut second[..]].map(IoSliceMut::new);
        assert_eq!(client.read_vectored(&mut buffers).unwrap(), 8);
        assert_eq!((&first, &second[..5]), (b"abc", &b"defgh"[..]));
        // An error that comes behind data is told after it.
        server.write_all(b"xy").unwrap();
        while client.peek(&mut [0; 2]).unwrap() < 2 {}
        World::reset(server);
        thread::sleep(SHORT);
        let mut buffers = [&mut first[..1], &mut second[..]].map(IoSliceMut::new);
        let told = client.read_vectored(&mut buffers);
        let told = told.map_err(|error| error.kind());
        // Linux throws away what was received when a reset comes.
        assert!(matches!(told, Ok(2) | Err(ErrorKind::ConnectionReset)), "{told:?}");
    });
}

#[test]
fn what_ends_a_write_in_its_middle_is_told_to_whoever_asks_next() {
    in_time(|| {
        for ask_by_reading in [false, true] {
            let (client, mut server) = pair(&World::new());
            let mut writer = client.try_clone().unwrap();
            let writing = thread::spawn(move || writer.write(&vec![1; 64 << 20]).unwrap());
            server.read_exact(&mut [0; 1]).unwrap();
            thread::sleep(SHORT);
            World::reset(server);
            assert!(writing.join().unwrap() > 0);
            let told = match ask_by_reading {
                true => (&client).read(&mut [0; 4]).err(),
                false => client.take_error().unwrap(),
            };
            assert_eq!(told.map(|error| error.kind()), Some(ErrorKind::ConnectionReset));
            // Once.
            assert!(client.take_error().unwrap().is_none());
            assert_eq!((&client).read(&mut [0; 4]).unwrap(), 0);
        }
    });
}
