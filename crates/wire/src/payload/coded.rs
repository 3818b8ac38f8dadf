//! Payload for `serde`, as bytes and true cost, so that a queue charges a read one as it charged
//! the written one. Does not keep which slices shared a buffer: it reads detached ones.

use super::Payload;
use alloc::vec::Vec;
use core::fmt;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes as such, not as a sequence of numbers.
pub(crate) struct Octets<'a>(pub(crate) &'a [u8]);

impl Serialize for Octets<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// Bytes that were read.
pub(crate) struct OwnOctets(pub(crate) Vec<u8>);

impl<'de> Deserialize<'de> for OwnOctets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(OctetsVisitor)
    }
}

struct OctetsVisitor;

impl<'de> Visitor<'de> for OctetsVisitor {
    type Value = OwnOctets;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<OwnOctets, E> {
        // A payload takes a byte more.
        let mut own = Vec::with_capacity(bytes.len().saturating_add(1));
        own.extend_from_slice(bytes);
        Ok(OwnOctets(own))
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<OwnOctets, E> {
        Ok(OwnOctets(bytes))
    }

    // Formats without bytes of their own, such as JSON, have a list.
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<OwnOctets, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = list.next_element()? {
            bytes.push(byte);
        }
        Ok(OwnOctets(bytes))
    }
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.cost, Octets(&self.bytes)).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (cost, OwnOctets(bytes)) = Deserialize::deserialize(deserializer)?;
        Ok(Self::apart(bytes, cost))
    }
}
