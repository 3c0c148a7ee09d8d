//! The recorder with a hub and a clock that are moved by hand, on real files.

mod disk_fails;
mod lost_index;
mod recorder;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use athome_shared::id::CameraId;
use athome_shared::media::frame::{Codec, EncodedFrame, Params};
use athome_shared::time::MediaTime;
use bytes::Bytes;

use super::check::{Checked, check};
use super::disk::{Disk, OwnDisk};
use super::retain::Limits;
use super::store::{Found, Store};
use crate::events::Events;
use crate::index::Query;

/// 176×144, baseline.
const SPS: &[u8] = &[0x67, 0x42, 0xc0, 0x0b, 0xd9, 0x02, 0xc4, 0xec, 0x04, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40];
const PPS: &[u8] = &[0x68, 0xcb, 0x83, 0xcb, 0x20];
const FOREVER: Limits = Limits { size: None, age: None, floor: 0 };

fn door() -> CameraId {
    CameraId::slug("door")
}

/// Picture `n` of 10 a second since `origin`, every tenth a key frame, with `bytes` behind it.
fn picture(origin: Instant, n: u64, bytes: usize) -> EncodedFrame {
    let is_key = n.is_multiple_of(10);
    let start = [0, 0, 0, 1];
    let mut data = match is_key {
        true => [&start, SPS, &start, PPS, &start, &[0x65, 0x88, 0x84]].concat(),
        false => [&start[..], &[0x41, 0x9a, 0x02]].concat(),
    };
    data.extend(std::iter::repeat_n(0x55, bytes));
    let at = origin + Duration::from_millis(100 * n);
    EncodedFrame {
        codec: Codec::H264,
        is_key,
        pts: MediaTime(i64::try_from(n).unwrap() * 9_000),
        captured: at,
        encoded: at,
        data: Bytes::from(data),
        params: Arc::new(Params::Video { width: 176, height: 144, profile_level_id: [0x42, 0xc0, 0x0b] }),
    }
}

/// Sound of 20 ms, `n` of 50 a second.
fn packet(origin: Instant, n: u64) -> EncodedFrame {
    let at = origin + Duration::from_millis(20 * n);
    EncodedFrame {
        codec: Codec::Opus,
        is_key: true,
        pts: MediaTime(i64::try_from(n).unwrap() * 1_800),
        captured: at,
        encoded: at,
        data: Bytes::from_static(&[0xfc, 0xff, 0xfe]),
        params: Arc::new(Params::Audio { channels: 2 }),
    }
}

fn open(data: &Path, disk: Arc<dyn Disk>, limits: Limits) -> (Store, Found) {
    Store::open(disk, data, &data.join("recordings"), limits, Events::new()).expect("opens")
}

fn open_well(data: &Path) -> (Store, Found) {
    open(data, Arc::new(OwnDisk), FOREVER)
}

fn looked_through(data: &Path, store: &Store) -> Checked {
    let rows = store.index().segments(&Query::default()).expect("listed");
    check(&OwnDisk, &data.join("recordings"), &rows, false).expect("looked through")
}
