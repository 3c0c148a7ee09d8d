//! What is looked for in pictures, and where: `[detection]` and `[[camera.zone]]`.

use std::collections::BTreeSet;

use serde::Deserialize;
use toml::Spanned;
use toml_edit::{Array, ArrayOfTables, Item, Table, value};

use super::ConfigError;
use super::read::{Reader, between, name, seconds_within};
use crate::encode::polygon::{Corner, crosses_itself};
use crate::motion::zones::{CORNERS, MIDDLE, MOST_ZONES, Zone, ZoneKind};
use crate::words::Problem;

/// How cameras are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detection {
    /// Whether they are.
    pub active: bool,
    /// 1 to 100, where a zone says nothing else.
    pub sensitivity: u8,
    /// Of cameras that send encoded pictures, decode key frames only: a sixth of the cost, and slow to notice.
    pub key_frames_only: bool,
}

impl Default for Detection {
    fn default() -> Self {
        Self { active: true, sensitivity: MIDDLE, key_frames_only: false }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DetectionTable {
    active: Option<bool>,
    sensitivity: Option<Spanned<u8>>,
    key_frames_only: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ZoneTable {
    name: Spanned<String>,
    kind: Option<Spanned<String>>,
    points: Spanned<Vec<[f32; 2]>>,
    sensitivity: Option<Spanned<u8>>,
    min_size: Option<Spanned<f32>>,
    min_duration: Option<Spanned<f32>>,
}

impl Reader<'_> {
    pub(super) fn detection(&self, table: DetectionTable) -> Result<Detection, ConfigError> {
        let defaults = Detection::default();
        Ok(Detection {
            active: table.active.unwrap_or(defaults.active),
            sensitivity: table.sensitivity.map_or(Ok(defaults.sensitivity), |n| self.checked(&n, sensitivity))?,
            key_frames_only: table.key_frames_only.unwrap_or(defaults.key_frames_only),
        })
    }

    pub(super) fn zones(&self, tables: Vec<ZoneTable>) -> Result<Vec<Zone>, ConfigError> {
        let mut names = BTreeSet::new();
        let mut zones = Vec::new();
        for table in tables {
            let span = Some(table.name.span());
            if zones.len() == MOST_ZONES {
                return Err(self.refuse(span, Problem::TooManyZones(MOST_ZONES)));
            }
            let zone = self.zone(table)?;
            if !names.insert(zone.name.clone()) {
                return Err(self.refuse(span, Problem::ZoneTwice(zone.name)));
            }
            zones.push(zone);
        }
        Ok(zones)
    }

    fn zone(&self, table: ZoneTable) -> Result<Zone, ConfigError> {
        let corners: Vec<Corner> =
            table.points.get_ref().iter().take(CORNERS.end() + 1).map(|[x, y]| (*x, *y)).collect();
        check_corners(&corners).map_err(|why| self.refuse(Some(table.points.span()), why))?;
        Ok(Zone {
            name: self.name(&table.name)?,
            kind: table.kind.map_or(Ok(ZoneKind::Watch), |kind| self.value(&kind, kind_of))?,
            corners,
            sensitivity: table.sensitivity.map(|n| self.checked(&n, sensitivity)).transpose()?,
            min_size: table.min_size.map(|n| self.checked(&n, min_size)).transpose()?.map(|percent| percent / 100.0),
            min_duration: table.min_duration.map_or(Ok(0.0), |n| self.checked(&n, min_duration))?,
        })
    }
}

/// Whether a camera may have these zones, as somebody sent them; what is wrong otherwise.
pub fn check_zones(zones: &[Zone]) -> Result<(), Problem> {
    if zones.len() > MOST_ZONES {
        return Err(Problem::TooManyZones(MOST_ZONES));
    }
    let mut names = BTreeSet::new();
    for zone in zones {
        let check = || {
            name(&zone.name)?;
            check_corners(&zone.corners)?;
            zone.sensitivity.map(sensitivity).transpose()?;
            zone.min_size.map(|share| min_size(share * 100.0)).transpose()?;
            min_duration(zone.min_duration).map(drop)
        };
        let short = || zone.name.chars().take(60).collect();
        check().map_err(|why| Problem::InZone { zone: short(), problem: Box::new(why) })?;
        if !names.insert(zone.name.trim()) {
            return Err(Problem::ZoneTwice(short()));
        }
    }
    Ok(())
}

pub fn sensitivity(n: u8) -> Result<u8, Problem> {
    if (1..=100).contains(&n) { Ok(n) } else { Err(between(1, 100)) }
}

fn min_size(percent: f32) -> Result<f32, Problem> {
    if (0.01..=100.0).contains(&percent) { Ok(percent) } else { Err(Problem::PercentOfPicture) }
}

fn min_duration(seconds: f32) -> Result<f32, Problem> {
    seconds_within(f64::from(seconds), 0.0, 60.0).map(|_| seconds)
}

fn kind_of(text: &str) -> Result<ZoneKind, Problem> {
    match text {
        "watch" => Ok(ZoneKind::Watch),
        "ignore" => Ok(ZoneKind::Ignore),
        "privacy" => Ok(ZoneKind::Privacy),
        _ => Err(Problem::OneOf("\"watch\", \"ignore\", \"privacy\"")),
    }
}

fn check_corners(corners: &[Corner]) -> Result<(), Problem> {
    if !CORNERS.contains(&corners.len()) {
        return Err(Problem::Corners { least: *CORNERS.start(), most: *CORNERS.end() });
    }
    // Not a number is in no range.
    if !corners.iter().all(|(x, y)| (0.0..=1.0).contains(x) && (0.0..=1.0).contains(y)) {
        return Err(Problem::CornersOutside);
    }
    if crosses_itself(corners) {
        return Err(Problem::EdgesCross);
    }
    Ok(())
}

/// The zones as they are written into the file.
pub(super) fn write_zones(camera: &mut Table, zones: &[Zone]) {
    if zones.is_empty() {
        camera.remove("zone");
        return;
    }
    let before = camera.get("zone").and_then(Item::as_array_of_tables).cloned().unwrap_or_default();
    let mut tables = ArrayOfTables::new();
    for zone in zones {
        // The one of that name keeps its comments.
        let same = |table: &&Table| table.get("name").and_then(Item::as_str) == Some(&zone.name);
        let mut table = before.iter().find(same).cloned().unwrap_or_default();
        table.set_position(None);
        write_zone(&mut table, zone);
        tables.push(table);
    }
    camera.insert("zone", Item::ArrayOfTables(tables));
}

fn write_zone(table: &mut Table, zone: &Zone) {
    let kind = match zone.kind {
        ZoneKind::Watch => "watch",
        ZoneKind::Ignore => "ignore",
        ZoneKind::Privacy => "privacy",
    };
    let mut points = Array::new();
    for (x, y) in &zone.corners {
        points.push(Array::from_iter([decimal(*x), decimal(*y)]));
    }
    let mut set = |key: &str, new: Option<toml_edit::Value>| match new {
        None => drop(table.remove(key)),
        Some(mut new) => {
            if let Some(old) = table.get(key).and_then(Item::as_value) {
                *new.decor_mut() = old.decor().clone();
            }
            table.insert(key, value(new));
        }
    };
    set("name", Some(zone.name.as_str().into()));
    set("kind", Some(kind.into()));
    set("points", Some(points.into()));
    set("sensitivity", zone.sensitivity.map(|n| i64::from(n).into()));
    set("min_size", zone.min_size.map(|share| decimal(share * 100.0).into()));
    set("min_duration", (zone.min_duration > 0.0).then(|| decimal(zone.min_duration).into()));
}

/// To four places, as a person would write it.
fn decimal(v: f32) -> f64 {
    (f64::from(v) * 1e4).round() / 1e4
}
