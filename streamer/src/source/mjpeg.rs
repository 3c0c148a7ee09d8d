//! A camera that sends JPEGs over HTTP, one after the other in one answer. They go the way of a webcam's pictures; each is
//! dated by its arrival, so a rate that varies stays as it is.

use std::time::Instant;

use athome_shared::time::MediaClock;
use bytes::Bytes;

use super::http::{Answer, Trust};
use super::jpeg::{jpeg_end, jpeg_size};
use super::multipart::Multipart;
use super::network::{self, Progress};
use super::{CameraUrl, Login, Opened, PixelFormat, RawFrame, Sink, Source, SourceError, Stop};
use crate::decode::jpeg::{Decoder, JpegError, MOST_PIXELS, MOST_SIDE};
use crate::words::Verdict;

/// Parts in a row that may be no whole picture before the camera is given up.
const MOST_DAMAGED: u32 = 30;

/// An HTTP camera.
pub struct Mjpeg {
    url: CameraUrl,
    login: Option<Login>,
    trust: Trust,
    clock: MediaClock,
}

impl Mjpeg {
    /// It is asked when it runs.
    pub fn new(url: &CameraUrl, login: Option<Login>, clock: MediaClock) -> Self {
        Self { url: url.clone(), login, trust: Trust::usual(), clock }
    }

    async fn watch(&self, sink: &dyn Sink) -> Result<(), SourceError> {
        let (host, progress) = (self.url.host(), Progress::default());
        let mut watching = Watching { mjpeg: self, host: &host, size: None, damaged: 0 };
        let (mut answer, mut multipart) = progress.within(&host, self.open(&progress)).await?;
        let first = progress.within(&host, next_part(&mut answer, &mut multipart)).await?;
        watching.picture(first, sink)?;
        loop {
            // Whoever keeps this attempt's state ends it when nothing comes.
            let part = next_part(&mut answer, &mut multipart).await?;
            watching.picture(part, sink)?;
        }
    }

    async fn open(&self, progress: &Progress) -> Result<(Answer, Multipart), SourceError> {
        let answer = Answer::get(self.url.expose(), self.login.as_ref(), &self.trust, progress).await?;
        match Multipart::of_content_type(&answer.content_type) {
            Some(multipart) => Ok((answer, multipart)),
            None => Err(other_kind(&answer.content_type).into()),
        }
    }
}

/// What an answer of another kind is.
fn other_kind(content_type: &str) -> Verdict {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "text/html" | "application/xhtml+xml" => Verdict::WebPage,
        "image/jpeg" | "image/jpg" | "image/png" => Verdict::OnePicture,
        _ => Verdict::Nonsense,
    }
}

async fn next_part(answer: &mut Answer, multipart: &mut Multipart) -> Result<Bytes, SourceError> {
    loop {
        match multipart.poll_part() {
            Ok(Some(part)) => return Ok(part),
            Ok(None) => {}
            Err(why) => return Err(SourceError::from(Verdict::Nonsense).because(why)),
        }
        match answer.bytes().await? {
            Some(bytes) => multipart.handle_bytes(&bytes),
            None => return Err(SourceError::from(Verdict::Silent).because("it ended the stream")),
        }
    }
}

/// What is known of the stream so far.
struct Watching<'a> {
    mjpeg: &'a Mjpeg,
    host: &'a str,
    size: Option<(u32, u32)>,
    damaged: u32,
}

impl Watching<'_> {
    fn picture(&mut self, part: Bytes, sink: &dyn Sink) -> Result<(), SourceError> {
        let captured = Instant::now();
        let whole = jpeg_end(&part).and_then(|end| Some((part.slice(..end), jpeg_size(&part)?)));
        let Some((data, size)) = whole else {
            self.damaged += 1;
            return if self.damaged > MOST_DAMAGED { Err(Verdict::Damaged.into()) } else { Ok(()) };
        };
        let (width, height) = size;
        if width.max(height) > MOST_SIDE as u32 || width as usize * height as usize > MOST_PIXELS {
            return Err(Verdict::TooLarge { width, height }.into());
        }
        if self.size != Some(size) {
            // One of each size is tried here, so that a stream that nobody can decode is not called live.
            match Decoder::default().decode(&data) {
                Ok(_) => {}
                Err(JpegError::TooLarge(..)) => return Err(Verdict::TooLarge { width, height }.into()),
                Err(why) => {
                    self.damaged += 1;
                    let given_up = self.damaged > MOST_DAMAGED;
                    return if given_up { Err(SourceError::from(Verdict::Damaged).because(why)) } else { Ok(()) };
                }
            }
            self.size = Some(size);
            let label = self.host.to_owned();
            sink.opened(Opened { label, width, height, fps: 0.0, encoded: false, audio: false });
        }
        self.damaged = 0;
        let pts = self.mjpeg.clock.media(captured);
        sink.raw(RawFrame { format: PixelFormat::Mjpeg, width, height, data, captured, pts });
        Ok(())
    }
}

impl Source for Mjpeg {
    fn run(&mut self, sink: &dyn Sink, stop: &Stop) -> Result<(), SourceError> {
        network::run(stop, self.watch(sink))
    }
}
