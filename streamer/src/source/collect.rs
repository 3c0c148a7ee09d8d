//! A sink for tests: keeps what comes and stops the source when there is enough.

use std::sync::Mutex;

use athome_shared::media::frame::EncodedFrame;

use super::{Opened, PcmBlock, RawFrame, Sink, Stop};

pub(crate) struct Collect {
    pictures: usize,
    sounds: usize,
    pub(crate) stop: Stop,
    pub(crate) opened: Mutex<Vec<Opened>>,
    pub(crate) frames: Mutex<Vec<RawFrame>>,
    pub(crate) encoded: Mutex<Vec<EncodedFrame>>,
    pub(crate) blocks: Mutex<Vec<PcmBlock>>,
}

impl Collect {
    /// Stops once there are that many pictures (of either kind) and blocks of sound.
    pub(crate) fn until(pictures: usize, sounds: usize) -> Self {
        Self {
            pictures,
            sounds,
            stop: Stop::default(),
            opened: Mutex::default(),
            frames: Mutex::default(),
            encoded: Mutex::default(),
            blocks: Mutex::default(),
        }
    }

    fn check(&self) {
        let pictures = self.frames.lock().unwrap().len() + self.encoded.lock().unwrap().len();
        if pictures >= self.pictures && self.blocks.lock().unwrap().len() >= self.sounds {
            self.stop.stop();
        }
    }
}

impl Sink for Collect {
    fn opened(&self, opened: Opened) {
        self.opened.lock().unwrap().push(opened);
    }

    fn raw(&self, frame: RawFrame) {
        if !self.stop.stopped() {
            self.frames.lock().unwrap().push(frame);
            self.check();
        }
    }

    fn encoded(&self, frame: EncodedFrame) {
        if !self.stop.stopped() {
            self.encoded.lock().unwrap().push(frame);
            self.check();
        }
    }

    fn pcm(&self, block: PcmBlock) {
        if !self.stop.stopped() {
            self.blocks.lock().unwrap().push(block);
            self.check();
        }
    }
}
