//! Programs in Python, whose sockets are those of a host beside another.

mod closed;
mod connections;
mod datagrams;
mod limits;
mod servers;
mod window;

use super::{Supervisor, filter};
use crate::sys::trial::Trial;
use danja::Host;
use danja::lan::{MacAddress, cable::Switch};
use danja::net::{TcpListener, TcpStream};
use std::io::{Read, Write};
use std::process::Command;
use std::thread;

/// A host for programs at 10.0.0.1, and another at 10.0.0.2.
pub(super) struct Lan {
    pub(super) program: Host,
    pub(super) other: Host,
    /// No namespace carries what is no stream.
    alone: bool,
}

impl Lan {
    pub(super) fn new() -> Self {
        let switch = Switch::new();
        let host = |last: u8| {
            Host::builder()
                .name(format!("host{last}"))
                .adapter(switch.port(MacAddress([2, 0, 0, 0, 0, last])))
                .address(format!("10.0.0.{last}/24").parse().unwrap())
                .build()
                .unwrap()
        };
        Self { program: host(1), other: host(2), alone: false }
    }

    pub(super) fn alone() -> Self {
        Self { alone: true, ..Self::new() }
    }

    /// Answers each connection to this port with `answer`, in a thread each.
    pub(super) fn serve(
        &self,
        port: u16,
        answer: impl Fn(TcpStream) + Send + Sync + Clone + 'static,
    ) {
        let listener =
            TcpListener::bind(&self.other, ("10.0.0.2".parse::<std::net::IpAddr>().unwrap(), port))
                .unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, answer) = (stream.unwrap(), answer.clone());
                thread::spawn(move || answer(stream));
            }
        });
    }

    /// Sends back what comes.
    pub(super) fn echo(&self, port: u16) {
        self.serve(port, |mut stream| {
            let mut buffer = vec![0; 65_536];
            while let Ok(count @ 1..) = stream.read(&mut buffer) {
                if stream.write_all(&buffer[..count]).is_err() {
                    return;
                }
            }
        });
    }

    pub(super) fn start(&self, program: &[&str]) -> (Trial, Supervisor) {
        let (host, alone) = (self.program.clone(), self.alone);
        Trial::start(program, &filter(alone), |listener| {
            Supervisor::start(listener, host, alone).unwrap()
        })
    }

    /// Runs a Python script to its end; fails if it does.
    #[track_caller]
    pub(super) fn python(&self, script: &str) {
        let script =
            format!("import socket,select,os,sys,time,errno,struct,signal,threading\n{script}");
        let (mut trial, supervisor) = self.start(&["/usr/bin/python3", "-c", &script]);
        let mut output = String::new();
        trial.output.read_to_string(&mut output).unwrap();
        let code = trial.wait();
        supervisor.finish();
        assert_eq!(code, 0, "{output}");
        assert!(
            self.program.sockets().iter().all(|info| info.socket.is_none()),
            "a socket is left"
        );
    }

    /// The same in a process of its own: what other tests fork there has, for a moment, copies of
    /// all descriptors, so that what the script closes is open still.
    #[track_caller]
    pub(super) fn python_apart(&self, script: &str) {
        const APART: &str = "DANJA_TEST_APART";
        let thread = thread::current();
        let name =
            thread.name().filter(|name| *name != "main" && std::env::var_os(APART).is_none());
        let Some(name) = name else { return self.python(script) };
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--test-threads", "1"])
            .env(APART, "")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
    }
}
