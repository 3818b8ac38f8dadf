use super::*;

#[test]
fn fields_are_big_endian_and_bounded() {
    let bytes = [1u8, 2, 3, 4, 5];
    assert_eq!(byte(&bytes, 4), Some(5));
    assert_eq!(byte(&bytes, 5), None);
    assert_eq!(be16(&bytes, 3), Some(0x0405));
    assert_eq!(be16(&bytes, 4), None);
    assert_eq!(be32(&bytes, 1), Some(0x0203_0405));
    assert_eq!(be32(&bytes, 2), None);
    assert_eq!(be32(&bytes, usize::MAX), None);
    assert_eq!(range(&bytes, 3, 2), Some(&[4u8, 5][..]));
    assert_eq!(range(&bytes, 3, usize::MAX), None);
    assert_eq!(from(&bytes, 5), Some(&[][..]));
    assert_eq!(from(&bytes, 6), None);
}

#[test]
fn writing_past_the_end_writes_nothing() {
    let mut bytes = [0u8; 4];
    assert_eq!(put16(&mut bytes, 3, 0xffff), None);
    assert_eq!(put32(&mut bytes, 1, 0xffff_ffff), None);
    assert_eq!(put8(&mut bytes, 4, 1), None);
    assert_eq!(bytes, [0; 4]);
    assert_eq!(put16(&mut bytes, 2, 0x0102), Some(()));
    assert_eq!(bytes, [0, 0, 1, 2]);
}

#[test]
fn a_writer_that_overflowed_stays_overflowed() {
    let mut bytes = [0u8; 4];
    let mut writer = Writer::new(&mut bytes);
    writer.put(&[1, 2]);
    writer.put(&[3, 4, 5]);
    writer.put(&[6]);
    assert_eq!(writer.finish(), None);
    assert_eq!(bytes, [1, 2, 0, 0]);
}
