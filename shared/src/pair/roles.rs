//! The one table of who may do what. Every way in (data channel, local HTTP, command line) asks [`allowed`], and a new
//! command does not compile before it has a row here.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::protocol::control::Role;

/// What somebody asks a streamer to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// See a camera live.
    Watch,
    /// Hear it.
    Listen,
    /// Take a still of what is live.
    Snapshot,
    /// See and fetch what was recorded.
    LookBack,
    /// Start and stop recording.
    Record,
    /// Keep or delete what was recorded.
    ManageRecordings,
    /// Give one's own device another name.
    RenameSelf,
    /// Make an invitation.
    Invite,
    /// List devices and invitations.
    Viewers,
    /// Rename another's device.
    RenameViewer,
    /// Remove a device.
    Revoke,
    /// Add, change or remove a camera.
    CameraSettings,
    /// Say how the house is watched over: home, away or privacy.
    SetMode,
}

impl Command {
    /// Every command.
    pub const ALL: [Self; 13] = [
        Self::Watch,
        Self::Listen,
        Self::Snapshot,
        Self::LookBack,
        Self::Record,
        Self::ManageRecordings,
        Self::RenameSelf,
        Self::Invite,
        Self::Viewers,
        Self::RenameViewer,
        Self::Revoke,
        Self::CameraSettings,
        Self::SetMode,
    ];
}

/// How a command came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// From a paired viewer, over the control channel.
    DataChannel,
    /// Over the loopback API, with its bearer token.
    LocalHttp,
    /// From the terminal that runs the streamer, or its subcommands.
    CommandLine,
}

/// Whether `roles` may give `command` by this way.
///
/// Whoever holds the data folder (its bearer token, the streamer's terminal) manages it already, so the local ways have
/// every role. They have no device of their own, so what is about one's own device is not theirs.
pub fn allowed(command: Command, roles: &Roles, way: Way) -> bool {
    let needed = match command {
        Command::Watch | Command::Listen | Command::Snapshot => Role::View,
        Command::LookBack => Role::Playback,
        Command::RenameSelf => match way {
            Way::DataChannel => Role::View,
            Way::LocalHttp | Way::CommandLine => return false,
        },
        Command::Record | Command::ManageRecordings => Role::Admin,
        Command::Invite
        | Command::Viewers
        | Command::RenameViewer
        | Command::Revoke
        | Command::CameraSettings
        | Command::SetMode => Role::Admin,
    };
    match way {
        Way::LocalHttp | Way::CommandLine => true,
        Way::DataChannel => roles.has(needed),
    }
}

/// A set of roles; in JSON a list.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Roles(u8);

impl Roles {
    /// No role: may do nothing.
    pub const NONE: Self = Self(0);
    const ALL_ROLES: [Role; 4] = [Role::View, Role::Talk, Role::Playback, Role::Admin];

    /// The roles of a list, in whatever order.
    pub fn of(roles: &[Role]) -> Self {
        Self(roles.iter().fold(0, |bits, &role| bits | bit(role)))
    }

    /// Every role: the owner's.
    pub fn owner() -> Self {
        Self::of(&Self::ALL_ROLES)
    }

    /// What a guest gets.
    pub fn guest() -> Self {
        Self::of(&[Role::View])
    }

    /// Whether the set holds a role. An administrator talks and looks back as well.
    pub fn has(self, role: Role) -> bool {
        self.0 & bit(role) != 0 || self.0 & bit(Role::Admin) != 0
    }

    /// The set as a list, in the order of [`Role`].
    pub fn list(self) -> Vec<Role> {
        Self::ALL_ROLES.into_iter().filter(|&role| self.0 & bit(role) != 0).collect()
    }

    /// What a newcomer gets of the roles that an invitation gives. A page that came over plain http may have been
    /// altered on its way, so it gets view and playback at most.
    pub fn grant(self, insecure_page: bool) -> Self {
        if !insecure_page {
            return self;
        }
        let mut granted = Self::NONE;
        for role in [Role::View, Role::Playback] {
            if self.has(role) {
                granted.0 |= bit(role);
            }
        }
        granted
    }

    /// As stored; bits that no role has are dropped.
    pub fn from_bits(bits: u8) -> Self {
        Self(bits & Self::owner().0)
    }

    /// For storing.
    pub fn bits(self) -> u8 {
        self.0
    }
}

/// The bits are stored: never renumber them.
fn bit(role: Role) -> u8 {
    match role {
        Role::View => 1,
        Role::Talk => 2,
        Role::Playback => 4,
        Role::Admin => 8,
    }
}

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.list()).finish()
    }
}

impl Serialize for Roles {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.list().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Roles {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<Role>::deserialize(deserializer).map(|list| Self::of(&list))
    }
}

#[cfg(test)]
mod tests {
    use super::{Command, Roles, Way, allowed};
    use crate::protocol::control::Role;

    /// The table as a person would write it: which single role suffices over the data channel.
    fn suffices(command: Command, role: Role) -> bool {
        match command {
            Command::Watch | Command::Listen | Command::Snapshot | Command::RenameSelf => {
                matches!(role, Role::View | Role::Admin)
            }
            Command::LookBack => matches!(role, Role::Playback | Role::Admin),
            Command::Record | Command::ManageRecordings => role == Role::Admin,
            Command::Invite
            | Command::Viewers
            | Command::RenameViewer
            | Command::Revoke
            | Command::CameraSettings
            | Command::SetMode => role == Role::Admin,
        }
    }

    #[test]
    fn the_table_holds_for_every_command_role_and_way() {
        for command in Command::ALL {
            assert!(!allowed(command, &Roles::NONE, Way::DataChannel), "{command:?} without a role");
            for role in [Role::View, Role::Talk, Role::Playback, Role::Admin] {
                let roles = Roles::of(&[role]);
                assert_eq!(
                    allowed(command, &roles, Way::DataChannel),
                    suffices(command, role),
                    "{command:?} as {role:?}"
                );
            }
            for way in [Way::LocalHttp, Way::CommandLine] {
                let own_device = command == Command::RenameSelf;
                assert_eq!(allowed(command, &Roles::NONE, way), !own_device, "{command:?} by {way:?}");
            }
        }
    }

    #[test]
    fn every_command_is_in_the_list_once() {
        let mut seen = std::collections::BTreeSet::new();
        assert!(Command::ALL.iter().all(|c| seen.insert(format!("{c:?}"))));
    }

    #[test]
    fn a_page_over_http_gets_view_and_playback_at_most() {
        assert_eq!(Roles::owner().grant(false), Roles::owner());
        assert_eq!(Roles::owner().grant(true).list(), [Role::View, Role::Playback]);
        assert_eq!(Roles::guest().grant(true).list(), [Role::View]);
        assert_eq!(Roles::of(&[Role::Talk]).grant(true), Roles::NONE);
        assert!(!allowed(Command::Invite, &Roles::owner().grant(true), Way::DataChannel));
    }

    #[test]
    fn roles_travel_as_a_list() {
        let roles = Roles::of(&[Role::Admin, Role::View]);
        assert_eq!(serde_json::to_string(&roles).unwrap(), r#"["view","admin"]"#);
        assert_eq!(serde_json::from_str::<Roles>(r#"["admin","view","view"]"#).unwrap(), roles);
        assert!(serde_json::from_str::<Roles>(r#"["root"]"#).is_err());
        assert_eq!(Roles::from_bits(0xff), Roles::owner());
    }
}
