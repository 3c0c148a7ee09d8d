//! What a camera does while somebody is at home.

use athome_shared::protocol::house::HouseMode;

/// What a camera does while somebody is at home.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AtHome {
    /// It can be watched, and records only when it is asked to.
    #[default]
    Live,
    /// It records as when nobody is there.
    Record,
    /// Its device is closed.
    Off,
}

impl AtHome {
    /// Whether its device is open in this mode of the house.
    pub fn open(self, mode: HouseMode) -> bool {
        match mode {
            HouseMode::Away => true,
            HouseMode::Home => self != Self::Off,
            HouseMode::Privacy => false,
        }
    }

    /// Whether it records by its rules in this mode of the house.
    pub fn records(self, mode: HouseMode) -> bool {
        mode == HouseMode::Away || (mode == HouseMode::Home && self == Self::Record)
    }
}

#[cfg(test)]
mod tests {
    use super::{AtHome, HouseMode};

    #[test]
    fn privacy_closes_every_camera_and_away_records_with_each() {
        for at_home in [AtHome::Live, AtHome::Record, AtHome::Off] {
            assert!(!at_home.open(HouseMode::Privacy) && !at_home.records(HouseMode::Privacy), "{at_home:?}");
            assert!(at_home.open(HouseMode::Away) && at_home.records(HouseMode::Away), "{at_home:?}");
        }
        let at_home = |what: AtHome| (what.open(HouseMode::Home), what.records(HouseMode::Home));
        assert_eq!(
            [AtHome::Live, AtHome::Record, AtHome::Off].map(at_home),
            [(true, false), (true, true), (false, false)]
        );
    }
}
