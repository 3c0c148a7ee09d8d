//! When people are told that messages did not open. Pure.

/// One or two may be a damaged link or a device with old keys; from here on somebody should know.
const FIRST: u64 = 3;
/// Told again at so many times the last count: whoever makes them can't fill a screen with it.
const AGAIN: u64 = 10;

/// Told at 3, 30, 300 and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alarm {
    next: u64,
}

impl Default for Alarm {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl Alarm {
    /// `count` so far. True if that is to be told.
    pub fn rings(&mut self, count: u64) -> bool {
        let rings = count >= self.next;
        while self.next <= count {
            self.next = self.next.saturating_mul(AGAIN);
            if self.next == u64::MAX {
                break;
            }
        }
        rings
    }
}

#[cfg(test)]
mod tests {
    use super::Alarm;

    #[test]
    fn it_rings_at_the_third_and_then_ever_more_rarely() {
        let mut alarm = Alarm::default();
        let rung: Vec<u64> = (0..=1_000).filter(|&count| alarm.rings(count)).collect();
        assert_eq!(rung, [3, 30, 300]);
        assert!(!alarm.rings(1_000) && alarm.rings(500_000) && !alarm.rings(500_000), "a jump rings once");
        assert!(alarm.rings(u64::MAX));
    }
}
