//! The look that AtHome's windows share: colours, sizes, icons, and how ages and figures are written. No widget and no
//! state of a program belongs here.

pub mod app_icon;
pub mod fmt;
pub mod icon;
pub mod theme;
