//! What network cameras send.

use athome_streamer::source::multipart::{MOST_HEAD, MOST_PART, Multipart};

/// A body of parts, in pieces of a size that the first byte says; the line after it names the boundary.
pub(super) fn multipart(data: &[u8]) {
    let Some((&piece, rest)) = data.split_first() else { return };
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let (boundary, body) = rest.split_at(end);
    let kind = String::from_utf8_lossy(boundary);
    let mut multipart = Multipart::of_content_type(&kind).unwrap_or_else(|| Multipart::new(&kind));
    let mut given = 0;
    for piece in body.chunks(usize::from(piece).max(1)) {
        multipart.handle_bytes(piece);
        loop {
            match multipart.poll_part() {
                Ok(Some(part)) => {
                    given += part.len();
                    assert!(part.len() <= MOST_PART);
                }
                Ok(None) => break,
                Err(_) => return,
            }
        }
        assert!(given <= body.len() && multipart.held() <= MOST_PART + MOST_HEAD);
    }
}
