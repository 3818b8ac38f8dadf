//! Joining, and that it is the inverse of cutting.

use super::*;

fn join_all(frames: &[Frame], l2_len: usize, max_len: usize) -> Vec<Frame> {
    let mut joined = Vec::new();
    let mut joiner = Joiner::new(l2_len, max_len);
    for frame in frames {
        joiner.push(frame.clone(), |frame| joined.push(frame));
    }
    joiner.flush(|frame| joined.push(frame));
    joined
}

/// Cut frames as a driver reads them: in one buffer each, the checksum to be verified.
fn on_the_wire(plan: &Plan) -> Vec<Frame> {
    cut_all(&plan.frame(), plan.l2_len, Finish::Checksums)
        .iter()
        .map(|frame| Frame::received(Payload::from(frame.to_vec()), Offload::default()))
        .collect()
}

#[test]
fn consecutive_frames_become_one() {
    let plan = Plan::new(5000, 1448);
    let joined = join_all(&on_the_wire(&plan), 14, 65_535);
    assert_eq!(joined.len(), 1);
    assert_eq!(joined[0].to_vec(), plan.frame().to_vec());
    assert_eq!(joined[0].offload, plan.frame().offload);
}

#[test]
fn padding_is_no_data() {
    let plan = Plan::new(4, 2);
    let mut frames = on_the_wire(&plan);
    for frame in &mut frames {
        frame.push(Payload::copy_from_slice(&[0xee; 4]));
    }
    let joined = join_all(&frames, 14, 65_535);
    assert_eq!(joined.len(), 1);
    assert_eq!(joined[0].to_vec(), plan.frame().to_vec());
}

/// Changes the second frame of three: none of these may be joined with its neighbours.
#[test]
fn what_a_receiver_could_tell_apart_is_not_joined() {
    type Change = fn(&mut ipv4::Header, &mut tcp::Header);
    let changes: [(&str, Change); 14] = [
        ("ECN", |ip, _| ip.tos |= 3),
        ("TOS", |ip, _| ip.tos |= 0x20),
        ("TTL", |ip, _| ip.ttl -= 1),
        ("DF", |ip, _| ip.dont_fragment = true),
        ("source", |ip, _| ip.source = Ipv4Addr::new(10, 0, 2, 16)),
        ("identification", |ip, _| ip.identification = 9),
        ("port", |_, tcp| tcp.source_port += 1),
        ("acknowledgment", |_, tcp| tcp.acknowledgment += 1),
        ("window", |_, tcp| tcp.window += 1),
        ("sequence", |_, tcp| tcp.sequence += 1),
        ("ECE", |_, tcp| tcp.flags.insert(Flags::ECE)),
        ("CWR", |_, tcp| tcp.flags.insert(Flags::CWR)),
        ("FIN", |_, tcp| tcp.flags.insert(Flags::FIN)),
        ("options", |_, tcp| tcp.options.timestamps = Some(Timestamps { value: 9, echo: 2 })),
    ];
    for (name, change) in changes {
        let wire = on_the_wire(&Plan::new(3000, 1000));
        let (mut ip, mut tcp, data) = parts(&wire[1], 14);
        change(&mut ip, &mut tcp);
        let plan = Plan { ip, tcp, data, ..Plan::new(0, 0) };
        let mut changed = plan.frame();
        if ip.source != SOURCE {
            // The plan's checksum knows only its own addresses.
            changed.offload.checksum = ChecksumState::Verified;
        }
        let frames = [wire[0].clone(), changed, wire[2].clone()];
        let joined = join_all(&frames, 14, 65_535);
        assert_eq!(joined.len(), 3, "{name}");
        for (before, after) in frames.iter().zip(&joined) {
            assert_eq!(before.to_vec(), after.to_vec(), "{name}");
        }
    }
}

#[test]
fn a_wrong_checksum_is_left_for_the_stack_to_see() {
    // In the header checksum, in the TCP checksum, in the data.
    for at in [14 + 10, 34 + 16, 800] {
        let mut wire = on_the_wire(&Plan::new(3000, 1000));
        let mut bytes = wire[1].to_vec();
        bytes[at] ^= 1;
        wire[1] = Frame::received(Payload::from(bytes.clone()), Offload::default());
        let joined = join_all(&wire, 14, 65_535);
        assert_eq!(joined.len(), 3, "{at}");
        assert_eq!(joined[1].to_vec(), bytes);
        // Where the adapter has vouched for the transport checksum, it is not asked again.
        if at > 34 {
            wire[1].offload.checksum = ChecksumState::Verified;
            assert_eq!(join_all(&wire, 14, 65_535).len(), 1, "{at}");
        }
    }
}

#[test]
fn a_longer_segment_begins_a_frame() {
    let short = Plan { data: vec![1; 500], ..Plan::new(0, 0) };
    let mut short_first = short.clone();
    short_first.tcp.flags.remove(Flags::PSH);
    let mut long = Plan { data: vec![2; 501], ..short };
    long.tcp.sequence += 500;
    long.ip.identification = 0xffff;
    let joined = join_all(&[short_first.frame(), long.frame()], 14, 65_535);
    assert_eq!(joined.len(), 2);
}

#[test]
fn an_identification_that_stands_still_means_something_without_df() {
    for dont_fragment in [false, true] {
        let mut plan = Plan { data: vec![1; 500], ..Plan::new(0, 0) };
        plan.tcp.flags.remove(Flags::PSH);
        plan.ip.dont_fragment = dont_fragment;
        let first = plan.frame();
        plan.tcp.sequence += 500;
        let joined = join_all(&[first, plan.frame()], 14, 65_535);
        assert_eq!(joined.len(), if dont_fragment { 1 } else { 2 });
    }
}

#[test]
fn a_push_or_a_short_segment_ends_a_frame() {
    let first = Plan::new(2500, 1000);
    let mut second = Plan::new(2000, 1000);
    second.tcp.sequence = first.tcp.sequence.after(2500);
    second.ip.identification = first.ip.identification.wrapping_add(3);
    for push in [true, false] {
        let mut first = first.clone();
        if !push {
            first.tcp.flags.remove(Flags::PSH);
        }
        let frames = [on_the_wire(&first), on_the_wire(&second)].concat();
        let joined = join_all(&frames, 14, 65_535);
        let lengths: Vec<_> =
            joined.iter().map(|frame| frame.len() - first.headers_len()).collect();
        assert_eq!(lengths, [2500, 2000]);
    }
}

#[test]
fn a_joined_packet_has_a_longest_length() {
    let wire = on_the_wire(&Plan::new(10_000, 1000));
    let joined = join_all(&wire, 14, 3100);
    assert!(joined.len() == 4, "{joined:?}");
    let total: usize = joined.iter().map(|frame| frame.len() - Plan::new(0, 0).headers_len()).sum();
    assert_eq!(total, 10_000);
    // However long it may be, it has no more slices than a frame takes without copying.
    let joined = join_all(&on_the_wire(&Plan::new(30_000, 1000)), 14, usize::MAX);
    assert!(joined.iter().all(|frame| frame.slices().len() <= crate::frame::MAX_SLICES));
    assert_eq!(joined.len(), 2);
}

#[test]
fn nothing_is_copied_to_join() {
    // Every third frame has two slices.
    let mut plan = Plan::new(24_000, 1000);
    plan.slice = 1500;
    let frames = cut_all(&plan.frame(), 14, Finish::Checksums);
    let joined = join_all(&frames, 14, usize::MAX);
    let slices = |frames: &[Frame]| frames.iter().map(|frame| frame.slices().len()).sum::<usize>();
    assert_eq!((joined.len(), slices(&joined)), (2, 32), "{joined:?}");
}

#[test]
fn other_frames_pass_in_order() {
    let wire = on_the_wire(&Plan::new(2000, 1000));
    let arp = Frame::received(Payload::copy_from_slice(&[0xff; 42]), Offload::default());
    let joined = join_all(&[wire[0].clone(), arp.clone(), wire[1].clone()], 14, 65_535);
    let lengths: Vec<_> = joined.iter().map(Frame::len).collect();
    assert_eq!(lengths, [wire[0].len(), 42, wire[1].len()]);
}

proptest! {
    #[test]
    fn join_is_the_inverse_of_cut(
        (segment_size, count, last) in (1u16..3000, 2usize..=crate::frame::MAX_SLICES, any::<usize>()),
        slice in 1usize..4000,
        ethernet: bool,
        bits: (bool, bool, bool, u32, u16),
    ) {
        let size = usize::from(segment_size);
        let data_len = (count - 1) * size + 1 + last % size;
        let mut plan = Plan::new(data_len, segment_size);
        plan.slice = slice.max(data_len / 16 + 1);
        plan.l2_len = if ethernet { 14 } else { 0 };
        plan.ip.dont_fragment = bits.0;
        plan.tcp.sequence = SeqNumber(bits.3);
        plan.ip.identification = bits.4;
        if bits.1 {
            plan.tcp.options = Options::NONE;
        }
        if bits.2 {
            plan.tcp.flags.remove(Flags::PSH);
        }
        let whole = plan.frame();
        let wire = on_the_wire(&plan);
        prop_assert_eq!(wire.len(), count);
        let joined = join_all(&wire, plan.l2_len, 65_535);
        prop_assert_eq!(joined.len(), 1);
        prop_assert_eq!(joined[0].to_vec(), whole.to_vec());
        prop_assert_eq!(joined[0].offload, whole.offload);
        let again = cut_all(&joined[0], plan.l2_len, Finish::Checksums);
        for (before, after) in wire.iter().zip(&again) {
            prop_assert_eq!(before.to_vec(), after.to_vec());
        }
    }
}
