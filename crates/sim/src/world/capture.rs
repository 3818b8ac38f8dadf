//! A world's frames as a pcapng file, for Wireshark: one interface for each host, what it sent
//! and what it received. Interprets no frame.

use super::happening::{Direction, Observer, Passing};
use pcap_file::DataLink;
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

/// Ten to the power of minus this, in seconds, is the unit of the times.
const NANOSECONDS: u8 = 9;

/// An observer for [`World::observe`](super::World::observe) that writes the file `path`. Times
/// are those of the world. After a failure to write, the rest is left out.
///
/// # Errors
/// The file cannot be made.
pub fn capture(path: impl AsRef<Path>) -> io::Result<Observer> {
    let output = BufWriter::new(File::create(path)?);
    let mut writer = PcapNgWriter::new(output).map_err(io::Error::other)?;
    let mut interfaces = 0;
    let mut failed = false;
    Ok(Box::new(move |passing| {
        failed = failed || write(&mut writer, &mut interfaces, passing).is_err();
    }))
}

fn write<W: Write>(
    writer: &mut PcapNgWriter<W>,
    interfaces: &mut usize,
    passing: &Passing<'_>,
) -> Result<(), pcap_file::PcapError> {
    while *interfaces <= passing.host.0 {
        let name = Cow::Owned(format!("host{interfaces}"));
        writer.write_pcapng_block(InterfaceDescriptionBlock {
            linktype: DataLink::ETHERNET,
            snaplen: 0,
            options: vec![
                InterfaceDescriptionOption::IfName(name),
                InterfaceDescriptionOption::IfTsResol(NANOSECONDS),
            ],
        })?;
        *interfaces += 1;
    }
    let bytes = passing.frame.to_vec();
    // Bits 0 and 1 of the flags: 1 inbound, 2 outbound.
    let flags = if passing.direction == Direction::Sent { 2 } else { 1 };
    writer.write_pcapng_block(EnhancedPacketBlock {
        interface_id: passing.host.0 as u32,
        timestamp: Duration::from_nanos(passing.now.as_nanos()),
        original_len: bytes.len() as u32,
        data: Cow::Owned(bytes),
        options: vec![EnhancedPacketOption::Flags(flags)],
    })?;
    Ok(())
}
