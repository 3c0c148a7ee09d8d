use std::path::Path;

use athome_shared::id::CameraId;
use athome_shared::time::WallTime;

use super::{FILE, Index, IndexError, NewSegment, Opened, Query};
use crate::events::Cause;

fn segment(n: i64, camera: &str) -> NewSegment {
    NewSegment {
        camera: CameraId::slug(camera),
        file: format!("{camera}/2026-11-20/00-00-{n:02}.mp4"),
        began: WallTime(n * 1_000_000),
        ended: WallTime(n * 1_000_000 + 900_000),
        bytes: 1_000,
        why: Cause::Motion,
        width: 1_280,
        height: 720,
        sound: true,
        kept: false,
        dated: true,
    }
}

fn open(data: &Path) -> (Index, Opened) {
    Index::open(data).expect("opens")
}

#[test]
fn what_was_added_is_found_by_camera_and_time() {
    let data = tempfile::tempdir().expect("a folder");
    let (index, opened) = open(data.path());
    assert_eq!(opened, Opened::New);
    for n in 0..20 {
        index.add(&segment(n, if n % 2 == 0 { "door" } else { "yard" })).expect("added");
    }
    let query = Query {
        camera: CameraId::new("door"),
        from: Some(WallTime(4_500_000)),
        to: Some(WallTime(10_000_000)),
        limit: None,
    };
    let found = index.segments(&query).expect("found");
    let began: Vec<i64> = found.iter().map(|s| s.new.began.0 / 1_000_000).collect();
    assert_eq!(began, [4, 6, 8]);
    assert_eq!(found[1].new, segment(6, "door"));
    assert_eq!(index.segments(&Query { limit: Some(3), ..Query::default() }).expect("found").len(), 3);
    let totals = index.totals().expect("sums");
    assert_eq!((totals.files, totals.bytes, totals.oldest), (20, 20_000, Some(WallTime(0))));
    // The same file again is the same row.
    index.add(&NewSegment { bytes: 7, ..segment(6, "door") }).expect("added");
    assert_eq!(index.totals().expect("sums").files, 20);
    drop(index);
    let (index, opened) = open(data.path());
    assert_eq!((opened, index.totals().expect("sums").bytes), (Opened::Whole, 19_007));
}

#[test]
fn a_removal_takes_its_steps_and_a_pinned_one_takes_none() {
    let data = tempfile::tempdir().expect("a folder");
    let (index, _) = open(data.path());
    let (a, b) = (index.add(&segment(1, "door")).expect("added"), index.add(&segment(2, "door")).expect("added"));
    index.set_kept(b, true).expect("kept");
    assert!(index.condemn(a).expect("condemned") && !index.condemn(b).expect("asked"));
    assert!(!index.condemn(a).expect("asked"), "only once");
    assert_eq!(index.garbage(10).expect("listed"), [segment(1, "door").file]);
    index.unlinked(&segment(1, "door").file).expect("forgotten");
    assert!(index.garbage(10).expect("listed").is_empty());
    assert!(matches!(index.segment(a), Err(IndexError::Unknown)) && index.segment(b).expect("there").new.kept);
    assert!(matches!(index.set_kept(99, true), Err(IndexError::Unknown)));
}

#[test]
fn motion_is_remembered_with_its_zones() {
    let data = tempfile::tempdir().expect("a folder");
    let (index, _) = open(data.path());
    let (door, zones) = (CameraId::slug("door"), vec!["Drive".to_owned(), "Tür".to_owned()]);
    index.motion_began(&door, WallTime(5), &zones).expect("noted");
    let all = |index: &Index| index.motions(Some(&door), WallTime(0), WallTime(10), 100).expect("listed");
    assert_eq!((all(&index)[0].ended, &all(&index)[0].zones), (None, &zones));
    index.motion_ended(&door, WallTime(5), WallTime(9), 0.25).expect("noted");
    assert_eq!((all(&index)[0].ended, all(&index)[0].peak), (Some(WallTime(9)), 0.25));
    assert!(index.motions(CameraId::new("yard").as_ref(), WallTime(0), WallTime(10), 100).expect("listed").is_empty());
    assert_eq!(index.forget_motion(WallTime(6)).expect("forgotten"), 1);
}

#[test]
fn a_damaged_index_is_moved_aside_and_a_newer_one_is_left_alone() {
    let data = tempfile::tempdir().expect("a folder");
    for damage in [&b"no database at all, but long enough to be looked at"[..], &[0xff; 8_192]] {
        drop(open(data.path()).0);
        std::fs::write(data.path().join(FILE), damage).expect("written");
        let (index, opened) = open(data.path());
        assert_eq!(opened, Opened::Replaced);
        index.add(&segment(1, "door")).expect("it works");
    }
    let aside = std::fs::read_dir(data.path()).expect("listed").flatten();
    assert_eq!(aside.filter(|entry| entry.file_name().to_string_lossy().contains("damaged")).count(), 2);
    // A page in the middle.
    let (index, _) = open(data.path());
    for n in 0..400 {
        index.add(&NewSegment { file: format!("door/2026-11-20/{n}.mp4"), ..segment(n, "door") }).expect("added");
    }
    drop(index);
    let path = data.path().join(FILE);
    let mut bytes = std::fs::read(&path).expect("there");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4_096].fill(0x5a);
    std::fs::write(&path, bytes).expect("written");
    assert_eq!(open(data.path()).1, Opened::Replaced);
    let (index, _) = open(data.path());
    index.db().pragma_update(None, "user_version", 99).expect("set");
    drop(index);
    assert!(matches!(Index::open(data.path()), Err(IndexError::Newer(_))));
}

#[test]
fn looking_changes_nothing() {
    let data = tempfile::tempdir().expect("a folder");
    assert!(Index::look(data.path()).expect("looked").is_none());
    let (index, _) = open(data.path());
    index.add(&segment(1, "door")).expect("added");
    let other = Index::look(data.path()).expect("looked").expect("there");
    assert_eq!(other.totals().expect("sums").files, 1);
    assert!(other.add(&segment(2, "door")).is_err());
}
