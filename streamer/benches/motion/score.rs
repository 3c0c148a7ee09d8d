//! What was found against what is known.

/// Slack at the borders of what is known, in seconds: it is known by the second.
const SLACK: f32 = 1.0;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Score {
    pub(crate) events: u32,
    pub(crate) found: u32,
    pub(crate) alarms: u32,
    pub(crate) right: u32,
    pub(crate) seconds: [u32; 4],
    pub(crate) empty_s: f32,
    /// Alarms that begin in an empty span.
    pub(crate) false_on_empty: u32,
}

impl Score {
    /// `alarms` are begin and end in seconds; nothing is judged before `from`.
    pub(crate) fn of(alarms: &[[f32; 2]], events: &[[f32; 2]], empty: &[[f32; 2]], from: f32) -> Self {
        let mut score = Self::default();
        let overlaps = |a: &[f32; 2], b: &[f32; 2], slack: f32| a[0] < b[1] + slack && b[0] < a[1] + slack;
        for event in events.iter().filter(|event| event[1] > from) {
            score.events += 1;
            score.found += u32::from(alarms.iter().any(|alarm| overlaps(alarm, event, 0.0)));
        }
        for alarm in alarms {
            score.alarms += 1;
            score.right += u32::from(events.iter().any(|event| overlaps(alarm, event, SLACK)));
            score.false_on_empty += u32::from(empty.iter().any(|span| (span[0]..span[1]).contains(&alarm[0])));
        }
        score.empty_s = empty.iter().map(|span| (span[1] - span[0].max(from)).max(0.0)).sum();
        for (spans, base) in [(events, 0), (empty, 2)] {
            for span in spans {
                let mut at = span[0].max(from).ceil();
                while at + 1.0 <= span[1] {
                    let hit = alarms.iter().any(|alarm| overlaps(alarm, &[at, at + 1.0], 0.0));
                    score.seconds[base + usize::from(!hit)] += 1;
                    at += 1.0;
                }
            }
        }
        score
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.found += other.found;
        self.alarms += other.alarms;
        self.right += other.right;
        self.empty_s += other.empty_s;
        self.false_on_empty += other.false_on_empty;
        for (a, b) in self.seconds.iter_mut().zip(other.seconds) {
            *a += b;
        }
    }

    pub(crate) fn recall(&self) -> f32 {
        share(self.found, self.events)
    }

    pub(crate) fn precision(&self) -> f32 {
        share(self.right, self.alarms)
    }

    /// Precision, recall, F1 by the second.
    pub(crate) fn by_second(&self) -> [f32; 3] {
        let [hit, missed, wrong, _] = self.seconds;
        let (p, r) = (share(hit, hit + wrong), share(hit, hit + missed));
        [p, r, if p + r > 0.0 { 2.0 * p * r / (p + r) } else { 0.0 }]
    }
}

/// One where there is nothing to miss.
fn share(a: u32, of: u32) -> f32 {
    if of == 0 { 1.0 } else { a as f32 / of as f32 }
}
