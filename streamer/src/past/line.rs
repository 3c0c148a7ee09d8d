//! Recordings on one line of time: frames of several files become fragments of one film, in which a time is a wall time less
//! that of the first picture. Pure.

use athome_shared::media::mp4::read::{Kind, Sample};
use athome_shared::media::mp4::{SOUND_RATE, VIDEO_RATE, Writer, opus_samples};
use athome_shared::time::WallTime;

/// 20 ms of silence (RFC 6716 §3: full band, stereo, one frame).
const SILENCE: [u8; 3] = [0xfc, 0xff, 0xfe];
/// Of sound, in its ticks: 20 ms.
const PACKET: u64 = SOUND_RATE as u64 / 50;
/// Sound that is missing for so long is filled with silence.
const HOLE: u64 = 3 * PACKET;
/// Sound is written up to so long after its pictures: only what is older is missing.
const LATE: u64 = SOUND_RATE as u64;

/// A film that is made.
#[derive(Debug)]
pub(super) struct Line {
    zero: WallTime,
    writer: Writer,
    sound: bool,
    /// What is put on times of the present file, in ticks of pictures and of sound.
    shift: (i64, i64),
    /// Where the pictures end, and the sound.
    end: u64,
    sound_end: u64,
    /// When the newest picture is.
    newest: Option<u64>,
    /// The sound begins with the next picture, not where it ended.
    anew: bool,
}

impl Line {
    /// A film whose first picture was captured at `zero`; with or without sound.
    pub(super) fn new(zero: WallTime, sound: bool) -> Self {
        Self { zero, writer: Writer::new(sound), sound, shift: (0, 0), end: 0, sound_end: 0, newest: None, anew: true }
    }

    /// It has sound.
    pub(super) fn sound(&self) -> bool {
        self.sound
    }

    /// Up to when there are pictures.
    pub(super) fn until(&self) -> WallTime {
        let micros = u128::from(self.end) * 1_000_000 / u128::from(VIDEO_RATE);
        WallTime(self.zero.0.saturating_add(i64::try_from(micros).unwrap_or(i64::MAX)))
    }

    /// What follows is of a file that began then.
    pub(super) fn next_file(&mut self, began: WallTime) {
        let apart = i128::from(began.0) - i128::from(self.zero.0);
        let ticks = |rate: u32| i64::try_from((apart * i128::from(rate)).div_euclid(1_000_000)).unwrap_or(i64::MAX);
        self.shift = (ticks(VIDEO_RATE), ticks(SOUND_RATE));
    }

    /// Where in the film a time of the present file is.
    fn place(&self, at: u64, shift: i64) -> Option<u64> {
        u64::try_from(i64::try_from(at).ok()?.checked_add(shift)?).ok()
    }

    /// Frames and packets of one fragment, as much of them as is at or after `from` and pictures before `to` (times of the
    /// file); appended as a fragment.
    pub(super) fn push(&mut self, samples: &[Sample], from: u64, to: u64, out: &mut Vec<u8>) {
        let (of_sound, mut last) = (|at: u64| at.saturating_mul(u64::from(SOUND_RATE)) / u64::from(VIDEO_RATE), None);
        for sample in samples.iter().filter(|sample| sample.kind == Kind::Video && (from..to).contains(&sample.at)) {
            let Some(at) = self.place(sample.at, self.shift.0) else { continue };
            // The file before may end a little after this one begins. How long its last picture lasts is a guess, so only that
            // picture's own time counts.
            let at = self.newest.map_or(at, |newest| at.max(newest.saturating_add(1)));
            self.newest = Some(at);
            if std::mem::take(&mut self.anew) {
                self.sound_end = of_sound(at);
            }
            self.writer.video(at, sample.is_key, &sample.data, out);
            last = Some(at.saturating_add(u64::from(sample.length)));
        }
        if self.sound {
            for sample in samples.iter().filter(|sample| sample.kind == Kind::Sound) {
                if (of_sound(from)..of_sound(to)).contains(&sample.at) {
                    self.push_sound(sample, out);
                }
            }
        }
        if let Some(end) = last {
            self.end = self.end.max(end);
            self.silence(of_sound(self.end).saturating_sub(LATE), out);
        }
        self.writer.cut_at(self.end, out);
    }

    /// Nothing was recorded for a while from here on: no silence for that.
    pub(super) fn gap(&mut self, out: &mut Vec<u8>) {
        self.finish(out);
        self.anew = true;
    }

    /// The rest: silence up to the last picture.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        self.silence(self.end.saturating_mul(u64::from(SOUND_RATE)) / u64::from(VIDEO_RATE), out);
        self.writer.cut(out);
    }

    fn push_sound(&mut self, sample: &Sample, out: &mut Vec<u8>) {
        let Some(at) = self.place(sample.at, self.shift.1) else { return };
        let Some(length) = opus_samples(&sample.data) else { return };
        if at > self.sound_end.saturating_add(HOLE) {
            self.silence(at, out);
        }
        // Of what overlaps, the first is heard.
        if at.saturating_add(PACKET / 2) < self.sound_end {
            return;
        }
        let at = at.max(self.sound_end);
        self.writer.sound(at, &sample.data, out);
        self.sound_end = at + u64::from(length);
    }

    /// Silence from where the sound ends up to a time.
    fn silence(&mut self, until: u64, out: &mut Vec<u8>) {
        if !self.sound || self.anew {
            return;
        }
        while self.sound_end.saturating_add(PACKET) <= until {
            self.writer.sound(self.sound_end, &SILENCE, out);
            self.sound_end += PACKET;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use athome_shared::media::mp4::read::{Depth, load, scan};

    use super::*;

    const SPS: [u8; 15] = [0x67, 0x42, 0xc0, 0x0b, 0xd9, 0x02, 0xc4, 0xec, 0x04, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40];
    const START: i64 = 1_800_000_000_000_000;

    fn picture(n: u64, key: bool) -> Sample {
        let mut data = Vec::new();
        if key {
            data.extend([&[0, 0, 0, 1][..], &SPS, &[0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80]].concat());
        }
        data.extend([0, 0, 0, 1, if key { 0x65 } else { 0x41 }, 0x9a, n as u8, 0x55]);
        Sample { kind: Kind::Video, at: n * 3_000, length: 3_000, is_key: key, data }
    }

    fn packet(n: u64) -> Sample {
        Sample { kind: Kind::Sound, at: n * PACKET, length: PACKET as u32, is_key: true, data: vec![0xfc, n as u8, 1] }
    }

    /// A second of a file: 30 pictures, and 50 packets where there is sound.
    fn second(n: u64, sound: bool) -> Vec<Sample> {
        let pictures = (n * 30..(n + 1) * 30).map(|n| picture(n, n % 30 == 0));
        pictures.chain((n * 50..(n + 1) * 50).filter(|_| sound).map(packet)).collect()
    }

    fn read(film: Vec<u8>) -> Vec<Sample> {
        let mut film = Cursor::new(film);
        let movie = scan(&mut film, Depth::Outline).expect("ours");
        movie.fragments.iter().flat_map(|fragment| load(&mut film, fragment).expect("whole")).collect()
    }

    fn times(samples: &[Sample], kind: Kind) -> Vec<u64> {
        samples.iter().filter(|sample| sample.kind == kind).map(|sample| sample.at).collect()
    }

    #[test]
    fn a_picture_s_time_is_its_wall_time_across_files_and_gaps() {
        let (mut out, mut line) = (Vec::new(), Line::new(WallTime(START + 500_000), true));
        // From the 15th picture of a file that began at START.
        line.next_file(WallTime(START));
        let mut first = second(0, true);
        first[15] = picture(15, true);
        line.push(&first, 15 * 3_000, u64::MAX, &mut out);
        assert_eq!(line.until(), WallTime(START + 1_000_000));
        // An hour later another one.
        line.gap(&mut out);
        line.next_file(WallTime(START + 3_600_000_000));
        line.push(&second(0, true), 0, u64::MAX, &mut out);
        line.finish(&mut out);
        let samples = read(out);
        let pictures = times(&samples, Kind::Video);
        assert_eq!((pictures.len(), pictures[0], pictures[14]), (45, 0, 14 * 3_000));
        assert_eq!(pictures[15], 3_600 * 90_000 - 45_000);
        let sound = times(&samples, Kind::Sound);
        assert_eq!((sound[0], sound.len()), (0, 25 + 50), "none within the gap");
        assert_eq!(sound[25], (3_600 * 48_000) - 24_000);
    }

    #[test]
    fn where_sound_is_missing_there_is_silence() {
        let (mut out, mut line) = (Vec::new(), Line::new(WallTime(START), true));
        line.next_file(WallTime(START));
        for n in 0..6 {
            line.push(&second(n, n == 2 || n == 5), 0, u64::MAX, &mut out);
        }
        line.finish(&mut out);
        let sound = times(&read(out), Kind::Sound);
        assert_eq!(sound, (0..300).map(|n| n * PACKET).collect::<Vec<_>>(), "without a hole");
    }

    #[test]
    fn a_film_without_sound_has_none_whatever_comes() {
        let (mut out, mut line) = (Vec::new(), Line::new(WallTime(START), false));
        line.next_file(WallTime(START));
        line.push(&second(0, true), 0, u64::MAX, &mut out);
        line.finish(&mut out);
        assert_eq!(times(&read(out), Kind::Sound), [0; 0]);
    }

    #[test]
    fn a_file_that_begins_a_little_early_goes_on_where_the_one_before_ended() {
        let (mut out, mut line) = (Vec::new(), Line::new(WallTime(START), false));
        line.next_file(WallTime(START));
        line.push(&second(0, false), 0, u64::MAX, &mut out);
        line.next_file(WallTime(START + 900_000));
        line.push(&second(0, false), 0, u64::MAX, &mut out);
        line.finish(&mut out);
        let pictures = times(&read(out), Kind::Video);
        assert!(pictures.is_sorted_by(|a, b| a < b) && pictures.len() == 60);
        assert_eq!(pictures[59], 29 * 3_000 + 81_000, "and then in its own time");
    }

    #[test]
    fn it_ends_where_it_is_told_to() {
        let (mut out, mut line) = (Vec::new(), Line::new(WallTime(START), true));
        line.next_file(WallTime(START));
        line.push(&second(0, true), 0, 10 * 3_000, &mut out);
        line.finish(&mut out);
        assert_eq!(times(&read(out), Kind::Video).len(), 10);
        assert_eq!(line.until(), WallTime(START + 333_333));
    }
}
