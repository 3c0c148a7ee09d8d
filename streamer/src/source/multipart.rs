//! `multipart/x-mixed-replace`: one picture after the other in one answer, as HTTP cameras send it. Pure: bytes in, parts
//! out, in bounded memory whatever the bytes say.
//!
//! Cameras take the format (RFC 2046 §5.1.1) lightly: boundaries are named with their dashes or without, lengths are
//! missing, lines end in LF alone. So a delimiter is any line whose text is the boundary, whatever dashes stand around it.

use bytes::{Bytes, BytesMut};

use super::jpeg::jpeg_end;

/// Largest part taken, in bytes; the largest pictures of cameras are a fifth of it.
pub const MOST_PART: usize = 8 << 20;
/// Longest header of a part taken, in bytes.
pub const MOST_HEAD: usize = 16 << 10;
/// Longest boundary (RFC 2046 §5.1.1 allows 70) with what stands around it.
const MOST_DELIMITER: usize = 256;

/// Why bytes are no such answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("no boundary in {MOST_PART} bytes")]
    NoBoundary,
    #[error("a part's header above {MOST_HEAD} bytes")]
    LongHead,
    #[error("a part above {MOST_PART} bytes")]
    LargePart,
}

/// Takes an answer's body apart.
#[derive(Debug)]
pub struct Multipart {
    /// Without the dashes around it; empty until the first delimiter names it.
    boundary: Vec<u8>,
    buffer: BytesMut,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Between parts; so many bytes were skipped.
    Between(usize),
    /// In a part's header, of which so many bytes were read.
    Head {
        read: usize,
        length: Option<usize>,
    },
    Measured(usize),
    /// A part without a length; there is no delimiter in the first so many bytes.
    Open(usize),
}

impl Multipart {
    /// For an answer with this `Content-Type`; `None` where it is no multipart.
    pub fn of_content_type(value: &str) -> Option<Self> {
        let mut fields = value.split(';');
        let kind = fields.next().unwrap_or_default().trim().to_ascii_lowercase();
        if !kind.starts_with("multipart/") {
            return None;
        }
        let named = fields.find_map(|field| {
            let (key, value) = field.split_once('=')?;
            key.trim().eq_ignore_ascii_case("boundary").then_some(value)
        });
        Some(Self::new(named.unwrap_or_default()))
    }

    /// With a boundary as a `Content-Type` names it; an empty one is taken from the first delimiter.
    pub fn new(boundary: &str) -> Self {
        let boundary = boundary.trim().trim_matches('"').trim();
        let boundary = bare(boundary.as_bytes()).iter().take(MOST_DELIMITER / 2).copied().collect();
        Self { boundary, buffer: BytesMut::new(), state: State::Between(0) }
    }

    /// More of the body. Call [`Self::poll_part`] until it gives nothing before the next.
    pub fn handle_bytes(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next part's content, without its header. After an error nothing more comes.
    pub fn poll_part(&mut self) -> Result<Option<Bytes>, Malformed> {
        loop {
            match self.state {
                State::Between(skipped) => match self.line(MOST_DELIMITER) {
                    Some(line) if self.is_delimiter(&line) => self.state = State::Head { read: 0, length: None },
                    Some(line) => self.skip(skipped + line.len())?,
                    None if self.buffer.len() > MOST_DELIMITER => {
                        // No delimiter is so long.
                        let rest = self.buffer.len();
                        self.buffer.clear();
                        self.skip(skipped + rest)?;
                    }
                    None => return Ok(None),
                },
                State::Head { read, length } => {
                    // Some cameras leave the empty line out, or the whole header.
                    if self.buffer.starts_with(&[0xff, 0xd8]) {
                        self.state = length.map_or(State::Open(0), State::Measured);
                        continue;
                    }
                    let Some(line) = self.line(MOST_HEAD) else {
                        if read + self.buffer.len() > MOST_HEAD {
                            return Err(Malformed::LongHead);
                        }
                        return Ok(None);
                    };
                    let read = read + line.len();
                    if read > MOST_HEAD {
                        return Err(Malformed::LongHead);
                    }
                    self.state = if line.trim_ascii().is_empty() {
                        // An empty line in front of the header is not its end.
                        if read <= 2 && length.is_none() && self.buffer.starts_with(b"Content-") {
                            State::Head { read, length }
                        } else {
                            length.map_or(State::Open(0), State::Measured)
                        }
                    } else {
                        State::Head { read, length: length_of(&line)?.or(length) }
                    };
                }
                State::Measured(length) => {
                    if self.buffer.len() < length {
                        return Ok(None);
                    }
                    self.state = State::Between(0);
                    return Ok(Some(self.buffer.split_to(length).freeze()));
                }
                State::Open(scanned) => return self.open_part(scanned),
            }
        }
    }

    /// Bytes held now, for tests.
    pub fn held(&self) -> usize {
        self.buffer.len()
    }

    /// A part that ends where the next delimiter begins, or where its picture does: a camera that goes quiet between two
    /// pictures shall not hold the first back.
    fn open_part(&mut self, scanned: usize) -> Result<Option<Bytes>, Malformed> {
        if self.buffer.ends_with(&[0xff, 0xd9]) && jpeg_end(&self.buffer) == Some(self.buffer.len()) {
            self.state = State::Between(0);
            return Ok(Some(self.buffer.split().freeze()));
        }
        let mut at = scanned;
        while let Some(found) = self.buffer.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b'\n')) {
            at += found;
            let after = self.buffer.get(at + 1..).unwrap_or_default();
            let dashes = after.iter().take_while(|byte| **byte == b'-').count();
            let name = after.get(dashes..).unwrap_or_default();
            let undecided = name.len() < self.boundary.len() && dashes <= MOST_DELIMITER;
            if undecided && self.boundary.starts_with(name) && (dashes >= 2 || name.is_empty()) {
                break;
            }
            if dashes >= 2 && !self.boundary.is_empty() && name.starts_with(&self.boundary) {
                let part = self.buffer.split_to(at).freeze();
                self.state = State::Between(0);
                return Ok(Some(part.strip_suffix(b"\r").map_or(part.clone(), |short| part.slice_ref(short))));
            }
            at += 1;
        }
        if self.buffer.len() > MOST_PART {
            return Err(Malformed::LargePart);
        }
        let complete = !self.buffer.get(at..).is_some_and(|rest| rest.starts_with(b"\n"));
        self.state = State::Open(if complete { self.buffer.len() } else { at });
        Ok(None)
    }

    fn skip(&mut self, skipped: usize) -> Result<(), Malformed> {
        if skipped > MOST_PART {
            return Err(Malformed::NoBoundary);
        }
        self.state = State::Between(skipped);
        Ok(())
    }

    /// Takes a line of at most `most` bytes, its end included.
    fn line(&mut self, most: usize) -> Option<BytesMut> {
        let end = self.buffer.iter().take(most).position(|byte| *byte == b'\n')?;
        Some(self.buffer.split_to(end + 1))
    }

    fn is_delimiter(&mut self, line: &[u8]) -> bool {
        let line = line.trim_ascii();
        let name = bare(line);
        if self.boundary.is_empty() && line.starts_with(b"--") && !name.is_empty() {
            self.boundary = name.to_vec();
        }
        !name.is_empty() && name == self.boundary
    }
}

/// A boundary without the dashes around it.
fn bare(text: &[u8]) -> &[u8] {
    let start = text.iter().take_while(|byte| **byte == b'-').count();
    let rest = text.get(start..).unwrap_or_default();
    let end = rest.iter().rev().take_while(|byte| **byte == b'-').count();
    rest.get(..rest.len() - end).unwrap_or_default()
}

/// What a line of a header says of the part's length, if that is what it says.
fn length_of(line: &[u8]) -> Result<Option<usize>, Malformed> {
    let Some((key, value)) = std::str::from_utf8(line).ok().and_then(|line| line.split_once(':')) else {
        return Ok(None);
    };
    if !key.trim().eq_ignore_ascii_case("content-length") {
        return Ok(None);
    }
    match value.trim().parse::<u64>() {
        Ok(length) if length > MOST_PART as u64 => Err(Malformed::LargePart),
        Ok(length) => Ok(Some(length as usize)),
        // A length that is no number is no length.
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_HEAD, MOST_PART, Malformed, Multipart};

    /// All parts of a body that comes in pieces of so many bytes.
    fn parts(boundary: &str, body: &[u8], piece: usize) -> Result<Vec<Vec<u8>>, Malformed> {
        let mut multipart = Multipart::new(boundary);
        let mut parts = Vec::new();
        for piece in body.chunks(piece) {
            multipart.handle_bytes(piece);
            while let Some(part) = multipart.poll_part()? {
                parts.push(part.to_vec());
            }
        }
        Ok(parts)
    }

    #[track_caller]
    fn assert_two(boundary: &str, body: &[u8]) {
        for piece in [1, 2, 7, body.len()] {
            let found = parts(boundary, body, piece).expect("well-formed");
            assert_eq!(found, [b"one\n--two".to_vec(), b"three".to_vec()], "in pieces of {piece}");
        }
    }

    #[test]
    fn parts_come_with_and_without_lengths_however_they_are_cut() {
        let head = "Content-Type: image/jpeg\r\n";
        let measured = format!(
            "--b\r\n{head}Content-Length: 9\r\n\r\none\n--two\r\n--b\r\ncontent-length:5\r\n\r\nthree\r\n--b--\r\n"
        );
        assert_two("b", measured.as_bytes());
        let open = format!("--b\r\n{head}\r\none\n--two\r\n--b\r\n{head}\r\nthree\r\n--b\r\n");
        assert_two("b", open.as_bytes());
    }

    #[test]
    fn boundaries_are_found_however_they_are_named() {
        for named in ["b", "--b", "\"b\"", " --b--", ""] {
            assert_two(named, b"\r\n--b\r\n\r\none\n--two\r\n--b\r\n\r\nthree\r\n--b\r\n");
            assert_two(named, b"--b\nContent-Length: nine\n\none\n--two\n--b--\n\nthree\n--b\n");
        }
        // Control: another boundary is none.
        assert_eq!(parts("c", b"--b\r\n\r\none\r\n--b\r\n", 3), Ok(Vec::new()));
        let kind = |value| Multipart::of_content_type(value).map(|multipart| multipart.boundary);
        assert_eq!(kind("multipart/x-mixed-replace; boundary=\"--my b\""), Some(b"my b".to_vec()));
        assert_eq!(kind("Multipart/X-Mixed-Replace;BOUNDARY=x;charset=a"), Some(b"x".to_vec()));
        assert_eq!(kind("multipart/mixed"), Some(Vec::new()));
        assert_eq!(kind("text/html"), None);
    }

    #[test]
    fn a_picture_is_given_as_soon_as_it_is_whole() {
        let mut jpeg = Vec::new();
        let pixels = vec![90; 16 * 16 * 3];
        jpeg_encoder::Encoder::new(&mut jpeg, 90).encode(&pixels, 16, 16, jpeg_encoder::ColorType::Rgb).unwrap();
        // Without a length, and even without a header; the next delimiter has not come yet.
        for head in ["--b\r\nContent-Type: image/jpeg\r\n\r\n", "--b\r\n"] {
            let body = [head.as_bytes(), &jpeg].concat();
            assert_eq!(parts("b", &body, 100), Ok(vec![jpeg.clone()]));
        }
    }

    #[test]
    fn memory_is_bounded_whatever_comes() {
        let endless = |first: &str, rest: &[u8]| {
            let mut multipart = Multipart::new("b");
            multipart.handle_bytes(first.as_bytes());
            let mut most = 0;
            for _ in 0..2 * MOST_PART / rest.len() {
                multipart.handle_bytes(rest);
                if let Err(why) = multipart.poll_part() {
                    return (Some(why), most);
                }
                most = most.max(multipart.held());
            }
            (None, most)
        };
        let page = [b'x'; 4096];
        let (why, most) = endless("", &page);
        assert!(why == Some(Malformed::NoBoundary) && most <= 4096, "{most}");
        let (why, most) = endless("--b\r\n", &page);
        assert!(why == Some(Malformed::LongHead) && most <= MOST_HEAD, "{most}");
        let (why, most) = endless("--b\r\n", b"X-Again: and again\r\n");
        assert!(why == Some(Malformed::LongHead) && most <= MOST_HEAD, "{most}");
        let (why, most) = endless("--b\r\n\r\n", &page);
        assert!(why == Some(Malformed::LargePart) && most <= MOST_PART + 4096, "{most}");
        assert_eq!(parts("b", b"--b\r\nContent-Length: 4294967296\r\n\r\n", 9), Err(Malformed::LargePart));
        assert_eq!(parts("b", b"--b\r\nContent-Length: 99999999999999999999999\r\n\r\n", 9), Ok(Vec::new()));
    }
}
