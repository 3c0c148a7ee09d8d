use std::time::Duration;

use athome_shared::pair::keys::{pair_mailbox, psk_pair};
use athome_shared::pair::roles::Roles;
use athome_shared::protocol::control::Role;
use athome_shared::protocol::wire::{PairHello, Why};
use athome_shared::time::WallTime;
use tempfile::TempDir;

use super::{Enrolment, Invite, TrustError, TrustStore, Viewer, ViewerState};

const NOON: WallTime = WallTime(1_800_000_000_000_000);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);
const ANNA: [u8; 32] = [1; 32];
const BEN: [u8; 32] = [2; 32];

fn store() -> (TempDir, TrustStore) {
    let dir = tempfile::tempdir().unwrap();
    let store = TrustStore::open(&dir.path().join("data")).unwrap();
    (dir, store)
}

fn later(by: Duration) -> WallTime {
    WallTime(NOON.0 + by.as_micros() as i64)
}

fn invite(store: &TrustStore, at: WallTime) -> Invite {
    store.new_invite(at, Roles::owner(), 10 * MINUTE, 1).unwrap().0
}

fn hello(device: &str) -> PairHello {
    PairHello { v: 1, device: device.into(), platform: "web".into(), insecure: false }
}

fn enrol(store: &TrustStore, at: WallTime, invite: &Invite, v_pub: &[u8; 32], device: &str) -> Enrolment {
    store.enrol(at, invite.pair_mailbox, v_pub, &hello(device)).unwrap()
}

fn welcome(enrolment: Enrolment) -> Viewer {
    match enrolment {
        Enrolment::Welcome(viewer) => *viewer,
        Enrolment::Refused(refused) => panic!("refused: {refused:?}"),
    }
}

fn why(enrolment: Enrolment) -> (Why, Option<String>) {
    match enrolment {
        Enrolment::Refused(refused) => (refused.why, refused.who),
        Enrolment::Welcome(_) => panic!("welcomed"),
    }
}

#[test]
fn the_identity_is_made_once() {
    let (dir, store) = store();
    let first = store.identity().unwrap();
    store.rename_place(" Maison\u{202e} ").unwrap();
    drop(store);
    let again = TrustStore::open(&dir.path().join("data")).unwrap().identity().unwrap();
    assert_eq!(first.keys.public(), again.keys.public());
    assert_eq!(first.mailbox_key.public(), again.mailbox_key.public());
    assert_eq!((first.place.as_str(), again.place.as_str()), ("Home", "Maison"));
}

#[cfg(unix)]
#[test]
fn nobody_else_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, store) = store();
    invite(&store, NOON);
    let folder = dir.path().join("data");
    assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let mut names = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let entry = entry.unwrap();
        names.push(entry.file_name().into_string().unwrap());
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{names:?}");
    }
    assert!(names.len() >= 2, "the journal beside the database was looked at too: {names:?}");

    drop(store);
    let file = folder.join("trust.db");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    TrustStore::open(&folder).unwrap();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "a file left open is closed");
}

#[test]
fn an_invitation_holds_what_the_link_gives_but_not_its_secret() {
    let (dir, store) = store();
    let (invite, secret) = store.new_invite(NOON, Roles::owner(), 10 * MINUTE, 1).unwrap();
    assert_eq!(invite.pair_mailbox, pair_mailbox(&secret));
    assert_eq!(invite.psk, psk_pair(&secret, store.identity().unwrap().keys.public()));
    assert_eq!(store.invites().unwrap(), [invite]);
    for name in ["trust.db", "trust.db-wal"] {
        let bytes = std::fs::read(dir.path().join("data").join(name)).unwrap();
        assert!(!bytes.windows(16).any(|w| w == secret.expose()), "the secret is in {name}");
    }
}

#[test]
fn a_device_is_enrolled_once_and_confirmed() {
    let (_dir, store) = store();
    let invite = invite(&store, NOON);
    let before = store.roster().unwrap().epoch();
    let viewer = welcome(enrol(&store, NOON, &invite, &ANNA, "Anna's phone\u{7}"));
    assert_eq!(
        (viewer.label.as_str(), viewer.state, viewer.roles),
        ("Anna's phone", ViewerState::Pending, Roles::owner())
    );
    assert!(store.roster().unwrap().epoch() > before);
    assert!(store.confirm(&ANNA).unwrap());
    assert!(!store.confirm(&ANNA).unwrap(), "once is enough");
    assert!(!store.confirm(&BEN).unwrap());
    let roster = store.roster().unwrap();
    assert_eq!(roster.viewer(&ANNA).unwrap().state, ViewerState::Valid);
    let used = roster.invite(invite.pair_mailbox).unwrap();
    assert_eq!((used.uses_left, used.used_by.as_deref()), (0, Some("Anna's phone")));
    assert!(!used.open(NOON));
}

#[test]
fn the_same_device_gets_the_same_keys_again_and_another_is_told_who_came_first() {
    let (_dir, store) = store();
    let invite = invite(&store, NOON);
    let first = welcome(enrol(&store, NOON, &invite, &ANNA, "Anna's phone"));
    store.confirm(&ANNA).unwrap();
    let again = welcome(enrol(&store, later(MINUTE), &invite, &ANNA, "another name"));
    assert_eq!((&again.psk, &again.cap, &again.label), (&first.psk, &first.cap, &first.label));
    assert_eq!(again.state, ViewerState::Valid);
    let refused = enrol(&store, later(MINUTE), &invite, &BEN, "Ben's phone");
    assert_eq!(why(refused), (Why::Used, Some("Anna's phone".into())));
    let refused = enrol(&store, later(11 * MINUTE), &invite, &ANNA, "Anna's phone");
    assert_eq!(why(refused).0, Why::Used, "after its time not even the same device");
    assert_eq!(store.viewers().unwrap().len(), 1);
}

#[test]
fn late_comers_are_told_so() {
    let (_dir, store) = store();
    let (invite, _) = store.new_invite(NOON, Roles::owner(), 10 * MINUTE, 2).unwrap();
    welcome(enrol(&store, NOON, &invite, &ANNA, "a"));
    assert_eq!(why(enrol(&store, later(10 * MINUTE), &invite, &BEN, "b")), (Why::Expired, None));
    let withdrawn = super::tests::invite(&store, NOON);
    assert!(store.withdraw(later(MINUTE), withdrawn.pair_mailbox).unwrap());
    assert_eq!(why(enrol(&store, later(MINUTE), &withdrawn, &BEN, "b")), (Why::Expired, None));
    store.prune(later(DAY + 11 * MINUTE)).unwrap();
    assert_eq!(store.invites().unwrap(), []);
    assert_eq!(why(enrol(&store, later(2 * DAY), &invite, &BEN, "b")), (Why::Expired, None));
}

#[test]
fn a_revoked_key_comes_back_only_with_an_invitation_made_afterwards() {
    let (_dir, store) = store();
    let (first, held_back) = (invite(&store, NOON), invite(&store, NOON));
    let viewer = welcome(enrol(&store, NOON, &first, &ANNA, "Anna's phone"));
    store.revoke(later(MINUTE), &ANNA).unwrap();
    assert_eq!(why(enrol(&store, later(2 * MINUTE), &first, &ANNA, "x")).0, Why::Revoked, "a replay");
    assert_eq!(why(enrol(&store, later(2 * MINUTE), &held_back, &ANNA, "x")).0, Why::Revoked, "an older invitation");
    assert!(!store.confirm(&ANNA).unwrap());
    assert!(matches!(store.rename(&ANNA, "y"), Err(TrustError::UnknownViewer)));
    assert_eq!(store.roster().unwrap().viewer(&ANNA).unwrap().psk, viewer.psk, "kept, to tell it");

    let new = invite(&store, later(3 * MINUTE));
    let back = welcome(enrol(&store, later(3 * MINUTE), &new, &ANNA, "Anna's phone"));
    assert_eq!(back.state, ViewerState::Pending);
    assert_ne!((back.psk, back.cap), (viewer.psk, viewer.cap));
}

#[test]
fn a_paired_device_with_another_invitation_keeps_its_keys_and_gains_roles() {
    let (_dir, store) = store();
    let (guest, _) = store.new_guest_invite(NOON, 10 * MINUTE, DAY).unwrap();
    let first = welcome(enrol(&store, NOON, &guest, &ANNA, "Anna's phone"));
    assert_eq!((first.roles, first.expires), (Roles::guest(), Some(later(DAY))));
    let again = welcome(enrol(&store, NOON, &invite(&store, NOON), &ANNA, "x"));
    assert_eq!((&again.psk, again.roles, again.expires), (&first.psk, Roles::owner(), None));

    let (guest, _) = store.new_guest_invite(NOON, 10 * MINUTE, DAY).unwrap();
    let owner = welcome(enrol(&store, NOON, &guest, &ANNA, "x"));
    assert_eq!((owner.roles, owner.expires), (Roles::owner(), None), "and never loses by it");
}

#[test]
fn a_page_over_http_is_granted_view_and_playback() {
    let (_dir, store) = store();
    let invite = invite(&store, NOON);
    let hello = PairHello { insecure: true, ..hello("Anna's phone") };
    let viewer = welcome(store.enrol(NOON, invite.pair_mailbox, &ANNA, &hello).unwrap());
    assert_eq!(viewer.roles.list(), [Role::View, Role::Playback]);
}

#[test]
fn pruning_forgets_what_nobody_asks_about() {
    let (_dir, store) = store();
    for (key, device) in [(ANNA, "pending"), (BEN, "removed"), ([3; 32], "stays")] {
        welcome(enrol(&store, NOON, &invite(&store, NOON), &key, device));
    }
    store.confirm(&BEN).unwrap();
    store.confirm(&[3; 32]).unwrap();
    store.revoke(NOON, &BEN).unwrap();
    let labels =
        |store: &TrustStore| -> Vec<String> { store.viewers().unwrap().into_iter().map(|v| v.label).collect() };
    store.prune(later(DAY)).unwrap();
    assert_eq!(labels(&store), ["removed", "stays"]);
    store.prune(later(30 * DAY)).unwrap();
    assert_eq!(labels(&store), ["stays"]);
}

#[test]
fn open_invitations_are_bounded_and_spent_ones_make_room() {
    let (_dir, store) = store();
    let spent = invite(&store, NOON);
    welcome(enrol(&store, NOON, &spent, &ANNA, "a"));
    for _ in 0..16 {
        invite(&store, later(MINUTE));
    }
    assert_eq!(store.roster().unwrap().invite(spent.pair_mailbox), None);
    assert!(matches!(store.new_invite(later(MINUTE), Roles::owner(), MINUTE, 1), Err(TrustError::TooManyInvites(16))));
    assert_eq!(store.roster().unwrap().pair_mailboxes().len(), 16);
    invite(&store, later(12 * MINUTE));
}

#[test]
fn what_was_not_committed_when_the_power_went_never_happened() {
    let (dir, store) = store();
    let invite = invite(&store, NOON);
    // What the disk holds at this instant, as another start would find it.
    let crashed = |name: &str| {
        let copy = dir.path().join(name);
        std::fs::create_dir(&copy).unwrap();
        for file in ["trust.db", "trust.db-wal"] {
            std::fs::copy(dir.path().join("data").join(file), copy.join(file)).unwrap();
        }
        TrustStore::open(&copy).unwrap()
    };
    let in_the_middle = store.write(|tx| {
        tx.execute("UPDATE invites SET uses_left = uses_left - 1", [])?;
        let after_crash = crashed("middle");
        assert_eq!(after_crash.invites().unwrap()[0].uses_left, 1);
        assert_eq!(after_crash.viewers().unwrap(), []);
        Err::<(), _>(TrustError::EmptyLabel)
    });
    assert!(in_the_middle.is_err());
    assert_eq!(store.invites().unwrap()[0].uses_left, 1, "and a failed change leaves nothing");

    let viewer = welcome(enrol(&store, NOON, &invite, &ANNA, "a"));
    let after_crash = crashed("after");
    assert_eq!(after_crash.viewers().unwrap(), [viewer]);
    assert_eq!(after_crash.invites().unwrap()[0].uses_left, 0);
}

#[test]
fn a_newer_or_damaged_file_is_refused_in_words() {
    let (dir, store) = store();
    drop(store);
    let folder = dir.path().join("data");
    let db = rusqlite::Connection::open(folder.join("trust.db")).unwrap();
    db.execute("UPDATE identity SET s = x'00'", []).unwrap();
    let damaged = TrustStore::open(&folder).unwrap().identity().unwrap_err();
    assert!(damaged.to_string().contains("restore trust.db"), "{damaged}");
    db.pragma_update(None, "user_version", 9).unwrap();
    let newer = TrustStore::open(&folder).unwrap_err();
    assert!(newer.to_string().contains("update this program"), "{newer}");
    drop(db);
    for name in ["trust.db-wal", "trust.db-shm"] {
        let _ = std::fs::remove_file(folder.join(name));
    }
    std::fs::write(folder.join("trust.db"), [0x55; 4096]).unwrap();
    assert!(matches!(TrustStore::open(&folder), Err(TrustError::Sqlite(_))));
}

#[test]
fn touch_and_rename_are_kept_and_debug_shows_no_keys() {
    let (_dir, store) = store();
    let viewer = welcome(enrol(&store, NOON, &invite(&store, NOON), &ANNA, "a"));
    store.touch(later(MINUTE), &ANNA).unwrap();
    assert_eq!(store.rename(&ANNA, " Kitchen tablet ").unwrap(), "Kitchen tablet");
    assert!(matches!(store.rename(&ANNA, "\u{202e}"), Err(TrustError::EmptyLabel)));
    assert!(matches!(store.rename(&BEN, "b"), Err(TrustError::UnknownViewer)));
    assert!(matches!(store.revoke(NOON, &BEN), Err(TrustError::UnknownViewer)));
    let kept = store.viewers().unwrap().remove(0);
    assert_eq!((kept.label.as_str(), kept.last_seen), ("Kitchen tablet", Some(later(MINUTE))));
    assert_eq!(kept.id(), viewer.id());
    assert!(format!("{kept:?}").contains("psk: Secret(…)"));
}
