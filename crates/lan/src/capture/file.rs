//! The file: a section header, an interface for each adapter, and blocks of packets.

use crate::adapter::Medium;
use danja_wire::Instant;
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::pcapng::blocks::section_header::{SectionHeaderBlock, SectionHeaderOption};
use pcap_file::{DataLink, Endianness, PcapError};
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Ten to the power of minus this, in seconds, is the unit of the timestamps.
const NANOSECONDS: u8 = 9;

/// What a [`Capture`] says about itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct CaptureOptions {
    /// Time since the UNIX epoch at [`Instant::ZERO`], the clock of the frames' times.
    pub zero: Duration,
    /// A comment about the whole capture, such as the name of the program.
    pub comment: Option<String>,
}

impl CaptureOptions {
    /// For a clock whose [`Instant::ZERO`] was this long after the UNIX epoch.
    pub const fn new(zero: Duration) -> Self {
        Self { zero, comment: None }
    }

    /// The same with a comment about the whole capture.
    #[must_use]
    pub fn with_comment(self, comment: impl Into<String>) -> Self {
        Self { comment: Some(comment.into()), ..self }
    }
}

/// A capture file. Clones are the same file.
///
/// What an adapter moved in one call is written at once, in whole blocks, so that the file can be
/// read at any time, also after the process was killed.
#[derive(Clone)]
pub struct Capture {
    sink: Arc<Mutex<Sink>>,
}

struct Sink {
    zero: Duration,
    /// Blocks not written yet.
    blocks: PcapNgWriter<Vec<u8>>,
    interfaces: u32,
    /// `None` after a failure.
    output: Option<Box<dyn Write + Send>>,
    failure: Option<io::Error>,
    packets: u64,
}

/// One packet for the file.
pub(super) struct Packet<'a> {
    pub(super) interface: u32,
    pub(super) now: Instant,
    /// Sent by the stack, and not received.
    pub(super) outbound: bool,
    pub(super) bytes: &'a [u8],
    pub(super) comment: Option<&'a str>,
}

/// The text, no longer than an option of a block can hold.
pub(super) fn short(text: &str) -> String {
    text.chars().take(1000).collect()
}

fn into_io(error: PcapError) -> io::Error {
    match error {
        PcapError::IoError(error) => error,
        other => io::Error::other(other),
    }
}

/// A file that has all bytes of a write or none: on a full disk it ends with a whole block.
struct WholeWrites {
    file: File,
    length: u64,
}

impl Write for WholeWrites {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_all(bytes).inspect_err(|_| {
            // The first failure is the one that is told.
            let _ = self.file.set_len(self.length);
        })?;
        self.length += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Capture {
    /// Makes (or empties) the file `path`.
    ///
    /// # Errors
    /// The file cannot be made or written.
    pub fn create(path: impl AsRef<Path>, options: CaptureOptions) -> io::Result<Self> {
        let file = File::create(path)?;
        if file.metadata()?.is_file() {
            Self::to_writer(WholeWrites { file, length: 0 }, options)
        } else {
            Self::to_writer(file, options)
        }
    }

    /// Writes to whatever takes bytes: a pipe, or memory. It should not buffer.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn to_writer(
        output: impl Write + Send + 'static,
        options: CaptureOptions,
    ) -> io::Result<Self> {
        let program = concat!("danja ", env!("CARGO_PKG_VERSION"));
        let mut header = SectionHeaderBlock {
            endianness: Endianness::native(),
            options: vec![SectionHeaderOption::UserApplication(Cow::Borrowed(program))],
            ..SectionHeaderBlock::default()
        };
        header.options.extend(
            options
                .comment
                .map(|comment| SectionHeaderOption::Comment(Cow::Owned(short(&comment)))),
        );
        let blocks = PcapNgWriter::with_section_header(Vec::new(), header).map_err(into_io)?;
        let mut sink = Sink {
            zero: options.zero,
            blocks,
            interfaces: 0,
            output: Some(Box::new(output)),
            failure: None,
            packets: 0,
        };
        sink.write_out();
        match sink.failure.take() {
            Some(error) => Err(error),
            None => Ok(Self { sink: Arc::new(Mutex::new(sink)) }),
        }
    }

    /// Packets in the file so far.
    pub fn packets(&self) -> u64 {
        self.lock().packets
    }

    /// Writes what is left, and says what went wrong if the capture ended early (once).
    ///
    /// # Errors
    /// The first failure to write; nothing after it is in the file.
    pub fn finish(&self) -> io::Result<()> {
        let mut sink = self.lock();
        sink.write_out();
        if let Some(output) = &mut sink.output
            && let Err(error) = output.flush()
        {
            sink.fail(error);
        }
        sink.failure.take().map_or(Ok(()), Err)
    }

    /// Describes one more interface; returns its number in the file.
    pub(super) fn interface(&self, name: &str, medium: Medium) -> u32 {
        let mut options = vec![
            InterfaceDescriptionOption::IfName(Cow::Owned(short(name))),
            InterfaceDescriptionOption::IfTsResol(NANOSECONDS),
        ];
        let linktype = match medium {
            Medium::Ethernet(address) => {
                options.push(InterfaceDescriptionOption::IfMacAddr(Cow::Owned(address.0.to_vec())));
                DataLink::ETHERNET
            }
            Medium::Ip => DataLink::RAW,
        };
        // A snap length of 0 is no limit.
        let block = InterfaceDescriptionBlock { linktype, snaplen: 0, options };
        let mut sink = self.lock();
        if let Err(error) = sink.blocks.write_pcapng_block(block) {
            sink.fail(into_io(error));
        }
        sink.write_out();
        sink.interfaces += 1;
        sink.interfaces - 1
    }

    /// Writes the packets that `each` gives, all at once.
    pub(super) fn record(&self, write: impl FnOnce(&mut dyn FnMut(&Packet<'_>))) {
        let mut sink = self.lock();
        if sink.output.is_some() {
            write(&mut |packet| sink.packet(packet));
            sink.write_out();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Sink> {
        self.sink.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink {
    fn packet(&mut self, packet: &Packet<'_>) {
        // Bits 0 and 1 of the flags: 1 inbound, 2 outbound.
        let mut options = vec![EnhancedPacketOption::Flags(if packet.outbound { 2 } else { 1 })];
        options
            .extend(packet.comment.map(|text| EnhancedPacketOption::Comment(Cow::Borrowed(text))));
        let block = EnhancedPacketBlock {
            interface_id: packet.interface,
            timestamp: self.zero.saturating_add(Duration::from_nanos(packet.now.as_nanos())),
            original_len: u32::try_from(packet.bytes.len()).unwrap_or(u32::MAX),
            data: Cow::Borrowed(packet.bytes),
            options,
        };
        match self.blocks.write_pcapng_block(block) {
            Ok(_) => self.packets += 1,
            Err(error) => self.fail(into_io(error)),
        }
    }

    fn write_out(&mut self) {
        let Some(output) = &mut self.output else { return };
        let blocks = self.blocks.get_mut();
        let written = output.write_all(blocks);
        blocks.clear();
        if let Err(error) = written {
            self.fail(error);
        }
    }

    fn fail(&mut self, error: io::Error) {
        self.output = None;
        self.failure.get_or_insert(error);
    }
}

impl std::fmt::Debug for Capture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sink = self.lock();
        write!(f, "Capture({} interfaces, {} packets)", sink.interfaces, sink.packets)
    }
}
