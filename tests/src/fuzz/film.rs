//! What a streamer sends of the past, and the files that it is made of.

use std::io::Cursor;

use athome_shared::media::mp4::read::{fragment_at, load, outline};
use athome_shared::protocol::past::Past;
use athome_shared::time::WallTime;
use athome_viewer::session::past::{FilmReader, Unit};

/// A film in pieces of every size: nothing is held that did not come, and what comes out is no more than what went in. A list.
/// A file whose beginning and end say where things are: whatever they say, nothing outside it is read.
pub(super) fn film(data: &[u8]) {
    if let Ok(list) = serde_json::from_slice::<Past>(data) {
        assert!(serde_json::to_vec(&list).is_ok());
    }
    let mut reader = FilmReader::new(WallTime(i64::MAX - 1));
    let (mut taken, mut given, mut rest) = (0, 0, data);
    let mut size = 1 + data.len() % 61;
    'film: while !rest.is_empty() {
        let (piece, more) = rest.split_at(size.min(rest.len()));
        reader.push(piece);
        (rest, taken, size) = (more, taken + piece.len(), size * 3 % 977 + 1);
        loop {
            match reader.poll() {
                Ok(Some(Unit::Picture { data, .. } | Unit::Sound { data, .. })) => given += data.len(),
                Ok(Some(Unit::Begin { .. })) => {}
                Ok(None) => break,
                Err(_) => break 'film,
            }
        }
        assert!(given <= taken);
    }
    let mut file = Cursor::new(data);
    let Ok(found) = outline(&mut file) else { return };
    assert!(found.end <= data.len() as u64);
    for key in found.keys.iter().take(100) {
        if let Ok(Some(fragment)) = fragment_at(&mut file, &found, key.place) {
            assert!(fragment.place + fragment.length <= found.end);
            let _damaged = load(&mut file, &fragment);
        }
    }
}
