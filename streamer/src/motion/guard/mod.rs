//! What changes the whole picture without anything moving in it: light, the camera itself, what covers it. One file for
//! each cause; all of them compare the picture with that of the empty scene.

pub mod light;
pub mod shake;
pub mod view;
