//! A file that comes in pieces, as over a network: each frame as soon as its bytes are there. What waits is bounded by the
//! largest frame, whatever comes.

use std::collections::VecDeque;

use bytes::{Buf, BytesMut};

use super::moof::{self, Slot};
use super::{Kind, MOST_FRAGMENT, MOST_MOOF, Sample};
use crate::media::h264::avcc_to_annex_b;
use crate::media::mp4::VIDEO_TRACK;

/// Largest frame: a key frame of the largest picture that a camera here has, many times over.
const MOST_SAMPLE: usize = 16 << 20;

/// The bytes are not those of a file of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no film of AtHome")]
pub struct FlowError;

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// First of all.
    Header {
        width: u32,
        height: u32,
        sound: bool,
    },
    Sample(Sample),
}

/// Reads one film from its beginning.
#[derive(Debug, Default)]
pub struct Flow {
    buffer: BytesMut,
    place: Place,
    header: bool,
    failed: bool,
}

#[derive(Debug, Default)]
enum Place {
    /// A box begins.
    #[default]
    Between,
    /// So many bytes are of no use.
    Skipping(usize),
    /// This `moof` was read: its `mdat` follows.
    Before(Vec<u8>),
    /// Within an `mdat`; the frames that are left, the offset of the next byte from the `moof`, and of the end.
    Within { slots: VecDeque<Slot>, at: usize, end: usize },
}

impl Flow {
    /// Takes more of it. All that can be read should be, by [`Self::poll`], before more is taken.
    pub fn push(&mut self, data: &[u8]) {
        if !self.failed {
            self.buffer.extend_from_slice(data);
        }
    }

    /// What is there whole; `None` until more is pushed.
    pub fn poll(&mut self) -> Result<Option<Item>, FlowError> {
        loop {
            if self.failed {
                return Err(FlowError);
            }
            match self.step() {
                Ok(Step::Item(item)) => return Ok(Some(item)),
                Ok(Step::On) => {}
                Ok(Step::Wait) => return Ok(None),
                Err(why) => {
                    self.failed = true;
                    self.buffer = BytesMut::new();
                    return Err(why);
                }
            }
        }
    }

    /// Bytes that wait for the rest of what they belong to.
    pub fn waiting(&self) -> usize {
        self.buffer.len()
    }

    fn step(&mut self) -> Result<Step, FlowError> {
        match std::mem::take(&mut self.place) {
            Place::Skipping(left) => {
                let now = left.min(self.buffer.len());
                self.buffer.advance(now);
                if left > now {
                    self.place = Place::Skipping(left - now);
                    return Ok(Step::Wait);
                }
                Ok(Step::On)
            }
            Place::Between => self.begin(),
            Place::Before(moof) => {
                let Some((size, name)) = self.peek()? else {
                    self.place = Place::Before(moof);
                    return Ok(Step::Wait);
                };
                if name != *b"mdat" || size as u64 > MOST_FRAGMENT {
                    return Err(FlowError);
                }
                let slots = moof::slots(&moof, size as u64).ok_or(FlowError)?;
                self.buffer.advance(8);
                self.place = Place::Within { slots: slots.into(), at: moof.len() + 16, end: moof.len() + 8 + size };
                Ok(Step::On)
            }
            Place::Within { mut slots, at, end } => {
                let Some(slot) = slots.front().copied() else {
                    self.place = Place::Skipping(end.checked_sub(at).ok_or(FlowError)?);
                    return Ok(Step::On);
                };
                if slot.size > MOST_SAMPLE {
                    return Err(FlowError);
                }
                // Ours stand in order; what is between them is of no use.
                let gap = slot.place.checked_sub(at).ok_or(FlowError)?;
                let (size, skipped) = (slot.size, gap.min(self.buffer.len()));
                self.buffer.advance(skipped);
                let at = at + skipped;
                if skipped < gap || self.buffer.len() < size {
                    self.place = Place::Within { slots, at, end };
                    return Ok(Step::Wait);
                }
                let data = self.buffer.split_to(size);
                slots.pop_front();
                self.place = Place::Within { slots, at: at + size, end };
                Ok(Step::Item(Item::Sample(sample(slot, &data)?)))
            }
        }
    }

    fn begin(&mut self) -> Result<Step, FlowError> {
        let Some((size, name)) = self.peek()? else { return Ok(Step::Wait) };
        let held = matches!(&name, b"moov" | b"moof");
        if !held {
            // A film begins with what it is.
            if !self.header && !matches!(&name, b"ftyp" | b"free") {
                return Err(FlowError);
            }
            self.place = Place::Skipping(size);
            return Ok(Step::On);
        }
        if size as u64 > MOST_MOOF {
            return Err(FlowError);
        }
        if self.buffer.len() < size {
            return Ok(Step::Wait);
        }
        let whole = self.buffer.split_to(size);
        let content = whole.get(8..).ok_or(FlowError)?;
        if name == *b"moof" {
            if !self.header {
                return Err(FlowError);
            }
            self.place = Place::Before(content.to_vec());
            return Ok(Step::On);
        }
        if std::mem::replace(&mut self.header, true) {
            return Err(FlowError);
        }
        let header = moof::header(content).ok_or(FlowError)?;
        Ok(Step::Item(Item::Header { width: header.width, height: header.height, sound: header.sound }))
    }

    fn peek(&self) -> Result<Option<(usize, [u8; 4])>, FlowError> {
        let Some([a, b, c, d, name @ ..]) = self.buffer.first_chunk::<8>() else { return Ok(None) };
        let size = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        if size < 8 { Err(FlowError) } else { Ok(Some((size, *name))) }
    }
}

enum Step {
    Item(Item),
    On,
    Wait,
}

fn sample(slot: Slot, data: &[u8]) -> Result<Sample, FlowError> {
    let video = slot.track == VIDEO_TRACK;
    let data = if video { avcc_to_annex_b(data, 4).map_err(|_| FlowError)?.into() } else { data.to_vec() };
    let kind = if video { Kind::Video } else { Kind::Sound };
    Ok(Sample { kind, at: slot.at, length: slot.length, is_key: slot.is_key, data })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::{Depth, load, scan};
    use super::*;
    use crate::media::mp4::Writer;

    const SPS: [u8; 15] = [0x67, 0x42, 0xc0, 0x0b, 0xd9, 0x02, 0xc4, 0xec, 0x04, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40];

    fn film() -> Vec<u8> {
        let (mut out, mut writer) = (Vec::new(), Writer::new(true));
        for n in 0..200_u64 {
            let key = n % 40 == 0;
            let mut unit = Vec::new();
            if key {
                unit.extend([&[0, 0, 0, 1][..], &SPS, &[0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80]].concat());
            }
            unit.extend([0, 0, 0, 1, if key { 0x65 } else { 0x41 }, 0x9a, n as u8, 0x55]);
            unit.extend(vec![0x77; (n as usize * 37) % 900]);
            writer.video(n * 3_000, key, &unit, &mut out);
            writer.sound(n * 960, &[0xfc, n as u8, 1], &mut out);
        }
        writer.finish(&mut out);
        out
    }

    fn read(film: &[u8], pieces: usize) -> Vec<Item> {
        let (mut flow, mut items) = (Flow::default(), Vec::new());
        for piece in film.chunks(pieces) {
            flow.push(piece);
            while let Some(item) = flow.poll().expect("ours") {
                items.push(item);
            }
            assert!(flow.waiting() < 16 << 10);
        }
        items
    }

    #[test]
    fn in_pieces_it_is_what_it_is_as_a_whole() {
        let film = film();
        let mut file = Cursor::new(&film);
        let movie = scan(&mut file, Depth::Outline).expect("ours");
        let whole: Vec<Sample> = movie.fragments.iter().flat_map(|f| load(&mut file, f).expect("whole")).collect();
        for pieces in [1, 7, 1_000, film.len()] {
            let items = read(&film, pieces);
            assert!(matches!(items.first(), Some(Item::Header { sound: true, .. })));
            let samples: Vec<Sample> = items
                .into_iter()
                .filter_map(|item| match item {
                    Item::Sample(sample) => Some(sample),
                    Item::Header { .. } => None,
                })
                .collect();
            assert_eq!(samples, whole, "pieces of {pieces}");
        }
    }

    #[test]
    fn a_frame_comes_before_the_rest_of_its_fragment_is_there() {
        let film = film();
        let first = read(&film, film.len());
        let half = read(&film[..film.len() / 12], 100);
        assert!(half.len() > 2 && half == first[..half.len()]);
    }

    #[test]
    fn whatever_is_no_film_is_refused_for_good() {
        for wrong in [&b"no film at all"[..], &[0; 64], &[0, 0, 0, 9, b'm', b'o', b'o', b'f', 1]] {
            let mut flow = Flow::default();
            flow.push(wrong);
            assert_eq!(flow.poll(), Err(FlowError));
            flow.push(&film());
            assert_eq!((flow.poll(), flow.waiting()), (Err(FlowError), 0));
        }
    }
}
