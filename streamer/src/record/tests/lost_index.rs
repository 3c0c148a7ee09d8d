//! The index is lost or damaged, files are cut: all rows come back, what is pinned stays, nothing is deleted.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use athome_shared::time::{MediaTime, WallTime};

use super::super::segment::Segment;
use super::{FOREVER, door, looked_through, open, open_well, picture};
use crate::events::{Cause, Events};
use crate::index::{Query, Segment as Row};
use crate::record::disk::OwnDisk;
use crate::record::retain::Limits;
use crate::record::store::{Store, StoreError};

/// Records `pictures` at a time so many minutes after some hour.
fn record(store: &Store, minutes: i64, pictures: u64) {
    let (origin, began) = (Instant::now(), WallTime(1_794_000_000_000_000 + minutes * 60_000_000));
    let mut segment = Segment::new(store.place(&door()), began, &picture(origin, 0, 300), false, MediaTime(0));
    for n in 0..pictures {
        let frame = picture(origin, n, 300);
        segment.push(&frame);
        segment.write(&OwnDisk, frame.captured).expect("written");
    }
    let closed = segment.close(&OwnDisk).expect("closed").expect("pictures");
    store.add(&door(), &closed, Cause::Motion);
}

fn rows(store: &Store) -> Vec<Row> {
    store.index().segments(&Query::default()).expect("listed")
}

fn videos(data: &Path) -> BTreeSet<PathBuf> {
    fn walk(folder: &Path, found: &mut BTreeSet<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("listed").flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|end| end == "mp4") {
                found.insert(path);
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(&data.join("recordings"), &mut found);
    found
}

#[test]
fn all_rows_come_back_however_the_index_went() {
    let data = tempfile::tempdir().expect("a folder");
    let data = data.path();
    let (store, _) = open_well(data);
    for minutes in 0..10 {
        record(&store, minutes, 25);
    }
    store.keep(rows(&store)[4].id, true).expect("kept");
    let before: Vec<_> = rows(&store)
        .into_iter()
        .map(|row| (row.new.file, row.new.began, row.new.ended, row.new.bytes, row.new.kept))
        .collect();
    let index = data.join("index.db");
    let damage: [&dyn Fn(); 4] = [
        &|| std::fs::remove_file(&index).expect("removed"),
        &|| std::fs::write(&index, b"").expect("emptied"),
        &|| std::fs::write(&index, [0x5a; 30_000]).expect("overwritten"),
        &|| {
            let bytes = std::fs::read(&index).expect("read");
            std::fs::write(&index, &bytes[..bytes.len() / 2]).expect("cut");
        },
    ];
    drop(store);
    for (n, damage) in damage.iter().enumerate() {
        for beside in ["index.db-wal", "index.db-shm"] {
            let _none = std::fs::remove_file(data.join(beside));
        }
        damage();
        let (store, found) = open_well(data);
        let after: Vec<_> = rows(&store)
            .into_iter()
            .map(|row| (row.new.file, row.new.began, row.new.ended, row.new.bytes, row.new.kept))
            .collect();
        assert_eq!(after.len(), before.len(), "{n}: {found:?}");
        for (after, before) in after.iter().zip(&before) {
            assert_eq!((&after.0, after.3, after.4), (&before.0, before.3, before.4), "{n}");
            // NTP's fractions and ours differ by a microsecond at most.
            assert!(
                (after.1.0 - before.1.0).abs() <= 2 && (after.2.0 - before.2.0).abs() <= 40_000,
                "{n}: {after:?} {before:?}"
            );
        }
        assert!(looked_through(data, &store).clean());
    }
    // Control: what a rule removes is gone, so the rows above are no accident; the pinned one stays even then.
    let (store, _) = open(data, std::sync::Arc::new(OwnDisk), Limits { size: Some(1), age: None, floor: 0 });
    store.tidy().expect("tidied");
    let left = rows(&store);
    assert_eq!((left.len(), left[0].new.kept), (1, true));
    assert_eq!(videos(data).len(), 1);
}

#[test]
fn cut_files_are_mended_and_what_holds_nothing_stands_aside() {
    let data = tempfile::tempdir().expect("a folder");
    let data = data.path();
    let (store, _) = open_well(data);
    for minutes in 0..4 {
        record(&store, minutes, 40);
    }
    let files: Vec<String> = rows(&store).into_iter().map(|row| row.new.file).collect();
    drop(store);
    std::fs::remove_file(data.join("index.db")).expect("removed");
    let path = |n: usize| data.join("recordings").join(&files[n]);
    let bytes = std::fs::read(path(0)).expect("read");
    // Cut in the middle; zeros at the end; nothing but a beginning; somebody else's bytes.
    std::fs::write(path(0), &bytes[..bytes.len() * 2 / 3]).expect("cut");
    std::fs::write(path(1), [&bytes[..bytes.len() / 2], &vec![0; 60_000]].concat()).expect("zeroed");
    std::fs::write(path(2), &bytes[..900]).expect("cut");
    std::fs::write(path(3), b"holiday").expect("replaced");
    let stranger = path(0).with_file_name("holiday.mp4");
    std::fs::write(&stranger, b"not ours").expect("written");
    let before = videos(data).len();

    let (store, found) = open_well(data);
    assert_eq!((found.adopted.len(), found.cut, found.quarantined.len()), (2, 2, 2), "{found:?}");
    assert!(found.cut_bytes > 60_000);
    assert_eq!(videos(data).len(), before, "nothing was deleted");
    assert_eq!(std::fs::read(&stranger).expect("there"), b"not ours");
    assert!(looked_through(data, &store).clean());
    let seconds = |row: &Row| (row.new.ended.0 - row.new.began.0) / 1_000_000;
    assert!(rows(&store).iter().all(|row| (1..4).contains(&seconds(row))), "{:?}", rows(&store));
    // Once more finds nothing to do.
    drop(store);
    let (store, found) = open_well(data);
    assert_eq!((found.adopted.len(), found.quarantined.len(), rows(&store).len()), (0, 0, 2));
}

#[test]
fn a_flaw_costs_nothing_and_a_hole_what_comes_after_it() {
    let data = tempfile::tempdir().expect("a folder");
    let data = data.path();
    let (store, _) = open_well(data);
    (0..3).for_each(|minutes| record(&store, minutes, 60));
    let files: Vec<String> = rows(&store).into_iter().map(|row| row.new.file).collect();
    let change = |n: usize, change: &dyn Fn(&mut [u8])| {
        let path = data.join("recordings").join(&files[n]);
        let mut bytes = std::fs::read(&path).expect("read");
        change(&mut bytes);
        std::fs::write(&path, bytes).expect("written");
    };
    // One picture's byte; and a hole over boxes, with the end as it was.
    change(1, &|bytes| bytes[9_000] ^= 1);
    change(2, &|bytes| bytes[12_000..16_000].fill(0));
    let checked = looked_through(data, &store);
    assert_eq!((checked.whole, checked.flawed.len(), checked.damaged.len()), (1, 1, 1), "{checked:?}");
    let before = std::fs::metadata(data.join("recordings").join(&files[1])).expect("there").len();
    let found = store.mend(&checked.damaged).expect("mended");
    assert_eq!((found.adopted.len(), found.cut), (1, 1));
    let checked = looked_through(data, &store);
    assert!(checked.clean() && checked.whole == 2 && checked.flawed.len() == 1, "{checked:?}");
    let after = std::fs::metadata(data.join("recordings").join(&files[1])).expect("there").len();
    assert_eq!((before, rows(&store).len()), (after, 3));
}

#[test]
fn two_streamers_do_not_share_a_folder() {
    let data = tempfile::tempdir().expect("a folder");
    let (here, there) = (data.path().join("here"), data.path().join("there"));
    std::fs::create_dir(&here).and_then(|()| std::fs::create_dir(&there)).expect("folders");
    let root = data.path().join("recordings");
    let open = |data: &Path| Store::open(Arc::new(OwnDisk), data, &root, FOREVER, Events::new());
    let first = open(&here).expect("the first");
    assert!(matches!(open(&there), Err(StoreError::InUse(_))), "each would take the other's files for damaged ones");
    drop(first);
    assert!(open(&there).is_ok(), "control: one after the other");
}

#[test]
fn a_folder_that_is_not_there_forgets_nothing() {
    let data = tempfile::tempdir().expect("a folder");
    let data = data.path();
    let (store, _) = open_well(data);
    record(&store, 0, 25);
    record(&store, 1, 25);
    drop(store);
    let (there, away) = (data.join("recordings"), data.join("unplugged"));
    std::fs::rename(&there, &away).expect("moved");
    let (store, found) = open_well(data);
    assert_eq!((found.missing.len(), rows(&store).len()), (0, 2));
    drop(store);
    std::fs::remove_file(there.join(".in-use")).expect("the lock");
    std::fs::remove_dir(&there).expect("empty but for that");
    std::fs::rename(&away, &there).expect("moved");
    // One that is really gone is forgotten.
    let (store, _) = open_well(data);
    std::fs::remove_file(there.join(&rows(&store)[0].new.file)).expect("removed");
    drop(store);
    let (store, found) = open_well(data);
    assert_eq!((found.missing.len(), rows(&store).len()), (1, 1));
}

#[test]
fn a_recording_is_removed_with_its_thumbnail_and_its_day_and_a_pinned_one_is_not() {
    let data = tempfile::tempdir().expect("a folder");
    let data = data.path();
    let (store, _) = open_well(data);
    record(&store, 0, 25);
    record(&store, 24 * 60, 25);
    let all = rows(&store);
    let pinned = store.keep(all[1].id, true).expect("kept");
    assert!(pinned.new.kept && !store.delete(all[1].id).expect("asked"));
    let folder = data.join("recordings").join(&all[0].new.file);
    assert!(store.delete(all[0].id).expect("removed"));
    assert!(!folder.exists() && !folder.parent().expect("a day").exists());
    assert!(!store.keep(all[1].id, false).expect("let go").new.kept);
    assert!(store.delete(all[1].id).expect("removed") && rows(&store).is_empty());
    assert!(videos(data).is_empty());
}
