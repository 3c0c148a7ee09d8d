//! What was recorded and what was not.

use super::Ms;

/// One stretch that was recorded; `to` is the newest moment known where it still goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub from: Ms,
    pub to: Ms,
}

/// Nobody sees a pause this short, and files follow one another with less.
pub const SEAM: Ms = 1_000;

/// Stretches in order, joined where one follows another at once.
pub fn joined(spans: impl IntoIterator<Item = Span>) -> Vec<Span> {
    let mut all: Vec<Span> = spans.into_iter().collect();
    all.sort_by_key(|span| span.from);
    let mut found: Vec<Span> = Vec::new();
    for span in all {
        match found.last_mut() {
            Some(last) if span.from <= last.to + SEAM => last.to = last.to.max(span.to),
            Some(_) | None => found.push(span),
        }
    }
    found
}

/// The stretch that holds `at`, in spans in order.
pub fn span_at(spans: &[Span], at: Ms) -> Option<Span> {
    let after = spans.partition_point(|span| span.from <= at);
    let found = spans.get(after.checked_sub(1)?)?;
    (at < found.to).then_some(*found)
}

/// The nearest moment that was recorded, preferring what comes next.
pub fn snapped(spans: &[Span], at: Ms) -> Option<Ms> {
    if span_at(spans, at).is_some() {
        return Some(at);
    }
    let next = spans.iter().find(|span| span.from > at).map(|span| span.from);
    next.or_else(|| spans.last().map(|last| last.from.max(last.to - SEAM)))
}
