//! RTSP/1.0 on the wire (RFC 2326): responses, a camera's own requests and interleaved packets, read in bounded memory
//! whatever the bytes say. Pure.

use std::fmt::Write as _;

use bytes::{Buf, Bytes, BytesMut};

/// Longest head of a message, in bytes.
pub const MOST_HEAD: usize = 16 << 10;
/// Longest body of a message, in bytes: a description of a camera's streams is a tenth of it.
pub const MOST_BODY: usize = 64 << 10;

/// What comes from a camera.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    Response(Response),
    /// The camera asks something; nobody needs an answer.
    Request,
    /// A packet on a channel (RFC 2326 §10.12).
    Data {
        channel: u8,
        data: Bytes,
    },
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    pub status: u16,
    /// Names in small letters.
    headers: Vec<(String, String)>,
    pub body: Bytes,
}

/// Why bytes are not RTSP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("it speaks HTTP")]
    Http,
    #[error("it does not speak RTSP")]
    Foreign,
    #[error("a head above {MOST_HEAD} bytes")]
    LongHead,
    #[error("a body above {MOST_BODY} bytes")]
    LongBody,
}

impl Response {
    /// The first value of a header, named in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All values of a header.
    pub fn headers_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The number of the request that it answers.
    pub fn sequence(&self) -> Option<u32> {
        self.header("cseq")?.trim().parse().ok()
    }
}

/// Takes a connection's bytes apart.
#[derive(Debug, Default)]
pub struct Reader {
    buffer: BytesMut,
    /// A head that was read, and the length of the body that is missing.
    head: Option<(Incoming, usize)>,
}

impl Reader {
    /// Room for what comes next.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The next message; call until `None` whenever bytes came. After an error nothing more comes.
    pub fn poll(&mut self) -> Result<Option<Incoming>, Malformed> {
        if let Some((head, length)) = self.head.take() {
            if self.buffer.len() < length {
                self.head = Some((head, length));
                return Ok(None);
            }
            let body = self.buffer.split_to(length).freeze();
            return Ok(Some(match head {
                Incoming::Response(response) => Incoming::Response(Response { body, ..response }),
                other => other,
            }));
        }
        while matches!(self.buffer.first(), Some(b'\r' | b'\n')) {
            self.buffer.advance(1);
        }
        match self.buffer.first() {
            None => Ok(None),
            Some(b'$') => Ok(self.packet()),
            Some(b'A'..=b'Z') => {
                let Some(end) = head_end(&self.buffer) else {
                    return if self.buffer.len() > MOST_HEAD { Err(Malformed::LongHead) } else { Ok(None) };
                };
                let head = self.buffer.split_to(end);
                self.head = Some(parse_head(&String::from_utf8_lossy(&head))?);
                self.poll()
            }
            Some(_) => Err(Malformed::Foreign),
        }
    }

    fn packet(&mut self) -> Option<Incoming> {
        let (channel, high, low) = (*self.buffer.get(1)?, *self.buffer.get(2)?, *self.buffer.get(3)?);
        let length = usize::from(u16::from_be_bytes([high, low]));
        if self.buffer.len() < 4 + length {
            return None;
        }
        self.buffer.advance(4);
        Some(Incoming::Data { channel, data: self.buffer.split_to(length).freeze() })
    }
}

/// Where a head ends, its empty line included.
fn head_end(bytes: &[u8]) -> Option<usize> {
    let mut last = None;
    for (at, _) in bytes.iter().take(MOST_HEAD).enumerate().filter(|(_, byte)| **byte == b'\n') {
        let line = bytes.get(last.map_or(0, |last: usize| last + 1)..at)?;
        if last.is_some() && (line.is_empty() || line == b"\r") {
            return Some(at + 1);
        }
        last = Some(at);
    }
    None
}

fn parse_head(text: &str) -> Result<(Incoming, usize), Malformed> {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(key, value)| (key.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(key, _)| key == "content-length").map_or("0", |(_, value)| value);
    let length = length.parse::<u64>().map_err(|_| Malformed::Foreign)?;
    if length > MOST_BODY as u64 {
        return Err(Malformed::LongBody);
    }
    let mut words = first.split_whitespace();
    let version = words.next().unwrap_or_default();
    let incoming = if version.starts_with("RTSP/") {
        let status = words.next().and_then(|word| word.parse().ok()).ok_or(Malformed::Foreign)?;
        Incoming::Response(Response { status, headers, body: Bytes::new() })
    } else if version.starts_with("HTTP/") {
        return Err(Malformed::Http);
    } else if first.trim_end().ends_with("RTSP/1.0") {
        Incoming::Request
    } else {
        return Err(Malformed::Foreign);
    };
    Ok((incoming, length as usize))
}

/// A request's bytes. Neither `uri` nor a value may hold a line's end.
pub(super) fn request(method: &str, uri: &str, sequence: u32, headers: &[(&str, &str)]) -> String {
    let mut text = format!("{method} {uri} RTSP/1.0\r\nCSeq: {sequence}\r\n");
    for (key, value) in headers {
        let _infallible = write!(text, "{key}: {value}\r\n");
    }
    text.push_str(concat!("User-Agent: AtHome/", env!("CARGO_PKG_VERSION"), "\r\n\r\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::{Incoming, MOST_HEAD, Malformed, Reader};

    fn read(bytes: &[u8], piece: usize) -> Result<Vec<Incoming>, Malformed> {
        let (mut reader, mut all) = (Reader::default(), Vec::new());
        for piece in bytes.chunks(piece) {
            reader.buffer().extend_from_slice(piece);
            while let Some(incoming) = reader.poll()? {
                all.push(incoming);
            }
        }
        Ok(all)
    }

    #[test]
    fn responses_requests_and_packets_come_however_they_are_cut() {
        let bytes = b"RTSP/1.0 200 OK\r\nCSeq: 7\r\nContent-length: 3\r\n\r\nabc$\x02\x00\x02hi\r\nSET_PARAMETER * RTSP/1.0\nCSeq: 1\n\nRTSP/1.0 401 No\nWWW-Authenticate: Basic\nwww-authenticate: Digest\n\n";
        for piece in [1, 3, 1000] {
            let all = read(bytes, piece).expect("RTSP");
            let Incoming::Response(first) = &all[0] else { panic!("{all:?}") };
            assert_eq!((first.status, first.sequence(), &first.body[..]), (200, Some(7), &b"abc"[..]));
            assert_eq!(all[1], Incoming::Data { channel: 2, data: "hi".into() });
            assert_eq!(all[2], Incoming::Request);
            let Incoming::Response(last) = &all[3] else { panic!("{all:?}") };
            assert_eq!(last.headers_of("www-authenticate").collect::<Vec<_>>(), ["Basic", "Digest"]);
        }
    }

    #[test]
    fn what_is_no_rtsp_is_refused_in_bounded_memory() {
        assert_eq!(read(b"HTTP/1.1 400 Bad Request\r\n\r\n", 9), Err(Malformed::Http));
        assert_eq!(read(b"SSH-2.0-OpenSSH_9\r\n\r\n", 9), Err(Malformed::Foreign));
        assert_eq!(read(&[0x16, 0x03], 9), Err(Malformed::Foreign));
        assert_eq!(read(b"RTSP/1.0 200 OK\r\nContent-Length: 4294967296\r\n\r\n", 9), Err(Malformed::LongBody));
        assert_eq!(read(b"RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n", 9), Err(Malformed::Foreign));
        let endless = [b"RTSP/1.0 200 OK\r\n".as_slice(), &b"X: y\r\n".repeat(MOST_HEAD)].concat();
        assert_eq!(read(&endless, 1000), Err(Malformed::LongHead));
        assert_eq!(read(&vec![b'R'; MOST_HEAD + 2], 1000), Err(Malformed::LongHead));
    }
}
