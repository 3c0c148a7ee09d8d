//! `recordings list|export|check`: what was recorded, straight from the folder, whether a streamer runs with it or not.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use athome_shared::id::CameraId;
use athome_shared::time::WallTime;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde_json::{Value, json};

use super::start::{data_folder, lock, read_config};
use super::{Common, RecordingsCommand};
use crate::app::recordings_folder;
use crate::config::Config;
use crate::events::Events;
use crate::index::{Index, Query, Segment};
use crate::record::check::check;
use crate::record::disk::{Disk, OwnDisk};
use crate::record::export::{ExportError, export};
use crate::record::retain::forecast;
use crate::record::store::Store;
use crate::terminal::run::say;
use crate::terminal::sentence::day_and_time;
use crate::words::{Lang, Word};

/// Carries out one of them.
pub fn recordings(common: &Common, command: &RecordingsCommand, lang: Lang) -> anyhow::Result<()> {
    let config = read_config(common.config.as_deref(), lang)?;
    let data = data_folder(common.data.clone())?;
    let root = recordings_folder(&config, &data);
    match command {
        RecordingsCommand::List { camera, from, to } => {
            let query = Query { camera: camera.as_deref().map(id).transpose()?, from: *from, to: *to, limit: None };
            list(&rows(&data, &query)?, &root, &config, common.json, lang);
        }
        RecordingsCommand::Export { camera, from, to, file } => {
            let query = Query { camera: Some(id(camera)?), from: Some(*from), to: Some(*to), limit: None };
            if to <= from {
                bail!("--to is not later than --from.");
            }
            save(&rows(&data, &query)?, &root, (*from, *to), file, common.json, lang)?;
        }
        RecordingsCommand::Check { repair } => look_through(&data, &root, &config, *repair, common.json, lang)?,
    }
    Ok(())
}

fn rows(data: &Path, query: &Query) -> anyhow::Result<Vec<Segment>> {
    Ok(match Index::look(data)? {
        Some(index) => index.segments(query)?,
        None => Vec::new(),
    })
}

/// A camera by its id or by the name that people see.
fn id(name: &str) -> anyhow::Result<CameraId> {
    if name.trim().is_empty() {
        bail!("--camera needs a name.");
    }
    Ok(CameraId::slug(name))
}

fn list(rows: &[Segment], root: &Path, config: &Config, json: bool, lang: Lang) {
    let free = OwnDisk.free(root).ok().flatten();
    let days = forecast(rows, WallTime::now(), &config.storage.limits, free);
    let bytes: u64 = rows.iter().map(|row| row.new.bytes).sum();
    if json {
        let room = json!({"bytes": bytes, "free_bytes": free, "days": days});
        say(&json!({"folder": root.display().to_string(), "recordings": rows, "room": room}).to_string());
        return;
    }
    if rows.is_empty() {
        say(Word::NothingRecorded.text(lang));
        return;
    }
    for row in rows {
        let seconds = (row.new.ended.0 - row.new.began.0) / 1_000_000;
        let pin = if row.new.kept { '◆' } else { ' ' };
        say(&format!(
            "{pin} {}  {:>8}  {:>9}  {}",
            day_and_time(row.new.began),
            length(seconds),
            size(row.new.bytes),
            row.new.file
        ));
    }
    say(&Word::RecordingsSum.fill(lang, &[("n", &rows.len().to_string()), ("size", &size(bytes))]));
    if let Some(days) = days {
        say(&Word::RoomFor.fill(lang, &[("n", &format!("{days:.0}"))]));
    }
}

fn save(
    rows: &[Segment],
    root: &Path,
    range: (WallTime, WallTime),
    path: &Path,
    json: bool,
    lang: Lang,
) -> anyhow::Result<()> {
    if rows.is_empty() {
        bail!(Word::NothingThen.text(lang));
    }
    let named = || path.display().to_string();
    let mut file = File::create_new(path).with_context(named)?;
    let made = export(&OwnDisk, root, rows, range, |bytes| file.write_all(bytes));
    let done = match made {
        Ok(done) => done,
        Err(why) => {
            // Ours, of a moment ago, and of no use.
            let _left_behind = std::fs::remove_file(path);
            match why {
                ExportError::Nothing => bail!(Word::NothingThen.text(lang)),
                why => return Err(why).with_context(named),
            }
        }
    };
    for patch in &done.patches {
        file.seek(SeekFrom::Start(patch.place)).and_then(|_| file.write_all(&patch.bytes)).with_context(named)?;
    }
    file.sync_all().with_context(named)?;
    if json {
        let mut told = serde_json::to_value(&done)?;
        if let Some(fields) = told.as_object_mut() {
            fields.insert("file".to_owned(), json!(named()));
        }
        say(&told.to_string());
    } else {
        let time = length((done.ended.0 - done.began.0) / 1_000_000);
        let values = [("file", named()), ("time", time), ("n", done.files.to_string())];
        let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
        say(&Word::ExportDone.fill(lang, &values));
    }
    Ok(())
}

fn look_through(data: &Path, root: &Path, config: &Config, repair: bool, json: bool, lang: Lang) -> anyhow::Result<()> {
    let held = lock(data, lang);
    let running = held.is_err();
    if repair && running {
        bail!(Word::StopFirst.text(lang));
    }
    // A damaged index is as good as none: its files are all unknown to it.
    let rows = rows(data, &Query::default()).unwrap_or_default();
    let before = check(&OwnDisk, root, &rows, running).with_context(|| root.display().to_string())?;
    let troubles = before.damaged.len() + before.missing.len() + before.unknown.len() + before.unread.len();
    let (mut after, mut found) = (before.clone(), None);
    if repair {
        let (store, first) = Store::open(Arc::new(OwnDisk), data, root, config.storage.limits, Events::new())?;
        let second = store.mend(&before.damaged)?;
        let rows = store.index().segments(&Query::default())?;
        after = check(&OwnDisk, root, &rows, false)?;
        found = Some([first, second]);
    }
    if json {
        let mut told = serde_json::to_value(&after)?;
        if let (Some(fields), Some(found)) = (told.as_object_mut(), &found) {
            let all = |of: fn(&crate::record::store::Found) -> &Vec<String>| -> Value {
                json!(found.iter().flat_map(of).collect::<Vec<_>>())
            };
            fields.insert("adopted".to_owned(), all(|found| &found.adopted));
            fields.insert("set_aside".to_owned(), all(|found| &found.quarantined));
            fields.insert("forgotten".to_owned(), all(|found| &found.missing));
        }
        if let Some(fields) = told.as_object_mut() {
            fields.insert("clean".to_owned(), json!(after.clean()));
        }
        say(&told.to_string());
    } else {
        let files = [&after.damaged, &after.missing, &after.unknown, &after.unread];
        files.into_iter().flatten().for_each(|file| say(&format!("  {file}")));
        let (n, all) = (troubles.to_string(), after.whole.to_string());
        match (after.clean(), troubles) {
            (true, 0) => say(&Word::CheckClean.fill(lang, &[("n", &all)])),
            (true, _) => say(&Word::CheckMended.fill(lang, &[("n", &n), ("all", &all)])),
            (false, _) => {}
        }
    }
    if !after.clean() {
        let left = after.damaged.len() + after.missing.len() + after.unknown.len() + after.unread.len();
        bail!(Word::CheckFound.fill(lang, &[("n", &left.to_string())]));
    }
    Ok(())
}

/// `0:12`, `1:02:03`.
fn length(seconds: i64) -> String {
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// In the units that disks are sold in.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// `2026-11-20T14:03:00Z`, `2026-11-20 14:03`, `14:03` of today or `-10m`, as a person or a program writes it.
pub(super) fn time(text: &str) -> Result<WallTime, String> {
    let wrong = || "write it as \"2026-11-20 14:03\", \"14:03\", \"-10m\" or 2026-11-20T14:03:00Z".to_owned();
    let (text, now) = (text.trim(), Timestamp::now());
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(WallTime(at.as_microsecond()));
    }
    if let Some(ago) = text.strip_prefix('-') {
        let (number, unit) = ago.split_at_checked(ago.len().saturating_sub(1)).ok_or_else(wrong)?;
        let number: u32 = number.parse().map_err(|_| wrong())?;
        let span = match unit {
            "s" => Span::new().try_seconds(number),
            "m" => Span::new().try_minutes(number),
            "h" => Span::new().try_hours(number),
            _ => return Err(wrong()),
        };
        return now
            .checked_sub(span.map_err(|_| wrong())?)
            .map(|at| WallTime(at.as_microsecond()))
            .map_err(|_| wrong());
    }
    let zone = TimeZone::system();
    let today = now.to_zoned(zone.clone()).date();
    let at = match text.parse::<DateTime>() {
        Ok(at) => at,
        Err(_) => today.to_datetime(text.parse().map_err(|_| wrong())?),
    };
    let at = at.to_zoned(zone).map_err(|_| wrong())?;
    Ok(WallTime(at.timestamp().as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_and_programs_write_them() {
        assert_eq!(time("2026-11-20T14:03:00Z"), Ok(WallTime(1_795_183_380_000_000)));
        let local = time("2026-11-20 14:03").expect("a time");
        assert_eq!(time("2026-11-20T14:03:00"), Ok(local));
        let (ago, now) = (time("-10m").expect("a time"), WallTime::now());
        assert!((now.0 - ago.0 - 600_000_000).abs() < 5_000_000);
        assert!(time("00:00").expect("a time").0 <= now.0 + 24 * 3_600 * 1_000_000);
        for wrong in
            ["", "-", "-m", "-5d", "yesterday", "25:00", "2026-13-01 00:00", "-99999999999h", "-4000000000h", "--5m"]
        {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn lengths_and_sizes_in_words() {
        assert_eq!((length(12), length(3_723)), ("0:12".to_owned(), "1:02:03".to_owned()));
        let sizes = [1, 999_001, 2_500_000, 12_300_000_000].map(size);
        assert_eq!(sizes, ["1 kB", "1000 kB", "2.5 MB", "12.3 GB"]);
    }
}
