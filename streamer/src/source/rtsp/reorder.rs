//! For streams with B-frames, whose pictures come in another order than they are shown in: decoded, and given in order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use athome_shared::protocol::control::CameraReason;

use crate::decode::h264::Decoder;
use crate::decode::{I420, limit_range};
use crate::source::SourceError;
use crate::words::Verdict;

/// Pictures that a decoder holds back at most (H.264 annex A.3.1: 16).
const MOST_HELD: usize = 17;
/// Pictures in a row that may fail to decode before the stream is given up.
const MOST_FAILURES: u32 = 100;

pub(super) struct Reorder {
    decoder: Box<Decoder>,
    /// Of the pictures that the decoder holds back.
    times: BinaryHeap<Reverse<Instant>>,
    full_range: bool,
    failures: u32,
}

impl Reorder {
    pub(super) fn new(full_range: bool) -> Result<Self, SourceError> {
        let decoder = Decoder::new().map_err(|why| SourceError::new(CameraReason::Other, why))?;
        Ok(Self { decoder: Box::new(decoder), times: BinaryHeap::new(), full_range, failures: 0 })
    }

    /// Takes a picture that is to be shown at `at`; gives the one that is next, if there is one.
    pub(super) fn handle_unit(&mut self, unit: &[u8], at: Instant) -> Result<Option<(Instant, I420)>, SourceError> {
        match self.decoder.decode(unit) {
            Ok(picture) => {
                self.failures = 0;
                self.times.push(Reverse(at));
                // A picture that the decoder swallowed must not make all later ones early.
                if self.times.len() > MOST_HELD {
                    self.times.pop();
                }
                let Some(picture) = picture else { return Ok(None) };
                let at = self.times.pop().map_or(at, |Reverse(at)| at);
                Ok(Some((at, if self.full_range { limit_range(picture) } else { picture })))
            }
            Err(why) => {
                self.failures += 1;
                if self.failures > MOST_FAILURES {
                    return Err(SourceError::from(Verdict::Damaged).because(why));
                }
                Ok(None)
            }
        }
    }
}
