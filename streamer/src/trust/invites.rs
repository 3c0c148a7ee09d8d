//! Invitations: made here, used up by an enrolment.

use std::time::Duration;

use athome_shared::id::MailboxId;
use athome_shared::pair::keys::{pair_mailbox, psk_pair, random_secret};
use athome_shared::pair::roles::Roles;
use athome_shared::secret::Secret;
use athome_shared::time::WallTime;
use rusqlite::{Connection, OptionalExtension, Row, Transaction};

use super::roster::{Invite, MAX_INVITES};
use super::store::{TrustError, TrustStore};

/// How long a used or expired invitation still answers those who come late.
const AFTERLIFE: Duration = Duration::from_secs(24 * 60 * 60);

const COLUMNS: &str = "pair_mailbox, psk, roles, created, expires, uses_left, used_by";

impl TrustStore {
    /// A new invitation for `uses` devices within `ttl`, each of which gets `roles` for good. The secret goes into the
    /// link and is kept nowhere.
    pub fn new_invite(
        &self,
        now: WallTime,
        roles: Roles,
        ttl: Duration,
        uses: u32,
    ) -> Result<(Invite, Secret<16>), TrustError> {
        self.invite(now, roles, ttl, uses, None)
    }

    /// A new invitation for one guest, to be used within `ttl`, for `access` from then on.
    pub fn new_guest_invite(
        &self,
        now: WallTime,
        ttl: Duration,
        access: Duration,
    ) -> Result<(Invite, Secret<16>), TrustError> {
        self.invite(now, Roles::guest(), ttl, 1, Some(access))
    }

    fn invite(
        &self,
        now: WallTime,
        roles: Roles,
        ttl: Duration,
        uses: u32,
        access: Option<Duration>,
    ) -> Result<(Invite, Secret<16>), TrustError> {
        let s_pub = *self.identity()?.keys.public();
        let secret = random_secret(&self.rng)?;
        let invite = Invite {
            pair_mailbox: pair_mailbox(&secret),
            psk: psk_pair(&secret, &s_pub),
            roles,
            created: now,
            expires: after(now, ttl),
            uses_left: uses,
            used_by: None,
        };
        self.write(|tx| {
            make_room(tx, now)?;
            tx.execute(
                "INSERT INTO invites (pair_mailbox, psk, roles, created, expires, access_us, uses_left)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                (
                    &invite.pair_mailbox.0,
                    invite.psk.expose(),
                    invite.roles.bits(),
                    now.0,
                    invite.expires.0,
                    access.map(micros),
                    uses,
                ),
            )?;
            Ok(())
        })?;
        Ok((invite, secret))
    }

    /// Every invitation, open or not, the newest first.
    pub fn invites(&self) -> Result<Vec<Invite>, TrustError> {
        all(&self.db())
    }

    /// Ends an invitation before its time; `false` where there is none. Who comes with it later is told that it expired.
    pub fn withdraw(&self, now: WallTime, mailbox: MailboxId) -> Result<bool, TrustError> {
        self.write(|tx| {
            let ended = tx.execute(
                "UPDATE invites SET expires = ?2 WHERE pair_mailbox = ?1 AND expires > ?2",
                (&mailbox.0, now.0),
            )?;
            Ok(ended > 0)
        })
    }
}

/// What an enrolment needs of an invitation.
pub(super) struct Terms {
    pub(super) invite: Invite,
    /// How long a guest's access lasts.
    pub(super) access: Option<Duration>,
}

pub(super) fn terms(tx: &Transaction<'_>, mailbox: MailboxId) -> Result<Option<Terms>, TrustError> {
    let sql = format!("SELECT {COLUMNS}, access_us FROM invites WHERE pair_mailbox = ?1");
    let found = tx.query_row(&sql, [&mailbox.0], |row| Ok((read(row)?, row.get::<_, Option<i64>>(7)?))).optional()?;
    let Some((invite, access)) = found else { return Ok(None) };
    let access = access.map(|us| Duration::from_micros(us.unsigned_abs()));
    Ok(Some(Terms { invite: invite?, access }))
}

pub(super) fn all(db: &Connection) -> Result<Vec<Invite>, TrustError> {
    let mut statement = db.prepare(&format!("SELECT {COLUMNS} FROM invites ORDER BY created DESC"))?;
    let rows = statement.query_map([], read)?;
    rows.map(|row| row?).collect()
}

pub(super) fn prune(tx: &Transaction<'_>, now: WallTime) -> Result<(), TrustError> {
    tx.execute("DELETE FROM invites WHERE expires <= ?1", [now.0.saturating_sub(micros(AFTERLIFE))])?;
    Ok(())
}

/// Keeps the invitations within what a server takes: those that can't be used any more go first, the oldest before others.
fn make_room(tx: &Transaction<'_>, now: WallTime) -> Result<(), TrustError> {
    prune(tx, now)?;
    let dead = "SELECT pair_mailbox FROM invites WHERE uses_left = 0 OR expires <= ?1 ORDER BY created LIMIT ?2";
    let held: usize = tx.query_row("SELECT count(*) FROM invites", [], |row| row.get::<_, u32>(0))? as usize;
    let surplus = (held + 1).saturating_sub(MAX_INVITES);
    let freed = tx.execute(&format!("DELETE FROM invites WHERE pair_mailbox IN ({dead})"), (now.0, surplus as u32))?;
    if freed < surplus { Err(TrustError::TooManyInvites(held)) } else { Ok(()) }
}

/// A time that is `later` than another.
pub(super) fn after(now: WallTime, later: Duration) -> WallTime {
    WallTime(now.0.saturating_add(micros(later)))
}

pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Result<Invite, TrustError>> {
    let (mailbox, psk): (Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?);
    let (Ok(mailbox), Some(psk)) = (mailbox.try_into(), Secret::from_slice(&psk)) else {
        return Ok(Err(TrustError::Damaged("an invitation")));
    };
    Ok(Ok(Invite {
        pair_mailbox: MailboxId(mailbox),
        psk,
        roles: Roles::from_bits(row.get(2)?),
        created: WallTime(row.get(3)?),
        expires: WallTime(row.get(4)?),
        uses_left: row.get(5)?,
        used_by: row.get(6)?,
    }))
}
