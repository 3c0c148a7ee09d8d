//! Which pictures of the past are made for a viewer: a few at a time, and of those that wait only the newest, because whoever
//! drags a finger along a strip wants no other any more. Pure.

/// Made at once.
const MOST: usize = 2;

/// A viewer's pictures; `T` says which one.
#[derive(Debug)]
pub(super) struct Pictures<T> {
    making: usize,
    waiting: Option<T>,
}

impl<T> Default for Pictures<T> {
    fn default() -> Self {
        Self { making: 0, waiting: None }
    }
}

/// What becomes of a wish.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn<T> {
    /// It is made now.
    Make(T),
    /// It waits; the one that waited before is given up.
    Wait(Option<T>),
}

impl<T> Pictures<T> {
    /// Somebody wants a picture.
    pub(super) fn handle_wish(&mut self, wish: T) -> Turn<T> {
        if self.making < MOST {
            self.making += 1;
            Turn::Make(wish)
        } else {
            Turn::Wait(self.waiting.replace(wish))
        }
    }

    /// One was made, or could not be; the next one to make.
    pub(super) fn handle_made(&mut self) -> Option<T> {
        let next = self.waiting.take();
        if next.is_none() {
            self.making = self.making.saturating_sub(1);
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::{Pictures, Turn};

    #[test]
    fn of_those_that_wait_only_the_newest_is_made() {
        let mut pictures = Pictures::default();
        assert_eq!(pictures.handle_wish(1), Turn::Make(1));
        assert_eq!(pictures.handle_wish(2), Turn::Make(2));
        assert_eq!(pictures.handle_wish(3), Turn::Wait(None));
        assert_eq!(pictures.handle_wish(4), Turn::Wait(Some(3)));
        assert_eq!(pictures.handle_made(), Some(4));
        assert_eq!(pictures.handle_wish(5), Turn::Wait(None), "two are being made");
        assert_eq!((pictures.handle_made(), pictures.handle_made()), (Some(5), None));
        assert_eq!(pictures.handle_wish(6), Turn::Make(6));
    }
}
