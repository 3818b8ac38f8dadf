//! How many bytes the allocator holds for one end of an idle connection after a megabyte each
//! way, everything counted: blocks, tables and their slack. Prints ours and smoltcp's (whose
//! buffers stay).

use std::env;
use std::error::Error;
use std::io::{self, Write};

use allocation_counter::measure;
use danja_bench::peers::{Danja, Peer, Settings, Side, Smoltcp, settle};
use danja_bench::work::{Application, work_bulk, work_references};
use danja_stack::Payload;

const MEGABYTE: usize = 1_000_000;
/// Of smoltcp's sockets, which are all alike and hold buffers; more would not fit.
const SMOLTCP: usize = 100;

fn main() -> Result<(), Box<dyn Error>> {
    let count = env::args().nth(1).map_or(Ok(100_000), |count| count.parse())?;
    writeln!(io::stdout().lock(), "{} {}", ours(count), theirs(SMOLTCP.min(count)))?;
    Ok(())
}

fn ours(count: usize) -> u64 {
    // References to one block, in large segments, so that the megabytes cost little time.
    let settings = Settings::LARGE;
    let slice = Payload::from(vec![7; 65_536]);
    let mut kept = None;
    let measured = measure(|| {
        let mut peer = Danja::new(settings);
        for _ in 0..count {
            let [client, server] = peer.open();
            let ends = [(Side::Client, client), (Side::Server, server)];
            for [from, to] in [ends, [ends[1], ends[0]]] {
                work_references(&mut peer, from, to, &slice, settings.burst, MEGABYTE);
            }
        }
        rest(&mut peer);
        kept = Some(peer);
    });
    drop(kept);
    u64::try_from(measured.bytes_current).unwrap_or(0) / (2 * count as u64)
}

/// One way is enough: its buffers stay what they were made as, whatever went through.
fn theirs(count: usize) -> u64 {
    let settings = Settings { buffer: 64 << 10, ..Settings::ETHERNET };
    let mut application = Application::default();
    let mut kept = None;
    let measured = measure(|| {
        let mut peer = Smoltcp::new(settings);
        let sockets: Vec<_> = (0..count).map(|_| peer.open()).collect();
        for each in sockets {
            work_bulk(&mut peer, each, &mut application, settings.burst, MEGABYTE);
        }
        rest(&mut peer);
        kept = Some(peer);
    });
    drop(kept);
    u64::try_from(measured.bytes_current).unwrap_or(0) / (2 * count as u64)
}

/// Until nothing is due any more.
fn rest(peer: &mut impl Peer) {
    for _ in 0..50 {
        peer.pass(std::time::Duration::from_millis(100));
        settle(peer);
    }
}
