//! A camera that every machine has: a picture with a clock that programs can read, for measuring and for trying AtHome
//! without a webcam.
//!
//! ```text
//! | clock, 40 cells (row 0)                                  |  layout: athome_shared::media::clock
//! | mark of the camera, 16 cells (row 1) |                   |
//! |  12:34:56.789  000042 (rows 2 to 4)              | flash |
//! |                                                          |
//! |   textured background with mild noise,                   |
//! |   four textured shapes on their ways                     |
//! |                                                          |
//! | colour bars (the lowest eighth)                          |
//! ```
//!
//! The clock is written last, just before the frame is handed over, with the moment that the frame says it was captured.

mod font;
mod paint;

use std::time::{Duration, Instant};

use athome_shared::media::clock;
use athome_shared::time::{MediaClock, WallTime};

use self::paint::Card;
use super::{Opened, PixelFormat, RawFrame, Sink, Source, SourceError, Stop, Wish};
use crate::decode::pool::Pool;

const SIZE: (u32, u32) = (1280, 720);
const LEAST_SIZE: (u32, u32) = (160, 90);
const MOST_SIZE: (u32, u32) = (3840, 2160);
const FPS: f32 = 30.0;
const MOST_FPS: f32 = 120.0;

/// The test card as a source. It never fails.
pub struct TestCard {
    width: u32,
    height: u32,
    fps: f32,
    mark: u8,
    clock: MediaClock,
}

impl TestCard {
    /// A card of the wished size (1280x720 otherwise; from 160x90 to 3840x2160, made even) and rate (30; from 1 to 120)
    /// that shows `mark` as its number.
    pub fn new(wish: &Wish, mark: u8, clock: MediaClock) -> Self {
        let (width, height) = wish.size.unwrap_or(SIZE);
        let fps = wish.fps.filter(|fps| fps.is_finite()).unwrap_or(FPS);
        Self {
            width: width.clamp(LEAST_SIZE.0, MOST_SIZE.0) & !1,
            height: height.clamp(LEAST_SIZE.1, MOST_SIZE.1) & !1,
            fps: fps.clamp(1.0, MOST_FPS),
            mark,
            clock,
        }
    }
}

impl Source for TestCard {
    fn run(&mut self, sink: &dyn Sink, stop: &Stop) -> Result<(), SourceError> {
        let mut card = Card::new(self.width as usize, self.height as usize, self.mark);
        let pool = Pool::default();
        sink.opened(Opened {
            label: "Test card".to_owned(),
            width: self.width,
            height: self.height,
            fps: self.fps,
            encoded: false,
            audio: false,
        });
        let start = Instant::now();
        let mut number = 0u64;
        loop {
            let due = start + Duration::from_secs_f64(number as f64 / f64::from(self.fps));
            if stop.sleep_until(due) {
                return Ok(());
            }
            // After a pause (a suspended machine, a blocked sink) the missed frames are left out, not made up for.
            number = number.max((start.elapsed().as_secs_f64() * f64::from(self.fps)) as u64);
            let mut data = pool.take(card.len());
            card.draw(&mut data, number, start.elapsed().as_secs_f32(), local_time(self.clock.wall(Instant::now())));
            let captured = Instant::now();
            stamp(&mut data, self.width as usize, self.clock.wall(captured));
            sink.raw(RawFrame {
                format: PixelFormat::I420,
                width: self.width,
                height: self.height,
                data: data.freeze(),
                captured,
                pts: self.clock.media(captured),
            });
            number += 1;
        }
    }
}

/// What a program reads back: clock and flash.
fn stamp(luma: &mut [u8], width: usize, wall: WallTime) {
    clock::write_flash(luma, width, width, clock::beat(wall));
    clock::write_clock(luma, width, width, clock::ticks(wall));
}

/// Milliseconds since midnight where the machine stands.
fn local_time(wall: WallTime) -> u32 {
    const DAY_MS: i64 = 86_400_000;
    let offset = jiff::Timestamp::from_microsecond(wall.0)
        .map_or(0, |now| jiff::tz::TimeZone::system().to_offset(now).seconds());
    (wall.unix_ms() + i64::from(offset) * 1000).rem_euclid(DAY_MS) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::collect::Collect;

    #[test]
    fn frames_carry_their_capture_time_and_mark() {
        let origin = Instant::now();
        let media = MediaClock::new(origin, WallTime::now());
        let keep = Collect::until(4, 0);
        let stop = keep.stop.clone();
        let wish = Wish { size: Some((321, 181)), fps: Some(100.0) };
        TestCard::new(&wish, 42, media).run(&keep, &stop).unwrap();

        let opened = keep.opened.lock().unwrap();
        assert_eq!((opened[0].width, opened[0].height, opened[0].fps, opened[0].encoded), (320, 180, 100.0, false));
        let frames = keep.frames.lock().unwrap();
        assert_eq!(frames.len(), 4);
        for frame in frames.iter() {
            assert_eq!((frame.width, frame.height, frame.data.len()), (320, 180, 320 * 180 * 3 / 2));
            let wall = media.wall(frame.captured);
            assert_eq!(clock::read_clock(&frame.data, 320, 320, 180), Some(clock::ticks(wall)));
            assert_eq!(clock::read_mark(&frame.data, 320, 320, 180), Some(42));
            assert_eq!(clock::read_flash(&frame.data, 320, 320, 180), Some(clock::beat(wall)));
            assert_eq!(frame.pts, media.media(frame.captured));
        }
        assert!(frames.windows(2).all(|pair| pair[0].pts < pair[1].pts));
    }

    #[test]
    fn strange_wishes_become_possible_cards() {
        let media = MediaClock::new(Instant::now(), WallTime(0));
        for (size, fps) in
            [((0, 0), f32::NAN), ((u32::MAX, u32::MAX), f32::INFINITY), ((3840, 90), -1.0), ((160, 2160), 0.0)]
        {
            let source = TestCard::new(&Wish { size: Some(size), fps: Some(fps) }, 0, media);
            assert!(source.fps >= 1.0 && source.width.is_multiple_of(2) && source.height.is_multiple_of(2));
            let mut card = Card::new(source.width as usize, source.height as usize, 0);
            let mut data = vec![0; card.len()];
            card.draw(&mut data, u64::MAX, 1e9, u32::MAX);
            stamp(&mut data, source.width as usize, WallTime(i64::MIN));
        }
    }
}
