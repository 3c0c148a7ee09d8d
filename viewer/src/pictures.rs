//! Plays places into the window: pictures to the wall. Sound is decoded and left out, and nothing can be recorded here.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::controller::Media;
use crate::play::audio::{Sound, SoundSink};
use crate::play::player::Player;
use crate::play::times::Figures;
use crate::session::MediaSink;
use crate::session::client::Requests;
use crate::settings::CameraKey;
use crate::store::PlaceId;
use crate::ui::wall::Wall;

/// Pictures without sound.
pub struct Pictures(pub Arc<Wall>);

impl Media for Pictures {
    fn sink(&self, place: PlaceId, requests: Requests) -> Box<dyn MediaSink> {
        let screen = self.0.screen(place, requests.offset().clone());
        Box::new(Player::new(screen, Arc::new(Silence), requests))
    }

    fn hear(&self, _camera: Option<(CameraKey, f32)>) {}

    fn record(&self, _camera: &CameraKey, _file: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn stop_recording(&self, _camera: &CameraKey) -> io::Result<()> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn figures(&self, camera: &CameraKey) -> Option<Figures> {
        self.0.times().figures(camera)
    }

    fn forget(&self, place: PlaceId) {
        self.0.forget(place);
    }
}

struct Silence;

impl SoundSink for Silence {
    fn sound(&self, _sound: &Sound<'_>) {}
}
