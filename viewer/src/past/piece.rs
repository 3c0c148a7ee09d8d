//! A piece to take along: from where to where, how long and how large it will be.

use super::Ms;
use super::known::Clip;
use super::marks::Mark;
use super::spans::Span;

/// A piece whose ends are being chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    pub from: Option<Ms>,
    pub to: Option<Ms>,
}

/// Shorter is no film.
const SHORTEST: Ms = 1_000;
/// A whole event takes this much before and after along.
const AROUND: Ms = 5_000;

impl Ends {
    /// "Start here": an end that is not after it goes.
    #[must_use]
    pub fn start_at(self, at: Ms) -> Self {
        Self { from: Some(at), to: self.to.filter(|to| to - at >= SHORTEST) }
    }

    /// "End here": a start that is not before it goes.
    #[must_use]
    pub fn end_at(self, at: Ms) -> Self {
        Self { from: self.from.filter(|from| at - from >= SHORTEST), to: Some(at) }
    }

    /// Both.
    pub fn whole(self) -> Option<Span> {
        Some(Span { from: self.from?, to: self.to? })
    }
}

/// All of an event.
pub fn of_event(event: &Mark, now: Ms) -> Ends {
    Ends { from: Some(event.from - AROUND), to: Some(now.min(event.to.unwrap_or(now) + AROUND)) }
}

fn common(a: Span, b: Span) -> Ms {
    (a.to.min(b.to) - a.from.max(b.from)).max(0)
}

/// How much of the piece was recorded: gaps are closed up in the file.
pub fn length(piece: Span, spans: &[Span]) -> Ms {
    spans.iter().map(|span| common(*span, piece)).sum()
}

/// About how many bytes, from what the files that it is cut from weigh.
pub fn bytes(piece: Span, files: &[Clip]) -> u64 {
    let of = |file: &Clip| {
        let all = (file.to - file.from).max(1) as f64;
        (file.bytes as f64 * common(file.span(), piece) as f64 / all) as u64
    };
    files.iter().map(of).sum()
}
