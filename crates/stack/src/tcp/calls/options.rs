//! `set_option` and `option`.

use crate::core_state::Core;
use crate::slab::Key;
use crate::socket::{OptionError, OptionName, SocketOption};
use crate::tcp::Tcp;
use crate::tcp::mss;
use crate::tcp::record::Record;
use crate::tcp::socket::{Role, StreamSocket};
use crate::tcp::tcb::{AckNeed, Tcb};
use crate::tcp::timers;

impl Tcp {
    pub(crate) fn set_option(
        &mut self,
        core: &mut Core,
        place: Key,
        option: SocketOption,
    ) -> Result<(), OptionError> {
        let socket = self.sockets.get_mut(place).ok_or(OptionError::BadDescriptor)?;
        if let SocketOption::QuickAck(on) = option {
            self.quick_ack(core, place, on);
            return Ok(());
        }
        socket.options.set(option)?;
        match option {
            SocketOption::ReceiveBuffer(_) => {
                let bytes = socket.options.get().receive_buffer;
                socket.receive_limit = bytes.unwrap_or(socket.receive_limit);
            }
            SocketOption::SendBuffer(_) => {
                let bytes = socket.options.get().send_buffer;
                socket.send_limit = bytes.unwrap_or(socket.send_limit);
            }
            SocketOption::ReuseAddress(_) | SocketOption::ReusePort(_) if socket.claimed => {
                let (options, port) = (socket.options.get(), socket.local.map_or(0, |l| l.port()));
                self.ports.set_reuse(port, place, options.reuse_address, options.reuse_port);
            }
            _ => {}
        }
        let Role::Connection(id) = &socket.role else { return Ok(()) };
        let id = *id;
        // The port is counted by the option as it was when the record was made.
        self.demux_reuse(id, option);
        self.with_conn(core, id, |conn| {
            let Some(socket) = conn.socket.as_deref() else { return };
            conn.tcb.options = socket.options.clone();
            match option {
                SocketOption::KeepAlive(_) | SocketOption::KeepIdle(_) => {
                    timers::keep_alive(conn);
                }
                SocketOption::MaxSegment(_) => mss::adapt(conn.tcb),
                SocketOption::Congestion(which) => conn.tcb.congestion.choose(which),
                _ => {}
            }
        });
        Ok(())
    }

    fn demux_reuse(&mut self, id: crate::tcp::RecordId, option: SocketOption) {
        let (SocketOption::ReuseAddress(on), Some(Record::Connection(tcb))) =
            (option, self.records.get(id.0))
        else {
            return;
        };
        let (local, was) = (tcb.local, tcb.options.get().reuse_address);
        if was != on {
            self.demux.use_port(local, on);
            self.demux.free_port(local, was);
        }
    }

    // TCP_QUICKACK: not kept, it only sets what is going on now.
    fn quick_ack(&mut self, core: &mut Core, place: Key, on: bool) {
        let Some(socket) = self.sockets.get(place) else { return };
        let Role::Connection(id) = &socket.role else { return };
        let id = *id;
        self.with_conn(core, id, |conn| {
            conn.tcb.quick_acks = if on { u8::MAX } else { 0 };
            if on && conn.tcb.ack == AckNeed::Delayed {
                conn.owe_ack(AckNeed::Now);
            }
        });
    }

    pub(crate) fn option(
        &self,
        core: &Core,
        place: Key,
        name: OptionName,
    ) -> Result<SocketOption, OptionError> {
        let socket = self.sockets.get(place).ok_or(OptionError::BadDescriptor)?;
        let tcb = match &socket.role {
            Role::Connection(id) => match self.records.get(id.0) {
                Some(Record::Connection(tcb)) => Some(&**tcb),
                _ => None,
            },
            _ => None,
        };
        read(core, socket, tcb, name)
    }
}

fn read(
    core: &Core,
    socket: &StreamSocket,
    tcb: Option<&Tcb>,
    name: OptionName,
) -> Result<SocketOption, OptionError> {
    let (options, config) = (socket.options.get(), &core.config.tcp);
    let or = |value: u8, default: u8| if value == 0 { default } else { value };
    Ok(match name {
        OptionName::ReuseAddress => SocketOption::ReuseAddress(options.reuse_address),
        OptionName::ReusePort => SocketOption::ReusePort(options.reuse_port),
        OptionName::KeepAlive => SocketOption::KeepAlive(options.keep_alive),
        OptionName::KeepIdle => {
            SocketOption::KeepIdle(options.keep_idle.unwrap_or(config.keep_idle))
        }
        OptionName::KeepInterval => {
            SocketOption::KeepInterval(options.keep_interval.unwrap_or(config.keep_interval))
        }
        OptionName::KeepCount => SocketOption::KeepCount(or(options.keep_count, config.keep_count)),
        OptionName::Linger => SocketOption::Linger(options.linger),
        OptionName::Linger2 => SocketOption::Linger2(options.linger2.unwrap_or(config.fin_wait_2)),
        OptionName::ReceiveBuffer => SocketOption::ReceiveBuffer(socket.receive_limit),
        OptionName::SendBuffer => SocketOption::SendBuffer(socket.send_limit),
        OptionName::ReceiveLowWater => SocketOption::ReceiveLowWater(options.receive_low_water),
        OptionName::NoDelay => SocketOption::NoDelay(options.no_delay),
        OptionName::Cork => SocketOption::Cork(options.cork),
        OptionName::QuickAck => SocketOption::QuickAck(tcb.is_some_and(|tcb| tcb.quick_acks > 0)),
        OptionName::MaxSegment => {
            let used = tcb.and_then(|tcb| u16::try_from(tcb.snd_mss).ok());
            // As Linux: 536 before there is a connection.
            let before = if options.max_segment == 0 { 536 } else { options.max_segment };
            SocketOption::MaxSegment(used.unwrap_or(before))
        }
        OptionName::UserTimeout => SocketOption::UserTimeout(options.user_timeout),
        OptionName::SynRetries => {
            SocketOption::SynRetries(or(options.syn_retries, config.syn_retries))
        }
        OptionName::OutOfBandInline => SocketOption::OutOfBandInline(options.out_of_band_inline),
        OptionName::Ttl => SocketOption::Ttl(or(options.ttl, core.config.ip.ttl)),
        OptionName::Tos => SocketOption::Tos(options.tos),
        OptionName::MtuDiscover => SocketOption::MtuDiscover(options.mtu_discover),
        OptionName::BindToInterface => SocketOption::BindToInterface(options.interface),
        OptionName::Admitting => SocketOption::Admitting(options.admitting),
        OptionName::AnyPort => SocketOption::AnyPort(options.any_port),
        OptionName::NoTcpOptions => SocketOption::NoTcpOptions(options.no_options),
        OptionName::AtMark => {
            SocketOption::AtMark(socket.urgent.mark() == Some(socket.read_offset))
        }
        OptionName::Congestion => {
            SocketOption::Congestion(options.congestion.unwrap_or(config.congestion))
        }
        OptionName::Broadcast => return Err(OptionError::NotSupported),
    })
}
