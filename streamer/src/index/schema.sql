-- Times are Unix microseconds. Segments can be made again from the recordings (not why they were made); a pin is a file beside them. Events can't.
CREATE TABLE segments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    camera TEXT NOT NULL,
    -- from the folder of recordings
    file TEXT NOT NULL UNIQUE,
    began INTEGER NOT NULL, ended INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    why TEXT NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL, sound INTEGER NOT NULL,
    kept INTEGER NOT NULL DEFAULT 0,
    -- the clock was to be believed when it was recorded: only then has it an age
    dated INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE INDEX segments_by_camera ON segments (camera, began);
CREATE INDEX segments_by_time ON segments (began);

-- Files that are to be removed, and no others are.
CREATE TABLE garbage (file TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    camera TEXT NOT NULL,
    kind TEXT NOT NULL,
    began INTEGER NOT NULL, ended INTEGER,
    peak REAL NOT NULL DEFAULT 0,
    -- a JSON list of names
    zones TEXT NOT NULL DEFAULT '[]'
) STRICT;
CREATE INDEX events_by_camera ON events (camera, began);

CREATE TABLE facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
