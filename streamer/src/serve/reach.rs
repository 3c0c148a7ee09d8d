//! What people are told about a signaling server: that it takes us, that it stopped, and why it never did; each once, since
//! every try of a link that is down fails anew. Pure.

use crate::events::Outage;

/// One server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    up: bool,
    told: Option<Outage>,
}

impl Reach {
    /// We are registered there.
    pub fn up(self) -> bool {
        self.up
    }

    /// It took us. True if that is news.
    pub fn joined(&mut self) -> bool {
        self.told = None;
        !std::mem::replace(&mut self.up, true)
    }

    /// It is gone, or did not answer. What to tell, if it is news.
    pub fn failed(&mut self) -> Option<Outage> {
        self.tell(if self.up { Outage::Lost } else { Outage::Unreachable })
    }

    /// It does not take us. What to tell, if it is news.
    pub fn refused(&mut self) -> Option<Outage> {
        self.tell(Outage::Refused)
    }

    /// Another took our place. What to tell, if it is news.
    pub fn replaced(&mut self) -> Option<Outage> {
        self.tell(Outage::Replaced)
    }

    /// A cause that somebody can do something about is news beside one that time may cure, never the other way round.
    fn tell(&mut self, why: Outage) -> Option<Outage> {
        self.up = false;
        let news = match (self.told, why) {
            (None, _) => true,
            (Some(told), Outage::Refused | Outage::Replaced) => told != why,
            (Some(_), Outage::Lost | Outage::Unreachable) => false,
        };
        news.then(|| {
            self.told = Some(why);
            why
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Outage, Reach};

    #[test]
    fn a_server_that_never_answers_is_mentioned_once() {
        let mut reach = Reach::default();
        assert_eq!(reach.failed(), Some(Outage::Unreachable));
        assert_eq!([(); 5].map(|()| reach.failed()), [None; 5]);
        assert!(!reach.up());
        // Control: after it was there it is mentioned again, as lost.
        assert!(reach.joined() && reach.up() && !reach.joined());
        assert_eq!((reach.failed(), reach.failed()), (Some(Outage::Lost), None));
    }

    #[test]
    fn a_refusal_is_news_even_while_nothing_answered_and_is_not_forgotten_by_another_silence() {
        let mut reach = Reach::default();
        assert_eq!(reach.failed(), Some(Outage::Unreachable));
        assert_eq!(reach.refused(), Some(Outage::Refused));
        assert_eq!([reach.failed(), reach.refused(), reach.failed()], [None; 3]);
        assert_eq!((reach.replaced(), reach.replaced()), (Some(Outage::Replaced), None));
    }
}
