//! The end of a run: what is still open, what closes last, and what is said of it. Judges no
//! connection.

use super::{HalfId, Report, Run};

impl Run<'_> {
    /// What went wrong at a half, with what is known of its stream.
    pub(super) fn explain(&self, half: HalfId, what: &str) -> String {
        let mut text = format!("{half:?}: {what}\n{}", self.streams.describe(half.stream));
        for side in 0..2 {
            let half = HalfId { side, ..half };
            let Some((host, socket)) = self.streams.host(half).zip(self.streams.socket(half))
            else {
                continue;
            };
            let stack = self.world.stack(host);
            let info = stack.control_info(socket);
            text += &format!("\n{}: {info:#?}", self.world.name(host));
            text += &format!("\n{} bytes are queued in all", stack.buffered());
        }
        text
    }

    /// Everybody must have come to an end.
    pub(super) fn judge_parts(&self) -> Result<(), String> {
        let mut left: Vec<String> = self
            .streams
            .unfinished(&self.outlook())
            .map(|(number, what)| format!("stream {number} does not end: {what}"))
            .collect();
        left.extend(
            self.exchanges
                .iter()
                .filter(|exchange| !exchange.is_over())
                .map(|exchange| format!("an exchange does not end: {exchange:?}")),
        );
        if left.is_empty() {
            return Ok(());
        }
        for host in self.world.hosts() {
            let sockets = self.world.stack(host).sockets();
            let of_tcp = sockets.iter().filter(|info| info.tcp.is_some());
            left.extend(of_tcp.map(|info| format!("{}: {info:#?}", self.world.name(host))));
        }
        left.insert(0, format!("{:?} after the start:", self.since_start()));
        Err(left.join("\n"))
    }

    pub(super) fn close_services(&mut self) -> Result<(), String> {
        for host in self.world.hosts() {
            let streams = &mut self.streams;
            self.world.call(host, |stack, now| streams.stop_listening(host, stack, now))?;
        }
        for (host, socket) in std::mem::take(&mut self.echoes) {
            self.world
                .call(host, |stack, now| stack.close(socket, now))
                .map_err(|error| format!("close: {error}"))?;
        }
        Ok(())
    }

    pub(super) fn report(&self) -> Report {
        let frames = self.world.hosts().map(|host| self.world.counters(host).sent).sum();
        Report {
            digest: self.world.digest(),
            hosts: self.plan.hosts.len(),
            streams: self.plan.streams.len(),
            bytes: self.streams.bytes(),
            frames,
            steps: self.world.steps(),
            virtual_time: self.since_start(),
            wrapped: self.plan.wrap.is_some(),
        }
    }
}
