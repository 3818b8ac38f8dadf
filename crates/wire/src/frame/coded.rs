//! Frames for `serde`: header area, payload slices and offload metadata, each as it was.

use super::{Frame, HEADER_ROOM, MAX_SLICES, Offload};
use crate::payload::Payload;
use crate::payload::coded::{Octets, OwnOctets};
use alloc::vec::Vec;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

impl Serialize for Frame {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.offload, Octets(self.header()), self.slices()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Frame {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (offload, header, slices): (Offload, OwnOctets, Vec<Payload>) =
            Deserialize::deserialize(deserializer)?;
        if header.0.len() > HEADER_ROOM || slices.len() > MAX_SLICES {
            return Err(D::Error::custom("no frame has so many headers or slices"));
        }
        let mut frame = Self { offload, ..Self::new() };
        if let Some(room) = frame.prepend(header.0.len()) {
            room.copy_from_slice(&header.0);
        }
        slices.into_iter().for_each(|slice| frame.push(slice));
        Ok(frame)
    }
}
