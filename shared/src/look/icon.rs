//! Icons and status shapes, drawn with the painter on a grid of 24 with a stroke of 2, in the manner of Lucide and of
//! our own drawing. A shape alone never says everything: a word or a name stands beside it.

use egui::emath::RectTransform;
use egui::{Color32, Painter, Pos2, Rect, Shape, Stroke, pos2};

/// What an icon stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Icon {
    Add,
    Back10,
    Bell,
    BellOff,
    Calendar,
    Camera,
    Check,
    Close,
    Copy,
    EventNext,
    EventPrev,
    Folder,
    FullScreen,
    FullScreenOff,
    Grid,
    Help,
    Large,
    List,
    Minus,
    More,
    Move,
    On10,
    Pause,
    Pencil,
    Play,
    Record,
    Retry,
    Settings,
    Sidebar,
    Snapshot,
    SoundOff,
    SoundOn,
    Stats,
    Stop,
    Strip,
    Trash,
    ZoomIn,
    ZoomOut,
}

impl Icon {
    pub const ALL: [Self; 38] = [
        Self::Add,
        Self::Back10,
        Self::Bell,
        Self::BellOff,
        Self::Calendar,
        Self::Camera,
        Self::Check,
        Self::Close,
        Self::Copy,
        Self::EventNext,
        Self::EventPrev,
        Self::Folder,
        Self::FullScreen,
        Self::FullScreenOff,
        Self::Grid,
        Self::Help,
        Self::Large,
        Self::List,
        Self::Minus,
        Self::More,
        Self::Move,
        Self::On10,
        Self::Pause,
        Self::Pencil,
        Self::Play,
        Self::Record,
        Self::Retry,
        Self::Settings,
        Self::Sidebar,
        Self::Snapshot,
        Self::SoundOff,
        Self::SoundOn,
        Self::Stats,
        Self::Stop,
        Self::Strip,
        Self::Trash,
        Self::ZoomIn,
        Self::ZoomOut,
    ];

    /// Draws it into a square.
    pub fn paint(self, painter: &Painter, rect: Rect, colour: Color32) {
        painter.extend(self.strokes().into_iter().map(|part| part.shape(rect, colour)));
    }

    /// The drawing as elements of an SVG on the grid of 24 by 24.
    pub fn svg(self, colour: &str) -> String {
        let lines = self.strokes().into_iter().map(|part| part.svg(colour));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// On a grid of 24 by 24, y downwards.
    fn strokes(self) -> Vec<Part> {
        use Part::{Dot, Line, Loop, Ring};
        let line = |points: &[(f32, f32)]| Line(points.to_vec());
        let closed = |points: &[(f32, f32)]| Loop(points.to_vec());
        match self {
            Self::Add => vec![line(&[(12.0, 5.0), (12.0, 19.0)]), line(&[(5.0, 12.0), (19.0, 12.0)])],
            Self::Back10 => {
                vec![line(&[(11.0, 5.5), (4.5, 12.0), (11.0, 18.5)]), line(&[(19.0, 5.5), (12.5, 12.0), (19.0, 18.5)])]
            }
            Self::Bell => bell(),
            Self::BellOff => [bell(), vec![line(&[(3.0, 3.0), (21.0, 21.0)])]].concat(),
            Self::Calendar => vec![
                closed(&[(3.5, 5.0), (20.5, 5.0), (20.5, 20.5), (3.5, 20.5)]),
                line(&[(3.5, 10.0), (20.5, 10.0)]),
                line(&[(8.0, 2.5), (8.0, 7.0)]),
                line(&[(16.0, 2.5), (16.0, 7.0)]),
            ],
            Self::Camera => vec![
                closed(&[(2.0, 7.0), (15.0, 7.0), (15.0, 18.0), (2.0, 18.0)]),
                line(&[(15.0, 11.0), (22.0, 7.5), (22.0, 17.5), (15.0, 14.0)]),
            ],
            Self::Check => vec![line(&[(4.0, 12.5), (9.5, 18.0), (20.0, 6.5)])],
            Self::Close => vec![line(&[(6.0, 6.0), (18.0, 18.0)]), line(&[(18.0, 6.0), (6.0, 18.0)])],
            Self::Copy => vec![
                closed(&[(9.0, 9.0), (21.0, 9.0), (21.0, 21.0), (9.0, 21.0)]),
                line(&[(5.0, 15.0), (3.0, 15.0), (3.0, 3.0), (15.0, 3.0), (15.0, 5.0)]),
            ],
            Self::EventNext => {
                vec![line(&[(19.5, 4.5), (19.5, 19.5)]), closed(&[(5.0, 4.5), (15.5, 12.0), (5.0, 19.5)])]
            }
            Self::EventPrev => {
                vec![line(&[(4.5, 4.5), (4.5, 19.5)]), closed(&[(19.0, 4.5), (8.5, 12.0), (19.0, 19.5)])]
            }
            Self::Folder => {
                vec![closed(&[(3.0, 5.0), (9.0, 5.0), (11.5, 8.0), (21.0, 8.0), (21.0, 19.0), (3.0, 19.0)])]
            }
            Self::FullScreen => vec![
                line(&[(3.0, 8.5), (3.0, 3.0), (8.5, 3.0)]),
                line(&[(15.5, 3.0), (21.0, 3.0), (21.0, 8.5)]),
                line(&[(21.0, 15.5), (21.0, 21.0), (15.5, 21.0)]),
                line(&[(8.5, 21.0), (3.0, 21.0), (3.0, 15.5)]),
            ],
            Self::FullScreenOff => vec![
                line(&[(8.5, 3.0), (8.5, 8.5), (3.0, 8.5)]),
                line(&[(21.0, 8.5), (15.5, 8.5), (15.5, 3.0)]),
                line(&[(15.5, 21.0), (15.5, 15.5), (21.0, 15.5)]),
                line(&[(3.0, 15.5), (8.5, 15.5), (8.5, 21.0)]),
            ],
            Self::Grid => {
                let square = |x: f32, y: f32| closed(&[(x, y), (x + 7.0, y), (x + 7.0, y + 7.0), (x, y + 7.0)]);
                vec![square(3.0, 3.0), square(14.0, 3.0), square(3.0, 14.0), square(14.0, 14.0)]
            }
            Self::Help => vec![
                Ring((12.0, 12.0), 9.5),
                line(&[(9.2, 9.5), (10.2, 7.4), (12.6, 6.8), (14.6, 8.4), (14.2, 10.6), (12.0, 12.2), (12.0, 13.8)]),
                Dot((12.0, 17.2), 1.3),
            ],
            Self::Large => vec![
                closed(&[(3.0, 4.0), (21.0, 4.0), (21.0, 20.0), (3.0, 20.0)]),
                closed(&[(6.5, 7.5), (17.5, 7.5), (17.5, 16.5), (6.5, 16.5)]),
            ],
            Self::List => {
                let rows = [6.0, 12.0, 18.0];
                rows.iter().flat_map(|y| [Dot((4.0, *y), 1.6), line(&[(9.0, *y), (21.0, *y)])]).collect()
            }
            Self::Minus => vec![line(&[(5.0, 12.0), (19.0, 12.0)])],
            Self::More => vec![Dot((5.0, 12.0), 1.6), Dot((12.0, 12.0), 1.6), Dot((19.0, 12.0), 1.6)],
            Self::Move => vec![
                line(&[(12.0, 2.5), (12.0, 21.5)]),
                line(&[(2.5, 12.0), (21.5, 12.0)]),
                line(&[(9.2, 5.3), (12.0, 2.5), (14.8, 5.3)]),
                line(&[(9.2, 18.7), (12.0, 21.5), (14.8, 18.7)]),
                line(&[(5.3, 9.2), (2.5, 12.0), (5.3, 14.8)]),
                line(&[(18.7, 9.2), (21.5, 12.0), (18.7, 14.8)]),
            ],
            Self::On10 => {
                vec![line(&[(5.0, 5.5), (11.5, 12.0), (5.0, 18.5)]), line(&[(13.0, 5.5), (19.5, 12.0), (13.0, 18.5)])]
            }
            Self::Pause => vec![line(&[(8.0, 5.0), (8.0, 19.0)]), line(&[(16.0, 5.0), (16.0, 19.0)])],
            Self::Pencil => vec![
                closed(&[(3.5, 20.5), (4.5, 15.5), (16.5, 3.5), (20.5, 7.5), (8.5, 19.5)]),
                line(&[(13.5, 6.5), (17.5, 10.5)]),
            ],
            Self::Play => vec![closed(&[(7.0, 4.5), (19.5, 12.0), (7.0, 19.5)])],
            Self::Record => vec![Ring((12.0, 12.0), 9.5), Dot((12.0, 12.0), 4.5)],
            Self::Retry => {
                vec![Line(arc((12.0, 12.0), 8.5, -40.0, 250.0)), line(&[(20.5, 2.5), (19.5, 7.5), (14.5, 6.5)])]
            }
            Self::Settings => vec![
                line(&[(3.0, 6.0), (21.0, 6.0)]),
                line(&[(3.0, 12.0), (21.0, 12.0)]),
                line(&[(3.0, 18.0), (21.0, 18.0)]),
                Dot((8.0, 6.0), 2.8),
                Dot((16.0, 12.0), 2.8),
                Dot((10.0, 18.0), 2.8),
            ],
            Self::Sidebar => {
                vec![closed(&[(3.0, 4.0), (21.0, 4.0), (21.0, 20.0), (3.0, 20.0)]), line(&[(9.0, 4.0), (9.0, 20.0)])]
            }
            Self::Snapshot => vec![
                closed(&[
                    (2.5, 7.0),
                    (7.0, 7.0),
                    (9.0, 4.0),
                    (15.0, 4.0),
                    (17.0, 7.0),
                    (21.5, 7.0),
                    (21.5, 20.0),
                    (2.5, 20.0),
                ]),
                Ring((12.0, 13.0), 3.8),
            ],
            Self::SoundOff => {
                let mut parts = speaker();
                parts.extend([line(&[(16.0, 9.0), (22.0, 15.0)]), line(&[(22.0, 9.0), (16.0, 15.0)])]);
                parts
            }
            Self::SoundOn => {
                let mut parts = speaker();
                parts.extend([Line(arc((12.0, 12.0), 4.5, -40.0, 40.0)), Line(arc((12.0, 12.0), 8.5, -42.0, 42.0))]);
                parts
            }
            Self::Stats => vec![
                line(&[(4.0, 20.0), (4.0, 13.0)]),
                line(&[(9.5, 20.0), (9.5, 4.0)]),
                line(&[(15.0, 20.0), (15.0, 9.0)]),
                line(&[(20.5, 20.0), (20.5, 15.0)]),
            ],
            Self::Stop => vec![Ring((12.0, 12.0), 9.5), closed(&[(9.0, 9.0), (15.0, 9.0), (15.0, 15.0), (9.0, 15.0)])],
            Self::Strip => vec![
                line(&[(2.5, 17.0), (21.5, 17.0)]),
                line(&[(5.5, 17.0), (5.5, 12.5)]),
                line(&[(18.5, 17.0), (18.5, 12.5)]),
                line(&[(12.0, 4.0), (12.0, 20.5)]),
                line(&[(9.5, 4.0), (14.5, 4.0)]),
            ],
            Self::Trash => vec![
                line(&[(3.5, 6.0), (20.5, 6.0)]),
                line(&[(5.5, 6.0), (6.5, 21.0), (17.5, 21.0), (18.5, 6.0)]),
                line(&[(8.5, 6.0), (8.5, 3.0), (15.5, 3.0), (15.5, 6.0)]),
                line(&[(10.0, 10.5), (10.0, 17.0)]),
                line(&[(14.0, 10.5), (14.0, 17.0)]),
            ],
            Self::ZoomIn => vec![
                Ring((11.0, 11.0), 8.0),
                line(&[(16.7, 16.7), (21.5, 21.5)]),
                line(&[(8.0, 11.0), (14.0, 11.0)]),
                line(&[(11.0, 8.0), (11.0, 14.0)]),
            ],
            Self::ZoomOut => {
                vec![Ring((11.0, 11.0), 8.0), line(&[(16.7, 16.7), (21.5, 21.5)]), line(&[(8.0, 11.0), (14.0, 11.0)])]
            }
        }
    }
}

fn speaker() -> Vec<Part> {
    vec![Part::Loop(vec![(2.5, 9.0), (6.5, 9.0), (11.5, 5.0), (11.5, 19.0), (6.5, 15.0), (2.5, 15.0)])]
}

/// How something is. The shapes differ without their colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// ●
    Live,
    /// ◐
    Motion,
    /// ■ in a ring
    Recording,
    /// ‖
    Paused,
    /// ↻
    Reconnecting,
    /// ▲
    Trouble,
    /// A clock: what is shown is past.
    Past,
}

impl Status {
    pub const ALL: [Self; 7] =
        [Self::Live, Self::Motion, Self::Recording, Self::Paused, Self::Reconnecting, Self::Trouble, Self::Past];

    /// Draws it into a square.
    pub fn paint(self, painter: &Painter, rect: Rect, colour: Color32) {
        painter.extend(self.parts().into_iter().map(|part| part.shape(rect, colour)));
    }

    fn parts(self) -> Vec<Part> {
        use Part::{Dot, Fill, Line, Ring};
        match self {
            Self::Live => vec![Dot((12.0, 12.0), 7.0)],
            Self::Motion => {
                vec![Ring((12.0, 12.0), 8.0), Fill(arc((12.0, 12.0), 8.0, 90.0, 270.0))]
            }
            Self::Recording => {
                vec![Ring((12.0, 12.0), 10.0), Fill(vec![(8.0, 8.0), (16.0, 8.0), (16.0, 16.0), (8.0, 16.0)])]
            }
            Self::Paused => vec![
                Fill(vec![(6.0, 5.0), (10.0, 5.0), (10.0, 19.0), (6.0, 19.0)]),
                Fill(vec![(14.0, 5.0), (18.0, 5.0), (18.0, 19.0), (14.0, 19.0)]),
            ],
            Self::Reconnecting => {
                vec![Line(arc((12.0, 12.0), 8.0, -40.0, 250.0)), Line(vec![(20.5, 2.5), (19.5, 7.5), (14.5, 6.5)])]
            }
            Self::Trouble => vec![Fill(vec![(12.0, 3.0), (22.0, 21.0), (2.0, 21.0)])],
            Self::Past => vec![Ring((12.0, 12.0), 9.0), Line(vec![(12.0, 6.0), (12.0, 12.0), (16.5, 14.5)])],
        }
    }
}

/// A piece of a drawing, on the grid of 24.
#[derive(Clone, Debug, PartialEq)]
enum Part {
    Line(Vec<(f32, f32)>),
    Loop(Vec<(f32, f32)>),
    Ring((f32, f32), f32),
    Dot((f32, f32), f32),
    /// A convex area.
    Fill(Vec<(f32, f32)>),
}

impl Part {
    fn shape(self, rect: Rect, colour: Color32) -> Shape {
        let grid = Rect::from_min_max(Pos2::ZERO, pos2(24.0, 24.0));
        let square = Rect::from_center_size(rect.center(), egui::Vec2::splat(rect.width().min(rect.height())));
        let to = RectTransform::from_to(grid, square);
        let scale = square.width() / 24.0;
        // Two units of the grid, and never thinner than can be seen.
        let stroke = Stroke::new((2.0 * scale).max(1.2), colour);
        let points = |points: Vec<(f32, f32)>| points.into_iter().map(|(x, y)| to * pos2(x, y)).collect();
        match self {
            Self::Line(line) => Shape::line(points(line), stroke),
            Self::Loop(line) => Shape::closed_line(points(line), stroke),
            Self::Ring((x, y), radius) => Shape::circle_stroke(to * pos2(x, y), radius * scale, stroke),
            Self::Dot((x, y), radius) => Shape::circle_filled(to * pos2(x, y), radius * scale, colour),
            Self::Fill(area) => Shape::convex_polygon(points(area), colour, Stroke::NONE),
        }
    }
}

impl Part {
    fn svg(self, colour: &str) -> String {
        let stroke = format!(
            "fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-linecap=\"round\" stroke-linejoin=\"round\""
        );
        let points =
            |points: &[(f32, f32)]| points.iter().map(|(x, y)| format!("{x},{y}")).collect::<Vec<_>>().join(" ");
        match self {
            Self::Line(line) => format!("<polyline points=\"{}\" {stroke}/>", points(&line)),
            Self::Loop(line) => format!("<polygon points=\"{}\" {stroke}/>", points(&line)),
            Self::Ring((x, y), r) => format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{r}\" {stroke}/>"),
            Self::Dot((x, y), r) => format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{r}\" fill=\"{colour}\"/>"),
            Self::Fill(area) => format!("<polygon points=\"{}\" fill=\"{colour}\"/>", points(&area)),
        }
    }
}

/// A bell with its clapper.
fn bell() -> Vec<Part> {
    let body = [(4.0, 17.0), (6.0, 14.5), (6.0, 9.5), (8.0, 5.5), (12.0, 3.8), (16.0, 5.5), (18.0, 9.5), (18.0, 14.5)];
    vec![
        Part::Loop(body.into_iter().chain([(20.0, 17.0)]).collect()),
        Part::Line(vec![(10.0, 20.0), (12.0, 21.0), (14.0, 20.0)]),
    ]
}

/// Points on a circle, in degrees clockwise from the right.
fn arc((x, y): (f32, f32), radius: f32, from: f32, to: f32) -> Vec<(f32, f32)> {
    const STEPS: u8 = 20;
    (0..=STEPS)
        .map(|step| {
            let angle = (from + (to - from) * f32::from(step) / f32::from(STEPS)).to_radians();
            (x + radius * angle.cos(), y + radius * angle.sin())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Icon, Part, Status};

    fn points(part: &Part) -> Vec<(f32, f32)> {
        match part {
            Part::Line(points) | Part::Loop(points) | Part::Fill(points) => points.clone(),
            Part::Ring((x, y), r) | Part::Dot((x, y), r) => vec![(x - r, y - r), (x + r, y + r)],
        }
    }

    #[test]
    fn every_drawing_stays_on_its_grid_and_no_two_are_alike() {
        let icons = Icon::ALL.map(Icon::strokes);
        let shapes = Status::ALL.map(Status::parts);
        let all: Vec<&Vec<Part>> = icons.iter().chain(&shapes).collect();
        for (at, drawing) in all.iter().enumerate() {
            assert!(!drawing.is_empty());
            for (x, y) in drawing.iter().flat_map(points) {
                assert!((1.0..=23.0).contains(&x) && (1.0..=23.0).contains(&y), "drawing {at}: {x}, {y}");
            }
            assert!(!all[..at].contains(drawing), "drawing {at} is there twice");
        }
    }
}
