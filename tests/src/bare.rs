//! The least that a live picture costs: the test card's frames, encoded and decoded at once in the camera's own thread,
//! at the same pace, with the same encoder and decoder settings. What the system adds to this is transport and queues.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use athome_shared::media::frame::EncodedFrame;
use athome_shared::time::{MediaClock, WallTime};
use athome_streamer::encode::convert::Converter;
use athome_streamer::encode::h264::{Encoder, suitable_bitrate};
use athome_streamer::source::spec::Wish;
use athome_streamer::source::testcard::TestCard;
use athome_streamer::source::{Opened, PcmBlock, RawFrame, Sink, Source, Stop};
use openh264::OpenH264API;
use openh264::decoder::{Decoder, DecoderConfig, Flush};

/// Time from capture to decoded for each frame of `length` of the test card.
pub fn encode_and_decode(size: (u32, u32), fps: f32, length: Duration) -> Vec<Duration> {
    let clock = MediaClock::new(Instant::now(), WallTime::now());
    let mut card = TestCard::new(&Wish { size: Some(size), fps: Some(fps) }, 1, clock);
    let config = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
    let codecs = Codecs {
        converter: Converter::default(),
        encoder: Encoder::new(suitable_bitrate(size.0, size.1, fps), fps),
        decoder: Decoder::with_api_config(OpenH264API::from_source(), config).expect("a decoder"),
        times: Vec::new(),
    };
    let bare = Bare(Mutex::new(codecs));
    let stop = Stop::default();
    std::thread::scope(|scope| {
        let running = scope.spawn(|| card.run(&bare, &stop));
        std::thread::sleep(length);
        stop.stop();
        running.join().expect("the card's thread").expect("the card never fails");
    });
    let mut times = bare.0.into_inner().unwrap_or_else(PoisonError::into_inner).times;
    // The first frames pay for memory that later ones use again.
    times.drain(..times.len().min(10));
    times
}

struct Codecs {
    converter: Converter,
    encoder: Encoder,
    decoder: Decoder,
    times: Vec<Duration>,
}

struct Bare(Mutex<Codecs>);

impl Sink for Bare {
    fn opened(&self, _: Opened) {}

    fn raw(&self, frame: RawFrame) {
        let mut codecs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Codecs { converter, encoder, decoder, times } = &mut *codecs;
        let picture = converter.to_i420(&frame).expect("the card is I420");
        let first = times.is_empty();
        let Some(encoded) = encoder.encode(&picture, first).expect("the card can be encoded") else { return };
        let decoded = decoder.decode(&encoded.data).expect("what was encoded can be decoded");
        assert!(decoded.is_some(), "a frame in gives a picture out");
        times.push(frame.captured.elapsed());
    }

    fn encoded(&self, _: EncodedFrame) {}

    fn pcm(&self, _: PcmBlock) {}
}
