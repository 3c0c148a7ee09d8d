//! What a person does with the strip, and what has to be done for it.

use crate::past::Ms;
use crate::past::marks::Way;
use crate::past::player::Speed;
use crate::past::scrub::Ask;
use crate::past::spans::Span;

/// What a person does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wish {
    /// To a moment; plays on if it is to, or if it did where that is not said.
    Seek {
        at: Ms,
        play: Option<bool>,
    },
    /// By so much, over what was not recorded in one step.
    Step(Ms),
    /// One picture.
    Frame(Way),
    /// To the event before or after.
    Event(Way),
    /// From a little before this event.
    PlayEvent(i64),
    /// The oldest recording that is known.
    Oldest,
    /// Plays or stands.
    Toggle,
    Pause,
    Speed(Speed),
    /// The keys J and L.
    Shuttle(Way),
    Live,
    /// The strip is taken hold of, stands somewhere else, is let go.
    Grab,
    Drag(Ms),
    Release,
    /// Shows this much time.
    Span(f64),
}

/// What has to be done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Act {
    /// Ask what was recorded.
    List(Span),
    /// Ask for a picture.
    Picture(Ask),
    /// Begin a film: the picture at `from`, and on from there if it plays. Ends the one before.
    Film { turn: u64, from: Ms, playing: bool, speed: f64 },
    /// Of the film that there is.
    Go { playing: bool, speed: f64 },
    /// End the film; its last picture stays where it is.
    Cut,
    /// The camera went from live to the past, or back: what is received changes.
    Received,
}

/// What a film tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// A picture captured at this moment is on the screen.
    Shown(Ms),
    /// What lies between was not recorded.
    Skipped {
        from: Ms,
        to: Ms,
    },
    /// There is no more.
    Ended,
    Failed,
}

/// Why a question about the past has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// The connection ended; it is asked again.
    Lost,
    /// The streamer would not, or its answer can't be read.
    Refused,
}
