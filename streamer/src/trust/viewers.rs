//! Paired devices: enrolled by an invitation, confirmed, renamed, revoked.

use std::time::Duration;

use athome_shared::id::MailboxId;
use athome_shared::pair::keys::random_secret;
use athome_shared::pair::roles::Roles;
use athome_shared::protocol::wire::{PairHello, Refused, Why};
use athome_shared::secret::Secret;
use athome_shared::time::WallTime;
use rusqlite::{Connection, OptionalExtension, Row, Transaction};

use super::invites::{self, Terms, after, micros};
use super::label::label;
use super::roster::{Viewer, ViewerKey, ViewerState};
use super::store::{TrustError, TrustStore};

/// A pairing that was answered and never confirmed is forgotten after this.
const PENDING_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// A removed device, or a guest whose access ended, is told so for this long.
const FAREWELL: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Devices at most, removed ones not counted: a server takes 256 capabilities, and the rest is for the removed.
const MAX_VIEWERS: u32 = 200;

const COLUMNS: &str = "v_pub, label, roles, state, cap, psk, created, last_seen, expires";

/// What became of a device that came with an invitation.
#[derive(Clone, Debug, PartialEq)]
pub enum Enrolment {
    /// It is in; its keys are in the row. Boxed, as the other is small.
    Welcome(Box<Viewer>),
    /// It is not, and is told why.
    Refused(Refused),
}

impl TrustStore {
    /// Enrols a device that proved an invitation's secret and its own key `v_pub`, in one transaction: the row and the
    /// invitation's use are both on the disk when this returns, or neither is.
    ///
    /// The same device may come again with the same invitation within its time (its answer was lost) and gets the same
    /// keys: a replay can't change them under the real device. Another device is told who used the invitation.
    /// A revoked key comes in again only with an invitation made after it was revoked: whatever was recorded or held back
    /// before then stays worthless.
    pub fn enrol(
        &self,
        now: WallTime,
        pair_mailbox: MailboxId,
        v_pub: &ViewerKey,
        hello: &PairHello,
    ) -> Result<Enrolment, TrustError> {
        let fresh = Keys { cap: random_secret(&self.rng)?, psk: random_secret(&self.rng)? };
        self.write(|tx| enrol(tx, now, pair_mailbox, v_pub, hello, fresh))
    }

    /// The device showed that it holds its keys. Does nothing to a revoked one; `false` where there was nothing to do.
    pub fn confirm(&self, v_pub: &ViewerKey) -> Result<bool, TrustError> {
        self.write(|tx| {
            let sql = "UPDATE viewers SET state = ?2 WHERE v_pub = ?1 AND state = ?3";
            Ok(tx.execute(sql, (v_pub, code(ViewerState::Valid), code(ViewerState::Pending)))? > 0)
        })
    }

    /// Every device in the order in which they came, removed ones included.
    pub fn viewers(&self) -> Result<Vec<Viewer>, TrustError> {
        all(&self.db())
    }

    /// Gives a device another name, and returns the name as it is shown.
    pub fn rename(&self, v_pub: &ViewerKey, name: &str) -> Result<String, TrustError> {
        let name = label(name).ok_or(TrustError::EmptyLabel)?;
        self.write(|tx| {
            let sql = "UPDATE viewers SET label = ?2 WHERE v_pub = ?1 AND state != ?3";
            let renamed = tx.execute(sql, (v_pub, &name, code(ViewerState::Revoked)))?;
            if renamed == 0 { Err(TrustError::UnknownViewer) } else { Ok(()) }
        })?;
        Ok(name)
    }

    /// Removes a device. Its key stays known for a while, see [`ViewerState::Revoked`].
    pub fn revoke(&self, now: WallTime, v_pub: &ViewerKey) -> Result<(), TrustError> {
        self.write(|tx| {
            let sql = "UPDATE viewers SET state = ?2, revoked = coalesce(revoked, ?3) WHERE v_pub = ?1";
            let revoked = tx.execute(sql, (v_pub, code(ViewerState::Revoked), now.0))?;
            if revoked == 0 { Err(TrustError::UnknownViewer) } else { Ok(()) }
        })
    }

    /// Notes that a device watches now. It changes nothing that others decide by, so the roster's epoch stays.
    pub fn touch(&self, now: WallTime, v_pub: &ViewerKey) -> Result<(), TrustError> {
        self.db().execute("UPDATE viewers SET last_seen = ?2 WHERE v_pub = ?1", (v_pub, now.0))?;
        Ok(())
    }

    /// Forgets what nobody asks about any more: old invitations, pairings never confirmed, and devices that were removed or
    /// whose guest access ended a month ago.
    pub fn prune(&self, now: WallTime) -> Result<(), TrustError> {
        let before = |life: Duration| now.0.saturating_sub(micros(life));
        self.write(|tx| {
            invites::prune(tx, now)?;
            tx.execute(
                "DELETE FROM viewers WHERE (state = ?1 AND created <= ?2) OR revoked <= ?3 OR expires <= ?3",
                (code(ViewerState::Pending), before(PENDING_LIFE), before(FAREWELL)),
            )?;
            Ok(())
        })
    }
}

struct Keys {
    cap: Secret<16>,
    psk: Secret<32>,
}

fn enrol(
    tx: &Transaction<'_>,
    now: WallTime,
    mailbox: MailboxId,
    v_pub: &ViewerKey,
    hello: &PairHello,
    fresh: Keys,
) -> Result<Enrolment, TrustError> {
    let refused = |why, who| Ok(Enrolment::Refused(Refused { why, who, count: None, retry_s: None }));
    let Some(Terms { invite, access }) = invites::terms(tx, mailbox)? else { return refused(Why::Expired, None) };
    let known = match one(tx, v_pub)? {
        Some(known) if known.viewer.state == ViewerState::Revoked => {
            if known.revoked.is_none_or(|at| invite.created <= at) {
                return refused(Why::Revoked, None);
            }
            None
        }
        Some(known) if known.through == mailbox && now < invite.expires => {
            return Ok(Enrolment::Welcome(Box::new(known.viewer)));
        }
        known => known.map(|k| k.viewer),
    };
    if invite.uses_left == 0 {
        return refused(Why::Used, invite.used_by);
    }
    if now >= invite.expires {
        return refused(Why::Expired, None);
    }

    let granted = invite.roles.grant(hello.insecure);
    let expires = access.map(|access| after(now, access));
    let viewer = match known {
        // A paired device with another invitation keeps its keys and name, and never has less than before.
        Some(viewer) if !viewer.expired(now) => {
            let roles = Roles::from_bits(viewer.roles.bits() | granted.bits());
            let expires = viewer.expires.zip(expires).map(|(a, b)| a.max(b));
            Viewer { roles, expires, ..viewer }
        }
        Some(viewer) => Viewer { roles: granted, expires, ..viewer },
        None => {
            let sql = "SELECT count(*) FROM viewers WHERE state != ?1";
            let held: u32 = tx.query_row(sql, [code(ViewerState::Revoked)], |row| row.get(0))?;
            if held >= MAX_VIEWERS {
                return refused(Why::Busy, None);
            }
            Viewer {
                v_pub: *v_pub,
                label: label(&hello.device).or_else(|| label(&hello.platform)).unwrap_or_else(|| "?".to_owned()),
                roles: granted,
                state: ViewerState::Pending,
                cap: fresh.cap,
                psk: fresh.psk,
                created: now,
                last_seen: None,
                expires,
            }
        }
    };
    insert(tx, &viewer, mailbox)?;
    tx.execute(
        "UPDATE invites SET uses_left = uses_left - 1, used_by = ?2 WHERE pair_mailbox = ?1",
        (&mailbox.0, &viewer.label),
    )?;
    Ok(Enrolment::Welcome(Box::new(viewer)))
}

fn insert(tx: &Transaction<'_>, viewer: &Viewer, through: MailboxId) -> Result<(), TrustError> {
    tx.execute(
        &format!("INSERT OR REPLACE INTO viewers ({COLUMNS}, invite) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"),
        (
            &viewer.v_pub,
            &viewer.label,
            viewer.roles.bits(),
            code(viewer.state),
            viewer.cap.expose(),
            viewer.psk.expose(),
            viewer.created.0,
            viewer.last_seen.map(|t| t.0),
            viewer.expires.map(|t| t.0),
            &through.0,
        ),
    )?;
    Ok(())
}

pub(super) fn all(db: &Connection) -> Result<Vec<Viewer>, TrustError> {
    let mut statement = db.prepare(&format!("SELECT {COLUMNS} FROM viewers ORDER BY created, v_pub"))?;
    let rows = statement.query_map([], read)?;
    rows.map(|row| row?).collect()
}

/// A viewer's row, with what only an enrolment asks.
struct Known {
    viewer: Viewer,
    /// The invitation through which it came last.
    through: MailboxId,
    revoked: Option<WallTime>,
}

fn one(tx: &Transaction<'_>, v_pub: &ViewerKey) -> Result<Option<Known>, TrustError> {
    let sql = format!("SELECT {COLUMNS}, invite, revoked FROM viewers WHERE v_pub = ?1");
    let row = |row: &Row<'_>| Ok((read(row)?, row.get::<_, Vec<u8>>(9)?, row.get::<_, Option<i64>>(10)?));
    let Some((viewer, through, revoked)) = tx.query_row(&sql, [v_pub], row).optional()? else { return Ok(None) };
    let through = through.try_into().map_err(|_| TrustError::Damaged("a viewer"))?;
    Ok(Some(Known { viewer: viewer?, through: MailboxId(through), revoked: revoked.map(WallTime) }))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Result<Viewer, TrustError>> {
    let (v_pub, cap, psk): (Vec<u8>, Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(4)?, row.get(5)?);
    let state = match row.get(3)? {
        0 => Some(ViewerState::Pending),
        1 => Some(ViewerState::Valid),
        2 => Some(ViewerState::Revoked),
        _ => None,
    };
    let (Ok(v_pub), Some(cap), Some(psk), Some(state)) =
        (v_pub.try_into(), Secret::from_slice(&cap), Secret::from_slice(&psk), state)
    else {
        return Ok(Err(TrustError::Damaged("a viewer")));
    };
    Ok(Ok(Viewer {
        v_pub,
        label: row.get(1)?,
        roles: Roles::from_bits(row.get(2)?),
        state,
        cap,
        psk,
        created: WallTime(row.get(6)?),
        last_seen: row.get::<_, Option<i64>>(7)?.map(WallTime),
        expires: row.get::<_, Option<i64>>(8)?.map(WallTime),
    }))
}

/// The number that stands for a state in the file.
fn code(state: ViewerState) -> u8 {
    match state {
        ViewerState::Pending => 0,
        ViewerState::Valid => 1,
        ViewerState::Revoked => 2,
    }
}
