//! Arbitrary values of the formats, for property tests.

use crate::ethernet::{EtherType, MacAddress};
use crate::tcp::{FastOpen, Flags, Options, SackBlocks, SeqNumber, Timestamps};
use crate::{ip, ipv4, tcp};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

pub(crate) fn mac() -> impl Strategy<Value = MacAddress> {
    any::<[u8; 6]>().prop_map(MacAddress)
}

pub(crate) fn ether_type() -> impl Strategy<Value = EtherType> {
    any::<u16>().prop_map(EtherType)
}

pub(crate) fn v4() -> impl Strategy<Value = Ipv4Addr> {
    any::<u32>().prop_map(Ipv4Addr::from_bits)
}

pub(crate) fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        v4().prop_map(IpAddr::V4),
        any::<u128>().prop_map(|bits| Ipv6Addr::from_bits(bits).into())
    ]
}

/// A source and a destination of one version.
pub(crate) fn address_pair() -> impl Strategy<Value = (IpAddr, IpAddr)> {
    let v6 = any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits)));
    let v4 = v4().prop_map(IpAddr::V4).boxed();
    prop_oneof![(v4.clone(), v4), (v6.clone(), v6)]
}

pub(crate) fn bytes(max: usize) -> impl Strategy<Value = std::vec::Vec<u8>> {
    vec(any::<u8>(), 0..=max)
}

pub(crate) fn ipv4_header() -> impl Strategy<Value = ipv4::Header> {
    let addresses = (v4(), v4(), any::<u8>());
    let flags = (any::<bool>(), any::<bool>(), 0u16..8192);
    let rest = (any::<u8>(), any::<u8>(), any::<u16>(), 0usize..=2000, bytes(40));
    (addresses, flags, rest).prop_map(
        |((source, destination, protocol), (df, mf, offset), rest)| {
            let (ttl, tos, identification, payload_len, options) = rest;
            let mut header = ipv4::Header {
                source,
                destination,
                protocol: ip::Protocol(protocol),
                ttl,
                tos,
                identification,
                dont_fragment: df,
                more_fragments: mf,
                fragment_offset: offset * 8,
                total_len: 0,
                options: ipv4::Options::from_bytes(&options).unwrap(),
            };
            header.set_payload_len(payload_len).unwrap();
            header
        },
    )
}

fn sack() -> impl Strategy<Value = SackBlocks> {
    vec((any::<u32>(), any::<u32>()), 0..=4).prop_map(|edges| {
        let mut blocks = SackBlocks::NONE;
        edges
            .iter()
            .for_each(|(left, right)| blocks.push(SeqNumber(*left), SeqNumber(*right)).unwrap());
        blocks
    })
}

fn fast_open() -> impl Strategy<Value = FastOpen> {
    (vec(any::<[u8; 2]>(), 0..=8), any::<bool>()).prop_map(|(pairs, experimental)| {
        let cookie = pairs.concat();
        let option = FastOpen::cookie(&cookie).unwrap_or(FastOpen::REQUEST);
        if experimental { option.experimental() } else { option }
    })
}

/// Options that may be too many to be emitted.
pub(crate) fn tcp_options() -> impl Strategy<Value = Options> {
    let common = (option::of(any::<u16>()), option::of(any::<u8>()), any::<bool>());
    let timestamps = option::of(
        (any::<u32>(), any::<u32>()).prop_map(|(value, echo)| Timestamps { value, echo }),
    );
    let rare = (option::of(any::<u16>()), option::of(fast_open()), option::of(any::<[u8; 16]>()));
    (common, timestamps, sack(), rare).prop_map(
        |((mss, window_scale, sack_permitted), timestamps, sack, rare)| {
            let (user_timeout, fast_open, md5) = rare;
            Options {
                mss,
                window_scale,
                sack_permitted,
                timestamps,
                sack,
                user_timeout,
                fast_open,
                md5,
            }
        },
    )
}

/// Options that fit into a header: rare ones give way.
pub(crate) fn fitting_options() -> impl Strategy<Value = Options> {
    tcp_options().prop_map(|mut options| {
        let too_long = |options: &Options| options.emitted_len() > tcp::options::MAX_LEN;
        if too_long(&options) {
            options.sack = SackBlocks::NONE;
        }
        if too_long(&options) {
            options.md5 = None;
        }
        if too_long(&options) {
            options.fast_open = None;
        }
        options
    })
}

pub(crate) fn tcp_header() -> impl Strategy<Value = tcp::Header> {
    let ports = (any::<u16>(), any::<u16>());
    let numbers = (any::<u32>(), any::<u32>());
    let rest = (any::<u16>(), any::<u16>(), any::<u16>(), fitting_options());
    (ports, numbers, rest).prop_map(
        |((source_port, destination_port), (sequence, acknowledgment), rest)| {
            let (flags, window, urgent, options) = rest;
            tcp::Header {
                source_port,
                destination_port,
                sequence: SeqNumber(sequence),
                acknowledgment: SeqNumber(acknowledgment),
                flags: Flags::from_bits(flags),
                window,
                urgent,
                options,
            }
        },
    )
}
