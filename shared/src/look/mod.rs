//! The look that AtHome's windows share: colours, sizes, icons, the controls that panels are made of, what stands on a
//! picture, and how ages and figures are written. No state of a program belongs here.

pub mod app_icon;
pub mod control;
pub mod fmt;
pub mod freshness;
pub mod icon;
pub mod picture;
pub mod theme;
